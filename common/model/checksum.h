/* checksum.h - XXH3 checksums that the files of a model carry, so that damage is noticed.
 *
 * A checksum stands in the metadata of a file, or in a JSON object, under CHECKSUM_KEY, as 16
 * hexadecimal digits. It covers what the file means, not how it is laid out: the order of keys and
 * of tensors, and blanks, may change.
 */
#ifndef MEMOSCOPE_CHECKSUM_H
#define MEMOSCOPE_CHECKSUM_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/err.h"

#define CHECKSUM_KEY "xxh3"
#define CHECKSUM_SIZE 17 /* the digits and a NUL */

/* Of a JSON object, its own checksum left out. -1 with err set if memory is out. */
int checksum_of_json(const json_t *object, char digits[CHECKSUM_SIZE], struct err *err);

/* A tensor of a safetensors file. */
struct checksum_tensor {
	const char *name;
	const json_t *entry; /* of the file's header: its "dtype" and "shape" are covered */
	const void *data;
	size_t size; /* bytes of data */
};

/* Of metadata (NULL: none), its own checksum left out, and tensors, which it sorts by name. -1
 * with err set if memory is out. */
int checksum_of_tensors(const json_t *metadata, struct checksum_tensor *tensors, size_t count,
                        char digits[CHECKSUM_SIZE], struct err *err);

/* Compare the checksum that a JSON object holds, if it holds one, with the right one. path: of the
 * file, for the message. -1 with err set if they differ. */
int checksum_check(const json_t *object, const char *right, const char *path, struct err *err);

#endif
