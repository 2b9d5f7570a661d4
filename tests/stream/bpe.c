/* Byte pair encoding against a plain version of it, on random vocabularies and texts; what is
 * found in a text before all else; and rules that do not fit. Real tokenizers:
 * tests/model/bpe_json.c. */
#include "common/stream/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/stream/vocab.h"
#include "tests/tap.h"

/* ---- a vocabulary that grows at random ---- */

#define LETTERS "abcd"
#define MERGES 60

struct made {
	char bytes[4 + MERGES][256];
	struct piece pieces[4 + MERGES];
	struct bpe_merge merges[MERGES];
	uint16_t result[MERGES];
	size_t count, merge_count;
};

static int find(const struct made *made, const char *bytes, size_t size)
{
	for (size_t i = 0; i < made->count; i++)
		if (made->pieces[i].size == size && memcmp(made->bytes[i], bytes, size) == 0)
			return (int)i;
	return -1;
}

static void grow(struct made *made, struct rng *rng)
{
	*made = (struct made){.count = 4};
	for (int i = 0; i < 4; i++) {
		made->bytes[i][0] = LETTERS[i];
		made->pieces[i] = (struct piece){made->bytes[i], 1};
	}
	while (made->merge_count < MERGES) {
		const uint16_t left = (uint16_t)rng_below(rng, made->count);
		const uint16_t right = (uint16_t)rng_below(rng, made->count);
		char *to = made->bytes[made->count];
		size_t size = made->pieces[left].size + made->pieces[right].size;
		bool again = size > 12;
		for (size_t i = 0; i < made->merge_count; i++)
			again |= made->merges[i].left == left && made->merges[i].right == right;
		if (again)
			continue;
		memcpy(to, made->bytes[left], made->pieces[left].size);
		memcpy(to + made->pieces[left].size, made->bytes[right], made->pieces[right].size);
		int token = find(made, to, size);
		if (token < 0) {
			token = (int)made->count++;
			made->pieces[token] = (struct piece){to, size};
		}
		made->merges[made->merge_count] = (struct bpe_merge){left, right};
		made->result[made->merge_count++] = (uint16_t)token;
	}
}

/* The plain version: look at each pair of neighbours, for each merge that is done. */
static size_t plain(const struct made *made, const char *text, size_t size, uint16_t *tokens)
{
	for (size_t i = 0; i < size; i++)
		tokens[i] = (uint16_t)find(made, text + i, 1);
	for (;;) {
		size_t best = SIZE_MAX, at = 0;
		for (size_t i = 0; i + 1 < size; i++)
			for (size_t k = 0; k < made->merge_count && k < best; k++)
				if (made->merges[k].left == tokens[i] && made->merges[k].right == tokens[i + 1]) {
					best = k;
					at = i;
				}
		if (best == SIZE_MAX)
			return size;
		tokens[at] = made->result[best];
		memmove(tokens + at + 1, tokens + at + 2, (size - at - 2) * sizeof *tokens);
		size--;
	}
}

static void test_merges(void)
{
	struct rng rng;
	int wrong = 0;

	rng_init(&rng, 5, RNG_TEST, 0);
	for (int round = 0; round < 20; round++) {
		struct err err = {0};
		struct made made;
		grow(&made, &rng);
		struct vocab *vocab = vocab_of_pieces(made.pieces, made.count, &err);
		const struct bpe_rules rules = {made.merges, made.merge_count, NULL, 0};
		if (!vocab || vocab_set_bpe(vocab, &rules, &err) < 0)
			printf("Bail out! %s\n", err.text);
		for (int i = 0; i < 60; i++) {
			char text[300];
			uint16_t have[300], want[300];
			const size_t size = rng_below(&rng, i < 30 ? 60 : 300);
			for (size_t k = 0; k < size; k++)
				text[k] = LETTERS[rng_below(&rng, i % 3 == 0 ? 2 : 4)];
			const size_t count = plain(&made, text, size, want);
			/* twice: the second time, short words are known */
			for (int k = 0; k < 2; k++)
				wrong += vocab_encode(vocab, text, size, have, &err) != (long)count ||
				         memcmp(have, want, count * sizeof *have) != 0;
		}
		vocab_free(vocab);
	}
	is_int(wrong, 0, "words short and long become the tokens of the plain version");
}

/* ---- one small vocabulary ---- */

static const struct piece small[] = {
	{"a", 1}, {"b", 1}, {" ", 1}, {"ab", 2}, {"<ab>", 4}, {"<ab>a", 5}, {"\xff", 1}, {"<", 1},
	{">", 1}, {"\xc3", 1},
};
static const struct bpe_merge small_merges[] = {{0, 1}};
static const uint16_t small_added[] = {4, 5};

static void encodes(const struct vocab *vocab, const char *text, size_t size, const char *want,
                    const char *what)
{
	struct err err = {0};
	uint16_t tokens[64];
	char have[256] = "", back[64];
	const long count = vocab_encode(vocab, text, size, tokens, &err);

	for (long i = 0; i < count; i++)
		snprintf(have + strlen(have), sizeof have - strlen(have), "%s%d", i ? " " : "",
		         tokens[i]);
	is_string(count < 0 ? err.text : have, want, what);
	ok(count < 0 || (vocab_decode(vocab, tokens, (size_t)count, back) == size &&
	                 memcmp(back, text, size) == 0), "and back: %s", what);
}

static void test_added(void)
{
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(small, sizeof small / sizeof *small, &err);
	const struct bpe_rules rules = {small_merges, 1, small_added, 2};

	ok(vocab && vocab_set_bpe(vocab, &rules, &err) == 0, "rules: %s", err.text);
	encodes(vocab, "abab ab", 7, "3 3 2 3", "a merge");
	encodes(vocab, "b<ab>b", 6, "1 4 1", "an added token");
	encodes(vocab, "<ab>ab", 6, "5 1", "the longest of two");
	encodes(vocab, "<ab<ab>", 7, "7 3 4", "one that begins and does not go on");
	encodes(vocab, "<ab><ab>", 8, "4 4", "two of them, and no more");
	encodes(vocab, "", 0, "", "nothing");
	encodes(vocab, "a\xff\xff" "b\xc3", 5, "0 6 6 1 9", "bytes that are not UTF-8");
	encodes(vocab, "ac", 2, "the byte 0x63 has no token in the vocabulary",
	        "a byte that the vocabulary lacks");
	vocab_free(vocab);
}

static void refuse(const struct bpe_rules *rules, const char *text)
{
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(small, sizeof small / sizeof *small, &err);

	ok(vocab_set_bpe(vocab, rules, &err) < 0 && strstr(err.text, text) && !vocab_bpe(vocab),
	   "refused: %s", err.text);
	vocab_free(vocab);
}

static void test_rules(void)
{
	const struct bpe_merge none = {0, 0}, past = {0, 10};
	const uint16_t high = 10, broken = 6;

	refuse(&(struct bpe_rules){&none, 1, NULL, 0}, "merge 0 makes a piece that is not in the");
	refuse(&(struct bpe_rules){&past, 1, NULL, 0}, "merge 0: token 10 is not below");
	refuse(&(struct bpe_rules){NULL, 0, &high, 1}, "added token 10 is not below");
	refuse(&(struct bpe_rules){NULL, 0, &broken, 1}, "added token 6 is not UTF-8");
}

int main(void)
{
	test_merges();
	test_added();
	test_rules();
	return done();
}
