/* shard_index.h - the index of a model whose tensors stand in several files, as transformers writes
 * it: {"metadata": {...}, "weight_map": {tensor: file, ...}}.
 */
#ifndef MEMOSCOPE_SHARD_INDEX_H
#define MEMOSCOPE_SHARD_INDEX_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/state_dict.h"

struct shard_index {
	char *path; /* owned */
	json_t *json; /* owned */
	char **files; /* owned: the paths of the files, each once; they are in the index's directory */
	size_t count;
};

/* Read the index at path. -1 with err set; then there is nothing to release. */
int shard_index_read(struct shard_index *index, const char *path, struct err *err);
void shard_index_release(struct shard_index *index); /* a zeroed one is allowed */

/* Check that each tensor of the files is in the one that the index says, and none is missing. dict:
 * all their tensors, sorted, with the index's paths. -1 with err set. */
int shard_index_check(const struct shard_index *index, const struct state_dict *dict,
                      struct err *err);

#endif
