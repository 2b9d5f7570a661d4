/* token_spans.h - spans of a text become spans of its tokens, and the other way.
 *
 * If tokens are more than characters, a span may begin or end within a token. A token belongs to
 * the stretch of text that its last byte is in. So the first token of a span may begin before it,
 * as " 354" does where a span begins at "354". A span that no token ends in is left out.
 */
#ifndef MEMOSCOPE_TOKEN_SPANS_H
#define MEMOSCOPE_TOKEN_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/stream/span.h"
#include "common/stream/vocab.h"

/* A text and its tokens. */
struct tokenized {
	const struct vocab *vocab;
	const char *text;
	size_t size; /* bytes */
	const uint16_t *tokens;
	uint32_t length; /* tokens */
};

/* Turn count spans over the characters of the text into spans over its tokens, to[count]. Returns
 * how many there are. */
uint32_t spans_to_tokens(const struct tokenized *of, const struct span *spans, uint32_t count,
                         struct span *to);

/* The other way: spans over characters, which end where tokens do, or at the character that a
 * token's end is in. They begin there, too, or behind the space that the first token begins with
 * as " 354" does: nobody marks that space, and a text that becomes tokens has its spans back. */
uint32_t spans_to_text(const struct tokenized *of, const struct span *spans, uint32_t count,
                       struct span *to);

/* Do two spans over tokens mark the same text? */
bool spans_same_text(const struct vocab *vocab, const uint16_t *tokens, const struct span *a,
                     const struct span *b);

/* How many bytes of a span's text are in its first count tokens. */
size_t span_text_size(const struct vocab *vocab, const uint16_t *tokens, const struct span *span,
                      uint32_t count);

/* The token in which a span's text goes on behind so many bytes; the span's end if its text has no
 * more than these. */
uint32_t span_token_behind(const struct vocab *vocab, const uint16_t *tokens,
                           const struct span *span, size_t bytes);

/* The token that each of count characters of the text begins in, to[count]; the characters rise. */
void places_in_tokens(const struct tokenized *of, const uint32_t *characters, uint32_t count,
                      uint32_t *to);

/* The character of the text that each of count places in its tokens is in, to[count]; the places
 * rise. */
void places_in_text(const struct tokenized *of, const uint32_t *places, uint32_t count,
                    uint32_t *to);

#endif
