/* header.h - the map that begins a segment, as a jansson object.
 *
 *   {"memoscope": 1, "stream": KIND, "chain": [{"program", "version", "args"}, …], …}
 *
 * The chain lists the programs that made the stream, the first one first. Other fields depend
 * on the kind: "alphabet", "vocab", "bin", "model" … man/stream.5 is the authority.
 */
#ifndef MEMOSCOPE_HEADER_H
#define MEMOSCOPE_HEADER_H

#include <jansson.h>
#include <msgpack.h>

#include "common/base/err.h"
#include "common/stream/vocab.h"

#define STREAM_FORMAT 1 /* the value of "memoscope" in every header */

/* The kinds of stream: the values of "stream" in a header. */
#define STREAM_TEXT "text"
#define STREAM_TOKENS "tokens"
#define STREAM_GENERATIONS "generations"
#define STREAM_ATTENTION "attention"
#define STREAM_ACTIVATIONS "activations"
#define STREAM_METRICS "metrics"

/* ---- making ---- */

/* A new header of a kind. Its chain is that of the input's header `from` (NULL: no input),
 * and this program at the end: its name, its version and argv[1 … argc-1]. Owned by the
 * caller: json_decref(). */
json_t *header_new(const char *kind, const json_t *from, int argc, char **argv);

/* The same for a stream that a model made, with two more fields: "vocab", and "model", which
 * is a description of the model (see model_summary()); the header takes the reference over. */
json_t *header_new_of_model(const char *kind, const json_t *from, const struct vocab *vocab,
                            json_t *model, int argc, char **argv);

/* Set the fields of a token stream: "vocab", "bpe" (vocab_json.h), and in "bin" the width of a
 * token. */
void header_set_vocab(json_t *header, const struct vocab *vocab);

/* Say how many records the stream is to have, over all its segments: "total". A reader fails if
 * another number has come when the input ends, so that a segment that is missing is noticed. */
void header_set_total(json_t *header, int64_t total);

/* The width of a token, as "bin" has it: "u8" or "u16". */
const char *header_token_type(const struct vocab *vocab);

/* ---- reading ---- */

/* How many records the stream is to have; -1 if the header does not say. */
int64_t header_total(const json_t *header);

/* A string field, owned by the header. NULL if there is none, or if it holds U+0000. */
const char *header_string(const json_t *header, const char *field);

/* The vocabulary that "vocab" names; owned by the caller: vocab_free(). NULL with err set if
 * there is none, if it is no vocabulary, or if "bin" of a token stream has another width. */
struct vocab *header_vocab(const json_t *header, struct err *err);

/* Check what every header must have, and that its kind is one of the NULL-terminated kinds
 * (kinds NULL: any kind). -1 with err set. */
int header_check(const json_t *header, const char *const *kinds, struct err *err);

/* Check that the header of a later segment has the kind and all fields of the stream's first
 * header; the chains may differ. Both have passed header_check(). -1 with err naming the
 * field that differs. */
int header_check_same(const json_t *header, const json_t *first, struct err *err);

/* ---- writing ---- */

/* Pack a header. "memoscope" comes first, because the first key tells a header from a record;
 * then "stream", "chain", and the other fields. */
void header_pack(const json_t *header, msgpack_packer *packer);

#endif
