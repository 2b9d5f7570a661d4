/* tokens.h - token streams opened together with their vocabulary. */
#ifndef MEMOSCOPE_TOKENS_H
#define MEMOSCOPE_TOKENS_H

#include "common/stream/stream.h"
#include "common/stream/vocab.h"

/* Open a token stream. Where *vocab is NULL it becomes the stream's vocabulary
 * (the caller's, vocab_free()); else the stream's must equal it. NULL with err
 * set. */
struct stream_reader *token_stream_open(const char *path, struct vocab **vocab,
                                        struct err *err);

#endif
