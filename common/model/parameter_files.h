/* parameter_files.h - the safetensors files of a model directory: model.safetensors, or the shards
 * that model.safetensors.index.json lists.
 */
#ifndef MEMOSCOPE_PARAMETER_FILES_H
#define MEMOSCOPE_PARAMETER_FILES_H

#include "common/base/err.h"
#include "common/model/safetensors.h"
#include "common/model/shard_index.h"
#include "common/model/state_dict.h"

#define PARAMETER_INDEX ".index.json" /* what the index's name has after that of the file */

struct parameter_files {
	struct shard_index index; /* zeroed: there is one file, not of an index */
	struct safetensors **files; /* owned */
	size_t count;
};

/* Open the files. path: of model.safetensors, whether it is there or not. If it is there, the index
 * is not read. -1 with err set; then there is nothing to close. */
int parameter_files_open(struct parameter_files *files, const char *path, struct err *err);
void parameter_files_close(struct parameter_files *files);

/* All their tensors, which are where the index says; the caller releases it before the files are
 * closed. -1 with err set; then there is nothing to release. */
int parameter_files_state(const struct parameter_files *files, struct state_dict *dict,
                          struct err *err);

#endif
