/* utf8.h - code points from UTF-8 and back (RFC 3629: no surrogates, no overlong
 * forms, nothing above U+10FFFF). */
#ifndef MEMOSCOPE_UTF8_H
#define MEMOSCOPE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of one code point at most */

/* Decode the code point at text[0 … size-1] into *code. Returns its length in
 * bytes, or 0 if the bytes are not UTF-8 (or size is 0). */
size_t utf8_decode(const char *text, size_t size, uint32_t *code);

/* Encode a code point into out, which holds UTF8_MAX bytes. Returns its length. A number from
 * UTF8_BYTE on is a byte of a text that is not UTF-8: see text_codes(). */
size_t utf8_encode(uint32_t code, char *out);

/* Are the size bytes at text (at least 1) the beginning of one code point that lacks bytes? */
bool utf8_incomplete(const char *text, size_t size);

/* The bytes of a byte order mark, U+FEFF, that text begins with: 3, or 0 if there is none. */
size_t utf8_mark(const char *text, size_t size);

/* How many code points text holds, or -1 if it is not UTF-8. */
long utf8_length(const char *text, size_t size);

/* Decode all of text into codes, which has room for utf8_length() of them; size is always
 * enough. Returns their number, or -1 if text is not UTF-8. */
long utf8_codes(const char *text, size_t size, uint32_t *codes);

/* ---- texts of any bytes: a byte that is not UTF-8 counts as a character ---- */

#define UTF8_BYTE 0x110000u /* such a byte has this number plus itself, in place of a code point */

/* As utf8_decode(), but at least one byte; size is not 0. */
size_t text_decode(const char *text, size_t size, uint32_t *code);

/* How many characters a text has, and all of them, of which codes has room for size. */
size_t text_length(const char *text, size_t size);
size_t text_codes(const char *text, size_t size, uint32_t *codes);

/* How many bytes the first count characters of a text take; at most size. */
size_t text_offset(const char *text, size_t size, size_t count);

#endif
