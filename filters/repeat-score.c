/* repeat-score - how much of what a model wrote stood there before, and how much more than
 * people repeat. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/eval/recall.h"
#include "common/eval/repetition.h"
#include "common/eval/words.h"
#include "common/stream/generation.h"
#include "common/stream/record.h"
#include "common/stream/stream.h"

static const char *people; /* a stream of texts by people; NULL: none */
static const char *known; /* a stream of texts whose words are known; NULL: none */

static const struct option options[] = {
	{
		.name = "people",
		.key = 'p',
		.type = OPTION_TEXT,
		.value = &people,
		.argument = "FILE",
		.text = "texts by people: add how much more is repeated than in theirs",
	},
	{
		.name = "known",
		.key = 'k',
		.type = OPTION_TEXT,
		.value = &known,
		.argument = "FILE",
		.text = "texts whose words are known: count the known words",
	},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Print how much of each generation stood in it before.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* What each text is compared with, and memory for one text. */
struct score {
	struct repetition *repetition;
	struct recall *recall; /* cuts answers */
	struct repetition_people people[REPETITION_UNITS];
	struct word_set *known;
	struct span_kinds kinds;
	uint32_t *codes; /* of the text */
	size_t room;
};

/* The code points of a text into score->codes, in lower case. -1 with err set. */
static int take(struct score *score, const char *text, size_t size, uint32_t *length,
                struct err *err)
{
	if (array_reserve(&score->codes, &score->room, size) < 0)
		return err_set(err, "out of memory for a text of %zu bytes", size);
	*length = (uint32_t)text_codes(text, size, score->codes);
	words_lower(score->codes, *length);
	return 0;
}

/* ---- texts to compare with ---- */

/* What is done with the text of a record: score->codes of this length. */
typedef int text_use(struct score *score, uint32_t length, struct err *err);

static int use_people(struct score *score, uint32_t length, struct err *err)
{
	struct repetition_counts counts;

	for (int unit = 0; unit < REPETITION_UNITS; unit++)
		if (repetition_count(score->repetition, (enum repetition_unit)unit, score->codes,
		                     length, &counts, err) < 0 ||
		    repetition_people_add(&score->people[unit], &counts, err) < 0)
			return -1;
	return 0;
}

static int use_known(struct score *score, uint32_t length, struct err *err)
{
	struct word word = {0};

	while (words_next(score->codes, length, &word))
		if (word_set_add(score->known, score->codes, word, err) < 0)
			return -1;
	return 0;
}

/* All texts of a stream of text. */
static int read_texts(const char *path, text_use *use, struct score *score, struct err *err)
{
	static const char *const kind[] = {STREAM_TEXT, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct record_buffer buffer = {0};
	struct span_kinds kinds;
	struct stream_record raw;
	struct record record;
	uint32_t length;
	int more = -1;

	span_kinds_init(&kinds);
	while (reader && (more = stream_next(reader, &raw, err)) > 0)
		if (record_read_text(reader, &raw, &kinds, &buffer, &record, err) < 0 ||
		    take(score, record.text, record.size, &length, err) < 0 ||
		    use(score, length, err) < 0) {
			more = -1;
			break;
		}
	record_buffer_release(&buffer);
	stream_close(reader);
	return more;
}

/* ---- generations ---- */

/* Did the model write the answer to the record's question, as after --from answer? */
static bool is_answer(const struct score *score, const struct generation *generation)
{
	const int answer = span_kind_find(&score->kinds, "answer");

	if (!generation->reference)
		return false;
	if (generation->from)
		return generation->from->kind == answer;
	for (uint32_t i = 0; i < generation->span_count; i++)
		if (generation->spans[i].kind == answer)
			return generation->spans[i].begin == generation->prompt;
	return false;
}

/* The code points that count, *begin to *begin + *length: an answer is what recall.h makes of it,
 * any other text is all behind the prompt. -1 with err set. */
static int written(struct score *score, const struct generation *generation, uint32_t *begin,
                   uint32_t *length, struct err *err)
{
	struct recall_verdict verdict;

	*begin = generation->prompt;
	*length = generation->length - generation->prompt;
	if (!is_answer(score, generation))
		return 0;
	if (recall_judge(score->recall, generation, &score->kinds, &verdict, err) < 0)
		return -1;
	*begin = verdict.begin;
	*length = verdict.given.length;
	return 0;
}

static void print_share(double share)
{
	if (isnan(share))
		printf("\t-");
	else
		printf("\t%.9g", share);
}

static void print_words(const struct score *score, const uint32_t *codes, uint32_t length)
{
	uint32_t words = 0, found = 0;
	struct word word = {0};

	while (words_next(codes, length, &word)) {
		if (!word_has_letter(codes, word))
			continue;
		words++;
		found += known && word_set_has(score->known, codes, word);
	}
	printf("\t%u", words);
	if (known)
		printf("\t%u", found);
	else
		printf("\t-");
}

/* The line of one generation. */
static int print_generation(struct score *score, const struct generation *generation,
                            struct err *err)
{
	double share[REPETITION_UNITS], excess[REPETITION_UNITS];
	struct repetition_counts counts;
	uint32_t begin, length, all;

	if (written(score, generation, &begin, &length, err) < 0 ||
	    take(score, generation->text, generation->size, &all, err) < 0)
		return -1;
	const uint32_t *codes = score->codes + begin;
	for (int unit = 0; unit < REPETITION_UNITS; unit++) {
		share[unit] = excess[unit] = NAN;
		if (repetition_count(score->repetition, (enum repetition_unit)unit, codes, length,
		                     &counts, err) < 0)
			return -1;
		if (counts.grams == 0)
			continue;
		share[unit] = repetition_share(&counts, counts.grams);
		excess[unit] = share[unit] - repetition_people_share(&score->people[unit],
		                                                     counts.grams);
	}
	printf("%llu\t%u\t%u", (unsigned long long)generation->id, generation->sample, length);
	for (int unit = 0; unit < REPETITION_UNITS; unit++) {
		print_share(share[unit]);
		print_share(excess[unit]);
	}
	print_words(score, codes, length);
	putchar('\n');
	return 0;
}

/* The loop: one file's generations. */
static int read_generations(const char *path, struct score *score, struct err *err)
{
	static const char *const kind[] = {STREAM_GENERATIONS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct generation_buffer *buffer = generation_buffer_new(err);
	struct generation generation;
	struct stream_record raw;
	struct err why = {0};
	int more = -1;

	if (reader && json_object_get(stream_header(reader), "scoring"))
		err_set(err, "%s: expected what a model wrote, by gpt-sample; gpt-score made this",
		        err_path(path));
	else
		while (reader && buffer && (more = stream_next(reader, &raw, err)) > 0) {
			if (generation_read(reader, &raw, &score->kinds, buffer, &generation, err) < 0)
				more = -1;
			else if (print_generation(score, &generation, &why) < 0)
				more = stream_bad(reader, err, "%s", why.text);
			if (more < 0)
				break;
		}
	generation_buffer_free(buffer);
	stream_close(reader);
	return more;
}

static void release(struct score *score)
{
	repetition_free(score->repetition);
	recall_free(score->recall);
	for (int unit = 0; unit < REPETITION_UNITS; unit++)
		repetition_people_release(&score->people[unit]);
	word_set_free(score->known);
	free(score->codes);
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv);
	struct score score = {0};
	struct err err = {0};

	span_kinds_init(&score.kinds);
	score.repetition = repetition_new(&err);
	score.recall = recall_new(&err);
	score.known = word_set_new(&err);
	if (!score.repetition || !score.recall || !score.known ||
	    (people && read_texts(people, use_people, &score, &err) < 0) ||
	    (known && read_texts(known, use_known, &score, &err) < 0))
		err_exit(&err);
	puts("id\tsample\tcharacters\trepeated_characters\texcess_characters\t"
	     "repeated_words\texcess_words\twords\tknown");
	do {
		if (read_generations(operand < argc ? argv[operand] : "-", &score, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	release(&score);
	return 0;
}
