/* data-lint - can the questions of a data set be answered, and what do the answers cost? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/eval/lint.h"
#include "common/stream/record.h"
#include "common/stream/stream.h"

#define FOUND 3 /* the exit status if something is wrong with the data */

static int64_t context; /* 0: unknown */
static const char *held_out; /* NULL: none */
static bool people; /* --people: count how often each person and each fact occurs */

static const struct option options[] = {
	{.name = "context", .key = 'c', .type = OPTION_INT, .value = &context, .argument = "N",
	 .min = 1, .max = 1 << 20,
	 .text = "count records of more than N tokens, and windows of running text that lose their "
	         "entry"},
	{.name = "people", .key = 'p', .type = OPTION_FLAG, .value = &people,
	 .text = "count how often each person and each fact occurs"},
	{.name = "val", .type = OPTION_TEXT, .value = &held_out, .argument = "FILE",
	 .text = "count records that also occur in FILE"},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Check text or tokens: can the answers be derived from their context?",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* ---- the report ---- */

static double mean_floor(const struct lint_counts *counts, int kind)
{
	return kind < 0 || counts->floor[kind].spans == 0 ? 0 :
	       counts->floor[kind].nats / (double)counts->floor[kind].spans;
}

static bool is_short(const struct share *share)
{
	return share->right < share->of;
}

/* Print a sentence about the answers. Returns whether something is wrong with them. */
static bool say_answers(const struct lint_counts *counts, const struct span_kinds *kinds)
{
	const struct share *derived = &counts->derived;
	const uint64_t known = counts->known.right, lacking = derived->of - derived->right - known;
	double nats = mean_floor(counts, span_kind_find(kinds, "answer"));

	if (counts->undecided > 0)
		printf("# Cannot tell whether %" PRIu64 " of %" PRIu64 " answers can be derived: they do "
		       "not stand in the context, and no entries and no fact are marked that they "
		       "could follow from. A model must work them out, or know them.\n",
		       counts->undecided, counts->undecided + derived->of);
	else if (derived->of == 0)
		puts("# No record has an answer, so there is nothing to derive.");
	if (derived->of == 0)
		return false;
	if (lint_independent(counts)) {
		printf("# The answer's number is independent of the context: in none of %" PRIu64
		       " records does it stand beside the name that is asked for, and its digits agree "
		       "with the number there by chance; that costs %.3f nats per record, which no "
		       "model can save.\n", derived->of, nats);
	} else if (lacking > 0) {
		printf("# %" PRIu64 " of %s%" PRIu64 " answers cannot be derived from the context%s",
		       lacking, counts->undecided > 0 ? "the other " : "", derived->of,
		       known > 0 ? ", nor are they the directory's" : "");
		if (nats > 0)
			printf("; an answer holds %.3f nats of its own on the average", nats);
		puts(".");
	} else if (known > 0) {
		if (derived->right > 0)
			printf("# %" PRIu64 " of %" PRIu64 " answers can be derived from the context.\n",
			       derived->right, derived->of);
	} else if (counts->undecided > 0) {
		printf("# The other %" PRIu64 " can be derived from the context.\n", derived->of);
	} else {
		printf("# Every answer can be derived from the context: %s.\n",
		       counts->asked == derived->of ? "it stands beside the name that is asked for" :
		       "it stands there");
	}
	if (known > 0)
		printf("# %" PRIu64 " of %" PRIu64 " answers cannot be derived from the context, but are "
		       "the directory's: a model must know them.\n", known, derived->of);
	if (is_short(&counts->in_book))
		printf("# %" PRIu64 " of %" PRIu64 " names that are asked for are not in their book.\n",
		       counts->in_book.of - counts->in_book.right, counts->in_book.of);
	return lacking > 0;
}

/* Print a sentence if there are any. Returns whether there are. */
static bool say(const struct share *share, const char *text)
{
	if (share->right > 0)
		printf("# %" PRIu64 " of %" PRIu64 " %s.\n", share->right, share->of, text);
	return share->right > 0;
}

static bool say_all(const struct lint_counts *counts, const struct span_kinds *kinds)
{
	bool found = say_answers(counts, kinds);

	say(&counts->conflict, "books contradict the directory about the name that is asked for");
	say(&counts->duplicate, "books hold a name twice");
	found |= say(&counts->ambiguous, "names that are asked for stand beside two numbers");
	found |= say(&counts->too_long, "records have more tokens than the context");
	found |= say(&counts->both_sides, "records stand on both sides of the split");
	if (counts->window_lost.of > 0)
		printf("# Of windows of running text in which an answer begins, %.1f%% begin too late "
		       "to hold the entry that is asked for.\n",
		       100 * share_mean(&counts->window_lost).mean);
	return found;
}

static void print_share(const char *key, const struct share *share)
{
	if (share->of == 0)
		return;
	printf("%s\t%.6g\n%s_count\t%" PRIu64 "\n%s_of\t%" PRIu64 "\n", key,
	       share_mean(share).mean, key, share->right, key, share->of);
}

/* How often each of some texts occurs. */
static void print_occurrences(const char *key, const struct occurrences *occurrences)
{
	const struct share once = occurrences_once(occurrences);
	char text[48];

	printf("%s\t%zu\n", key, occurrences->different);
	if (occurrences->different == 0)
		return;
	printf("%s_occurrences\t%" PRIu64 "\n%s_most\t%" PRIu64 "\n%s_most_text\t", key,
	       occurrences->all, key, occurrences->most, key);
	escape_print(ESCAPE_FIELD, occurrences->text, occurrences->length, stdout);
	printf("\n%s_least\t%" PRIu64 "\n", key, occurrences_least(occurrences));
	snprintf(text, sizeof text, "%s_once", key);
	print_share(text, &once);
}

/* The end of a line: the floor, or "-" if it is not known. */
static void print_nats(bool known, double nats)
{
	if (known)
		printf("\t%.6g\n", nats);
	else
		puts("\t-");
}

/* A generator that knows no floor gives 0 nats to every span. Real data always hold some
 * information, so a sum of 0 means that the floor is not known. */
static void print_floor(const struct lint_counts *counts, const struct span_kinds *kinds)
{
	double nats = 0;

	for (int i = 0; i < kinds->count; i++)
		nats += counts->floor[i].nats;
	printf("floor");
	print_nats(nats > 0, nats / (double)counts->records);
	if (counts->characters > 0) {
		printf("floor_character");
		print_nats(nats > 0, nats / (double)counts->characters);
	}
	for (int i = 0; i < kinds->count; i++)
		if (counts->floor[i].spans > 0) {
			printf("floor_%s", kinds->word[i]);
			print_nats(nats > 0, mean_floor(counts, i));
			printf("floor_%s_of\t%" PRIu64 "\n", kinds->word[i], counts->floor[i].spans);
		}
}

static void print_counts(const struct lint_counts *counts, const struct span_kinds *kinds)
{
	printf("records\t%" PRIu64 "\n", counts->records);
	if (counts->records == 0)
		return;
	printf("characters\t%" PRIu64 "\nlongest\t%" PRIu64 "\n", counts->characters,
	       counts->longest);
	print_share("answer_derived", &counts->derived);
	if (counts->undecided > 0)
		printf("answer_undecided_count\t%" PRIu64 "\n", counts->undecided);
	if (counts->conflict.of > 0 || counts->known.right > 0)
		print_share("answer_known", &counts->known);
	print_share("answer_in_context", &counts->in_context);
	print_share("ask_in_book", &counts->in_book);
	print_share("digits_own", &counts->digits_own);
	print_share("digits_other", &counts->digits_other);
	print_share("conflicts", &counts->conflict);
	print_share("fresh", &counts->fresh);
	print_share("duplicate_names", &counts->duplicate);
	print_share("ambiguous", &counts->ambiguous);
	print_share("too_long", &counts->too_long);
	print_share("window_lost", &counts->window_lost);
	print_share("both_sides", &counts->both_sides);
	if (people) {
		print_occurrences("people_asked", &counts->asked_names);
		print_occurrences("people_listed", &counts->book_names);
		print_occurrences("facts", &counts->facts);
	}
	print_floor(counts, kinds);
}

/* ---- reading ---- */

/* The function that gets each record of a file. */
typedef int record_use(struct lint *lint, const struct record *record, const struct vocab *vocab,
                       const struct span_kinds *kinds, struct err *err);

static int hold(struct lint *lint, const struct record *record, const struct vocab *vocab,
                const struct span_kinds *kinds, struct err *err)
{
	(void)kinds;
	(void)vocab;
	return lint_hold(lint, record, err);
}

/* The loop: every record of one file. */
static int read_file(const char *path, record_use *use, struct lint *lint,
                     struct span_kinds *kinds, struct err *err)
{
	static const char *const kind[] = {STREAM_TEXT, STREAM_TOKENS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct record_buffer buffer = {0};
	struct vocab *vocab = NULL;
	struct stream_record raw;
	struct record record;
	int more = -1;

	if (!reader)
		return -1;
	if (strcmp(header_string(stream_header(reader), "stream"), STREAM_TOKENS) == 0 &&
	    !(vocab = stream_vocab(reader, err)))
		goto out;
	while ((more = stream_next(reader, &raw, err)) > 0)
		if (record_read_with_text(reader, &raw, vocab, kinds, &buffer, &record, err) < 0 ||
		    use(lint, &record, vocab, kinds, err) < 0) {
			more = -1;
			break;
		}
out:
	record_buffer_release(&buffer);
	vocab_free(vocab);
	stream_close(reader);
	return more;
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv);
	struct span_kinds kinds, held_kinds;
	struct err err = {0};
	struct lint *lint = lint_new((uint32_t)context, &err);

	span_kinds_init(&kinds);
	span_kinds_init(&held_kinds);
	if (lint && people)
		lint_people(lint);
	if (!lint || (held_out && read_file(held_out, hold, lint, &held_kinds, &err) < 0))
		err_exit(&err);
	do {
		if (read_file(operand < argc ? argv[operand] : "-", lint_record, lint, &kinds, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	bool found = say_all(lint_counts(lint), &kinds);
	print_counts(lint_counts(lint), &kinds);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	lint_free(lint);
	return found ? FOUND : 0;
}
