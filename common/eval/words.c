#include "common/eval/words.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"

void words_lower(uint32_t *codes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (codes[i] >= 'A' && codes[i] <= 'Z')
			codes[i] += 'a' - 'A';
		else if (codes[i] == '\n' || codes[i] == '\t')
			codes[i] = ' ';
	}
}

static bool is_letter(uint32_t code)
{
	return (code >= 'a' && code <= 'z') || code > 127;
}

static bool is_of_word(uint32_t code)
{
	return is_letter(code) || (code >= '0' && code <= '9');
}

bool words_next(const uint32_t *codes, uint32_t length, struct word *word)
{
	uint32_t at = word->end;

	while (at < length && !is_of_word(codes[at]))
		at++;
	word->begin = at;
	while (at < length && is_of_word(codes[at]))
		at++;
	word->end = at;
	return word->end > word->begin;
}

bool word_has_letter(const uint32_t *codes, struct word word)
{
	for (uint32_t i = word.begin; i < word.end; i++)
		if (is_letter(codes[i]))
			return true;
	return false;
}

/* ---- sets ---- */

/* Open addressing: a slot holds 1 + the number of its word, 0 is empty; at most half are used. */
struct word_set {
	uint32_t *codes; /* of all words, one behind the other */
	size_t code_count, code_room;
	struct word *word; /* places in codes */
	size_t word_room;
	uint32_t count;
	uint32_t *slot;
	uint32_t slots; /* a power of two */
};

enum { SLOTS = 1024 }; /* of a new set */

struct word_set *word_set_new(struct err *err)
{
	struct word_set *set = calloc(1, sizeof *set);

	if (set) {
		set->slots = SLOTS;
		set->slot = calloc(SLOTS, sizeof *set->slot);
	}
	if (set && set->slot)
		return set;
	word_set_free(set);
	err_set(err, "out of memory");
	return NULL;
}

void word_set_free(struct word_set *set)
{
	if (!set)
		return;
	free(set->codes);
	free(set->word);
	free(set->slot);
	free(set);
}

void word_set_clear(struct word_set *set)
{
	memset(set->slot, 0, set->slots * sizeof *set->slot);
	set->count = 0;
	set->code_count = 0;
}

/* The slot of a word: that which holds it, or the empty one where it belongs. */
static uint32_t *find(const struct word_set *set, const uint32_t *codes, uint32_t length)
{
	const size_t size = length * sizeof *codes;
	uint32_t at = (uint32_t)XXH3_64bits(codes, size) & (set->slots - 1);

	for (; set->slot[at] != 0; at = (at + 1) & (set->slots - 1)) {
		const struct word *word = &set->word[set->slot[at] - 1];
		if (word->end - word->begin == length &&
		    memcmp(set->codes + word->begin, codes, size) == 0)
			break;
	}
	return &set->slot[at];
}

bool word_set_has(const struct word_set *set, const uint32_t *codes, struct word word)
{
	return *find(set, codes + word.begin, word.end - word.begin) != 0;
}

/* Twice as many slots, and all words in them. */
static int grow_slots(struct word_set *set)
{
	uint32_t *slot = calloc(2 * (size_t)set->slots, sizeof *slot);

	if (!slot)
		return -1;
	free(set->slot);
	set->slot = slot;
	set->slots *= 2;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct word *word = &set->word[i];
		*find(set, set->codes + word->begin, word->end - word->begin) = i + 1;
	}
	return 0;
}

/* Room for one more word of length code points. */
static int grow(struct word_set *set, uint32_t length)
{
	if (set->code_count + length > UINT32_MAX || /* a word's place is of 32 bits */
	    array_reserve(&set->codes, &set->code_room, set->code_count + length) < 0 ||
	    array_reserve(&set->word, &set->word_room, (size_t)set->count + 1) < 0)
		return -1;
	return 2 * (set->count + 1) > set->slots ? grow_slots(set) : 0;
}

int64_t word_set_add(struct word_set *set, const uint32_t *codes, struct word word,
                     struct err *err)
{
	const uint32_t length = word.end - word.begin;
	uint32_t *slot = find(set, codes + word.begin, length);

	if (*slot != 0)
		return (int64_t)*slot - 1;
	if (grow(set, length) < 0)
		return err_set(err, "out of memory for %u words", set->count + 1);
	memcpy(set->codes + set->code_count, codes + word.begin, length * sizeof *codes);
	set->word[set->count] = (struct word){(uint32_t)set->code_count,
	                                      (uint32_t)set->code_count + length};
	set->code_count += length;
	slot = find(set, codes + word.begin, length); /* slots may have moved */
	*slot = ++set->count;
	return (int64_t)set->count - 1;
}
