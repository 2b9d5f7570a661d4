/* model.h - the model directory: a network's parameters, its vocabulary and how it came about.
 * model(5) is the authority on its files:
 *
 *   config.json            the configuration, as transformers' GPT2Config
 *   model.safetensors      the parameters, in GPT2LMHeadModel's names and layout; with zero
 *                          biases if the network has none
 *   vocab.json             {piece: token}
 *   tokenizer.json, tokenizer_config.json   the same for transformers' AutoTokenizer
 *   memoscope.json         {"chain": [...], "bias": bool, "training": {...}}
 *
 * Each file is replaced whole or not at all (temporary file, fsync, rename), and no file is
 * renamed before all are on the disk. A process that is killed between two renames leaves files
 * of two models; then model.safetensors does not fit the others, and the directory is refused.
 *
 * The parts: config_json.h, tokenizer_json.h, model_parameters.h.
 */
#ifndef MEMOSCOPE_MODEL_H
#define MEMOSCOPE_MODEL_H

#include <stdbool.h>

#include <jansson.h>

#include "common/base/directory.h"
#include "common/base/err.h"
#include "common/base/file.h" /* file_content */
#include "common/model/end_tokens.h"
#include "common/model/gpt_config.h"
#include "common/model/gpt_parameters.h"
#include "common/stream/vocab.h"

struct model {
	struct gpt_config config;
	struct vocab *vocab; /* owned */
	float *params; /* owned: gpt_parameter_count() floats, as gpt_parameters.h lays them out */
	struct end_tokens ends; /* those that end a text */
	json_t *about; /* owned: memoscope.json, with "chain" */
};

void model_release(struct model *model); /* a zeroed one is allowed; leaves it zeroed */

/* Load a model directory. -1 with err set; then *model is zeroed. */
int model_load(const char *directory, struct model *model, struct err *err);

/* Write a model directory, and make it and its parents if they are missing. about may be NULL.
 * -1 with err set. */
int model_save(const char *directory, const struct model *model, struct err *err);

/* The same in a directory that is open, with one more file, which is written together with the
 * model's and renamed before them. more NULL: none. */
int model_save_in(const struct directory *directory, const struct model *model,
                  const struct file_content *more, struct err *err);

/* The file in a model's directory that a resume of its training starts from. It is not the
 * model's: train/training_state.h. */
#define MODEL_STATE "training.safetensors"

/* Is it the name of a model's file? */
bool model_has_file(const char *name);

/* The name of a file of a model that a directory holds; NULL: it holds none. */
const char *model_find_file(const struct directory *directory);

/* Remove the files of a model, temporary ones too. -1 with err set. */
int model_remove_files(const struct directory *directory, struct err *err);

/* Is it the name of a checkpoint's folder in the directory of a run, step-NNNNNN? */
bool model_is_checkpoint(const char *name);

/* Lock a directory that a model is to be written to. If it has the name of a folder of a run's
 * directory, last or step-NNNNNN, the directory around it is locked, too, but shared, so that no
 * run trains into that meanwhile: above becomes it, else it is closed. The locks end when both
 * are closed. -1 with err set: to busy, if another program has the lock. */
int model_directory_lock(const struct directory *directory, struct directory *above,
                         const char *busy, struct err *err);

/* What the header of a stream says about the model that made it (stream(5), "model"). The
 * caller owns the result: json_decref(). */
json_t *model_summary(const struct model *model, const char *directory);

#endif
