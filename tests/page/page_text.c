/* Texts on a page: what a browser would obey is shown, and nothing is markup. */
#include <stdlib.h>
#include <string.h>

#include "common/page/page_text.h"
#include "tests/tap.h"

static const struct {
	const char *name, *text;
	size_t size; /* 0: as strlen() says */
	const char *json, *html; /* as ESCAPE_WORD; NULL: not asked */
} rows[] = {
	{"a letter", "a", 0, "\"a\"", "a"},
	{"nothing", "", 0, "\"\"", ""},
	{"more than ASCII", "é…日", 0, "\"é…日\"", "é…日"},
	{"a blank", " the", 0, "[\"\",\"\\\\s\",\"the\"]", " the"},
	{"a newline", "\n", 0, "[\"\",\"\\\\n\",\"\"]", "\\n"},
	{"text and escapes in turn", "a\tb", 0, "[\"a\",\"\\\\t\",\"b\"]", "a\\tb"},
	{"two escapes", "\r\n", 0, "[\"\",\"\\\\r\",\"\",\"\\\\n\",\"\"]", "\\r\\n"},
	{"a backslash is no escape", "\\n", 0, "\"\\\\n\"", NULL},
	{"a terminal's escape", "\x1b[31m", 0, "[\"\",\"\\\\x1b\",\"[31m\"]", "\\x1b[31m"},
	{"NUL", "a\0b", 3, "[\"a\",\"\\\\x00\",\"b\"]", NULL},
	{"a byte that is not UTF-8", "\xff" "a", 0, "[\"\",\"\\\\xff\",\"a\"]", "\\xffa"},
	{"half a character", "\xe2\x82", 0, "[\"\",\"\\\\xe2\",\"\",\"\\\\x82\",\"\"]", NULL},
	{"U+2028", "\u2028", 0, "[\"\",\"\\\\u2028\",\"\"]", "\\u2028"},
	{"from right to left", "a\u202eb", 0, "[\"a\",\"\\\\u202e\",\"b\"]", "a\\u202eb"},
	{"a right-to-left mark", "\u200f", 0, "[\"\",\"\\\\u200f\",\"\"]", "\\u200f"},
	{"the end of a script", "</script>", 0, "\"</script>\"", "&lt;/script&gt;"},
	{"quotes", "\"'&", 0, "\"\\\"'&\"", "&quot;&#39;&amp;"},
};

int main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const size_t size = rows[i].size ? rows[i].size : strlen(rows[i].text);
		json_t *json = page_text_json(ESCAPE_WORD, rows[i].text, size);
		char *have = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
		is_string(have, rows[i].json, rows[i].name);
		free(have);
		json_decref(json);
		if (!rows[i].html)
			continue;
		struct text_buffer html = {0};
		page_text_html(&html, rows[i].text);
		text_buffer_append(&html, "", 1);
		is_string(html.text, rows[i].html, "the same in HTML");
		text_buffer_release(&html);
	}
	return done();
}
