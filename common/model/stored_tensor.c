#include "common/model/stored_tensor.h"

#include <stdio.h>
#include <string.h>

static void widen_f32(const unsigned char *data, size_t count, float *to)
{
	memcpy(to, data, count * sizeof *to);
}

/* The sign, eight bits of exponent and the upper seven of the mantissa of a float32. */
static void widen_bf16(const unsigned char *data, size_t count, float *to)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t half;
		memcpy(&half, data + i * sizeof half, sizeof half);
		const uint32_t bits = (uint32_t)half << 16;
		memcpy(&to[i], &bits, sizeof bits);
	}
}

/* IEEE 754 binary16: five bits of exponent, biased by 15, and ten of the mantissa. */
static void widen_f16(const unsigned char *data, size_t count, float *to)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t half;
		memcpy(&half, data + i * sizeof half, sizeof half);
		const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
		const uint32_t exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
		const float small = (float)mantissa * 0x1p-24f; /* below 2^-14, or 0 */
		uint32_t bits;

		memcpy(&bits, &small, sizeof bits);
		if (exponent == 0x1f) /* infinity, or no number */
			bits = 0x7f800000 | mantissa << 13;
		else if (exponent > 0)
			bits = (exponent - 15 + 127) << 23 | mantissa << 13;
		bits |= sign;
		memcpy(&to[i], &bits, sizeof bits);
	}
}

static const struct {
	const char *name; /* in safetensors */
	size_t size;
	void (*widen)(const unsigned char *data, size_t count, float *to); /* NULL: it would round */
} dtypes[STORED_DTYPES] = {
	[STORED_F32] = {"F32", 4, widen_f32},
	[STORED_F16] = {"F16", 2, widen_f16},
	[STORED_BF16] = {"BF16", 2, widen_bf16},
	[STORED_F64] = {"F64", 8, NULL},
	[STORED_F8_E4M3] = {"F8_E4M3", 1, NULL},
	[STORED_F8_E5M2] = {"F8_E5M2", 1, NULL},
	[STORED_I64] = {"I64", 8, NULL},
	[STORED_I32] = {"I32", 4, NULL},
	[STORED_I16] = {"I16", 2, NULL},
	[STORED_I8] = {"I8", 1, NULL},
	[STORED_U64] = {"U64", 8, NULL},
	[STORED_U32] = {"U32", 4, NULL},
	[STORED_U16] = {"U16", 2, NULL},
	[STORED_U8] = {"U8", 1, NULL},
	[STORED_BOOL] = {"BOOL", 1, NULL},
};

enum stored_dtype stored_dtype_named(const char *name)
{
	int i = 0;

	while (i < STORED_DTYPES && strcmp(name, dtypes[i].name) != 0)
		i++;
	return (enum stored_dtype)i;
}

const char *stored_dtype_name(enum stored_dtype dtype)
{
	return dtypes[dtype].name;
}

size_t stored_dtype_size(enum stored_dtype dtype)
{
	return dtypes[dtype].size;
}

bool stored_dtype_widens(enum stored_dtype dtype)
{
	return dtypes[dtype].widen != NULL;
}

void stored_widen(enum stored_dtype dtype, const void *data, size_t count, float *to)
{
	if (count > 0)
		dtypes[dtype].widen(data, count, to);
}

int64_t stored_tensor_count(const struct stored_tensor *tensor)
{
	int64_t count = 1;
	bool empty = false; /* then no other dimension matters */

	for (int i = 0; i < tensor->dims; i++)
		empty |= tensor->shape[i] == 0;
	for (int i = 0; i < tensor->dims && !empty; i++)
		if (__builtin_mul_overflow(count, tensor->shape[i], &count))
			return -1;
	return empty ? 0 : count;
}

/* Write a shape like "[70, 4]" into text. */
static void shape_text(char *text, size_t room, int dims, const size_t *shape)
{
	size_t at = (size_t)snprintf(text, room, "[");

	for (int i = 0; i < dims && at < room; i++)
		at += (size_t)snprintf(text + at, room - at, "%s%zu", i ? ", " : "", shape[i]);
	if (at < room)
		snprintf(text + at, room - at, "]");
}

int stored_tensor_check_shape(const char *path, const struct stored_tensor *tensor, int dims,
                              const size_t *shape, struct err *err)
{
	char have[192], want[64];

	bool same = tensor->dims == dims;
	for (int i = 0; i < dims && same; i++)
		same = tensor->shape[i] == shape[i];
	if (same)
		return 0;
	shape_text(have, sizeof have, tensor->dims, tensor->shape);
	shape_text(want, sizeof want, dims, shape);
	return err_set(err, "%s: tensor \"%s\" has shape %s, expected %s", path, tensor->name, have,
	               want);
}
