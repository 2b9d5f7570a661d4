/* bpe_json.h - byte-level BPE as the files of GPT-2 and transformers have it.
 *
 * JSON cannot hold any bytes, so each byte of a piece is written as a character that prints: those
 * that do print in Latin-1 as themselves, the other 68 as U+0100 to U+0143 in their order. A space
 * is U+0120.
 */
#ifndef MEMOSCOPE_BPE_JSON_H
#define MEMOSCOPE_BPE_JSON_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/stream/vocab.h"

/* ---- reading ---- */

/* A vocabulary with its merges. tokens: {piece: token}; merges: an array of "left right" or of
 * [left, right]; added: NULL or an array as in tokenizer.json, of objects with "content" and "id".
 * Tokens up to size that have no piece get an empty one. The caller owns the result. NULL with err
 * set, which names no file. */
struct vocab *bpe_json_vocab(const json_t *tokens, const json_t *merges, const json_t *added,
                             int size, struct err *err);

/* The lines of a merges.txt as an array of "left right". The caller owns it. NULL: memory is out.
 * */
json_t *bpe_json_merges_of_text(const char *text, size_t size);

/* ---- writing: the caller owns each result. NULL: memory is out. ---- */

json_t *bpe_json_tokens_new(const struct vocab *vocab);
json_t *bpe_json_merges_new(const struct vocab *vocab);
json_t *bpe_json_added_new(const struct vocab *vocab);

/* A merges.txt, NUL-terminated: free(). */
char *bpe_json_merges_text(const struct vocab *vocab);

#endif
