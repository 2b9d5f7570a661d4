#include "common/base/edit_distance.h"

enum { STRIP = 64 }; /* rows of the table that lie side by side in the bits of a word */

/* Which characters of a strip are which: a bit for each place. */
struct places {
	uint64_t ascii[128];
	uint32_t code[STRIP]; /* [count], all others, with their bits beside them */
	uint64_t bits[STRIP];
	int count;
};

static void find_places(struct places *places, const uint32_t *codes, uint32_t length)
{
	*places = (struct places){0};
	for (uint32_t i = 0; i < length; i++) {
		uint64_t bit = UINT64_C(1) << i;
		int k = 0;
		if (codes[i] < 128) {
			places->ascii[codes[i]] |= bit;
			continue;
		}
		while (k < places->count && places->code[k] != codes[i])
			k++;
		if (k == places->count)
			places->code[places->count++] = codes[i];
		places->bits[k] |= bit;
	}
}

static uint64_t places_of(const struct places *places, uint32_t code)
{
	if (code < 128)
		return places->ascii[code];
	for (int k = 0; k < places->count; k++)
		if (places->code[k] == code)
			return places->bits[k];
	return 0;
}

/* Down a strip of length rows, column by column. row: what the distance in the row above it
 * grows by from one column to the next, plus 1; then the same of the strip's last row. */
static void pass_strip(const struct places *places, uint32_t length, const uint32_t *a,
                       uint32_t a_length, uint32_t *row)
{
	uint64_t more = ~UINT64_C(0), less = 0; /* where the column grows downwards, and falls */

	for (uint32_t i = 0; i < a_length; i++) {
		uint64_t equal = places_of(places, a[i]);
		uint64_t falls = row[i] == 0, grows = row[i] == 2;
		uint64_t level = equal | less;
		equal |= falls;
		uint64_t across = (((equal & more) + more) ^ more) | equal;
		uint64_t right = less | ~(across | more), left = more & across;
		row[i] = 1 + (uint32_t)(right >> (length - 1) & 1) - (uint32_t)(left >> (length - 1) & 1);
		right = right << 1 | grows;
		left = left << 1 | falls;
		more = left | ~(level | right);
		less = right & level;
	}
}

/* G. Myers, "A fast bit-vector algorithm for approximate string matching based on dynamic
 * programming", J. ACM 46 (1999), section 4; for the distance of wholes, as H. Hyyrö has it
 * ("Explaining and extending the bit-parallel approximate string matching algorithm of
 * Myers", 2001). */
uint32_t edit_distance(const uint32_t *a, uint32_t a_length, const uint32_t *b, uint32_t b_length,
                       uint32_t *row)
{
	uint32_t distance = b_length;
	struct places places;

	for (uint32_t i = 0; i < a_length; i++)
		row[i] = 2;
	for (uint32_t j = 0, length; j < b_length; j += length) {
		length = b_length - j < STRIP ? b_length - j : STRIP;
		find_places(&places, b + j, length);
		pass_strip(&places, length, a, a_length, row);
	}
	for (uint32_t i = 0; i < a_length; i++)
		distance += row[i] - 1;
	return distance;
}
