#include "common/eval/occurrences.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"

#define SLOTS_MIN 1024 /* a power of two, as all tables */

struct occurrence {
	uint64_t hash;
	uint64_t count; /* 0: the slot is free */
};

void occurrences_release(struct occurrences *occurrences)
{
	free(occurrences->slot);
	free(occurrences->text);
	*occurrences = (struct occurrences){0};
}

/* The slot of a hash, or the free one that it would go into. */
static struct occurrence *find(struct occurrence *slot, size_t slots, uint64_t hash)
{
	size_t at = hash & (slots - 1);

	while (slot[at].count > 0 && slot[at].hash != hash)
		at = (at + 1) & (slots - 1);
	return &slot[at];
}

/* At most half of the slots are taken. */
static int grow(struct occurrences *occurrences)
{
	const size_t slots = occurrences->slots ? 2 * occurrences->slots : SLOTS_MIN;
	struct occurrence *slot;

	if (2 * (occurrences->different + 1) <= occurrences->slots)
		return 0;
	slot = calloc(slots, sizeof *slot);
	if (!slot)
		return -1;
	for (size_t i = 0; i < occurrences->slots; i++)
		if (occurrences->slot[i].count > 0)
			*find(slot, slots, occurrences->slot[i].hash) = occurrences->slot[i];
	free(occurrences->slot);
	occurrences->slot = slot;
	occurrences->slots = slots;
	return 0;
}

static uint64_t hash_of(struct slice first, struct slice second)
{
	uint64_t hash = XXH3_64bits(first.codes, first.length * sizeof *first.codes);

	if (!second.codes)
		return hash;
	return XXH3_64bits_withSeed(second.codes, second.length * sizeof *second.codes, hash);
}

/* The commonest text, its parts with a colon and a space between. */
static int keep_text(struct occurrences *occurrences, struct slice first, struct slice second)
{
	const size_t length = (size_t)first.length + (second.codes ? 2 + second.length : 0);

	if (array_reserve(&occurrences->text, &occurrences->room, length) < 0)
		return -1;
	memcpy(occurrences->text, first.codes, first.length * sizeof *first.codes);
	occurrences->length = length;
	if (!second.codes)
		return 0;
	occurrences->text[first.length] = ':';
	occurrences->text[first.length + 1] = ' ';
	memcpy(occurrences->text + first.length + 2, second.codes,
	       second.length * sizeof *second.codes);
	return 0;
}

int occurrences_add(struct occurrences *occurrences, struct slice first, struct slice second,
                    struct err *err)
{
	const uint64_t hash = hash_of(first, second);

	if (grow(occurrences) < 0)
		return err_set(err, "out of memory for %zu different texts", occurrences->different + 1);
	struct occurrence *found = find(occurrences->slot, occurrences->slots, hash);
	occurrences->different += found->count == 0;
	*found = (struct occurrence){hash, found->count + 1};
	occurrences->all++;
	if (found->count <= occurrences->most)
		return 0;
	occurrences->most = found->count;
	return keep_text(occurrences, first, second) < 0 ? err_set(err, "out of memory for a text") : 0;
}

uint64_t occurrences_least(const struct occurrences *occurrences)
{
	uint64_t least = occurrences->most;

	for (size_t i = 0; i < occurrences->slots; i++)
		if (occurrences->slot[i].count > 0 && occurrences->slot[i].count < least)
			least = occurrences->slot[i].count;
	return least;
}

struct share occurrences_once(const struct occurrences *occurrences)
{
	struct share once = {.of = occurrences->different};

	for (size_t i = 0; i < occurrences->slots; i++)
		once.right += occurrences->slot[i].count == 1;
	return once;
}
