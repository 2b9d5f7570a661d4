/* msgpack_check.h - how many bytes a packed object takes, found without unpacking it.
 *
 * The pass that lets a reader trust nothing: it takes no memory, whatever
 * lengths the bytes declare, and goes on where it stopped when more have come.
 */
#ifndef MEMOSCOPE_MSGPACK_CHECK_H
#define MEMOSCOPE_MSGPACK_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define MSGPACK_DEPTH_MAX 16 /* maps and arrays within one another */
#define MSGPACK_BYTES_MAX ((size_t)1 << 30) /* of one object with all it holds */
#define MSGPACK_OBJECTS_MAX ((uint64_t)1 << 23) /* within one object */
#define MSGPACK_ENTRIES_MAX 256 /* of one map */

/* {0} at the start of an object. */
struct msgpack_check {
	size_t at; /* bytes passed; more than there are while a string is under way */
	uint64_t objects;
	unsigned depth;
	struct {
		uint64_t left; /* objects that are still to come in it */
		int map; /* of a map's objects, those with an even number left are keys */
	} open[MSGPACK_DEPTH_MAX];
	int closed; /* the outermost object has no more to come */
};

/* Measure the object that starts at bytes: 1 when it is whole and measure->at
 * bytes long, 0 when it goes on after size bytes, -1 with err set where it
 * passes a limit above, is no msgpack, holds an extension type or has a map key
 * that is no string; then measure->at is the place. */
int msgpack_check(struct msgpack_check *check, const char *bytes, size_t size, struct err *err);

#endif
