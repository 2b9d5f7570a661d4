/* attn-page - attention as a page for a browser. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/base/text_buffer.h"
#include "common/base/utf8.h"
#include "common/eval/recall.h"
#include "common/model/backend.h"
#include "common/model/model.h"
#include "common/model/model_attention.h"
#include "common/page/attention_page.h"
#include "common/page/generation_index.h"
#include "common/page/head_table.h"
#include "common/page/page_text.h"
#include "common/stream/attention.h"
#include "common/stream/generation.h"

#define LARGE_PAGE (100l << 20) /* bytes from which on browsers are slow to open a file */

static const char *title = "Attention";
static const char *generations_path, *scores_path, *by_span_path; /* NULL: none */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	{.name = "generations", .key = 'g', .type = OPTION_TEXT, .value = &generations_path,
	 .argument = "FILE",
	 .text = "show how likely each token was, from what gpt-sample or gpt-score wrote about the "
	         "same records"},
	{.name = "scores", .key = 's', .type = OPTION_TEXT, .value = &scores_path, .argument = "FILE",
	 .text = "show beside each head what head-score printed of it"},
	{.name = "by-span", .key = 'b', .type = OPTION_TEXT, .value = &by_span_path,
	 .argument = "FILE", .text = "show beside each head what attn-dump --by-span printed of it"},
	{.name = "title", .key = 't', .type = OPTION_TEXT, .value = &title, .argument = "TEXT",
	 .text = "the title of the page (default: Attention)"},
	BACKEND_OPTION(backend),
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "[MODEL] [FILE...]",
	.text = "Write attention as one HTML file that a browser shows, without a network.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* The state of the loop. */
struct state {
	struct attention_page_about about;
	struct attention_page *page; /* NULL: no record has come */
	struct generation_index *generations; /* NULL: none */
	struct progress progress;
	uint64_t matrices, rows;
};

/* ---- generations ---- */

static json_t *slice_json(struct slice slice)
{
	struct text_buffer text = {0};
	json_t *result;

	if (!slice.codes)
		return json_null();
	for (uint32_t i = 0; i < slice.length; i++) {
		char bytes[UTF8_MAX];
		text_buffer_append(&text, bytes, utf8_encode(slice.codes[i], bytes));
	}
	result = page_text_json(ESCAPE_LINE, text.text ? text.text : "", text.size);
	text_buffer_release(&text);
	return result;
}

/* Is the answer that a model wrote right? NULL if nobody can say. */
static json_t *judge(struct recall *recall, const struct generation *generation,
                     const struct span_kinds *kinds)
{
	struct recall_verdict verdict;
	struct err why = {0};

	if (!generation->reference ||
	    recall_judge(recall, generation, kinds, &verdict, &why) < 0 ||
	    verdict.exact == RECALL_UNDEFINED)
		return NULL;
	return json_pack("{s:b, s:o, s:o, s:o}", "right", verdict.exact == RECALL_RIGHT, "asked",
	                 slice_json(verdict.asked), "given", slice_json(verdict.given), "want",
	                 slice_json(verdict.want));
}

static int add_generations(struct stream_reader *reader, struct generation_buffer *buffer,
                           struct recall *recall, struct generation_index *index, struct err *err)
{
	struct generation generation;
	struct stream_record raw;
	struct span_kinds kinds;
	struct err why = {0};
	int more;

	span_kinds_init(&kinds);
	while ((more = stream_next(reader, &raw, err)) > 0) {
		if (generation_read(reader, &raw, &kinds, buffer, &generation, err) < 0)
			return -1;
		if (generation_index_add(index, &generation, judge(recall, &generation, &kinds),
		                         &why) < 0)
			return stream_bad(reader, err, "%s", why.text);
	}
	return more;
}

/* Read --generations. NULL with err set. */
static struct generation_index *read_generations(const char *path, struct err *err)
{
	static const char *const kind[] = {STREAM_GENERATIONS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct generation_index *index = generation_index_new(err);
	struct generation_buffer *buffer = generation_buffer_new(err);
	struct recall *recall = recall_new(err);

	if (!reader || !index || !buffer || !recall ||
	    add_generations(reader, buffer, recall, index, err) < 0) {
		generation_index_free(index);
		index = NULL;
	}
	recall_free(recall);
	generation_buffer_free(buffer);
	stream_close(reader);
	return index;
}

/* ---- the page ---- */

/* Are the tables about a model like this one? */
static int check_tables(const struct attention_page_about *about, struct err *err)
{
	if (head_table_check(about->scores, scores_path, about->layers, about->heads, err) < 0)
		return -1;
	return head_table_check(about->by_span, by_span_path, about->layers, about->heads, err);
}

/* Add a head. The page begins with the first one, so that a stream of nothing makes none. header is
 * that of the stream that the head is from. */
static int add(struct state *state, const json_t *header, const struct attention_record *head,
               const struct span_kinds *kinds, struct err *err)
{
	if (!state->page) {
		state->about.header = header;
		if (check_tables(&state->about, err) < 0)
			return -1;
		state->page = attention_page_begin(stdout, "standard output", &state->about, err);
		if (!state->page)
			return -1;
	}
	if (attention_page_add(state->page, head, kinds, err) < 0)
		return -1;
	state->rows += (uint64_t)head->count;
	progress_update(&state->progress, ++state->matrices, state->rows);
	return 0;
}

/* All streams are of models of one shape. */
static int check_shape(struct attention_page_about *about, const struct attention_reader *reader,
                       const char *path, struct err *err)
{
	const int layers = attention_layers(reader), heads = attention_heads(reader);

	if (about->layers == 0) {
		about->layers = layers;
		about->heads = heads;
	}
	if (layers == about->layers && heads == about->heads)
		return 0;
	return err_set(err, "%s: its model has %d layers of %d heads, but that of the file before has "
	               "%d of %d: make a page of each", err_path(path), layers, heads,
	               about->layers, about->heads);
}

static int add_stream(struct state *state, const char *path, struct err *err)
{
	struct attention_reader *reader = attention_open(path, err);
	struct attention_record head;
	int more = -1;

	if (reader && check_shape(&state->about, reader, path, err) == 0)
		while ((more = attention_next(reader, &head, err)) > 0)
			if (add(state, attention_reader_header(reader), &head,
			        attention_kinds(reader), err) < 0) {
				more = -1;
				break;
			}
	attention_close(reader);
	return more;
}

/* Is the operand a model, and not a stream? */
static bool is_directory(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* Streams of attention, or the standard input. A model does not come after them. */
static int add_streams(struct state *state, char **paths, int count, struct err *err)
{
	for (int i = 1; i < count; i++)
		if (is_directory(paths[i]))
			return err_usage(err, "%s: a model is the first operand: attn-page MODEL FILE...",
			                 err_path(paths[i]));
	for (int i = 0; i < count || i == 0; i++)
		if (add_stream(state, i < count ? paths[i] : "-", err) < 0)
			return -1;
	return 0;
}

/* Run a model over texts, and add its attention. header is that of the attention. */
static int add_attention(struct state *state, const struct model *model,
                         struct record_reader *records, const json_t *header, struct err *err)
{
	const struct attention_choice choice = attention_choice_all(model);
	struct model_attention *attention = model_attention_new(
		model, backend_choose(backend, &model->config, quiet), records, &choice, err);
	struct attention_record head;
	int more = -1;

	while (attention && (more = model_attention_next(attention, &head, err)) > 0)
		if (add(state, header, &head, record_reader_kinds(records), err) < 0) {
			more = -1;
			break;
		}
	model_attention_free(attention);
	return more;
}

/* The same for the model in a directory, and texts in files or on the standard input. */
static int add_model(struct state *state, const char *directory, char **paths, int count, int argc,
                     char **argv, struct err *err)
{
	struct record_reader *records;
	struct model model;
	json_t *header;
	int status = -1;

	if (model_load(directory, &model, err) < 0)
		return -1;
	state->about.layers = model.config.layers;
	state->about.heads = model.config.heads;
	records = record_reader_open(paths, count, model.vocab, err);
	if (records) {
		header = attention_header(record_reader_header(records), model.vocab,
		                          model_summary(&model, directory), argc, argv);
		status = add_attention(state, &model, records, header, err);
		json_decref(header);
	}
	record_reader_close(records);
	model_release(&model);
	return status;
}

/* Read what is shown beside the attention. */
static void read_beside(struct state *state)
{
	struct err err = {0};

	if (generations_path)
		state->generations = read_generations(generations_path, &err);
	if (scores_path)
		state->about.scores = head_table_scores(scores_path, &err);
	if (by_span_path)
		state->about.by_span = head_table_by_span(by_span_path, &err);
	if (err.status != ERR_NONE)
		err_exit(&err);
	state->about.generations = state->generations;
}

/* End the page, and say what its reader should know. */
static void end(struct state *state)
{
	struct attention_page_size size;
	struct err err = {0};
	long bytes;

	if (!state->page)
		die("no attention came, so there is nothing to show");
	if (attention_page_end(state->page, &size, &err) < 0 || file_end_stdout(&err) < 0)
		err_exit(&err);
	progress_end(&state->progress);
	if (generations_path && size.joined < size.records)
		progress_warn(&state->progress, "%" PRIu64 " of %" PRIu64 " records have no generation "
		              "with their id and sample in %s", size.records - size.joined,
		              size.records, err_path(generations_path));
	bytes = ftell(stdout);
	if (bytes > LARGE_PAGE)
		progress_warn(&state->progress, "the page has %ld MB, which is slow to open; fewer "
		              "texts, or attn-dump with --layer, --head or --rows make it smaller",
		              bytes >> 20);
}

int main(int argc, char **argv)
{
	const int operand = options_parse(&program, argc, argv);
	char **operands = argv + operand;
	const int count = argc - operand;
	struct state state = {.about.title = title};
	struct err err = {0};
	int status;

	if (isatty(STDOUT_FILENO))
		die("standard output is a terminal: send the page to a file, attn-page >attention.html");
	read_beside(&state);
	progress_start(&state.progress, "matrices", "rows", quiet);
	if (count > 0 && is_directory(operands[0]))
		status = add_model(&state, operands[0], operands + 1, count - 1, argc, argv, &err);
	else
		status = add_streams(&state, operands, count, &err);
	if (status < 0)
		err_exit(&err);
	end(&state);
	generation_index_free(state.generations);
	json_decref(state.about.scores);
	json_decref(state.about.by_span);
	return 0;
}
