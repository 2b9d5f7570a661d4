/* stored_tensor.h - a tensor of a file: its name, type and shape, and its numbers as float32.
 *
 * float16 and bfloat16 are subsets of float32, so they become float32 without rounding. Other
 * types have a size, so that a file with buffers in them can be read around them.
 */
#ifndef MEMOSCOPE_STORED_TENSOR_H
#define MEMOSCOPE_STORED_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define STORED_DIMS_MAX 8

enum stored_dtype {
	STORED_F32,
	STORED_F16,
	STORED_BF16,
	STORED_F64,
	STORED_F8_E4M3,
	STORED_F8_E5M2,
	STORED_I64,
	STORED_I32,
	STORED_I16,
	STORED_I8,
	STORED_U64,
	STORED_U32,
	STORED_U16,
	STORED_U8,
	STORED_BOOL,
	STORED_DTYPES
};

/* The type of this name in a safetensors file; STORED_DTYPES: there is none. */
enum stored_dtype stored_dtype_named(const char *name);
const char *stored_dtype_name(enum stored_dtype dtype);
size_t stored_dtype_size(enum stored_dtype dtype); /* bytes of a number */

/* May it become float32 without rounding? */
bool stored_dtype_widens(enum stored_dtype dtype);

/* count numbers of a type that widens, at any address, into to. */
void stored_widen(enum stored_dtype dtype, const void *data, size_t count, float *to);

struct stored_tensor {
	const char *name;
	enum stored_dtype dtype;
	int dims;
	size_t shape[STORED_DIMS_MAX];
};

/* The product of the shape; -1 if it does not fit 63 bits. */
int64_t stored_tensor_count(const struct stored_tensor *tensor);

/* -1 with err set, which names path, tensor and both shapes, if the shape is another one. */
int stored_tensor_check_shape(const char *path, const struct stored_tensor *tensor, int dims,
                              const size_t *shape, struct err *err);

#endif
