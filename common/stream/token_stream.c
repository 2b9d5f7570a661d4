#include "common/stream/token_stream.h"

struct stream_reader *token_stream_open(const char *path, struct vocab **vocab, const char *model,
                                        struct err *err)
{
	static const char *const kinds[] = {STREAM_TOKENS, NULL};
	struct stream_reader *reader = stream_open(path, kinds, err);
	char difference[VOCAB_DIFFERENCE];
	struct vocab *have;

	if (!reader)
		return NULL;
	have = stream_vocab(reader, err);
	if (have && !*vocab) {
		*vocab = have;
		return reader;
	}
	if (have && vocab_equal(have, *vocab)) {
		vocab_free(have);
		return reader;
	}
	if (have && model)
		err_set(err, "%s: its vocabulary is not that of %s: %s; tokenize --vocab %s makes tokens "
		        "that fit", err_path(path), model,
		        vocab_difference(have, *vocab, "the model", difference), model);
	else if (have)
		err_set(err, "%s: its vocabulary is not that of the data before it: %s; tokenize --vocab "
		        "makes tokens with the vocabulary of another stream", err_path(path),
		        vocab_difference(have, *vocab, "that", difference));
	vocab_free(have);
	stream_close(reader);
	return NULL;
}
