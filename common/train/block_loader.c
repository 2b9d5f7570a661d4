#include "common/train/block_loader.h"

#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/rising.h"
#include "common/base/rng.h"
#include "common/stream/packed_record.h"
#include "common/train/text_window.h"

/* Bytes that a record, a block of the group in memory and any block take beside those of the file.
 * Arrays that grow have up to twice as much room. */
#define RECORD_COST (2 * 2 * sizeof(uint32_t)) /* its place, and its turn or its first token */
#define LOADED_COST sizeof(struct loaded)
#define BLOCK_COST (2 * sizeof(struct corpus_block) + sizeof(uint32_t))
#define READING_COST ((uint64_t)1 << 20) /* opening the files, and unpacking records */

/* A block that is in memory, and what it begins with among what the group has. */
struct loaded {
	uint32_t block; /* its index */
	uint64_t byte, token;
	uint64_t place; /* that a window can begin at */
};

struct block_loader {
	struct corpus *corpus;
	const struct corpus_block *blocks;
	size_t block_count;
	enum pack pack;
	uint32_t context;
	uint64_t seed;
	uint64_t examples; /* of an epoch */
	uint64_t limit; /* bytes that a group may take */
	size_t groups;

	uint32_t *order; /* [block_count] of the blocks in this epoch */
	uint64_t epoch; /* that order is of; UINT64_MAX: of none yet */

	/* The group in memory. */
	uint64_t first, count; /* its examples among those of the epoch; count 0: none */
	char *bytes;
	size_t byte_room;
	struct rising offset; /* of each record in bytes */
	struct rising begin; /* of each record in the group's text, then the end; for PACK_TEXT */
	uint32_t *turn; /* [records] their order; for PACK_RECORDS */
	size_t turn_room;
	struct loaded *loaded; /* [loaded_count + 1]: its blocks; the last one: the ends */
	size_t loaded_count, loaded_room;
};

/* ---- the plan ---- */

/* How many places a window can begin at, if it stays in the block. */
static uint64_t places(const struct block_loader *loader, const struct corpus_block *block)
{
	return block->tokens > loader->context ? block->tokens - loader->context : 0;
}

/* How many examples of an epoch come from a block: each record, or as many windows as predict each
 * token once. */
static uint64_t examples(const struct block_loader *loader, const struct corpus_block *block)
{
	if (loader->pack == PACK_RECORDS)
		return block->records;
	return places(loader, block) > 0 ? block->tokens / loader->context : 0;
}

/* Bytes of memory that a block takes in a group. */
static uint64_t cost(const struct corpus_block *block)
{
	return block->bytes + block->records * RECORD_COST + LOADED_COST;
}

/* Divide what all blocks take into groups of equal size. */
static int plan(struct block_loader *loader, uint64_t memory, struct err *err)
{
	const uint64_t fixed = loader->block_count * BLOCK_COST + READING_COST;
	uint64_t all = 0, most = 0;

	for (size_t i = 0; i < loader->block_count; i++) {
		const uint64_t bytes = cost(&loader->blocks[i]);
		all += bytes;
		most = bytes > most ? bytes : most;
		loader->examples += examples(loader, &loader->blocks[i]);
	}
	if (memory < fixed + 2 * most)
		return err_set(err, "%juM of memory are too little for these files, which have a stretch "
		               "of %ju bytes that is read at once: gpt-train --memory %juM is enough",
		               (uintmax_t)memory >> 20, (uintmax_t)most,
		               (uintmax_t)(fixed + 2 * most + (1 << 20) - 1) >> 20);
	if (loader->examples == 0)
		return err_set(err, "no training file has more tokens than the context of %u; gpt-train "
		               "--context takes a shorter one", loader->context);
	loader->groups = (size_t)(all / (memory - fixed - most)) + 1;
	loader->limit = all / loader->groups + most;
	return 0;
}

struct block_loader *block_loader_new(struct corpus *corpus, uint64_t seed, struct err *err)
{
	struct block_loader *loader = calloc(1, sizeof *loader);

	if (!loader) {
		err_set(err, "out of memory");
		return NULL;
	}
	loader->corpus = corpus;
	loader->blocks = corpus_blocks(corpus, &loader->block_count);
	loader->pack = corpus_options(corpus)->pack;
	loader->context = (uint32_t)corpus_options(corpus)->context;
	loader->seed = seed;
	loader->epoch = UINT64_MAX;
	loader->order = malloc(loader->block_count * sizeof *loader->order);
	if (!loader->order)
		err_set(err, "out of memory for %zu blocks", loader->block_count);
	if (loader->order && plan(loader, corpus_options(corpus)->memory, err) == 0)
		return loader;
	block_loader_free(loader);
	return NULL;
}

void block_loader_free(struct block_loader *loader)
{
	if (!loader)
		return;
	rising_release(&loader->offset);
	rising_release(&loader->begin);
	free(loader->order);
	free(loader->bytes);
	free(loader->turn);
	free(loader->loaded);
	free(loader);
}

size_t block_loader_memory(const struct block_loader *loader)
{
	return (size_t)loader->limit + loader->block_count * sizeof *loader->order;
}

size_t block_loader_groups(const struct block_loader *loader)
{
	return loader->groups;
}

/* Fisher and Yates's shuffle of 0 to count - 1. */
static void shuffle(uint32_t *order, size_t count, struct rng *rng)
{
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	for (size_t i = count; i > 1; i--) {
		const size_t j = (size_t)rng_below(rng, i);
		const uint32_t keep = order[i - 1];
		order[i - 1] = order[j];
		order[j] = keep;
	}
}

/* ---- a group ---- */

/* The first and the last but one of a group's blocks in the order. */
struct stretch {
	size_t begin, end;
};

/* The group that has example number `wanted` of the epoch. */
static struct stretch find_group(struct block_loader *loader, uint64_t wanted)
{
	struct stretch group = {0, 0};

	loader->first = loader->count = 0;
	while (wanted >= loader->first + loader->count) {
		uint64_t bytes = 0;
		loader->first += loader->count;
		loader->count = 0;
		group.begin = group.end;
		do {
			const struct corpus_block *block = &loader->blocks[loader->order[group.end++]];
			bytes += cost(block);
			loader->count += examples(loader, block);
		} while (group.end < loader->block_count &&
		         bytes + cost(&loader->blocks[loader->order[group.end]]) <= loader->limit);
	}
	return group;
}

/* Room for what a group has; what was there is gone. */
static int make_room(struct block_loader *loader, struct stretch group, struct err *err)
{
	size_t bytes = 0, records = 0;

	for (size_t i = group.begin; i < group.end; i++) {
		bytes += loader->blocks[loader->order[i]].bytes;
		records += loader->blocks[loader->order[i]].records;
	}
	if (bytes > loader->byte_room) {
		free(loader->bytes);
		loader->bytes = malloc(bytes);
		loader->byte_room = loader->bytes ? bytes : 0;
	}
	if (records > loader->turn_room && loader->pack == PACK_RECORDS) {
		free(loader->turn);
		loader->turn = malloc(records * sizeof *loader->turn);
		loader->turn_room = loader->turn ? records : 0;
	}
	if (array_reserve(&loader->loaded, &loader->loaded_room, group.end - group.begin + 1) < 0 ||
	    !loader->bytes || (!loader->turn && loader->pack == PACK_RECORDS))
		return err_set(err, "out of memory for %zu bytes of training data", bytes);
	rising_clear(&loader->offset);
	rising_clear(&loader->begin);
	loader->loaded_count = 0;
	loader->loaded[0] = (struct loaded){0};
	return rising_add(&loader->begin, 0) < 0 ? err_set(err, "out of memory") : 0;
}

/* Find the records of a block, which was read to where loaded says. */
static int index_block(struct block_loader *loader, const struct loaded *loaded, struct err *err)
{
	const struct corpus_block *block = &loader->blocks[loaded->block];
	uint64_t token = loaded->token;
	uint32_t records = 0;
	size_t at = 0;

	while (at < block->bytes) {
		const char *bytes = loader->bytes + loaded->byte + at;
		struct packed_record record;
		if (packed_record_open(corpus_reader(loader->corpus), bytes, block->bytes - at, &record,
		                       err) < 0)
			break;
		at += record.size;
		if (record.between)
			continue;
		token += record.length;
		records++;
		if (rising_add(&loader->offset, (uint64_t)(bytes - loader->bytes)) < 0 ||
		    (loader->pack == PACK_TEXT && rising_add(&loader->begin, token) < 0))
			return err_set(err, "out of memory for records");
	}
	if (err->status == ERR_NONE && (records != block->records ||
	                                token - loaded->token != block->tokens))
		err_set(err, "other records");
	if (err->status == ERR_NONE)
		return 0;
	const struct err why = *err;
	*err = (struct err){0};
	return corpus_bad_block(loader->corpus, loaded->block, at, &why, err);
}

static int load_group(struct block_loader *loader, struct stretch group, struct err *err)
{
	struct rng rng;

	if (make_room(loader, group, err) < 0)
		return -1;
	for (size_t i = group.begin; i < group.end; i++) {
		struct loaded *loaded = &loader->loaded[loader->loaded_count++];
		loaded->block = loader->order[i];
		const struct corpus_block *block = &loader->blocks[loaded->block];
		char *bytes = loader->bytes + loaded->byte;
		if (corpus_read_block(loader->corpus, loaded->block, bytes, err) < 0 ||
		    index_block(loader, loaded, err) < 0)
			return -1;
		loaded[1] = (struct loaded){
			.byte = loaded->byte + block->bytes,
			.token = loaded->token + block->tokens,
			.place = loaded->place + places(loader, block),
		};
	}
	rng_init(&rng, loader->seed, RNG_GROUP, loader->epoch * loader->block_count + group.begin);
	if (loader->pack == PACK_RECORDS)
		shuffle(loader->turn, loader->offset.count, &rng);
	return 0;
}

/* Have the group in memory that has this example of all epochs. */
static int have_group(struct block_loader *loader, uint64_t position, struct err *err)
{
	const uint64_t epoch = position / loader->examples, wanted = position % loader->examples;
	struct rng rng;

	if (loader->epoch == epoch && wanted >= loader->first && wanted < loader->first + loader->count)
		return 0;
	if (loader->epoch != epoch) {
		rng_init(&rng, loader->seed, RNG_BLOCKS, epoch);
		shuffle(loader->order, loader->block_count, &rng);
		loader->epoch = epoch;
	}
	const int result = load_group(loader, find_group(loader, wanted), err);
	if (result < 0)
		loader->count = 0;
	return result;
}

/* ---- examples ---- */

/* The block in memory that has a byte of the group, or a place. */
static const struct loaded *block_of(const struct block_loader *loader, uint64_t number, bool place)
{
	size_t low = 0, end = loader->loaded_count;

	while (end - low > 1) {
		const size_t middle = low + (end - low) / 2;
		const struct loaded *loaded = &loader->loaded[middle];
		if ((place ? loaded->place : loaded->byte) <= number)
			low = middle;
		else
			end = middle;
	}
	return &loader->loaded[low];
}

/* Copy count tokens of record number index of the group, from number `from` on; UINT32_MAX: all. */
static int copy(struct block_loader *loader, size_t index, uint32_t from, uint32_t count,
                uint16_t *token, uint8_t *kind, struct packed_record *record, struct err *err)
{
	struct packed_reader *reader = corpus_reader(loader->corpus);
	const uint64_t at = rising_at(&loader->offset, index);
	const struct loaded *loaded = block_of(loader, at, false);
	struct err why = {0};

	if (packed_record_open(reader, loader->bytes + at, (size_t)(loaded[1].byte - at), record,
	                       &why) == 0 &&
	    (count < UINT32_MAX ||
	     example_check_length(record->length, (int)loader->context, &why) == 0) &&
	    packed_record_copy(reader, record, from, count < UINT32_MAX ? count : record->length, token,
	                       kind, &why) == 0)
		return 0;
	return corpus_bad_block(loader->corpus, loaded->block, (size_t)(at - loaded->byte), &why, err);
}

static int copy_window(struct block_loader *loader, uint64_t begin, uint16_t *token, uint8_t *kind,
                       struct packed_record *record, struct err *err)
{
	struct text_window window = text_window(&loader->begin, begin, loader->context + 1);

	while (text_window_next(&window))
		if (copy(loader, window.index, window.from, window.count, token + window.at,
		         kind + window.at, record, err) < 0)
			return -1;
	return 0;
}

int block_loader_example(struct block_loader *loader, uint64_t position, uint16_t *token,
                         uint8_t *kind, struct example *example, struct err *err)
{
	struct packed_record record;
	struct rng rng;
	int result;

	if (have_group(loader, position, err) < 0)
		return -1;
	if (loader->pack == PACK_RECORDS) {
		const uint64_t turn = position % loader->examples - loader->first;
		result = copy(loader, loader->turn[turn], 0, UINT32_MAX, token, kind, &record, err);
	} else {
		rng_init(&rng, loader->seed, RNG_SHUFFLE, position);
		const uint64_t place = rng_below(&rng, loader->loaded[loader->loaded_count].place);
		const struct loaded *block = block_of(loader, place, true);
		result = copy_window(loader, block->token + (place - block->place), token, kind, &record,
		                     err);
	}
	if (result < 0)
		return -1;
	*example = (struct example){
		record.id, token, kind,
		(int)(loader->pack == PACK_TEXT ? loader->context + 1 : record.length),
	};
	return 0;
}
