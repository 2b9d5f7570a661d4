/* state_dict.h - the tensors of a network by their names in PyTorch, from whatever files.
 *
 * Names are those of GPT2LMHeadModel ("transformer.h.0.ln_1.weight"), of GPT2Model
 * ("h.0.ln_1.weight") or of a compiled model ("_orig_mod.transformer.h.0.ln_1.weight"). nanoGPT's
 * are the same.
 */
#ifndef MEMOSCOPE_STATE_DICT_H
#define MEMOSCOPE_STATE_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"
#include "common/model/stored_tensor.h"

struct state_entry {
	const struct stored_tensor *tensor; /* the file's */
	const char *path; /* of the file, for messages */
	void *file; /* for read() */
	uint64_t storage; /* entries of a file that have the same one have the same numbers; 0: none */
};

struct state_dict {
	const char *path; /* for messages about what is missing */
	uint64_t size; /* bytes of all files: the tensors of the network take no more */
	bool linear; /* matrices between hidden layers are torch's Linear, [out, in]; else Conv1D,
	              * [in, out] */
	/* Read all numbers of a tensor whose dtype widens, row-major, into to. -1 with err set. */
	int (*read)(const struct state_entry *entry, float *to, struct err *err);
	struct state_entry *entries; /* owned; by name, once they are sorted */
	size_t count, room;
};

/* Add a tensor. -1 with err set. */
int state_dict_add(struct state_dict *dict, const struct stored_tensor *tensor, const char *path,
                   void *file, struct err *err);

/* Sort the tensors. -1 with err set if a name comes twice. */
int state_dict_sort(struct state_dict *dict, struct err *err);

const struct state_entry *state_dict_find(const struct state_dict *dict, const char *name);

void state_dict_release(struct state_dict *dict); /* frees the entries alone */

/* The parameters of the network of config, as gpt_parameters.h lays them out, to free().
 * config->bias becomes true if a bias is not zero. Buffers of the attention mask are passed over,
 * and so is an output head that equals the token embedding. NULL with err set if a tensor is
 * missing, has another shape, holds a number that is not finite, would be rounded as float32, or
 * has no place in the network. */
float *state_dict_parameters(const struct state_dict *dict, struct gpt_config *config,
                             struct err *err);

#endif
