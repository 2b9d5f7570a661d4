/* segment.h - the end map of a segment, which proves that the segment is whole.
 *
 *   {"end": how many records, "xxh3": the checksum of all bytes from the header up to here}
 *
 * Only one form is allowed: these keys in this order, and integers in their shortest form.
 */
#ifndef MEMOSCOPE_SEGMENT_H
#define MEMOSCOPE_SEGMENT_H

#include <msgpack.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define SEGMENT_END_BYTES 32 /* of an end map, at most */

/* Pack an end map. Returns its size in bytes. */
size_t segment_end(char out[SEGMENT_END_BYTES], uint64_t count, uint64_t checksum);

/* Check an end map against the records and bytes that came before it. It comes as an object
 * and as the size bytes it was unpacked from. -1 with err set. */
int segment_check_end(const msgpack_object *map, const char *bytes, size_t size, uint64_t count,
                      uint64_t checksum, struct err *err);

#endif
