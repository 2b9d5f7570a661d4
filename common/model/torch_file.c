#include "common/model/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/torch_archive.h"

#define PICKLE "data.pkl"
#define TENSOR "torch._utils _rebuild_tensor_v2"
#define PARAMETER "torch._utils _rebuild_parameter"

/* A tensor of the pickle; strides and offset count numbers. */
struct torch_tensor {
	struct stored_tensor stored; /* its name is owned */
	size_t stride[STORED_DIMS_MAX], offset;
	struct torch_entry entry; /* of its storage */
	size_t storage; /* numbers there */
	struct torch_tensor *next;
};

struct torch_file {
	struct torch_archive *archive;
	const char *path; /* the archive's */
	char *bytes; /* of the pickle */
	struct pickle *pickle;
	struct torch_tensor *tensors; /* owned */
};

/* ---- the pickle ---- */

static const struct {
	const char *global;
	enum stored_dtype dtype;
} storages[] = {
	{"torch FloatStorage", STORED_F32}, {"torch HalfStorage", STORED_F16},
	{"torch BFloat16Storage", STORED_BF16}, {"torch DoubleStorage", STORED_F64},
	{"torch LongStorage", STORED_I64}, {"torch IntStorage", STORED_I32},
	{"torch ShortStorage", STORED_I16}, {"torch CharStorage", STORED_I8},
	{"torch ByteStorage", STORED_U8}, {"torch BoolStorage", STORED_BOOL},
};

#define STORAGES (sizeof storages / sizeof *storages)

static int read_pickle(struct torch_file *file, struct err *err)
{
	static const char *const calls[] = {"collections OrderedDict", TENSOR, PARAMETER};
	const char *globals[3 + STORAGES + 1] = {calls[0], calls[1], calls[2]};
	struct torch_entry entry;
	char *name;

	for (size_t i = 0; i < STORAGES; i++)
		globals[3 + i] = storages[i].global;
	if (torch_archive_find(file->archive, PICKLE, &entry, err) < 0)
		return -1;
	if (entry.size > PICKLE_SIZE_MAX)
		return err_set(err, "%s: " PICKLE " of %zu bytes, expected at most %zu", file->path,
		               entry.size, PICKLE_SIZE_MAX);
	file->bytes = malloc(entry.size + 1);
	if (!file->bytes || asprintf(&name, "%s: " PICKLE, file->path) < 0)
		return err_set(err, "%s: out of memory", file->path);
	if (torch_archive_read(file->archive, &entry, file->bytes, err) == 0)
		file->pickle = pickle_read(name, file->bytes, entry.size, globals, err);
	free(name);
	return file->pickle ? 0 : -1;
}

struct torch_file *torch_file_open(const char *path, struct err *err)
{
	struct torch_file *file = calloc(1, sizeof *file);

	if (!file) {
		err_set(err, "%s: out of memory", path);
		return NULL;
	}
	file->archive = torch_archive_open(path, err);
	if (file->archive)
		file->path = torch_archive_path(file->archive);
	if (!file->archive || read_pickle(file, err) < 0) {
		torch_file_close(file);
		return NULL;
	}
	return file;
}

void torch_file_close(struct torch_file *file)
{
	struct torch_tensor *next;

	if (!file)
		return;
	for (struct torch_tensor *tensor = file->tensors; tensor; tensor = next) {
		next = tensor->next;
		free((char *)tensor->stored.name);
		free(tensor);
	}
	pickle_free(file->pickle);
	free(file->bytes);
	torch_archive_close(file->archive);
	free(file);
}

const char *torch_file_path(const struct torch_file *file)
{
	return file->path;
}

uint64_t torch_file_digest(const struct torch_file *file)
{
	return torch_archive_digest(file->archive);
}

const struct pickle_value *torch_file_root(const struct torch_file *file)
{
	return pickle_root(file->pickle);
}

/* ---- tensors ---- */

static int tensor_fault(const struct torch_file *file, const struct pickle_value *value,
                        const char *what, struct err *err)
{
	return err_set(err, "%s: " PICKLE ": byte %zu: %s", file->path, value->at, what);
}

/* Whole numbers of a tuple, from 0 on. Returns how many, or -1 if they are something else. */
static int read_sizes(const struct pickle_value *tuple, size_t sizes[STORED_DIMS_MAX])
{
	int count = 0;

	if (!pickle_is(tuple, PICKLE_TUPLE) || tuple->count > STORED_DIMS_MAX)
		return -1;
	for (const struct pickle_item *item = tuple->items.first; item; item = item->next) {
		if (!pickle_is(item->value, PICKLE_INT) || item->value->integer < 0)
			return -1;
		sizes[count++] = (size_t)item->value->integer;
	}
	return count;
}

/* A reference ("storage", type, key, device, count): the entry that holds it. */
static int read_storage(const struct torch_file *file, const struct pickle_value *value,
                        struct torch_tensor *tensor, struct err *err)
{
	const struct pickle_value *id = pickle_is(value, PICKLE_REFERENCE) ? value->id : NULL;
	const struct pickle_value *type = pickle_item(id, 1), *key = pickle_item(id, 2);
	const struct pickle_value *count = pickle_item(id, 4);
	size_t i = 0, bytes;
	char *name;

	if (!pickle_is(id, PICKLE_TUPLE) ||
	    !pickle_is_text(pickle_item(id, 0), PICKLE_TEXT, "storage") ||
	    !pickle_is(type, PICKLE_GLOBAL) || !pickle_is(key, PICKLE_TEXT) ||
	    !pickle_is(count, PICKLE_INT) || count->integer < 0)
		return tensor_fault(file, value, "a tensor without a storage", err);
	while (i < STORAGES && !pickle_is_text(type, PICKLE_GLOBAL, storages[i].global))
		i++;
	if (i == STORAGES)
		return tensor_fault(file, value, "a storage of no type", err);
	tensor->stored.dtype = storages[i].dtype;
	tensor->storage = (size_t)count->integer;
	if (asprintf(&name, "data/%.*s", (int)key->text.size, key->text.bytes) < 0)
		return err_set(err, "%s: out of memory", file->path);
	const int found = torch_archive_find(file->archive, name, &tensor->entry, err);
	free(name);
	if (found < 0)
		return -1;
	if (__builtin_mul_overflow(tensor->storage, stored_dtype_size(tensor->stored.dtype), &bytes) ||
	    bytes != tensor->entry.size)
		return tensor_fault(file, value, "a storage of another size than its entry", err);
	return 0;
}

/* All numbers of the tensor lie in its storage. */
static bool within(const struct torch_tensor *tensor)
{
	const int64_t count = stored_tensor_count(&tensor->stored);
	size_t last = tensor->offset, step;

	if (count == 0)
		return true;
	for (int i = 0; i < tensor->stored.dims; i++)
		if (__builtin_mul_overflow(tensor->stored.shape[i] - 1, tensor->stride[i], &step) ||
		    __builtin_add_overflow(last, step, &last))
			return false;
	return count > 0 && last < tensor->storage;
}

/* (storage, offset, shape, strides, requires_grad, hooks, ...) */
static int read_tensor(const struct torch_file *file, const struct pickle_value *value,
                       struct torch_tensor *tensor, struct err *err)
{
	const struct pickle_value *arguments = pickle_call_of(value, PARAMETER);

	if (arguments && pickle_item(arguments, 0)) /* a tensor with a flag */
		value = pickle_item(arguments, 0);
	arguments = pickle_call_of(value, TENSOR);
	const struct pickle_value *offset = pickle_item(arguments, 1);
	if (!pickle_is(offset, PICKLE_INT) || offset->integer < 0)
		return tensor_fault(file, value, "expected a tensor", err);
	if (read_storage(file, pickle_item(arguments, 0), tensor, err) < 0)
		return -1;
	tensor->offset = (size_t)offset->integer;
	tensor->stored.dims = read_sizes(pickle_item(arguments, 2), tensor->stored.shape);
	if (tensor->stored.dims < 0 ||
	    read_sizes(pickle_item(arguments, 3), tensor->stride) != tensor->stored.dims)
		return tensor_fault(file, value, "a tensor without a shape and strides", err);
	if (!within(tensor))
		return tensor_fault(file, value, "a tensor that is not within its storage", err);
	return 0;
}

/* ---- numbers ---- */

/* Do the numbers stand one after the other, and nothing else in the storage? */
static bool is_plain(const struct torch_tensor *tensor)
{
	size_t step = 1;

	for (int i = tensor->stored.dims - 1; i >= 0; i--) {
		if (tensor->stored.shape[i] != 1 && tensor->stride[i] != step)
			return false;
		step *= tensor->stored.shape[i];
	}
	return (size_t)stored_tensor_count(&tensor->stored) == tensor->storage;
}

/* Row-major, from wherever they stand in the storage. */
static void gather(const struct torch_tensor *tensor, const char *storage, size_t count, float *to)
{
	const struct stored_tensor *stored = &tensor->stored;
	const size_t bytes = stored_dtype_size(stored->dtype);
	size_t index[STORED_DIMS_MAX] = {0}, at = tensor->offset;

	for (size_t i = 0; i < count; i++) {
		stored_widen(stored->dtype, storage + at * bytes, 1, to + i);
		for (int d = stored->dims - 1; d >= 0; d--) {
			at += tensor->stride[d];
			if (++index[d] < stored->shape[d])
				break;
			at -= stored->shape[d] * tensor->stride[d];
			index[d] = 0;
		}
	}
}

static int read_numbers(struct torch_file *file, const struct torch_tensor *tensor, float *to,
                        struct err *err)
{
	const size_t count = (size_t)stored_tensor_count(&tensor->stored);
	const bool plain = is_plain(tensor);

	if (plain && tensor->stored.dtype == STORED_F32)
		return torch_archive_read(file->archive, &tensor->entry, to, err);
	char *storage = malloc(tensor->entry.size + 1);
	if (!storage)
		return err_set(err, "%s: out of memory", file->path);
	const int result = torch_archive_read(file->archive, &tensor->entry, storage, err);
	if (result == 0 && plain)
		stored_widen(tensor->stored.dtype, storage, count, to);
	else if (result == 0)
		gather(tensor, storage, count, to);
	free(storage);
	return result;
}

static int read_entry(const struct state_entry *entry, float *to, struct err *err)
{
	/* the stored tensor is the first member */
	return read_numbers(entry->file, (const struct torch_tensor *)(const void *)entry->tensor, to,
	                    err);
}

int torch_file_number(struct torch_file *file, const struct pickle_value *value, double *number,
                      struct err *err)
{
	struct torch_tensor tensor = {0};
	float one;

	if (pickle_is(value, PICKLE_REAL) || pickle_is(value, PICKLE_INT)) {
		*number = value->type == PICKLE_INT ? (double)value->integer : value->real;
		return 0;
	}
	if (!value || read_tensor(file, value, &tensor, err) < 0)
		return err_set(err, "%s: " PICKLE ": a number is missing", file->path); /* or what is set */
	if (stored_tensor_count(&tensor.stored) != 1 || !stored_dtype_widens(tensor.stored.dtype))
		return tensor_fault(file, value, "expected a number", err);
	if (read_numbers(file, &tensor, &one, err) < 0)
		return -1;
	*number = (double)one;
	return 0;
}

int torch_file_state(struct torch_file *file, const struct pickle_value *dict, const char *what,
                     struct state_dict *state, struct err *err)
{
	if (!pickle_is(dict, PICKLE_DICT))
		return err_set(err, "%s: %s is no dict of tensors", file->path, what);
	state->size += torch_archive_size(file->archive);
	state->read = read_entry;
	for (const struct pickle_item *item = dict->items.first; item; item = item->next->next) {
		struct torch_tensor *tensor = calloc(1, sizeof *tensor);
		const struct pickle_value *key = item->value;
		if (!tensor)
			return err_set(err, "%s: out of memory", file->path);
		tensor->next = file->tensors;
		file->tensors = tensor;
		if (!pickle_is(key, PICKLE_TEXT) || memchr(key->text.bytes, 0, key->text.size))
			return tensor_fault(file, key, "a tensor without a name", err);
		tensor->stored.name = strndup(key->text.bytes, key->text.size);
		if (!tensor->stored.name)
			return err_set(err, "%s: out of memory", file->path);
		if (read_tensor(file, item->next->value, tensor, err) < 0 ||
		    state_dict_add(state, &tensor->stored, file->path, file, err) < 0)
			return -1;
		if (is_plain(tensor))
			state->entries[state->count - 1].storage = tensor->entry.number + 1;
	}
	return 0;
}
