#include "common/stream/span.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/options.h"

_Static_assert(SPAN_KINDS == 64 && SPAN_KIND_BYTES == 32, "span_kind_refusal() names both");

void span_kinds_init(struct span_kinds *kinds)
{
	memset(kinds, 0, sizeof *kinds);
	kinds->count = 1;
	strcpy(kinds->word[SPAN_OTHER], "other");
	kinds->size[SPAN_OTHER] = (uint8_t)strlen(kinds->word[SPAN_OTHER]);
}

static bool is_word(const char *word, size_t size)
{
	if (size == 0 || size >= SPAN_KIND_BYTES)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!((word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z') ||
		      (word[i] >= '0' && word[i] <= '9') || word[i] == '_' || word[i] == '-'))
			return false;
	return true;
}

int span_kind(struct span_kinds *kinds, const char *word, size_t size)
{
	/* First the words that are known, which need no check: this runs for every span read. */
	for (int i = 0; size > 0 && i < kinds->count; i++)
		if (kinds->size[i] == size && kinds->word[i][0] == word[0] &&
		    memcmp(kinds->word[i], word, size) == 0)
			return i;
	if (!is_word(word, size) || kinds->count == SPAN_KINDS)
		return -1;
	memcpy(kinds->word[kinds->count], word, size);
	kinds->word[kinds->count][size] = '\0';
	kinds->size[kinds->count] = (uint8_t)size;
	return kinds->count++;
}

const char *span_kind_refusal(const char *word, size_t size)
{
	return is_word(word, size) ? "is one too many: a program tells at most 63 kinds apart" :
	                             "is not a word of 1 to 31 letters, digits, '_' and '-'";
}

int span_kind_find(const struct span_kinds *kinds, const char *word)
{
	for (int i = 0; i < kinds->count; i++)
		if (strcmp(kinds->word[i], word) == 0)
			return i;
	return -1;
}

int span_check(struct span *span, long number, uint32_t from, uint32_t length,
               struct span_kinds *kinds, const char *word, size_t size, struct err *err)
{
	if (span->end > length)
		return err_set(err, "span %ld: end %u is past the record's end, %u", number,
		               span->end, length);
	if (span->begin >= span->end)
		return err_set(err, "span %ld: begin %u is not before end %u", number, span->begin,
		               span->end);
	if (span->begin < from)
		return err_set(err, "span %ld: begin %u is before the end of the previous span, %u",
		               number, span->begin, from);
	span->kind = span_kind(kinds, word, size);
	if (span->kind < 0)
		return err_set(err, "span %ld: kind '%.*s' %s", number, size < 40 ? (int)size : 40, word,
		               span_kind_refusal(word, size));
	if (span->entry < -1)
		return err_set(err, "span %ld: entry is not an integer from -1 to %d", number, INT32_MAX);
	if (!isfinite(span->nats) || span->nats < 0)
		return err_set(err, "span %ld: nats is not a finite number of at least 0", number);
	return 0;
}

/* Read one element of the list, such as "answer=5". text is changed. */
static int span_weight(char *text, double max, struct span_kinds *kinds, float *weight,
                       bool *given, struct err *err)
{
	char *number = strchr(text, '=');
	double value;
	int kind;

	if (!number)
		return err_usage(err, "'%.80s' is not KIND=WEIGHT", text);
	*number++ = '\0';
	kind = span_kind(kinds, text, strlen(text));
	if (kind < 0)
		return err_usage(err, "'%.80s' %s", text, span_kind_refusal(text, strlen(text)));
	if (option_real(text, number, 0, max, &value, err) < 0)
		return -1;
	if (given[kind])
		return err_usage(err, "'%s' has two weights, expected one", text);
	given[kind] = true;
	weight[kind] = (float)value;
	return 0;
}

int span_weights_parse(const char *list, double max, struct span_kinds *kinds, float *weight,
                       struct err *err)
{
	char *copy = strdup(list), *rest = *list ? copy : NULL, *word;
	bool given[SPAN_KINDS] = {false};
	int result = 0;

	if (!copy)
		return err_set(err, "out of memory");
	for (int i = 0; i < SPAN_KINDS; i++)
		weight[i] = 1;
	while (result == 0 && (word = strsep(&rest, ",")))
		result = span_weight(word, max, kinds, weight, given, err);
	free(copy);
	return result;
}

/* Of the kinds whose weight is not 1, the one whose word follows the word of `last` in the
 * alphabet (last -1: the first one). -1 if there is none. */
static int next_weighted(const struct span_kinds *kinds, const float *weight, int last)
{
	int next = -1;

	for (int i = 0; i < kinds->count; i++)
		if (weight[i] != 1 && (last < 0 || strcmp(kinds->word[i], kinds->word[last]) > 0) &&
		    (next < 0 || strcmp(kinds->word[i], kinds->word[next]) < 0))
			next = i;
	return next;
}

void span_weights_format(const struct span_kinds *kinds, const float *weight, char *text,
                         size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = -1; (i = next_weighted(kinds, weight, i)) >= 0 && used < size;)
		used += (size_t)snprintf(text + used, size - used, "%s%s=%g", used ? "," : "",
		                         kinds->word[i], (double)weight[i]);
}
