/* record.h - records of text and of tokens, with their spans.
 *
 *   text    {"id": uint, "text": str or bin, "spans": [[begin, end, kind, entry, nats], …]}
 *   tokens  {"id": uint, "tokens": bin, "spans": […]}
 *
 * Either may have "directory": str or bin, the answer that a directory has for the name asked for,
 * whatever the text says.
 *
 * Text that is not UTF-8 is binary data. A token has one byte if the vocabulary has at most 256 of
 * them, else two bytes, the low one first. The header of a text stream may name its "alphabet";
 * that of a token stream names its "vocab".
 */
#ifndef MEMOSCOPE_RECORD_H
#define MEMOSCOPE_RECORD_H

#include <stdint.h>

#include "common/base/text_buffer.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

#define RECORD_BYTE_VOCAB 256 /* a larger vocabulary has tokens of two bytes */

/* A record has text or tokens, and after record_encode() or record_decode() both; what it has
 * not is NULL. The memory that a record_… function fills in belongs to the struct
 * record_buffer given to it. */
struct record {
	uint64_t id;
	const char *text; /* any bytes, most often UTF-8; not NUL-terminated */
	size_t size; /* bytes of text */
	const uint16_t *tokens;
	uint32_t length; /* tokens; of a record that has none, characters of the text */
	const struct span *spans; /* over these */
	uint32_t span_count;
	/* The same over the text. If each token is a character, they are equal. */
	uint32_t text_length;
	const struct span *text_spans;
	uint32_t text_span_count;
	struct piece directory; /* bytes NULL: none */
};

/* Memory for one record at a time. {0} to begin with. */
struct record_buffer {
	uint16_t *tokens;
	size_t token_room;
	struct span *spans, *other_spans; /* as read; the same over tokens, or over the text */
	size_t span_room, other_room;
	struct text_buffer text;
};
void record_buffer_release(struct record_buffer *buffer);

/* ---- reading ---- */

/* Check a record of a text stream and take it over; its text stays where it is, in raw. Span
 * kinds that are new are added to kinds. -1 with err set by stream_bad(). */
int record_read_text(struct stream_reader *reader, const struct stream_record *raw,
                     struct span_kinds *kinds, struct record_buffer *buffer,
                     struct record *record, struct err *err);

/* The same for a token stream. Every token is below vocab_size(vocab). */
int record_read_tokens(struct stream_reader *reader, const struct stream_record *raw,
                       const struct vocab *vocab, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct record *record,
                       struct err *err);

/* Read "tokens" of a record of any kind, into buffer: record->tokens and length. */
int record_read_token_field(struct stream_reader *reader, const struct stream_record *raw,
                            const struct vocab *vocab, struct record_buffer *buffer,
                            struct record *record, struct err *err);

/* A record of either stream, with its text: of a token stream, which has this vocabulary, the
 * tokens are decoded. vocab is NULL for a text stream. */
int record_read_with_text(struct stream_reader *reader, const struct stream_record *raw,
                          const struct vocab *vocab, struct span_kinds *kinds,
                          struct record_buffer *buffer, struct record *record,
                          struct err *err);

/* The text of a record of either stream, as a record of text: of a token stream, which has this
 * vocabulary, the tokens are decoded. vocab is NULL for a text stream. */
int record_read_as_text(struct stream_reader *reader, const struct stream_record *raw,
                        const struct vocab *vocab, struct span_kinds *kinds,
                        struct record_buffer *buffer, struct record *record,
                        struct err *err);

/* Tokens from count times one byte each, or two if wide. Returns the largest token; 0 if there is
 * none. */
uint16_t record_unpack_tokens(const unsigned char *bytes, size_t count, bool wide,
                              uint16_t *tokens);

/* Read "spans", an array as above, into buffer->spans. length is that of the record. Returns how
 * many there are; -1 with err set to what is wrong, without the place. */
long record_unpack_spans(const msgpack_object *array, uint32_t length, struct span_kinds *kinds,
                         struct record_buffer *buffer, struct err *err);

/* The same of the record that a reader has read last: err is set by stream_bad(). */
long record_read_spans(struct stream_reader *reader, const msgpack_object *array,
                       uint32_t length, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct err *err);

/* ---- between text and tokens ---- */

/* Set record->tokens, length and spans, in buffer, from its text. -1 with err naming a character
 * that the vocabulary lacks. */
int record_encode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err);

/* Set record->spans, in buffer, from its text, its tokens and the spans over the text. -1 with err
 * set if memory is out. */
int record_place_spans(const struct vocab *vocab, struct record_buffer *buffer,
                       struct record *record, struct err *err);

/* Set record->text, size and what is over the text, in buffer, from its tokens. -1 with err set if
 * memory is out. */
int record_decode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err);

/* ---- writing ---- */

/* Write one record, from stream_record() to stream_commit(). -1 with err set. */
int record_write_text(struct stream_writer *writer, const struct record *record,
                      const struct span_kinds *kinds, struct err *err);
int record_write_tokens(struct stream_writer *writer, const struct record *record,
                        const struct vocab *vocab, const struct span_kinds *kinds,
                        struct err *err);

/* Pack the tokens of a record. */
void record_pack_tokens(msgpack_packer *packer, const struct record *record,
                        const struct vocab *vocab);

/* Read "directory" of a record of any kind, which may be absent. -1 with err set by
 * stream_bad(). */
int record_read_directory(struct stream_reader *reader, const struct stream_record *raw,
                          struct piece *directory, struct err *err);

/* Pack it with its key, if there is one. */
void record_pack_directory(msgpack_packer *packer, const struct piece *directory);

/* Pack a record of text as a map with `more` further fields, which the caller packs after
 * this. */
void record_pack_text(msgpack_packer *packer, const struct record *record,
                      const struct span_kinds *kinds, size_t more);

/* Pack the array of spans that records of all kinds have. */
void record_pack_spans(msgpack_packer *packer, const struct span *spans, uint32_t count,
                       const struct span_kinds *kinds);

#endif
