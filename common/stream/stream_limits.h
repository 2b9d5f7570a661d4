/* stream_limits.h - how large the maps of a stream may be (stream.5 has the same numbers).
 *
 * Readers take memory for what comes, so what comes has limits: some times what serious use needs.
 */
#ifndef MEMOSCOPE_STREAM_LIMITS_H
#define MEMOSCOPE_STREAM_LIMITS_H

#include "common/stream/msgpack_check.h"

/* Of a header, and of an end map. */
extern const struct msgpack_limits stream_header_limits;

/* Of the records of a stream of this kind: matrices of attention are larger than texts. */
const struct msgpack_limits *stream_record_limits(const char *kind);

#endif
