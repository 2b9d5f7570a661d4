#include "common/data/nonce.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/data/quiz.h"

/* q, x and y are left out: a reader stumbles over "xoq". */
static const char consonants[2][21] = {"bcdfghjklmnprstvwz", "BCDFGHJKLMNPRSTVWZ"};
static const char vowels[2][6] = {"aeiou", "AEIOU"};
static const char digits[] = "0123456789";

/* ---- the form of a text ---- */

enum sort { OTHER, DIGIT, LETTER };

static enum sort sort_of(uint32_t code)
{
	if (code >= '0' && code <= '9')
		return DIGIT;
	if ((code | 32) >= 'a' && (code | 32) <= 'z')
		return LETTER;
	return code >= 0xc0 && code <= 0x17f && code != 0xd7 && code != 0xf7 ? LETTER : OTHER;
}

/* Is a letter a capital? In Latin Extended-A capitals and small letters alternate. */
static bool capital(uint32_t code)
{
	if (code < 0x80)
		return code <= 'Z';
	if (code < 0x100)
		return code < 0xdf;
	if ((code >= 0x139 && code <= 0x148) || code >= 0x179)
		return code % 2 == 1 && code != 0x17f;
	return code % 2 == 0 && code != 0x138;
}

/* Most letters with accents are vowels. */
static bool consonant(uint32_t code)
{
	return code < 0x80 && !memchr(vowels[0], (int)(code | 32), 5);
}

/* A text as it is read, character by character. */
struct scan {
	const char *at;
	enum sort sort; /* of the character before, */
	unsigned place; /* which was number 1, 2 … of its run or word, */
	bool consonant; /* which begins with a consonant */
};

/* Read a character: what may stand in its place? NULL: nothing else. */
static const char *read_place(struct scan *scan)
{
	uint32_t code = 0;

	scan->at += utf8_decode(scan->at, strnlen(scan->at, UTF8_MAX), &code);
	enum sort sort = sort_of(code);
	scan->place = sort == scan->sort ? scan->place + 1 : 1;
	scan->sort = sort;
	if (sort == OTHER)
		return NULL;
	if (sort == DIGIT)
		return scan->place == 1 && code != '0' ? digits + 1 : digits;
	if (scan->place == 1)
		scan->consonant = consonant(code);
	return scan->consonant == (scan->place % 2 == 1) ? consonants[capital(code)] :
	                                                   vowels[capital(code)];
}

/* ---- chunks ---- */

/* The number of a text's beginning among all chunks of these sets. UINT64_MAX: it is none. */
static uint64_t number_of(const struct nonce_chunk *chunk, const char *text)
{
	uint64_t number = 0;

	for (int i = 0; i < chunk->places; i++) {
		const char *found = text[i] ? strchr(chunk->set[i], text[i]) : NULL;
		if (!found)
			return UINT64_MAX;
		number = number * strlen(chunk->set[i]) + (uint64_t)(found - chunk->set[i]);
	}
	return number;
}

/* The next chunk. false: there is no more, and the scan is at the end of its text. */
static bool next_chunk(struct scan *scan, struct nonce_chunk *chunk)
{
	struct scan next = *scan;

	chunk->places = 0;
	chunk->choices = 1;
	while (*scan->at && chunk->places < NONCE_CHUNK) {
		const char *set = read_place(&next);
		if (chunk->places > 0 && (!set || next.place == 1))
			break; /* the run ends before this character */
		if (set) {
			if (chunk->places == 0)
				chunk->begin = scan->at;
			chunk->set[chunk->places++] = set;
			chunk->choices *= strlen(set);
		}
		*scan = next;
	}
	if (chunk->places == 0)
		return false;
	chunk->end = scan->at;
	chunk->own = chunk->end - chunk->begin == chunk->places ? number_of(chunk, chunk->begin) :
	                                                         UINT64_MAX;
	chunk->choices -= chunk->own != UINT64_MAX;
	return true;
}

/* Write chunk number 0 … choices-1, which is never the chunk itself. */
static void write_chunk(const struct nonce_chunk *chunk, uint64_t number, char *to)
{
	if (number >= chunk->own)
		number++;
	for (int i = chunk->places; i-- > 0;) {
		const uint64_t size = strlen(chunk->set[i]);
		to[i] = chunk->set[i][number % size];
		number /= size;
	}
}

/* ---- invented answers that the fact has already ---- */

/* The place of what stands in the fact at this point, among all of the form. UINT64_MAX: it is not
 * of the form. */
static uint64_t place_of(const struct nonce *nonce, const char *fact, const char *begin)
{
	const char *at = begin, *answer = nonce->answer;
	uint64_t place = 0;

	for (int i = 0; i <= nonce->chunks; i++) {
		const struct nonce_chunk *chunk = &nonce->chunk[i];
		size_t between = i < nonce->chunks ? (size_t)(chunk->begin - answer) : strlen(answer);
		if (strncmp(at, answer, between) != 0)
			return UINT64_MAX;
		at += between;
		if (i == nonce->chunks)
			break;
		uint64_t number = number_of(chunk, at);
		if (number == chunk->own || number == UINT64_MAX)
			return UINT64_MAX;
		place = place * chunk->choices + number - (number > chunk->own);
		at += chunk->places;
		answer = chunk->end;
	}
	return quiz_whole(fact, begin, at) ? place : UINT64_MAX;
}

static int by_place(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Note them, sorted, each once. -1: out of memory. */
static int find_taken(struct nonce *nonce, const char *fact)
{
	size_t kept = 0;

	for (const char *at = fact; *at; at++) {
		uint64_t place = place_of(nonce, fact, at);
		if (place == UINT64_MAX)
			continue;
		if (array_reserve(&nonce->taken, &nonce->taken_room, nonce->taken_count + 1) < 0)
			return -1;
		nonce->taken[nonce->taken_count++] = place;
	}
	if (nonce->taken_count > 0)
		qsort(nonce->taken, nonce->taken_count, sizeof *nonce->taken, by_place);
	for (size_t i = 0; i < nonce->taken_count; i++)
		if (i == 0 || nonce->taken[i] != nonce->taken[kept - 1])
			nonce->taken[kept++] = nonce->taken[i];
	nonce->taken_count = kept;
	return 0;
}

/* ---- all of them ---- */

int nonce_init(struct nonce *nonce, const char *fact, const char *answer, uint64_t seed,
               uint64_t index, struct err *err)
{
	struct scan scan = {.at = answer};
	struct nonce_chunk chunk;
	uint64_t all = 1;
	bool more;

	*nonce = (struct nonce){.answer = answer, .seed = seed, .index = index};
	while ((more = next_chunk(&scan, &chunk)) && chunk.choices <= NONCE_MAX / all) {
		nonce->chunk[nonce->chunks++] = chunk;
		all *= chunk.choices;
	}
	if (nonce->chunks == 0)
		return 0;
	/* Of so many that not all are in the order, chance hits none that is in the fact. */
	if (!more && find_taken(nonce, fact) < 0)
		return err_set(err, "out of memory");
	nonce->count = all - nonce->taken_count;
	if (nonce->count > 0)
		permutation_init(&nonce->order, nonce->count, seed, RNG_NONCE, index);
	return 0;
}

void nonce_release(struct nonce *nonce)
{
	free(nonce->taken);
	nonce->taken = NULL;
}

char *nonce_make(const struct nonce *nonce, uint64_t number)
{
	uint64_t value[NONCE_CHUNKS], place = permutation_at(&nonce->order, number);
	struct scan scan = {.at = nonce->answer};
	struct nonce_chunk chunk;
	struct rng rng;
	const char *from = nonce->answer;
	char *text = malloc(strlen(from) + 1), *to = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < nonce->taken_count && nonce->taken[i] <= place; i++)
		place++;
	for (int i = nonce->chunks; i-- > 0; place /= nonce->chunk[i].choices)
		value[i] = place % nonce->chunk[i].choices;
	rng_init(&rng, nonce->seed, RNG_NONCE_END,
	         nonce->index + number * UINT64_C(0x9e3779b97f4a7c15)); /* odd: no two numbers meet */
	for (int i = 0; next_chunk(&scan, &chunk); i++) {
		to = mempcpy(to, from, (size_t)(chunk.begin - from));
		write_chunk(&chunk, i < nonce->chunks ? value[i] : rng_below(&rng, chunk.choices), to);
		to += chunk.places;
		from = chunk.end;
	}
	strcpy(to, from);
	return text;
}

int nonce_characters(const char *answer, struct charset *set, struct err *err)
{
	struct scan scan = {.at = answer};

	while (*scan.at) {
		const char *may = read_place(&scan);
		if (may && charset_add(set, may, strlen(may), err) < 0)
			return -1;
	}
	return 0;
}
