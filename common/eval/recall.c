#include "common/eval/recall.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/edit_distance.h"
#include "common/base/utf8.h"

/* Code points with room for more. */
struct codes {
	uint32_t *at;
	size_t room;
};

struct recall {
	struct codes text, reference, directory;
	struct codes row; /* of the table of edit distances, as differences */
	struct book book;
	struct book_line *entry;
	size_t entry_room;
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
	free(recall->directory.at);
	free(recall->row.at);
	book_release(&recall->book);
	free(recall->entry);
	free(recall);
}

static int codes_room(struct codes *codes, size_t count, struct err *err)
{
	return array_reserve(&codes->at, &codes->room, count) < 0 ? err_set(err, "out of memory") : 0;
}

/* The characters of a text. */
static int decode(struct codes *codes, const char *text, size_t size, struct err *err)
{
	if (codes_room(codes, size, err) < 0)
		return -1;
	text_codes(text, size, codes->at);
	return 0;
}

/* ---- what stands where ---- */

/* The spans and texts that a judgement goes by. */
struct question {
	const struct generation *generation;
	struct slice text, reference;
	struct slice separator, tail; /* between ask and answer; after answer in its line */
	const struct span *ask; /* NULL: none */
	const struct span *answer;
	const struct span *from; /* the one of both that the model was to write; NULL: not known */
	int contextual; /* a kind; -1: none */
};

static struct slice of_span(const struct question *question, const struct span *span)
{
	return slice_of_span(question->reference.codes, span);
}

/* From begin to the end of the line, newline and all. */
static struct slice line_rest(struct slice text, uint32_t begin)
{
	uint32_t end = begin;

	while (end < text.length && text.codes[end++] != '\n')
		continue;
	return slice_of(text.codes, begin, end);
}

static int find_spans(struct recall *recall, struct question *question,
                      const struct span_kinds *kinds, struct err *err)
{
	const struct generation *generation = question->generation;
	const struct book_text text = {question->reference.codes, sizeof *recall->reference.at, NULL};

	if (book_read(&recall->book, text, generation->spans, generation->span_count, kinds, err) < 0)
		return -1;
	question->ask = recall->book.ask;
	question->answer = recall->book.answer;
	question->contextual = span_kind_find(kinds, "contextual");
	if (!question->answer)
		return err_set(err, "the reference has no span of kind 'answer'");
	question->tail = line_rest(question->reference, question->answer->end);
	if (question->ask)
		question->separator = slice_of(question->reference.codes, question->ask->end,
		                            question->answer->begin);
	if (generation->from && (generation->from == question->ask ||
	                         generation->from == question->answer))
		question->from = generation->from;
	return 0;
}

/* Did the model write from the ask or the answer on? Only then is there something to judge. */
static int check_prompt(const struct question *question, struct err *err)
{
	const struct span *ask = question->ask, *answer = question->answer;
	uint32_t prompt = question->generation->prompt;

	if (prompt > question->reference.length ||
	    !slice_equal(slice_of(question->text.codes, 0, prompt),
	           slice_of(question->reference.codes, 0, prompt)))
		return err_set(err, "the prompt is not the beginning of the reference");
	if (prompt > answer->begin)
		return err_set(err, "the prompt of %u characters reaches past the beginning of the "
		               "answer, character %u", prompt, answer->begin);
	if (!question->from && prompt < (ask ? ask->begin : answer->begin))
		return err_set(err, "the prompt of %u characters ends before %s: expected "
		               "generations of --from %sanswer", prompt,
		               ask ? "the name asked for" : "the answer", ask ? "ask or --from " : "");
	if (prompt < answer->begin && question->from != answer && question->separator.length == 0)
		return err_set(err, "nothing stands between ask and answer to tell them apart by");
	return 0;
}

/* The first place from begin on where the text has the rest of the answer's line. The text's
 * end may have cut it short. */
static uint32_t find_tail(const struct question *question, uint32_t begin)
{
	const struct slice *text = &question->text, *tail = &question->tail;

	for (uint32_t at = begin; at < text->length; at++) {
		uint32_t left = text->length - at;
		uint32_t count = left < tail->length ? left : tail->length;
		if (count > 0 &&
		    memcmp(text->codes + at, tail->codes, count * sizeof *tail->codes) == 0)
			return at;
	}
	return text->length;
}

/* Where the span begins in the text that the model was to write. If it begins within a token in
 * the reference, the model may have written what stands before it there, or not. */
static uint32_t written_from(const struct question *question)
{
	const uint32_t prompt = question->generation->prompt;
	const uint32_t count = question->from->begin - prompt;
	const struct slice *text = &question->text;

	if (count <= text->length - prompt &&
	    memcmp(text->codes + prompt, question->reference.codes + prompt,
	           count * sizeof *text->codes) == 0)
		return question->from->begin;
	return prompt;
}

/* Cut what the model wrote into name and number. */
static void cut(const struct question *question, struct recall_verdict *verdict)
{
	const struct slice *text = &question->text, *separator = &question->separator;
	const uint32_t prompt = question->generation->prompt;
	uint32_t begin = question->from ? written_from(question) : prompt;

	if (question->from == question->answer || prompt == question->answer->begin) {
		uint32_t end = find_tail(question, begin);
		verdict->given = slice_of(text->codes, begin, end);
		if (question->ask)
			verdict->asked = of_span(question, question->ask);
		return;
	}
	if (!question->from)
		begin = question->ask->begin;
	uint32_t end = find_tail(question, begin), at = begin;
	while (at + separator->length <= end &&
	       memcmp(text->codes + at, separator->codes,
	              separator->length * sizeof *separator->codes) != 0)
		at++;
	if (at + separator->length > end) { /* there is no separator: all is name */
		verdict->asked = slice_of(text->codes, begin, end);
		verdict->given = slice_of(text->codes, end, end);
		return;
	}
	verdict->asked = slice_of(text->codes, begin, at);
	verdict->given = slice_of(text->codes, at + separator->length, end);
}

/* ---- the book ---- */

static int fill_entries(struct recall *recall, const struct question *question,
                        struct recall_verdict *verdict, struct err *err)
{
	const struct book *book = &recall->book;

	if (array_reserve(&recall->entry, &recall->entry_room, book->entries) < 0)
		return err_set(err, "out of memory for a book");
	book_lines(book, question->reference.codes, verdict->asked, recall->entry);
	verdict->entry = recall->entry;
	verdict->entries = book->entries;
	return 0;
}

/* The entry of the name asked for. If several have that name, one with the given number is
 * preferred. NULL: the name is not in the book. */
static const struct book_line *look_up(const struct recall_verdict *verdict)
{
	const struct book_line *found = NULL;

	for (uint32_t i = 0; i < verdict->entries; i++) {
		const struct book_line *entry = &verdict->entry[i];
		if (entry->asked && (!found || slice_equal(entry->number, verdict->given)))
			found = entry;
	}
	return found;
}

static enum recall_truth truth(bool right)
{
	return right ? RECALL_RIGHT : RECALL_WRONG;
}

/* The first name or the last name: a name up to its first space, or after it. */
static struct slice half(struct slice name, bool last)
{
	uint32_t at = 0;

	while (at < name.length && name.codes[at] != ' ')
		at++;
	if (!last)
		return (struct slice){name.codes, at};
	at += at < name.length;
	return (struct slice){name.codes + at, name.length - at};
}

void recall_names(struct slice written, const struct book_line *entry,
                  uint32_t entries, enum recall_truth *first, enum recall_truth *last,
                  enum recall_truth *last_after_first)
{
	bool has_first = false, has_last = false, has_both = false;

	for (uint32_t i = 0; i < entries; i++) {
		bool same_first = slice_equal(half(written, false), half(entry[i].name, false));
		bool same_last = slice_equal(half(written, true), half(entry[i].name, true));
		has_first |= same_first;
		has_last |= same_last;
		has_both |= same_first && same_last;
	}
	*first = entries ? truth(has_first) : RECALL_UNDEFINED;
	*last = entries ? truth(has_last) : RECALL_UNDEFINED;
	*last_after_first = has_first ? truth(has_both) : RECALL_UNDEFINED;
}

static void judge(const struct question *question, struct recall_verdict *verdict)
{
	const struct book_line *entry = look_up(verdict);
	struct slice number = entry ? entry->number : (struct slice){0};
	bool found = number.codes && slice_equal(verdict->given, number);

	verdict->book = number.codes ? truth(found) : RECALL_UNDEFINED;
	verdict->truth = of_span(question, question->answer);
	verdict->first_name = verdict->last_name = verdict->last_after_first = RECALL_UNDEFINED;
	if (verdict->chose) {
		recall_names(verdict->asked, verdict->entry, verdict->entries, &verdict->first_name,
		             &verdict->last_name, &verdict->last_after_first);
		verdict->want = number;
		verdict->line = entry ? entry->line : -1;
		verdict->name = truth(number.codes);
		verdict->number = verdict->book;
		verdict->exact = truth(found);
	} else {
		verdict->want = verdict->truth;
		verdict->line = question->answer->entry;
		verdict->name = RECALL_UNDEFINED;
		verdict->exact = verdict->number = truth(slice_equal(verdict->given, verdict->want));
	}
}

/* ---- the context and the weights ---- */

const char *recall_follows_word(enum recall_follows follows)
{
	static const char *const words[] = {
		[RECALL_FOLLOWS_NEITHER] = "neither",
		[RECALL_FOLLOWS_CONTEXT] = "context",
		[RECALL_FOLLOWS_WEIGHTS] = "weights",
		[RECALL_FOLLOWS_BOTH] = "both",
		[RECALL_FOLLOWS_UNDEFINED] = "-",
	};

	return words[follows];
}

/* Only contextual spans within the prompt count: the model could follow no other. */
static void judge_context(const struct question *question, struct recall_verdict *verdict)
{
	const struct generation *generation = question->generation;
	bool stated = false, given_true = slice_equal(verdict->given, verdict->truth);

	verdict->follows = RECALL_FOLLOWS_UNDEFINED;
	if (verdict->chose) /* of a name of its own choice there is no true answer */
		return;
	for (uint32_t i = 0; i < generation->span_count; i++) {
		const struct span *span = &generation->spans[i];
		if (span->kind != question->contextual || span->end > generation->prompt)
			continue;
		struct slice text = of_span(question, span);
		bool given = slice_equal(text, verdict->given);
		if (!verdict->contextual.codes) {
			verdict->conflict = true;
			verdict->contextual = text;
		}
		if (given)
			verdict->contextual = text;
		stated |= given;
		verdict->conflict &= !slice_equal(text, verdict->truth);
	}
	if (!verdict->contextual.codes)
		return;
	if (given_true)
		verdict->follows = stated ? RECALL_FOLLOWS_BOTH : RECALL_FOLLOWS_WEIGHTS;
	else
		verdict->follows = stated ? RECALL_FOLLOWS_CONTEXT : RECALL_FOLLOWS_NEITHER;
}

/* The entries of the name asked for have other numbers than the directory. */
static int judge_directory(struct recall *recall, const struct generation *generation,
                           struct recall_verdict *verdict, struct err *err)
{
	const struct piece *known = &generation->directory;
	const struct book_line *entry = look_up(verdict);

	if (!known->bytes || verdict->chose)
		return 0;
	if (decode(&recall->directory, known->bytes, known->size, err) < 0)
		return -1;
	verdict->directory = slice_of(recall->directory.at, 0,
	                              (uint32_t)text_length(known->bytes, known->size));
	bool same = !entry;
	for (uint32_t i = 0; i < verdict->entries; i++)
		same |= verdict->entry[i].asked &&
		        slice_equal(verdict->entry[i].number, verdict->directory);
	if (!same)
		verdict->numbers = (struct conflict){entry->number, verdict->directory};
	return 0;
}

/* ---- digits and distance ---- */

static int measure(struct recall *recall, struct recall_verdict *verdict, struct err *err)
{
	if (codes_room(&recall->row, verdict->given.length, err) < 0)
		return -1;
	verdict->distance = edit_distance(verdict->given.codes, verdict->given.length,
	                                  verdict->want.codes, verdict->want.length, recall->row.at);
	return 0;
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
	question.text = slice_of(recall->text.at, 0, generation->length);
	question.reference = slice_of(recall->reference.at, 0, generation->reference_length);
	if (find_spans(recall, &question, kinds, err) < 0 || check_prompt(&question, err) < 0)
		return -1;
	verdict->chose = question.ask && question.from != question.answer &&
	                 generation->prompt < question.ask->end;
	cut(&question, verdict);
	verdict->begin = (uint32_t)(verdict->given.codes - question.text.codes);
	if (fill_entries(recall, &question, verdict, err) < 0)
		return -1;
	judge(&question, verdict);
	judge_context(&question, verdict);
	if (judge_directory(recall, generation, verdict, err) < 0)
		return -1;
	if (!verdict->want.codes)
		return 0;
	verdict->digits = slice_digits(verdict->given, verdict->want, verdict->digit);
	return measure(recall, verdict, err);
}
