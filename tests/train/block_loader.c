/* block_loader.c - a corpus in blocks: every record once an epoch, in an order that seed, epoch and
 * memory decide; windows of running text; files that change. */
#include "common/train/block_loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"
#include "tests/tap.h"
#include "tests/train/token_set.h"

enum { CONTEXT = 60, RECORDS = 45000, MEMORY = 1800 << 10 };

static uint16_t token_at(uint64_t place)
{
	return (uint16_t)((place * 2654435761u >> 7) % 10);
}

static int length_of(int record)
{
	return 2 + record * 7 % (CONTEXT - 1);
}

/* Records `first` to `end` - 1 of a running text, in segments of 10000 records. kind "name": their
 * second token. */
static void write_records(const char *path, int first, int end, uint64_t place)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new(ALPHABET, strlen(ALPHABET), &err);
	json_t *header = header_new(STREAM_TOKENS, NULL, 0, NULL);
	const struct span name = {.begin = 1, .end = 2, .kind = 1, .entry = -1};
	struct stream_writer *writer = NULL;
	struct span_kinds kinds;
	uint16_t token[CONTEXT];
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	span_kinds_init(&kinds);
	span_kind(&kinds, "name", 4);
	header_set_vocab(header, vocab);
	for (int i = first; i < end; i++) {
		if (i % 10000 == 0 && writer) {
			if (stream_end(writer, &err) < 0)
				printf("# %s\n", err.text);
			writer = NULL;
		}
		if (!writer)
			writer = stream_create(fd, path, header, &err);
		const struct record record = {
			.id = (uint64_t)i, .tokens = token, .length = (uint32_t)length_of(i), .spans = &name,
			.span_count = 1,
		};
		for (uint32_t t = 0; t < record.length; t++)
			token[t] = token_at(place++);
		record_write_tokens(writer, &record, vocab, &kinds, &err);
	}
	if (stream_end(writer, &err) < 0)
		printf("# %s\n", err.text);
	json_decref(header);
	vocab_free(vocab);
	close(fd);
}

static char folder[FOLDER_SIZE], files[3][FOLDER_SIZE + 16];
static uint64_t first_token[RECORDS + 1];

/* Three files, the second one of a few records. */
static void write_files(void)
{
	const int ends[] = {20000, 20003, RECORDS};

	for (int i = 0; i < RECORDS; i++)
		first_token[i + 1] = first_token[i] + (uint64_t)length_of(i);
	for (int f = 0; f < 3; f++) {
		const int first = f ? ends[f - 1] : 0;
		snprintf(files[f], sizeof files[f], "%s/%d.mp", folder, f);
		write_records(files[f], first, ends[f], first_token[first]);
	}
}

struct blocks {
	struct vocab *vocab;
	struct span_kinds kinds;
	struct corpus *corpus;
	struct block_loader *loader;
	struct err err;
};

static void blocks_open(struct blocks *blocks, enum pack pack, uint64_t memory, uint64_t seed)
{
	const struct corpus_options options = {.pack = pack, .context = CONTEXT, .memory = memory};
	char *paths[] = {files[0], files[1], files[2]};

	*blocks = (struct blocks){0};
	span_kinds_init(&blocks->kinds);
	blocks->corpus = corpus_open(paths, 3, &options, &blocks->vocab, &blocks->kinds, NULL,
	                             &blocks->err);
	if (blocks->corpus)
		blocks->loader = block_loader_new(blocks->corpus, seed, &blocks->err);
	if (!blocks->loader)
		printf("# %s\n", blocks->err.text);
}

static void blocks_close(struct blocks *blocks)
{
	block_loader_free(blocks->loader);
	corpus_free(blocks->corpus);
	vocab_free(blocks->vocab);
}

/* The record at a position, -1 if it is none: its tokens and kinds are wrong. */
static int record_at(struct blocks *blocks, uint64_t position)
{
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;

	if (block_loader_example(blocks->loader, position, token, kind, &example, &blocks->err) < 0)
		return -1;
	if (example.id >= RECORDS || example.length != length_of((int)example.id))
		return -1;
	for (int t = 0; t < example.length; t++)
		if (token[t] != token_at(first_token[example.id] + (uint64_t)t) || kind[t] != (t == 1))
			return -1;
	return (int)example.id;
}

static void test_records(void)
{
	static int order[2][RECORDS], again[RECORDS];
	struct blocks blocks;
	size_t count;
	int wrong = 0, moved = 0;

	blocks_open(&blocks, PACK_RECORDS, MEMORY, 5);
	const bool in_blocks = corpus_blocks(blocks.corpus, &count) != NULL;
	ok(in_blocks && count > 100, "%zu blocks", count);
	ok(block_loader_groups(blocks.loader) > 3, "%zu groups", block_loader_groups(blocks.loader));
	ok(corpus_memory(blocks.corpus) + block_loader_memory(blocks.loader) < MEMORY,
	   "less memory than there may be");
	for (int e = 0; e < 2; e++) {
		static bool met[RECORDS];
		memset(met, 0, sizeof met);
		for (int i = 0; i < RECORDS; i++) {
			const int r = record_at(&blocks, (uint64_t)e * RECORDS + (uint64_t)i);
			order[e][i] = r;
			wrong += r < 0 || met[r];
			if (r >= 0)
				met[r] = true;
		}
	}
	is_int(wrong, 0, "every epoch has every record once, with its tokens and kinds");
	for (int i = 0; i < RECORDS; i++)
		moved += order[0][i] != order[1][i];
	ok(moved > RECORDS - 100, "epochs differ");
	/* a batch of 32 comes from all parts of the files: of 12 stretches, few are missing */
	double parts = 0;
	for (int batch = 0; batch < 100; batch++) {
		unsigned met = 0;
		for (int i = 0; i < 32; i++)
			met |= 1u << order[0][batch * 32 + i] / (RECORDS / 12 + 1);
		parts += (double)__builtin_popcount(met) / 100;
	}
	/* all records shuffled: 12 (1 - (11/12)^32) = 11.3 */
	ok(parts > 9, "32 records are from %.1f of 12 parts of the files", parts);
	const uint64_t far = RECORDS + RECORDS / 2;
	for (int i = 0; i < 50; i++)
		wrong += record_at(&blocks, (uint64_t)i) != order[0][i] ||
		         record_at(&blocks, far + (uint64_t)i) != order[1][RECORDS / 2 + i];
	is_int(wrong, 0, "what is at a position does not depend on what was read before");
	blocks_close(&blocks);

	for (int other = 0; other < 2; other++) {
		int same = 0;
		blocks_open(&blocks, PACK_RECORDS, MEMORY, other ? 6 : 5);
		for (int i = 0; i < RECORDS; i++)
			same += (again[i] = record_at(&blocks, (uint64_t)i)) == order[0][i];
		ok(other ? same < 100 : same == RECORDS, other ? "another seed gives another order" :
		   "the same seed gives the same order");
		blocks_close(&blocks);
	}
}

static void test_windows(void)
{
	struct blocks blocks;
	uint16_t token[CONTEXT + 1];
	uint8_t kind[CONTEXT + 1];
	struct example example;
	int wrong = 0, parts[12] = {0};
	const int count = (int)(first_token[RECORDS] / CONTEXT);

	blocks_open(&blocks, PACK_TEXT, MEMORY, 5);
	for (int i = 0; i < count; i++) {
		if (block_loader_example(blocks.loader, (uint64_t)i, token, kind, &example,
		                         &blocks.err) < 0 || example.id >= RECORDS) {
			wrong++;
			continue;
		}
		/* the last token is of this record: one of its places gives the whole window */
		bool found = false;
		for (int t = 0; t < length_of((int)example.id) && !found; t++) {
			const uint64_t end = first_token[example.id] + (uint64_t)t + 1;
			found = end > CONTEXT;
			for (int k = 0; k <= CONTEXT && found; k++)
				found = token[k] == token_at(end - CONTEXT - 1 + (uint64_t)k);
		}
		wrong += !found || example.length != CONTEXT + 1;
		parts[example.id / (RECORDS / 12 + 1)]++;
	}
	is_int(wrong, 0, "the windows of an epoch are stretches of the text");
	double chi = 0;
	for (int i = 0; i < 12; i++)
		chi += pow(parts[i] - count / 12.0, 2) / (count / 12.0);
	/* less than independent windows would have (31.3 of 11 degrees of freedom, once in a thousand),
	 * because each group gives as many as its tokens make */
	ok(chi < 31.3, "as many of each part of the text");
	printf("# chi-square %.1f\n", chi);
	blocks_close(&blocks);
}

/* ---- what is refused, and files that change ---- */

static void test_refused(void)
{
	struct blocks blocks;

	blocks_open(&blocks, PACK_RECORDS, 1 << 20, 5);
	ok(!blocks.loader && strstr(blocks.err.text, "1M of memory are too little for these files"),
	   "too little memory: %s", blocks.err.text);
	blocks_close(&blocks);
}

/* Read an epoch; what went wrong first. */
static const char *first_error(struct blocks *blocks)
{
	for (int i = 0; i < RECORDS && blocks->err.status == ERR_NONE; i++)
		record_at(blocks, (uint64_t)i);
	return blocks->err.text;
}

static void test_changes(void)
{
	static const char *const says[] = {
		"the file has become shorter", "the file has changed since it was checked: ",
		"another file has taken its place", "cannot open it again: No such file",
	};

	for (int c = 0; c < 4; c++) {
		struct blocks blocks;
		char other[FOLDER_SIZE + 16];
		snprintf(other, sizeof other, "%s/other.mp", folder);
		write_records(other, 0, 20000, 0);
		blocks_open(&blocks, PACK_RECORDS, MEMORY, 5);
		const int fd = open(files[0], O_RDWR);
		struct stat status;
		fstat(fd, &status);
		bool done = true;
		if (c == 0)
			done = ftruncate(fd, status.st_size / 2) == 0;
		else if (c == 1)
			done = pwrite(fd, "\xc1\xc1\xc1\xc1", 4, status.st_size / 2) == 4;
		else if (c == 2)
			done = rename(other, files[0]) == 0;
		else
			done = unlink(files[0]) == 0;
		close(fd);
		const char *text = first_error(&blocks);
		ok(done && strstr(text, says[c]) && strstr(text, files[0]), "%s", text);
		blocks_close(&blocks);
		write_files();
	}
}

int main(void)
{
	folder_make(folder);
	write_files();
	test_records();
	test_windows();
	test_refused();
	test_changes();
	folder_remove(folder);
	return done();
}
