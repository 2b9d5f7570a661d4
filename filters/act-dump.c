/* act-dump - the activations inside a model over a text. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/model/backend.h"
#include "common/model/head_range.h"
#include "common/model/inspector.h"
#include "common/model/model.h"
#include "common/stream/activations.h"
#include "common/stream/record_reader.h"
#include "common/stream/stream.h"

static const char *at = "resid_post";
static struct head_range range = HEAD_RANGE_ALL;
static const char *rows_kind; /* only rows of tokens in spans of this kind; NULL: all */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	{.name = "at", .key = 'a', .type = OPTION_TEXT, .value = &at, .argument = "PLACE,...",
	 .text = "where in the network: embed, pos_embed, resid_pre, ln1, q, k, v, z, result, "
	         "attn_out, resid_mid, ln2, mlp_pre, mlp_post, mlp_out, resid_post, ln_final"},
	HEAD_RANGE_OPTIONS(range),
	{.name = "rows", .key = 'r', .type = OPTION_TEXT, .value = &rows_kind, .argument = "KIND",
	 .text = "rows of tokens in spans of this kind only (default: all)"},
	BACKEND_OPTION(backend),
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Write the activations inside a model over texts.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* The state of the loop. */
struct dump {
	const struct model *model;
	struct inspector *inspector;
	struct record_reader *records;
	struct stream_writer *writer;
	int32_t *row; /* [context] the rows that are selected of a record */
	float *values; /* [context,width] of a place, all heads side by side */
	struct activations_record out; /* of the record that is being read */
	struct err *err; /* of the hook */
	int result; /* -1: the hook set err */
};

/* ---- what the pass shows ---- */

/* Write the part of a head, or a place without heads (-1), whose values begin at values. */
static int write_part(struct dump *dump, enum gpt_place place, int layer, int head,
                      const float *values, size_t stride)
{
	struct activations_record *out = &dump->out;
	const size_t width = (size_t)gpt_place_width(place, &dump->model->config);
	char hook[GPT_HOOK_NAME_MAX];

	for (int i = 0; i < out->rows.count; i++)
		for (size_t j = 0; j < width; j++)
			if (!isfinite(values[(size_t)out->rows.row[i] * stride + j]))
				return record_reader_bad(dump->records, dump->err, "layer %d: the model's %s is "
				                         "not finite", layer, gpt_place_name(place));
	gpt_place_hook_name(place, layer, hook);
	out->at = gpt_place_name(place);
	out->hook = hook;
	out->layer = gpt_place_in_block(place) ? layer : -1;
	out->head = head;
	out->values = values;
	out->width = width;
	out->stride = stride;
	return activations_write(dump->writer, out, record_reader_kinds(dump->records), dump->err);
}

static int write_heads(struct dump *dump, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct gpt_config *config = &dump->model->config;
	const size_t c = (size_t)config->width, d = c / (size_t)config->heads;
	int result = 0;

	if (place != GPT_RESULT)
		gpt_hook_read(gpt, place, layer, dump->values);
	for (int head = (int)range.heads.min; head <= range.heads.max && result == 0; head++) {
		if (place == GPT_RESULT)
			gpt_hook_read_result(gpt, layer, head, dump->values);
		result = write_part(dump, place, layer, head,
		                    dump->values + (place == GPT_RESULT ? 0 : (size_t)head * d), c);
	}
	return result;
}

/* The hook of the pass. After an error, nothing more is written. */
static void look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct dump *dump = context;
	const bool wanted = layer >= range.layers.min && layer <= range.layers.max;

	if (dump->result < 0 || (gpt_place_in_block(place) && !wanted))
		return;
	if (gpt_place_of_heads(place)) {
		dump->result = write_heads(dump, gpt, place, layer);
		return;
	}
	gpt_hook_read(gpt, place, layer, dump->values);
	dump->result = write_part(dump, place, layer, -1, dump->values,
	                          (size_t)gpt_place_width(place, &dump->model->config));
}

/* ---- the loop ---- */

/* The hook needs to know the rows before the pass. */
static int dump_record(struct dump *dump, const struct record *record, struct err *err)
{
	const int context = dump->model->config.context;
	const int rows = record->length < (uint32_t)context ? (int)record->length : context;
	struct err why = {0};
	const int count = record_reader_select(dump->records, record, rows_kind, rows, dump->row, err);

	if (count < 0)
		return -1;
	dump->out = (struct activations_record){
		.rows = {
			.record = record,
			.vocab = vocab_is_characters(dump->model->vocab) ? NULL : dump->model->vocab,
			.row = dump->row,
			.count = count,
		},
		.sample = record_reader_sample(dump->records),
	};
	dump->err = err;
	dump->result = 0;
	if (inspector_run(dump->inspector, record, &why) < 0)
		return record_reader_bad(dump->records, err, "%s", why.text);
	return dump->result;
}

/* The loop: texts in, activations out. */
static int run(struct dump *dump, struct err *err)
{
	uint64_t records = 0, tokens = 0;
	struct progress progress;
	struct record record;
	int more;

	progress_start(&progress, "texts", "tokens", quiet);
	while ((more = record_reader_next(dump->records, &record, err)) > 0) {
		if (dump_record(dump, &record, err) < 0)
			return -1;
		tokens += record.length;
		progress_update(&progress, ++records, tokens);
	}
	progress_end(&progress);
	return more < 0 ? -1 : stream_end(dump->writer, err);
}

/* Read --at, and check the other options against it and the model. */
static uint32_t check_options(const struct gpt_config *config)
{
	const bool layers = range.layers.max >= 0, heads = range.heads.max >= 0; /* are chosen */
	bool in_block = false, of_heads = false;
	struct err err = {0};
	uint32_t places;

	if (gpt_places_read(at, &places, &err) < 0)
		die_usage("--at: %s", err.text);
	for (int place = 0; place < GPT_PLACES; place++)
		if (places & GPT_PLACE_BIT(place)) {
			in_block |= gpt_place_in_block(place);
			of_heads |= gpt_place_of_heads(place);
		}
	if (head_range_check(&range, config, &err) < 0)
		err_exit(&err);
	if ((layers && !in_block) || (heads && !of_heads))
		die_usage("--%s: '%s' has none: see --at", layers && !in_block ? "layer" : "head", at);
	return places;
}

/* Make what the loop needs. */
static void start(struct dump *dump, uint32_t places, const char *directory, int argc, char **argv,
                  struct err *err)
{
	const struct gpt_config *config = &dump->model->config;
	const struct gpt_hook hook = {.places = places, .call = look, .context = dump};
	const size_t context = (size_t)config->context, inner = (size_t)gpt_inner(config);
	const size_t c = (size_t)config->width;
	json_t *header = activations_header(record_reader_header(dump->records), dump->model->vocab,
	                                    model_summary(dump->model, directory), argc, argv);

	dump->row = malloc(context * sizeof *dump->row);
	dump->values = malloc(context * (inner > c ? inner : c) * sizeof *dump->values);
	if (!dump->row || !dump->values)
		die("out of memory");
	dump->inspector = inspector_new_hooked(dump->model, backend_choose(backend, config, quiet),
	                                       &hook, err);
	if (dump->inspector)
		dump->writer = stream_create(STDOUT_FILENO, "standard output", header, err);
	if (!dump->writer)
		err_exit(err);
	json_decref(header);
}

int main(int argc, char **argv)
{
	const int operands = options_parse(&program, argc, argv);
	struct model model;
	struct dump dump = {.model = &model};
	struct err err = {0};

	if (model_load(argv[operands], &model, &err) < 0)
		err_exit(&err);
	const uint32_t places = check_options(&model.config);
	dump.records = record_reader_open(argv + operands + 1, argc - operands - 1, model.vocab, &err);
	if (!dump.records)
		err_exit(&err);
	start(&dump, places, argv[operands], argc, argv, &err);
	if (run(&dump, &err) < 0)
		err_exit(&err);
	inspector_free(dump.inspector);
	free(dump.row);
	free(dump.values);
	record_reader_close(dump.records);
	model_release(&model);
	return 0;
}
