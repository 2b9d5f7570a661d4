#include "common/model/tokenizer_json.h"

#include "common/base/utf8.h"

json_t *vocab_json_new(const struct vocab *vocab)
{
	json_t *json = json_object();

	for (int token = 0; token < vocab_size(vocab); token++) {
		char character[UTF8_MAX + 1];
		character[utf8_encode(vocab_code(vocab, token), character)] = '\0';
		json_object_set_new(json, character, json_integer(token));
	}
	return json;
}

json_t *tokenizer_json_new(const struct vocab *vocab)
{
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
