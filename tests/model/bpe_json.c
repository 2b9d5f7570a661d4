/* Byte-level BPE from the files of transformers makes the tokens that the library makes
 * (testdata/bpe/make.py), and the files that are written are the same vocabulary again. */
#include "common/model/bpe_json.h"

#include <sys/stat.h>

#include "common/model/model_vocab.h"
#include "common/model/tokenizer_json.h"
#include "tests/model/directory.h"

/* Encode and decode all texts of expected.json. */
static void check(const struct vocab *vocab, const char *what)
{
	json_t *rows = json_load_file("testdata/bpe/expected.json", 0, NULL), *row;
	size_t i;

	ok(json_array_size(rows) > 10, "%s: there are texts", what);
	json_array_foreach (rows, i, row) {
		const json_t *bytes = json_object_get(row, "bytes"), *want = json_object_get(row, "tokens");
		const size_t size = json_array_size(bytes);
		char *text = malloc(size + 1), *back = malloc(size + 1);
		uint16_t *tokens = malloc((size + 1) * sizeof *tokens);
		struct err err = {0};
		for (size_t k = 0; k < size; k++)
			text[k] = (char)json_integer_value(json_array_get(bytes, k));
		const long count = vocab_encode(vocab, text, size, tokens, &err);
		bool same = count == (long)json_array_size(want);
		for (long k = 0; same && k < count; k++)
			same = json_integer_value(json_array_get(want, (size_t)k)) == tokens[k];
		if (!ok(same, "%s: text %zu has the library's tokens", what, i))
			printf("# %ld tokens, expected %zu; %s\n", count, json_array_size(want), err.text);
		ok(count >= 0 && vocab_decode(vocab, tokens, (size_t)count, back) == size &&
		   memcmp(text, back, size) == 0, "%s: text %zu comes back", what, i);
		free(text);
		free(back);
		free(tokens);
	}
	json_decref(rows);
}

static struct vocab *load(const char *path)
{
	struct err err = {0};
	struct vocab *vocab = model_vocab_load(path, &err);

	if (!ok(vocab != NULL, "%s opens", path))
		printf("# %s\n", err.text);
	return vocab;
}

static void put_json(const char *name, json_t *json)
{
	json_dump_file(json, in_model(name), 0);
	json_decref(json);
}

static void test_written(const struct vocab *vocab)
{
	put_json("tokenizer.json", tokenizer_json_new(vocab));
	struct vocab *again = load(directory);
	ok(again && vocab_equal(vocab, again), "a tokenizer.json of ours has the same pieces");
	check(again, "a tokenizer.json of ours");
	vocab_free(again);
	unlink(in_model("tokenizer.json"));

	put_json("vocab.json", vocab_json_new(vocab));
	char *merges = bpe_json_merges_text(vocab);
	put("merges.txt", merges);
	free(merges);
	again = load(directory);
	ok(again && vocab_equal(vocab, again), "files of ours have the same pieces");
	check(again, "files of ours");
	vocab_free(again);
}

static void refused_as(const char *text)
{
	struct err err = {0};
	struct vocab *vocab = model_vocab_load(directory, &err);

	if (!ok(!vocab && strstr(err.text, text), "refused: %s", text))
		printf("# have \"%s\"\n", err.text);
	vocab_free(vocab);
}

/* tokenizer.json with a field set: of itself, or of a part. */
static void with(const char *part, const char *field, const char *value, const char *text)
{
	json_t *json = json_load_file("testdata/bpe/tokenizer.json", 0, NULL);
	json_t *object = *part ? json_object_get(json, part) : json;

	json_object_set_new(object, field, json_loads(value, JSON_DECODE_ANY, NULL));
	if (strcmp(field, "vocab") == 0) /* whose tokens the others do not fit */
		json_object_set_new(json, "added_tokens", json_array());
	put_json("tokenizer.json", json);
	if (text) {
		refused_as(text);
	} else {
		struct vocab *vocab = load(directory);
		vocab_free(vocab);
	}
}

#define TOKEN(content, id, more) "[{\"content\": \"" content "\", \"id\": " id more "}]"

static void test_tokenizers(void)
{
	with("", "normalizer", "{\"type\": \"NFC\"}", "\"normalizer\" is NFC");
	with("", "pre_tokenizer", "{\"type\": \"Whitespace\"}", "is Whitespace, expected ByteLevel");
	with("pre_tokenizer", "add_prefix_space", "true", "adds a space before a text");
	with("pre_tokenizer", "use_regex", "false", "use_regex is false");
	with("", "decoder", "{\"type\": \"Metaspace\"}", "\"decoder\" is Metaspace");
	with("", "post_processor", "{\"type\": \"ByteLevel\", \"trim_offsets\": true}", NULL);
	with("", "post_processor", "{\"type\": \"RobertaProcessing\"}", "is RobertaProcessing");
	with("model", "byte_fallback", "true", "\"model\" has \"byte_fallback\"");
	with("model", "ignore_merges", "true", "\"model\" has \"ignore_merges\"");
	with("model", "dropout", "0.1", "\"model\" has \"dropout\"");
	with("model", "end_of_word_suffix", "\"</w>\"", "\"model\" has \"end_of_word_suffix\"");
	with("model", "merges", "null", "no \"merges\"");
	with("model", "merges", "[\"a\"]", "merge 0: expected two pieces of the vocabulary: a");
	with("model", "merges", "[[\"a\", \"nowhere\"]]", "merge 0: expected two pieces");
	with("model", "merges", "[\"~ ~\"]", "merge 0 makes a piece that is not in the vocabulary");
	with("model", "merges", "[[\"t\", \"h\"]]", NULL);
	with("model", "vocab", "[]", "expected an object");
	with("model", "vocab", "{\"a\": 1, \"b\": 1}", "'b' has the token 1, which another piece has");
	with("model", "vocab", "{\"a\": 65535}", "'a' has no token from 0 to 65534");
	with("model", "vocab", "{\"a\": -1}", "'a' has no token");
	with("model", "vocab", "{\"\": 0}", "token 0 is empty");
	with("", "added_tokens", TOKEN("<pad>", "700", ""), NULL);
	with("", "added_tokens", TOKEN("<pad>", "3", ""), "the token 3, but the tokenizers");
	with("", "added_tokens", TOKEN("<x>", "700", ", \"lstrip\": true"), "'<x>' has \"lstrip\"");
	with("", "added_tokens", "[{}]", "added token 0 has no \"content\"");
	put("config.json", "{\"vocab_size\": 704}");
	with("", "normalizer", "null", NULL);
	struct vocab *vocab = load(directory);
	ok(vocab && vocab_size(vocab) == 704 && vocab_piece(vocab, 703).size == 0,
	   "a network may know more tokens, which have no piece");
	vocab_free(vocab);
	put("config.json", "{\"vocab_size\": 600}");
	refused_as("700 tokens, but config.json has a \"vocab_size\" of 600");
	unlink(in_model("config.json"));
	unlink(in_model("tokenizer.json"));
}

/* JSON that no writer of it makes. */
static void test_hostile(void)
{
	static const struct {
		const char *file, *json, *text;
	} lies[] = {
		{"tokenizer.json", "{\"a\": NaN}", "tokenizer.json: line 1: invalid token"},
		{"tokenizer.json", "{\"a\": 99999999999999999999}", "too big integer"},
		{"tokenizer.json", "{\"a\": 1e999}", "real number overflow"},
		{"tokenizer.json", "{\"a\": 1, \"a\": 2}", "duplicate object key"},
		{"tokenizer.json", "{\"a\": \"\\u0000\"}", "\\u0000 is not allowed"},
		{"tokenizer.json", "{\"a\": \"\xff\"}", "unable to decode byte 0xff"},
		{"tokenizer.json", "{\"model\": {\"type\": \"BPE\"}}", "\"pre_tokenizer\" is no type"},
		{"tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"<x>\"}}}",
		 "tokenizer_config.json: added_tokens_decoder: "},
		{"tokenizer_config.json", "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"<x>\"}}}",
		 "tokenizer_config.json: added_tokens_decoder: "},
		{"tokenizer_config.json", "{\"added_tokens_decoder\": {\"700\": 3}}",
		 "tokenizer_config.json: added token 700 has no \"content\""},
		{"added_tokens.json", "{\"<x>\": \"700\"}", "added_tokens.json: '<x>' has no number"},
		{"added_tokens.json", "{\"<x>\": 9223372036854775807}",
		 "added_tokens.json: '<x>' has the token 9223372036854775807, but"},
		{"special_tokens_map.json", "[]", "special_tokens_map.json: holds no JSON object"},
	};
	enum { DEPTH = 1 << 20 };
	char *deep = malloc(DEPTH + 1);

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		copy_bpe("tokenizer.json");
		put(lies[i].file, lies[i].json);
		refused_as(lies[i].text);
		unlink(in_model(lies[i].file));
	}
	memset(deep, '[', DEPTH);
	memcpy(deep, "{\"a\":", 5);
	put_bytes("tokenizer.json", deep, DEPTH);
	refused_as("maximum parsing depth reached");
	unlink(in_model("tokenizer.json"));
	free(deep);
}

/* Damage to a tokenizer.json is refused with one line, or it is a vocabulary whose tokens give each
 * text back. */
static void test_damage(void)
{
	static const char text[] = "It's the <|endoftext|>caf\xe9 \xff";
	struct err none = {0};
	size_t size = 0, counts[3] = {0}, prefixes = 0;
	char *data = file_read("testdata/bpe/tokenizer.json", 1 << 20, &size, &none);

	for (size_t length = 0; length < size - 1; length += length + 200 < size ? 37 : 1) {
		struct err err = {0};
		put_bytes("tokenizer.json", data, length);
		struct vocab *vocab = model_vocab_load(directory, &err);
		prefixes += vocab != NULL || strchr(err.text, '\n');
		vocab_free(vocab);
	}
	is_int((long long)prefixes, 0, "prefixes of tokenizer.json are refused with one line");
	for (size_t at = 0; at < size; at += at < 1500 ? 1 : 11) {
		struct err err = {0};
		uint16_t tokens[sizeof text];
		char back[sizeof text];
		data[at] ^= (char)(1 << at % 7);
		put_bytes("tokenizer.json", data, size);
		data[at] ^= (char)(1 << at % 7);
		struct vocab *vocab = model_vocab_load(directory, &err);
		const long count = vocab ? vocab_encode(vocab, text, sizeof text - 1, tokens, &err) : -1;
		if (count < 0)
			counts[strchr(err.text, '\n') != NULL || err.status == ERR_NONE ? 2 : 0]++;
		else
			counts[vocab_decode(vocab, tokens, (size_t)count, back) == sizeof text - 1 &&
			       memcmp(text, back, sizeof text - 1) == 0 ? 1 : 2]++;
		vocab_free(vocab);
	}
	ok(counts[2] == 0 && counts[0] > 500 && counts[1] > 100, "changes of a byte: %zu refused, %zu "
	   "give texts back, %zu others", counts[0], counts[1], counts[2]);
	free(data);
	unlink(in_model("tokenizer.json"));
}

/* The library takes the last one: a, bc. */
static void test_twice(void)
{
	uint16_t tokens[4];
	struct err err = {0};

	with("model", "merges", "[\"t h\", \"h e\", \"t h\"]", NULL);
	struct vocab *vocab = load(directory);
	const long count = vocab_encode(vocab, "the", 3, tokens, &err);
	ok(count == 2 && vocab_piece(vocab, tokens[0]).size == 1,
	   "a merge that comes twice counts where it comes last");
	vocab_free(vocab);
	unlink(in_model("tokenizer.json"));
}

int main(void)
{
	struct vocab *vocab = load("testdata/bpe");

	directory_begin();
	mkdir(directory, 0777);
	check(vocab, "tokenizer.json");
	copy_bpe("vocab.json");
	copy_bpe("merges.txt");
	struct vocab *old = load(directory);
	ok(old && vocab_equal(vocab, old), "vocab.json and merges.txt have the same pieces");
	check(old, "vocab.json and merges.txt");
	vocab_free(old);
	test_written(vocab);
	test_tokenizers();
	test_twice();
	test_hostile();
	test_damage();
	vocab_free(vocab);
	return directory_end();
}
