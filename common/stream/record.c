#include "common/stream/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/stream/map.h"
#include "common/stream/pack.h"
#include "common/stream/text_field.h"
#include "common/stream/token_spans.h"

void record_buffer_release(struct record_buffer *buffer)
{
	free(buffer->tokens);
	free(buffer->spans);
	free(buffer->other_spans);
	text_buffer_release(&buffer->text);
	memset(buffer, 0, sizeof *buffer);
}

/* ---- reading ---- */

/* An element of a span as an unsigned integer of 32 bits. */
static bool as_u32(const msgpack_object *object, uint32_t *value)
{
	if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > UINT32_MAX)
		return false;
	*value = (uint32_t)object->via.u64;
	return true;
}

static bool as_entry(const msgpack_object *object, int *value)
{
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT32_MAX)
		*value = (int)object->via.u64;
	else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER && object->via.i64 == -1)
		*value = -1;
	else
		return false;
	return true;
}

static bool as_nats(const msgpack_object *object, double *value)
{
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		*value = (double)object->via.u64;
	else if (object->type == MSGPACK_OBJECT_FLOAT64 || object->type == MSGPACK_OBJECT_FLOAT32)
		*value = object->via.f64;
	else
		return false;
	return true;
}

/* Read and check one span. The span before it ends at `from`. */
static int read_span(const msgpack_object *object, long number, uint32_t from, uint32_t length,
                     struct span_kinds *kinds, struct span *span, struct err *err)
{
	const msgpack_object *part = object->via.array.ptr;

	if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size != 5)
		return err_set(err, "span %ld: expected an array [begin, end, kind, entry, nats]", number);
	if (!as_u32(&part[0], &span->begin) || !as_u32(&part[1], &span->end))
		return err_set(err, "span %ld: begin and end are not integers from 0 to %u", number,
		               UINT32_MAX);
	if (part[2].type != MSGPACK_OBJECT_STR)
		return err_set(err, "span %ld: kind is not a string", number);
	if (!as_entry(&part[3], &span->entry))
		span->entry = -2;
	if (!as_nats(&part[4], &span->nats))
		span->nats = NAN;
	return span_check(span, number, from, length, kinds, part[2].via.str.ptr,
	                  part[2].via.str.size, err);
}

long record_unpack_spans(const msgpack_object *array, uint32_t length, struct span_kinds *kinds,
                         struct record_buffer *buffer, struct err *err)
{
	uint32_t from = 0;

	if (array->type != MSGPACK_OBJECT_ARRAY)
		return err_set(err, "\"spans\" is not an array");
	if (array_reserve(&buffer->spans, &buffer->span_room, array->via.array.size) < 0)
		return err_set(err, "out of memory");
	for (uint32_t i = 0; i < array->via.array.size; i++) {
		if (read_span(&array->via.array.ptr[i], i, from, length, kinds, &buffer->spans[i], err) < 0)
			return -1;
		from = buffer->spans[i].end;
	}
	return array->via.array.size;
}

long record_read_spans(struct stream_reader *reader, const msgpack_object *array,
                       uint32_t length, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct err *err)
{
	struct err why;

	why.status = ERR_NONE; /* clearing its text, too, would take longer than the check */
	const long count = record_unpack_spans(array, length, kinds, buffer, &why);
	return count < 0 ? stream_bad(reader, err, "%s", why.text) : count;
}

int record_read_directory(struct stream_reader *reader, const struct stream_record *raw,
                          struct piece *directory, struct err *err)
{
	const msgpack_object *field = map_field(raw->map, "directory");

	*directory = (struct piece){NULL, 0};
	if (!field || text_field_read(field, directory))
		return 0;
	return stream_bad(reader, err, directory->bytes ? "\"directory\" is not UTF-8" :
	                  "\"directory\" is not a string");
}

/* Read "id", "spans" and "directory", which records of text and of tokens have. record->length is
 * set. */
static int read_common(struct stream_reader *reader, const struct stream_record *raw,
                       struct span_kinds *kinds, struct record_buffer *buffer,
                       struct record *record, struct err *err)
{
	const msgpack_object *id = map_field(raw->map, "id");
	const msgpack_object *spans = map_field(raw->map, "spans");
	long count = 0;

	if (!id || id->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return stream_bad(reader, err, "no \"id\", an integer of at least 0");
	if (spans)
		count = record_read_spans(reader, spans, record->length, kinds, buffer, err);
	if (count < 0)
		return -1;
	record->id = id->via.u64;
	record->text_length = record->length;
	record->spans = record->text_spans = buffer->spans;
	record->span_count = record->text_span_count = (uint32_t)count;
	return record_read_directory(reader, raw, &record->directory, err);
}

int record_read_text(struct stream_reader *reader, const struct stream_record *raw,
                     struct span_kinds *kinds, struct record_buffer *buffer,
                     struct record *record, struct err *err)
{
	const msgpack_object *field = map_field(raw->map, "text");
	struct piece text = {NULL, 0};

	if (!text_field_read(field, &text))
		return stream_bad(reader, err, text.bytes ? "\"text\" is not UTF-8" :
		                  "no \"text\", a string");
	memset(record, 0, sizeof *record);
	record->size = text.size;
	record->text = text.bytes;
	record->length = (uint32_t)text_length(text.bytes, text.size);
	return read_common(reader, raw, kinds, buffer, record, err);
}

#define TOKENS_TOGETHER 16 /* loops of a fixed length become vector instructions */

/* Tokens from one byte each. Returns the largest token; 0 if there is none. */
static uint16_t widen(const unsigned char *restrict bytes, size_t count,
                      uint16_t *restrict tokens)
{
	unsigned char top[TOKENS_TOGETHER] = {0};
	size_t i = 0;

	for (; i + TOKENS_TOGETHER <= count; i += TOKENS_TOGETHER)
		for (size_t j = 0; j < TOKENS_TOGETHER; j++) {
			tokens[i + j] = bytes[i + j];
			top[j] = bytes[i + j] > top[j] ? bytes[i + j] : top[j];
		}
	for (; i < count; i++) {
		tokens[i] = bytes[i];
		top[0] = bytes[i] > top[0] ? bytes[i] : top[0];
	}
	for (size_t j = 1; j < TOKENS_TOGETHER; j++)
		top[0] = top[j] > top[0] ? top[j] : top[0];
	return top[0];
}

/* One byte each from tokens. */
static void narrow(const uint16_t *restrict tokens, size_t count, char *restrict bytes)
{
	size_t i = 0;

	for (; i + TOKENS_TOGETHER <= count; i += TOKENS_TOGETHER)
		for (size_t j = 0; j < TOKENS_TOGETHER; j++)
			bytes[i + j] = (char)tokens[i + j];
	for (; i < count; i++)
		bytes[i] = (char)tokens[i];
}

uint16_t record_unpack_tokens(const unsigned char *bytes, size_t count, bool wide,
                              uint16_t *tokens)
{
	uint16_t top = 0;

	if (!wide)
		return widen(bytes, count, tokens);
	for (size_t i = 0; i < count; i++) {
		tokens[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
		top = tokens[i] > top ? tokens[i] : top;
	}
	return top;
}

int record_read_token_field(struct stream_reader *reader, const struct stream_record *raw,
                            const struct vocab *vocab, struct record_buffer *buffer,
                            struct record *record, struct err *err)
{
	const msgpack_object *tokens = map_field(raw->map, "tokens");
	bool wide = vocab_size(vocab) > RECORD_BYTE_VOCAB;
	uint16_t top;
	size_t count;

	if (!tokens || tokens->type != MSGPACK_OBJECT_BIN)
		return stream_bad(reader, err, "no \"tokens\", binary data");
	if (wide && tokens->via.bin.size % 2 != 0)
		return stream_bad(reader, err,
		                  "\"tokens\" has %u bytes, an odd number where a token has two",
		                  tokens->via.bin.size);
	count = tokens->via.bin.size >> wide;
	if (array_reserve(&buffer->tokens, &buffer->token_room, count) < 0)
		return stream_bad(reader, err, "out of memory");
	top = record_unpack_tokens((const unsigned char *)tokens->via.bin.ptr, count, wide,
	                           buffer->tokens);
	if (count > 0 && top >= vocab_size(vocab))
		return stream_bad(reader, err, "token %u is not below the vocabulary's size, %d",
		                  top, vocab_size(vocab));
	record->tokens = buffer->tokens;
	record->length = (uint32_t)count;
	return 0;
}

int record_read_tokens(struct stream_reader *reader, const struct stream_record *raw,
                       const struct vocab *vocab, struct span_kinds *kinds,
                       struct record_buffer *buffer, struct record *record, struct err *err)
{
	memset(record, 0, sizeof *record);
	if (record_read_token_field(reader, raw, vocab, buffer, record, err) < 0)
		return -1;
	return read_common(reader, raw, kinds, buffer, record, err);
}

/* The record's text and tokens. */
static struct tokenized tokenized(const struct vocab *vocab, const struct record *record)
{
	return (struct tokenized){vocab, record->text, record->size, record->tokens, record->length};
}

int record_encode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err)
{
	long length;

	if (array_reserve(&buffer->tokens, &buffer->token_room, record->size) < 0)
		return err_set(err, "out of memory");
	length = vocab_encode(vocab, record->text, record->size, buffer->tokens, err);
	if (length < 0)
		return -1;
	record->tokens = buffer->tokens;
	record->length = (uint32_t)length;
	return vocab_is_characters(vocab) ? 0 : record_place_spans(vocab, buffer, record, err);
}

int record_place_spans(const struct vocab *vocab, struct record_buffer *buffer,
                       struct record *record, struct err *err)
{
	if (array_reserve(&buffer->other_spans, &buffer->other_room, record->text_span_count) < 0)
		return err_set(err, "out of memory");
	const struct tokenized of = tokenized(vocab, record);
	record->spans = buffer->other_spans;
	record->span_count = spans_to_tokens(&of, record->text_spans, record->text_span_count,
	                                     buffer->other_spans);
	return 0;
}

int record_decode(const struct vocab *vocab, struct record_buffer *buffer,
                  struct record *record, struct err *err)
{
	struct text_buffer *text = &buffer->text;

	text_buffer_clear(text);
	if (!text_buffer_reserve(text, vocab_decoded_size(vocab, record->tokens, record->length)))
		return err_set(err, "out of memory");
	text->size = vocab_decode(vocab, record->tokens, record->length, text->text);
	record->text = text->text;
	record->size = text->size;
	if (vocab_is_characters(vocab))
		return 0;
	if (array_reserve(&buffer->other_spans, &buffer->other_room, record->span_count) < 0)
		return err_set(err, "out of memory");
	const struct tokenized of = tokenized(vocab, record);
	record->text_length = (uint32_t)text_length(text->text, text->size);
	record->text_spans = buffer->other_spans;
	record->text_span_count = spans_to_text(&of, record->spans, record->span_count,
	                                        buffer->other_spans);
	return 0;
}

int record_read_with_text(struct stream_reader *reader, const struct stream_record *raw,
                          const struct vocab *vocab, struct span_kinds *kinds,
                          struct record_buffer *buffer, struct record *record,
                          struct err *err)
{
	struct err why = {0};

	if (!vocab)
		return record_read_text(reader, raw, kinds, buffer, record, err);
	if (record_read_tokens(reader, raw, vocab, kinds, buffer, record, err) < 0)
		return -1;
	if (record_decode(vocab, buffer, record, &why) < 0)
		return stream_bad(reader, err, "%s", why.text);
	return 0;
}

int record_read_as_text(struct stream_reader *reader, const struct stream_record *raw,
                        const struct vocab *vocab, struct span_kinds *kinds,
                        struct record_buffer *buffer, struct record *record, struct err *err)
{
	if (record_read_with_text(reader, raw, vocab, kinds, buffer, record, err) < 0)
		return -1;
	if (!vocab)
		return 0;
	record->length = record->text_length;
	record->spans = record->text_spans;
	record->span_count = record->text_span_count;
	return 0;
}

/* ---- writing ----
 *
 * msgpack-c calls the packer's callback for every part of every object. A phone
 * book has thirteen spans of seven parts, so spans are put together here and
 * handed over many at once. */

#define SPAN_BYTES (1 + 5 + 5 + SPAN_KIND_BYTES + 5 + 9) /* of a packed span, at most */
#define SPANS_AT_ONCE 32

static char *put_u32(char *to, uint32_t value)
{
	if (value < 0x80) {
		*to++ = (char)value;
	} else if (value < 0x100) {
		*to++ = (char)0xcc;
		*to++ = (char)value;
	} else if (value < 0x10000) {
		*to++ = (char)0xcd;
		*to++ = (char)(value >> 8);
		*to++ = (char)value;
	} else {
		*to++ = (char)0xce;
		for (int shift = 24; shift >= 0; shift -= 8)
			*to++ = (char)(value >> shift);
	}
	return to;
}

static char *put_double(char *to, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	to[0] = (char)0xcb;
	/* A compiler makes one instruction of this, but not of a loop. */
	to[1] = (char)(bits >> 56);
	to[2] = (char)(bits >> 48);
	to[3] = (char)(bits >> 40);
	to[4] = (char)(bits >> 32);
	to[5] = (char)(bits >> 24);
	to[6] = (char)(bits >> 16);
	to[7] = (char)(bits >> 8);
	to[8] = (char)bits;
	return to + 9;
}

static char *put_span(char *to, const struct span *span, const struct span_kinds *kinds)
{
	const char *word = kinds->word[span->kind];
	size_t size = kinds->size[span->kind];

	*to++ = (char)0x95; /* an array of five */
	to = put_u32(to, span->begin);
	to = put_u32(to, span->end);
	*to++ = (char)(0xa0 | size); /* a string below SPAN_KIND_BYTES = 32 */
	memcpy(to, word, SPAN_KIND_BYTES - 1); /* of fixed size: one move, not a call */
	to += size;
	if (span->entry < 0)
		*to++ = (char)0xff; /* -1 */
	else
		to = put_u32(to, (uint32_t)span->entry);
	return put_double(to, span->nats);
}

void record_pack_spans(msgpack_packer *packer, const struct span *spans, uint32_t count,
                       const struct span_kinds *kinds)
{
	char bytes[SPANS_AT_ONCE * SPAN_BYTES];

	msgpack_pack_array(packer, count);
	for (uint32_t i = 0; i < count;) {
		uint32_t end = count - i < SPANS_AT_ONCE ? count : i + SPANS_AT_ONCE;
		char *to = bytes;
		for (; i < end; i++)
			to = put_span(to, &spans[i], kinds);
		packer->callback(packer->data, bytes, (size_t)(to - bytes));
	}
}

static void pack_tokens(msgpack_packer *packer, const uint16_t *tokens, size_t count, bool wide)
{
	char bytes[4096];
	size_t step = wide ? sizeof bytes / 2 : sizeof bytes;

	msgpack_pack_bin(packer, count << wide);
	for (size_t at = 0; at < count; at += step) {
		size_t now = count - at < step ? count - at : step;
		if (!wide)
			narrow(tokens + at, now, bytes);
		for (size_t i = 0; wide && i < now; i++) {
			bytes[2 * i] = (char)tokens[at + i];
			bytes[2 * i + 1] = (char)(tokens[at + i] >> 8);
		}
		msgpack_pack_bin_body(packer, bytes, now << wide);
	}
}

void record_pack_tokens(msgpack_packer *packer, const struct record *record,
                        const struct vocab *vocab)
{
	pack_tokens(packer, record->tokens, record->length, vocab_size(vocab) > RECORD_BYTE_VOCAB);
}

void record_pack_directory(msgpack_packer *packer, const struct piece *directory)
{
	if (!directory->bytes)
		return;
	pack_key(packer, "directory");
	text_field_pack(packer, directory->bytes, directory->size);
}

void record_pack_text(msgpack_packer *packer, const struct record *record,
                      const struct span_kinds *kinds, size_t more)
{
	msgpack_pack_map(packer, 3 + !!record->directory.bytes + more);
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, record->id);
	pack_key(packer, "text");
	text_field_pack(packer, record->text, record->size);
	pack_key(packer, "spans");
	record_pack_spans(packer, record->spans, record->span_count, kinds);
	record_pack_directory(packer, &record->directory);
}

int record_write_text(struct stream_writer *writer, const struct record *record,
                      const struct span_kinds *kinds, struct err *err)
{
	record_pack_text(stream_record(writer), record, kinds, 0);
	return stream_commit(writer, err);
}

int record_write_tokens(struct stream_writer *writer, const struct record *record,
                        const struct vocab *vocab, const struct span_kinds *kinds,
                        struct err *err)
{
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, 3 + !!record->directory.bytes);
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, record->id);
	pack_key(packer, "tokens");
	record_pack_tokens(packer, record, vocab);
	pack_key(packer, "spans");
	record_pack_spans(packer, record->spans, record->span_count, kinds);
	record_pack_directory(packer, &record->directory);
	return stream_commit(writer, err);
}
