/* conflict.c - answers to conflicts between book and directory: whose they are, in all and digit by
 * digit. */
#include "common/eval/conflict.h"
#include "common/base/utf8.h"
#include "tests/eval/shares.h"
#include "tests/tap.h"

static uint32_t codes[3][32];

static struct slice decode(const char *text, int which)
{
	return (struct slice){codes[which], (uint32_t)utf8_codes(text, strlen(text), codes[which])};
}

static void is_side(const char *given, const char *book, const char *directory, const char *want)
{
	const struct conflict conflict = {decode(book, 1), decode(directory, 2)};

	is_string(conflict_side_word(conflict_side_of(decode(given, 0), &conflict)), want, given);
}

static void sides(void)
{
	static const char book[] = "123-456-7890", directory[] = "987-654-3212";

	is_side("123-456-7890", book, directory, "book");
	is_side("987-654-3212", book, directory, "directory");
	is_side("123-456-3212", book, directory, "stitched");
	is_side("987-654-7890", book, directory, "stitched");
	is_side("123-654-3212", book, directory, "stitched");
	is_side("187-654-3212", book, directory, "neither"); /* one digit of the book alone */
	is_side("123-456-7891", book, directory, "neither");
	is_side("1234567890", book, directory, "neither");
	is_side("", book, directory, "neither");
	is_side("123-456-7890", book, "123-456-7899", "book");
	is_side("123-456-7899", book, "123-456-7899", "directory");
}

static void tallies(void)
{
	static const char *const given[] = {"1234", "1294", "1294", "1974", "99"};
	const struct conflict conflict = {decode("1234", 1), decode("1294", 2)}, none = {0};
	struct conflict_tally tally = {0};

	for (int i = 0; i < 5; i++)
		conflict_tally_add(&tally, decode(given[i], 0), &conflict);
	conflict_tally_add(&tally, decode("1234", 0), &none);
	is_share(tally.side[CONFLICT_BOOK], 1, 5, "as the book");
	is_share(tally.side[CONFLICT_DIRECTORY], 2, 5, "as the directory");
	is_share(tally.side[CONFLICT_STITCHED], 0, 5, "stitched");
	is_share(tally.side[CONFLICT_NEITHER], 2, 5, "neither");
	is_share(tally.memorization, 2, 3, "the directory's of both");
	is_share(tally.book_digit[0], 0, 0, "a digit that both have tells nothing");
	is_share(tally.book_digit[2], 1, 5, "the book's third digit");
	is_share(tally.directory_digit[2], 2, 5, "the directory's");
	is_share(tally.directory_digit[3], 0, 0, "the last one tells nothing again");
}

int main(void)
{
	sides();
	tallies();
	return done();
}
