#include "common/eval/conflict.h"

#include "common/eval/answer_origin.h"

const char *conflict_side_word(enum conflict_side side)
{
	static const char *const words[CONFLICT_SIDES] = {"book", "directory", "stitched", "neither"};

	return words[side];
}

/* The two numbers are a book of two lines. */
enum conflict_side conflict_side_of(struct slice given, const struct conflict *conflict)
{
	const struct book_line lines[2] = {
		{.number = conflict->book, .line = 0, .asked = true},
		{.number = conflict->directory, .line = 1},
	};

	switch (answer_origin_find(given, lines, 2).kind) {
	case ORIGIN_ASKED:
		return CONFLICT_BOOK;
	case ORIGIN_OTHER:
		return CONFLICT_DIRECTORY;
	case ORIGIN_STITCHED:
		return CONFLICT_STITCHED;
	default:
		return CONFLICT_NEITHER;
	}
}

void conflict_tally_add(struct conflict_tally *tally, struct slice given,
                        const struct conflict *conflict)
{
	bool book[SLICE_DIGITS], directory[SLICE_DIGITS], same[SLICE_DIGITS];

	if (!conflict->book.codes)
		return;
	const enum conflict_side side = conflict_side_of(given, conflict);
	for (int i = 0; i < CONFLICT_SIDES; i++)
		share_add(&tally->side[i], i == (int)side);
	if (side == CONFLICT_BOOK || side == CONFLICT_DIRECTORY)
		share_add(&tally->memorization, side == CONFLICT_DIRECTORY);
	const int in_book = slice_digits(given, conflict->book, book);
	const int in_directory = slice_digits(given, conflict->directory, directory);
	slice_digits(conflict->directory, conflict->book, same);
	for (int i = 0; i < in_book && i < in_directory; i++) {
		if (same[i])
			continue;
		share_add(&tally->book_digit[i], book[i]);
		share_add(&tally->directory_digit[i], directory[i]);
	}
}
