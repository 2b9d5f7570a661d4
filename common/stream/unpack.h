/* unpack.h - a packed object becomes msgpack-c's objects, checked in the same pass.
 *
 * This is the fast way for objects that have come whole and are allowed: it answers yes or
 * no. After a no, msgpack_check.h says what is wrong or missing.
 */
#ifndef MEMOSCOPE_UNPACK_H
#define MEMOSCOPE_UNPACK_H

#include <msgpack.h>
#include <stddef.h>

#include "common/stream/msgpack_check.h"

/* Unpack the object that starts at bytes, of which size bytes have come. Returns how many
 * bytes it takes; 0 if it has not come whole, if msgpack_check() would refuse it, or if memory
 * is out. *maps is set to the number of maps in it, itself included.
 *
 * Arrays and maps lie in zone, which gets at most one object for each byte that has come,
 * whatever lengths the bytes declare. Strings and binary data stay in bytes; they are not NULL,
 * even if they are empty. */
size_t unpack_object(msgpack_zone *zone, const struct msgpack_limits *limits,
                     const char *bytes, size_t size, msgpack_object *object, unsigned *maps);

#endif
