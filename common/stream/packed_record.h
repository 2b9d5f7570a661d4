/* packed_record.h - a record of tokens in the bytes of its stream, read again when it is needed.
 *
 * The stream was read and checked before, so an error means that its bytes have changed since.
 * They are checked all the same: nothing is read or written beyond what there is.
 */
#ifndef MEMOSCOPE_PACKED_RECORD_H
#define MEMOSCOPE_PACKED_RECORD_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/record.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"

/* Reads one record after another. The caller's memory. */
struct packed_reader {
	const struct vocab *vocab; /* of the stream; the caller's, as kinds */
	struct span_kinds *kinds; /* words of new kinds are added */
	msgpack_zone *zone; /* private, as all below: owned */
	msgpack_object object;
	struct record_buffer buffer;
};

/* -1 with err set if memory is out. */
int packed_reader_init(struct packed_reader *reader, const struct vocab *vocab,
                       struct span_kinds *kinds, struct err *err);
void packed_reader_release(struct packed_reader *reader); /* a zeroed one is allowed */

struct packed_record {
	size_t size; /* bytes that it takes */
	bool between; /* it is no record but an end map or a header; then all else is 0 */
	uint64_t id;
	uint32_t length; /* tokens */
	const unsigned char *tokens; /* private, as all below: in the bytes */
	const msgpack_object *spans; /* in the zone; NULL: none */
};

/* The record that begins at bytes, of which size bytes are there. It is valid until the next one is
 * opened, and as long as the bytes. -1 with err set, which does not name the place. */
int packed_record_open(struct packed_reader *reader, const char *bytes, size_t size,
                       struct packed_record *record, struct err *err);

/* Copy count of its tokens, and their kinds, beginning with token number from. from + count is at
 * most its length. Errors as above. */
int packed_record_copy(struct packed_reader *reader, const struct packed_record *record,
                       uint32_t from, uint32_t count, uint16_t *token, uint8_t *kind,
                       struct err *err);

#endif
