/* model_files.h - the names of a model directory's files, for model.c, model_load.c and
 * model_save.c. */
#ifndef MEMOSCOPE_MODEL_FILES_H
#define MEMOSCOPE_MODEL_FILES_H

#include "common/base/err.h"

/* In the order in which they are renamed into place. */
enum model_file {
	MODEL_CONFIG,
	MODEL_VOCAB,
	MODEL_MERGES, /* of byte-level BPE only */
	MODEL_TOKENIZER,
	MODEL_TOKENIZER_CONFIG,
	MODEL_PARAMETERS,
	MODEL_ABOUT,
	MODEL_FILES
};

extern const char *const model_file_names[MODEL_FILES];

/* The path of a file, to free(). NULL with err set. */
char *model_file_path(const char *directory, enum model_file file, struct err *err);

#endif
