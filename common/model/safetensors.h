/* safetensors.h - named tensors in a file. We write float32 only.
 *
 * The format (https://huggingface.co/docs/safetensors): eight bytes size of the header, low
 * byte first; a JSON header {"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__":
 * {string: string}}; the data.
 */
#ifndef MEMOSCOPE_SAFETENSORS_H
#define MEMOSCOPE_SAFETENSORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/base/err.h"
#include "common/model/stored_tensor.h"

/* ---- writing ---- */

/* A tensor to write. */
struct safetensor {
	const char *name;
	int dims; /* 1 or 2 */
	size_t shape[2];
	const float *data; /* the product of shape, row-major */
};

/* The bytes of a file, in parts, for file_replace_all(). */
struct safetensors_image {
	struct iovec *parts; /* owned; the parts after the header point into the tensors' data */
	int count;
};

/* Make the bytes of a file of these tensors. metadata: a JSON object of strings, or NULL. -1
 * with err set; then there is nothing to release. */
int safetensors_image(struct safetensors_image *image, const struct safetensor *tensors,
                      int count, const json_t *metadata, struct err *err);
void safetensors_image_release(struct safetensors_image *image);

/* ---- reading ---- */

struct safetensors; /* an open file, mapped into memory */

/* Open a file and check all of its header: size, JSON, types, shapes; offsets lie within the
 * file, without overlap or gap. NULL with err set, which names the tensor and the fault. */
struct safetensors *safetensors_open(const char *path, struct err *err);
void safetensors_close(struct safetensors *file); /* NULL is allowed */

/* How many tensors the file holds, and number i below that; they are sorted by name. The file
 * owns them. */
size_t safetensors_count(const struct safetensors *file);
const struct stored_tensor *safetensors_tensor(const struct safetensors *file, size_t i);

/* The tensor of a name, or NULL. */
const struct stored_tensor *safetensors_named(const struct safetensors *file, const char *name);

/* The numbers of one of these tensors, row-major, at any address; they go with the file. */
const void *safetensors_data(const struct safetensors *file, const struct stored_tensor *tensor);

/* The data of a float32 tensor of exactly this shape[dims], valid until the file is closed. NULL
 * with err set if it is missing, has another shape or type, or does not stand aligned. */
const float *safetensors_find(const struct safetensors *file, const char *name, int dims,
                              const size_t *shape, struct err *err);

const char *safetensors_path(const struct safetensors *file); /* for messages */
/* Give back the memory of a tensor's numbers, which the caller has read. They may be read again. */
void safetensors_drop(const struct safetensors *file, const struct stored_tensor *tensor);

size_t safetensors_size(const struct safetensors *file); /* bytes of the file */

/* A value of the metadata, or NULL. The file owns it. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

#endif
