/* path_graph.h - paths of a network by name, and a graph of them in a file.
 *
 * A path is three words: its sender ("embed", "head:1.0", "mlp:0"), its receiver ("head:2.1",
 * "mlp:2", "logits"), and through what a head receives it ("q", "k", "v"; else "-"). A graph is a
 * file with a path in each line: these words, with tabs between them. What follows another tab
 * does not count, nor does a first line "from", "to", "through". If that line has "id" before
 * these, each line has an id before its path, as in the tables of act-patch.
 */
#ifndef MEMOSCOPE_PATH_GRAPH_H
#define MEMOSCOPE_PATH_GRAPH_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/eval/patching.h"

struct path_name {
	char from[PART_NAME_MAX], to[PART_NAME_MAX];
	const char *through; /* static */
};

void path_name(const struct patch_edge *edge, const struct gpt_config *config,
               struct path_name *name);

/* Set kept[i] for each of the edges that the file names, and not for the others. path "-": standard
 * input. -1 with err set if a line is none of the edges' names, or if there is no line. */
int path_graph_read(const char *path, const struct gpt_config *config,
                    const struct patch_edge *edges, int count, bool *kept, struct err *err);

/* Do the kept ones of all edges, in the order of patch_edges(), lead from the embeddings to the
 * logits? 1, 0, or -1 if memory is out. */
int path_graph_connects(const struct gpt_config *config, const struct patch_edge *edges, int count,
                        const bool *kept);

#endif
