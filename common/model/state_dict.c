#include "common/model/state_dict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/model/gpt_parameters.h"

#define BODY "transformer." /* what names of gpt_parameters.h begin with, but for the head */
#define HEAD "lm_head.weight"
#define EMBEDDING "wte.weight"

/* ---- a list by name ---- */

int state_dict_add(struct state_dict *dict, const struct stored_tensor *tensor, const char *path,
                   void *file, struct err *err)
{
	if (array_reserve(&dict->entries, &dict->room, dict->count + 1) < 0)
		return err_set(err, "%s: out of memory", path);
	dict->entries[dict->count++] = (struct state_entry){tensor, path, file, 0};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct state_entry *x = a, *y = b;

	return strcmp(x->tensor->name, y->tensor->name);
}

int state_dict_sort(struct state_dict *dict, struct err *err)
{
	if (dict->count > 0)
		qsort(dict->entries, dict->count, sizeof *dict->entries, by_name);
	for (size_t i = 1; i < dict->count; i++) {
		const struct state_entry *a = &dict->entries[i - 1], *b = &dict->entries[i];
		if (strcmp(a->tensor->name, b->tensor->name) == 0)
			return err_set(err, "%s: tensor \"%s\" comes twice, also in %s", b->path,
			               b->tensor->name, a->path);
	}
	return 0;
}

const struct state_entry *state_dict_find(const struct state_dict *dict, const char *name)
{
	const struct stored_tensor tensor = {.name = name};
	const struct state_entry key = {.tensor = &tensor};

	return dict->count == 0 ? NULL : bsearch(&key, dict->entries, dict->count, sizeof key, by_name);
}

void state_dict_release(struct state_dict *dict)
{
	free(dict->entries);
	dict->entries = NULL;
	dict->count = dict->room = 0;
}

/* ---- the network's tensors among them ---- */

/* How names are spelled: what stands before those of the body, and before the head's. */
static const struct spelling {
	const char *body, *head;
} spellings[] = {
	{BODY, ""}, /* GPT2LMHeadModel, nanoGPT */
	{"", ""}, /* GPT2Model */
	{"_orig_mod." BODY, "_orig_mod."}, /* either one, by torch.compile() */
	{"_orig_mod.", "_orig_mod."},
};

#define SPELLINGS (sizeof spellings / sizeof *spellings)

struct placement {
	const struct state_dict *dict;
	const struct spelling *spelling;
	bool *used; /* [dict->count] */
	struct gpt_tensor *tensors; /* with biases */
	const struct state_entry **entries; /* of each; NULL: a bias, of a network without */
	int count;
};

/* The entry of a tensor whose name in gpt_parameters.h is given, or NULL. */
static const struct state_entry *find(const struct placement *placement, const char *name)
{
	const size_t body = strlen(BODY);
	const bool in_body = strncmp(name, BODY, body) == 0;
	char spelled[2 * GPT_TENSOR_NAME];

	snprintf(spelled, sizeof spelled, "%s%s",
	         in_body ? placement->spelling->body : placement->spelling->head,
	         in_body ? name + body : name);
	const struct state_entry *entry = state_dict_find(placement->dict, spelled);
	if (entry)
		placement->used[entry - placement->dict->entries] = true;
	return entry;
}

/* A name that tells most of what the tensors are: of the token embedding, however it begins, or
 * else the first one. */
static const char *telling_name(const struct state_dict *dict)
{
	const size_t end = strlen(EMBEDDING);

	for (size_t i = 0; i < dict->count; i++) {
		const char *name = dict->entries[i].tensor->name;
		const size_t size = strlen(name);
		if (size >= end && strcmp(name + size - end, EMBEDDING) == 0)
			return name;
	}
	const char *first = dict->entries[0].tensor->name;
	return dict->count > 1 && strcmp(first, HEAD) == 0 ? dict->entries[1].tensor->name : first;
}

/* NULL with err set: these are not the tensors of a GPT-2. */
static const struct spelling *choose_spelling(const struct state_dict *dict, struct err *err)
{
	char name[GPT_TENSOR_NAME];

	for (size_t i = 0; i < SPELLINGS; i++) {
		snprintf(name, sizeof name, "%s" EMBEDDING, spellings[i].body);
		if (state_dict_find(dict, name))
			return &spellings[i];
	}
	if (dict->count == 0)
		err_set(err, "%s: there are no tensors", dict->path);
	else
		err_set(err, "%s: tensor \"" BODY EMBEDDING "\" is missing, but there is \"%s\": these are "
		        "not the parameters of a GPT-2, or their names begin otherwise", dict->path,
		        telling_name(dict));
	return NULL;
}

static bool is_bias(const struct gpt_tensor *tensor)
{
	size_t length = strlen(tensor->name);

	return length > 5 && strcmp(tensor->name + length - 5, ".bias") == 0;
}

static bool is_turned(const struct state_dict *dict, const struct gpt_tensor *tensor)
{
	return dict->linear && tensor->hidden > 0;
}

/* The entry must have the tensor's shape and numbers that float32 holds. */
static int check_entry(const struct state_dict *dict, const struct state_entry *entry,
                       const struct gpt_tensor *tensor, struct err *err)
{
	const struct stored_tensor *stored = entry->tensor;
	const size_t rows = (size_t)tensor->rows, cols = (size_t)tensor->cols;
	size_t shape[2] = {cols};
	int dims = 1;

	if (rows > 0) {
		const bool turned = is_turned(dict, tensor);
		shape[0] = turned ? cols : rows;
		shape[1] = turned ? rows : cols;
		dims = 2;
	}
	if (!stored_dtype_widens(stored->dtype))
		return err_set(err, "%s: tensor \"%s\": dtype is %s, expected F32, F16 or BF16: "
		               "save the model as one of these",
		               entry->path, stored->name, stored_dtype_name(stored->dtype));
	return stored_tensor_check_shape(entry->path, stored, dims, shape, err);
}

static int find_tensors(struct placement *placement, const struct gpt_config *config,
                        struct err *err)
{
	const struct state_dict *dict = placement->dict;
	bool biases = config->bias; /* are there any, or must there be? */
	uint64_t bytes = 0;

	for (int i = 0; i < placement->count; i++) {
		placement->entries[i] = find(placement, placement->tensors[i].name);
		biases |= placement->entries[i] && is_bias(&placement->tensors[i]);
	}
	for (int i = 0; i < placement->count; i++) {
		const struct gpt_tensor *tensor = &placement->tensors[i];
		const struct state_entry *entry = placement->entries[i];
		if (!entry && is_bias(tensor) && !biases)
			continue;
		if (!entry)
			return err_set(err, "%s: tensor \"%s\" is missing", dict->path, tensor->name);
		if (check_entry(dict, entry, tensor, err) < 0)
			return -1;
		bytes += tensor->count * stored_dtype_size(entry->tensor->dtype);
	}
	if (bytes > dict->size)
		return err_set(err, "%s: %" PRIu64 " bytes hold tensors of %" PRIu64 ": they share "
		               "numbers, expected numbers of their own", dict->path, dict->size, bytes);
	return 0;
}

/* Older versions of GPT-2 save the mask of causal attention, and what it puts in place of masked
 * scores. What memoscope computes has both. */
static void pass_buffers_over(const struct placement *placement, int layers)
{
	static const char *const buffers[] = {"bias", "masked_bias"};
	char name[GPT_TENSOR_NAME];

	for (int layer = 0; layer < layers; layer++)
		for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
			snprintf(name, sizeof name, BODY "h.%d.attn.%s", layer, buffers[i]);
			find(placement, name);
		}
}

/* ---- their numbers ---- */

static bool all_finite(const float *data, size_t count)
{
	unsigned bad = 0;

	for (size_t i = 0; i < count; i++)
		bad |= !isfinite(data[i]);
	return !bad;
}

static int check_finite(const struct state_entry *entry, const float *data, size_t count,
                        struct err *err)
{
	size_t i = 0;

	if (all_finite(data, count))
		return 0;
	while (isfinite(data[i]))
		i++;
	return err_set(err, "%s: tensor \"%s\": element %zu is %f", entry->path, entry->tensor->name, i,
	               (double)data[i]);
}

/* to[rows][cols] becomes the transpose of from[cols][rows], in tiles that caches hold. */
static void transpose(const float *from, int rows, int cols, float *to)
{
	enum { TILE = 32 };

	for (int r0 = 0; r0 < rows; r0 += TILE)
		for (int c0 = 0; c0 < cols; c0 += TILE)
			for (int r = r0; r < rows && r < r0 + TILE; r++)
				for (int c = c0; c < cols && c < c0 + TILE; c++)
					to[(size_t)r * (size_t)cols + (size_t)c] =
						from[(size_t)c * (size_t)rows + (size_t)r];
}

/* Read a tensor of the network into to. */
static int read_tensor(const struct state_dict *dict, const struct state_entry *entry,
                       const struct gpt_tensor *tensor, float *to, struct err *err)
{
	float *turned = NULL;
	int result;

	if (is_turned(dict, tensor)) {
		turned = malloc(tensor->count * sizeof *turned);
		if (!turned)
			return err_set(err, "%s: out of memory", entry->path);
	}
	result = dict->read(entry, turned ? turned : to, err);
	if (result == 0)
		result = check_finite(entry, turned ? turned : to, tensor->count, err);
	if (result == 0 && turned)
		transpose(turned, tensor->rows, tensor->cols, to);
	free(turned);
	return result;
}

/* A network whose biases are all zero is one without biases. */
static int look_for_biases(const struct placement *placement, struct gpt_config *config,
                           struct err *err)
{
	for (int i = 0; i < placement->count && !config->bias; i++) {
		const struct gpt_tensor *tensor = &placement->tensors[i];
		if (!is_bias(tensor) || !placement->entries[i])
			continue;
		float *numbers = malloc(tensor->count * sizeof *numbers);
		int result = numbers ? read_tensor(placement->dict, placement->entries[i], tensor, numbers,
		                                   err)
		                     : err_set(err, "out of memory");
		for (size_t k = 0; k < tensor->count && result == 0; k++)
			config->bias |= numbers[k] != 0;
		free(numbers);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* An output head that the network does not have by itself must equal the token embedding. */
static int check_head(const struct placement *placement, const float *embedding, struct err *err)
{
	const struct gpt_tensor *wte = &placement->tensors[0];
	const struct state_entry *head = find(placement, HEAD), *tied = placement->entries[0];

	for (int i = 0; i < placement->count; i++)
		if (!head || head == placement->entries[i])
			return 0;
	if (check_entry(placement->dict, head, wte, err) < 0)
		return -1;
	if (head->storage > 0 && head->storage == tied->storage && head->file == tied->file)
		return 0;
	float *numbers = malloc(wte->count * sizeof *numbers);
	int result = numbers ? read_tensor(placement->dict, head, wte, numbers, err)
	                     : err_set(err, "%s: out of memory", head->path);
	if (result == 0 && memcmp(numbers, embedding, wte->count * sizeof *numbers) != 0)
		result = err_set(err, "%s: tensor \"%s\" differs from \"%s\", expected an output head tied "
		                 "to it", head->path, head->tensor->name, wte->name);
	free(numbers);
	return result;
}

static int read_tensors(const struct placement *placement, const struct gpt_config *config,
                        float *params, struct err *err)
{
	size_t offset = 0; /* in a network without biases the other tensors have the same order */

	for (int i = 0; i < placement->count; i++) {
		const struct gpt_tensor *tensor = &placement->tensors[i];
		if (is_bias(tensor) && !config->bias)
			continue;
		if (read_tensor(placement->dict, placement->entries[i], tensor, params + offset, err) < 0)
			return -1;
		offset += tensor->count;
	}
	return check_head(placement, params, err);
}

/* Every tensor of the files has a place, or is known to need none. */
static int check_others(const struct placement *placement, int layers, struct err *err)
{
	const struct state_dict *dict = placement->dict;

	find(placement, HEAD);
	pass_buffers_over(placement, layers);
	for (size_t i = 0; i < dict->count; i++)
		if (!placement->used[i])
			return err_set(err, "%s: tensor \"%s\" has no place in the network, which is a "
			               "GPT-2 without other parts", dict->entries[i].path,
			               dict->entries[i].tensor->name);
	return 0;
}

static float *place(struct placement *placement, struct gpt_config *config, struct err *err)
{
	if (find_tensors(placement, config, err) < 0 ||
	    check_others(placement, config->layers, err) < 0 ||
	    look_for_biases(placement, config, err) < 0)
		return NULL;
	float *params = gpt_alloc_parameters(config, err);
	if (params && read_tensors(placement, config, params, err) == 0)
		return params;
	free(params);
	return NULL;
}

float *state_dict_parameters(const struct state_dict *dict, struct gpt_config *config,
                             struct err *err)
{
	struct gpt_config full = *config;

	full.bias = true;
	const int count = gpt_tensor_count(&full);
	struct placement placement = {
		.dict = dict,
		.spelling = choose_spelling(dict, err),
		.used = calloc(dict->count + 1, sizeof *placement.used),
		.tensors = calloc((size_t)count, sizeof *placement.tensors),
		.entries = calloc((size_t)count, sizeof *placement.entries),
		.count = count,
	};
	float *params = NULL;

	if (!placement.used || !placement.tensors || !placement.entries) {
		err_set(err, "out of memory");
	} else if (placement.spelling) {
		gpt_tensors(&full, placement.tensors);
		params = place(&placement, config, err);
	}
	free(placement.entries);
	free(placement.tensors);
	free(placement.used);
	return params;
}
