/* gpt_parameters.h - the parameters of a network: one contiguous float32 array.
 *
 * gpt_tensors() says which tensor begins where in the array. Names and layouts are those of
 * transformers' GPT2LMHeadModel: a linear layer is a Conv1D, weight[in, out]; the output head
 * is tied to the token embedding, transformer.wte.weight, or lm_head.weight.
 */
#ifndef MEMOSCOPE_GPT_PARAMETERS_H
#define MEMOSCOPE_GPT_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"
#include "kernels/kernels.h"

#define GPT_TENSOR_NAME 64 /* bytes of a name, with its terminating 0 */

struct gpt_tensor {
	char name[GPT_TENSOR_NAME]; /* "transformer.h.0.attn.c_attn.weight" */
	int rows, cols; /* rows 0: a vector of cols elements */
	size_t offset; /* of its first element in the array */
	size_t count; /* elements */
	bool decay; /* weight decay applies: it is a matrix */
	int hidden; /* how many matrices between hidden layers stand side by side in its columns:
	             * 3 in c_attn (q, k, v), 1 in other linear layers, 0 in everything else */
};

/* How many tensors the network has. */
int gpt_tensor_count(const struct gpt_config *config);

/* Describe them in the order of the array: wte, wpe, each block, ln_f, and
 * the output head if it is not wte. tensors: room for
 * gpt_tensor_count(). */
void gpt_tensors(const struct gpt_config *config, struct gpt_tensor *tensors);

/* How many floats the array holds. */
size_t gpt_parameter_count(const struct gpt_config *config);

/* A backward pass is done with the gradients from the end of the array to its begin, section by
 * section: what follows the last block, the feed-forward part and the attention of each block from
 * the last to the first, the embeddings. A tied output head is one of these. */
int gpt_section_count(const struct gpt_config *config);

/* begin[gpt_section_count()], overwritten: where each section begins in the array, in that order.
 * It ends where the one before it begins. */
void gpt_sections(const struct gpt_config *config, size_t *begin);

/* Fill the array with GPT-2's initialisation (Radford et al. 2019): N(0, 0.02), projections
 * into the residual stream N(0, 0.02 / sqrt(2 layers)), gains 1, biases 0. The result depends
 * on config and seed alone. params[gpt_parameter_count()]: host memory, overwritten. */
void gpt_init_parameters(const struct gpt_config *config, uint64_t seed, float *params);

/* Memory for the array, on huge pages if there are any; the caller frees it with free(). NULL with
 * err set if there is none. */
float *gpt_alloc_parameters(const struct gpt_config *config, struct err *err);

/* The array in memory of a device, for gpt_new(): a copy, or params itself, which must outlive it
 * then, if the device's memory is the host's. NULL with err set if the device is out of memory. */
const float *gpt_upload_parameters(const struct gpt_config *config, const struct kernels *kernels,
                                   struct device *dev, const float *params, struct err *err);

/* Free what gpt_upload_parameters() returned for params. uploaded NULL: nothing. */
void gpt_free_uploaded(const struct kernels *kernels, struct device *dev, const float *uploaded,
                       const float *params);

/* Leave out the positions from context on, in place: the array becomes that of the same network
 * with this context, which is at most config->context. */
void gpt_shorten_context(const struct gpt_config *config, float *params, int context);

#endif
