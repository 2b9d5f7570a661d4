/* page_text.h - texts for a page: as HTML, and as JSON that says what to show.
 *
 * What a browser would obey or hide, such as control characters, the marks that turn the direction
 * of text, is shown by its escape (escape.h). The page sets an escape in another style, so no text
 * can pass for one.
 */
#ifndef MEMOSCOPE_PAGE_TEXT_H
#define MEMOSCOPE_PAGE_TEXT_H

#include <jansson.h>
#include <stddef.h>

#include "common/base/escape.h"
#include "common/base/text_buffer.h"

/* What to show for a text of size bytes, which may be anything, escaped as `how` says: a string or,
 * if it has escapes, an array of plain text, an escape, plain text, and so on, in turn. A new
 * reference; NULL if memory is out. */
json_t *page_text_json(enum escape how, const char *text, size_t size);

/* Append a text as the content of an HTML element: nothing in it is markup, and characters that a
 * browser would obey are escaped. */
void page_text_html(struct text_buffer *out, const char *text);

#endif
