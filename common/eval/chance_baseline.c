#include "common/eval/chance_baseline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/eval/recall_tally.h"

/* A generation, all in one piece of memory. */
struct kept {
	uint64_t id;
	bool chose;
	struct slice asked, given, want; /* want is NULL after a wrong name */
	struct conflict numbers;
	uint32_t entries;
	struct book_line entry[]; /* and their code points after them */
};

struct chance_baseline {
	uint64_t seed, blocks;
	size_t count, bytes;
	struct chance_rates rates;
	struct kept *kept[CHANCE_CASES];
};

struct chance_baseline *chance_baseline_new(uint64_t seed, struct err *err)
{
	struct chance_baseline *chance = calloc(1, sizeof *chance);

	if (chance)
		chance->seed = seed;
	else
		err_set(err, "out of memory");
	return chance;
}

static void drop(struct chance_baseline *chance)
{
	for (size_t i = 0; i < chance->count; i++)
		free(chance->kept[i]);
	chance->count = chance->bytes = 0;
}

void chance_baseline_free(struct chance_baseline *chance)
{
	if (!chance)
		return;
	drop(chance);
	free(chance);
}

/* ---- copies ---- */

static struct slice copy(struct slice slice, uint32_t **room)
{
	if (!slice.codes)
		return slice;
	if (slice.length > 0)
		memcpy(*room, slice.codes, slice.length * sizeof **room);
	slice.codes = *room;
	*room += slice.length;
	return slice;
}

static struct kept *keep(uint64_t id, const struct recall_verdict *verdict, size_t *bytes)
{
	size_t codes = (size_t)verdict->asked.length + verdict->given.length + verdict->want.length;
	const struct conflict *numbers = &verdict->numbers;
	struct kept *kept;
	uint32_t *room;

	codes += (size_t)numbers->book.length + numbers->directory.length;
	for (uint32_t i = 0; i < verdict->entries; i++)
		codes += (size_t)verdict->entry[i].name.length + verdict->entry[i].number.length;
	*bytes = sizeof *kept + verdict->entries * sizeof *kept->entry + codes * sizeof *room;
	kept = malloc(*bytes);
	if (!kept)
		return NULL;
	kept->id = id;
	kept->chose = verdict->chose;
	kept->entries = verdict->entries;
	room = (uint32_t *)(kept->entry + kept->entries);
	kept->asked = copy(verdict->asked, &room);
	kept->given = copy(verdict->given, &room);
	kept->want = copy(verdict->want, &room);
	kept->numbers.book = copy(numbers->book, &room);
	kept->numbers.directory = copy(numbers->directory, &room);
	for (uint32_t i = 0; i < kept->entries; i++) {
		kept->entry[i] = verdict->entry[i];
		kept->entry[i].name = copy(verdict->entry[i].name, &room);
		kept->entry[i].number = copy(verdict->entry[i].number, &room);
	}
	return kept;
}

/* ---- scores ---- */

static void score(struct chance_rates *rates, const struct kept *answer,
                  const struct kept *book)
{
	enum recall_truth first, last, last_after_first;
	bool digit[SLICE_DIGITS];

	if (book->want.codes) {
		int digits = slice_digits(answer->given, book->want, digit);
		for (int i = 0; i < digits; i++)
			share_add(&rates->digit[i], digit[i]);
	}
	share_add(&rates->exact, book->want.codes && slice_equal(answer->given, book->want));
	if (answer->numbers.book.codes)
		conflict_tally_add(&rates->conflict, answer->given, &book->numbers);
	if (book->entries == 0)
		return;
	struct answer_origin origin = answer_origin_find(answer->given, book->entry, book->entries);
	for (int i = 0; i < ORIGIN_KINDS; i++)
		share_add(&rates->from[i], i == (int)origin.kind);
	if (!answer->chose)
		return;
	recall_names(answer->asked, book->entry, book->entries, &first, &last, &last_after_first);
	recall_add(&rates->first_name, first);
	recall_add(&rates->last_name, last);
	recall_add(&rates->last_after_first, last_after_first);
}

/* Score each answer against the next book of a cycle through the block. */
static void score_block(struct chance_baseline *chance)
{
	uint32_t order[CHANCE_CASES];
	struct rng rng;

	rng_init(&rng, chance->seed, RNG_SHUFFLE, chance->blocks++);
	for (uint32_t i = 0; i < chance->count; i++)
		order[i] = i;
	for (uint32_t i = (uint32_t)chance->count; i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, i - 1), swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
	for (uint32_t i = 0; i < chance->count; i++)
		if (chance->kept[i]->id != chance->kept[order[i]]->id)
			score(&chance->rates, chance->kept[i], chance->kept[order[i]]);
	drop(chance);
}

int chance_baseline_add(struct chance_baseline *chance, uint64_t id,
                        const struct recall_verdict *verdict,
                        struct err *err)
{
	size_t bytes;
	struct kept *kept = keep(id, verdict, &bytes);

	if (!kept)
		return err_set(err, "out of memory for a block of generations");
	chance->kept[chance->count++] = kept;
	chance->bytes += bytes;
	if (chance->count == CHANCE_CASES || chance->bytes >= CHANCE_BYTES)
		score_block(chance);
	return 0;
}

const struct chance_rates *chance_baseline_end(struct chance_baseline *chance)
{
	score_block(chance);
	return &chance->rates;
}
