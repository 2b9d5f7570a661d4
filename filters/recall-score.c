/* recall-score - how often generations give the right answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/escape.h"
#include "common/generation.h"
#include "common/options.h"
#include "common/recall.h"
#include "common/stream.h"

static bool each; /* a line per record in place of the summary */

static const struct option options[] = {
	{"each", 'e', OPTION_FLAG, &each, NULL, "print a line for every record", 0, 0, NULL},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Score generations: is the answer right, digit by digit?",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

static char mark(enum recall_truth truth)
{
	return truth == RECALL_UNDEFINED ? '-' : truth == RECALL_RIGHT ? '1' : '0';
}

static void print_slice(struct recall_slice slice)
{
	putchar('\t');
	if (slice.codes)
		escape_print(ESCAPE_FIELD, slice.codes, slice.length, stdout);
	else
		putchar('-');
}

static void print_record(const struct generation *generation,
                         const struct recall_verdict *verdict)
{
	printf("%llu\t%u\t%c\t%c\t%c\t%c", (unsigned long long)generation->id, generation->sample,
	       mark(verdict->exact), mark(verdict->name), mark(verdict->number),
	       mark(verdict->book));
	print_slice(verdict->asked);
	print_slice(verdict->given);
	print_slice(verdict->want);
	if (verdict->want.codes)
		printf("\t%u\n", verdict->distance);
	else
		printf("\t-\n");
}

static void print_share(const char *key, const struct recall_share *share)
{
	double low, high;

	if (share->of > 0) {
		recall_interval(share, &low, &high);
		printf("%s\t%.6g\n%s_low\t%.6g\n%s_high\t%.6g\n", key,
		       (double)share->right / (double)share->of, key, low, key, high);
	}
	printf("%s_right\t%llu\n%s_of\t%llu\n", key, (unsigned long long)share->right, key,
	       (unsigned long long)share->of);
}

static void print_summary(const struct recall_tally *tally)
{
	char key[24];

	printf("records\t%llu\n", (unsigned long long)tally->records);
	print_share("exact", &tally->exact);
	print_share("name", &tally->name);
	print_share("number", &tally->number);
	print_share("book", &tally->book);
	for (int i = 0; i < RECALL_DIGITS && tally->digit[i].of > 0; i++) {
		snprintf(key, sizeof key, "digit_%d", i + 1);
		print_share(key, &tally->digit[i]);
	}
}

/* The loop: one file's generations. */
static int score(const char *path, struct recall *recall, struct recall_tally *tally,
                 struct err *err)
{
	static const char *const kind[] = {STREAM_GENERATIONS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct generation_buffer *buffer = generation_buffer_new(err);
	struct recall_verdict verdict;
	struct generation generation;
	struct stream_record raw;
	struct span_kinds kinds;
	struct err why = {0};
	int more = -1;

	span_kinds_init(&kinds);
	while (reader && buffer && (more = stream_next(reader, &raw, err)) > 0) {
		if (generation_read(reader, &raw, &kinds, buffer, &generation, err) < 0)
			more = -1;
		else if (recall_judge(recall, &generation, &kinds, &verdict, &why) < 0)
			more = stream_bad(reader, err, "%s", why.text);
		if (more < 0)
			break;
		recall_count(tally, &verdict);
		if (each)
			print_record(&generation, &verdict);
	}
	generation_buffer_free(buffer);
	stream_close(reader);
	return more;
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv);
	struct recall_tally tally = {0};
	struct err err = {0};
	struct recall *recall = recall_new(&err);

	if (!recall)
		err_exit(&err);
	if (each)
		puts("id\tsample\texact\tname\tnumber\tbook\tasked\tgiven\twant\tdistance");
	do {
		if (score(operand < argc ? argv[operand] : "-", recall, &tally, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	if (!each)
		print_summary(&tally);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("standard output: %s", strerror(errno));
	recall_free(recall);
	return 0;
}
