/* Spans and places of a text and of its tokens, where tokens are more than characters, or less. */
#include "common/stream/token_spans.h"

#include <string.h>

#include "tests/tap.h"

/* "é a12\xff!" as é = C3 | A9, " a", "12", "\xff!": 6 characters and a byte. */
static const struct piece list[] = {
	{"\xc3", 1}, {"\xa9", 1}, {" a", 2}, {"12", 2}, {"\xff!", 2}, {"", 0},
	{"   ", 3}, {" ", 1},
};
static const char text[] = "\xc3\xa9 a12\xff!";
static const uint16_t tokens[] = {0, 1, 2, 5, 3, 4};
static const uint16_t spaces[] = {6, 7};
static struct tokenized of = {.text = text, .size = sizeof text - 1, .tokens = tokens, .length = 6};

typedef uint32_t convert(const struct tokenized *, const struct span *, uint32_t, struct span *);

/* A span becomes [begin, end); begin -1: it is left out. */
static void becomes(convert *how, uint32_t from, uint32_t to, int begin, int end, const char *what)
{
	const struct span span = {from, to, 1, 7, 2.5};
	struct span out;
	const uint32_t count = how(&of, &span, 1, &out);

	if (!ok(begin < 0 ? count == 0 : count == 1 && out.begin == (uint32_t)begin &&
	        out.end == (uint32_t)end && out.kind == 1 && out.entry == 7 && out.nats == 2.5, "%s",
	        what))
		printf("# have %u of them: %u to %u\n", count, out.begin, out.end);
}

/* "Ottawa: Ottawa, Ottawas" with "Ott" | "awa" at its beginning and " Ottawa" behind a space. */
static void same_texts(void)
{
	static const struct piece words[] = {
		{"Ott", 3}, {"awa", 3}, {":", 1}, {" Ottawa", 7}, {",", 1}, {"s", 1}, {" Ott", 4},
	};
	static const uint16_t line[] = {0, 1, 2, 3, 4, 3, 5, 6, 1};
	static const struct span spans[] = {
		{.begin = 0, .end = 2}, {.begin = 3, .end = 4}, {.begin = 5, .end = 7},
		{.begin = 7, .end = 9}, {.begin = 0, .end = 1},
	};
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(words, sizeof words / sizeof *words, &err);

	ok(spans_same_text(vocab, line, &spans[0], &spans[1]), "a text in other tokens");
	ok(spans_same_text(vocab, line, &spans[1], &spans[3]), "behind a space in both");
	ok(!spans_same_text(vocab, line, &spans[0], &spans[2]), "a longer one");
	ok(!spans_same_text(vocab, line, &spans[4], &spans[0]), "a shorter one");
	is_int((long long)span_text_size(vocab, line, &spans[1], 1), 6, "bytes without the space");
	is_int((long long)span_text_size(vocab, line, &spans[3], 1), 3, "of the first token");
	is_int((long long)span_text_size(vocab, line, &spans[3], 0), 0, "of none");
	is_int(span_token_behind(vocab, line, &spans[0], 0), 0, "the first token");
	is_int(span_token_behind(vocab, line, &spans[0], 2), 0, "still in it");
	is_int(span_token_behind(vocab, line, &spans[0], 3), 1, "the next one");
	is_int(span_token_behind(vocab, line, &spans[3], 3), 8, "behind a space");
	is_int(span_token_behind(vocab, line, &spans[0], 6), 2, "behind all");
	vocab_free(vocab);
}

int main(void)
{
	struct err err = {0};
	struct vocab *vocab = vocab_of_pieces(list, sizeof list / sizeof *list, &err);
	uint32_t place[] = {0, 1, 2, 3, 4, 5, 6};

	of.vocab = vocab;
	const struct tokenized word = of;
	becomes(spans_to_tokens, 0, 1, 0, 2, "a character of two tokens");
	becomes(spans_to_tokens, 0, 7, 0, 6, "the whole text");
	becomes(spans_to_tokens, 2, 3, 2, 4, "a span that begins within a token has all of it");
	becomes(spans_to_tokens, 1, 2, -1, 0, "one in which no token ends has none");
	becomes(spans_to_tokens, 3, 6, 4, 5, "one that ends within a token ends before it");
	becomes(spans_to_tokens, 5, 7, 5, 6, "a byte that is not UTF-8 counts as a character");
	becomes(spans_to_text, 0, 1, -1, 0, "a token within a character");
	becomes(spans_to_text, 0, 2, 0, 1, "both tokens of a character");
	becomes(spans_to_text, 2, 3, 2, 3, "a span begins behind the space of its token");
	becomes(spans_to_text, 4, 5, 3, 5, "a token of two characters");
	of = (struct tokenized){vocab, "    ", 4, spaces, 2};
	becomes(spans_to_text, 0, 1, 0, 3, "a token of spaces is all of the span");
	becomes(spans_to_text, 1, 2, 3, 4, "and one of one space, too");
	of = word;
	becomes(spans_to_text, 4, 6, 3, 7, "the last two");
	becomes(spans_to_text, 3, 4, -1, 0, "an empty token");

	places_in_text(&of, place, 7, place);
	ok(place[0] == 0 && place[1] == 0 && place[2] == 1 && place[3] == 3 && place[4] == 3 &&
	   place[5] == 5 && place[6] == 7, "the characters that places in the tokens are in");
	same_texts();
	uint32_t character[] = {0, 1, 2, 3, 4, 5, 6};
	places_in_tokens(&of, character, 7, character);
	ok(character[0] == 0 && character[1] == 2 && character[2] == 2 && character[3] == 4 &&
	   character[4] == 4 && character[5] == 5 && character[6] == 5,
	   "the tokens that characters begin in");
	vocab_free(vocab);
	return done();
}
