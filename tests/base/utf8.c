/* UTF-8: every code point, and what is none. */
#include "common/base/utf8.h"

#include <string.h>

#include "tests/tap.h"

static void every_code_point(void)
{
	bool good = true;
	long count = 0;

	for (uint32_t code = 0; code < 0x110000; code++) {
		char text[UTF8_MAX];
		uint32_t back = 0;
		size_t size = utf8_encode(code, text);
		bool surrogate = code >= 0xD800 && code < 0xE000;
		good = good && utf8_decode(text, size, &back) == (surrogate ? 0 : size) &&
		       (surrogate || back == code);
		for (size_t less = 0; less < size; less++)
			good = good && utf8_decode(text, less, &back) == 0;
	}
	ok(good, "each code point comes back from UTF-8, but for surrogates");

	/* Every sequence of up to three bytes, against the definition: as many are
	 * valid as there are code points that short. */
	for (uint32_t bytes = 0; bytes < 1 << 24; bytes++) {
		const char text[3] = {(char)(bytes >> 16), (char)(bytes >> 8), (char)bytes};
		uint32_t code;
		count += utf8_decode(text, 3, &code) == 3;
	}
	is_int(count, 0x10000 - 0x800 - 0x800, "three bytes: as many as code points need them");
}

static void texts(void)
{
	static const struct {
		const char *name, *text;
		size_t size;
		long length;
	} rows[] = {
		{"nothing", "", 0, 0},
		{"ASCII", "hello, world: 211-004", 21, 21},
		{"U+0000", "a\0b", 3, 3},
		{"one to four bytes", "aé€\U0001F600", 10, 4},
		{"long text with one é at the end", "0123456789abcdeé", 17, 16},
		{"an overlong /", "\xc0\xaf", 2, -1},
		{"an overlong € in four bytes", "\xf0\x82\x82\xac", 4, -1},
		{"a surrogate", "\xed\xa0\x80", 3, -1},
		{"past U+10FFFF", "\xf4\x90\x80\x80", 4, -1},
		{"a lone continuation", "abc\x80", 4, -1},
		{"a byte ff after eight good ones", "01234567\xff", 9, -1},
		{"a character cut off", "01234567\xe2\x82", 10, -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t codes[32];
		is_int(utf8_length(rows[i].text, rows[i].size), rows[i].length, rows[i].name);
		is_int(utf8_codes(rows[i].text, rows[i].size, codes), rows[i].length,
		       "and its code points");
	}

	static const char mixed[] = "aé€\U0001F600";
	static const uint32_t want[] = {'a', 0xE9, 0x20AC, 0x1F600};
	uint32_t codes[sizeof mixed];
	const long count = utf8_codes(mixed, sizeof mixed - 1, codes);
	ok(count == 4 && memcmp(codes, want, sizeof want) == 0, "code points in their order");
}

/* Texts of any bytes. */
static void any_bytes(void)
{
	static const char text[] = "a\xff\xc3\xa9\xe2\x82";
	static const uint32_t want[] = {'a', UTF8_BYTE + 0xff, 0xe9, UTF8_BYTE + 0xe2,
	                                UTF8_BYTE + 0x82};
	uint32_t codes[8];
	char back[8];
	size_t size = 0;

	is_int((long long)text_length(text, 6), 5, "each byte that is not UTF-8 is a character");
	ok(text_codes(text, 6, codes) == 5 && memcmp(codes, want, sizeof want) == 0,
	   "with a number of its own");
	for (int i = 0; i < 5; i++)
		size += utf8_encode(codes[i], back + size);
	ok(size == 6 && memcmp(back, text, 6) == 0, "which is that byte again");
	ok(text_offset(text, 6, 3) == 4 && text_offset(text, 6, 9) == 6, "the bytes of some of them");
	ok(utf8_incomplete("\xe2\x82", 2) && utf8_incomplete("\xf4", 1) && utf8_incomplete("\xed", 1) &&
	   utf8_incomplete("\xf0\x9f\x98", 3), "the beginning of a character lacks bytes");
	ok(!utf8_incomplete("a", 1) && !utf8_incomplete("\xc3\xa9", 2) && !utf8_incomplete("\xff", 1) &&
	   !utf8_incomplete("\xe0\x80", 2) && !utf8_incomplete("\xed\xa0", 2) &&
	   !utf8_incomplete("\x80", 1) && !utf8_incomplete("\xc0", 1) &&
	   !utf8_incomplete("\xe2\x41", 2),
	   "a whole one does not, and nothing completes the others");
}

int main(void)
{
	any_bytes();
	every_code_point();
	texts();
	return done();
}
