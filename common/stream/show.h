/* show.h - records as text: JSON, or fields of a table.
 *
 * msgpack says more than JSON: an unsigned integer of 64 bits is printed in all
 * its digits, NaN and infinities become null, binary data an array of numbers.
 * Which numbers, the header says under "bin": {FIELD: TYPE} (see stream.5).
 */
#ifndef MEMOSCOPE_SHOW_H
#define MEMOSCOPE_SHOW_H

#include <jansson.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* Text under way; {0} to begin with, show_release() in the end. Running out of
 * memory is sticky: failed. */
struct show {
	char *text; /* not NUL-terminated */
	size_t size, room;
	bool failed;
};
void show_release(struct show *show);
void show_clear(struct show *show); /* empty; the memory stays for the next */

void show_bytes(struct show *show, const char *bytes, size_t size);

/* Append an object as JSON on one line, without a newline. key is that of the
 * field it stands in, NULL where there is none; bin is the header's "bin", or
 * NULL. -1 with err set where it holds text that is not UTF-8, or binary data
 * that is no whole number of what "bin" says. */
int show_json(struct show *show, const msgpack_object *object, const char *key,
              const json_t *bin, struct err *err);

/* Append an object as a field of a table: a string with tabs, newlines, carriage
 * returns and backslashes as \t \n \r \\, numbers and JSON as they are, nothing
 * for nil and for NULL. */
int show_field(struct show *show, const msgpack_object *object, const char *key,
               const json_t *bin, struct err *err);

/* Check a header's "bin": a map of field names to types that show_json() knows. */
int show_check_bin(const json_t *bin, struct err *err);

/* show_field() of what stands at a dotted path of a map, "val.loss" or "spans.0.2",
 * where numbers count elements of arrays and of binary data: 1; 0 where there is none. */
int show_path(struct show *show, const msgpack_object *map, const char *path,
              const json_t *bin, struct err *err);

/* Append the paths, each after a comma but the first, of all that is neither
 * array nor binary data in a map and the maps within it. */
void show_paths(struct show *show, const msgpack_object *map);

#endif
