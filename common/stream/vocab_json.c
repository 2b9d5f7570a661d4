#include "common/stream/vocab_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"

/* ---- writing ---- */

static json_t *piece_json(struct piece piece)
{
	json_t *json = json_stringn(piece.bytes, piece.size);

	if (json) /* it is UTF-8 */
		return json;
	json = json_array();
	for (size_t i = 0; i < piece.size; i++)
		json_array_append_new(json, json_integer((unsigned char)piece.bytes[i]));
	return json;
}

json_t *vocab_json(const struct vocab *vocab)
{
	json_t *json;

	if (vocab_is_characters(vocab))
		return json_string(vocab_text(vocab));
	json = json_array();
	for (int i = 0; i < vocab_size(vocab); i++)
		json_array_append_new(json, piece_json(vocab_piece(vocab, i)));
	return json;
}

json_t *bpe_rules_json(const struct bpe *bpe)
{
	const struct bpe_rules rules = bpe_rules(bpe);
	json_t *merges = json_array(), *added = json_array();

	for (size_t i = 0; i < rules.merge_count; i++)
		json_array_append_new(merges, json_pack("[i, i]", rules.merges[i].left,
		                                        rules.merges[i].right));
	for (size_t i = 0; i < rules.added_count; i++)
		json_array_append_new(added, json_integer(rules.added[i]));
	return json_pack("{s:o, s:o}", "merges", merges, "added", added);
}

/* ---- reading ---- */

/* Append the bytes of a piece. -1 if it is none. */
static int append_piece(struct text_buffer *out, const json_t *json)
{
	json_t *byte;
	size_t i;

	if (json_is_string(json)) {
		text_buffer_append(out, json_string_value(json), json_string_length(json));
		return 0;
	}
	if (!json_is_array(json))
		return -1;
	json_array_foreach (json, i, byte) {
		const json_int_t value = json_is_integer(byte) ? json_integer_value(byte) : -1;
		if (value < 0 || value > 255)
			return -1;
		text_buffer_append(out, (char[]){(char)value}, 1);
	}
	return 0;
}

static struct vocab *read_pieces(const json_t *json, struct err *err)
{
	const size_t count = json_array_size(json);
	struct piece *pieces = calloc(count + 1, sizeof *pieces);
	struct text_buffer text = {0};
	struct vocab *vocab = NULL;
	int result = pieces ? 0 : err_set(err, "out of memory");

	for (size_t i = 0; i < count && result == 0; i++) {
		const size_t before = text.size;
		if (append_piece(&text, json_array_get(json, i)) < 0)
			result = err_set(err, "\"vocab\": piece %zu is neither a string nor an array of bytes",
			                 i);
		else if (text.failed)
			result = err_set(err, "out of memory");
		else
			pieces[i].size = text.size - before;
	}
	if (result == 0) {
		for (size_t i = 0, at = 0; i < count; at += pieces[i++].size)
			pieces[i].bytes = text.text ? text.text + at : NULL;
		vocab = vocab_of_pieces(pieces, count, err);
	}
	text_buffer_release(&text);
	free(pieces);
	return vocab;
}

/* A number of a token; false if it is none. */
static bool token_of(const json_t *json, uint16_t *token)
{
	const json_int_t value = json_is_integer(json) ? json_integer_value(json) : -1;

	*token = (uint16_t)value;
	return value >= 0 && value < VOCAB_MAX;
}

static int read_rules(const json_t *json, struct bpe_merge *merges, uint16_t *added,
                      struct err *err)
{
	json_t *value;
	size_t i;

	json_array_foreach (json_object_get(json, "merges"), i, value)
		if (json_array_size(value) != 2 ||
		    !token_of(json_array_get(value, 0), &merges[i].left) ||
		    !token_of(json_array_get(value, 1), &merges[i].right))
			return err_set(err, "\"bpe\": merge %zu is not an array of two tokens", i);
	json_array_foreach (json_object_get(json, "added"), i, value)
		if (!token_of(value, &added[i]))
			return err_set(err, "\"bpe\": added token %zu is not the number of one", i);
	return 0;
}

static int set_rules(struct vocab *vocab, const json_t *json, struct err *err)
{
	const json_t *merges = json_object_get(json, "merges"), *added = json_object_get(json, "added");
	const size_t merge_count = json_array_size(merges), added_count = json_array_size(added);
	struct bpe_merge *merge = calloc(merge_count + 1, sizeof *merge);
	uint16_t *token = calloc(added_count + 1, sizeof *token);
	struct err why = {0};
	int result = -1;

	if (!json_is_array(merges) || !json_is_array(added))
		err_set(err, "\"bpe\" has no \"merges\" or no \"added\", which are arrays");
	else if (vocab_is_characters(vocab))
		err_set(err, "\"bpe\" with a \"vocab\" of characters");
	else if (!merge || !token)
		err_set(err, "out of memory");
	else if (read_rules(json, merge, token, err) == 0) {
		const struct bpe_rules rules = {merge, merge_count, token, added_count};
		result = vocab_set_bpe(vocab, &rules, &why);
		if (result < 0)
			err_set(err, "\"bpe\": %s", why.text);
	}
	free(merge);
	free(token);
	return result;
}

struct vocab *vocab_of_json(const json_t *json, const json_t *bpe, struct err *err)
{
	struct vocab *vocab;

	if (!json_is_string(json) && !json_is_array(json)) {
		err_set(err, "no \"vocab\", the characters as a string or an array of pieces");
		return NULL;
	}
	vocab = json_is_array(json) ? read_pieces(json, err) :
	        vocab_new(json_string_value(json), json_string_length(json), err);
	if (!vocab || !bpe || set_rules(vocab, bpe, err) == 0)
		return vocab;
	vocab_free(vocab);
	return NULL;
}
