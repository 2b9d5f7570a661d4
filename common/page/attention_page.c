#include "common/page/attention_page.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "attention_hashes.inc" /* ATTENTION_CSS_HASH, ATTENTION_JS_HASH: made by the Makefile */
#include "common/base/utf8.h"
#include "common/page/assets.h"
#include "common/page/packed.h"
#include "common/page/page_text.h"
#include "common/page/quantise.h"
#include "common/page/record_json.h"

/* What of a page may run or be loaded: its style and its script, and nothing else. */
static const char policy[] =
	"default-src 'none'; style-src '" ATTENTION_CSS_HASH "'; script-src '" ATTENTION_JS_HASH
	"'; base-uri 'none'; form-action 'none'";

#define NAME_CHARACTERS 32 /* of a text, in the list of texts */

/* What tells records apart. digest: of text, tokens and spans. */
struct record_name {
	uint64_t id, digest;
	uint32_t sample;
};

/* A record that the page has. */
struct shown_record {
	struct record_name name; /* first, for tfind() */
	uint64_t number; /* on the page, from 0 */
	uint8_t heads[]; /* a bit for each head that came, layer by layer */
};

struct attention_page {
	FILE *file;
	const char *name; /* of the file */
	struct attention_page_about about;
	const char *rest; /* of the template: what is not written yet */
	struct record_json *memory;
	void *records; /* of struct shown_record, by id, sample and digest: tsearch() */
	struct shown_record *record; /* of the head added last; NULL: none */
	json_t *names; /* an array: how the text of each record begins */
	/* The block of heads that is not written yet. */
	int layer;
	struct text_buffer heads; /* "0,1,2"; empty: none */
	struct text_buffer rows; /* their bytes */
	struct text_buffer packed;
	struct attention_page_size size;
};

/* ---- the template ---- */

/* Write the template up to {{word}}, and take that off it. */
static void write_up_to(struct attention_page *page, const char *word)
{
	char mark[32];
	const char *at;

	snprintf(mark, sizeof mark, "{{%s}}", word);
	at = strstr(page->rest, mark);
	fwrite(page->rest, 1, (size_t)(at - page->rest), page->file);
	page->rest = at + strlen(mark);
}

static void write_asset(struct attention_page *page, const char *begin, const char *end)
{
	fwrite(begin, 1, (size_t)(end - begin), page->file);
}

/* Write what packed holds as a block. more: further attributes, or "". */
static int write_block(struct attention_page *page, const char *kind, const char *more,
                       const char *packed, size_t size, struct err *err)
{
	fprintf(page->file, "<script type=\"text/plain\" data-block=\"%s\"%s>", kind, more);
	fwrite(packed, 1, size, page->file);
	fputs("</script>\n", page->file);
	if (ferror(page->file))
		return err_set(err, "%s: cannot write: %s", page->name, strerror(errno));
	return 0;
}

static int write_json(struct attention_page *page, const char *kind, const char *more,
                      json_t *value, struct err *err)
{
	text_buffer_clear(&page->packed);
	if (packed_append_json(&page->packed, value, err) < 0)
		return -1;
	return write_block(page, kind, more, page->packed.text, page->packed.size, err);
}

/* ---- what the page is about ---- */

/* A program of a chain, and its arguments, as one line. NULL if it is not as stream(5) has it. */
static json_t *command_json(const json_t *link)
{
	const char *program = json_string_value(json_object_get(link, "program"));
	struct text_buffer text = {0};
	json_t *argument, *result = NULL;
	size_t i;

	if (!program)
		return NULL;
	text_buffer_append_string(&text, program);
	json_array_foreach (json_object_get(link, "args"), i, argument) {
		text_buffer_append_string(&text, " ");
		text_buffer_append(&text, json_string_value(argument),
		                   json_string_value(argument) ? json_string_length(argument) : 0);
	}
	if (!text.failed)
		result = page_text_json(ESCAPE_LINE, text.text, text.size);
	text_buffer_release(&text);
	return result;
}

static json_t *chain_json(const json_t *header)
{
	json_t *chain = json_array(), *link;
	size_t i;

	json_array_foreach (json_object_get(header, "chain"), i, link) {
		json_t *command = command_json(link);
		if (command)
			json_array_append_new(chain, command);
	}
	return chain;
}

static json_t *about_json(const struct attention_page_about *about)
{
	const json_t *model = json_object_get(about->header, "model");
	const char *directory = json_string_value(json_object_get(model, "directory"));
	const json_t *parameters = json_object_get(model, "parameters");
	json_t *result = json_pack("{s:o, s:i, s:i}", "chain", chain_json(about->header), "layers",
	                           about->layers, "heads", about->heads);

	if (directory)
		json_object_set_new(result, "directory",
		                    page_text_json(ESCAPE_LINE, directory, strlen(directory)));
	if (json_is_integer(parameters))
		json_object_set_new(result, "parameters", json_deep_copy(parameters));
	if (about->scores)
		json_object_set(result, "scores", about->scores);
	if (about->by_span)
		json_object_set(result, "bySpan", about->by_span);
	return result;
}

static void free_page(struct attention_page *page)
{
	if (!page)
		return;
	record_json_free(page->memory);
	tdestroy(page->records, free);
	json_decref(page->names);
	text_buffer_release(&page->heads);
	text_buffer_release(&page->rows);
	text_buffer_release(&page->packed);
	free(page);
}

void attention_page_abandon(struct attention_page *page)
{
	free_page(page);
}

struct attention_page *attention_page_begin(FILE *file, const char *name,
                                            const struct attention_page_about *about,
                                            struct err *err)
{
	struct attention_page *page;

	if ((long long)about->layers * about->heads > ATTENTION_PAGE_HEADS_MAX) {
		err_set(err, "the model has %d layers of %d heads, but a page shows %d heads at most",
		        about->layers, about->heads, ATTENTION_PAGE_HEADS_MAX);
		return NULL;
	}
	page = calloc(1, sizeof *page);

	if (!page) {
		err_set(err, "out of memory");
		return NULL;
	}
	page->file = file;
	page->name = name;
	page->about = *about;
	page->rest = asset_attention_html;
	page->memory = record_json_new(err);
	page->names = json_array();
	page_text_html(&page->packed, about->title);
	if (!page->memory || !page->names || page->packed.failed) {
		err_set(err, "out of memory");
		free_page(page);
		return NULL;
	}
	write_up_to(page, "policy");
	fputs(policy, file);
	write_up_to(page, "title");
	fwrite(page->packed.text, 1, page->packed.size, file);
	write_up_to(page, "style");
	write_asset(page, asset_attention_css, asset_attention_css_end);
	write_up_to(page, "title");
	fwrite(page->packed.text, 1, page->packed.size, file);
	write_up_to(page, "data");
	if (write_json(page, "about", "", about_json(about), err) == 0)
		return page;
	free_page(page);
	return NULL;
}

/* ---- heads ---- */

static void append_number(struct text_buffer *out, uint32_t number)
{
	const char bytes[4] = {(char)number, (char)(number >> 8), (char)(number >> 16),
	                       (char)(number >> 24)};

	text_buffer_append(out, bytes, sizeof bytes);
}

/* The rows that a head has, as runs of rows that follow one another. */
static void append_runs(struct text_buffer *out, const struct attention_record *attention)
{
	const size_t begin = out->size;
	uint32_t runs = 0;

	append_number(out, 0);
	for (int i = 0; i < attention->count; runs++) {
		int end = i + 1;
		while (end < attention->count && attention->query[end] == attention->query[end - 1] + 1)
			end++;
		append_number(out, (uint32_t)attention->query[i]);
		append_number(out, (uint32_t)(end - i));
		i = end;
	}
	if (out->failed)
		return;
	for (int i = 0; i < 4; i++)
		out->text[begin + (size_t)i] = (char)(runs >> 8 * i);
}

static void append_rows(struct attention_page *page, const struct attention_record *attention)
{
	struct text_buffer *out = &page->rows;

	for (int i = 0; i < attention->count; i++) {
		const size_t count = (size_t)attention->query[i] + 1;
		double error;
		if (!text_buffer_reserve(out, count))
			return;
		error = quantise_row(attention->row[i], count, (unsigned char *)out->text + out->size);
		if (error > page->size.error)
			page->size.error = error;
		out->size += count;
	}
}

/* Write the heads that have come of a layer. */
static int flush_heads(struct attention_page *page, struct err *err)
{
	char *more = NULL;
	int status;

	if (page->heads.size == 0)
		return 0;
	text_buffer_clear(&page->packed);
	if (page->heads.failed || page->rows.failed)
		return err_set(err, "out of memory");
	if (packed_append(&page->packed, page->rows.text, page->rows.size, err) < 0)
		return -1;
	if (asprintf(&more, " data-record=\"%llu\" data-layer=\"%d\" data-heads=\"%.*s\"",
	             (unsigned long long)page->record->number, page->layer, (int)page->heads.size,
	             page->heads.text) < 0)
		return err_set(err, "out of memory");
	status = write_block(page, "heads", more, page->packed.text, page->packed.size, err);
	free(more);
	text_buffer_clear(&page->heads);
	text_buffer_clear(&page->rows);
	return status;
}

/* ---- records ---- */

static int by_name(const void *a, const void *b)
{
	const struct record_name *left = a, *right = b;

	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	if (left->sample != right->sample)
		return left->sample < right->sample ? -1 : 1;
	return (left->digest > right->digest) - (left->digest < right->digest);
}

static struct record_name name_of(const struct attention_record *attention)
{
	const struct record *record = attention->record;
	uint64_t digest = XXH3_64bits(record->text, record->size);

	if (attention->vocab)
		digest = XXH3_64bits_withSeed(record->tokens, record->length * sizeof *record->tokens,
		                              digest);
	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		const uint32_t parts[] = {span->begin, span->end, (uint32_t)span->kind,
		                          (uint32_t)span->entry};
		digest = XXH3_64bits_withSeed(parts, sizeof parts, digest);
	}
	return (struct record_name){record->id, digest, attention->sample};
}

/* How a text begins. A new reference; NULL if memory is out. */
static json_t *beginning(const struct record *record)
{
	size_t size = 0;
	uint32_t code;

	for (int i = 0; i < NAME_CHARACTERS && size < record->size; i++)
		size += text_decode(record->text + size, record->size - size, &code);
	return page_text_json(ESCAPE_LINE, record->text, size);
}

/* Write the text of a record that is new, and the generation of it. */
static int write_record(struct attention_page *page, const struct attention_record *attention,
                        const struct span_kinds *kinds, struct err *err)
{
	struct indexed_generation generation;
	char more[128];

	snprintf(more, sizeof more, " data-record=\"%llu\" data-id=\"%llu\" data-sample=\"%u\"",
	         (unsigned long long)page->record->number, (unsigned long long)attention->record->id,
	         attention->sample);
	if (write_json(page, "record", more, record_json(page->memory, attention, kinds), err) < 0)
		return -1;
	if (json_array_append_new(page->names, beginning(attention->record)) < 0)
		return err_set(err, "out of memory");
	if (!page->about.generations ||
	    !generation_index_find(page->about.generations, attention->record, attention->sample,
	                           &generation))
		return 0;
	page->size.joined++;
	snprintf(more, sizeof more, " data-record=\"%llu\" data-same=\"%u\"",
	         (unsigned long long)page->record->number, generation.same);
	return write_block(page, "generation", more, generation.packed, generation.packed_size, err);
}

/* Find the record of a head, or begin a new one. -1 with err set. */
static int turn_to_record(struct attention_page *page, const struct attention_record *attention,
                          const struct span_kinds *kinds, size_t head, struct err *err)
{
	const size_t bytes = ((size_t)page->about.layers * (size_t)page->about.heads + 7) / 8;
	const struct record_name name = name_of(attention);
	struct shown_record *const *found = tfind(&name, &page->records, by_name), *record;

	if (found && !((*found)->heads[head / 8] & 1u << head % 8)) {
		if (*found != page->record && flush_heads(page, err) < 0)
			return -1;
		page->record = *found;
		return 0;
	}
	if (flush_heads(page, err) < 0)
		return -1;
	if (found) { /* it has this head: it begins anew */
		record = *found;
		memset(record->heads, 0, bytes);
	} else {
		record = calloc(1, sizeof *record + bytes);
		if (!record)
			return err_set(err, "out of memory");
		record->name = name;
		if (!tsearch(record, &page->records, by_name)) {
			free(record);
			return err_set(err, "out of memory");
		}
	}
	record->number = page->size.records++;
	page->record = record;
	return write_record(page, attention, kinds, err);
}

int attention_page_add(struct attention_page *page, const struct attention_record *attention,
                       const struct span_kinds *kinds, struct err *err)
{
	const size_t head = (size_t)attention->layer * (size_t)page->about.heads +
	                    (size_t)attention->head;
	char number[16];

	if (turn_to_record(page, attention, kinds, head, err) < 0)
		return -1;
	if (page->layer != attention->layer && flush_heads(page, err) < 0)
		return -1;
	page->layer = attention->layer;
	page->record->heads[head / 8] |= (uint8_t)(1u << head % 8);
	page->size.heads++;
	snprintf(number, sizeof number, "%s%d", page->heads.size > 0 ? "," : "", attention->head);
	text_buffer_append_string(&page->heads, number);
	append_runs(&page->rows, attention);
	append_rows(page, attention);
	return page->heads.failed || page->rows.failed ? err_set(err, "out of memory") : 0;
}

int attention_page_end(struct attention_page *page, struct attention_page_size *size,
                       struct err *err)
{
	int status = flush_heads(page, err);

	*size = page->size;
	if (status == 0)
		status = write_json(page, "end", "",
		                    json_pack("{s:I, s:I, s:f, s:O}", "records",
		                              (json_int_t)size->records, "heads",
		                              (json_int_t)size->heads, "error", size->error, "names",
		                              page->names), err);
	if (status == 0) {
		write_up_to(page, "script");
		write_asset(page, asset_attention_js, asset_attention_js_end);
		fputs(page->rest, page->file);
	}
	free_page(page);
	return status;
}
