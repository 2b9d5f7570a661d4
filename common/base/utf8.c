#include "common/base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_decode(const char *text, size_t size, uint32_t *code)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t length;
	uint32_t c;

	if (size == 0)
		return 0;
	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	if (s[0] >= 0xC2 && s[0] < 0xE0) {
		length = 2;
		c = s[0] & 0x1F;
	} else if (s[0] >= 0xE0 && s[0] < 0xF0) {
		length = 3;
		c = s[0] & 0x0F;
	} else if (s[0] >= 0xF0 && s[0] < 0xF5) {
		length = 4;
		c = s[0] & 0x07;
	} else {
		return 0;
	}
	if (size < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if ((length == 3 && (c < 0x800 || (c >= 0xD800 && c < 0xE000))) ||
	    (length == 4 && (c < 0x10000 || c > 0x10FFFF)))
		return 0;
	*code = c;
	return length;
}

size_t utf8_encode(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	if (code >= UTF8_BYTE) {
		out[0] = (char)(code - UTF8_BYTE);
		return 1;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

bool utf8_incomplete(const char *text, size_t size)
{
	char whole[UTF8_MAX];
	uint32_t code;

	/* Some last byte would complete it. E0, ED, F0 and F4 allow not all second bytes. */
	if (size >= UTF8_MAX || utf8_decode(text, size, &code) > 0)
		return false;
	memcpy(whole, text, size);
	for (size_t length = size + 1; length <= UTF8_MAX; length++) {
		for (unsigned byte = 0x80; byte < 0xC0; byte += 0x20) {
			whole[size] = (char)byte;
			memset(whole + size + 1, 0x80, UTF8_MAX - size - 1);
			if (utf8_decode(whole, length, &code) == length)
				return true;
		}
	}
	return false;
}

size_t utf8_mark(const char *text, size_t size)
{
	return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

long utf8_length(const char *text, size_t size)
{
	long length = 0;
	uint32_t code;

	while (size > 0) {
		uint64_t eight;
		if (size >= sizeof eight) { /* most text is ASCII */
			memcpy(&eight, text, sizeof eight);
			if (!(eight & UINT64_C(0x8080808080808080))) {
				text += sizeof eight;
				size -= sizeof eight;
				length += sizeof eight;
				continue;
			}
		}
		size_t step = utf8_decode(text, size, &code);
		if (step == 0)
			return -1;
		text += step;
		size -= step;
		length++;
	}
	return length;
}

long utf8_codes(const char *text, size_t size, uint32_t *codes)
{
	long count = 0;

	for (size_t at = 0, step; at < size; at += step) {
		step = utf8_decode(text + at, size - at, &codes[count]);
		if (step == 0)
			return -1;
		count++;
	}
	return count;
}

size_t text_decode(const char *text, size_t size, uint32_t *code)
{
	const size_t step = utf8_decode(text, size, code);

	if (step > 0)
		return step;
	*code = UTF8_BYTE + (unsigned char)*text;
	return 1;
}

size_t text_length(const char *text, size_t size)
{
	const long length = utf8_length(text, size);
	size_t count = 0;
	uint32_t code;

	if (length >= 0) /* most texts */
		return (size_t)length;
	for (size_t at = 0; at < size; at += text_decode(text + at, size - at, &code))
		count++;
	return count;
}

size_t text_codes(const char *text, size_t size, uint32_t *codes)
{
	size_t count = 0;

	for (size_t at = 0; at < size; count++)
		at += text_decode(text + at, size - at, &codes[count]);
	return count;
}

size_t text_offset(const char *text, size_t size, size_t count)
{
	size_t at = 0;
	uint32_t code;

	for (; count > 0 && at < size; count--)
		at += text_decode(text + at, size - at, &code);
	return at;
}
