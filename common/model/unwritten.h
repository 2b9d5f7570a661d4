/* unwritten.h - tokens that no text has, so that a model must not write them. */
#ifndef MEMOSCOPE_UNWRITTEN_H
#define MEMOSCOPE_UNWRITTEN_H

#include <stdbool.h>

#include "common/model/end_tokens.h"
#include "common/stream/vocab.h"

/* unwritten[vocab_size()], overwritten: is it padding, or has it no piece? A token that ends a text
 * may have none. */
void unwritten_tokens(const struct vocab *vocab, const struct end_tokens *ends, bool *unwritten);

#endif
