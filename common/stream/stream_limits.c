#include "common/stream/stream_limits.h"

#include <string.h>

#include "common/stream/header.h"

/* The largest vocabulary takes 256 KiB, but a chain lists the files of many command lines. */
const struct msgpack_limits stream_header_limits = {
	"a header", (size_t)16 << 20, (uint64_t)1 << 20};

static const struct msgpack_limits
	record_limits = {"a record", (size_t)64 << 20, (uint64_t)1 << 23},
	row_limits = {"a record", (size_t)1 << 30, (uint64_t)1 << 23};

const struct msgpack_limits *stream_record_limits(const char *kind)
{
	if (strcmp(kind, STREAM_ATTENTION) == 0 || strcmp(kind, STREAM_ACTIVATIONS) == 0)
		return &row_limits;
	return &record_limits;
}
