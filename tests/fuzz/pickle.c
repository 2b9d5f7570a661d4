/* Any bytes as a pickle, and as a vocabulary of nanoGPT: an error is one line, what was read can be
 * walked. */
#include "common/model/nanogpt_meta.h"
#include "common/model/pickle.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const globals[] = {"collections OrderedDict", "torch FloatStorage", NULL};

/* Not deeper than this: a list may be in itself. */
static size_t walk(const struct pickle_value *value, int depth)
{
	size_t sum = value->at;

	if (value->type == PICKLE_TEXT || value->type == PICKLE_GLOBAL)
		for (size_t i = 0; i < value->text.size; i++)
			sum += (unsigned char)value->text.bytes[i];
	if (depth == 0)
		return sum;
	if (value->type == PICKLE_CALL)
		sum += walk(value->call.function, depth - 1) + walk(value->call.arguments, depth - 1);
	if (value->type == PICKLE_REFERENCE)
		sum += walk(value->id, depth - 1);
	for (uint32_t i = 0; i < 4; i++) {
		const struct pickle_value *item = pickle_item(value, i);
		sum += item ? walk(item, depth - 1) : 0;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct pickle *pickle = pickle_read("x", data, size, globals, &err);
	size_t sum = 0;

	if (pickle)
		sum = walk(pickle_root(pickle), 5);
	else
		check_error(&err);
	pickle_free(pickle);

	struct err none = {0};
	struct vocab *vocab = nanogpt_meta_read("x", data, size, &none);
	if (vocab)
		EXPECT(vocab_size(vocab) > 0);
	else
		check_error(&none);
	vocab_free(vocab);
	return sum == SIZE_MAX;
}
