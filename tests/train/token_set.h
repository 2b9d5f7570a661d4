/* token_set.h - token records of known tokens, kinds and information as a stream, for tests. */
#ifndef MEMOSCOPE_TESTS_TOKEN_SET_H
#define MEMOSCOPE_TESTS_TOKEN_SET_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/stream/record.h"
#include "common/train/corpus.h"
#include "common/train/dataset.h"
#include "tests/stream/streams.h"

#define ALPHABET "abcdefghij"

/* A stream of token records in a file without a name, and what it should be read as. */
struct set {
	int fd; /* the caller's to close */
	char path[64]; /* to open it by */
	int count; /* records */
	uint64_t id[512];
	size_t begin[513]; /* of the records in the running text */
	uint16_t token[200000]; /* the running text */
	uint8_t kind[200000];
};

/* Write records of these lengths. Each has a span of kind "name" on its second
 * and third token, worth 2 nats, and one of kind "answer" on the rest from the
 * fifth, worth 3; those of one or two tokens have a span on the first alone. */
__attribute__((unused))
static void set_make(struct set *set, uint64_t seed, int count, const int *length,
                     const char *alphabet)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new(alphabet, strlen(alphabet), &err);
	json_t *header = header_new(STREAM_TOKENS, NULL, 0, NULL);
	struct span_kinds kinds;
	struct rng rng;

	span_kinds_init(&kinds);
	span_kind(&kinds, "name", 4);
	span_kind(&kinds, "answer", 6);
	header_set_vocab(header, vocab);
	set->fd = memfd_create("tokens", 0);
	snprintf(set->path, sizeof set->path, "/proc/self/fd/%d", set->fd);
	struct stream_writer *writer = stream_create(set->fd, "tokens", header, &err);
	rng_init(&rng, seed, RNG_TEST, 0);
	set->count = count;
	set->begin[0] = 0;
	for (int i = 0; i < count; i++) {
		const size_t begin = set->begin[i];
		const uint32_t n = (uint32_t)length[i];
		const struct span both[] = {
			{.begin = 1, .end = 3, .kind = 1, .entry = -1, .nats = 2},
			{.begin = 4, .end = n, .kind = 2, .entry = 0, .nats = 3},
		};
		const struct span first = {.begin = 0, .end = 1, .kind = 1, .entry = -1, .nats = 5};
		struct record record = {
			.id = 1000 + 7 * (uint64_t)i,
			.tokens = set->token + begin,
			.length = n,
			.spans = n < 3 ? &first : both,
			.span_count = n < 3 ? n > 0 : n > 4 ? 2 : 1,
		};
		set->id[i] = record.id;
		for (uint32_t t = 0; t < n; t++) {
			set->token[begin + t] = (uint16_t)rng_below(&rng, (uint64_t)vocab_size(vocab));
			set->kind[begin + t] = n < 3 ? t == 0 : t == 1 || t == 2 ? 1 : t >= 4 ? 2 : 0;
		}
		set->begin[i + 1] = begin + n;
		record_write_tokens(writer, &record, vocab, &kinds, &err);
	}
	if (stream_end(writer, &err) < 0)
		printf("# %s\n", err.text);
	json_decref(header);
	vocab_free(vocab);
}

/* Records of 3 to longest tokens. */
__attribute__((unused))
static void set_make_mixed(struct set *set, uint64_t seed, int count, int longest)
{
	int length[512];

	for (int i = 0; i < count; i++)
		length[i] = 3 + (i * 7) % (longest - 2);
	set_make(set, seed, count, length, ALPHABET);
}

/* What a reader needs beside the data. */
struct reading {
	struct vocab *vocab;
	struct span_kinds kinds;
	struct dataset dataset;
	struct corpus *corpus;
	struct err err;
};

__attribute__((unused))
static void reading_start(struct reading *reading)
{
	*reading = (struct reading){0};
	span_kinds_init(&reading->kinds);
	span_kind(&reading->kinds, "name", 4);
	span_kind(&reading->kinds, "answer", 6);
}

__attribute__((unused))
static void reading_end(struct reading *reading)
{
	dataset_release(&reading->dataset);
	corpus_free(reading->corpus);
	vocab_free(reading->vocab);
}

/* Does an example show the running text from begin? */
__attribute__((unused))
static bool shows(const struct example *example, const struct set *set, size_t begin, int length)
{
	return example->length == length &&
	       memcmp(example->token, set->token + begin, (size_t)length * sizeof *set->token) == 0 &&
	       memcmp(example->kind, set->kind + begin, (size_t)length) == 0;
}

/* A set as a corpus, reading->corpus. */
__attribute__((unused))
static void reading_open_corpus(struct reading *reading, const struct set *set, enum pack pack,
                                int context)
{
	const struct corpus_options options = {.pack = pack, .context = context};
	char *paths[] = {(char *)set->path};

	reading_start(reading);
	reading->corpus = corpus_open(paths, 1, &options, &reading->vocab, &reading->kinds, NULL,
	                              &reading->err);
	if (!reading->corpus)
		printf("# %s\n", reading->err.text);
}

#endif
