/* checkpoint.h - models as PyTorch saves them: nanoGPT's ckpt.pt, and pytorch_model.bin of
 * transformers with the config.json beside it.
 *
 * nanoGPT's file is {"model": {name: tensor}, "model_args": {...}, "iter_num": n, ...}. Its network
 * is GPT-2 with the exact GELU and an epsilon of 1e-5; its matrices are torch's Linear, [out, in].
 */
#ifndef MEMOSCOPE_CHECKPOINT_H
#define MEMOSCOPE_CHECKPOINT_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/model/model.h"

/* Load a checkpoint: all of *model but its vocabulary. path: of the file, of an index of several
 * files, or of a directory that has one of these. model->about gets "imported" (model(5)).
 * *nanogpt: is it one of nanoGPT? -1 with err set; then *model is zeroed. */
int checkpoint_load(const char *path, struct model *model, bool *nanogpt, struct err *err);

/* The path of a file in the checkpoint's directory, to free(). NULL with err set. */
char *checkpoint_beside(const char *path, const char *name, struct err *err);

/* Give the model a vocabulary, which it owns then. A network with more tokens than the vocabulary,
 * as nanoGPT pads its own, keeps them: its probabilities are over all of them. *padding: how many
 * these are; most: how many they may be. Of a vocabulary of characters they become those of
 * vocab_padded(); of byte-level BPE they are the empty pieces at its end, which are there already.
 * -1 with err set if the vocabulary is too large or too small, and so another
 * model's; then it is the caller's. path is for messages. */
int checkpoint_set_vocab(const char *path, struct model *model, struct vocab *vocab, int most,
                         int *padding, struct err *err);

#endif
