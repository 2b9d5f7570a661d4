/* model.h - the model directory. man/model.5 is the authority on its files.
 *
 *   config.json            GPT2Config, for transformers
 *   model.safetensors      parameters in GPT2LMHeadModel's names and layout,
 *                          with zero biases where the model has none
 *   vocab.json             {character: token}
 *   tokenizer.json, tokenizer_config.json   the same for transformers' AutoTokenizer
 *   memoscope.json         {"chain": […], "bias": bool, "training": {…}}
 *
 * Each file is written whole or not at all (temporary file, fsync, rename), and none before
 * all are on the disk. Who is killed between the renames leaves files of two models: then
 * model.safetensors says that it is of another one, and the directory is refused.
 */
#ifndef MEMOSCOPE_MODEL_H
#define MEMOSCOPE_MODEL_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/file.h" /* file_content */
#include "common/model/gpt_config.h"
#include "common/model/gpt_parameters.h"
#include "common/stream/vocab.h"

struct model {
	struct gpt_config config;
	struct vocab *vocab; /* owned */
	float *params; /* owned: gpt_parameter_count() floats, as gpt.h lays them out */
	json_t *about; /* owned: memoscope.json, with "chain" */
};

/* Load a model directory. -1 with err set; then *model needs no release. */
int model_load(const char *directory, struct model *model, struct err *err);

/* Write a model directory, making it (and its parents) where needed. */
int model_save(const char *directory, const struct model *model, struct err *err);

/* The same, and one file more, which is written together with the model's and takes its
 * place before them. */
int model_save_with(const char *directory, const struct model *model,
                    const struct file_content *more, struct err *err);

/* Remove a model directory: its files, and itself where nothing else lies in it. What is
 * no directory, or a link to one, is left alone. -1 with err set. */
int model_remove(const char *directory, struct err *err);

/* What the header of a stream says of the model that made it (see stream.5).
 * Owned by the caller: json_decref(). */
json_t *model_summary(const struct model *model, const char *directory);

void model_release(struct model *model); /* a zeroed one is allowed */

#endif
