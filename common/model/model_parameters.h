/* model_parameters.h - model.safetensors: the parameters of a model as transformers'
 * GPT2LMHeadModel has them.
 *
 * That network always has biases. The file holds zeros for them if the model has none; the
 * output head, lm_head.weight, may be there also if the network has none of its own, and then
 * equals the token embedding. The metadata say which number of heads, which vocabulary and which
 * kind of network the parameters belong to: networks that differ in these have tensors of the
 * same shapes.
 */
#ifndef MEMOSCOPE_MODEL_PARAMETERS_H
#define MEMOSCOPE_MODEL_PARAMETERS_H

#include "common/base/err.h"
#include "common/model/model.h"
#include "common/model/safetensors.h"

/* The bytes of the file, to write with file_replace_all(). They point into model->params. */
struct parameters_image {
	struct safetensors_image file;
	float *zeros; /* owned: in place of biases */
};

/* -1 with err set; then there is nothing to release. */
int parameters_image_new(struct parameters_image *image, const struct model *model,
                         struct err *err);
void parameters_image_release(struct parameters_image *image);

/* Read the file at path, or the shards that an index beside it lists, into model->params, new
 * memory that the model owns. model->config and model->vocab must be there already. config.bias
 * becomes true if a bias in the file is not zero. -1 with err set as by state_dict_parameters(), or
 * if the file belongs to another model. */
int model_parameters_load(const char *path, struct model *model, struct err *err);

#endif
