#include "common/data/quiz.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/utf8.h"

/* ---- an item ---- */

/* The names of an item's parts, in either form. */
struct form {
	const char *question, *fact, *answer, *topic;
};
static const struct form forms[] = {
	{"question", "fact", "answer", "topic"},
	{"instruction", "input", "output", "data_source"},
};

/* A field's text; "" where it is null or, unless it is required, missing. NULL with err
 * set. */
static const char *text_field(const json_t *json, const char *field, bool required,
                              struct err *err)
{
	const json_t *value = json_object_get(json, field);

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_null(value) || (!value && !required))
		return "";
	err_set(err, "\"%s\" is %s, expected a string", field, value ? "no string" : "missing");
	return NULL;
}

int quiz_item_read(const json_t *json, struct quiz_item *item, struct err *err)
{
	if (!json_is_object(json))
		return err_set(err, "not an object, expected {\"question\": ..., \"answer\": ...} "
		               "or {\"instruction\": ..., \"output\": ...}");
	item->instruction = json_object_get(json, forms[1].question) != NULL;
	if (item->instruction && json_object_get(json, forms[0].question))
		return err_set(err, "both a \"question\" and an \"instruction\"");
	if (!item->instruction && !json_object_get(json, forms[0].question))
		return err_set(err, "neither a \"question\" nor an \"instruction\"");
	const struct form *form = &forms[item->instruction];
	if (!(item->question = text_field(json, form->question, true, err)) ||
	    !(item->fact = text_field(json, form->fact, false, err)) ||
	    !(item->answer = text_field(json, form->answer, true, err)))
		return -1;
	item->topic = json_string_value(json_object_get(json, form->topic));
	return 0;
}

/* ---- phrases in a text ---- */

/* Is a character part of a word? Beyond ASCII all are, but for Latin-1's signs, general
 * punctuation and that of CJK. */
static bool in_word(uint32_t code)
{
	if (code < 0x80)
		return (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z');
	return code >= 0xaa && code != 0xab && code != 0xbb && !(code >= 0x2000 && code < 0x2070) &&
	       !(code >= 0x3000 && code < 0x3040);
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The character that ends before a place, 0 at the beginning. */
static uint32_t before(const char *text, const char *at)
{
	const char *from = at;
	uint32_t code = 0;

	if (at > text)
		do
			from--;
		while (from > text && (*from & 0xc0) == 0x80);
	utf8_decode(from, (size_t)(at - from), &code);
	return code;
}

static uint32_t after(const char *at)
{
	uint32_t code = 0;

	utf8_decode(at, strnlen(at, UTF8_MAX), &code); /* the rest may be long */
	return code;
}

/* Does what stands there go on to the left or to the right? A point or comma between digits belongs
 * to their number. */
bool quiz_whole(const char *text, const char *begin, const char *end)
{
	bool left = in_word(before(text, begin)) && in_word(after(begin));
	bool right = in_word(before(text, end)) && in_word(after(end));

	left |= digit(*begin) && begin - text >= 2 && strchr(".,", begin[-1]) && digit(begin[-2]);
	right |= digit(end[-1]) && *end && strchr(".,", *end) && digit(end[1]);
	return !left && !right;
}

const char *quiz_find(const char *text, const char *from, const char *phrase)
{
	size_t size = strlen(phrase);
	const char *at = size > 0 ? strstr(from, phrase) : NULL;

	while (at && !quiz_whole(text, at, at + size))
		at = strstr(at + 1, phrase);
	return at;
}

char *quiz_replace(const char *text, const char *phrase, const char *by)
{
	size_t size = strlen(phrase), by_size = strlen(by), places = 0;
	const char *from = text;

	for (const char *at = text; (at = quiz_find(text, at, phrase)); at += size)
		places++;
	char *new = malloc(strlen(text) + places * by_size + 1), *to = new;
	for (const char *at; new && (at = quiz_find(text, from, phrase)); from = at + size) {
		to = mempcpy(to, from, (size_t)(at - from));
		to = mempcpy(to, by, by_size);
	}
	if (new)
		strcpy(to, from);
	return new;
}

/* ---- the record ---- */

void quiz_buffer_release(struct quiz_buffer *buffer)
{
	free(buffer->text);
	free(buffer->spans);
	*buffer = (struct quiz_buffer){0};
}

static void put(struct quiz_buffer *buffer, struct record *record, const char *text, size_t size)
{
	memcpy(buffer->text + record->size, text, size);
	record->size += size;
	record->length += (uint32_t)utf8_length(text, size);
}

static void put_span(struct quiz_buffer *buffer, struct record *record, const char *text,
                     size_t size, int kind)
{
	if (size == 0)
		return;
	struct span *span = &buffer->spans[record->span_count++];
	*span = (struct span){.begin = record->length, .kind = kind, .entry = -1};
	put(buffer, record, text, size);
	span->end = record->length;
}

static void put_fact(struct quiz_buffer *buffer, struct record *record, const char *fact,
                     const char *states, struct span_kinds *kinds)
{
	int kind = span_kind(kinds, "fact", 4), contextual = span_kind(kinds, "contextual", 10);
	size_t size = strlen(states);
	const char *from = fact;

	for (const char *at; (at = quiz_find(fact, from, states)); from = at + size) {
		put_span(buffer, record, from, (size_t)(at - from), kind);
		put_span(buffer, record, at, size, contextual);
	}
	put_span(buffer, record, from, strlen(from), kind);
}

int quiz_render(const struct quiz_item *item, const char *states, struct quiz_buffer *buffer,
                struct span_kinds *kinds, struct record *record, struct err *err)
{
	size_t question = strlen(item->question), answer = strlen(item->answer);
	size_t fact = strlen(item->fact);

	if (array_reserve(&buffer->text, &buffer->text_room,
	                  question + fact + answer + QUIZ_MARKS + QUIZ_FACT_MARKS) < 0 ||
	    array_reserve(&buffer->spans, &buffer->span_room, fact + 3) < 0)
		return err_set(err, "out of memory");
	*record = (struct record){.text = buffer->text, .spans = buffer->spans};
	put(buffer, record, "{B}", 3);
	put_span(buffer, record, item->question, question, span_kind(kinds, "question", 8));
	if (fact > 0) {
		put(buffer, record, " (", 2);
		put_fact(buffer, record, item->fact, states ? states : "", kinds);
		put(buffer, record, ")", 1);
	}
	put(buffer, record, ": ", 2);
	put_span(buffer, record, item->answer, answer, span_kind(kinds, "answer", 6));
	put(buffer, record, "{E}\n", 4);
	return 0;
}
