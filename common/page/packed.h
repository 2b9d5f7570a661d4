/* packed.h - data for a page: compressed by gzip, in base64.
 *
 * Browsers undo both by themselves (atob, DecompressionStream), and nothing in base64 is markup.
 */
#ifndef MEMOSCOPE_PACKED_H
#define MEMOSCOPE_PACKED_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/base/text_buffer.h"

/* Append the packed form of size bytes to out. -1 with err set if memory is out. */
int packed_append(struct text_buffer *out, const void *bytes, size_t size, struct err *err);

/* The same of a JSON value, whose numbers get four digits. A value of NULL is out of memory. The
 * reference is taken over. */
int packed_append_json(struct text_buffer *out, json_t *value, struct err *err);

#endif
