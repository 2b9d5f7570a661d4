/* text_format.h - msgpack objects as text: JSON on one line, or fields of a table.
 *
 * All functions append to a text buffer; running out of memory shows in its `failed`.
 *
 * msgpack holds more than JSON. An integer is printed with all its digits; in JSON it is a string
 * if it is beyond JSON_INTEGER_MAX (json.h). NaN and infinities are null in JSON, and nan, inf and
 * -inf in a table. Binary data is an array of numbers; the header's "bin" says which type they
 * have, as {FIELD: TYPE} (see stream.5). Without a type, they are bytes.
 */
#ifndef MEMOSCOPE_TEXT_FORMAT_H
#define MEMOSCOPE_TEXT_FORMAT_H

#include <jansson.h>
#include <msgpack.h>

#include "common/base/err.h"
#include "common/base/text_buffer.h"

/* In all of these, bin is the header's "bin", or NULL if it has none. */

/* Check a header's "bin": a map from field names to types that are known. -1 with err set. */
int text_format_check_bin(const json_t *bin, struct err *err);

/* Append an object as JSON on one line, without a newline. key is the key of the field that
 * holds the object, or NULL. -1 with err set if a string is not UTF-8, or if binary data
 * ends within a number of its type. */
int text_format_json(struct text_buffer *out, const msgpack_object *object, const char *key,
                     const json_t *bin, struct err *err);

/* Append an object as a field of a table. Strings are escaped as ESCAPE_FIELD (escape.h) says, and
 * so are binary data whose type bin does not tell: texts that are not UTF-8. Arrays, maps and other
 * binary data are JSON. nil is empty, and so is NULL, which stands for no object.
 * Errors as above. */
int text_format_field(struct text_buffer *out, const msgpack_object *object, const char *key,
                      const json_t *bin, struct err *err);

/* Append as a field what stands in a map at a dotted path, such as "val.loss" or "spans.0.2".
 * A number counts elements of an array or of binary data, from 0. Returns 1, or 0 if nothing
 * stands there, or -1 with err set as above. */
int text_format_path(struct text_buffer *out, const msgpack_object *map, const char *path,
                     const json_t *bin, struct err *err);

/* Append the paths of all fields of a map and of the maps within it, separated by commas.
 * Arrays and binary data are left out. */
void text_format_paths(struct text_buffer *out, const msgpack_object *map);

#endif
