#include "common/model/bpe_json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"
#include "common/base/utf8.h"

/* ---- bytes as characters that print ---- */

/* Bytes that do not print: 0x00 to 0x20, 0x7F to 0xA0, and 0xAD. */
static uint32_t code_of(unsigned byte)
{
	if (byte <= ' ')
		return 0x100 + byte;
	if (byte >= 0x7F && byte <= 0xA0)
		return 0x121 + byte - 0x7F;
	return byte == 0xAD ? 0x143 : byte;
}

/* The byte that a character stands for, or -1. */
static int byte_of(uint32_t code)
{
	if (code >= 0x100 && code <= 0x120)
		return (int)code - 0x100;
	if (code >= 0x121 && code <= 0x142)
		return (int)code - 0x121 + 0x7F;
	if (code == 0x143)
		return 0xAD;
	return code < 0x100 && code_of(code) == code ? (int)code : -1;
}

/* Append the bytes that a key stands for. A key with other characters stands for itself, as in the
 * library tokenizers. */
static void append_bytes(struct text_buffer *out, const char *key)
{
	const size_t size = strlen(key), before = out->size;
	uint32_t code = 0;

	for (size_t at = 0; at < size; at += utf8_decode(key + at, size - at, &code)) {
		utf8_decode(key + at, size - at, &code); /* jansson gives nothing but UTF-8 */
		const int byte = byte_of(code);
		if (byte < 0) {
			out->size = before;
			text_buffer_append(out, key, size);
			return;
		}
		text_buffer_append(out, (char[]){(char)byte}, 1);
	}
}

static void append_characters(struct text_buffer *out, struct piece piece)
{
	char character[UTF8_MAX];

	for (size_t i = 0; i < piece.size; i++) {
		const uint32_t code = code_of((unsigned char)piece.bytes[i]);
		text_buffer_append(out, character, utf8_encode(code, character));
	}
}

/* ---- reading ---- */

/* What is read into a vocabulary. */
struct reading {
	struct piece *pieces; /* [VOCAB_MAX] until all are read, with sizes only */
	size_t *begin; /* [VOCAB_MAX] where they begin in text, which moves as it grows */
	size_t count; /* the highest token, plus one */
	struct text_buffer text;
	struct bpe_merge *merges;
	uint16_t *added; /* [VOCAB_MAX] */
	size_t added_count;
};

/* Give a token a piece, which is the end of the text from begin on. */
static int set_piece(struct reading *reading, const json_t *id, const char *key, size_t begin,
                     struct err *err)
{
	const json_int_t token = json_is_integer(id) ? json_integer_value(id) : -1;
	const size_t size = reading->text.size - begin;

	if (token < 0 || token >= VOCAB_MAX)
		return err_set(err, "'%.40s' has no token from 0 to %d", key, VOCAB_MAX - 1);
	if (reading->text.failed)
		return err_set(err, "out of memory");
	if (size == 0)
		return err_set(err, "token %d is empty", (int)token);
	struct piece *piece = &reading->pieces[token];
	if (piece->size > 0 &&
	    (piece->size != size || memcmp(reading->text.text + reading->begin[token],
	                                   reading->text.text + begin, size) != 0))
		return err_set(err, "'%.40s' has the token %d, which another piece has", key, (int)token);
	piece->size = size;
	reading->begin[token] = begin;
	if ((size_t)token >= reading->count)
		reading->count = (size_t)token + 1;
	return 0;
}

static int read_tokens(struct reading *reading, const json_t *tokens, struct err *err)
{
	const char *key;
	json_t *id;

	if (!json_is_object(tokens))
		return err_set(err, "expected an object {piece: token, ...}");
	json_object_foreach ((json_t *)tokens, key, id) {
		const size_t begin = reading->text.size;
		append_bytes(&reading->text, key);
		if (set_piece(reading, id, key, begin, err) < 0)
			return -1;
	}
	return 0;
}

static int read_added(struct reading *reading, const json_t *added, struct err *err)
{
	json_t *token;
	size_t i;

	json_array_foreach (added, i, token) {
		const char *content = json_string_value(json_object_get(token, "content"));
		const json_t *id = json_object_get(token, "id");
		const size_t begin = reading->text.size;
		if (!content)
			return err_set(err, "added token %zu has no \"content\"", i);
		text_buffer_append_string(&reading->text, content);
		if (set_piece(reading, id, content, begin, err) < 0)
			return -1;
		if (reading->added_count == VOCAB_MAX)
			return err_set(err, "more than %d added tokens", VOCAB_MAX);
		reading->added[reading->added_count++] = (uint16_t)json_integer_value(id);
	}
	return 0;
}

/* The token of a piece of `size` bytes of JSON's text; -1: none. */
static int token_of(const json_t *tokens, const char *key, size_t size)
{
	char *copy = strndup(key, size);
	const json_t *id = copy ? json_object_get(tokens, copy) : NULL;

	free(copy);
	return json_is_integer(id) ? (int)json_integer_value(id) : -1;
}

static int read_merge(const json_t *merge, size_t number, const json_t *tokens,
                      struct bpe_merge *out, struct err *err)
{
	const char *left = json_string_value(json_array_get(merge, 0));
	const char *right = json_string_value(json_array_get(merge, 1));
	const char *line = json_string_value(merge);
	size_t size = left ? strlen(left) : 0;

	if (line && strchr(line, ' ')) {
		left = line;
		size = (size_t)(strchr(line, ' ') - line);
		right = line + size + 1;
	}
	const int first = left ? token_of(tokens, left, size) : -1;
	const int second = right ? token_of(tokens, right, strlen(right)) : -1;
	if (first < 0 || second < 0)
		return err_set(err, "merge %zu: expected two pieces of the vocabulary%s%.40s", number,
		               line ? ": " : "", line ? line : "");
	*out = (struct bpe_merge){(uint16_t)first, (uint16_t)second};
	return 0;
}

static int read_merges(struct reading *reading, const json_t *merges, const json_t *tokens,
                       struct err *err)
{
	json_t *merge;
	size_t i;

	if (!json_is_array(merges))
		return err_set(err, "no \"merges\", an array");
	reading->merges = calloc(json_array_size(merges) + 1, sizeof *reading->merges);
	if (!reading->merges)
		return err_set(err, "out of memory");
	json_array_foreach (merges, i, merge)
		if (read_merge(merge, i, tokens, &reading->merges[i], err) < 0)
			return -1;
	return 0;
}

static struct vocab *finish(struct reading *reading, size_t merges, int size, struct err *err)
{
	const struct bpe_rules rules = {reading->merges, merges, reading->added,
	                                reading->added_count};
	struct vocab *vocab;

	if (size > 0 && reading->count > (size_t)size) {
		err_set(err, "%zu tokens, but config.json has a \"vocab_size\" of %d", reading->count,
		        size);
		return NULL;
	}
	for (size_t i = 0; i < reading->count; i++)
		if (reading->pieces[i].size > 0)
			reading->pieces[i].bytes = reading->text.text + reading->begin[i];
	vocab = vocab_of_pieces(reading->pieces, size > 0 ? (size_t)size : reading->count, err);
	if (!vocab || vocab_set_bpe(vocab, &rules, err) == 0)
		return vocab;
	vocab_free(vocab);
	return NULL;
}

struct vocab *bpe_json_vocab(const json_t *tokens, const json_t *merges, const json_t *added,
                             int size, struct err *err)
{
	struct reading reading = {
		.pieces = calloc(VOCAB_MAX, sizeof *reading.pieces),
		.begin = calloc(VOCAB_MAX, sizeof *reading.begin),
		.added = calloc(VOCAB_MAX, sizeof *reading.added),
	};
	struct vocab *vocab = NULL;

	if (!reading.pieces || !reading.begin || !reading.added)
		err_set(err, "out of memory");
	else if (size > VOCAB_MAX)
		err_set(err, "a vocabulary of %d tokens, expected at most %d", size, VOCAB_MAX);
	else if (read_tokens(&reading, tokens, err) == 0 && read_added(&reading, added, err) == 0 &&
	         read_merges(&reading, merges, tokens, err) == 0)
		vocab = finish(&reading, json_array_size(merges), size, err);
	free(reading.pieces);
	free(reading.begin);
	free(reading.added);
	free(reading.merges);
	text_buffer_release(&reading.text);
	return vocab;
}

json_t *bpe_json_merges_of_text(const char *text, size_t size)
{
	json_t *merges = json_array();

	for (size_t at = 0, end; merges && at < size; at = end + 1) {
		const char *newline = memchr(text + at, '\n', size - at);
		end = newline ? (size_t)(newline - text) : size;
		size_t length = end - at;
		if (length > 0 && text[at + length - 1] == '\r')
			length--;
		if (length == 0 || (at == 0 && length >= 8 && memcmp(text, "#version", 8) == 0))
			continue;
		if (json_array_append_new(merges, json_stringn(text + at, length)) < 0)
			json_array_append_new(merges, json_null()); /* not UTF-8: no merge */
	}
	return merges;
}

/* ---- writing ---- */

static bool is_added(const struct bpe_rules *rules, int token)
{
	for (size_t i = 0; i < rules->added_count; i++)
		if (rules->added[i] == token)
			return true;
	return false;
}

/* Append a token's key. */
static void append_key(struct text_buffer *out, const struct vocab *vocab, int token)
{
	append_characters(out, vocab_piece(vocab, token));
}

/* An added token is among the others only if its key is its text. */
static bool has_key(const struct vocab *vocab, const struct bpe_rules *rules, int token,
                    const struct text_buffer *key)
{
	const struct piece piece = vocab_piece(vocab, token);

	return piece.size > 0 && (!is_added(rules, token) ||
	                          (key->size == piece.size &&
	                           memcmp(key->text, piece.bytes, piece.size) == 0));
}

json_t *bpe_json_tokens_new(const struct vocab *vocab)
{
	const struct bpe_rules rules = bpe_rules(vocab_bpe(vocab));
	json_t *tokens = json_object();
	struct text_buffer key = {0};

	for (int i = 0; i < vocab_size(vocab); i++) {
		text_buffer_clear(&key);
		append_key(&key, vocab, i);
		const bool has = has_key(vocab, &rules, i, &key);
		text_buffer_append(&key, "", 1);
		if (!key.failed && has)
			json_object_set_new(tokens, key.text, json_integer(i));
	}
	if (key.failed) {
		json_decref(tokens);
		tokens = NULL;
	}
	text_buffer_release(&key);
	return tokens;
}

/* Append "left right". */
static void append_merge(struct text_buffer *out, const struct vocab *vocab,
                         const struct bpe_merge *merge)
{
	append_key(out, vocab, merge->left);
	text_buffer_append_string(out, " ");
	append_key(out, vocab, merge->right);
}

json_t *bpe_json_merges_new(const struct vocab *vocab)
{
	const struct bpe_rules rules = bpe_rules(vocab_bpe(vocab));
	json_t *merges = json_array();
	struct text_buffer line = {0};

	for (size_t i = 0; i < rules.merge_count; i++) {
		text_buffer_clear(&line);
		append_merge(&line, vocab, &rules.merges[i]);
		if (!line.failed)
			json_array_append_new(merges, json_stringn(line.text, line.size));
	}
	text_buffer_release(&line);
	return merges;
}

json_t *bpe_json_added_new(const struct vocab *vocab)
{
	const struct bpe_rules rules = bpe_rules(vocab_bpe(vocab));
	json_t *added = json_array();

	for (size_t i = 0; i < rules.added_count; i++) {
		const struct piece piece = vocab_piece(vocab, rules.added[i]);
		json_array_append_new(added, json_pack(
			"{s:i, s:o, s:b, s:b, s:b, s:b, s:b}", "id", rules.added[i],
			"content", json_stringn(piece.bytes, piece.size), "single_word", 0, "lstrip", 0,
			"rstrip", 0, "normalized", 0, "special", 1));
	}
	return added;
}

char *bpe_json_merges_text(const struct vocab *vocab)
{
	const struct bpe_rules rules = bpe_rules(vocab_bpe(vocab));
	struct text_buffer text = {0};

	text_buffer_append_string(&text, "#version: 0.2\n");
	for (size_t i = 0; i < rules.merge_count; i++) {
		append_merge(&text, vocab, &rules.merges[i]);
		text_buffer_append_string(&text, "\n");
	}
	text_buffer_append(&text, "", 1);
	if (text.failed)
		text_buffer_release(&text);
	return text.text;
}
