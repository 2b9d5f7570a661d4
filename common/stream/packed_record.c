#include "common/stream/packed_record.h"

#include <string.h>

#include "common/stream/map.h"
#include "common/stream/stream_limits.h"
#include "common/stream/unpack.h"

#define ZONE_BYTES ((size_t)32 << 10) /* for the objects of a common record */

int packed_reader_init(struct packed_reader *reader, const struct vocab *vocab,
                       struct span_kinds *kinds, struct err *err)
{
	*reader = (struct packed_reader){
		.vocab = vocab, .kinds = kinds, .zone = msgpack_zone_new(ZONE_BYTES),
	};
	return reader->zone ? 0 : err_set(err, "out of memory");
}

void packed_reader_release(struct packed_reader *reader)
{
	if (reader->zone)
		msgpack_zone_free(reader->zone);
	record_buffer_release(&reader->buffer);
	*reader = (struct packed_reader){0};
}

/* Do its tokens take two bytes each? */
static bool wide(const struct packed_reader *reader)
{
	return vocab_size(reader->vocab) > RECORD_BYTE_VOCAB;
}

/* Unpack the map that begins at bytes. False if there is none. Headers have the larger limits, but
 * records of tokens the larger size. */
static bool unpack(struct packed_reader *reader, const char *bytes, size_t size,
                   struct packed_record *record)
{
	unsigned maps;

	msgpack_zone_clear(reader->zone);
	record->size = unpack_object(reader->zone, stream_record_limits(STREAM_TOKENS), bytes, size,
	                             &reader->object, &maps);
	return record->size > 0 && reader->object.type == MSGPACK_OBJECT_MAP;
}

int packed_record_open(struct packed_reader *reader, const char *bytes, size_t size,
                       struct packed_record *record, struct err *err)
{
	const msgpack_object *map = &reader->object, *id, *tokens;

	*record = (struct packed_record){0};
	if (!unpack(reader, bytes, size, record))
		return err_set(err, "expected a map");
	record->between = map_begins_with(map, "end") || map_begins_with(map, "memoscope");
	if (record->between)
		return 0;
	id = map_field(map, "id");
	tokens = map_field(map, "tokens");
	if (!id || id->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return err_set(err, "no \"id\", an integer of at least 0");
	if (!tokens || tokens->type != MSGPACK_OBJECT_BIN)
		return err_set(err, "no \"tokens\", binary data");
	record->id = id->via.u64;
	record->length = tokens->via.bin.size >> wide(reader);
	record->tokens = (const unsigned char *)tokens->via.bin.ptr;
	record->spans = map_field(map, "spans");
	return 0;
}

int packed_record_copy(struct packed_reader *reader, const struct packed_record *record,
                       uint32_t from, uint32_t count, uint16_t *token, uint8_t *kind,
                       struct err *err)
{
	const unsigned char *bytes = record->tokens + ((size_t)from << wide(reader));
	const uint16_t top = record_unpack_tokens(bytes, count, wide(reader), token);
	long spans = 0;

	if (count > 0 && top >= vocab_size(reader->vocab))
		return err_set(err, "token %u is not below the vocabulary's size, %d", top,
		               vocab_size(reader->vocab));
	if (record->spans)
		spans = record_unpack_spans(record->spans, record->length, reader->kinds, &reader->buffer,
		                            err);
	memset(kind, SPAN_OTHER, count);
	for (long i = 0; i < spans; i++) {
		const struct span *span = &reader->buffer.spans[i];
		const uint32_t begin = span->begin > from ? span->begin : from;
		const uint32_t end = span->end < from + count ? span->end : from + count;
		if (begin < end)
			memset(kind + (begin - from), span->kind, end - begin);
	}
	return spans < 0 ? -1 : 0;
}
