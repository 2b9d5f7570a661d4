#include "common/train/data_loader.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/base/rng.h"
#include "common/stream/record.h"
#include "common/stream/token_stream.h"
#include "common/train/block_loader.h"

struct data_loader {
	enum pack pack;
	int context;
	uint64_t position;
	uint64_t digest;

	struct corpus *corpus; /* NULL: a stream */
	struct block_loader *blocks; /* NULL: the corpus is not in blocks */
	size_t count; /* records of it */
	uint64_t seed;
	uint32_t *order; /* of the records in this epoch */
	uint64_t epoch; /* that order is of; UINT64_MAX: of none yet */

	struct stream_reader *reader;
	struct vocab *vocab; /* the caller's */
	struct span_kinds *kinds;
	struct record_buffer buffer;
	uint16_t *token; /* running text; not yet given: held of them, from begin */
	uint8_t *kind;
	size_t begin, held, room;
	uint64_t id; /* of the record read last */
};

static struct data_loader *data_loader_new(enum pack pack, int context, struct err *err)
{
	struct data_loader *loader = calloc(1, sizeof *loader);

	if (!loader) {
		err_set(err, "out of memory");
		return NULL;
	}
	loader->pack = pack;
	loader->context = context;
	loader->epoch = UINT64_MAX;
	return loader;
}

void data_loader_free(struct data_loader *loader)
{
	if (!loader)
		return;
	stream_close(loader->reader);
	record_buffer_release(&loader->buffer);
	block_loader_free(loader->blocks);
	free(loader->order);
	free(loader->token);
	free(loader->kind);
	free(loader);
}

uint64_t data_loader_position(const struct data_loader *loader)
{
	return loader->position;
}

uint64_t data_loader_digest(const struct data_loader *loader)
{
	return loader->digest;
}

size_t data_loader_memory(const struct data_loader *loader)
{
	return (loader->blocks ? block_loader_memory(loader->blocks) : 0) +
	       (loader->order ? loader->count * sizeof *loader->order : 0) +
	       loader->room * (sizeof *loader->token + sizeof *loader->kind);
}

/* More of the data into the digest. */
static void digest(struct data_loader *loader, const void *data, size_t bytes)
{
	loader->digest = XXH3_64bits_withSeed(data, bytes, loader->digest);
}

/* ---- from a corpus ---- */

static bool in_blocks(const struct corpus *corpus)
{
	size_t count;

	return corpus_blocks(corpus, &count) != NULL;
}

static int check_facts(const struct corpus *corpus, struct err *err)
{
	const struct corpus_facts *facts = corpus_facts(corpus);
	const struct corpus_options *options = corpus_options(corpus);
	struct err why = {0};

	if (facts->count == 0)
		return err_set(err, "the training data hold no record");
	if (facts->count > UINT32_MAX && !in_blocks(corpus))
		return err_set(err, "more than %u training records", UINT32_MAX);
	if (options->pack == PACK_TEXT) {
		if (facts->token_count <= (uint64_t)options->context)
			return err_set(err, "the training data hold %ju tokens, expected more than the "
			               "context of %d; gpt-train --context takes a shorter one",
			               (uintmax_t)facts->token_count, options->context);
		return 0;
	}
	if (facts->unfit.index == facts->count)
		return 0;
	example_check_length(facts->unfit.length, options->context, &why);
	return err_set(err, "training record %zu (id %ju) has %s", facts->unfit.index,
	               (uintmax_t)facts->unfit.id, why.text);
}

struct data_loader *data_loader_of_corpus(struct corpus *corpus, uint64_t seed, struct err *err)
{
	const struct corpus_options *options = corpus_options(corpus);
	struct data_loader *loader;

	if (check_facts(corpus, err) < 0 ||
	    (loader = data_loader_new(options->pack, options->context, err)) == NULL)
		return NULL;
	loader->corpus = corpus;
	loader->count = corpus_facts(corpus)->count;
	loader->seed = seed;
	loader->digest = corpus_facts(corpus)->digest;
	if (in_blocks(corpus))
		loader->blocks = block_loader_new(corpus, seed, err);
	else if (options->pack == PACK_RECORDS)
		loader->order = malloc(loader->count * sizeof *loader->order);
	if (loader->blocks || loader->order || (options->pack == PACK_TEXT && !in_blocks(corpus)))
		return loader;
	data_loader_free(loader);
	err_set(err, "out of memory");
	return NULL;
}

/* Fisher and Yates's shuffle of epoch's own sequence. */
static void shuffle(struct data_loader *loader, uint64_t epoch)
{
	struct rng rng;

	rng_init(&rng, loader->seed, RNG_SHUFFLE, epoch);
	for (uint32_t i = 0; i < loader->count; i++)
		loader->order[i] = i;
	for (uint32_t i = (uint32_t)loader->count - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, (uint64_t)i + 1), keep = loader->order[i];
		loader->order[i] = loader->order[j];
		loader->order[j] = keep;
	}
	loader->epoch = epoch;
}

static int corpus_example(struct data_loader *loader, uint16_t *token, uint8_t *kind,
                          struct example *example, struct err *err)
{
	struct corpus *corpus = loader->corpus;
	struct rng rng;

	if (loader->blocks)
		return block_loader_example(loader->blocks, loader->position, token, kind, example, err);
	if (loader->pack == PACK_TEXT) {
		rng_init(&rng, loader->seed, RNG_SHUFFLE, loader->position);
		const uint64_t places = corpus_facts(corpus)->token_count - (uint64_t)loader->context;
		return corpus_window(corpus, rng_below(&rng, places), token, kind, example, err);
	}
	if (loader->epoch != loader->position / loader->count)
		shuffle(loader, loader->position / loader->count);
	const uint32_t index = loader->order[loader->position % loader->count];
	return corpus_record(corpus, index, token, kind, example, err);
}

/* ---- from a stream ---- */

struct data_loader *data_loader_of_stream(const char *path, enum pack pack, int context,
                                          struct vocab **vocab, const char *model,
                                          struct span_kinds *kinds, json_t **header,
                                          struct err *err)
{
	struct data_loader *loader = data_loader_new(pack, context, err);

	if (!loader)
		return NULL;
	loader->kinds = kinds;
	loader->reader = token_stream_open(path, vocab, model, err);
	if (!loader->reader) {
		data_loader_free(loader);
		return NULL;
	}
	loader->vocab = *vocab;
	if (header && *header == NULL)
		*header = json_incref((json_t *)stream_header(loader->reader));
	return loader;
}

/* Room for more tokens behind those held, which move to the front. Only here:
 * windows of a long record must not each move all the rest of it. */
static int make_room(struct data_loader *loader, size_t more, struct err *err)
{
	if (loader->begin > 0) {
		memmove(loader->token, loader->token + loader->begin, loader->held * sizeof *loader->token);
		memmove(loader->kind, loader->kind + loader->begin, loader->held);
		loader->begin = 0;
	}
	size_t token_room = loader->room, kind_room = loader->room;
	if (array_reserve(&loader->token, &token_room, loader->held + more) < 0 ||
	    array_reserve(&loader->kind, &kind_room, loader->held + more) < 0)
		return err_set(err, "out of memory for %zu tokens", loader->held + more);
	loader->room = token_room;
	return 0;
}

/* The next record's tokens behind those held. 1, 0 at the end, -1. */
static int read_record(struct data_loader *loader, struct err *err)
{
	struct stream_record raw;
	struct record record;
	struct err why = {0};
	int more = stream_next(loader->reader, &raw, err);

	if (more <= 0)
		return more;
	if (record_read_tokens(loader->reader, &raw, loader->vocab, loader->kinds, &loader->buffer,
	                       &record, err) < 0)
		return -1;
	if (loader->pack == PACK_RECORDS &&
	    example_check_length(record.length, loader->context, &why) < 0)
		return stream_bad(loader->reader, err, "%s", why.text);
	if (make_room(loader, record.length, err) < 0)
		return -1;
	memcpy(loader->token + loader->held, record.tokens, record.length * sizeof *loader->token);
	example_kinds(&record, loader->kind + loader->held);
	loader->held += record.length;
	loader->id = record.id;
	return 1;
}

static int stream_example(struct data_loader *loader, struct example *example, struct err *err)
{
	const size_t wanted = loader->pack == PACK_TEXT ? (size_t)loader->context + 1 : 1;

	while (loader->held < wanted) {
		int more = read_record(loader, err);
		if (more <= 0)
			return more;
	}
	*example = (struct example){
		.id = loader->id,
		.token = loader->token + loader->begin,
		.kind = loader->kind + loader->begin,
		.length = (int)(loader->pack == PACK_TEXT ? wanted : loader->held),
	};
	return 1;
}

/* What an example took is gone; a window leaves its last token, which the next
 * one predicts from. */
static void drop_held(struct data_loader *loader, int length)
{
	const size_t gone = loader->pack == PACK_TEXT ? (size_t)length - 1 : (size_t)length;

	digest(loader, loader->token + loader->begin, (size_t)length * sizeof *loader->token);
	loader->begin += gone;
	loader->held -= gone;
}

/* ---- both ---- */

int data_loader_next(struct data_loader *loader, uint16_t *token, uint8_t *kind,
                     struct example *example, struct err *err)
{
	if (loader->corpus) {
		if (corpus_example(loader, token, kind, example, err) < 0)
			return -1;
		loader->position++;
		return 1;
	}
	int more = stream_example(loader, example, err);
	if (more <= 0)
		return more;
	memcpy(token, example->token, (size_t)example->length * sizeof *token);
	memcpy(kind, example->kind, (size_t)example->length);
	example->token = token;
	example->kind = kind;
	drop_held(loader, example->length);
	loader->position++;
	return 1;
}

int data_loader_skip(struct data_loader *loader, uint64_t count, struct err *err)
{
	if (loader->corpus) {
		loader->position += count;
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		struct example example;
		int more = stream_example(loader, &example, err);
		if (more == 0)
			return err_set(err, "the stream ends after %llu examples, expected the %llu that "
			               "the interrupted run had read", (unsigned long long)i,
			               (unsigned long long)count);
		if (more < 0)
			return -1;
		drop_held(loader, example.length);
		loader->position++;
	}
	return 0;
}
