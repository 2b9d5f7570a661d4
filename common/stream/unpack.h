/* unpack.h - a packed object as msgpack-c's objects, checked and built in one pass.
 *
 * The short way for what has come whole and is right: it says yes or no. For what has not,
 * msgpack_check.h says how many bytes are missing or what is wrong.
 */
#ifndef MEMOSCOPE_UNPACK_H
#define MEMOSCOPE_UNPACK_H

#include <msgpack.h>
#include <stddef.h>

/* Unpack the object that starts at bytes: how many bytes it takes; 0 where it goes on after
 * size bytes, where msgpack_check() finds it wrong, and where memory is out. Arrays and maps
 * lie in zone, which gets at most one object for each byte that has come, whatever lengths the
 * bytes declare; strings and binary data stay where they are, and point somewhere also where
 * they are empty. *maps: how many maps it holds, itself among them. */
size_t unpack_object(msgpack_zone *zone, const char *bytes, size_t size,
                     msgpack_object *object, unsigned *maps);

#endif
