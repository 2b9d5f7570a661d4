/* model_vocab.h - the vocabulary of a model directory.
 *
 * Of models of characters, vocab.json says which character each token is. Of models with
 * byte-level BPE, tokenizer.json says how texts become tokens, or vocab.json and merges.txt do. If
 * tokenizer.json or tokenizer_config.json do anything else to a text, memoscope would feed the
 * model other tokens than it was trained with, so the directory is refused.
 */
#ifndef MEMOSCOPE_MODEL_VOCAB_H
#define MEMOSCOPE_MODEL_VOCAB_H

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* The vocabulary of a model directory; the caller owns it: vocab_free(). NULL with err naming the
 * file, and what it says that memoscope does not compute. */
struct vocab *model_vocab_load(const char *directory, struct err *err);

/* The same for a network of size tokens, whatever config.json says. Byte-level BPE of fewer tokens
 * gets empty pieces, and characters are padded if they lack VOCAB_PADDING tokens at most. */
struct vocab *model_vocab_load_for(const char *directory, int size, struct err *err);

#endif
