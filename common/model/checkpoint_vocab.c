/* checkpoint_vocab.c - the vocabulary of a checkpoint, which has fewer tokens than the network. */
#include "common/model/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"

#define PADDING 0xf0000 /* the first code point of private use plane 15 */

/* The vocabulary with characters that it does not have at its end, count in all. NULL with err
 * set. */
static struct vocab *padded(const struct vocab *vocab, int count, struct err *err)
{
	const size_t size = strlen(vocab_text(vocab));
	char *text = malloc(size + UTF8_MAX * (size_t)count + 1);
	size_t at = size;

	if (!text) {
		err_set(err, "vocabulary: out of memory");
		return NULL;
	}
	memcpy(text, vocab_text(vocab), size);
	uint32_t code = PADDING;
	for (int have = vocab_size(vocab); have < count; code++) {
		const size_t length = utf8_encode(code, text + at);
		if (vocab_find(vocab, text + at, length) >= 0)
			continue;
		at += length;
		have++;
	}
	struct vocab *more = vocab_new(text, at, err);
	free(text);
	return more;
}

/* Tokens at the end that have no text: of byte-level BPE for a larger network. */
static int empty_pieces(const struct vocab *vocab)
{
	int count = 0;

	while (count < vocab_size(vocab) &&
	       vocab_piece(vocab, vocab_size(vocab) - 1 - count).size == 0)
		count++;
	return count;
}

int checkpoint_set_vocab(const char *path, struct model *model, struct vocab *vocab, int most,
                         int *padding, struct err *err)
{
	const int count = model->config.vocab, own = vocab_size(vocab) - empty_pieces(vocab);

	*padding = count - own;
	if (own > count)
		return err_set(err, "%s: a vocabulary of %d tokens, but the network has %d", path, own,
		               count);
	if (*padding > most)
		return err_set(err, "%s: a vocabulary of %d tokens, but the network has %d: it is padded "
		               "with %d tokens at most, so the vocabulary is another model's", path, own,
		               count, most);
	if (vocab_size(vocab) < count && !vocab_is_characters(vocab))
		return err_set(err, "%s: a vocabulary of %d tokens, but the network has %d", path,
		               vocab_size(vocab), count);
	if (vocab_size(vocab) < count) {
		struct vocab *more = padded(vocab, count, err);
		if (!more)
			return -1;
		vocab_free(vocab);
		vocab = more;
	}
	model->vocab = vocab;
	return 0;
}
