#include "common/stream/token_spans.h"

#include "common/base/utf8.h"

/* A walk over the text: by characters, and by tokens. */
struct walk {
	const struct tokenized *of;
	uint32_t character, token; /* those that have ended */
	size_t character_end, token_end; /* the bytes that they take */
};

static void next_character(struct walk *walk)
{
	uint32_t code;

	walk->character_end += text_decode(walk->of->text + walk->character_end,
	                                   walk->of->size - walk->character_end, &code);
	walk->character++;
}

static void next_token(struct walk *walk)
{
	walk->token_end += vocab_piece(walk->of->vocab, walk->of->tokens[walk->token]).size;
	walk->token++;
}

/* How many tokens end within the first `characters` characters. These rise from call to call. */
static uint32_t tokens_within(struct walk *walk, uint32_t characters)
{
	while (walk->character < characters && walk->character_end < walk->of->size)
		next_character(walk);
	while (walk->token < walk->of->length &&
	       walk->token_end + vocab_piece(walk->of->vocab, walk->of->tokens[walk->token]).size <=
	               walk->character_end)
		next_token(walk);
	return walk->token;
}

/* How many characters end within the first `tokens` tokens. */
static uint32_t characters_within(struct walk *walk, uint32_t tokens)
{
	uint32_t code;

	while (walk->token < tokens)
		next_token(walk);
	while (walk->character_end < walk->of->size &&
	       walk->character_end + text_decode(walk->of->text + walk->character_end,
	                                         walk->of->size - walk->character_end, &code) <=
	               walk->token_end)
		next_character(walk);
	return walk->character;
}

/* A place of the one that becomes a place of the other. */
typedef uint32_t place(struct walk *walk, uint32_t at);

static uint32_t convert(const struct tokenized *of, const struct span *spans, uint32_t count,
                        struct span *to, place *begin, place *end)
{
	struct walk walk = {.of = of};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct span span = spans[i];
		span.begin = begin(&walk, spans[i].begin);
		span.end = end(&walk, spans[i].end);
		if (span.begin < span.end)
			to[kept++] = span;
	}
	return kept;
}

uint32_t spans_to_tokens(const struct tokenized *of, const struct span *spans, uint32_t count,
                         struct span *to)
{
	return convert(of, spans, count, to, tokens_within, tokens_within);
}

/* Does a span that begins with this piece begin behind its first byte? GPT-2's pieces take the
 * space before a word, which is no part of what the span marks. */
static bool takes_space(struct piece piece)
{
	return piece.size > 1 && piece.bytes[0] == ' ' && piece.bytes[1] != ' ';
}

/* The character that a span begins at whose first token is `token`. */
static uint32_t beginning(struct walk *walk, uint32_t token)
{
	const uint32_t begin = characters_within(walk, token);

	return begin + (token < walk->of->length &&
	                takes_space(vocab_piece(walk->of->vocab, walk->of->tokens[token])));
}

uint32_t spans_to_text(const struct tokenized *of, const struct span *spans, uint32_t count,
                       struct span *to)
{
	return convert(of, spans, count, to, beginning, characters_within);
}

/* A walk over the bytes of a span's text. */
struct bytes {
	const struct vocab *vocab;
	const uint16_t *tokens;
	uint32_t token, end; /* the one under way, and the end of the span */
	size_t at; /* in it */
};

static struct bytes bytes_of(const struct vocab *vocab, const uint16_t *tokens,
                             const struct span *span)
{
	const bool space = span->begin < span->end &&
	                   takes_space(vocab_piece(vocab, tokens[span->begin]));

	return (struct bytes){vocab, tokens, span->begin, span->end, space};
}

/* The next byte, or -1 at the end. */
static int next_byte(struct bytes *bytes)
{
	for (; bytes->token < bytes->end; bytes->token++, bytes->at = 0) {
		const struct piece piece = vocab_piece(bytes->vocab, bytes->tokens[bytes->token]);
		if (bytes->at < piece.size)
			return (unsigned char)piece.bytes[bytes->at++];
	}
	return -1;
}

bool spans_same_text(const struct vocab *vocab, const uint16_t *tokens, const struct span *a,
                     const struct span *b)
{
	struct bytes of_a = bytes_of(vocab, tokens, a), of_b = bytes_of(vocab, tokens, b);
	int byte;

	do {
		byte = next_byte(&of_a);
		if (byte != next_byte(&of_b))
			return false;
	} while (byte >= 0);
	return true;
}

size_t span_text_size(const struct vocab *vocab, const uint16_t *tokens, const struct span *span,
                      uint32_t count)
{
	size_t size = 0;

	for (uint32_t i = 0; i < count; i++)
		size += vocab_piece(vocab, tokens[span->begin + i]).size;
	return size - (count > 0 && bytes_of(vocab, tokens, span).at);
}

uint32_t span_token_behind(const struct vocab *vocab, const uint16_t *tokens,
                           const struct span *span, size_t bytes)
{
	struct bytes walk = bytes_of(vocab, tokens, span);

	for (size_t i = 0; i < bytes; i++)
		if (next_byte(&walk) < 0)
			return span->end;
	return next_byte(&walk) < 0 ? span->end : walk.token;
}

void places_in_tokens(const struct tokenized *of, const uint32_t *characters, uint32_t count,
                      uint32_t *to)
{
	struct walk walk = {.of = of};

	for (uint32_t i = 0; i < count; i++)
		to[i] = tokens_within(&walk, characters[i]);
}

void places_in_text(const struct tokenized *of, const uint32_t *places, uint32_t count,
                    uint32_t *to)
{
	struct walk walk = {.of = of};

	for (uint32_t i = 0; i < count; i++)
		to[i] = characters_within(&walk, places[i]);
}
