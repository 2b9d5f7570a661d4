/* Any bytes as a graph of paths. What is read has at least one path; else an error is one line. */
#include <string.h>

#include "common/eval/path_graph.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gpt_config config = {
		.layers = 2, .heads = 2, .width = 4, .context = 4, .vocab = 3};
	struct err err = {0};
	int count, fd = -1;
	struct patch_edge *edges = patch_edges(&config, NULL, NULL, &count, &err);
	bool *kept = calloc((size_t)count, sizeof *kept), any = false;
	const char *path = hold(&fd, (const char *)data, size);

	EXPECT(edges && kept);
	if (path_graph_read(path, &config, edges, count, kept, &err) < 0) {
		check_error(&err);
	} else {
		for (int i = 0; i < count; i++)
			any |= kept[i];
		EXPECT(any);
	}
	free(kept);
	free(edges);
	close(fd);
	return 0;
}
