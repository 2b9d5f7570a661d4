/* checkpoint_vocab.c - the vocabulary of a checkpoint, which has fewer tokens than the network. */
#include "common/model/checkpoint.h"

int checkpoint_set_vocab(const char *path, struct model *model, struct vocab *vocab, int most,
                         int *padding, struct err *err)
{
	const int count = model->config.vocab, own = vocab_size(vocab) - vocab_padding(vocab);

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
		struct vocab *more = vocab_padded(vocab, count, err);
		if (!more)
			return -1;
		vocab_free(vocab);
		vocab = more;
	}
	model->vocab = vocab;
	return 0;
}
