/* training_data.c - files or a stream to train on, a set to validate on, and their batches. */
#include <fcntl.h>

#include "common/train/training_data.h"
#include "tests/tap.h"
#include "tests/train/token_set.h"

#define CONTEXT 12

/* Kinds in the order of the sets', all of them expected, and maybe one more. */
static void data_start(struct training_data *data, enum pack pack, const char *expected)
{
	training_data_init(data, pack, CONTEXT);
	span_kind(&data->kinds, "name", 4);
	span_kind(&data->kinds, "answer", 6);
	if (expected)
		span_kind(&data->kinds, expected, strlen(expected));
}

/* The set becomes the standard input, from its beginning. */
static void to_stdin(const struct set *set)
{
	int fd = open(set->path, O_RDONLY);

	dup2(fd, STDIN_FILENO);
	close(fd);
}

static void test_files(void)
{
	static struct set a, b, val;
	struct training_data data;
	struct batch batch;
	struct err err = {0};
	bool good = true, owned = true;
	int met[30] = {0};

	set_make_mixed(&a, 1, 10, CONTEXT);
	set_make_mixed(&b, 2, 20, CONTEXT);
	set_make_mixed(&val, 3, 5, CONTEXT);
	char *paths[] = {a.path, b.path};
	data_start(&data, PACK_RECORDS, NULL);
	is_int(training_data_open(&data, paths, 2, val.path, 7, &err), 0, "two files and a set");
	ok(!data.streaming && corpus_facts(data.train)->count == 30 && data.val.count == 5,
	   "  of all records");
	ok(vocab_size(data.vocab) == 10 && data.header, "  with their vocabulary and header");
	ok(training_data_unseen(&data) == NULL, "  and all kinds that were expected");
	is_int(batch_init(&batch, 7, CONTEXT, &err), 0, "batches of 7");
	for (int i = 0; i < 10; i++) { /* 70 sequences: two epochs and a third of one */
		good &= training_data_next(&data, &batch, &err) == 7 && batch.count == 7;
		for (int e = 0; e < batch.count; e++) {
			const struct example *example = &batch.examples[e];
			owned &= example->token == batch.token + (size_t)e * (CONTEXT + 1) &&
			         example->kind == batch.kind + (size_t)e * (CONTEXT + 1);
			for (int r = 0; r < 30; r++) {
				const struct set *set = r < 10 ? &a : &b;
				const int at = r < 10 ? r : r - 10;
				const int length = (int)(set->begin[at + 1] - set->begin[at]);
				if (example->id == set->id[at] && shows(example, set, set->begin[at], length))
					met[r]++;
			}
		}
	}
	for (int r = 0; r < 30; r++)
		good &= met[r] >= 2 && met[r] <= 3;
	ok(good, "  are always full, and hold each record as often");
	ok(owned, "  in memory of their own");
	batch_release(&batch);
	training_data_release(&data);

	data_start(&data, PACK_RECORDS, "anwser");
	is_int(training_data_open(&data, paths, 2, NULL, 7, &err), -1, "a kind that no file has");
	is_string(err.text, "no record of the training data has a span of kind 'anwser'; their kinds: "
	          "name, answer",
	          "  is named");
	is_int(err.status, ERR_USAGE, "  as a fault of the command line");
	training_data_release(&data);
	close(a.fd);
	close(b.fd);
	close(val.fd);
}

static void test_stream(void)
{
	static struct set set;
	struct training_data data;
	struct batch batch;
	struct err err = {0};
	char *dash[] = {(char *)"-"};
	bool good = true;

	set_make_mixed(&set, 4, 10, CONTEXT);
	for (int count = 0; count <= 1; count++) {
		to_stdin(&set);
		data_start(&data, PACK_RECORDS, "anwser");
		is_int(training_data_open(&data, dash, count, NULL, 7, &err), 0,
		       count ? "\"-\" alone" : "no file at all");
		ok(data.streaming && !data.train, "  is the standard input, not held");
		batch_init(&batch, 4, CONTEXT, &err);
		for (int i = 0; i < 3; i++) {
			const int want = i < 2 ? 4 : 2;
			good &= training_data_next(&data, &batch, &err) == want && batch.count == want;
			for (int e = 0; e < want; e++)
				good &= shows(&batch.examples[e], &set, set.begin[4 * i + e],
				              (int)(set.begin[4 * i + e + 1] - set.begin[4 * i + e]));
		}
		ok(good, "  its records come in their order, the last batch has what is left");
		is_int(training_data_next(&data, &batch, &err), 0, "  then nothing");
		is_string(training_data_unseen(&data), "anwser", "  a kind that has not come is named");
		batch_release(&batch);
		training_data_release(&data);
	}
	data_start(&data, PACK_RECORDS, NULL);
	is_int(training_data_open(&data, NULL, 0, "-", 7, &err), -1, "validation from the same stream");
	is_int(err.status, ERR_USAGE, "  is a fault of the command line");
	training_data_release(&data);
	close(set.fd);
}

static void refused(struct set *train, const char *val, enum pack pack, const char *want)
{
	struct training_data data;
	struct err err = {0};
	char *paths[] = {train->path};

	data_start(&data, pack, NULL);
	ok(training_data_open(&data, paths, 1, val, 7, &err) < 0 && err.status == ERR_DATA &&
	   strstr(err.text, want), "refused: %s", err.text);
	training_data_release(&data);
}

static void test_validation(void)
{
	static struct set train, val, none;
	struct training_data data;
	struct err err = {0};

	set_make_mixed(&train, 5, 10, CONTEXT);
	set_make(&val, 6, 3, (int[]){5, 2 * CONTEXT + 2, 4}, ALPHABET); /* 35 tokens */
	set_make(&none, 6, 0, NULL, ALPHABET);
	char *paths[] = {train.path};
	data_start(&data, PACK_TEXT, NULL);
	is_int(training_data_open(&data, paths, 1, val.path, 7, &err), 0,
	       "running text: validation records may be of any length");
	is_int((long long)data.val.count, 3, "  they are cut into pieces");
	ok(dataset_example(&data.val, 0).length == CONTEXT + 1 &&
	   dataset_example(&data.val, 2).length == 35 - 2 * (CONTEXT + 1),
	   "  of a context and one token, as training has them");
	training_data_release(&data);
	data_start(&data, PACK_TEXT, NULL);
	data.val_most = 2;
	training_data_open(&data, paths, 1, val.path, 7, &err);
	ok(data.val.count >= 2 && data.val.token_count < 35 &&
	   dataset_example(&data.val, 1).length == CONTEXT + 1 &&
	   shows(&(struct example){.length = 13, .token = dataset_example(&data.val, 1).token,
	                           .kind = dataset_example(&data.val, 1).kind},
	         &val, CONTEXT + 1, CONTEXT + 1),
	   "of two pieces at most, no more is kept");
	training_data_release(&data);
	data_start(&data, PACK_RECORDS, NULL);
	data.val_most = 3;
	training_data_open(&data, paths, 1, train.path, 7, &err);
	is_int((long long)data.val.count, 3, "of three records at most, no more");
	training_data_release(&data);
	data_start(&data, PACK_RECORDS, NULL);
	data.val_most = 1;
	ok(training_data_open(&data, paths, 1, val.path, 7, &err) < 0 &&
	   strstr(err.text, "record 1 (id 1007) has 26 tokens"), "  but all are checked");
	training_data_release(&data);
	refused(&train, val.path, PACK_RECORDS, "record 1 (id 1007) has 26 tokens, expected 2 to the "
	        "context of 12");
	refused(&train, none.path, PACK_RECORDS, "no record to validate on");
	refused(&train, "/nowhere", PACK_RECORDS, "/nowhere: cannot open");
	refused(&val, NULL, PACK_RECORDS, "training record 1 (id 1007) has 26 tokens");
	close(train.fd);
	close(val.fd);
	close(none.fd);
}

/* A record's first token is predicted in running text only. Each record has one name: its first
 * token. */
static void test_weighted(void)
{
	static const float names[SPAN_KINDS] = {0, 1}, all[SPAN_KINDS] = {1, 1, 1}, none[SPAN_KINDS];
	static struct set set;
	struct training_data data;
	struct err err = {0};
	char *paths[] = {set.path};
	int length[20];

	for (int i = 0; i < 20; i++)
		length[i] = 2;
	set_make(&set, 7, 20, length, ALPHABET);
	for (enum pack pack = PACK_RECORDS; pack <= PACK_TEXT; pack++) {
		training_data_init(&data, pack, CONTEXT);
		training_data_open(&data, paths, 1, NULL, 7, &err);
		ok(training_data_weighted(&data, names) == (pack == PACK_TEXT),
		   "%s: weight on first tokens alone %s", pack == PACK_TEXT ? "running text" : "records",
		   pack == PACK_TEXT ? "counts" : "does not count");
		ok(training_data_weighted(&data, all) && !training_data_weighted(&data, none),
		   "  weight on all tokens does, on none does not");
		training_data_release(&data);
	}
	to_stdin(&set);
	training_data_init(&data, PACK_RECORDS, CONTEXT);
	training_data_open(&data, NULL, 0, NULL, 7, &err);
	ok(training_data_weighted(&data, none), "of a stream it is not known yet");
	training_data_release(&data);
	close(set.fd);
}

/* What is spoilt in the middle of a batch leaves what came before it. */
static void test_cut_off(void)
{
	static struct set set;
	struct training_data data;
	struct batch batch;
	struct err err = {0};

	set_make_mixed(&set, 7, 10, CONTEXT);
	const off_t size = lseek(set.fd, 0, SEEK_END);
	if (ftruncate(set.fd, size - 80) < 0)
		printf("# cannot cut the stream off\n");
	to_stdin(&set);
	data_start(&data, PACK_RECORDS, NULL);
	training_data_open(&data, NULL, 0, NULL, 7, &err);
	batch_init(&batch, 20, CONTEXT, &err);
	is_int(training_data_next(&data, &batch, &err), -1, "a stream that is cut off");
	ok(batch.count > 0 && batch.count < 10, "  the batch says how many came: %d", batch.count);
	batch_release(&batch);
	training_data_release(&data);
	close(set.fd);
}

/* Several processes cannot each read a pipe whole. */
static void test_shared(void)
{
	static struct set set;
	char dash[] = "-", gone[] = "gone.mp", pipe_path[40];
	struct err err = {0};
	int ends[2];

	set_make_mixed(&set, 7, 10, CONTEXT);
	if (pipe(ends) < 0)
		return;
	snprintf(pipe_path, sizeof pipe_path, "/dev/fd/%d", ends[0]);
	char *files[] = {set.path, gone}, *standard[] = {set.path, dash};
	char *pipes[] = {set.path, pipe_path};
	is_int(training_data_shared(files, 2, set.path, &err), 0, "processes can share files");
	is_int(training_data_shared(files, 2, NULL, &err), 0, "  also without a validation set");
	is_int(training_data_shared(NULL, 0, NULL, &err), -1, "not the standard input");
	ok(err.status == ERR_USAGE, "  %s", err.text);
	err = (struct err){0};
	is_int(training_data_shared(standard, 2, NULL, &err), -1, "nor beside a file");
	err = (struct err){0};
	is_int(training_data_shared(files, 2, "-", &err), -1, "nor to validate on");
	err = (struct err){0};
	is_int(training_data_shared(pipes, 2, NULL, &err), -1, "nor a pipe");
	ok(strstr(err.text, ": a pipe has one reader"), "  %s", err.text);
	close(ends[0]);
	close(ends[1]);
	close(set.fd);
}

int main(void)
{
	test_files();
	test_stream();
	test_validation();
	test_weighted();
	test_cut_off();
	test_shared();
	return done();
}
