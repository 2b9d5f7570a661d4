/* json.h - values from msgpack to JSON and back.
 *
 * JSON is in memory here, as jansson's values; text_format.h prints it.
 */
#ifndef MEMOSCOPE_JSON_H
#define MEMOSCOPE_JSON_H

#include <jansson.h>
#include <msgpack.h>

#include "common/base/err.h"

/* An object as a JSON value: binary data becomes an array of numbers from 0 to 255; NaN and
 * infinities become null. A new reference. NULL with err set if memory is out or if the object
 * has no JSON form: a map key that is no string, holds U+0000 or has 256 bytes or more; text that
 * is not UTF-8; an integer above INT64_MAX, which would lose digits. */
json_t *json_from_msgpack(const msgpack_object *object, struct err *err);

/* Integers from 2^53 on, and from -2^53 down, are strings of digits in the JSON that memoscope
 * prints, and are refused in what it reads: jq and JavaScript round such numbers without a word. */
#define JSON_INTEGER_MAX (((int64_t)1 << 53) - 1)

/* Pack a JSON value. */
void json_to_msgpack(const json_t *value, msgpack_packer *packer);

#endif
