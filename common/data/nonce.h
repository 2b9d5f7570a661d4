/* nonce.h - invented answers of the same form as a true one, which its fact states.
 *
 * A run of digits becomes another run of as many digits; it begins with a zero only if the true one
 * does. A word becomes another word of as many letters, consonants and vowels in turn, so that one
 * can say it. It begins with a consonant or a vowel as the true word does, and has capitals in the
 * same places. All else stays: "the Clyde, 1,345 m" may become "bok Lanub, 8,206 r".
 *
 * Words have Latin letters, up to U+017F; invented words have letters of ASCII only.
 *
 * No run and no word stays as it is, and no invented answer stands in the fact already.
 *
 * The invented answers of one form are numbered, in a random order, and no two are equal. If there
 * are more than NONCE_MAX, the order is one of their beginnings, and their ends are drawn.
 */
#ifndef MEMOSCOPE_NONCE_H
#define MEMOSCOPE_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/permutation.h"
#include "common/stream/charset.h"

#define NONCE_MAX (UINT64_C(1) << 62)
#define NONCE_CHUNK 15 /* characters: at most 10^15 runs of digits, 20^8 5^7 words */
#define NONCE_CHUNKS 31 /* with at least four choices each: NONCE_MAX = 4^31 */

/* A stretch of at most NONCE_CHUNK characters of one run or word. */
struct nonce_chunk {
	const char *begin, *end; /* in the answer */
	int places; /* characters */
	const char *set[NONCE_CHUNK]; /* what each may become, all of them of ASCII */
	uint64_t choices; /* how many other chunks there are */
	/* The number of the chunk itself among all in the order of the sets; UINT64_MAX: it is none
	 * of them. */
	uint64_t own;
};

struct nonce {
	const char *answer;
	uint64_t seed, index;
	uint64_t count; /* how many invented answers there are; 0: none */
	/* private */
	struct nonce_chunk chunk[NONCE_CHUNKS]; /* [chunks] those that are in the order */
	int chunks;
	uint64_t *taken; /* [taken_count] the places of those that stand in the fact, sorted */
	size_t taken_count, taken_room;
	struct permutation order;
};

/* The invented answers for a fact and its answer, under the seed; index says whose they are. Both
 * texts must outlive the nonce. -1 with err set if memory is out. */
int nonce_init(struct nonce *nonce, const char *fact, const char *answer, uint64_t seed,
               uint64_t index, struct err *err);
void nonce_release(struct nonce *nonce); /* a zeroed one is allowed */

/* Invented answer 0 … count-1; to free(). NULL: out of memory. */
char *nonce_make(const struct nonce *nonce, uint64_t number);

/* Add all characters that invented answers in place of this one may have. -1 with err set. */
int nonce_characters(const char *answer, struct charset *set, struct err *err);

#endif
