#include "common/quiz.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "common/utf8.h"

/* ---- one item ---- */

/* The names of an item's three parts, in either form. */
struct form {
	const char *question, *fact, *answer;
};
static const struct form quiz_form = {"question", "fact", "answer"};
static const struct form instruction_form = {"instruction", "input", "output"};

/* A field that has to be there. NULL with err set. */
static const char *text_field(const json_t *json, const char *field, struct err *err)
{
	const json_t *value = json_object_get(json, field);

	if (!json_is_string(value))
		err_set(err, "\"%s\" is %s, expected a string", field, value ? "no string" : "missing");
	else if (json_string_length(value) == 0)
		err_set(err, "\"%s\" is empty", field);
	else
		return json_string_value(value);
	return NULL;
}

/* A field that may be missing, null or empty: then "". NULL with err set. */
static const char *optional_field(const json_t *json, const char *field, struct err *err)
{
	const json_t *value = json_object_get(json, field);

	if (!value || json_is_null(value))
		return "";
	if (json_is_string(value))
		return json_string_value(value);
	err_set(err, "\"%s\" is no string, expected a string or null", field);
	return NULL;
}

static void put(struct quiz_item *item, const char *text)
{
	size_t size = strlen(text);

	memcpy(item->text + item->size, text, size);
	item->size += size;
	item->length += (uint32_t)utf8_length(text, size);
}

static void put_span(struct quiz_item *item, const char *text, int kind)
{
	struct span *span = &item->spans[item->span_count++];

	*span = (struct span){.begin = item->length, .kind = kind, .entry = -1};
	put(item, text);
	span->end = item->length;
}

static int render(const char *question, const char *fact, const char *answer,
                  struct span_kinds *kinds, struct quiz_item *item, struct err *err)
{
	struct quiz_item new = {0};

	new.text = malloc(strlen(question) + strlen(fact) + strlen(answer) +
	                  sizeof "{B} (): {E}\n");
	if (!new.text)
		return err_set(err, "out of memory");
	put(&new, "{B}");
	put_span(&new, question, span_kind(kinds, "question", 8));
	if (*fact) {
		put(&new, " (");
		put_span(&new, fact, span_kind(kinds, "fact", 4));
		put(&new, ")");
	}
	put(&new, ": ");
	put_span(&new, answer, span_kind(kinds, "answer", 6));
	put(&new, "{E}\n");
	*item = new;
	return 0;
}

static int parse_object(const json_t *json, bool with_fact, struct span_kinds *kinds,
                        struct quiz_item *item, struct err *err)
{
	const struct form *form = &quiz_form;

	if (!json_is_object(json))
		return err_set(err, "not an object, expected {\"question\": ..., \"answer\": ...} "
		               "or {\"instruction\": ..., \"output\": ...}");
	if (json_object_get(json, instruction_form.question)) {
		if (json_object_get(json, quiz_form.question))
			return err_set(err, "both a \"question\" and an \"instruction\"");
		form = &instruction_form;
	} else if (!json_object_get(json, quiz_form.question)) {
		return err_set(err, "neither a \"question\" nor an \"instruction\"");
	}
	const char *question = text_field(json, form->question, err);
	const char *fact = question ? optional_field(json, form->fact, err) : NULL;
	const char *answer = fact ? text_field(json, form->answer, err) : NULL;
	if (!answer)
		return -1;
	if (form == &quiz_form && !with_fact)
		fact = "";
	return render(question, fact, answer, kinds, item, err);
}

int quiz_item_parse(const char *line, size_t size, bool with_fact, struct span_kinds *kinds,
                    struct quiz_item *item, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (!json)
		return err_set(err, "column %d: %s", error.column, error.text);
	int status = parse_object(json, with_fact, kinds, item, err);
	json_decref(json);
	return status;
}

/* ---- files ---- */

static int make_room(struct quiz *quiz, struct err *err)
{
	if (quiz->count < quiz->room)
		return 0;
	size_t room = quiz->room ? 2 * quiz->room : 64;
	struct quiz_item *items = realloc(quiz->items, room * sizeof *items);
	if (!items)
		return err_set(err, "out of memory");
	quiz->items = items;
	quiz->room = room;
	return 0;
}

static int load_lines(struct quiz *quiz, FILE *file, const char *path, bool with_fact,
                      struct span_kinds *kinds, struct err *err)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t size;

	while (err->status == ERR_NONE && (size = getline(&line, &room, file)) >= 0) {
		struct err found = {0};
		number++;
		if (line[strspn(line, " \t\r\n")] == '\0' && strlen(line) == (size_t)size)
			continue;
		if (make_room(quiz, &found) < 0 ||
		    quiz_item_parse(line, (size_t)size, with_fact, kinds,
		                    &quiz->items[quiz->count], &found) < 0)
			err_set(err, "%s:%zu: %s", path, number, found.text);
		else
			quiz->count++;
	}
	free(line);
	if (err->status == ERR_NONE && ferror(file))
		err_set(err, "%s: cannot read: %s", path, strerror(errno));
	if (err->status == ERR_NONE && quiz->count == 0)
		err_set(err, "%s: no items in it, expected one a line", path);
	return err->status == ERR_NONE ? 0 : -1;
}

int quiz_load(struct quiz *quiz, const char *path, bool with_fact, struct span_kinds *kinds,
              struct err *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return err_set(err, "%s: cannot open: %s", path, strerror(errno));
	int status = load_lines(quiz, file, path, with_fact, kinds, err);
	fclose(file);
	return status;
}

void quiz_release(struct quiz *quiz)
{
	for (size_t i = 0; i < quiz->count; i++)
		free(quiz->items[i].text);
	free(quiz->items);
	*quiz = (struct quiz){0};
}

/* ---- drawing ---- */

void quiz_draw(const struct quiz *quizzes, int count, uint64_t seed, uint64_t index,
               struct record *record)
{
	double total = 0, at;
	struct rng rng;
	int chosen = 0;

	for (int i = 0; i < count; i++)
		total += quizzes[i].weight;
	rng_init(&rng, seed, RNG_QAMIX, index);
	at = rng_uniform(&rng) * total;
	while (chosen < count - 1 && at >= quizzes[chosen].weight)
		at -= quizzes[chosen++].weight;
	const struct quiz *quiz = &quizzes[chosen];
	const struct quiz_item *item = &quiz->items[rng_below(&rng, quiz->count)];
	*record = (struct record){
		.id = index,
		.text = item->text,
		.size = item->size,
		.length = item->length,
		.spans = item->spans,
		.span_count = item->span_count,
	};
}
