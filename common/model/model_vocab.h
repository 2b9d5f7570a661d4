/* model_vocab.h - the vocabulary of a model directory.
 *
 * vocab.json says which character each token is. tokenizer.json and tokenizer_config.json, if they
 * are there, say how transformers makes tokens of a text. If it makes anything but a token of each
 * character, memoscope would feed the model other tokens than it was trained with, so the
 * directory is refused.
 */
#ifndef MEMOSCOPE_MODEL_VOCAB_H
#define MEMOSCOPE_MODEL_VOCAB_H

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* The vocabulary of a model directory; the caller owns it: vocab_free(). NULL with err naming the
 * file, and what it says that memoscope does not compute. */
struct vocab *model_vocab_load(const char *directory, struct err *err);

#endif
