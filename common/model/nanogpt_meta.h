/* nanogpt_meta.h - meta.pkl, in which nanoGPT's prepare.py keeps the vocabulary of characters: a
 * pickle of {"vocab_size": n, "itos": {token: character}, "stoi": {character: token}}.
 */
#ifndef MEMOSCOPE_NANOGPT_META_H
#define MEMOSCOPE_NANOGPT_META_H

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* The vocabulary of the file at path. itos and stoi must say the same. NULL with err set. */
struct vocab *nanogpt_meta_load(const char *path, struct err *err);

/* The same of a file's bytes; path is for messages. */
struct vocab *nanogpt_meta_read(const char *path, const void *bytes, size_t size, struct err *err);

#endif
