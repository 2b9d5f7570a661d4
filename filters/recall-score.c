/* recall-score - how many answers of a model are right, and where they came from. */
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/eval/accuracy_table.h"
#include "common/eval/answer_origin.h"
#include "common/eval/chance_baseline.h"
#include "common/eval/excess_loss.h"
#include "common/eval/recall_tally.h"
#include "common/stream/generation.h"
#include "common/stream/stream.h"

static bool each; /* --each: a line for each generation instead of the summary */
static unsigned by; /* --by: bits ACCURACY_BY_…; 0: no breakdown */
static int64_t seed = 1; /* of the shuffle that measures chance */

static const char *parse_by(const char *argument, void *value)
{
	/* word n is the bit 1 << n of ACCURACY_BY_… */
	static const char *const words[] = {"slot", "entries", "digit"};
	unsigned *set = value;

	for (const char *word = argument, *end; word; word = *end ? end + 1 : NULL) {
		size_t i = 0;
		end = word + strcspn(word, ",");
		while (i < 3 && (strlen(words[i]) != (size_t)(end - word) ||
		                 strncmp(words[i], word, (size_t)(end - word)) != 0))
			i++;
		if (i == 3)
			return "expected slot, entries or digit, or several of them with commas between";
		*set |= 1u << i;
	}
	return NULL;
}

static const struct option options[] = {
	{.name = "by", .key = 'b', .type = OPTION_CALL, .value = &by, .argument = "WHAT,...",
	 .call = parse_by, .text = "add accuracy by slot, entries or digit, or by several of these"},
	{.name = "each", .key = 'e', .type = OPTION_FLAG, .value = &each,
	 .text = "print a line for each generation instead of the summary"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "S", .min = 0,
	 .max = 9007199254740992.0, .text = "seed of the shuffle that measures chance (default 1)"},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Score generations: is the answer right, and where did it come from?",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* The sums over all files. */
struct summary {
	struct recall *recall;
	struct recall_tally tally;
	struct share from[ORIGIN_KINDS];
	int seam[SLICE_DIGITS], place[SLICE_DIGITS + 1], edits[ORIGIN_NEAR + 1];
	struct chance_baseline *chance;
	struct accuracy_table accuracy;
	struct excess_loss excess;
	struct span_kinds kinds;
	bool sampled, scored; /* which kinds of generations were read */
};

static char mark(enum recall_truth truth)
{
	return truth == RECALL_UNDEFINED ? '-' : truth == RECALL_RIGHT ? '1' : '0';
}

static void print_slice(struct slice slice)
{
	putchar('\t');
	if (slice.codes)
		escape_print(ESCAPE_FIELD, slice.codes, slice.length, stdout);
	else
		putchar('-');
}

/* A line number from 1, as the output counts. */
static long long slot_of(int line)
{
	return (long long)line + 1;
}

/* The columns from, slot and place of --each. */
static void print_origin(const struct recall_verdict *verdict)
{
	if (verdict->entries == 0) {
		printf("\t-\t-\t-");
		return;
	}
	struct answer_origin origin = answer_origin_find(verdict->given, verdict->entry,
	                                                 verdict->entries);
	printf("\t%s", answer_origin_word(origin.kind));
	if (origin.line < 0)
		printf("\t-\t-");
	else if (origin.second < 0)
		printf("\t%lld\t%d", slot_of(origin.line), origin.place);
	else
		printf("\t%lld+%lld\t%d", slot_of(origin.line), slot_of(origin.second),
		       origin.place);
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
		printf("\t%u", verdict->distance);
	else
		printf("\t-");
	print_origin(verdict);
	print_slice(verdict->contextual);
	printf("\t%s", recall_follows_word(verdict->follows));
	print_slice(verdict->directory);
	printf("\t%s\n", verdict->numbers.book.codes ?
	       conflict_side_word(conflict_side_of(verdict->given, &verdict->numbers)) : "-");
}

/* ---- the summary ---- */

static void print_share(const char *key, const struct share *share)
{
	const struct mean mean = share_mean(share);

	if (mean.count > 0)
		printf("%s\t%.6g\n%s_low\t%.6g\n%s_high\t%.6g\n", key, mean.mean, key, mean.low, key,
		       mean.high);
	printf("%s_right\t%llu\n%s_of\t%llu\n", key, (unsigned long long)share->right, key,
	       (unsigned long long)share->of);
}

/* A share, and the same share by chance. */
static void print_beside_chance(const char *key, const struct share *share,
                                const struct share *chance)
{
	char text[64];

	print_share(key, share);
	snprintf(text, sizeof text, "%s_chance", key);
	print_share(text, chance);
}

static void print_frequency(const char *what, const struct digit_frequency *frequency)
{
	if (frequency->digits == 0)
		return;
	for (int i = 0; i < 10; i++)
		printf("%s_digit_%d\t%.6g\n", what, i,
		       (double)frequency->digit[i] / (double)frequency->digits);
	printf("%s_digits\t%llu\n", what, (unsigned long long)frequency->digits);
	if (frequency->pairs > 0)
		printf("%s_repeated\t%.6g\n", what,
		       (double)frequency->repeated / (double)frequency->pairs);
}

static void print_counts(const char *key, const int *count, int begin, int end)
{
	for (int i = begin; i < end; i++)
		if (count[i] > 0)
			printf("%s_%d\t%d\n", key, i, count[i]);
}

/* What answers to conflicts between book and directory are, if there are any. */
static void print_conflicts(const struct conflict_tally *tally, const struct conflict_tally *chance)
{
	char key[48];

	if (tally->side[0].of == 0)
		return;
	for (int i = 0; i < CONFLICT_SIDES; i++) {
		snprintf(key, sizeof key, "conflict_%s", conflict_side_word((enum conflict_side)i));
		print_beside_chance(key, &tally->side[i], &chance->side[i]);
	}
	print_share("conflict_memorization_ratio", &tally->memorization);
	for (int i = 0; i < SLICE_DIGITS; i++) {
		if (tally->book_digit[i].of == 0)
			continue;
		snprintf(key, sizeof key, "conflict_book_digit_%d", i + 1);
		print_beside_chance(key, &tally->book_digit[i], &chance->book_digit[i]);
		snprintf(key, sizeof key, "conflict_directory_digit_%d", i + 1);
		print_beside_chance(key, &tally->directory_digit[i], &chance->directory_digit[i]);
	}
}

/* A cell of --by: the key is "by", then the word and number of each thing it goes by. */
static void print_cell(const struct accuracy_table *table, const struct accuracy_cell *cell)
{
	char key[80] = "by", line[24] = "none";
	size_t at = 2;

	if (cell->line >= 0)
		snprintf(line, sizeof line, "%lld", slot_of(cell->line));
	if (table->by & ACCURACY_BY_ENTRIES)
		at += (size_t)snprintf(key + at, sizeof key - at, "_entries_%u", cell->entries);
	if (table->by & ACCURACY_BY_SLOT)
		at += (size_t)snprintf(key + at, sizeof key - at, "_slot_%s", line);
	if (!(table->by & ACCURACY_BY_DIGIT)) {
		print_share(key, &cell->exact);
		return;
	}
	for (int i = 0; i < SLICE_DIGITS && cell->digit[i].of > 0; i++) {
		snprintf(key + at, sizeof key - at, "_digit_%d", i + 1);
		print_share(key, &cell->digit[i]);
	}
}

static void print_recall(struct summary *summary)
{
	const struct chance_rates *chance = chance_baseline_end(summary->chance);
	const struct recall_tally *tally = &summary->tally;
	char key[32];

	printf("records\t%llu\n", (unsigned long long)tally->records);
	print_beside_chance("exact", &tally->exact, &chance->exact);
	print_share("name", &tally->name);
	print_share("number", &tally->number);
	print_share("book", &tally->book);
	for (int i = 0; i < SLICE_DIGITS && tally->digit[i].of > 0; i++) {
		snprintf(key, sizeof key, "digit_%d", i + 1);
		print_beside_chance(key, &tally->digit[i], &chance->digit[i]);
	}
	if (tally->first_name.of > 0) {
		print_beside_chance("first_name", &tally->first_name, &chance->first_name);
		print_beside_chance("last_name", &tally->last_name, &chance->last_name);
		print_beside_chance("last_after_first", &tally->last_after_first,
		                    &chance->last_after_first);
	}
	if (tally->both.of > 0)
		print_share("both", &tally->both);
	if (tally->contextual.of > 0) {
		print_share("contextual", &tally->contextual);
		print_share("parametric", &tally->parametric);
		print_share("neither", &tally->neither);
		print_share("memorization_ratio", &tally->memorization);
	}
	print_conflicts(&tally->conflict, &chance->conflict);
	for (int i = 0; i < ORIGIN_KINDS && summary->from[i].of > 0; i++) {
		snprintf(key, sizeof key, "from_%s", answer_origin_word((enum answer_origin_kind)i));
		print_beside_chance(key, &summary->from[i], &chance->from[i]);
	}
	print_counts("stitched_seam", summary->seam, 0, SLICE_DIGITS);
	print_counts("near_edits", summary->edits, 0, ORIGIN_NEAR + 1);
	print_counts("near_place", summary->place, 1, SLICE_DIGITS + 1);
	print_frequency("wrong", &tally->wrong);
	print_frequency("reference", &tally->reference);
	for (size_t i = 0; i < summary->accuracy.count; i++)
		print_cell(&summary->accuracy, &summary->accuracy.cell[i]);
}

static void print_excess(const char *kind, const struct excess_loss_sums *sums)
{
	const char *between = *kind ? "_" : "";
	const struct mean excess = ratio_mean(&sums->excess);
	const double n = (double)sums->spans;

	if (sums->spans == 0)
		return;
	printf("loss%s%s\t%.6g\nfloor%s%s\t%.6g\nexcess%s%s\t%.6g\n", between, kind,
	       sums->loss / n, between, kind, sums->floor / n, between, kind, excess.mean);
	if (excess.count > 1)
		printf("excess%s%s_low\t%.6g\nexcess%s%s_high\t%.6g\n", between, kind, excess.low,
		       between, kind, excess.high);
	printf("excess%s%s_of\t%llu\n", between, kind, (unsigned long long)sums->spans);
}

static void print_summary(struct summary *summary)
{
	if (summary->sampled || !summary->scored)
		print_recall(summary);
	if (!summary->scored)
		return;
	print_excess("", &summary->excess.record);
	for (int i = 0; i < summary->kinds.count; i++)
		print_excess(summary->kinds.word[i], &summary->excess.kind[i]);
}

/* ---- the loop ---- */

static void count_origin(struct summary *summary, const struct recall_verdict *verdict)
{
	struct answer_origin origin = answer_origin_find(verdict->given, verdict->entry,
	                                                 verdict->entries);

	for (int i = 0; i < ORIGIN_KINDS; i++)
		share_add(&summary->from[i], i == (int)origin.kind);
	if (origin.kind == ORIGIN_STITCHED)
		summary->seam[origin.place]++;
	if (origin.kind == ORIGIN_NEAR_ASKED) {
		summary->edits[origin.edits]++;
		summary->place[origin.place + 1 > SLICE_DIGITS ? SLICE_DIGITS : origin.place + 1]++;
	}
}

/* Count one generation, or with --each print its line. */
static int count(struct summary *summary, const struct generation *generation,
                 struct err *err)
{
	struct recall_verdict verdict;

	if (recall_judge(summary->recall, generation, &summary->kinds, &verdict, err) < 0)
		return -1;
	if (each) {
		print_record(generation, &verdict);
		return 0;
	}
	recall_tally_add(&summary->tally, &verdict);
	if (verdict.entries > 0)
		count_origin(summary, &verdict);
	if (by && accuracy_table_add(&summary->accuracy, &verdict, err) < 0)
		return -1;
	return chance_baseline_add(summary->chance, generation->id, &verdict, err);
}

/* Score all generations of one file. */
static int score(const char *path, struct summary *summary, struct err *err)
{
	static const char *const kind[] = {STREAM_GENERATIONS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct generation_buffer *buffer = generation_buffer_new(err);
	struct generation generation;
	struct stream_record raw;
	struct err why = {0};
	bool scored = false;
	int more = -1;

	if (reader && !each)
		scored = json_object_get(stream_header(reader), "scoring") != NULL;
	summary->scored |= scored;
	summary->sampled |= !scored;
	while (reader && buffer && (more = stream_next(reader, &raw, err)) > 0) {
		if (generation_read(reader, &raw, &summary->kinds, buffer, &generation, err) < 0)
			more = -1;
		else if (scored)
			excess_loss_count(&summary->excess, &generation);
		else if (count(summary, &generation, &why) < 0)
			more = stream_bad(reader, err, "%s", why.text);
		if (more < 0)
			break;
	}
	generation_buffer_free(buffer);
	stream_close(reader);
	return more;
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv);
	struct summary summary = {0};
	struct err err = {0};

	if (each && by)
		die_usage("--each prints no summary, so --by has nothing to add to");
	summary.recall = recall_new(&err);
	summary.chance = chance_baseline_new((uint64_t)seed, &err);
	if (!summary.recall || !summary.chance)
		err_exit(&err);
	summary.accuracy.by = by;
	span_kinds_init(&summary.kinds);
	if (each)
		puts("id\tsample\texact\tname\tnumber\tbook\tasked\tgiven\twant\tdistance\t"
		     "from\tslot\tplace\tcontextual\tfollows\tdirectory\tconflict");
	do {
		if (score(operand < argc ? argv[operand] : "-", &summary, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	if (!each)
		print_summary(&summary);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	recall_free(summary.recall);
	chance_baseline_free(summary.chance);
	accuracy_table_release(&summary.accuracy);
	return 0;
}
