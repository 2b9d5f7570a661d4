/* segment.h - the end map of a segment, for the two halves of stream.h. */
#ifndef MEMOSCOPE_SEGMENT_H
#define MEMOSCOPE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_END_BYTES 32 /* of an end map, at most */

/* {"end": count, "xxh3": checksum}, packed in the only form that is allowed:
 * these keys in this order, integers in their shortest form. Returns its size. */
size_t segment_end(char out[SEGMENT_END_BYTES], uint64_t count, uint64_t checksum);

#endif
