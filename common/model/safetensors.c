#include "common/model/safetensors.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file_map.h"
#include "common/model/checksum.h"
#include "common/model/foreign_file.h"
#include "common/model/stored_tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(float) == 4,
               "tensors are read and written as little endian float32");

#define SIZE_BYTES 8 /* of the number before the header, which is the header's size */
#define ALIGNMENT 64 /* of the data, in files that we write */
/* The JSON of 512 layers takes 1 MB; jansson may take forty times the text. */
#define HEADER_MAX (4 << 20)

/* ---- writing ---- */

/* The header's entry for a tensor whose data begin at offset. */
static json_t *tensor_entry(const struct safetensor *tensor, size_t begin, size_t end)
{
	json_t *shape = json_array();

	for (int i = 0; i < tensor->dims; i++)
		json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
	return json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape, "data_offsets",
	                 (json_int_t)begin, (json_int_t)end);
}

static size_t tensor_bytes(const struct safetensor *tensor)
{
	size_t bytes = sizeof(float);

	for (int i = 0; i < tensor->dims; i++)
		bytes *= tensor->shape[i];
	return bytes;
}

/* The JSON header. Its metadata get a checksum. NULL with err set. */
static json_t *new_header(const struct safetensor *tensors, int count, const json_t *metadata,
                          struct err *err)
{
	json_t *header = json_object(), *own = metadata ? json_copy((json_t *)metadata) : json_object();
	struct checksum_tensor *list = calloc((size_t)count + 1, sizeof *list);
	char digits[CHECKSUM_SIZE];
	size_t begin = 0;
	int result = -1;

	json_object_set_new(header, "__metadata__", own);
	for (int i = 0; list && i < count; i++) {
		const size_t size = tensor_bytes(&tensors[i]);
		json_t *entry = tensor_entry(&tensors[i], begin, begin + size);
		json_object_set_new(header, tensors[i].name, entry);
		list[i] = (struct checksum_tensor){tensors[i].name, entry, tensors[i].data, size};
		begin += size;
	}
	if (list)
		result = checksum_of_tensors(own, list, (size_t)count, digits, err);
	if (result == 0)
		result = json_object_set_new(own, CHECKSUM_KEY, json_string(digits));
	free(list);
	if (result == 0)
		return header;
	json_decref(header);
	err_set(err, "out of memory");
	return NULL;
}

/* Size and JSON of the header, padded with spaces to align the data. To free(). NULL with err
 * set. */
static char *header_text(const struct safetensor *tensors, int count, const json_t *metadata,
                         size_t *size, struct err *err)
{
	json_t *header = new_header(tensors, count, metadata, err);
	char *json = header ? json_dumps(header, JSON_COMPACT) : NULL, *text = NULL;
	const size_t length = json ? strlen(json) : 0;

	*size = (SIZE_BYTES + length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (json && (text = malloc(*size))) {
		uint64_t padded = *size - SIZE_BYTES;
		memcpy(text, &padded, SIZE_BYTES);
		memcpy(text + SIZE_BYTES, json, length);
		memset(text + SIZE_BYTES + length, ' ', padded - length);
	} else {
		err_set(err, "out of memory");
	}
	json_decref(header);
	free(json);
	return text;
}

int safetensors_image(struct safetensors_image *image, const struct safetensor *tensors,
                      int count, const json_t *metadata, struct err *err)
{
	size_t size;
	char *header = header_text(tensors, count, metadata, &size, err);

	image->parts = calloc((size_t)count + 1, sizeof *image->parts);
	if (!header || !image->parts) {
		free(header);
		free(image->parts);
		return err_set(err, "out of memory");
	}
	image->count = count + 1;
	image->parts[0] = (struct iovec){header, size};
	for (int i = 0; i < count; i++) {
		image->parts[i + 1] = (struct iovec){(void *)tensors[i].data,
		                                     tensor_bytes(&tensors[i])};
	}
	return 0;
}

void safetensors_image_release(struct safetensors_image *image)
{
	free(image->parts[0].iov_base);
	free(image->parts);
}

/* ---- reading ---- */

/* A tensor of an open file. */
struct entry {
	struct stored_tensor tensor; /* its name is in the JSON header */
	uint64_t begin, end; /* bytes of the data */
};

struct safetensors {
	char *path; /* for messages */
	struct file_map map;
	json_t *header;
	const char *data; /* in map */
	struct entry *entries; /* by name */
	size_t count;
};

static bool whole_number(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* Read type and shape of a tensor; *bytes: of its data. */
static int read_shape(const char *path, struct stored_tensor *tensor, const json_t *value,
                      uint64_t *bytes, struct err *err)
{
	const char *dtype = json_string_value(json_object_get(value, "dtype"));
	const json_t *shape = json_object_get(value, "shape");
	size_t dims = json_array_size(shape);

	tensor->dtype = dtype ? stored_dtype_named(dtype) : STORED_DTYPES;
	if (tensor->dtype == STORED_DTYPES)
		return err_set(err, "%s: tensor \"%s\": dtype is %s, which is not known", path,
		               tensor->name, dtype ? dtype : "missing");
	if (!json_is_array(shape) || dims > STORED_DIMS_MAX)
		return err_set(err, "%s: tensor \"%s\": shape is not an array of at most %d "
		               "numbers", path, tensor->name, STORED_DIMS_MAX);
	tensor->dims = (int)dims;
	for (size_t i = 0; i < dims; i++) {
		const json_t *number = json_array_get(shape, i);
		if (!whole_number(number))
			return err_set(err, "%s: tensor \"%s\": shape holds what is no whole "
			               "number", path, tensor->name);
		tensor->shape[i] = (size_t)json_integer_value(number);
	}
	const int64_t count = stored_tensor_count(tensor);
	if (count < 0 || __builtin_mul_overflow((uint64_t)count, stored_dtype_size(tensor->dtype),
	                                        bytes))
		return err_set(err, "%s: tensor \"%s\": shape is too large", path, tensor->name);
	return 0;
}

/* Read and check one tensor of the header. data_size: bytes after the header. */
static int read_entry(const char *path, struct entry *entry, const json_t *value,
                      uint64_t data_size, struct err *err)
{
	const json_t *offsets = json_object_get(value, "data_offsets");
	const char *name = entry->tensor.name;
	const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
	uint64_t bytes = 0;

	if (!json_is_object(value))
		return err_set(err, "%s: tensor \"%s\" is no JSON object", path, name);
	if (read_shape(path, &entry->tensor, value, &bytes, err) < 0)
		return -1;
	if (json_array_size(offsets) != 2 || !whole_number(begin) || !whole_number(end))
		return err_set(err, "%s: tensor \"%s\": data_offsets are not two whole numbers",
		               path, name);
	entry->begin = (uint64_t)json_integer_value(begin);
	entry->end = (uint64_t)json_integer_value(end);
	if (entry->begin > entry->end || entry->end > data_size)
		return err_set(err, "%s: tensor \"%s\": data_offsets %" PRIu64 " to %" PRIu64
		               " do not lie in the file's %" PRIu64 " bytes of data", path,
		               name, entry->begin, entry->end, data_size);
	if (entry->end - entry->begin != bytes)
		return err_set(err, "%s: tensor \"%s\": %" PRIu64 " bytes of data, but its shape "
		               "takes %" PRIu64, path, name, entry->end - entry->begin,
		               bytes);
	return 0;
}

static int check_metadata(const char *path, json_t *metadata, struct err *err)
{
	const char *key;
	json_t *value;

	if (metadata && !json_is_object(metadata))
		return err_set(err, "%s: __metadata__ is no JSON object", path);
	json_object_foreach(metadata, key, value) {
		if (!json_is_string(value))
			return err_set(err, "%s: __metadata__: \"%s\" is no string", path, key);
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->tensor.name, y->tensor.name);
}

/* Tensors must fill the data from first to last byte, each byte once. */
static int check_cover(const char *path, const struct entry *entries, size_t count,
                       uint64_t data_size, struct err *err)
{
	uint64_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (entries[i].begin < at)
			return err_set(err, "%s: tensor \"%s\" begins at byte %" PRIu64
			               ", inside tensor \"%s\"", path, entries[i].tensor.name,
			               entries[i].begin, entries[i - 1].tensor.name);
		if (entries[i].begin > at)
			return err_set(err, "%s: tensor \"%s\" begins at byte %" PRIu64
			               ", leaving a gap after byte %" PRIu64, path,
			               entries[i].tensor.name, entries[i].begin, at);
		at = entries[i].end;
	}
	if (at != data_size)
		return err_set(err, "%s: %" PRIu64 " bytes of data, but the tensors end at byte %"
		               PRIu64, path, data_size, at);
	return 0;
}

/* Read all tensors of the header, sorted by name. */
static int read_entries(struct safetensors *file, uint64_t data_size, struct err *err)
{
	const char *key;
	json_t *value;

	file->entries = calloc(json_object_size(file->header) + 1, sizeof *file->entries);
	if (!file->entries)
		return err_set(err, "%s: out of memory", file->path);
	if (check_metadata(file->path, json_object_get(file->header, "__metadata__"), err) < 0)
		return -1;
	json_object_foreach(file->header, key, value) {
		if (strcmp(key, "__metadata__") == 0)
			continue;
		struct entry *entry = &file->entries[file->count++];
		entry->tensor.name = key;
		if (read_entry(file->path, entry, value, data_size, err) < 0)
			return -1;
	}
	qsort(file->entries, file->count, sizeof *file->entries, by_place);
	if (check_cover(file->path, file->entries, file->count, data_size, err) < 0)
		return -1;
	qsort(file->entries, file->count, sizeof *file->entries, by_name);
	return 0;
}

/* Parse the JSON header, after a check of its size. */
static int read_header(struct safetensors *file, uint64_t *header_size, struct err *err)
{
	const char *text = file->map.bytes + SIZE_BYTES;
	const char *kind = NULL;
	json_error_t error;

	memcpy(header_size, file->map.bytes, SIZE_BYTES);
	if (file->map.size > SIZE_BYTES && text[0] != '{')
		kind = foreign_file_kind(file->map.bytes, file->map.size);
	if (kind)
		return err_set(err, "%s: %s", file->path, kind);
	if (*header_size > file->map.size - SIZE_BYTES)
		return err_set(err, "%s: header of %" PRIu64 " bytes in a file of %zu", file->path,
		               *header_size, file->map.size);
	if (*header_size > HEADER_MAX)
		return err_set(err, "%s: header of %" PRIu64 " bytes, expected at most %d",
		               file->path, *header_size, HEADER_MAX);
	if (*header_size < 2 || text[0] != '{')
		return err_set(err, "%s: header is no JSON object: not a safetensors file",
		               file->path);
	file->header = json_loadb(text, (size_t)*header_size, JSON_REJECT_DUPLICATES, &error);
	if (!file->header)
		return err_set(err, "%s: header, byte %d: %s", file->path, error.position,
		               error.text);
	return 0;
}

/* A file from elsewhere has no checksum. */
static int check_checksum(const struct safetensors *file, struct err *err)
{
	const json_t *metadata = json_object_get(file->header, "__metadata__");
	struct checksum_tensor *list;
	char digits[CHECKSUM_SIZE];

	if (!json_object_get(metadata, CHECKSUM_KEY))
		return 0;
	list = calloc(file->count + 1, sizeof *list);
	if (!list)
		return err_set(err, "%s: out of memory", file->path);
	for (size_t i = 0; i < file->count; i++) {
		const struct entry *entry = &file->entries[i];
		const char *name = entry->tensor.name;
		list[i] = (struct checksum_tensor){name, json_object_get(file->header, name),
		                                   file->data + entry->begin, entry->end - entry->begin};
	}
	int result = checksum_of_tensors(metadata, list, file->count, digits, err);
	free(list);
	return result < 0 ? -1 : checksum_check(metadata, digits, file->path, err);
}

static int open_file(struct safetensors *file, struct err *err)
{
	uint64_t header_size;

	if (file_map_open(&file->map, file->path, err) < 0)
		return -1;
	if (file->map.size < SIZE_BYTES)
		return err_set(err, "%s: %zu bytes: too short for a safetensors file", file->path,
		               file->map.size);
	if (read_header(file, &header_size, err) < 0)
		return -1;
	if (read_entries(file, file->map.size - SIZE_BYTES - header_size, err) < 0)
		return -1;
	file->data = file->map.bytes + SIZE_BYTES + header_size;
	if (check_checksum(file, err) < 0)
		return -1;
	file_map_drop(&file->map, 0, file->map.size);
	return 0;
}

struct safetensors *safetensors_open(const char *path, struct err *err)
{
	struct safetensors *file = calloc(1, sizeof *file);

	if (!file || !(file->path = strdup(path))) {
		free(file);
		err_set(err, "out of memory");
		return NULL;
	}
	if (open_file(file, err) < 0) {
		safetensors_close(file);
		return NULL;
	}
	return file;
}

void safetensors_close(struct safetensors *file)
{
	if (!file)
		return;
	file_map_close(&file->map);
	json_decref(file->header);
	free(file->entries);
	free(file->path);
	free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
	return file->count;
}

const struct stored_tensor *safetensors_tensor(const struct safetensors *file, size_t i)
{
	return &file->entries[i].tensor;
}

const struct stored_tensor *safetensors_named(const struct safetensors *file, const char *name)
{
	struct entry key = {.tensor.name = name};
	const struct entry *entry = bsearch(&key, file->entries, file->count, sizeof key, by_name);

	return entry ? &entry->tensor : NULL;
}

const char *safetensors_path(const struct safetensors *file)
{
	return file->path;
}

size_t safetensors_size(const struct safetensors *file)
{
	return file->map.size;
}

const void *safetensors_data(const struct safetensors *file, const struct stored_tensor *tensor)
{
	const struct entry *entry = (const struct entry *)(const void *)tensor; /* its first member */

	return file->data + entry->begin;
}

void safetensors_drop(const struct safetensors *file, const struct stored_tensor *tensor)
{
	const struct entry *entry = (const struct entry *)(const void *)tensor; /* its first member */

	file_map_drop(&file->map, (size_t)(file->data - file->map.bytes) + entry->begin,
	              entry->end - entry->begin);
}

const float *safetensors_find(const struct safetensors *file, const char *name, int dims,
                              const size_t *shape, struct err *err)
{
	const struct stored_tensor *tensor = safetensors_named(file, name);

	if (!tensor) {
		err_set(err, "%s: tensor \"%s\" is missing", file->path, name);
		return NULL;
	}
	if (stored_tensor_check_shape(file->path, tensor, dims, shape, err) < 0)
		return NULL;
	const void *data = safetensors_data(file, tensor);
	if (tensor->dtype != STORED_F32 || (uintptr_t)data % _Alignof(float) != 0) {
		err_set(err, "%s: tensor \"%s\": dtype is %s, expected aligned F32", file->path, name,
		        stored_dtype_name(tensor->dtype));
		return NULL;
	}
	return data;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
	return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"),
	                                         key));
}
