#include "common/recall.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* Code points with room for more. */
struct codes {
	uint32_t *at;
	size_t room;
};

struct recall {
	struct codes text, reference, row; /* row: of the table of edit distances */
};

struct recall *recall_new(struct err *err)
{
	struct recall *recall = calloc(1, sizeof *recall);

	if (!recall)
		err_set(err, "out of memory");
	return recall;
}

void recall_free(struct recall *recall)
{
	if (!recall)
		return;
	free(recall->text.at);
	free(recall->reference.at);
	free(recall->row.at);
	free(recall);
}

static int codes_room(struct codes *codes, size_t count, struct err *err)
{
	if (codes->at && count <= codes->room)
		return 0;
	free(codes->at);
	codes->room = 2 * count + 64;
	codes->at = malloc(codes->room * sizeof *codes->at);
	return codes->at ? 0 : err_set(err, "out of memory");
}

/* The code points of a text that is known to be UTF-8. */
static int decode(struct codes *codes, const char *text, size_t size, struct err *err)
{
	if (codes_room(codes, size, err) < 0)
		return -1;
	for (size_t at = 0, i = 0; at < size; i++)
		at += utf8_decode(text + at, size - at, &codes->at[i]);
	return 0;
}

static struct recall_slice slice(const uint32_t *codes, uint32_t begin, uint32_t end)
{
	return (struct recall_slice){codes + begin, end - begin};
}

static bool equal(struct recall_slice a, struct recall_slice b)
{
	return a.length == b.length && memcmp(a.codes, b.codes, a.length * sizeof *a.codes) == 0;
}

/* ---- what stands where ---- */

/* The spans and texts that a judgement goes by. */
struct question {
	const struct generation *generation;
	struct recall_slice text, reference;
	struct recall_slice separator, tail; /* between ask and answer; after answer in its line */
	const struct span *ask; /* NULL: none */
	const struct span *answer;
	int name, number; /* kinds; -1: none */
};

static struct recall_slice of_span(const struct question *question, const struct span *span)
{
	return slice(question->reference.codes, span->begin, span->end);
}

/* From begin to the end of the line, newline and all. */
static struct recall_slice line_rest(struct recall_slice text, uint32_t begin)
{
	uint32_t end = begin;

	while (end < text.length && text.codes[end++] != '\n')
		continue;
	return slice(text.codes, begin, end);
}

static int find_spans(struct question *question, const struct span_kinds *kinds,
                      struct err *err)
{
	const struct generation *generation = question->generation;
	int ask = span_kind_find(kinds, "ask"), answer = span_kind_find(kinds, "answer");

	question->name = span_kind_find(kinds, "name");
	question->number = span_kind_find(kinds, "number");
	for (uint32_t i = 0; i < generation->span_count && !question->answer; i++) {
		const struct span *span = &generation->spans[i];
		if (span->kind == ask)
			question->ask = span;
		if (span->kind == answer)
			question->answer = span;
	}
	if (!question->answer)
		return err_set(err, "the reference has no span of kind 'answer'");
	question->tail = line_rest(question->reference, question->answer->end);
	if (question->ask)
		question->separator = slice(question->reference.codes, question->ask->end,
		                            question->answer->begin);
	return 0;
}

/* The model must have been left to write from ask or from answer on. */
static int check_prompt(const struct question *question, struct err *err)
{
	const struct span *ask = question->ask, *answer = question->answer;
	uint32_t prompt = question->generation->prompt;

	if (prompt > question->reference.length ||
	    !equal(slice(question->text.codes, 0, prompt),
	           slice(question->reference.codes, 0, prompt)))
		return err_set(err, "the prompt is not the beginning of the reference");
	if (prompt > answer->begin)
		return err_set(err, "the prompt of %u characters reaches past the beginning of the "
		               "answer, character %u", prompt, answer->begin);
	if (prompt < (ask ? ask->begin : answer->begin))
		return err_set(err, "the prompt of %u characters ends before %s: expected "
		               "generations of --from %sanswer", prompt,
		               ask ? "the name asked for" : "the answer", ask ? "ask or --from " : "");
	if (prompt < answer->begin && question->separator.length == 0)
		return err_set(err, "nothing stands between ask and answer to tell them apart by");
	return 0;
}

/* Where from begin on the rest of the answer's line stands in the text; it may
 * have been cut short by the text's end. */
static uint32_t find_tail(const struct question *question, uint32_t begin)
{
	const struct recall_slice *text = &question->text, *tail = &question->tail;

	for (uint32_t at = begin; at < text->length; at++) {
		uint32_t left = text->length - at;
		uint32_t count = left < tail->length ? left : tail->length;
		if (count > 0 &&
		    memcmp(text->codes + at, tail->codes, count * sizeof *tail->codes) == 0)
			return at;
	}
	return text->length;
}

/* Cut what the model wrote into name and number. */
static void cut(const struct question *question, struct recall_verdict *verdict)
{
	const struct recall_slice *text = &question->text, *separator = &question->separator;
	uint32_t prompt = question->generation->prompt;

	if (prompt == question->answer->begin) {
		uint32_t end = find_tail(question, prompt);
		verdict->given = slice(text->codes, prompt, end);
		if (question->ask)
			verdict->asked = of_span(question, question->ask);
		return;
	}
	uint32_t begin = question->ask->begin, end = find_tail(question, begin), at = begin;
	while (at + separator->length <= end &&
	       memcmp(text->codes + at, separator->codes,
	              separator->length * sizeof *separator->codes) != 0)
		at++;
	if (at + separator->length > end) { /* there is no separator: all is name */
		verdict->asked = slice(text->codes, begin, end);
		verdict->given = slice(text->codes, end, end);
		return;
	}
	verdict->asked = slice(text->codes, begin, at);
	verdict->given = slice(text->codes, at + separator->length, end);
}

/* ---- the book ---- */

/* The number beside a name, the given one where several entries bear that name
 * and one of them has it. codes NULL: the name is not in the book. */
static struct recall_slice look_up(const struct question *question, struct recall_slice name,
                                   struct recall_slice given)
{
	const struct generation *generation = question->generation;
	struct recall_slice found = {0};
	int entry = -1;

	if (!name.codes || question->name < 0 || question->number < 0)
		return found;
	for (uint32_t i = 0; i < generation->span_count; i++) {
		const struct span *span = &generation->spans[i];
		if (span->kind == question->name)
			entry = equal(of_span(question, span), name) ? span->entry : -1;
		if (span->kind != question->number || span->entry < 0 || span->entry != entry)
			continue;
		struct recall_slice number = of_span(question, span);
		if (!found.codes || equal(number, given))
			found = number;
	}
	return found;
}

static enum recall_truth truth(bool right)
{
	return right ? RECALL_RIGHT : RECALL_WRONG;
}

static void judge(const struct question *question, struct recall_verdict *verdict)
{
	struct recall_slice number = look_up(question, verdict->asked, verdict->given);
	bool found = number.codes && equal(verdict->given, number);

	verdict->book = number.codes ? truth(found) : RECALL_UNDEFINED;
	if (verdict->chose) {
		verdict->want = number;
		verdict->name = truth(number.codes);
		verdict->number = verdict->book;
		verdict->exact = truth(found);
	} else {
		verdict->want = of_span(question, question->answer);
		verdict->name = RECALL_UNDEFINED;
		verdict->exact = verdict->number = truth(equal(verdict->given, verdict->want));
	}
}

/* ---- distances ---- */

/* Levenshtein 1966, by rows (Wagner & Fischer 1974). */
static int measure(struct recall *recall, struct recall_verdict *verdict, struct err *err)
{
	struct recall_slice a = verdict->given, b = verdict->want;
	uint32_t *row;

	if (codes_room(&recall->row, (size_t)b.length + 1, err) < 0)
		return -1;
	row = recall->row.at;
	for (uint32_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (uint32_t i = 1; i <= a.length; i++) {
		uint32_t diagonal = row[0];
		row[0] = i;
		for (uint32_t j = 1; j <= b.length; j++) {
			uint32_t least = diagonal + (a.codes[i - 1] != b.codes[j - 1]);
			if (row[j] + 1 < least)
				least = row[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = least;
		}
	}
	verdict->distance = row[b.length];
	return 0;
}

/* Digits in their places. */
static void compare_digits(struct recall_verdict *verdict)
{
	struct recall_slice given = verdict->given, want = verdict->want;

	for (uint32_t i = 0; i < want.length && verdict->digits < RECALL_DIGITS; i++)
		if (want.codes[i] >= '0' && want.codes[i] <= '9')
			verdict->digit[verdict->digits++] = i < given.length &&
			                                    given.codes[i] == want.codes[i];
}

int recall_judge(struct recall *recall, const struct generation *generation,
                 const struct span_kinds *kinds, struct recall_verdict *verdict,
                 struct err *err)
{
	struct question question = {.generation = generation};

	*verdict = (struct recall_verdict){0};
	if (!generation->reference)
		return err_set(err, "no reference to compare with: expected generations that "
		               "gpt-sample made of records");
	if (decode(&recall->text, generation->text, generation->size, err) < 0 ||
	    decode(&recall->reference, generation->reference, generation->reference_size, err) < 0)
		return -1;
	question.text = slice(recall->text.at, 0, generation->length);
	question.reference = slice(recall->reference.at, 0, generation->reference_length);
	if (find_spans(&question, kinds, err) < 0 || check_prompt(&question, err) < 0)
		return -1;
	verdict->chose = question.ask && generation->prompt < question.ask->end;
	cut(&question, verdict);
	judge(&question, verdict);
	if (!verdict->want.codes)
		return 0;
	compare_digits(verdict);
	return measure(recall, verdict, err);
}

/* ---- sums ---- */

static void count(struct recall_share *share, enum recall_truth how)
{
	share->right += how == RECALL_RIGHT;
	share->of += how != RECALL_UNDEFINED;
}

void recall_count(struct recall_tally *tally, const struct recall_verdict *verdict)
{
	tally->records++;
	count(&tally->exact, verdict->exact);
	count(&tally->name, verdict->name);
	count(&tally->number, verdict->number);
	count(&tally->book, verdict->book);
	for (int i = 0; i < verdict->digits; i++)
		count(&tally->digit[i], truth(verdict->digit[i]));
}

void recall_interval(const struct recall_share *share, double *low, double *high)
{
	const double z = 1.959963984540054; /* the normal distribution's 0.975 quantile */
	double n = (double)share->of, p = (double)share->right / n;
	double middle = p + z * z / (2 * n);
	double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	*low = share->right == 0 ? 0 : (middle - half) / (1 + z * z / n);
	*high = share->right == share->of ? 1 : (middle + half) / (1 + z * z / n);
}
