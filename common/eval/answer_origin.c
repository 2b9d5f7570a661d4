#include "common/eval/answer_origin.h"

#include <string.h>

static const char *const words[ORIGIN_KINDS] = {
	"asked", "other", "stitched", "near", "near_other", "part", "weights",
};

const char *answer_origin_word(enum answer_origin_kind kind)
{
	return words[kind];
}

/* A number without all that is no digit. */
struct digits {
	int count;
	char at[SLICE_DIGITS];
};

static struct digits digits_of(struct slice number)
{
	struct digits digits = {0};

	for (uint32_t i = 0; i < number.length && digits.count < SLICE_DIGITS; i++)
		if (slice_is_digit(number.codes[i]))
			digits.at[digits.count++] = (char)number.codes[i];
	return digits;
}

/* Equal digits at the beginning of both, or at the end. */
static int same_beginning(const struct digits *a, const struct digits *b)
{
	int n = 0;

	while (n < a->count && n < b->count && a->at[n] == b->at[n])
		n++;
	return n;
}

static int same_end(const struct digits *a, const struct digits *b)
{
	int n = 0;

	while (n < a->count && n < b->count &&
	       a->at[a->count - 1 - n] == b->at[b->count - 1 - n])
		n++;
	return n;
}

/* ---- whole numbers ---- */

static bool whole(struct slice given, const struct book_line *entry,
                  uint32_t entries, bool asked, struct answer_origin *origin)
{
	for (uint32_t i = 0; i < entries; i++)
		if (entry[i].asked == asked && slice_equal(given, entry[i].number)) {
			origin->kind = asked ? ORIGIN_ASKED : ORIGIN_OTHER;
			origin->line = entry[i].line;
			origin->edits = 0;
			return true;
		}
	return false;
}

/* Levenshtein's distance, or ORIGIN_NEAR + 1 if it is more. A path of so few edits stays
 * within ORIGIN_NEAR of the diagonal (Ukkonen 1985). */
static int few_edits(struct slice a, struct slice b)
{
	enum { WIDTH = 2 * ORIGIN_NEAR + 1, MANY = ORIGIN_NEAR + 1 };
	int row[WIDTH + 1], j, least;

	if (a.length > b.length + ORIGIN_NEAR || b.length > a.length + ORIGIN_NEAR)
		return MANY;
	/* row[k]: from the first i characters of a to the first i + k - ORIGIN_NEAR of b */
	for (int k = 0; k <= WIDTH; k++)
		row[k] = k >= ORIGIN_NEAR && k < WIDTH ? k - ORIGIN_NEAR : MANY;
	for (uint32_t i = 1; i <= a.length; i++) {
		for (int k = 0; k < WIDTH; k++) {
			j = (int)i + k - ORIGIN_NEAR;
			if (j < 0 || j > (int)b.length) {
				row[k] = MANY;
				continue;
			}
			least = row[k + 1] + 1;
			if (j > 0 && row[k] + (a.codes[i - 1] != b.codes[j - 1]) < least)
				least = row[k] + (a.codes[i - 1] != b.codes[j - 1]);
			if (j > 0 && k > 0 && row[k - 1] + 1 < least)
				least = row[k - 1] + 1;
			row[k] = least < MANY ? least : MANY;
		}
	}
	return row[(int)b.length - (int)a.length + ORIGIN_NEAR];
}

/* The nearest number of the entries asked for, or of the others. */
static bool near(struct slice given, const struct book_line *entry,
                 uint32_t entries, bool asked, struct answer_origin *origin)
{
	struct digits mine = digits_of(given), theirs;
	int least = ORIGIN_NEAR + 1;

	for (uint32_t i = 0; i < entries; i++) {
		int edits = entry[i].asked == asked ? few_edits(given, entry[i].number) : least;
		if (edits >= least)
			continue;
		least = edits;
		theirs = digits_of(entry[i].number);
		origin->kind = asked ? ORIGIN_NEAR_ASKED : ORIGIN_NEAR_OTHER;
		origin->line = entry[i].line;
		origin->place = same_beginning(&mine, &theirs);
		origin->edits = edits;
	}
	return least <= ORIGIN_NEAR;
}

/* ---- pieces ---- */

/* The entry that has the longest beginning (or end) in common with the answer, without the
 * entry `but`. Among equals, one that was asked for wins. -1: none has ORIGIN_PIECE digits in
 * common. */
static int longest(const struct digits *given, const struct book_line *entry,
                   uint32_t entries, bool end, int but, int *length)
{
	int best = -1;

	*length = ORIGIN_PIECE - 1;
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < entries; i++) {
			if (entry[i].asked != (pass == 0) || (int)i == but)
				continue;
			struct digits digits = digits_of(entry[i].number);
			int n = end ? same_end(given, &digits) : same_beginning(given, &digits);
			if (n > *length) {
				*length = n;
				best = (int)i;
			}
		}
	return best;
}

/* If there are two such entries, then these two will do: the one with the longest beginning
 * and the best of the others for the end, or the other way round. */
static bool stitched(const struct digits *given, const struct book_line *entry,
                     uint32_t entries, struct answer_origin *origin)
{
	int beginning = 0, end = 0, first, second;

	if (given->count < 2 * ORIGIN_PIECE)
		return false;
	first = longest(given, entry, entries, false, -1, &beginning);
	second = longest(given, entry, entries, true, first, &end);
	if (first < 0 || second < 0 || beginning + end < given->count) {
		second = longest(given, entry, entries, true, -1, &end);
		first = longest(given, entry, entries, false, second, &beginning);
	}
	if (first < 0 || second < 0 || beginning + end < given->count)
		return false;
	origin->kind = ORIGIN_STITCHED;
	origin->line = entry[first].line;
	origin->second = entry[second].line;
	origin->place = beginning < given->count - ORIGIN_PIECE ?
	                beginning : given->count - ORIGIN_PIECE;
	return true;
}

/* The longest run of equal digits, if digit n of b stands below digit n + shift of a. *place
 * is where it begins in a. */
static int longest_run(const struct digits *a, const struct digits *b, int shift, int *place)
{
	int best = 0, run = 0;

	for (int i = 0; i < a->count; i++) {
		bool same = i >= shift && i - shift < b->count && a->at[i] == b->at[i - shift];
		run = same ? run + 1 : 0;
		if (run > best) {
			best = run;
			*place = i + 1 - run;
		}
	}
	return best;
}

static bool part(const struct digits *given, const struct book_line *entry,
                 uint32_t entries, struct answer_origin *origin)
{
	int best = ORIGIN_RUN - 1, place = 0;

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < entries; i++) {
			if (entry[i].asked != (pass == 0))
				continue;
			struct digits digits = digits_of(entry[i].number);
			for (int end = 0; end < 2; end++) {
				int run = longest_run(given, &digits, end ? given->count - digits.count : 0,
				                      &place);
				if (run <= best)
					continue;
				best = run;
				origin->kind = ORIGIN_PART;
				origin->line = entry[i].line;
				origin->place = place;
			}
		}
	return best >= ORIGIN_RUN;
}

struct answer_origin answer_origin_find(struct slice given, const struct book_line *entry,
                                        uint32_t entries)
{
	struct answer_origin origin = {ORIGIN_WEIGHTS, -1, -1, 0, -1};
	struct digits digits = digits_of(given);

	if (!whole(given, entry, entries, true, &origin) &&
	    !whole(given, entry, entries, false, &origin) &&
	    !stitched(&digits, entry, entries, &origin) &&
	    !near(given, entry, entries, true, &origin) &&
	    !near(given, entry, entries, false, &origin))
		part(&digits, entry, entries, &origin);
	return origin;
}
