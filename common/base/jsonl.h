/* jsonl.h - the values of a JSON file, one at a time, and any of them again.
 *
 * The file is either JSON Lines (https://jsonlines.org; the values are objects, with any
 * whitespace between them) or one JSON array of values (RFC 8259); its first character tells which.
 * A byte order mark at the beginning of the file or before a line's value is passed over.
 * Only one value at a time is in memory. Input that cannot be read twice (a pipe) is copied, as it
 * is read, to a temporary file without a name. Strings with NUL and repeated keys are errors.
 */
#ifndef MEMOSCOPE_JSONL_H
#define MEMOSCOPE_JSONL_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"

#define JSONL_VALUE_MAX (1 << 24) /* bytes of one value at most */

/* The place of a value in its file. */
struct jsonl_place {
	uint64_t offset; /* bytes before it */
	uint32_t size; /* its bytes */
	uint64_t line; /* where it begins, from 1 */
};

struct jsonl; /* own */

/* Open a file; "-" is standard input. A copy has at most copy_max bytes. NULL with err naming
 * path. */
struct jsonl *jsonl_open(const char *path, uint64_t copy_max, struct err *err);
void jsonl_close(struct jsonl *file); /* NULL is allowed */
const char *jsonl_name(const struct jsonl *file); /* for messages */

/* The next value (the caller's to json_decref()) and its place: 1; at the end 0. -1 with err
 * set, which names path, line and column. */
int jsonl_next(struct jsonl *file, json_t **value, struct jsonl_place *place, struct err *err);

/* Read the value of size bytes at offset again; the caller's to json_decref(). NULL with err set
 * if the file has changed. */
json_t *jsonl_at(struct jsonl *file, uint64_t offset, uint32_t size, struct err *err);

#endif
