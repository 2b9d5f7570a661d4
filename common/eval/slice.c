#include "common/eval/slice.h"

#include <string.h>

struct slice slice_of(const uint32_t *codes, uint32_t begin, uint32_t end)
{
	return (struct slice){codes + begin, end - begin};
}

struct slice slice_of_span(const uint32_t *codes, const struct span *span)
{
	return slice_of(codes, span->begin, span->end);
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.length == b.length && memcmp(a.codes, b.codes, a.length * sizeof *a.codes) == 0;
}

bool slice_is_digit(uint32_t code)
{
	return code >= '0' && code <= '9';
}

int slice_digits(struct slice given, struct slice want, bool digit[SLICE_DIGITS])
{
	int digits = 0;

	for (uint32_t i = 0; i < want.length && digits < SLICE_DIGITS; i++)
		if (slice_is_digit(want.codes[i]))
			digit[digits++] = i < given.length && given.codes[i] == want.codes[i];
	return digits;
}
