/* Vocabularies, sets of characters, kinds of spans. */
#include <stdlib.h>

#include "common/base/utf8.h"
#include "common/stream/charset.h"
#include "common/stream/span.h"
#include "common/stream/vocab.h"
#include "tests/tap.h"

/* ---- vocabularies ---- */

static bool piece_is(const struct vocab *vocab, int token, const char *bytes, size_t size)
{
	const struct piece piece = vocab_piece(vocab, token);

	return piece.size == size && memcmp(piece.bytes, bytes, size) == 0;
}

static void vocabulary(void)
{
	static const char characters[] = "\n a€é\U0001F600";
	struct err err = {0};
	struct vocab *vocab = vocab_new(characters, sizeof characters - 1, &err);
	uint16_t tokens[16];
	char text[64];

	ok(vocab != NULL && vocab_size(vocab) == 6, "a vocabulary of six: %s", err.text);
	is_string(vocab_text(vocab), characters, "its text");
	is_int(vocab_code(vocab, 3), 0x20AC, "the code point of a token");
	ok(piece_is(vocab, 5, "\U0001F600", 4), "the character of a token");
	is_int(vocab_find(vocab, "a", 1), 2, "the token of a character");
	is_int(vocab_find(vocab, "b", 1), -1, "none");
	is_int(vocab_find(vocab, "\U000020AD", 3), -1, "none beside one that is there");
	is_int(vocab_find(vocab, " a", 2), -1, "none of two characters");
	is_int(vocab_find(vocab, "\xe2\x82", 2), -1, "none of part of a character");
	is_int(vocab_find(vocab, "", 0), -1, "none of nothing");

	is_int(vocab_encode(vocab, "é a\n\U0001F600", 9, tokens, &err), 5, "five tokens");
	ok(tokens[0] == 4 && tokens[1] == 1 && tokens[2] == 2 && tokens[3] == 0 && tokens[4] == 5,
	   "which are the right ones");
	size_t size = vocab_decode(vocab, tokens, 5, text);
	ok(size == 9 && memcmp(text, "é a\n\U0001F600", 9) == 0, "and decode to the same text");
	is_int(vocab_encode(vocab, "", 0, tokens, &err), 0, "no text, no tokens");

	ok(vocab_encode(vocab, "a\nß", 4, tokens, &err) < 0 &&
	   strcmp(err.text, "character 2, U+00DF 'ß', is not in the vocabulary") == 0,
	   "a character outside is shown: %s", err.text);
	err = (struct err){0};
	ok(vocab_encode(vocab, "\t", 1, tokens, &err) < 0 && strstr(err.text, "U+0009, is"),
	   "one that does not print by its number: %s", err.text);
	err = (struct err){0};
	ok(vocab_encode(vocab, "aé\xc3", 4, tokens, &err) < 0 && strstr(err.text, "byte 3"),
	   "text that is not UTF-8: %s", err.text);
	vocab_free(vocab);
	vocab_free(NULL);
}

static void refuse(const char *name, const char *text, size_t size, const char *pattern)
{
	struct err err = {0};

	ok(vocab_new(text, size, &err) == NULL && err.status == ERR_DATA &&
	   strstr(err.text, pattern), "%s: %s", name, err.text);
}

static void limits(void)
{
	char *text = malloc(3 * (VOCAB_MAX + 1));
	uint16_t *tokens = malloc(3 * (VOCAB_MAX + 1) * sizeof *tokens);
	struct err err = {0};
	size_t size = 0;
	uint32_t code = 1;
	int count = 0;

	for (; count < VOCAB_MAX; code++) {
		if (code >= 0xD800 && code < 0xE000)
			continue;
		if (code == 0x10000)
			break;
		size += utf8_encode(code, text + size);
		count++;
	}
	struct vocab *vocab = vocab_new(text, size, &err);
	is_int(vocab ? vocab_size(vocab) : -1, count, "a vocabulary of all code points of 16 bits");
	long length = vocab ? vocab_encode(vocab, text, size, tokens, &err) : -1;
	bool good = length == count;
	for (int i = 0; good && i < count; i++)
		good = tokens[i] == i;
	ok(good, "encodes its own text as 0, 1, 2 …");
	vocab_free(vocab);
	free(text);
	free(tokens);

	text = malloc(4 * (VOCAB_MAX + 1));
	size = 0;
	for (count = 0; count <= VOCAB_MAX; count++)
		size += utf8_encode(0x20000 + (uint32_t)count, text + size);
	vocab = vocab_new(text, size - 4, &err);
	is_int(vocab ? vocab_size(vocab) : -1, VOCAB_MAX, "the largest vocabulary");
	vocab_free(vocab);
	refuse("one more", text, size, "more than 65535");
	free(text);
	refuse("an empty vocabulary", "", 0, "empty");
	refuse("a character twice", "abca", 4, "U+0061 'a' stands in it twice");
	refuse("U+0000", "a\0b", 3, "U+0000");
	refuse("not UTF-8", "a\xff", 2, "byte 1 is not UTF-8");
}

static void equality(void)
{
	struct err err = {0};
	struct vocab *a = vocab_new("abc", 3, &err), *b = vocab_new("abc", 3, &err);
	struct vocab *c = vocab_new("acb", 3, &err), *d = vocab_new("abcd", 4, &err);

	ok(vocab_equal(a, b), "the same vocabulary");
	ok(!vocab_equal(a, c), "in another order another one");
	ok(!vocab_equal(a, d), "with one more another one");
	char text[VOCAB_DIFFERENCE];
	ok(strcmp(vocab_difference(d, a, "it", text), "it has U+0064 'd', which is not in it") == 0,
	   "one character more: %s", text);
	ok(strcmp(vocab_difference(a, d, "it", text), "it lacks U+0064 'd', which is in it") == 0,
	   "one less: %s", text);
	ok(strcmp(vocab_difference(c, a, "the model", text),
	          "its token 1 is U+0063 'c', but U+0062 'b' in the model") == 0,
	   "another order: %s", text);
	vocab_free(a);
	vocab_free(b);
	vocab_free(c);
	vocab_free(d);
}

/* Pieces that are more than characters, or less. */
static void pieces(void)
{
	static const struct piece list[] = {
		{"\xf0\x9f", 2}, {"a", 1}, {" the", 4}, {"\0", 1}, {"", 0}, {"a", 1}, {"\x98\x80", 2},
	};
	static const uint16_t tokens[] = {0, 6, 2, 4, 3, 5};
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(list, 7, &err);
	char text[64], digest[VOCAB_DIGEST_SIZE], other[VOCAB_DIGEST_SIZE];

	ok(vocab && vocab_size(vocab) == 7, "a vocabulary of seven pieces: %s", err.text);
	ok(!vocab_is_characters(vocab) && vocab_text(vocab) == NULL, "they are not characters");
	ok(piece_is(vocab, 2, " the", 4) && piece_is(vocab, 3, "\0", 1) && piece_is(vocab, 4, "", 0),
	   "each is there");
	is_int(vocab_find(vocab, " the", 4), 2, "the token of a piece");
	is_int(vocab_find(vocab, " th", 3), -1, "none");
	is_int(vocab_find(vocab, "a", 1), 1, "the first of two that are equal");
	is_int(vocab_find(vocab, "", 0), -1, "an empty one is not found");
	size_t size = vocab_decode(vocab, tokens, 6, text);
	ok(size == 10 && memcmp(text, "\U0001F600 the\0a", 10) == 0 &&
	   vocab_decoded_size(vocab, tokens, 6) >= size, "tokens decode to their bytes");
	ok(vocab_encode(vocab, "a", 1, (uint16_t[1]){0}, &err) < 0 && strstr(err.text, "7 pieces"),
	   "but no text becomes tokens: %s", err.text);

	struct vocab *same = vocab_of_pieces(list, 7, &err);
	struct vocab *cut = vocab_of_pieces((struct piece[]){{"a ", 2}, {"b", 1}}, 2, &err);
	struct vocab *elsewhere = vocab_of_pieces((struct piece[]){{"a", 1}, {" b", 2}}, 2, &err);
	struct vocab *letters = vocab_new("ab", 2, &err);
	struct vocab *short_pieces = vocab_of_pieces((struct piece[]){{"a", 1}, {"b", 1}}, 2, &err);
	ok(vocab_equal(vocab, same) && !vocab_equal(vocab, cut), "equal or not");
	ok(!vocab_equal(cut, elsewhere), "where pieces end matters");
	vocab_digest(cut, digest);
	vocab_digest(elsewhere, other);
	ok(strcmp(digest, other) != 0, "in the digest, too");
	ok(!vocab_equal(letters, short_pieces), "pieces are no characters, even of one letter");
	vocab_digest(letters, digest);
	is_string(digest, "a873719c24d5735c", "the digest of characters is that of their text");
	char why[VOCAB_DIFFERENCE];
	is_string(vocab_difference(vocab, elsewhere, "it", why),
	          "it has '\\xf0\\x9f', which is not in it", "a difference is shown with its bytes");
	vocab_free(vocab);
	vocab_free(same);
	vocab_free(cut);
	vocab_free(elsewhere);
	vocab_free(letters);
	vocab_free(short_pieces);

	err = (struct err){0};
	ok(!vocab_of_pieces(list, 0, &err) && strstr(err.text, "0 pieces"), "none: %s", err.text);
	err = (struct err){0};
	ok(!vocab_of_pieces(list + 4, 1, &err), "nothing but empty ones: %s", err.text);
}

static void sets(void)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err err = {0};

	ok(charset_add(set, "zebra é", 8, &err) == 0 && charset_add(set, "\U0010FFFF\n", 5, &err) == 0,
	   "characters are gathered: %s", err.text);
	char *text = charset_text(set);
	is_string(text, "\n aberzé\U0010FFFF", "and come in order, each once");
	free(text);
	ok(charset_add(set, "ab\xc3", 3, &err) < 0 && strstr(err.text, "byte 2"), "not UTF-8: %s",
	   err.text);
	err = (struct err){0};
	ok(charset_add(set, "ab\0", 3, &err) < 0 && strstr(err.text, "U+0000"), "U+0000: %s",
	   err.text);
	free(set);
}

/* ---- kinds ---- */

static void kinds(void)
{
	struct span_kinds set;
	char word[32];
	bool good = true;

	span_kinds_init(&set);
	is_int(span_kind_find(&set, "other"), SPAN_OTHER, "other is known");
	is_int(span_kind(&set, "answer", 6), 1, "a new word");
	is_int(span_kind(&set, "answers", 7), 2, "one that begins with another");
	is_int(span_kind(&set, "answ", 4), 3, "the beginning of one");
	is_int(span_kind(&set, "answersheet", 6), 1, "a known one, not NUL-terminated");
	is_int(span_kind_find(&set, "name"), -1, "an unknown one is not added by asking");
	is_int(set.count, 4, "four of them");
	is_int(span_kind(&set, "", 0), -1, "no letter");
	is_int(span_kind(&set, "a b", 3), -1, "two words");
	is_int(span_kind(&set, "a\0b", 3), -1, "a NUL");
	is_int(span_kind(&set, "é", 2), -1, "beyond ASCII");
	is_int(span_kind(&set, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32), -1, "too long");
	is_int(span_kind(&set, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 31), 4, "just short enough");
	while (set.count < SPAN_KINDS) {
		int count = set.count;
		snprintf(word, sizeof word, "kind-%d", count);
		good = good && span_kind(&set, word, strlen(word)) == count;
	}
	ok(good, "%d kinds", SPAN_KINDS);
	is_int(span_kind(&set, "more", 4), -1, "and no more");
	is_int(span_kind(&set, "kind-63", 7), 63, "though the last is known");
}

static void padding(void)
{
	static const struct {
		const char *text;
		int count; /* padded to */
		const char *padded;
	} rows[] = {
		{"ab", 2, "ab"},
		{"ab", 4, "ab\U000f0000\U000f0001"},
		{"\U000f0000a\U000f0002", 5, "\U000f0000a\U000f0002\U000f0001\U000f0003"},
		{"a\U000f0001", 2, "a\U000f0001"}, /* used as an icon, at the end of its order */
		{"a\U000f0001", 4, "a\U000f0001\U000f0000\U000f0002"},
	};
	struct err err = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct vocab *vocab = vocab_new(rows[i].text, strlen(rows[i].text), &err);
		struct vocab *padded = vocab_padded(vocab, rows[i].count, &err);
		is_string(vocab_text(padded), rows[i].padded, "padded with characters of private use");
		is_int(vocab_padding(padded), rows[i].count - vocab_size(vocab), "which are known as such");
		is_int(vocab_padding(vocab), 0, "there were none before");
		vocab_free(vocab);
		vocab_free(padded);
	}
	static const struct piece pieces[] = {{"a", 1}, {"", 0}, {"bc", 2}, {"", 0}, {"", 0}};
	struct vocab *vocab = vocab_of_pieces(pieces, 5, &err);
	is_int(vocab_padding(vocab), 2, "empty pieces at the end");
	vocab_free(vocab);
	vocab = vocab_new("a", 1, &err);
	struct vocab *padded = vocab_padded(vocab, 1 + VOCAB_PADDING, &err);
	is_int(vocab_padding(padded), VOCAB_PADDING, "the most there may be");
	vocab_free(vocab);
	vocab_free(padded);
}

int main(void)
{
	vocabulary();
	limits();
	equality();
	pieces();
	padding();
	sets();
	kinds();
	return done();
}
