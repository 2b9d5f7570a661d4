#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/stream/bpe.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"
#include "common/base/utf8.h"
#include "common/stream/bpe_merge.h"
#include "common/stream/vocab.h"
#include "common/stream/word_cache.h"

/* GPT-2's expression. Its \s is Unicode's White_Space; PCRE2's has U+180E besides. */
#define BLANK "\\t-\\r\\x{85}\\p{Z}"
#define WORDS "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" BLANK "\\p{L}\\p{N}]+|[" BLANK \
	"]+(?![^" BLANK "])|[" BLANK "]+"
#define STAND_IN 1 /* U+0001, for a byte that is not UTF-8: no letter, no digit, no blank */

struct bpe {
	const struct vocab *vocab;
	struct bpe_merge *merges; /* [merge_count] */
	size_t merge_count;
	uint16_t *added; /* [added_count] */
	size_t added_count;
	bool begins_added[256]; /* does an added token begin with this byte? */
	int32_t byte[256]; /* the token of a byte, -1: none */
	struct merge_table *table;
	struct word_cache *cache;
	pcre2_code *words;
	pcre2_match_data *match;
	struct text_buffer clean; /* a text without what is not UTF-8 */
};

/* ---- making ---- */

static int compile(struct bpe *bpe, struct err *err)
{
	PCRE2_SIZE offset;
	int code;

	bpe->words = pcre2_compile((PCRE2_SPTR)WORDS, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP |
	                           PCRE2_ANCHORED, &code, &offset, NULL);
	if (bpe->words)
		bpe->match = pcre2_match_data_create(1, NULL);
	if (!bpe->match)
		return err_set(err, "cannot compile the expression that splits texts into words");
	pcre2_jit_compile(bpe->words, PCRE2_JIT_COMPLETE); /* without it, it is slower */
	return 0;
}

/* Check the added tokens, and note with which bytes they begin. */
static int index_added(struct bpe *bpe, struct err *err)
{
	for (size_t i = 0; i < bpe->added_count; i++) {
		if (bpe->added[i] >= vocab_size(bpe->vocab))
			return err_set(err, "added token %u is not below the vocabulary's size, %d",
			               bpe->added[i], vocab_size(bpe->vocab));
		const struct piece piece = vocab_piece(bpe->vocab, bpe->added[i]);
		if (piece.size == 0 || utf8_length(piece.bytes, piece.size) < 0)
			return err_set(err, "added token %u is %s, expected a text", bpe->added[i],
			               piece.size == 0 ? "empty" : "not UTF-8");
		bpe->begins_added[(unsigned char)piece.bytes[0]] = true;
	}
	return 0;
}

/* The token that a merge makes; -1 with err set. */
static int result_of(const struct bpe *bpe, size_t number, struct text_buffer *joined,
                     struct err *err)
{
	const struct bpe_merge *merge = &bpe->merges[number];
	const int size = vocab_size(bpe->vocab);

	if (merge->left >= size || merge->right >= size)
		return err_set(err, "merge %zu: token %u is not below the vocabulary's size, %d", number,
		               merge->left >= size ? merge->left : merge->right, size);
	const struct piece left = vocab_piece(bpe->vocab, merge->left);
	const struct piece right = vocab_piece(bpe->vocab, merge->right);
	text_buffer_clear(joined);
	text_buffer_append(joined, left.bytes, left.size);
	text_buffer_append(joined, right.bytes, right.size);
	if (joined->failed)
		return err_set(err, "out of memory");
	const int token = vocab_find(bpe->vocab, joined->text, joined->size);
	return token >= 0 ? token : err_set(err, "merge %zu makes a piece that is not in the "
	                                    "vocabulary", number);
}

static int index_merges(struct bpe *bpe, struct err *err)
{
	uint16_t *result = malloc((bpe->merge_count + 1) * sizeof *result);
	struct text_buffer joined = {0};
	int token = result ? 0 : err_set(err, "out of memory");

	for (size_t i = 0; i < bpe->merge_count && token >= 0; i++) {
		token = result_of(bpe, i, &joined, err);
		result[i] = (uint16_t)token;
	}
	if (token >= 0) {
		bpe->table = merge_table_new(bpe->merges, result, bpe->merge_count);
		if (!bpe->table)
			token = err_set(err, "out of memory");
	}
	text_buffer_release(&joined);
	free(result);
	return token < 0 ? -1 : 0;
}

static void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size + 1);

	if (copy && size > 0)
		memcpy(copy, data, size);
	return copy;
}

struct bpe *bpe_new(const struct vocab *vocab, const struct bpe_rules *rules, struct err *err)
{
	struct bpe *bpe = calloc(1, sizeof *bpe);

	if (!bpe) {
		err_set(err, "out of memory");
		return NULL;
	}
	bpe->vocab = vocab;
	bpe->merge_count = rules->merge_count;
	bpe->added_count = rules->added_count;
	bpe->merges = copy_of(rules->merges, rules->merge_count * sizeof *rules->merges);
	bpe->added = copy_of(rules->added, rules->added_count * sizeof *rules->added);
	bpe->cache = word_cache_new();
	if (!bpe->merges || !bpe->added || !bpe->cache)
		err_set(err, "out of memory");
	else if (index_added(bpe, err) == 0 && index_merges(bpe, err) == 0 && compile(bpe, err) == 0) {
		for (int i = 0; i < 256; i++)
			bpe->byte[i] = vocab_find(vocab, (char[]){(char)i}, 1);
		return bpe;
	}
	bpe_free(bpe);
	return NULL;
}

void bpe_free(struct bpe *bpe)
{
	if (!bpe)
		return;
	free(bpe->merges);
	free(bpe->added);
	merge_table_free(bpe->table);
	word_cache_free(bpe->cache);
	pcre2_match_data_free(bpe->match);
	pcre2_code_free(bpe->words);
	text_buffer_release(&bpe->clean);
	free(bpe);
}

struct bpe_rules bpe_rules(const struct bpe *bpe)
{
	return (struct bpe_rules){bpe->merges, bpe->merge_count, bpe->added, bpe->added_count};
}

/* ---- texts ---- */

/* The tokens of a word. */
static long encode_word(struct bpe *bpe, const char *word, size_t size, uint16_t *tokens,
                        struct err *err)
{
	size_t count;
	const uint16_t *known = word_cache_get(bpe->cache, word, size, &count);

	if (known) {
		memcpy(tokens, known, count * sizeof *tokens);
		return (long)count;
	}
	for (size_t i = 0; i < size; i++) {
		const int32_t token = bpe->byte[(unsigned char)word[i]];
		if (token < 0)
			return err_set(err, "the byte 0x%02x has no token in the vocabulary",
			               (unsigned char)word[i]);
		tokens[i] = (uint16_t)token;
	}
	const long joined = merge_word(bpe->table, tokens, size);
	if (joined < 0)
		return err_set(err, "out of memory for a word of %zu bytes", size);
	word_cache_put(bpe->cache, word, size, tokens, (size_t)joined);
	return joined;
}

/* Where the word that begins at `at` ends. words: the text as the expression sees it, UTF-8. */
static size_t word_end(struct bpe *bpe, const char *words, size_t size, size_t at)
{
	const uint32_t options = PCRE2_NO_UTF_CHECK;
	int found = pcre2_match(bpe->words, (PCRE2_SPTR)words, size, at, options, bpe->match, NULL);

	if (found < 0) /* the compiled one may lack stack */
		found = pcre2_match(bpe->words, (PCRE2_SPTR)words, size, at, options | PCRE2_NO_JIT,
		                    bpe->match, NULL);
	return found < 0 ? 0 : pcre2_get_ovector_pointer(bpe->match)[1];
}

/* The tokens of a text without added tokens. words: the same for the expression. */
static long encode_plain(struct bpe *bpe, const char *text, const char *words, size_t size,
                         uint16_t *tokens, struct err *err)
{
	long count = 0;

	for (size_t at = 0, end; at < size; at = end) {
		end = word_end(bpe, words, size, at);
		if (end <= at) /* each character is of one of its classes */
			return err_set(err, "byte %zu: cannot split the text into words", at);
		const long more = encode_word(bpe, text + at, end - at, tokens + count, err);
		if (more < 0)
			return -1;
		count += more;
	}
	return count;
}

/* The longest added token at a place of the text; -1: none. */
static int added_at(const struct bpe *bpe, const char *text, size_t size)
{
	size_t longest = 0;
	int token = -1;

	for (size_t i = 0; i < bpe->added_count; i++) {
		const struct piece piece = vocab_piece(bpe->vocab, bpe->added[i]);
		if (piece.size > longest && piece.size <= size &&
		    memcmp(piece.bytes, text, piece.size) == 0) {
			token = bpe->added[i];
			longest = piece.size;
		}
	}
	return token;
}

/* The text for the expression: itself, if it is UTF-8. NULL if memory is out. */
static const char *clean(struct bpe *bpe, const char *text, size_t size)
{
	uint32_t code;

	if (utf8_length(text, size) >= 0)
		return text;
	text_buffer_clear(&bpe->clean);
	if (!text_buffer_reserve(&bpe->clean, size))
		return NULL;
	memcpy(bpe->clean.text, text, size);
	for (size_t at = 0; at < size;) {
		const size_t step = utf8_decode(text + at, size - at, &code);
		if (step == 0)
			bpe->clean.text[at] = STAND_IN;
		at += step ? step : 1;
	}
	return bpe->clean.text;
}

long bpe_encode(struct bpe *bpe, const char *text, size_t size, uint16_t *tokens, struct err *err)
{
	const char *words = clean(bpe, text, size);
	size_t begin = 0, at = 0; /* begin: of what no added token has */
	long count = 0;

	if (!words)
		return err_set(err, "out of memory for a text of %zu bytes", size);
	while (at <= size) {
		const int token = at < size && bpe->begins_added[(unsigned char)text[at]] ?
		                  added_at(bpe, text + at, size - at) : -1;
		if (token < 0 && at < size) {
			at++;
			continue;
		}
		const long more = encode_plain(bpe, text + begin, words + begin, at - begin,
		                               tokens + count, err);
		if (more < 0)
			return -1;
		count += more;
		if (token < 0)
			break;
		tokens[count++] = (uint16_t)token;
		begin = at += vocab_piece(bpe->vocab, token).size;
	}
	return count;
}
