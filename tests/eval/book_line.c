/* Slices of text, and the entries of a book as text. */
#include "common/base/utf8.h"
#include "common/eval/book_line.h"
#include "tests/tap.h"

static void digits(void)
{
	static const struct {
		const char *given, *want, *digits; /* 1: the digit is in its place */
	} rows[] = {
		{"556-123", "556-123", "111111"},
		{"556-133", "556-123", "111101"},
		{"55-6123", "556-123", "110111"},
		{"556", "556-123", "111000"},
		{"", "12", "00"},
		{"12", "none", ""},
		{"1:12", "1-12", "111"},
		{"", "1234567890123456789012345678901234567890", "00000000000000000000000000000000"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t given[64], want[64];
		bool digit[SLICE_DIGITS];
		char text[SLICE_DIGITS + 1], what[128];
		struct slice a = {given, (uint32_t)utf8_codes(rows[i].given, strlen(rows[i].given), given)};
		struct slice b = {want, (uint32_t)utf8_codes(rows[i].want, strlen(rows[i].want), want)};
		const int count = slice_digits(a, b, digit);
		for (int j = 0; j < count; j++)
			text[j] = digit[j] ? '1' : '0';
		text[count] = '\0';
		snprintf(what, sizeof what, "digits of '%s' in '%s'", rows[i].want, rows[i].given);
		is_string(text, rows[i].digits, what);
	}
}

static void equal(void)
{
	static const uint32_t codes[] = {'a', 'b', 'a', 'b', 'c'};

	ok(slice_equal(slice_of(codes, 0, 2), slice_of(codes, 2, 4)), "equal texts in two places");
	ok(!slice_equal(slice_of(codes, 0, 2), slice_of(codes, 2, 5)), "one is the other's beginning");
	ok(!slice_equal(slice_of(codes, 0, 2), slice_of(codes, 1, 3)), "as long, and another text");
	ok(slice_equal(slice_of(codes, 1, 1), slice_of(codes, 3, 3)), "empty ones");
}

/* Ann 12 Bob 34 Ann 56 */
static void lines(void)
{
	static const char text[] = "Ann 12 Bob 34 Ann 56";
	static const uint32_t bob[] = {'B', 'o', 'b'}, ann[] = {'A', 'n', 'n'};
	struct span_kinds kinds;
	struct span spans[6];
	struct book book = {0};
	struct err err = {0};
	uint32_t codes[sizeof text];
	struct book_line line[3];

	span_kinds_init(&kinds);
	for (uint32_t i = 0; i < 3; i++) {
		spans[2 * i] = (struct span){7 * i, 7 * i + 3, span_kind(&kinds, "name", 4), 2 * (int)i, 0};
		spans[2 * i + 1] = (struct span){7 * i + 4, 7 * i + 6, span_kind(&kinds, "number", 6),
		                                 2 * (int)i, 0};
	}
	utf8_codes(text, sizeof text - 1, codes);
	const struct book_text known = {codes, sizeof *codes, NULL};
	is_int(book_read(&book, known, spans, 6, &kinds, &err), 0,
	       "a book of three lines");
	book_lines(&book, codes, (struct slice){ann, 3}, line);
	ok(line[0].asked && !line[1].asked && line[2].asked, "a name that stands twice is asked for");
	is_int(line[2].line, 4, "the line is the spans' entry");
	ok(slice_equal(line[1].name, (struct slice){bob, 3}) && line[1].number.length == 2 &&
	   line[1].number.codes[0] == '3', "a name and the number beside it");
	book_lines(&book, codes, (struct slice){0}, line);
	ok(!line[0].asked && !line[1].asked && !line[2].asked, "no name is asked for");
	book_release(&book);
}

int main(void)
{
	digits();
	equal();
	lines();
	return done();
}
