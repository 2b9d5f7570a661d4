#include "common/stream/bpe_merge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

#define NONE UINT32_MAX
#define SHORT 48 /* tokens of a word that is searched, which is faster than a heap */

struct slot {
	uint32_t pair; /* left << 16 | right */
	uint32_t rank; /* NONE: free */
	uint16_t result;
};

/* A pair of neighbours in a long word that may be joined. */
struct candidate {
	uint32_t rank, at; /* at: the left one's place */
	uint32_t pair;
};

/* A place in a long word. */
struct node {
	uint32_t before, after; /* its neighbours; NONE: none */
	uint16_t token;
	bool gone; /* joined with the one before */
};

struct merge_table {
	struct slot *slot; /* [slots] open addressing */
	size_t slots; /* a power of two */
	/* of long words: */
	struct node *node;
	struct candidate *heap;
	size_t node_room, heap_room, heap_count;
};

static uint32_t pair_of(uint16_t left, uint16_t right)
{
	return (uint32_t)left << 16 | right;
}

static size_t slot_of(const struct merge_table *table, uint32_t pair)
{
	size_t at = (pair * UINT64_C(0x9E3779B97F4A7C15)) >> 32 & (table->slots - 1);

	while (table->slot[at].rank != NONE && table->slot[at].pair != pair)
		at = (at + 1) & (table->slots - 1);
	return at;
}

struct merge_table *merge_table_new(const struct bpe_merge *merges, const uint16_t *result,
                                    size_t count)
{
	struct merge_table *table = calloc(1, sizeof *table);

	if (!table)
		return NULL;
	for (table->slots = 4; table->slots < 2 * count;)
		table->slots *= 2;
	table->slot = malloc(table->slots * sizeof *table->slot);
	if (!table->slot) {
		free(table);
		return NULL;
	}
	memset(table->slot, 0xFF, table->slots * sizeof *table->slot);
	for (size_t i = 0; i < count; i++) {
		const uint32_t pair = pair_of(merges[i].left, merges[i].right);
		table->slot[slot_of(table, pair)] = (struct slot){pair, (uint32_t)i, result[i]};
	}
	return table;
}

void merge_table_free(struct merge_table *table)
{
	if (!table)
		return;
	free(table->slot);
	free(table->node);
	free(table->heap);
	free(table);
}

static const struct slot *look_up(const struct merge_table *table, uint16_t left, uint16_t right)
{
	return &table->slot[slot_of(table, pair_of(left, right))];
}

/* Of a short word: search for the merge that comes first, each time. */
static size_t merge_short(const struct merge_table *table, uint16_t *tokens, size_t count)
{
	const struct slot *slot[SHORT]; /* of each token and the next one */

	for (size_t i = 0; i + 1 < count; i++)
		slot[i] = look_up(table, tokens[i], tokens[i + 1]);
	while (count > 1) {
		size_t best = 0;
		for (size_t i = 1; i + 1 < count; i++)
			if (slot[i]->rank < slot[best]->rank)
				best = i;
		if (slot[best]->rank == NONE)
			break;
		tokens[best] = slot[best]->result;
		memmove(tokens + best + 1, tokens + best + 2, (count - best - 2) * sizeof *tokens);
		memmove(slot + best, slot + best + 1, (count - best - 2) * sizeof *slot);
		count--;
		if (best + 1 < count)
			slot[best] = look_up(table, tokens[best], tokens[best + 1]);
		if (best > 0)
			slot[best - 1] = look_up(table, tokens[best - 1], tokens[best]);
	}
	return count;
}

/* ---- long words: a heap of candidates over a list of places ---- */

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

/* Add the pair that begins at a place, if it has a merge. The heap has room for it: a place is a
 * candidate once at first, and twice more for each join. */
static void push(struct merge_table *table, uint32_t at)
{
	const struct node *left = &table->node[at];
	size_t i = table->heap_count;

	if (left->after == NONE)
		return;
	const uint16_t right = table->node[left->after].token;
	const struct slot *slot = look_up(table, left->token, right);
	if (slot->rank == NONE)
		return;
	const struct candidate candidate = {slot->rank, at, pair_of(left->token, right)};
	table->heap_count++;
	while (i > 0 && comes_before(&candidate, &table->heap[(i - 1) / 2])) {
		table->heap[i] = table->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	table->heap[i] = candidate;
}

static struct candidate pop(struct merge_table *table)
{
	const struct candidate first = table->heap[0];
	const struct candidate last = table->heap[--table->heap_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < table->heap_count) {
		if (child + 1 < table->heap_count &&
		    comes_before(&table->heap[child + 1], &table->heap[child]))
			child++;
		if (!comes_before(&table->heap[child], &last))
			break;
		table->heap[i] = table->heap[child];
		i = child;
	}
	table->heap[i] = last;
	return first;
}

/* Join a candidate, if it is still there. */
static void join(struct merge_table *table, const struct candidate *candidate)
{
	struct node *left = &table->node[candidate->at];

	if (left->gone || left->after == NONE)
		return;
	struct node *right = &table->node[left->after];
	if (pair_of(left->token, right->token) != candidate->pair)
		return;
	left->token = look_up(table, left->token, right->token)->result;
	right->gone = true;
	left->after = right->after;
	if (right->after != NONE)
		table->node[right->after].before = candidate->at;
	push(table, candidate->at);
	if (left->before != NONE)
		push(table, left->before);
}

static long merge_long(struct merge_table *table, uint16_t *tokens, size_t count)
{
	size_t left = 0;

	if (array_reserve(&table->node, &table->node_room, count) < 0 ||
	    array_reserve(&table->heap, &table->heap_room, 3 * count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		table->node[i] = (struct node){
			.before = i > 0 ? (uint32_t)i - 1 : NONE,
			.after = i + 1 < count ? (uint32_t)i + 1 : NONE,
			.token = tokens[i],
		};
	table->heap_count = 0;
	for (size_t i = 0; i + 1 < count; i++)
		push(table, (uint32_t)i);
	while (table->heap_count > 0) {
		const struct candidate candidate = pop(table);
		join(table, &candidate);
	}
	for (uint32_t at = 0; at != NONE; at = table->node[at].after)
		tokens[left++] = table->node[at].token;
	return (long)left;
}

long merge_word(struct merge_table *table, uint16_t *tokens, size_t count)
{
	return count <= SHORT ? (long)merge_short(table, tokens, count) :
	       merge_long(table, tokens, count);
}
