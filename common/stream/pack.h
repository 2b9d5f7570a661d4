/* pack.h - strings for msgpack-c's packer, which takes them in two steps. */
#ifndef MEMOSCOPE_PACK_H
#define MEMOSCOPE_PACK_H

#include <msgpack.h>
#include <stddef.h>
#include <string.h>

/* Pack a string of size bytes. NULL is allowed where size is 0. */
static inline void pack_string(msgpack_packer *packer, const char *text, size_t size)
{
	msgpack_pack_str(packer, size);
	if (size > 0)
		msgpack_pack_str_body(packer, text, size);
}

/* Pack a NUL-terminated string: the key of a map. */
static inline void pack_key(msgpack_packer *packer, const char *key)
{
	pack_string(packer, key, strlen(key));
}

#endif
