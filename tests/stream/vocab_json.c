/* Vocabularies in headers: characters, pieces and their merges, and what is none. */
#include "common/stream/vocab_json.h"

#include <string.h>

#include "tests/tap.h"

static const struct piece list[] = {{"a", 1}, {"b", 1}, {"ab", 2}, {"<end>", 5}, {"", 0},
                                    {"\0", 1}, {"a\xff", 2}};

static void test_round_trip(void)
{
	const struct bpe_merge merge = {0, 1};
	const uint16_t added = 3;
	const struct bpe_rules rules = {&merge, 1, &added, 1};
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(list, sizeof list / sizeof *list, &err);
	uint16_t tokens[8];

	vocab_set_bpe(vocab, &rules, &err);
	json_t *json = vocab_json(vocab), *bpe = bpe_rules_json(vocab_bpe(vocab));
	char *text = json_dumps(json, JSON_COMPACT);
	is_string(text, "[\"a\",\"b\",\"ab\",\"<end>\",\"\",\"\\u0000\",[97,255]]",
	          "pieces are strings, or arrays of bytes");
	free(text);
	text = json_dumps(bpe, JSON_COMPACT);
	is_string(text, "{\"merges\":[[0,1]],\"added\":[3]}", "rules are tokens");
	free(text);
	struct vocab *back = vocab_of_json(json, bpe, &err);
	ok(back && vocab_equal(vocab, back), "they come back: %s", err.text);
	ok(back && vocab_encode(back, "ab<end>a", 8, tokens, &err) == 3 && tokens[0] == 2 &&
	   tokens[1] == 3 && tokens[2] == 0, "and encode");
	vocab_free(back);
	back = vocab_of_json(json, NULL, &err);
	ok(back && vocab_equal(vocab, back) && !vocab_bpe(back), "pieces without merges");
	vocab_free(back);
	vocab_free(vocab);
	json_decref(json);
	json_decref(bpe);

	vocab = vocab_new("xyé", 4, &err);
	json = vocab_json(vocab);
	is_string(json_string_value(json), "xyé", "characters are one string");
	back = vocab_of_json(json, NULL, &err);
	ok(back && vocab_is_characters(back) && vocab_equal(vocab, back), "they come back");
	vocab_free(back);
	vocab_free(vocab);
	json_decref(json);
}

static void refuse(const char *json, const char *bpe, const char *text)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *rules = bpe ? json_loads(bpe, JSON_DECODE_ANY, NULL) : NULL;
	struct err err = {0};
	struct vocab *vocab = vocab_of_json(value, rules, &err);

	ok(!vocab && strstr(err.text, text), "%s, %s: %s", json, bpe ? bpe : "no rules", err.text);
	vocab_free(vocab);
	json_decref(value);
	json_decref(rules);
}

int main(void)
{
	test_round_trip();
	refuse("7", NULL, "no \"vocab\"");
	refuse("[]", NULL, "0 pieces");
	refuse("[\"\"]", NULL, "1 pieces of 0 bytes");
	refuse("[\"a\", 7]", NULL, "piece 1 is neither a string nor an array of bytes");
	refuse("[\"a\", [256]]", NULL, "piece 1 is neither");
	refuse("[\"a\", [-1]]", NULL, "piece 1 is neither");
	refuse("[\"a\"]", "[]", "\"bpe\" has no \"merges\"");
	refuse("[\"a\"]", "{\"merges\": [[0]], \"added\": []}", "merge 0 is not an array of two");
	refuse("[\"a\"]", "{\"merges\": [[0, 65536]], \"added\": []}", "merge 0 is not an array");
	refuse("[\"a\"]", "{\"merges\": [[0, 1]], \"added\": []}", "token 1 is not below");
	refuse("[\"a\"]", "{\"merges\": [], \"added\": [1]}", "added token 1 is not below");
	refuse("[\"a\"]", "{\"merges\": [], \"added\": [\"a\"]}", "added token 0 is not the number");
	refuse("\"a\"", "{\"merges\": [], \"added\": []}", "\"bpe\" with a \"vocab\" of characters");
	return done();
}
