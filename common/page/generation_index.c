#include "common/page/generation_index.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"
#include "common/base/utf8.h"
#include "common/page/generation_json.h"
#include "common/page/packed.h"

struct named_generation {
	uint64_t id;
	uint32_t sample;
	struct text_buffer text, packed;
};

struct generation_index {
	void *tree; /* of struct named_generation, by id and sample: tsearch() */
};

static int by_name(const void *a, const void *b)
{
	const struct named_generation *left = a, *right = b;

	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return (left->sample > right->sample) - (left->sample < right->sample);
}

static void free_entry(void *pointer)
{
	struct named_generation *entry = pointer;

	text_buffer_release(&entry->text);
	text_buffer_release(&entry->packed);
	free(entry);
}

struct generation_index *generation_index_new(struct err *err)
{
	struct generation_index *index = calloc(1, sizeof *index);

	if (!index)
		err_set(err, "out of memory");
	return index;
}

void generation_index_free(struct generation_index *index)
{
	if (index)
		tdestroy(index->tree, free_entry);
	free(index);
}

int generation_index_add(struct generation_index *index, const struct generation *generation,
                         json_t *verdict, struct err *err)
{
	struct named_generation *entry = calloc(1, sizeof *entry);
	json_t *json = generation_json(generation, verdict);
	struct named_generation **found;

	if (!entry) {
		json_decref(json);
		return err_set(err, "out of memory");
	}
	entry->id = generation->id;
	entry->sample = generation->sample;
	text_buffer_append(&entry->text, generation->text, generation->size);
	if (packed_append_json(&entry->packed, json, err) < 0)
		goto failed;
	found = tsearch(entry, &index->tree, by_name);
	if (entry->text.failed || !found) {
		err_set(err, "out of memory");
		goto failed;
	}
	if (*found == entry)
		return 0;
	err_set(err, "a second generation with id %llu and sample %u",
	        (unsigned long long)generation->id, generation->sample);
failed:
	free_entry(entry);
	return -1;
}

/* The characters that two texts have in common, from the beginning. */
static uint32_t common_characters(const char *a, size_t a_size, const char *b, size_t b_size)
{
	uint32_t same = 0, left, right;
	size_t at = 0, taken;

	for (; at < a_size && at < b_size; at += taken, same++) {
		taken = text_decode(a + at, a_size - at, &left);
		text_decode(b + at, b_size - at, &right);
		if (left != right)
			break;
	}
	return same;
}

bool generation_index_find(const struct generation_index *index, const struct record *record,
                           uint32_t sample, struct indexed_generation *found)
{
	const struct named_generation wanted = {.id = record->id, .sample = sample};
	struct named_generation *const *node = tfind(&wanted, &index->tree, by_name);

	if (!node)
		return false;
	found->packed = (*node)->packed.text;
	found->packed_size = (*node)->packed.size;
	found->same = common_characters((*node)->text.text ? (*node)->text.text : "",
	                                (*node)->text.size, record->text, record->size);
	return true;
}
