/* jsonl.h - the values of a file of JSON, one at a time, and any of them again.
 *
 * The file is either JSON Lines (https://jsonlines.org: values with whitespace between
 * them, be it newlines or not) or one JSON array of values (RFC 8259); its first
 * character tells, so the values of JSON Lines are objects, those of an array may be
 * arrays too. One value at a time is in memory, whatever the file's size; what cannot
 * be read twice, a pipe, is copied to a nameless temporary file first. Strings without
 * NUL, keys that do not repeat.
 */
#ifndef MEMOSCOPE_JSONL_H
#define MEMOSCOPE_JSONL_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"

#define JSONL_VALUE_MAX (1 << 26) /* bytes of one value at most */

/* Where a value stands. */
struct jsonl_place {
	uint64_t offset; /* bytes before it */
	uint32_t size; /* its bytes */
	uint64_t line; /* that it begins in, from 1 */
};

struct jsonl; /* own */

/* Open a file; "-" is standard input. NULL with err naming path. */
struct jsonl *jsonl_open(const char *path, struct err *err);
void jsonl_close(struct jsonl *file); /* NULL is allowed */
const char *jsonl_name(const struct jsonl *file); /* for messages */

/* The next value, the caller's to json_decref(), and where it stands: 1; at the end 0.
 * -1 with err naming path, line and column. */
int jsonl_next(struct jsonl *file, json_t **value, struct jsonl_place *place, struct err *err);

/* The value of size bytes at offset again; the caller's to json_decref(). NULL with err
 * set where the file is no longer what it was. */
json_t *jsonl_at(struct jsonl *file, uint64_t offset, uint32_t size, struct err *err);

#endif
