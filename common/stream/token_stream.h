/* token_stream.h - a token stream, opened together with its vocabulary. */
#ifndef MEMOSCOPE_TOKEN_STREAM_H
#define MEMOSCOPE_TOKEN_STREAM_H

#include "common/base/err.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

/* Open a token stream. If *vocab is NULL, it becomes the vocabulary of the stream, and the
 * caller's: vocab_free(). Otherwise the stream must have a vocabulary equal to it; so several
 * streams can be opened that share one. model: the directory of the model that *vocab is of, for
 * messages; NULL: it is that of an earlier stream. NULL with err set. */
struct stream_reader *token_stream_open(const char *path, struct vocab **vocab, const char *model,
                                        struct err *err);

#endif
