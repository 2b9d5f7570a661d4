#include "common/page/page_text.h"

#include <string.h>

/* Move the plain text so far into parts. -1 if memory is out. */
static int end_plain(json_t *parts, struct text_buffer *plain)
{
	const int failed = json_array_append_new(
		parts, json_stringn(plain->text ? plain->text : "", plain->size));

	text_buffer_clear(plain);
	return failed || plain->failed ? -1 : 0;
}

/* Cut a text into plain parts and escapes. -1 if memory is out. */
static int cut(enum escape how, const char *text, size_t size, json_t *parts,
               struct text_buffer *plain)
{
	size_t taken;

	for (size_t at = 0; at < size; at += taken) {
		char shown[ESCAPE_MAX];
		const size_t length = escape_next(how, text + at, size - at, &taken, shown);
		/* A backslash is one here: no escape is plain text. */
		if (text[at] == '\\' || (length == taken && memcmp(shown, text + at, taken) == 0))
			text_buffer_append(plain, text + at, taken);
		else if (end_plain(parts, plain) < 0 ||
		         json_array_append_new(parts, json_stringn(shown, length)) < 0)
			return -1;
	}
	return end_plain(parts, plain);
}

json_t *page_text_json(enum escape how, const char *text, size_t size)
{
	struct text_buffer plain = {0};
	json_t *parts = json_array(), *result = NULL;

	if (parts && cut(how, text, size, parts, &plain) == 0) {
		if (json_array_size(parts) == 1)
			result = json_incref(json_array_get(parts, 0));
		else
			result = json_incref(parts);
	}
	text_buffer_release(&plain);
	json_decref(parts);
	return result;
}

void page_text_html(struct text_buffer *out, const char *text)
{
	const size_t size = strlen(text);
	size_t taken;

	for (size_t at = 0; at < size; at += taken) {
		char shown[ESCAPE_MAX];
		const size_t length = escape_next(ESCAPE_LINE, text + at, size - at, &taken, shown);
		switch (text[at]) {
		case '&': text_buffer_append_string(out, "&amp;"); break;
		case '<': text_buffer_append_string(out, "&lt;"); break;
		case '>': text_buffer_append_string(out, "&gt;"); break;
		case '"': text_buffer_append_string(out, "&quot;"); break;
		case '\'': text_buffer_append_string(out, "&#39;"); break;
		default: text_buffer_append(out, shown, length);
		}
	}
}
