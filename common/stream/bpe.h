/* bpe.h - byte-level byte pair encoding, as GPT-2 has it: from texts to pieces of bytes.
 *
 * Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2;
 * Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units". As in
 * transformers:
 *
 *   1. Added tokens, such as <|endoftext|>, are found in the text: the leftmost first, and of
 *      several there the longest.
 *   2. What stands between them is split into words by GPT-2's regular expression, with the
 *      character classes of Unicode.
 *   3. Each word begins as its bytes. Of all pairs of neighbours that have a merge, the one whose
 *      merge comes first in the list is joined, the leftmost one if there are several; and so on
 *      until no pair has a merge.
 *
 * A byte that is not UTF-8 counts in step 2 as a character that is no letter, no digit and no
 * blank. So each text has tokens, and they decode to the same bytes.
 */
#ifndef MEMOSCOPE_BPE_H
#define MEMOSCOPE_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct bpe; /* own: bpe_new … bpe_free */
struct vocab;

/* Two tokens that become one, whose piece is theirs one after the other. */
struct bpe_merge {
	uint16_t left, right;
};

/* How texts become tokens of a vocabulary. */
struct bpe_rules {
	const struct bpe_merge *merges; /* [merge_count] those that come first are done first */
	size_t merge_count;
	const uint16_t *added; /* [added_count] tokens that are found before all else */
	size_t added_count;
};

/* An encoder for a vocabulary, which must live as long; the rules are copied. NULL with err set if
 * a token is not of the vocabulary, if the result of a merge is not, or if memory is out. */
struct bpe *bpe_new(const struct vocab *vocab, const struct bpe_rules *rules, struct err *err);
void bpe_free(struct bpe *bpe); /* NULL is allowed */

/* The rules, owned by bpe. */
struct bpe_rules bpe_rules(const struct bpe *bpe);

/* As vocab_encode(). Words that came before are remembered, so it changes bpe: not in two threads
 * at once. It fails only if a byte has no token, or if memory is out. */
long bpe_encode(struct bpe *bpe, const char *text, size_t size, uint16_t *tokens, struct err *err);

#endif
