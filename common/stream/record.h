/* record.h - records of text and of tokens, with their spans.
 *
 *   text    {"id": uint, "text": str, "spans": [[begin, end, kind, entry, nats], …]}
 *   tokens  {"id": uint, "tokens": bin, "spans": […]}
 *
 * tokens is one byte a token where the vocabulary has at most 256 characters,
 * else two, low byte first. The header of a text stream may name its
 * "alphabet", that of a token stream names its "vocab"; both are strings of
 * distinct characters.
 */
#ifndef MEMOSCOPE_RECORD_H
#define MEMOSCOPE_RECORD_H

#include <stdint.h>

#include "common/base/text_buffer.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

#define RECORD_BYTE_VOCAB 256 /* up to here a token is one byte, beyond it two */

/* Either text or tokens; the other is NULL. What a record_… function fills in
 * is owned by the struct record_buffer given to it. */
struct record {
	uint64_t id;
	const char *text; /* UTF-8, not NUL-terminated */
	size_t size; /* bytes of text */
	const uint16_t *tokens;
	uint32_t length; /* code points of text, or tokens */
	const struct span *spans;
	uint32_t span_count;
};

/* Memory for one record at a time. {0} to begin with. */
struct record_buffer {
	uint16_t *tokens;
	size_t token_room;
	struct span *spans;
	size_t span_room;
	struct text_buffer text;
};
void record_buffer_release(struct record_buffer *buffer);

/* Check and take over a record of a text stream. Kinds that are new are added.
 * -1 with err set through stream_bad(). */
int record_read_text(struct stream_reader *reader, const struct stream_record *raw,
                     struct span_kinds *kinds, struct record_buffer *buffer,
                     struct record *record, struct err *err);

/* The same for a token stream; every token is below vocab_size(vocab). */
int record_read_tokens(struct stream_reader *reader, const struct stream_record *raw,
                       const struct vocab *vocab, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct record *record,
                       struct err *err);

/* Write one record (stream_record … stream_commit). */
int record_write_text(struct stream_writer *writer, const struct record *record,
                      const struct span_kinds *kinds, struct err *err);
int record_write_tokens(struct stream_writer *writer, const struct record *record,
                        const struct vocab *vocab, const struct span_kinds *kinds,
                        struct err *err);

/* The map of a record of text with room for `more` fields, which the caller packs
 * behind these. */
void record_pack_text(msgpack_packer *packer, const struct record *record,
                      const struct span_kinds *kinds, size_t more);

/* Spans alone, as the array that stands in every kind of record. */
void record_pack_spans(msgpack_packer *packer, const struct span *spans, uint32_t count,
                       const struct span_kinds *kinds);

/* Parse such an array, of a record with length code points or tokens, into
 * buffer->spans. Returns the count, or -1 through stream_bad(). */
long record_read_spans(struct stream_reader *reader, const msgpack_object *array,
                       uint32_t length, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct err *err);

/* Tokens of a text record by a vocabulary, in place: record->tokens is set (in
 * buffer), record->text stays. Spans hold as they are: a token is a code point.
 * -1 with err naming the character. */
int record_encode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err);

/* The other way: record->text and size are set (in buffer), record->tokens stay. */
int record_decode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err);

#endif
