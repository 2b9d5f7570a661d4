/* marked.h - records for tests, as text with its spans marked. */
#ifndef MEMOSCOPE_TESTS_MARKED_H
#define MEMOSCOPE_TESTS_MARKED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/stream/generation.h"
#include "common/stream/record.h"

/* A text of ASCII and its spans. */
struct marked {
	char text[256];
	uint32_t size;
	struct span spans[24];
	uint32_t span_count;
};

/* Read a text in which "[name:0 Ann]" marks "Ann" as a span of that kind and entry, and
 * "[name:0=1.5 Ann]" gives it nats, too. Kinds that are new are added. */
__attribute__((unused))
static struct marked marked(struct span_kinds *kinds, const char *marks)
{
	struct marked it = {.size = 0};

	while (*marks) {
		struct span *span = &it.spans[it.span_count];
		char word[SPAN_KIND_BYTES];
		int size;
		if (*marks != '[') {
			it.text[it.size++] = *marks++;
			continue;
		}
		if (sscanf(marks, "[%31[a-z]:%d%n", word, &span->entry, &size) != 2)
			abort();
		marks += size;
		span->nats = *marks == '=' ? strtod(marks + 1, (char **)&marks) : 0;
		span->kind = span_kind(kinds, word, strlen(word));
		span->begin = it.size;
		for (marks++; *marks != ']'; marks++)
			it.text[it.size++] = *marks;
		span->end = it.size;
		marks++;
		it.span_count++;
	}
	return it;
}

/* As a record; valid as long as the text. */
__attribute__((unused))
static struct record marked_record(const struct marked *it)
{
	return (struct record){
		.text = it->text, .size = it->size, .length = it->size,
		.spans = it->spans, .span_count = it->span_count,
		.text_length = it->size, .text_spans = it->spans, .text_span_count = it->span_count,
	};
}

/* What a model wrote after the text before the first span of a kind, of which *it is the
 * reference: text holds the whole. */
__attribute__((unused))
static struct generation marked_generation(const struct marked *it, const struct span_kinds *kinds,
                                           const char *from, const char *wrote, char *text)
{
	const int kind = span_kind_find(kinds, from);
	uint32_t prompt = it->size;

	for (uint32_t i = it->span_count; i-- > 0;)
		if (it->spans[i].kind == kind)
			prompt = it->spans[i].begin;
	memcpy(text, it->text, prompt);
	strcpy(text + prompt, wrote);
	return (struct generation){
		.text = text, .size = strlen(text), .length = (uint32_t)strlen(text), .prompt = prompt,
		.reference = it->text, .reference_size = it->size, .reference_length = it->size,
		.spans = it->spans, .span_count = it->span_count,
	};
}

#endif
