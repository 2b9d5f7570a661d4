/* msgpack_check.h - is a packed object allowed, and has it come whole?
 *
 * The check walks over the bytes without unpacking them. It takes no memory, whatever lengths
 * the bytes declare, and continues where it stopped when more bytes have come. So a reader
 * can trust an object before it takes memory for it.
 */
#ifndef MEMOSCOPE_MSGPACK_CHECK_H
#define MEMOSCOPE_MSGPACK_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define MSGPACK_DEPTH_MAX 16 /* of maps and arrays within one another */
#define MSGPACK_ENTRIES_MAX 256 /* of one map */

/* How large an object may be, with all it holds. */
struct msgpack_limits {
	const char *of; /* what it is, for messages: "a record" */
	size_t bytes;
	uint64_t objects; /* within it */
};

/* {0} at the start of an object. */
struct msgpack_check {
	size_t at; /* bytes passed; within a string, more than have come */
	uint64_t objects; /* that arrays and maps have announced */
	unsigned depth;
	struct {
		uint64_t left; /* objects that are still to come in it */
		int map; /* of a map's objects, those with an even number left are keys */
	} open[MSGPACK_DEPTH_MAX];
	int closed; /* the outermost object has no more to come */
};

/* Check the object that starts at bytes, of which size bytes have come. 1 if it is whole, and
 * check->at bytes long; 0 if it goes on after these bytes; -1 with err set if it exceeds a
 * limit, is not msgpack, holds an extension type or has a map key that is no string:
 * check->at is the place. */
int msgpack_check(struct msgpack_check *check, const struct msgpack_limits *limits,
                  const char *bytes, size_t size, struct err *err);

#endif
