#include "common/model/tokenizer_json.h"

#include "common/base/utf8.h"
#include "common/model/bpe_json.h"

json_t *vocab_json_new(const struct vocab *vocab)
{
	if (vocab_bpe(vocab))
		return bpe_json_tokens_new(vocab);

	json_t *json = json_object();

	for (int token = 0; token < vocab_size(vocab); token++) {
		char character[UTF8_MAX + 1];
		character[utf8_encode(vocab_code(vocab, token), character)] = '\0';
		json_object_set_new(json, character, json_integer(token));
	}
	return json;
}

static json_t *byte_level(void)
{
	return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
	                 "trim_offsets", 1, "use_regex", 1);
}

/* As that of GPT-2. */
static json_t *bpe_tokenizer(const struct vocab *vocab)
{
	return json_pack(
		"{s:s, s:n, s:n, s:o, s:n, s:o, s:n, s:o, s:{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b,"
		" s:o, s:o}}",
		"version", "1.0",
		"truncation",
		"padding",
		"added_tokens", bpe_json_added_new(vocab),
		"normalizer",
		"pre_tokenizer", byte_level(),
		"post_processor",
		"decoder", byte_level(),
		"model", "type", "BPE", "dropout", "unk_token", "continuing_subword_prefix",
		"end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0, "ignore_merges", 0,
		"vocab", bpe_json_tokens_new(vocab), "merges", bpe_json_merges_new(vocab));
}

json_t *tokenizer_json_new(const struct vocab *vocab)
{
	if (vocab_bpe(vocab))
		return bpe_tokenizer(vocab);
	return json_pack(
		"{s:s, s:n, s:n, s:[], s:n, s:{s:s, s:{s:s}, s:s, s:b}, s:n, s:{s:s},"
		" s:{s:s, s:o, s:s}}",
		"version", "1.0",
		"truncation",
		"padding",
		"added_tokens",
		"normalizer",
		"pre_tokenizer", "type", "Split", "pattern", "Regex", "[\\s\\S]",
		"behavior", "Isolated", "invert", 0,
		"post_processor",
		"decoder", "type", "Fuse",
		"model", "type", "WordLevel", "vocab", vocab_json_new(vocab), "unk_token", "<unk>");
}

json_t *tokenizer_config_json_new(int context)
{
	return json_pack("{s:s, s:b, s:i}", "tokenizer_class", "PreTrainedTokenizerFast",
	                 "clean_up_tokenization_spaces", 0, "model_max_length",
	                 context);
}
