#include "common/stream/charset.h"

#include <stdlib.h>

#include "common/base/utf8.h"

int charset_add(struct charset *set, const char *text, size_t size, struct err *err)
{
	for (size_t at = 0; at < size;) {
		uint32_t code;
		size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			return err_set(err, "byte %zu of the text is not UTF-8", at);
		if (code == 0)
			return err_set(err, "byte %zu of the text is U+0000, which no vocabulary of "
			               "characters has",
			               at);
		set->bits[code / 64] |= UINT64_C(1) << code % 64;
		at += step;
	}
	return 0;
}

char *charset_text(const struct charset *set)
{
	size_t count = 0, length = 0;
	char *text;

	for (size_t i = 0; i < 0x110000 / 64; i++)
		count += (size_t)__builtin_popcountll(set->bits[i]);
	text = malloc(UTF8_MAX * count + 1);
	if (!text)
		return NULL;
	for (uint32_t i = 0; i < 0x110000 / 64; i++)
		for (uint64_t left = set->bits[i]; left; left &= left - 1)
			length += utf8_encode(64 * i + (uint32_t)__builtin_ctzll(left), text + length);
	text[length] = '\0';
	return text;
}
