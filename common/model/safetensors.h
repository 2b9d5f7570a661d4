/* safetensors.h - named tensors in a file.
 *
 * https://huggingface.co/docs/safetensors: eight bytes header size (little
 * endian), a JSON header {"name": {"dtype", "shape", "data_offsets"}, …,
 * "__metadata__": {string: string}}, then the data. float32 only, here.
 */
#ifndef MEMOSCOPE_SAFETENSORS_H
#define MEMOSCOPE_SAFETENSORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/file.h"

/* A tensor to write. */
struct safetensor {
	const char *name;
	int dims; /* 1 or 2 */
	size_t shape[2];
	const float *data; /* shape's product floats */
};

/* Write path whole or not at all: a temporary file beside it, fsync, rename.
 * metadata: a JSON object of strings, or NULL. -1 with err set. */
int safetensors_write(const char *path, const struct safetensor *tensors, int count,
                      const json_t *metadata, struct err *err);

/* The bytes of such a file, for who writes it together with others
 * (file_replace_all): parts point into the tensors' data. -1 with err set. */
struct safetensors_image {
	struct iovec *parts; /* owned */
	int count;
};
int safetensors_image(struct safetensors_image *image, const struct safetensor *tensors,
                      int count, const json_t *metadata, struct err *err);
void safetensors_image_release(struct safetensors_image *image);

struct safetensors; /* an open file, mapped */

/* Open and check everything: header size, JSON, dtypes, shapes, offsets in
 * bounds, no overlap, no gap. NULL with err naming the tensor and the fault. */
struct safetensors *safetensors_open(const char *path, struct err *err);
void safetensors_close(struct safetensors *file); /* NULL is allowed */

/* The data of a tensor of exactly this shape (dims 1 or 2), valid until close.
 * NULL with err set where it is missing or of another shape. */
const float *safetensors_find(const struct safetensors *file, const char *name, int dims,
                              const size_t *shape, struct err *err);

/* How many tensors the file holds, and their names (i below that), sorted. */
size_t safetensors_count(const struct safetensors *file);
const char *safetensors_name(const struct safetensors *file, size_t i);

/* A value of the metadata, or NULL. Owned by file. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

#endif
