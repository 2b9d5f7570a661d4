/* Pages of attention: which blocks they have, and in which order. tests/page/quantise.c looks at
 * the bytes of rows, tests/filters/attn-page.sh at all that is in the blocks. */
#include <stdlib.h>
#include <string.h>

#include "common/page/attention_page.h"
#include "tests/tap.h"

static const float one[] = {1}, two[] = {0.25f, 0.75f};
static const float *const both[] = {one, two};
static const int32_t all[] = {0, 1};
static const struct record first = {.id = 3, .text = "ab", .size = 2, .length = 2};
static const struct record other = {.id = 3, .text = "ac", .size = 2, .length = 2};

/* A head of a record. */
struct added {
	const struct record *record;
	uint32_t sample;
	int layer, head;
};

/* A page of heads: its blocks as "record 0; heads 0 0.1,2; ..."; NULL if it failed. */
static char *blocks_of(const struct added *added, size_t count, struct attention_page_size *size)
{
	static char list[1024];
	struct err err = {0};
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);
	json_t *header = json_pack("{s:[{s:s}]}", "chain", "program", "x");
	const struct attention_page_about about = {.title = "t", .header = header, .layers = 2,
	                                           .heads = 3};
	struct attention_page *page = attention_page_begin(file, "memory", &about, &err);
	struct span_kinds kinds;

	span_kinds_init(&kinds);
	for (size_t i = 0; i < count; i++) {
		const struct attention_record attention = {added[i].record, NULL, added[i].sample,
		                                           added[i].layer, added[i].head, all, both, 2};
		if (attention_page_add(page, &attention, &kinds, &err) < 0)
			return NULL;
	}
	if (attention_page_end(page, size, &err) < 0)
		return NULL;
	fclose(file);
	json_decref(header);
	*list = '\0';
	for (const char *at = text; (at = strstr(at, "data-block=\"")); at++) {
		char kind[16], record[8], layer[8], heads[16];
		const char *end = strchr(at, '>');
		const int fields = sscanf(at, "data-block=\"%15[a-z]\" data-record=\"%7[0-9]\" "
		                          "data-layer=\"%7[0-9]\" data-heads=\"%15[0-9,]\"", kind, record,
		                          layer, heads);
		char entry[64] = "";
		if (end - at > 200)
			break;
		snprintf(entry, sizeof entry, "%s%s%s%s%s%s%s; ", kind, fields > 1 ? " " : "",
		         fields > 1 ? record : "", fields > 2 ? " " : "", fields > 2 ? layer : "",
		         fields > 3 ? "." : "", fields > 3 ? heads : "");
		if (fields > 0)
			strncat(list, entry, sizeof list - strlen(list) - 1);
	}
	free(text);
	return list;
}

int main(void)
{
	static const struct {
		const char *name;
		struct added added[6];
		size_t count;
		const char *want;
		unsigned records;
	} rows[] = {
		{"heads of a layer are one block", {{&first, 0, 0, 0}, {&first, 0, 0, 2},
		 {&first, 0, 1, 1}}, 3, "about; record 0; heads 0 0.0,2; heads 0 1.1; end; ", 1},
		{"a record that comes again goes on", {{&first, 0, 0, 0}, {&other, 0, 0, 0},
		 {&first, 0, 0, 1}}, 3,
		 "about; record 0; heads 0 0.0; record 1; heads 1 0.0; heads 0 0.1; end; ", 2},
		{"another sample is another record", {{&first, 0, 0, 0}, {&first, 1, 0, 0}}, 2,
		 "about; record 0; heads 0 0.0; record 1; heads 1 0.0; end; ", 2},
		{"a head that comes again begins a record", {{&first, 0, 1, 2}, {&first, 0, 1, 2},
		 {&first, 0, 0, 0}}, 3,
		 "about; record 0; heads 0 1.2; record 1; heads 1 1.2; heads 1 0.0; end; ", 2},
		{"layers in any order", {{&first, 0, 1, 0}, {&first, 0, 0, 0}, {&first, 0, 1, 1}}, 3,
		 "about; record 0; heads 0 1.0; heads 0 0.0; heads 0 1.1; end; ", 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct attention_page_size size = {0};
		is_string(blocks_of(rows[i].added, rows[i].count, &size), rows[i].want, rows[i].name);
		ok(size.records == rows[i].records && size.heads == rows[i].count,
		   "and the page counts %u records", rows[i].records);
	}
	return done();
}
