/* vocab_json.h - a vocabulary as headers have it.
 *
 *   "vocab"  the characters, a string; or an array of pieces, each a string, or an array of its
 *            bytes if they are not UTF-8
 *   "bpe"    of a token stream: {"merges": [[left, right], ...], "added": [token, ...]}, all of
 *            them numbers of tokens, as in bpe.h
 */
#ifndef MEMOSCOPE_VOCAB_JSON_H
#define MEMOSCOPE_VOCAB_JSON_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* A vocabulary of characters from an object {character: token, ...}, as in vocab.json. The caller
 * owns it. NULL with err set, naming path. */
struct vocab *vocab_of_object(const char *path, const json_t *json, struct err *err);

/* The caller owns the result. NULL: memory is out. */
json_t *vocab_json(const struct vocab *vocab);
json_t *bpe_rules_json(const struct bpe *bpe);

/* The reverse; json may be NULL, which is an error, and so may bpe. The caller owns the result.
 * NULL with err set. */
struct vocab *vocab_of_json(const json_t *json, const json_t *bpe, struct err *err);

#endif
