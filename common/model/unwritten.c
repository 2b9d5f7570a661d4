#include "common/model/unwritten.h"

void unwritten_tokens(const struct vocab *vocab, const struct end_tokens *ends, bool *unwritten)
{
	const int count = vocab_size(vocab), own = count - vocab_padding(vocab);

	for (int i = 0; i < count; i++)
		unwritten[i] = i >= own || vocab_piece(vocab, i).size == 0;
	for (int i = 0; i < ends->count; i++)
		unwritten[ends->token[i]] = false;
}
