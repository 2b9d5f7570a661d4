#include "common/data/phone.h"

#include <math.h>

/* One uniform number below the product of all radices is one phone number: the
 * digits are its places in a mixed radix, of which position 5 takes one of 72,
 * to be shared by 8 or by 9 digits alike, and position 9 one of 90, for 9 or 10. */
void phone_draw(struct rng *rng, char text[PHONE_BYTES])
{
	uint64_t x = rng_below(rng, 900ull * 81 * 72 * 1000 * 90);
	unsigned area = (unsigned)(x % 900) + 100;
	x /= 900;
	unsigned pair = (unsigned)(x % 81), third = (unsigned)(x / 81 % 72);
	x /= 81 * 72;
	unsigned line = (unsigned)(x % 1000), last = (unsigned)(x / 1000);

	text[0] = (char)('0' + area / 100);
	text[1] = (char)('0' + area / 10 % 10);
	text[2] = (char)('0' + area % 10);
	text[3] = '-';
	text[4] = (char)('0' + pair / 9);
	text[5] = (char)('0' + pair % 9);
	text[6] = (char)('0' + (pair == 0 ? 1 + third / 9 : third / 8));
	text[7] = '-';
	text[8] = (char)('0' + line / 100);
	text[9] = (char)('0' + line / 10 % 10);
	text[10] = (char)('0' + line % 10);
	if (line % 111 == 0) { /* 000, 111, … 999: one digit less for the last */
		last /= 10;
		last += last >= line / 111;
	} else {
		last /= 9;
	}
	text[11] = (char)('0' + last);
}

bool phone_form(const uint32_t *codes, size_t length)
{
	for (size_t i = 0; length == PHONE_BYTES && i < length; i++)
		if (i == 3 || i == 7 ? codes[i] != '-' : codes[i] < '0' || codes[i] > '9')
			return false;
	return length == PHONE_BYTES;
}

double phone_nats(const char text[PHONE_BYTES])
{
	const double ln8 = 2.0794415416798357, ln9 = 2.1972245773362196, ln10 = M_LN10;
	bool zeros = text[4] == '0' && text[5] == '0';
	bool triple = text[8] == text[9] && text[9] == text[10];

	/* positions 0, 3 and 4 take 9 digits; 1, 2, 6, 7 and 8 take 10 */
	return 3 * ln9 + 5 * ln10 + (zeros ? ln8 : ln9) + (triple ? ln9 : ln10);
}
