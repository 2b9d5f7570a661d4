/* corpus.c - records that stay in their files are those of a dataset in memory, until a file
 * changes. */
#include "common/train/corpus.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tests/train/token_set.h"

#define CONTEXT 12

/* A corpus and a dataset of the same streams. */
struct both {
	struct vocab *vocab;
	struct span_kinds kinds;
	struct corpus *corpus;
	struct dataset dataset;
	struct err err;
};

static void both_open(struct both *both, char **corpus, char **dataset, int count, enum pack pack)
{
	const struct corpus_options options = {.pack = pack, .context = CONTEXT};

	*both = (struct both){0};
	span_kinds_init(&both->kinds);
	both->corpus = corpus_open(corpus, count, &options, &both->vocab, &both->kinds, NULL,
	                           &both->err);
	for (int i = 0; i < count; i++)
		if (dataset_load(&both->dataset, dataset[i], &both->vocab, &both->kinds, NULL,
		                 &both->err) < 0)
			printf("# %s\n", both->err.text);
}

static void both_close(struct both *both)
{
	corpus_free(both->corpus);
	dataset_release(&both->dataset);
	vocab_free(both->vocab);
}

static bool same(const struct example *example, uint64_t id, const uint16_t *token,
                 const uint8_t *kind, size_t length)
{
	return example->id == id && (size_t)example->length == length &&
	       memcmp(example->token, token, length * sizeof *token) == 0 &&
	       memcmp(example->kind, kind, length) == 0;
}

/* All records, from the last to the first; 0: all are the dataset's. */
static int wrong_records(struct both *both)
{
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;
	int wrong = 0;

	for (size_t i = both->dataset.count; i-- > 0;) {
		const struct example want = dataset_example(&both->dataset, i);
		wrong += corpus_record(both->corpus, i, token, kind, &example, &both->err) < 0 ||
		         !same(&example, want.id, want.token, want.kind, (size_t)want.length);
	}
	return wrong;
}

static int wrong_windows(struct both *both)
{
	const struct dataset *dataset = &both->dataset;
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;
	int wrong = 0;

	for (size_t at = 0; at + CONTEXT < dataset->token_count; at++)
		wrong += corpus_window(both->corpus, at, token, kind, &example, &both->err) < 0 ||
		         !same(&example, dataset->id[dataset_record_at(dataset, at + CONTEXT)],
		               dataset->token + at, dataset->kind + at, CONTEXT + 1);
	return wrong;
}

/* What opening finds out, counted token by token. */
static bool right_facts(const struct both *both, enum pack pack)
{
	const struct corpus_facts *facts = corpus_facts(both->corpus);
	const struct dataset *dataset = &both->dataset;
	bool seen[SPAN_KINDS] = {0}, predicted[SPAN_KINDS] = {0};
	uint64_t bare = 0;
	uint32_t longest = 0;

	for (size_t r = 0; r < dataset->count; r++) {
		const struct example record = dataset_example(dataset, r);
		bool other = record.length <= CONTEXT / 3;
		for (int i = 0; i < record.length; i++) {
			seen[record.kind[i]] = true;
			predicted[record.kind[i]] |= i > 0 || (pack == PACK_TEXT && dataset->begin[r] > 0);
			other &= record.kind[i] == SPAN_OTHER;
		}
		bare += other;
		if ((uint32_t)record.length > longest)
			longest = (uint32_t)record.length;
	}
	return facts->count == dataset->count && facts->token_count == dataset->token_count &&
	       facts->digest == dataset_digest(dataset, dataset->count) && facts->bare == bare &&
	       facts->longest == longest && memcmp(seen, facts->seen, sizeof seen) == 0 &&
	       memcmp(predicted, facts->predicted, sizeof predicted) == 0;
}

static void test_same(void)
{
	static struct set one, two, none, bare;
	struct both both;

	set_make_mixed(&one, 1, 300, CONTEXT);
	set_make_mixed(&two, 2, 5, CONTEXT);
	set_make(&none, 3, 0, NULL, ALPHABET);
	set_make(&bare, 4, 3, (int[]){2, 2, 2}, ALPHABET); /* one kind, on first tokens alone */
	char *sets[][5] = {{one.path}, {none.path, two.path, none.path, none.path, one.path},
	                   {bare.path}, {none.path, bare.path}};
	const int counts[] = {1, 5, 1, 2};
	for (int s = 0; s < 4; s++)
		for (enum pack pack = PACK_RECORDS; pack <= PACK_TEXT; pack++) {
			both_open(&both, sets[s], sets[s], counts[s], pack);
			ok(right_facts(&both, pack), "%s of set %d: what they are like, and their digest",
			   pack == PACK_TEXT ? "windows" : "records", s);
			is_int(pack == PACK_TEXT ? wrong_windows(&both) : wrong_records(&both), 0,
			       "  and their tokens, kinds and ids");
			both_close(&both);
		}
	close(one.fd);
	close(two.fd);
	close(none.fd);
	close(bare.fd);
}

/* Records of no token and of many, in running text; tokens of two bytes. */
static void test_lengths(void)
{
	static struct set set;
	static char wide[3 * 300 + 1];
	const int lengths[] = {0, 0, 3, 70000, 1, 0, 2, 40, 0, 60000, 0};
	struct both both;
	char *paths[] = {set.path};
	char *end = wide;

	for (unsigned i = 0; i < 300; i++) /* U+4E00 and on, in order */
		end += sprintf(end, "%c%c%c", 0xe4, 0xb8 + (int)(i >> 6), 0x80 + (int)(i & 63));
	for (int which = 0; which < 2; which++) {
		set_make(&set, 5, 11, lengths, which ? wide : ALPHABET);
		both_open(&both, paths, paths, 1, PACK_TEXT);
		ok(right_facts(&both, PACK_TEXT), "records of no token and of many, %s",
		   which ? "of two bytes a token" : "of one byte a token");
		is_int(wrong_windows(&both), 0, "  all windows of them");
		both_close(&both);
		close(set.fd);
	}
}

/* ---- what cannot be mapped ---- */

struct pouring {
	struct bytes bytes;
	int fd;
};

static void *pour(void *argument)
{
	const struct pouring *pouring = argument;
	size_t at = 0;

	while (at < pouring->bytes.size) {
		const ssize_t n = write(pouring->fd, pouring->bytes.data + at, pouring->bytes.size - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(pouring->fd);
	return NULL;
}

/* A pipe, between two files; the second time it is the standard input. */
static void test_pipe(void)
{
	static struct set one, two;

	set_make_mixed(&one, 1, 30, CONTEXT);
	set_make_mixed(&two, 2, 500, CONTEXT);
	for (int standard = 0; standard < 2; standard++) {
		struct pouring pouring = {held(two.fd), -1};
		pthread_t thread;
		struct both both;
		int ends[2];
		char path[64];

		if (pipe(ends) < 0)
			printf("# no pipe\n");
		pouring.fd = ends[1];
		snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
		if (standard) {
			dup2(ends[0], STDIN_FILENO);
			strcpy(path, "-");
		}
		pthread_create(&thread, NULL, pour, &pouring);
		char *paths[] = {one.path, path, one.path}, *files[] = {one.path, two.path, one.path};
		both_open(&both, paths, files, 3, PACK_RECORDS);
		pthread_join(thread, NULL);
		ok(both.corpus && right_facts(&both, PACK_RECORDS) && wrong_records(&both) == 0,
		   "%s between two files is kept", standard ? "the standard input" : "a pipe");
		both_close(&both);
		close(ends[0]);
		free(pouring.bytes.data);
	}
	close(one.fd);
	close(two.fd);
}

/* ---- files that change ---- */

/* Open, let `change` change the file, and read all: how many records fail, err the first one's. */
static int after(struct set *set, void change(int fd, off_t size), enum pack pack, struct err *err)
{
	struct reading reading;
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;
	int failed = 0;

	reading_open_corpus(&reading, set, pack, CONTEXT);
	change(set->fd, lseek(set->fd, 0, SEEK_END));
	const struct corpus_facts *facts = corpus_facts(reading.corpus);
	const uint64_t count = pack == PACK_TEXT ? facts->token_count - CONTEXT : facts->count;
	for (uint64_t i = 0; i < count; i++)
		failed += (pack == PACK_TEXT
		                   ? corpus_window(reading.corpus, i, token, kind, &example, err)
		                   : corpus_record(reading.corpus, i, token, kind, &example, err)) < 0;
	reading_end(&reading);
	return failed;
}

static void cut(int fd, off_t size)
{
	if (ftruncate(fd, size / 2) < 0)
		printf("# cannot cut\n");
}

/* Only the end map: the records are there, but the file is not what was checked. */
static void cut_end(int fd, off_t size)
{
	if (ftruncate(fd, size - 10) < 0)
		printf("# cannot cut\n");
}

static void fill(int fd, off_t size, int byte)
{
	char *bytes = malloc((size_t)size - 432);

	memset(bytes, byte, (size_t)size - 432);
	if (pwrite(fd, bytes, (size_t)size - 432, 400) < 0)
		printf("# cannot write\n");
	free(bytes);
}

static void zero(int fd, off_t size) { fill(fd, size, 0); }
static void never(int fd, off_t size) { fill(fd, size, 0xc1); }

/* Another file of the same size with other records. */
static void other(int fd, off_t size)
{
	static struct set set;
	const off_t more = 20;

	set_make_mixed(&set, 9, 400, CONTEXT);
	struct bytes bytes = held(set.fd);
	if (pwrite(fd, bytes.data + more, (size_t)(size - more - 32), 0) < 0)
		printf("# cannot write\n");
	free(bytes.data);
	close(set.fd);
}

static void test_changes(void)
{
	static struct set set;
	const struct { void (*change)(int fd, off_t size); const char *say, *what; } cases[] = {
		{cut, "cannot be read any more: the file has become shorter, or its disk fails", "is cut"},
		{cut_end, "it cannot be read any more", "lacks its end"},
		{zero, "the file has changed since it was checked: expected a map", "becomes zeros"},
		{never, "the file has changed since it was checked: expected a map", "is no msgpack"},
		{other, "the file has changed since it was checked: ", "has moved"},
	};

	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
		for (enum pack pack = PACK_RECORDS; pack <= PACK_TEXT; pack++) {
			struct err err = {0};
			set_make_mixed(&set, 1, 400, CONTEXT);
			const int failed = after(&set, cases[c].change, pack, &err);
			ok(failed > 0 && strstr(err.text, cases[c].say) && strstr(err.text, set.path) &&
			   strstr(err.text, ", record "), "a file that %s: %s", cases[c].what, err.text);
			close(set.fd);
		}
}

static void test_memory(void)
{
	static struct set set;
	struct reading reading;

	set_make_mixed(&set, 1, 500, CONTEXT);
	for (enum pack pack = PACK_RECORDS; pack <= PACK_TEXT; pack++) {
		reading_open_corpus(&reading, &set, pack, CONTEXT);
		const size_t least = pack == PACK_TEXT ? 501 + 500 : 500;
		const size_t have = corpus_memory(reading.corpus);
		ok(have >= 4 * least && have < 4 * least + 200, "%zu bytes for 500 records", have);
		reading_end(&reading);
	}
	close(set.fd);
}

int main(void)
{
	test_same();
	test_lengths();
	test_pipe();
	test_changes();
	test_memory();
	return done();
}
