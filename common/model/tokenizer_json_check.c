/* tokenizer_json_check.c - does a tokenizer of transformers do what memoscope does?
 *
 * The parts of tokenizer.json are those of the library tokenizers: a normalizer changes the text,
 * a pre-tokenizer splits it, a model turns each piece into tokens, and a post-processor adds
 * tokens.
 */
#include "common/model/tokenizer_json.h"

#include <string.h>

#include "common/base/utf8.h"

/* The "type" of a part; "no type" if it has none. */
static const char *type_of(const json_t *part)
{
	const char *type = json_string_value(json_object_get(part, "type"));

	return type ? type : "no type";
}

static bool is_type(const json_t *part, const char *type)
{
	return strcmp(type_of(part), type) == 0;
}

/* A sequence of one part is that part, and an empty one is none. */
static const json_t *alone(const json_t *part, const char *list)
{
	const json_t *parts = json_object_get(part, list);

	if (!is_type(part, "Sequence") || !json_is_array(parts) || json_array_size(parts) > 1)
		return part;
	return json_array_size(parts) == 0 ? NULL : json_array_get(parts, 0);
}

static int check_normalizer(const json_t *part, struct err *err)
{
	part = alone(part, "normalizers");
	if (!part || json_is_null(part))
		return 0;
	return err_set(err, "\"normalizer\" is %.40s, but memoscope reads texts as they are",
	               type_of(part));
}

/* Is a field null, missing, empty, false or 0? */
static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_number(value) && json_number_value(value) == 0);
}

/* Of byte-level BPE. */
static int check_bytes_pre_tokenizer(const json_t *part, struct err *err)
{
	part = alone(part, "pretokenizers");
	if (!is_type(part, "ByteLevel"))
		return err_set(err, "\"pre_tokenizer\" is %.40s, expected ByteLevel", type_of(part));
	if (!is_nothing(json_object_get(part, "add_prefix_space")))
		return err_set(err, "\"pre_tokenizer\" adds a space before a text (add_prefix_space), but "
		               "memoscope adds nothing");
	if (json_is_false(json_object_get(part, "use_regex")))
		return err_set(err, "\"pre_tokenizer\" does not split texts into words, as GPT-2 does "
		               "(use_regex is false)");
	return 0;
}

/* Byte pair encoding of bytes may have none of these. */
static int check_bytes_model(const json_t *model, struct err *err)
{
	static const char *const fields[] = {"dropout", "continuing_subword_prefix",
	                                     "end_of_word_suffix", "byte_fallback", "ignore_merges"};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!is_nothing(json_object_get(model, fields[i])))
			return err_set(err, "\"model\" has \"%s\", but memoscope does BPE as GPT-2 does, "
			               "without it", fields[i]);
	return 0;
}

/* The pre-tokenizer must split the text at each character. */
static int check_pre_tokenizer(const json_t *part, struct err *err)
{
	static const char *const any[] = {"[\\s\\S]", "(?s).", "(?s:.)"}; /* any character */
	const char *regex, *behavior;

	part = alone(part, "pretokenizers");
	regex = json_string_value(json_object_get(json_object_get(part, "pattern"), "Regex"));
	behavior = json_string_value(json_object_get(part, "behavior"));
	if (!part || json_is_null(part))
		return err_set(err, "\"pre_tokenizer\" is null, so a text is one token; expected a split "
		               "at each character");
	if (!is_type(part, "Split"))
		return err_set(err, "\"pre_tokenizer\" is %.40s, expected a split at each character",
		               type_of(part));
	for (size_t i = 0; regex && behavior && i < sizeof any / sizeof *any; i++)
		if (strcmp(regex, any[i]) == 0 && strcmp(behavior, "Isolated") == 0)
			return 0;
	return err_set(err, "\"pre_tokenizer\" splits at %.60s, expected a split at each character: "
	               "the Regex %s, Isolated", regex ? regex : "something else", any[0]);
}

static int check_post_processor(const json_t *part, struct err *err)
{
	const json_t *single, *first;

	part = alone(part, "processors");
	if (!part || json_is_null(part) || is_type(part, "ByteLevel")) /* that changes offsets only */
		return 0;
	if (!is_type(part, "TemplateProcessing"))
		return err_set(err, "\"post_processor\" is %.40s, but memoscope adds no tokens to a text",
		               type_of(part));
	single = json_object_get(part, "single");
	first = json_object_get(json_array_get(single, 0), "Sequence");
	if (json_array_size(single) != 1 || !first)
		return err_set(err, "\"post_processor\" has a template that adds tokens to a text, but "
		               "memoscope adds none");
	return 0;
}

static int check_decoder(const json_t *part, const char *want, struct err *err)
{
	part = alone(part, "decoders");
	if (!part || json_is_null(part) || is_type(part, want))
		return 0;
	return err_set(err, "\"decoder\" is %.40s, expected %s", type_of(part), want);
}

/* transformers looks for these in a text before all else: added_tokens.h. */
static int check_added(const json_t *tokens, struct err *err)
{
	json_t *token;
	size_t i;

	json_array_foreach (tokens, i, token) {
		const char *content = json_string_value(json_object_get(token, "content"));
		if (!content || utf8_length(content, strlen(content)) != 1)
			return err_set(err, "\"added_tokens\" has '%.40s', which is more than a character",
			               content ? content : "a token without content");
	}
	return 0;
}

const json_t *tokenizer_json_vocab(const json_t *tokenizer)
{
	return json_object_get(json_object_get(tokenizer, "model"), "vocab");
}

bool tokenizer_json_is_bpe(const json_t *tokenizer)
{
	return is_type(json_object_get(tokenizer, "model"), "BPE");
}

int tokenizer_json_check(const json_t *tokenizer, struct err *err)
{
	const json_t *model = json_object_get(tokenizer, "model");

	if (check_normalizer(json_object_get(tokenizer, "normalizer"), err) < 0 ||
	    check_post_processor(json_object_get(tokenizer, "post_processor"), err) < 0)
		return -1;
	if (tokenizer_json_is_bpe(tokenizer)) {
		if (check_bytes_pre_tokenizer(json_object_get(tokenizer, "pre_tokenizer"), err) < 0 ||
		    check_decoder(json_object_get(tokenizer, "decoder"), "ByteLevel", err) < 0 ||
		    check_bytes_model(model, err) < 0)
			return -1;
		return 0;
	}
	if (!is_type(model, "WordLevel"))
		return err_set(err, "\"model\" is %.40s, expected WordLevel with a token for each "
		               "character, or BPE of bytes", type_of(model));
	if (check_pre_tokenizer(json_object_get(tokenizer, "pre_tokenizer"), err) < 0 ||
	    check_decoder(json_object_get(tokenizer, "decoder"), "Fuse", err) < 0)
		return -1;
	return check_added(json_object_get(tokenizer, "added_tokens"), err);
}

/* Is an entry of the tokenizer's vocabulary that of ours? */
static int check_entry(const char *key, const json_t *id, const struct vocab *vocab,
                       struct err *err)
{
	const int token = vocab_find(vocab, key, strlen(key));

	if (json_is_integer(id) && token >= 0 && json_integer_value(id) == token)
		return 0;
	if (token < 0)
		return err_set(err, "\"model\" has the token '%.40s', which vocab.json lacks", key);
	return err_set(err, "\"model\" has another number for '%.40s' than vocab.json", key);
}

int tokenizer_json_check_vocab(const json_t *tokenizer, const struct vocab *vocab,
                               struct err *err)
{
	const json_t *added = json_object_get(tokenizer, "added_tokens");
	json_t *entries = json_object_get(json_object_get(tokenizer, "model"), "vocab"), *value;
	const char *key;
	size_t i;

	json_object_foreach (entries, key, value)
		if (check_entry(key, value, vocab, err) < 0)
			return -1;
	if (json_object_size(entries) != (size_t)vocab_size(vocab))
		return err_set(err, "\"model\" has %zu tokens, but vocab.json has %d",
		               json_object_size(entries), vocab_size(vocab));
	json_array_foreach (added, i, value)
		if (check_entry(json_string_value(json_object_get(value, "content")),
		                json_object_get(value, "id"), vocab, err) < 0)
			return -1;
	return 0;
}

/* Classes that do nothing but what the files say. The first two are one class, whose texts are
 * those of GPT-2 without a tokenizer.json, too. */
static const char *const classes[] = {"GPT2Tokenizer", "GPT2TokenizerFast",
                                      "PreTrainedTokenizerFast", "TokenizersBackend"};

bool tokenizer_class_is_gpt2(const char *name)
{
	return !name || strcmp(name, classes[0]) == 0 || strcmp(name, classes[1]) == 0;
}

int tokenizer_class_check(const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (!name || strcmp(name, classes[i]) == 0)
			return 0;
	return err_set(err, "\"tokenizer_class\" is %.60s, expected %s or %s: make it the "
	               "latter if tokenizer.json says all that it does", name, classes[0], classes[2]);
}

int tokenizer_config_json_check(const json_t *config, struct err *err)
{
	static const char *const adds[] = {"add_bos_token", "add_eos_token", "add_prefix_space"};

	for (size_t i = 0; i < sizeof adds / sizeof *adds; i++)
		if (json_is_true(json_object_get(config, adds[i])))
			return err_set(err, "\"%s\" is true, but memoscope adds nothing to a text", adds[i]);
	if (json_is_true(json_object_get(config, "do_lower_case")))
		return err_set(err, "\"do_lower_case\" is true, but memoscope reads texts as they are");
	if (json_is_true(json_object_get(config, "split_special_tokens")))
		return err_set(err, "\"split_special_tokens\" is true, but memoscope finds added tokens "
		               "in a text");
	return 0;
}
