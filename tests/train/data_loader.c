/* data_loader.c - training examples: which, in what order, and where a resume goes on. */
#include "common/train/data_loader.h"
#include "tests/tap.h"
#include "tests/train/token_set.h"

#define CONTEXT 12

static struct data_loader *open_stream(struct reading *reading, const struct set *set,
                                       enum pack pack)
{
	reading_start(reading);
	return data_loader_of_stream(set->path, pack, CONTEXT, &reading->vocab, NULL, &reading->kinds,
	                             NULL, &reading->err);
}

struct got {
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;
};

static int next(struct data_loader *loader, struct got *got, struct err *err)
{
	return data_loader_next(loader, got->token, got->kind, &got->example, err);
}

static bool same_example(const struct example *a, const struct example *b)
{
	return a->id == b->id && a->length == b->length &&
	       memcmp(a->token, b->token, (size_t)a->length * sizeof *a->token) == 0 &&
	       memcmp(a->kind, b->kind, (size_t)a->length) == 0;
}

static void test_nothing_first(void)
{
	static struct set set;
	struct reading reading;
	const int length[] = {0, CONTEXT + 1, 0};
	struct got got;

	set_make(&set, 8, 3, length, ALPHABET);
	struct data_loader *loader = open_stream(&reading, &set, PACK_TEXT);
	is_int(next(loader, &got, &reading.err), 1,
	       "a first record without a token, in a stream of running text");
	ok(shows(&got.example, &set, 0, CONTEXT + 1), "  the window is whole");
	data_loader_free(loader);
	reading_end(&reading);
	close(set.fd);
}

/* ---- records of a corpus ---- */

/* The records of the next epoch, by their number. False where one is no record. */
static bool epoch(struct data_loader *loader, const struct set *set, int *order)
{
	struct err err = {0};
	struct got got;

	for (int i = 0; i < set->count; i++) {
		if (next(loader, &got, &err) != 1)
			return false;
		int r = (int)(got.example.id - 1000) / 7;
		if (r < 0 || r >= set->count ||
		    !shows(&got.example, set, set->begin[r], (int)(set->begin[r + 1] - set->begin[r])))
			return false;
		order[i] = r;
	}
	return true;
}

static bool is_permutation(const int *order, int count)
{
	bool met[512] = {false};

	for (int i = 0; i < count; i++) {
		if (met[order[i]])
			return false;
		met[order[i]] = true;
	}
	return true;
}

static void test_order(void)
{
	enum { N = 101 };
	static struct set set;
	struct reading reading;
	int order[4][N], again[N], sorted = 0;
	bool good = true;

	set_make_mixed(&set, 3, N, CONTEXT);
	reading_open_corpus(&reading, &set, PACK_RECORDS, CONTEXT);
	struct data_loader *loader = data_loader_of_corpus(reading.corpus, 5, &reading.err);
	for (int e = 0; e < 4; e++)
		good &= epoch(loader, &set, order[e]) && is_permutation(order[e], N);
	ok(good, "every epoch holds every record once");
	is_int((long long)data_loader_position(loader), 4 * N, "the position counts on");
	ok(memcmp(order[0], order[1], sizeof again) != 0 &&
	   memcmp(order[1], order[2], sizeof again) != 0, "epochs differ");
	for (int i = 0; i < N; i++)
		sorted += order[0][i] == i;
	ok(sorted < 10, "the order is not that of the file");
	data_loader_free(loader);

	loader = data_loader_of_corpus(reading.corpus, 5, &reading.err);
	ok(epoch(loader, &set, again) && memcmp(again, order[0], sizeof again) == 0,
	   "the same seed gives the same order");
	data_loader_free(loader);
	loader = data_loader_of_corpus(reading.corpus, 6, &reading.err);
	ok(epoch(loader, &set, again) && memcmp(again, order[0], sizeof again) != 0,
	   "another seed gives another");
	data_loader_free(loader);
	reading_end(&reading);
	close(set.fd);
}

/* Each of five records stands first in a fifth of the epochs. */
static void test_uniform(void)
{
	enum { N = 5, EPOCHS = 50000 };
	static struct set set;
	struct reading reading;
	int count[N][N] = {{0}}, order[N];
	double chi = 0;

	set_make_mixed(&set, 4, N, CONTEXT);
	reading_open_corpus(&reading, &set, PACK_RECORDS, CONTEXT);
	struct data_loader *loader = data_loader_of_corpus(reading.corpus, 1, &reading.err);
	for (int e = 0; e < EPOCHS && epoch(loader, &set, order); e++)
		for (int i = 0; i < N; i++)
			count[i][order[i]]++;
	for (int i = 0; i < N; i++)
		for (int r = 0; r < N; r++)
			chi += pow(count[i][r] - (double)EPOCHS / N, 2) / ((double)EPOCHS / N);
	/* Places exclude each other, so this sum is N / (N - 1) times one of sixteen
	 * degrees of freedom, which passes 39.3 once in a thousand seeds. */
	chi *= (N - 1.0) / N;
	ok(chi < 39.3, "every record is as likely at every place");
	printf("# chi-square %.1f\n", chi);
	data_loader_free(loader);
	reading_end(&reading);
	close(set.fd);
}

/* ---- skipping, of any loader ---- */

/* A loader that passed over count examples goes on as one that read them. */
static bool skips(struct data_loader *read, struct data_loader *skip, int count)
{
	struct err err = {0};
	struct got a, b;

	for (int i = 0; i < count; i++)
		if (next(read, &a, &err) != 1)
			return false;
	if (data_loader_skip(skip, (uint64_t)count, &err) < 0 ||
	    data_loader_position(skip) != (uint64_t)count ||
	    data_loader_digest(skip) != data_loader_digest(read))
		return false;
	for (int i = 0; i < 30; i++) {
		int more = next(read, &a, &err);
		if (next(skip, &b, &err) != more ||
		    data_loader_position(skip) != data_loader_position(read) ||
		    data_loader_digest(skip) != data_loader_digest(read))
			return false;
		if (more == 1 && !same_example(&a.example, &b.example))
			return false;
	}
	return true;
}

static void test_skip(void)
{
	enum { N = 41 };
	static struct set set;
	const int counts[] = {0, 1, 7, N - 1, N, N + 1, 5 * N + 3};
	bool good[2][2] = {{true, true}, {true, true}}; /* [from a stream][pack] */

	set_make_mixed(&set, 5, N, CONTEXT);
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
		for (int pack = 0; pack < 2; pack++) {
			struct reading a, b;
			reading_open_corpus(&a, &set, (enum pack)pack, CONTEXT);
			struct data_loader *read = data_loader_of_corpus(a.corpus, 9, &a.err);
			struct data_loader *skip = data_loader_of_corpus(a.corpus, 9, &a.err);
			good[0][pack] &= skips(read, skip, counts[c]);
			data_loader_free(read);
			data_loader_free(skip);
			reading_end(&a);
			if (counts[c] > N / 2)
				continue; /* the stream has no more */
			read = open_stream(&a, &set, (enum pack)pack);
			skip = open_stream(&b, &set, (enum pack)pack);
			good[1][pack] &= skips(read, skip, counts[c]);
			data_loader_free(read);
			data_loader_free(skip);
			reading_end(&a);
			reading_end(&b);
		}
	ok(good[0][PACK_RECORDS], "skipping is reading: records of a corpus");
	ok(good[0][PACK_TEXT], "skipping is reading: windows of a corpus");
	ok(good[1][PACK_RECORDS], "skipping is reading: records of a stream");
	ok(good[1][PACK_TEXT], "skipping is reading: windows of a stream");

	struct reading reading;
	struct data_loader *loader = open_stream(&reading, &set, PACK_RECORDS);
	is_int(data_loader_skip(loader, N + 1, &reading.err), -1,
	       "a stream that is too short to skip in");
	is_string(reading.err.text, "the stream ends after 41 examples, expected the 42 that the "
	          "interrupted run had read", "what is said of it");
	data_loader_free(loader);
	reading_end(&reading);
	close(set.fd);
}

/* ---- digests ---- */

static uint64_t digest_of_files(const struct set *set, uint64_t seed)
{
	struct reading reading;

	reading_open_corpus(&reading, set, PACK_RECORDS, CONTEXT);
	struct data_loader *loader = data_loader_of_corpus(reading.corpus, seed, &reading.err);
	const uint64_t digest = data_loader_digest(loader);
	data_loader_free(loader);
	reading_end(&reading);
	return digest;
}

static uint64_t stream_digest(const struct set *set, uint64_t count)
{
	struct reading reading;
	struct data_loader *loader = open_stream(&reading, set, PACK_RECORDS);

	is_int(data_loader_skip(loader, count, &reading.err), 0, "examples of a stream");
	const uint64_t digest = data_loader_digest(loader);
	data_loader_free(loader);
	reading_end(&reading);
	return digest;
}

static void test_digest(void)
{
	static struct set few, many, others;

	set_make_mixed(&few, 5, 20, CONTEXT);
	set_make_mixed(&many, 5, 41, CONTEXT);
	set_make_mixed(&others, 6, 20, CONTEXT);
	ok(digest_of_files(&few, 1) == digest_of_files(&few, 2),
	   "the data have a digest, not their order");
	ok(digest_of_files(&few, 1) != digest_of_files(&many, 1), "more data have another one");
	ok(digest_of_files(&few, 1) != digest_of_files(&others, 1), "other data too");
	ok(stream_digest(&few, 20) == stream_digest(&many, 20), "of a stream, it is of what came");
	ok(stream_digest(&few, 19) != stream_digest(&few, 20), "all of it");
	ok(stream_digest(&few, 5) != stream_digest(&others, 5), "of other data, another one");
	close(few.fd);
	close(many.fd);
	close(others.fd);
}

/* ---- windows of a corpus ---- */

static void test_windows(void)
{
	enum { N = 3, PLACES = 6 };
	static struct set set;
	const int length[N] = {8, 4, CONTEXT + PLACES - 12}; /* in all CONTEXT + PLACES tokens */
	struct reading reading;
	int met[PLACES] = {0}, wrong = 0, misnamed = 0;
	struct got got;

	set_make(&set, 6, N, length, ALPHABET);
	reading_open_corpus(&reading, &set, PACK_TEXT, CONTEXT);
	struct data_loader *loader = data_loader_of_corpus(reading.corpus, 1, &reading.err);
	for (int i = 0; i < 600 && next(loader, &got, &reading.err) == 1; i++) {
		int at = 0;
		while (at < PLACES && !shows(&got.example, &set, (size_t)at, CONTEXT + 1))
			at++;
		if (at == PLACES) {
			wrong++;
			continue;
		}
		met[at]++;
		int r = 0;
		while ((int)set.begin[r + 1] <= at + CONTEXT)
			r++;
		misnamed += got.example.id != set.id[r];
	}
	is_int(wrong, 0, "a window is a stretch of the running text, one token past the context");
	is_int(misnamed, 0, "its id is that of the record it ends in");
	double chi = 0;
	for (int i = 0; i < PLACES; i++)
		chi += pow(met[i] - 600.0 / PLACES, 2) / (600.0 / PLACES);
	/* five degrees of freedom: 20.5 is passed once in a thousand seeds */
	ok(chi < 20.5, "windows begin wherever they fit, each place as often");
	printf("# chi-square %.1f\n", chi);
	data_loader_free(loader);
	reading_end(&reading);
	close(set.fd);
}

/* ---- streams ---- */

static void test_stream(void)
{
	enum { N = 37 };
	static struct set set;
	struct reading reading;
	struct got got;
	int i = 0;

	set_make_mixed(&set, 7, N, CONTEXT);
	struct data_loader *loader = open_stream(&reading, &set, PACK_RECORDS);
	while (next(loader, &got, &reading.err) == 1 && i < N && got.example.id == set.id[i] &&
	       shows(&got.example, &set, set.begin[i], (int)(set.begin[i + 1] - set.begin[i])))
		i++;
	is_int(i, N, "a stream's records come as they stand");
	is_int(next(loader, &got, &reading.err), 0, "then it is over");
	is_int(next(loader, &got, &reading.err), 0, "and stays so");
	is_int((long long)data_loader_position(loader), N, "the position counts records");
	data_loader_free(loader);
	reading_end(&reading);

	/* what is cut off comes to light when it is reached, not before */
	struct bytes bytes = held(set.fd);
	int fd = -1;
	struct set cut = {.fd = -1};
	snprintf(cut.path, sizeof cut.path, "%s", hold(&fd, bytes.data, bytes.size / 2));
	loader = open_stream(&reading, &cut, PACK_RECORDS);
	int more = 1;
	for (i = 0; more == 1; i++)
		more = next(loader, &got, &reading.err);
	ok(more == -1 && i > N / 4 && i < N, "a stream that breaks off fails behind its last record");
	printf("# after %d: %s\n", i, reading.err.text);
	data_loader_free(loader);
	reading_end(&reading);
	free(bytes.data);
	close(fd);
	close(set.fd);
}

/* Consecutive windows: every token but the first is predicted exactly once. */
static void check_consecutive(const struct set *set, const char *what)
{
	const size_t windows = (set->begin[set->count] - 1) / CONTEXT;
	struct reading reading;
	struct data_loader *loader = open_stream(&reading, set, PACK_TEXT);
	struct got got;
	size_t i = 0;

	while (next(loader, &got, &reading.err) == 1 &&
	       shows(&got.example, set, i * CONTEXT, CONTEXT + 1)) {
		int r = 0;
		while (set->begin[r + 1] <= (i + 1) * CONTEXT)
			r++;
		if (got.example.id != set->id[r])
			break;
		i++;
	}
	ok(i == windows && reading.err.status == ERR_NONE, "windows of a stream: %s", what);
	if (i != windows)
		printf("# %zu windows, want %zu; %s\n", i, windows, reading.err.text);
	data_loader_free(loader);
	reading_end(&reading);
}

static void test_stream_windows(void)
{
	static struct set set;
	int length[] = {1, 0, 150000, 2, 40};

	set_make_mixed(&set, 8, 60, CONTEXT);
	check_consecutive(&set, "short records");
	close(set.fd);
	set_make(&set, 9, 5, length, ALPHABET);
	check_consecutive(&set, "a long record among short ones");
	close(set.fd);
	set_make(&set, 9, 1, (int[]){2 * CONTEXT + 1}, ALPHABET);
	check_consecutive(&set, "as many tokens as two windows need");
	close(set.fd);
	set_make(&set, 9, 1, (int[]){2 * CONTEXT}, ALPHABET);
	check_consecutive(&set, "one token fewer");
	close(set.fd);
}

/* ---- what is refused ---- */

static void refused(const struct set *set, enum pack pack, const char *want_corpus,
                    const char *want_stream)
{
	struct reading reading;
	struct got got;
	int more = 1;

	reading_open_corpus(&reading, set, pack, CONTEXT);
	struct data_loader *loader = data_loader_of_corpus(reading.corpus, 1, &reading.err);
	ok(loader == NULL && strstr(reading.err.text, want_corpus), "%s", want_corpus);
	if (loader || !strstr(reading.err.text, want_corpus))
		printf("# %s\n", reading.err.text);
	data_loader_free(loader);
	reading_end(&reading);
	if (want_stream == NULL)
		return;
	loader = open_stream(&reading, set, pack);
	while (more == 1)
		more = next(loader, &got, &reading.err);
	ok(more == -1 && strstr(reading.err.text, want_stream), "  in a stream: %s", want_stream);
	if (more != -1 || !strstr(reading.err.text, want_stream))
		printf("# %d: %s\n", more, reading.err.text);
	data_loader_free(loader);
	reading_end(&reading);
}

static void test_refused(void)
{
	static struct set set, other;
	struct reading reading;

	set_make(&set, 1, 3, (int[]){5, CONTEXT, CONTEXT + 1}, ALPHABET);
	refused(&set, PACK_RECORDS,
	        "training record 2 (id 1014) has 13 tokens, expected 2 to the context of 12; "
	        "gpt-train --context 13 takes it, --pack text trains on records of any length",
	        "record 2: 13 tokens, expected 2 to the context of 12; gpt-train --context 13 takes "
	        "it");
	close(set.fd);
	set_make(&set, 1, 2, (int[]){5, 1}, ALPHABET);
	refused(&set, PACK_RECORDS, "training record 1 (id 1007) has 1 tokens", "record 1: 1 tokens");
	close(set.fd);
	set_make(&set, 1, 2, (int[]){5, CONTEXT - 5}, ALPHABET);
	refused(&set, PACK_TEXT, "hold 12 tokens, expected more than the context of 12", NULL);
	close(set.fd);
	set_make(&set, 1, 0, NULL, ALPHABET);
	refused(&set, PACK_RECORDS, "the training data hold no record", NULL);
	close(set.fd);

	set_make(&set, 1, 2, (int[]){5, 6}, ALPHABET);
	set_make(&other, 1, 2, (int[]){5, 6}, "abcdefghik");
	reading_start(&reading);
	dataset_load(&reading.dataset, set.path, &reading.vocab, &reading.kinds, NULL, &reading.err);
	is_int(dataset_load(&reading.dataset, other.path, &reading.vocab, &reading.kinds, NULL,
	                    &reading.err), -1, "a file of another vocabulary");
	ok(strstr(reading.err.text, "it has U+006B 'k', which is not in that; "
	          "tokenize --vocab"), "which is said");
	reading_end(&reading);
	close(set.fd);
	close(other.fd);
}

int main(void)
{
	test_nothing_first();
	test_order();
	test_uniform();
	test_skip();
	test_digest();
	test_windows();
	test_stream();
	test_stream_windows();
	test_refused();
	return done();
}
