#include "common/tokens.h"

#include <string.h>

struct stream_reader *token_stream_open(const char *path, struct vocab **vocab, struct err *err)
{
	static const char *const kinds[] = {STREAM_TOKENS, NULL};
	struct stream_reader *reader = stream_open(path, kinds, err);
	struct vocab *have = NULL;
	const char *text;

	if (reader == NULL)
		return NULL;
	text = header_string(stream_header(reader), "vocab");
	if (text == NULL) {
		err_set(err, "%s: header: no vocab, expected the string of its characters", path);
	} else if ((have = vocab_new(text, strlen(text), err)) != NULL) {
		if (*vocab == NULL) {
			*vocab = have;
			return reader;
		}
		if (vocab_equal(have, *vocab)) {
			vocab_free(have);
			return reader;
		}
		err_set(err, "%s: header: vocab differs: %d characters, expected the %d of the others",
		        path, vocab_size(have), vocab_size(*vocab));
	}
	vocab_free(have);
	stream_close(reader);
	return NULL;
}
