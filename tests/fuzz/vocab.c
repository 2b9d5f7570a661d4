/* Any bytes as a vocabulary and a text: what encodes decodes to the same. */
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/stream/charset.h"
#include "common/stream/vocab.h"

#define EXPECT(condition) ((condition) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void vocabulary(const char *text, size_t size, const char *sample, size_t sample_size)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new(text, size, &err);

	EXPECT((vocab == NULL) == (err.status != ERR_NONE));
	if (!vocab)
		return;
	EXPECT(strcmp(vocab_text(vocab), text) == 0);
	EXPECT(vocab_size(vocab) == utf8_length(text, size));
	for (int token = 0; token < vocab_size(vocab); token++) {
		const struct piece piece = vocab_piece(vocab, token);
		EXPECT(vocab_find(vocab, piece.bytes, piece.size) == token);
	}
	uint16_t *tokens = malloc((sample_size + 1) * sizeof *tokens);
	char *back = malloc(UTF8_MAX * sample_size + 1);
	long count = vocab_encode(vocab, sample, sample_size, tokens, &err);
	EXPECT((count < 0) == (err.status != ERR_NONE));
	if (count >= 0) {
		EXPECT(count == utf8_length(sample, sample_size));
		EXPECT(vocab_decode(vocab, tokens, (size_t)count, back) == sample_size &&
		       memcmp(back, sample, sample_size) == 0);
	}
	free(tokens);
	free(back);
	vocab_free(vocab);
}

/* The set of a text's characters is a vocabulary that encodes it. */
static void set(const char *text, size_t size)
{
	struct charset *characters = calloc(1, sizeof *characters);
	struct err err = {0};

	if (charset_add(characters, text, size, &err) == 0 && size > 0) {
		char *all = charset_text(characters);
		vocabulary(all, strlen(all), text, size);
		free(all);
	}
	free(characters);
}

static void numbers(const char *text)
{
	struct err err = {0};
	int64_t integer = 0;
	double real = 0;

	if (option_int("n", text, -1000, 1000, &integer, &err) == 0)
		EXPECT(integer >= -1000 && integer <= 1000);
	err = (struct err){0};
	if (option_real("n", text, 0, 1, &real, &err) == 0)
		EXPECT(real >= 0 && real <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A NUL parts vocabulary and sample; exact copies, so that a read past the
	 * end shows. */
	const uint8_t *nul = memchr(data, 0, size);
	size_t first = nul ? (size_t)(nul - data) : size, rest = nul ? size - first - 1 : 0;
	char *text = malloc(first + 1), *sample = malloc(rest ? rest : 1);

	memcpy(text, data, first);
	text[first] = '\0';
	if (rest)
		memcpy(sample, nul + 1, rest);
	vocabulary(text, first, sample, rest);
	if (first < 200)
		set(text, first);
	numbers(text);
	free(text);
	free(sample);
	return 0;
}
