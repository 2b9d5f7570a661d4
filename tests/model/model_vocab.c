/* A model directory whose tokenizer makes other tokens than one for each character is refused, and
 * the message says what it does. */
#include "common/model/model_vocab.h"

#include <sys/stat.h>

#include "common/model/tokenizer_json.h"
#include "tests/model/directory.h"

#define SEQUENCE_A "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}"
/* What save_pretrained() of transformers 5 makes of our null. */
#define RESAVED "{\"type\": \"TemplateProcessing\", \"single\": [" SEQUENCE_A "], \"pair\": [" \
	SEQUENCE_A ", {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}], \"special_tokens\": {}}"
#define BEGINNING "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": " \
	"\"a\", \"type_id\": 0}}, " SEQUENCE_A "]}"
#define SPLIT(regex, behavior) "{\"type\": \"Split\", \"pattern\": " regex ", \"behavior\": \"" \
	behavior "\", \"invert\": false}"
#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}"
#define ADDED(content, more) "[{\"id\": 1, \"content\": \"" content "\"" more "}]"
#define LEVEL(vocab) "{\"type\": \"WordLevel\", \"vocab\": " vocab ", \"unk_token\": \"<unk>\"}"
#define GOOD "{\"a\": 0, \"B\": 1, \"é\": 2}"

static const struct row {
	const char *field, *value;
	const char *text; /* what the message says; NULL: the model opens */
} rows[] = {
	{"post_processor", RESAVED, NULL},
	{"post_processor", BYTE_LEVEL, NULL},
	{"post_processor", "{\"type\": \"Sequence\", \"processors\": [" RESAVED "]}", NULL},
	{"post_processor", BEGINNING, "\"post_processor\" has a template that adds tokens"},
	{"post_processor", "{\"type\": \"BertProcessing\"}", "\"post_processor\" is BertProcessing"},
	{"normalizer", "{\"type\": \"Sequence\", \"normalizers\": []}", NULL},
	{"normalizer", "{\"type\": \"Lowercase\"}", "\"normalizer\" is Lowercase"},
	{"normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}]}",
	 "\"normalizer\" is NFC"},
	{"normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": "
	 "\"Strip\"}]}", "\"normalizer\" is Sequence"},
	{"normalizer", "7", "\"normalizer\" is no type"},
	{"pre_tokenizer", SPLIT("{\"Regex\": \"(?s).\"}", "Isolated"), NULL},
	{"pre_tokenizer", SPLIT("{\"Regex\": \".\"}", "Isolated"), "\"pre_tokenizer\" splits at ."},
	{"pre_tokenizer", SPLIT("{\"Regex\": \"(?s).\"}", "Removed"), "\"pre_tokenizer\" splits"},
	{"pre_tokenizer", SPLIT("{\"String\": \" \"}", "Isolated"), "splits at something else"},
	{"pre_tokenizer", "null", "\"pre_tokenizer\" is null"},
	{"pre_tokenizer", "{\"type\": \"Whitespace\"}", "\"pre_tokenizer\" is Whitespace"},
	{"pre_tokenizer", BYTE_LEVEL, "\"pre_tokenizer\" is ByteLevel"},
	{"decoder", "null", NULL},
	{"decoder", "{\"type\": \"ByteLevel\"}", "\"decoder\" is ByteLevel"},
	{"added_tokens", "[]", NULL},
	{"added_tokens", ADDED("B", ""), NULL},
	{"added_tokens", ADDED("B", ", \"lstrip\": true"), "added token 'B' has \"lstrip\""},
	{"added_tokens", ADDED("a", ""), "another number for 'a'"},
	{"added_tokens", ADDED("Ω", ""), "has the token 'Ω', which vocab.json lacks"},
	{"added_tokens", ADDED("<end>", ""), "\"added_tokens\" has '<end>', which is more than"},
	{"model", LEVEL(GOOD), NULL},
	{"model", LEVEL("{\"a\": 0, \"B\": 2, \"é\": 1}"), "another number for 'B'"},
	{"model", LEVEL("{\"a\": 0, \"B\": 1}"), "\"model\" has 2 tokens, but vocab.json has 3"},
	{"model", LEVEL("{\"a\": 0, \"B\": 1, \"é\": 2, \"<unk>\": 3}"), "has the token '<unk>'"},
	{"model", "{\"type\": \"Unigram\"}", "\"model\" is Unigram"},
	{"model", "null", "\"model\" is no type"},
};

static json_t *good_tokenizer(void)
{
	struct err err = {0};
	struct vocab *vocab = vocab_new("aBé", strlen("aBé"), &err);
	json_t *json = tokenizer_json_new(vocab);

	vocab_free(vocab);
	return json;
}

/* Does the directory's vocabulary load, or fail with this text? */
static void expect(const char *text, const char *what)
{
	struct err err = {0};
	struct vocab *vocab = model_vocab_load(directory, &err);

	if (text ? !ok(!vocab && strstr(err.text, text) && strstr(err.text, directory), "%s", what) :
	    !ok(vocab && vocab_size(vocab) == 3, "%s", what))
		printf("# have \"%s\"\n# want \"%s\"\n", err.text, text ? text : "");
	vocab_free(vocab);
}

static void test_tokenizer(void)
{
	char what[128];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *json = good_tokenizer();
		json_object_set_new(json, rows[i].field,
		                    json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		json_dump_file(json, in_model("tokenizer.json"), 0);
		json_decref(json);
		snprintf(what, sizeof what, "%s %.90s", rows[i].field, rows[i].value);
		expect(rows[i].text, what);
	}
	unlink(in_model("tokenizer.json"));
}

static void test_config(void)
{
	static const struct {
		const char *json, *text;
	} configs[] = {
		{"{\"tokenizer_class\": \"TokenizersBackend\"}", NULL},
		{"{\"add_bos_token\": false}", NULL},
		{"{\"model_max_length\": 1000000000000000019884624838656}", NULL}, /* transformers' */
		{"{\"add_bos_token\": true}", "\"add_bos_token\" is true"},
		{"{\"add_eos_token\": true}", "\"add_eos_token\" is true"},
		{"{\"add_prefix_space\": true}", "\"add_prefix_space\" is true"},
		{"{\"do_lower_case\": true}", "\"do_lower_case\" is true"},
		{"[]", "tokenizer_config.json: holds no JSON object"},
	};

	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		put("tokenizer_config.json", configs[i].json);
		expect(configs[i].text, configs[i].json);
	}
	unlink(in_model("tokenizer_config.json"));
}

int main(void)
{
	directory_begin();
	mkdir(directory, 0777);
	put("vocab.json", GOOD);
	expect(NULL, "a vocab.json alone");
	test_tokenizer();
	test_config();
	put("tokenizer.json", "{");
	expect("tokenizer.json: line 1", "a tokenizer.json that is no JSON");
	unlink(in_model("tokenizer.json"));
	put("merges.txt", "");
	struct err err = {0};
	struct vocab *vocab = model_vocab_load(directory, &err);
	ok(vocab && vocab_bpe(vocab), "a merges.txt makes byte-level BPE of it: %s", err.text);
	vocab_free(vocab);
	return directory_end();
}
