#include "common/train/data_loader.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/rng.h"
#include "common/stream/record.h"
#include "common/stream/tokens.h"

struct feed {
	enum pack pack;
	int context;
	uint64_t position;
	uint64_t digest;

	const struct corpus *corpus; /* NULL: a stream */
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
	bool ended;
};

static struct feed *feed_new(enum pack pack, int context, struct err *err)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (feed == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	feed->pack = pack;
	feed->context = context;
	feed->epoch = UINT64_MAX;
	return feed;
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	stream_close(feed->reader);
	record_buffer_release(&feed->buffer);
	free(feed->order);
	free(feed->token);
	free(feed->kind);
	free(feed);
}

uint64_t feed_position(const struct feed *feed)
{
	return feed->position;
}

uint64_t feed_digest(const struct feed *feed)
{
	return feed->digest;
}

/* More of the data into the digest. */
static void digest(struct feed *feed, const void *data, size_t bytes)
{
	feed->digest = XXH3_64bits_withSeed(data, bytes, feed->digest);
}

/* ---- from a corpus ---- */

static int check_lengths(const struct corpus *corpus, enum pack pack, int context,
                         struct err *err)
{
	if (corpus->count == 0)
		return err_set(err, "the training data hold no record");
	if (corpus->count > UINT32_MAX)
		return err_set(err, "more than %u training records", UINT32_MAX);
	if (pack == PACK_TEXT) {
		if (corpus->token_count <= (size_t)context)
			return err_set(err, "the training data hold %zu tokens, expected more than the "
			               "context of %d (--context)", corpus->token_count, context);
		return 0;
	}
	for (size_t i = 0; i < corpus->count; i++) {
		struct example example = corpus_example(corpus, i);
		if (example.length > context || example.length < 2)
			return err_set(err, "training record %zu (id %llu) has %d tokens, expected 2 to "
			               "the context of %d (--context)", i, (unsigned long long)example.id,
			               example.length, context);
	}
	return 0;
}

struct feed *feed_corpus(const struct corpus *corpus, enum pack pack, int context,
                         uint64_t seed, struct err *err)
{
	struct feed *feed;

	if (check_lengths(corpus, pack, context, err) < 0 ||
	    (feed = feed_new(pack, context, err)) == NULL)
		return NULL;
	feed->corpus = corpus;
	feed->seed = seed;
	feed->order = malloc(corpus->count * sizeof *feed->order);
	if (feed->order == NULL) {
		feed_free(feed);
		err_set(err, "out of memory");
		return NULL;
	}
	digest(feed, corpus->token, corpus->token_count * sizeof *corpus->token);
	digest(feed, corpus->begin, (corpus->count + 1) * sizeof *corpus->begin);
	return feed;
}

/* Fisher and Yates's shuffle of epoch's own sequence. */
static void shuffle(struct feed *feed, uint64_t epoch)
{
	struct rng rng;

	rng_init(&rng, feed->seed, RNG_SHUFFLE, epoch);
	for (uint32_t i = 0; i < feed->corpus->count; i++)
		feed->order[i] = i;
	for (uint32_t i = (uint32_t)feed->corpus->count - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, (uint64_t)i + 1), keep = feed->order[i];
		feed->order[i] = feed->order[j];
		feed->order[j] = keep;
	}
	feed->epoch = epoch;
}

static struct example corpus_record(struct feed *feed)
{
	const uint64_t epoch = feed->position / feed->corpus->count;

	if (feed->epoch != epoch)
		shuffle(feed, epoch);
	return corpus_example(feed->corpus, feed->order[feed->position % feed->corpus->count]);
}

static struct example corpus_window(const struct feed *feed)
{
	const struct corpus *corpus = feed->corpus;
	struct rng rng;

	rng_init(&rng, feed->seed, RNG_SHUFFLE, feed->position);
	uint64_t begin = rng_below(&rng, corpus->token_count - (uint64_t)feed->context);
	return (struct example){
		.id = corpus->id[corpus_record_at(corpus, begin + (uint64_t)feed->context)],
		.token = corpus->token + begin,
		.kind = corpus->kind + begin,
		.length = feed->context + 1,
	};
}

/* ---- from a stream ---- */

struct feed *feed_stream(const char *path, enum pack pack, int context, struct vocab **vocab,
                         struct span_kinds *kinds, json_t **header, struct err *err)
{
	struct feed *feed = feed_new(pack, context, err);

	if (feed == NULL)
		return NULL;
	feed->kinds = kinds;
	feed->reader = token_stream_open(path, vocab, err);
	if (feed->reader == NULL) {
		feed_free(feed);
		return NULL;
	}
	feed->vocab = *vocab;
	if (header && *header == NULL)
		*header = json_incref((json_t *)stream_header(feed->reader));
	return feed;
}

/* Room for more tokens behind those held, which move to the front. Only here:
 * windows of a long record must not each move all the rest of it. */
static int make_room(struct feed *feed, size_t more, struct err *err)
{
	if (feed->begin > 0) {
		memmove(feed->token, feed->token + feed->begin, feed->held * sizeof *feed->token);
		memmove(feed->kind, feed->kind + feed->begin, feed->held);
		feed->begin = 0;
	}
	if (feed->held + more >= feed->room) { /* not NULL, even for none */
		size_t room = 2 * feed->room + more + 1;
		uint16_t *token = realloc(feed->token, room * sizeof *token);
		if (token)
			feed->token = token;
		uint8_t *kind = realloc(feed->kind, room);
		if (kind)
			feed->kind = kind;
		if (token == NULL || kind == NULL)
			return err_set(err, "out of memory for %zu tokens", room);
		feed->room = room;
	}
	return 0;
}

/* The next record's tokens behind those held. 1, 0 at the end, -1. */
static int read_record(struct feed *feed, struct err *err)
{
	struct stream_record raw;
	struct record record;
	int more = stream_next(feed->reader, &raw, err);

	if (more <= 0)
		return more;
	if (record_read_tokens(feed->reader, &raw, feed->vocab, feed->kinds, &feed->buffer, &record,
	                       err) < 0)
		return -1;
	if (feed->pack == PACK_RECORDS &&
	    (record.length > (uint32_t)feed->context || record.length < 2))
		return stream_bad(feed->reader, err,
		                  "%u tokens, expected 2 to the context of %d (--context)", record.length,
		                  feed->context);
	if (make_room(feed, record.length, err) < 0)
		return -1;
	memcpy(feed->token + feed->held, record.tokens, record.length * sizeof *feed->token);
	example_kinds(&record, feed->kind + feed->held);
	feed->held += record.length;
	feed->id = record.id;
	return 1;
}

static int stream_example(struct feed *feed, struct example *example, struct err *err)
{
	const size_t wanted = feed->pack == PACK_TEXT ? (size_t)feed->context + 1 : 1;

	while (feed->held < wanted) {
		int more = read_record(feed, err);
		if (more <= 0)
			return more;
	}
	*example = (struct example){
		.id = feed->id,
		.token = feed->token + feed->begin,
		.kind = feed->kind + feed->begin,
		.length = (int)(feed->pack == PACK_TEXT ? wanted : feed->held),
	};
	return 1;
}

/* What an example took is gone; a window leaves its last token, which the next
 * one predicts from. */
static void drop_held(struct feed *feed, int length)
{
	const size_t gone = feed->pack == PACK_TEXT ? (size_t)length - 1 : (size_t)length;

	digest(feed, feed->token + feed->begin, (size_t)length * sizeof *feed->token);
	feed->begin += gone;
	feed->held -= gone;
}

/* ---- both ---- */

int feed_next(struct feed *feed, uint16_t *token, uint8_t *kind, struct example *example,
              struct err *err)
{
	if (feed->corpus) {
		*example = feed->pack == PACK_TEXT ? corpus_window(feed) : corpus_record(feed);
	} else {
		int more = stream_example(feed, example, err);
		if (more <= 0)
			return more;
	}
	memcpy(token, example->token, (size_t)example->length * sizeof *token);
	memcpy(kind, example->kind, (size_t)example->length);
	example->token = token;
	example->kind = kind;
	if (feed->corpus == NULL)
		drop_held(feed, example->length);
	feed->position++;
	return 1;
}

int feed_skip(struct feed *feed, uint64_t count, struct err *err)
{
	if (feed->corpus) {
		feed->position += count;
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		struct example example;
		int more = stream_example(feed, &example, err);
		if (more == 0)
			return err_set(err, "the stream ends after %llu examples, expected the %llu that "
			               "the interrupted run had read", (unsigned long long)i,
			               (unsigned long long)count);
		if (more < 0)
			return -1;
		drop_held(feed, example.length);
		feed->position++;
	}
	return 0;
}
