/* Masks of the tokens that are in spans of a kind. */
#include "common/stream/span_mask.h"

#include <stdio.h>
#include <string.h>

#include "tests/tap.h"

enum { LENGTH = 9 };

/* The mask of the first count tokens, as "110…". */
static const char *mask_of(struct span_mask *mask, const struct record *record, uint32_t count,
                           const struct span_kinds *kinds, char text[LENGTH + 1])
{
	struct err err = {0};

	if (span_mask_find(mask, record, count, kinds, &err) < 0)
		printf("Bail out! %s\n", err.text);
	for (uint32_t i = 0; i < count; i++)
		text[i] = mask->in[i] == 1 ? '1' : mask->in[i] == 0 ? '0' : '?';
	text[count] = '\0';
	return text;
}

int main(void)
{
	struct span_kinds kinds;
	span_kinds_init(&kinds);
	const int a = span_kind(&kinds, "a", 1), b = span_kind(&kinds, "b", 1);
	const struct span spans[] = {
		{.begin = 1, .end = 3, .kind = a}, {.begin = 3, .end = 4, .kind = b},
		{.begin = 5, .end = 8, .kind = a},
	};
	const struct record record = {.length = LENGTH, .spans = spans, .span_count = 3};
	const struct record bare = {.length = LENGTH};
	struct span_mask all = {0}, of_a = {.kind = "a"}, of_b = {.kind = "b"}, of_c = {.kind = "c"};
	char text[LENGTH + 1];

	is_string(mask_of(&all, &record, LENGTH, &kinds, text), "111111111", "of no kind: all tokens");
	is_string(mask_of(&of_a, &record, LENGTH, &kinds, text), "011001110", "of a kind");
	is_string(mask_of(&of_a, &record, 6, &kinds, text), "011001", "of the first tokens");
	is_string(mask_of(&of_b, &record, 3, &kinds, text), "000", "of those before its spans");
	ok(of_a.met && !of_b.met, "which have none");
	is_string(mask_of(&of_b, &record, LENGTH, &kinds, text), "000100000", "of another kind");
	is_string(mask_of(&of_b, &bare, LENGTH, &kinds, text), "000000000", "of a record without it");
	ok(of_b.met, "an earlier record had it");
	is_string(mask_of(&of_c, &record, LENGTH, &kinds, text), "000000000", "of an unknown kind");
	ok(!of_c.met, "no record had it");
	span_mask_release(&all);
	span_mask_release(&of_a);
	span_mask_release(&of_b);
	span_mask_release(&of_c);
	return done();
}
