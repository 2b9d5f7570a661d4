#include "common/eval/repetition.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/eval/words.h"

struct repetition {
	struct word_set *words; /* of the text */
	uint32_t *unit; /* the text's characters, or the numbers of its words */
	uint32_t *again;
	uint32_t room; /* of both */
	uint32_t *slot; /* a hash table of grams: 1 + the place of the first unit; 0: empty */
	size_t slots; /* a power of two, at least twice the grams */
};

struct repetition *repetition_new(struct err *err)
{
	struct repetition *repetition = calloc(1, sizeof *repetition);

	if (!repetition) {
		err_set(err, "out of memory");
		return NULL;
	}
	repetition->words = word_set_new(err);
	if (repetition->words)
		return repetition;
	repetition_free(repetition);
	return NULL;
}

void repetition_free(struct repetition *repetition)
{
	if (!repetition)
		return;
	word_set_free(repetition->words);
	free(repetition->unit);
	free(repetition->again);
	free(repetition->slot);
	free(repetition);
}

static int make_room(struct repetition *repetition, uint32_t length, struct err *err)
{
	if (length <= repetition->room)
		return 0;
	free(repetition->unit);
	free(repetition->again);
	free(repetition->slot);
	repetition->slots = 64;
	while (repetition->slots / 2 < length)
		repetition->slots *= 2;
	repetition->room = length;
	repetition->unit = malloc(length * sizeof *repetition->unit);
	repetition->again = malloc(length * sizeof *repetition->again);
	repetition->slot = malloc(repetition->slots * sizeof *repetition->slot);
	if (repetition->unit && repetition->again && repetition->slot)
		return 0;
	repetition->room = 0;
	return err_set(err, "out of memory for a text of %u characters", length);
}

/* The text's units into repetition->unit. Returns their count; -1 with err set. */
static int64_t cut(struct repetition *repetition, enum repetition_unit unit,
                   const uint32_t *codes, uint32_t length, struct err *err)
{
	struct word word = {0};
	int64_t count = 0;

	if (unit == REPETITION_CHARACTERS) {
		if (length > 0)
			memcpy(repetition->unit, codes, length * sizeof *codes);
		return length;
	}
	word_set_clear(repetition->words);
	while (words_next(codes, length, &word)) {
		int64_t number = word_set_add(repetition->words, codes, word, err);
		if (number < 0)
			return -1;
		repetition->unit[count++] = (uint32_t)number;
	}
	return count;
}

/* Has the gram that begins at unit[i] stood before? If not, it has from now on. */
static bool seen(struct repetition *repetition, uint32_t i)
{
	enum { SIZE = REPETITION_GRAM * sizeof *repetition->unit };
	const uint32_t *gram = repetition->unit + i;
	const size_t mask = repetition->slots - 1;
	size_t at = XXH3_64bits(gram, SIZE) & mask;

	for (; repetition->slot[at] != 0; at = (at + 1) & mask)
		if (memcmp(repetition->unit + repetition->slot[at] - 1, gram, SIZE) == 0)
			return true;
	repetition->slot[at] = i + 1;
	return false;
}

int repetition_count(struct repetition *repetition, enum repetition_unit unit,
                     const uint32_t *codes, uint32_t length, struct repetition_counts *counts,
                     struct err *err)
{
	uint32_t again = 0;
	int64_t units;

	if (make_room(repetition, length, err) < 0 ||
	    (units = cut(repetition, unit, codes, length, err)) < 0)
		return -1;
	*counts = (struct repetition_counts){
		.units = (uint32_t)units,
		.grams = units < REPETITION_GRAM ? 0 : (uint32_t)units - REPETITION_GRAM + 1,
		.again = repetition->again,
	};
	if (counts->grams > 0)
		memset(repetition->slot, 0, repetition->slots * sizeof *repetition->slot);
	for (uint32_t i = 0; i < counts->grams; i++)
		repetition->again[i] = again += seen(repetition, i);
	return 0;
}

double repetition_share(const struct repetition_counts *counts, uint32_t grams)
{
	return (double)counts->again[grams - 1] / grams;
}

/* ---- people ---- */

void repetition_people_release(struct repetition_people *people)
{
	free(people->sum);
	free(people->texts);
	*people = (struct repetition_people){0};
}

int repetition_people_add(struct repetition_people *people,
                          const struct repetition_counts *counts, struct err *err)
{
	if (array_reserve(&people->sum, &people->sum_room, counts->grams) < 0 ||
	    array_reserve(&people->texts, &people->texts_room, counts->grams) < 0)
		return err_set(err, "out of memory for a text of %u units", counts->units);
	for (; people->longest < counts->grams; people->longest++) {
		people->sum[people->longest] = 0;
		people->texts[people->longest] = 0;
	}
	for (uint32_t i = 0; i < counts->grams; i++) {
		people->sum[i] += repetition_share(counts, i + 1);
		people->texts[i]++;
	}
	return 0;
}

double repetition_people_share(const struct repetition_people *people, uint32_t grams)
{
	uint32_t last = grams < people->longest ? grams : people->longest;

	while (last > 1 && people->texts[last - 1] < REPETITION_PEOPLE)
		last--;
	return last == 0 ? NAN : people->sum[last - 1] / people->texts[last - 1];
}
