/* text_field.h - texts and pieces of text in msgpack: a string, or binary data if the bytes are
 * not UTF-8. */
#ifndef MEMOSCOPE_TEXT_FIELD_H
#define MEMOSCOPE_TEXT_FIELD_H

#include <msgpack.h>
#include <stdbool.h>

#include "common/stream/vocab.h"

void text_field_pack(msgpack_packer *packer, const char *text, size_t size);

/* The bytes of a field, which stay where they are. False if object is NULL, neither a string nor
 * binary data, or a string that is not UTF-8. */
bool text_field_read(const msgpack_object *object, struct piece *text);

#endif
