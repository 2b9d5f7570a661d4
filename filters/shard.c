/* shard - divide a stream of tokens into training and validation files. */
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/file.h"
#include "common/base/options.h"
#include "common/stream/record.h"
#include "common/stream/stream_spool.h"

#define SHARDS_MAX 1000 /* files open at once */
#define TRAIN_NAME "train-%04d.mp"
#define VAL_NAME "val.mp"

static const char *output;
static double validation = 0;
static enum split { SPLIT_HASH, SPLIT_TAIL } split;
static int64_t shards = 1;

static const struct option options[] = {
	{.name = "output", .key = 'o', .type = OPTION_TEXT, .value = &output, .argument = "DIR",
	 .text = "directory to write (required)"},
	{.name = "val", .type = OPTION_REAL, .value = &validation, .argument = "F", .min = 0,
	 .max = 0.999999, .text = "share of records for validation (default 0)"},
	{.name = "split", .type = OPTION_WORD, .value = &split, .argument = "hash|tail",
	 .text = "hold out records by their text, or those at the end of the stream (default hash)"},
	{.name = "shards", .type = OPTION_INT, .value = &shards, .argument = "N", .min = 1,
	 .max = SHARDS_MAX, .text = "files of training records (default 1)"},
	{0},
};

static const struct program program = {
	.operands = "",
	.text = "Divide a stream of tokens into training and validation files.",
	.options = options,
};

static struct directory directory; /* of the files; open and locked until the program ends */

/* The files that are being written: those for training, then that for validation if there is
 * one. draft_count says how many the signal handler may read. */
static struct file_draft drafts[SHARDS_MAX + 1];
static volatile sig_atomic_t draft_count;
static struct stream_writer *writers[SHARDS_MAX + 1];
static uint64_t counts[SHARDS_MAX + 1];

/* Ctrl-C leaves no temporary files behind. */
static void on_signal(int number)
{
	for (int i = 0; i < draft_count; i++)
		file_draft_unlink(&drafts[i]);
	signal(number, SIG_DFL);
	raise(number);
}

/* Signals that were ignored at start-up, by nohup or the shell's &, stay ignored. */
static void catch(int number)
{
	if (signal(number, on_signal) == SIG_IGN)
		signal(number, SIG_IGN);
}

static void drop_files(void)
{
	for (int i = 0; i < draft_count; i++)
		file_draft_drop(&drafts[i]);
}

static void name_of(int file, char name[16])
{
	snprintf(name, 16, file < shards ? TRAIN_NAME : VAL_NAME, file);
}

/* The number in the name of a file for training; -1: it is no such name. */
static int number_of(const char *name)
{
	char again[32];
	int number = 0;

	if (strlen(name) != strlen("train-0000.mp"))
		return -1;
	for (int i = 0; i < 4; i++)
		number = 10 * number + name[6 + i] - '0';
	snprintf(again, sizeof again, TRAIN_NAME, number);
	return strcmp(name, again) == 0 ? number : -1;
}

static bool is_ours(const char *name)
{
	return strcmp(name, VAL_NAME) == 0 || number_of(name) >= 0;
}

static int open_directory(struct err *err)
{
	if (directory_make(output, err) < 0 || directory_open(&directory, output, err) < 0 ||
	    directory_lock(&directory, false, "another program is writing into it", err) < 0)
		return -1;
	return directory_sweep(&directory, is_ours, err);
}

static int open_files(int count, const json_t *header, struct err *err)
{
	char name[16], path[PATH_MAX];

	if (open_directory(err) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		name_of(i, name);
		snprintf(path, sizeof path, "%s/%s", output, name);
		if (file_draft_open(&drafts[i], &directory, name, err) == 0) {
			draft_count = i + 1;
			writers[i] = stream_create(drafts[i].fd, path, header, err);
		}
		if (!writers[i])
			return -1;
	}
	return 0;
}

/* Is a text held out? It is if its hash, as a number in [0, 1), is below the share. Only the text
 * decides, so equal records are never on both sides, and no other data set with this share or a
 * larger one trains on a text that is held out here. */
static bool held_out(const struct record *record)
{
	return (double)(XXH3_64bits(record->text, record->size) >> 11) * 0x1p-53 < validation;
}

/* What a record is read into, with the vocabulary and kinds that it refers to. */
struct desk {
	const struct vocab *vocab;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct record text;
};

static int check_record(struct desk *desk, struct stream_reader *reader,
                        const struct stream_record *raw, struct err *err)
{
	return record_read_as_text(reader, raw, desk->vocab, &desk->kinds, &desk->buffer, &desk->text,
	                           err);
}

static int write_record(int file, const struct stream_record *raw, struct err *err)
{
	counts[file]++;
	return stream_copy(writers[file], raw->bytes, raw->size, err);
}

/* By their text, as they come. */
static int divide_by_hash(struct stream_reader *reader, struct desk *desk, struct err *err)
{
	struct stream_record raw;
	uint64_t trained = 0;
	int status;

	while ((status = stream_next(reader, &raw, err)) > 0) {
		if (check_record(desk, reader, &raw, err) < 0)
			return -1;
		int file = held_out(&desk->text) ? (int)shards : (int)(trained++ % (uint64_t)shards);
		if (write_record(file, &raw, err) < 0)
			return -1;
	}
	return status;
}

/* Copy and count all records, because nobody knows before the end where the end begins. */
static int copy_all(struct stream_reader *reader, struct desk *desk, struct stream_spool *spool,
                    uint64_t *count, struct err *err)
{
	struct stream_record raw;
	int status;

	for (*count = 0; (status = stream_next(reader, &raw, err)) > 0; (*count)++)
		if (check_record(desk, reader, &raw, err) < 0 || stream_spool_add(spool, &raw, err) < 0)
			return -1;
	return status;
}

/* Where the part of a file begins among count records: those held out come last. */
static uint64_t part(int file, uint64_t count)
{
	const double share = (double)count * validation * (1 - 1e-12); /* 70 * 0.1 is above 7 */
	const uint64_t held = (uint64_t)ceil(share), trained = count - held;

	return file < shards ? trained / (uint64_t)shards * (uint64_t)file +
	                       trained % (uint64_t)shards * (uint64_t)file / (uint64_t)shards
	                     : file == shards ? trained : count;
}

/* In their order: each file gets a stretch of the stream. */
static int divide_by_place(struct stream_reader **reader, struct desk *desk, struct err *err)
{
	static const char *const kinds[] = {STREAM_TOKENS, NULL};
	struct stream_spool spool;
	struct stream_record raw;
	uint64_t count;
	int file = 0, status;

	if (stream_spool_open(&spool, stream_header(*reader), err) < 0)
		return -1;
	status = copy_all(*reader, desk, &spool, &count, err);
	stream_close(*reader);
	*reader = status == 0 ? stream_spool_read(&spool, kinds, err) : NULL;
	stream_spool_drop(&spool);
	if (!*reader)
		return -1;
	while ((status = stream_next(*reader, &raw, err)) > 0) {
		while (raw.number >= part(file + 1, count))
			file++;
		if (write_record(file, &raw, err) < 0)
			return -1;
	}
	return status;
}

static int divide(struct stream_reader **reader, const struct vocab *vocab, struct err *err)
{
	struct desk desk = {.vocab = vocab};
	int status;

	span_kinds_init(&desk.kinds);
	status = split == SPLIT_TAIL ? divide_by_place(reader, &desk, err)
	                             : divide_by_hash(*reader, &desk, err);
	record_buffer_release(&desk.buffer);
	return status;
}

static int finish_files(int count, struct err *err)
{
	for (int i = 0; i < count; i++) {
		struct stream_writer *writer = writers[i];
		writers[i] = NULL;
		if (stream_end(writer, err) < 0)
			return -1;
	}
	return file_drafts_keep(drafts, count, err);
}

/* Is it a file of an earlier run that this one did not replace? It would be read as if it
 * belonged to this one. */
static bool is_stale(const char *name)
{
	return strcmp(name, VAL_NAME) == 0 ? validation == 0 : number_of(name) >= shards;
}

static int remove_stale(struct err *err)
{
	DIR *list = directory_list(&directory, err);
	const struct dirent *entry;
	int result = 0;

	if (!list)
		return -1;
	while (result == 0 && (entry = readdir(list)))
		if (is_stale(entry->d_name))
			result = directory_unlink(&directory, entry->d_name, err);
	closedir(list);
	return result;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {STREAM_TOKENS, NULL};
	struct err err = {0};

	options_parse(&program, argc, argv);
	if (!output)
		die_usage("-o: no DIR was given, expected the directory to write");
	if (!*output)
		die_usage("-o: '' is no directory");
	catch(SIGINT);
	catch(SIGTERM);
	catch(SIGHUP);
	signal(SIGXFSZ, SIG_IGN); /* a file past ulimit -f fails as on a full disk */
	int count = (int)shards + (validation > 0);
	struct stream_reader *reader = stream_open("-", kinds, &err);
	struct vocab *vocab = reader ? stream_vocab(reader, &err) : NULL;
	if (!vocab)
		err_exit(&err);
	json_t *header = header_new(STREAM_TOKENS, stream_header(reader), argc, argv);
	header_set_vocab(header, vocab);
	if (open_files(count, header, &err) < 0 || divide(&reader, vocab, &err) < 0 ||
	    finish_files(count, &err) < 0 || remove_stale(&err) < 0 ||
	    directory_check(&directory, &err) < 0) {
		drop_files();
		err_exit(&err);
	}
	for (int i = 0; i < count; i++)
		if (counts[i] == 0)
			err_say("no record came into %s",
			        i < shards ? "one of the training files" : "val.mp");
	json_decref(header);
	stream_close(reader);
	vocab_free(vocab);
	return 0;
}
