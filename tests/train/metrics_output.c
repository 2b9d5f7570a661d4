/* metrics_output.c - a file of metrics stays one stream, wherever a run was killed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/train/metrics_output.h"
#include "tests/tap.h"

static char path[] = "/tmp/memoscope.XXXXXX";
static json_t *header;

/* The steps from first to last as one run writes them. -1: it failed. */
static int run(int64_t after, int first, int last, struct metrics_output *output, struct err *err)
{
	if (metrics_output_open(output, path, after, first <= last, header, err) < 0)
		return -1;
	for (int step = first; step <= last; step++)
		if (metrics_output_write(output, json_pack("{s:i,s:s}", "step", step, "loss", "high"),
		                         err) < 0)
			return -1;
	return metrics_output_end(output, err);
}

/* The steps in the file, as "1 2 3 "; or what is wrong with it. */
static const char *steps(char text[500])
{
	struct err err = {0};
	struct stream_reader *reader = stream_open(path, NULL, &err);
	struct stream_record record;
	int more = -1;
	size_t used = 0;

	text[0] = '\0';
	while (reader && (more = stream_next(reader, &record, &err)) > 0)
		used += (size_t)snprintf(text + used, 500 - used, "%d ",
		                         (int)record.map->via.map.ptr[0].val.via.u64);
	if (more < 0)
		snprintf(text, 500, "%s", err.text);
	stream_close(reader);
	return text;
}

static size_t load(char bytes[4096])
{
	const int fd = open(path, O_RDONLY);
	const ssize_t size = read(fd, bytes, 4096);

	close(fd);
	return size < 0 ? 0 : (size_t)size;
}

static void store(const char *bytes, size_t size)
{
	const int fd = open(path, O_WRONLY | O_TRUNC);

	if (write(fd, bytes, size) != (ssize_t)size)
		printf("# cannot write\n");
	close(fd);
}

/* Three runs of one training: steps 1 to 3, 4 to 6, 7 to 9. */
static size_t three_runs(char bytes[4096], size_t begin[3])
{
	struct metrics_output output;
	struct err err = {0};
	char text[500];

	for (int i = 0; i < 3; i++) {
		begin[i] = i == 0 ? 0 : load(bytes);
		ok(run(i == 0 ? -1 : 3 * i, 3 * i + 1, 3 * i + 3, &output, &err) == 0, "run %d%s", i,
		   err.text);
	}
	is_string(steps(text), "1 2 3 4 5 6 7 8 9 ", "runs that ended are one stream");
	return load(bytes);
}

/* The file is cut off at any place behind its first header; the run goes on from a step that its
 * metrics reach, or do not. */
static void test_cuts(void)
{
	static char bytes[4096];
	size_t begin[3], size = three_runs(bytes, begin);
	const size_t first = (size_t)((char *)memmem(bytes, size, "\x82\xa4step", 6) - bytes);
	int64_t bad = -1;

	for (int64_t after = 0; after <= 9; after += 1) {
		for (size_t cut = first; cut <= size && bad < 0; cut++) {
			struct metrics_output output;
			struct err err = {0};
			char have[500], want[500] = "";
			store(bytes, cut);
			if (run(after, (int)after + 1, 10, &output, &err) < 0)
				printf("# %s\n", err.text);
			steps(have);
			/* all steps in order, none twice; those between the cut and `after` are lost */
			int last = 0;
			bool good = true;
			for (char *word = strtok(strcpy(want, have), " "); word; word = strtok(NULL, " ")) {
				const int step = atoi(word);
				good &= step > last && (step == last + 1 || (step == after + 1 && last < after));
				last = step;
			}
			if (!good || last != 10) {
				bad = (int64_t)cut;
				printf("# cut at %zu, on from %d: %s\n", cut, (int)after, have);
			}
		}
	}
	is_int(bad, -1, "cut off at any byte, resumed from any step: one stream, no step twice");
}

static void test_counts(void)
{
	static char bytes[4096];
	size_t begin[3], size = three_runs(bytes, begin);
	struct metrics_output output;
	struct err err = {0};
	char text[500];

	store(bytes, size);
	is_int(run(7, 8, 9, &output, &err), 0, "on from step 7 of 9");
	ok(output.again == 2 && output.cut == 0, "  two records are removed");
	store(bytes, begin[1] + (begin[2] - begin[1]) - 34);
	run(6, 7, 9, &output, &err);
	ok(output.again == 0 && output.cut > 0, "  so is half of one: %d bytes", (int)output.cut);
	is_string(steps(text), "1 2 3 4 5 7 8 9 ", "  and the rest stays");
	store(bytes, size - 5);
	is_int(run(9, 1, 0, &output, &err), 0, "no steps are left");
	is_string(steps(text), "1 2 3 4 5 6 7 8 9 ", "  the end is repaired");
	is_int((long long)load(bytes), (long long)size, "  and no segment is added");
	is_int(run(-1, 1, 2, &output, &err), 0, "a new run");
	is_string(steps(text), "1 2 ", "  replaces the metrics of another");
	store("", 0);
	is_int(run(4, 5, 6, &output, &err), 0, "an empty file");
	is_string(steps(text), "5 6 ", "  holds nothing to repair");
}

static void refused(const char *want, const char *name)
{
	static char before[4096], behind[4096];
	const size_t size = load(before);

	for (int64_t after = -1; after <= 5; after += 6) {
		struct metrics_output output;
		struct err err = {0};
		if (after < 0 && strstr(want, "mpcat(1)"))
			continue; /* a new run replaces metrics that are damaged */
		ok(run(after, 6, 7, &output, &err) < 0 && strstr(err.text, want), "%s: %s", name, err.text);
		ok(load(behind) == size && memcmp(before, behind, size) == 0, "  it stays as it is");
	}
}

static void test_refused(void)
{
	static char bytes[4096];
	size_t begin[3], size = three_runs(bytes, begin);
	struct metrics_output output;
	struct err err = {0};

	memmove(bytes + begin[1] - 20, bytes + begin[1], size - begin[1]);
	store(bytes, size - 20);
	refused("mpcat(1)", "a stream behind one that was cut off");
	store("{\"step\": 1}\n", 12);
	refused("not a memoscope stream", "anything else");
	json_t *tokens = header_new(STREAM_TOKENS, NULL, 0, NULL);
	store("", 0);
	const int fd = open(path, O_WRONLY);
	stream_end(stream_create(fd, path, tokens, &err), &err);
	close(fd);
	json_decref(tokens);
	refused("a stream of kind 'tokens', expected 'metrics'", "data");
	store("", 0);
	metrics_output_open(&output, path, -1, true, header, &err);
	struct metrics_output second;
	ok(metrics_output_open(&second, path, -1, true, header, &err) < 0 &&
	   strstr(err.text, "another program is writing to it"), "two runs: %s", err.text);
	err = (struct err){0};
	ok(metrics_output_open(&second, "/nowhere/m.mp", -1, true, header, &err) < 0 &&
	   strstr(err.text, "/nowhere/m.mp: cannot open"), "no such folder: %s", err.text);
	metrics_output_end(&output, &err);
}

int main(void)
{
	const int fd = mkstemp(path);

	close(fd);
	header = header_new(STREAM_METRICS, NULL, 0, NULL);
	test_cuts();
	test_counts();
	test_refused();
	json_decref(header);
	unlink(path);
	return done();
}
