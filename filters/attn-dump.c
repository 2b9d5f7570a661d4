/* attn-dump - the attention matrix of every head over a text. */
#include <stdio.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/eval/attention_mass.h"
#include "common/model/backend.h"
#include "common/model/head_range.h"
#include "common/model/model.h"
#include "common/model/model_attention.h"
#include "common/stream/attention.h"
#include "common/stream/record_reader.h"
#include "common/stream/stream.h"

static struct head_range range = HEAD_RANGE_ALL;
static const char *rows_kind; /* only rows of tokens in spans of this kind; NULL: all */
static bool by_span; /* a table of what attention goes to, instead of the matrices */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	HEAD_RANGE_OPTIONS(range),
	{.name = "rows", .key = 'r', .type = OPTION_TEXT, .value = &rows_kind, .argument = "KIND",
	 .text = "rows of tokens in spans of this kind only (default: all)"},
	{.name = "by-span", .key = 's', .type = OPTION_FLAG, .value = &by_span,
	 .text = "print how much attention the rows of KIND give to what, instead of the matrices "
	         "(default KIND: answer)"},
	BACKEND_OPTION(backend),
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Write the attention matrices of a model's heads over texts.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* The state of the loop. */
struct dump {
	struct model_attention *attention;
	struct record_reader *records;
	struct stream_writer *writer; /* of the matrices; NULL with --by-span */
	struct attention_mass *mass; /* of --by-span; NULL without */
};

/* Write one head's matrix, or add it to the table. */
static int dump_head(struct dump *dump, const struct attention_record *head, struct err *err)
{
	const struct span_kinds *kinds = record_reader_kinds(dump->records);
	const float *matrix;
	int rows;

	if (!dump->mass)
		return attention_write(dump->writer, head, kinds, err);
	matrix = model_attention_matrix(dump->attention, &rows);
	return attention_mass_add(dump->mass, head->record, kinds, span_kind_find(kinds, rows_kind),
	                          head->layer, head->head, rows, matrix, err);
}

/* A line of the table of --by-span. */
static void print_mean(int layer, int head, int place, enum mass_to to,
                       const struct mean *mean)
{
	if (place == MASS_ALL_PLACES)
		printf("%d\t%d\tall\t%s", layer, head, mass_words[to]);
	else
		printf("%d\t%d\t%d\t%s", layer, head, place, mass_words[to]);
	if (mean->count == 0)
		printf("\t-\t-\t-\t0\n");
	else if (mean->count == 1)
		printf("\t%.6f\t-\t-\t1\n", mean->mean);
	else
		printf("\t%.6f\t%.6f\t%.6f\t%llu\n", mean->mean, mean->low, mean->high,
		       (unsigned long long)mean->count);
}

static void print_table(const struct attention_mass *mass)
{
	const int places = attention_mass_places(mass);

	puts("layer\thead\tplace\tto\tmean\tlow\thigh\trecords");
	for (int layer = (int)range.layers.min; places > 0 && layer <= range.layers.max; layer++)
		for (int head = (int)range.heads.min; head <= range.heads.max; head++)
			for (int place = MASS_ALL_PLACES; place < places; place++)
				for (enum mass_to to = 0; to < MASS_COUNT; to++) {
					struct mean mean = attention_mass_mean(mass, layer, head,
					                                            place, to);
					print_mean(layer, head, place, to, &mean);
				}
}

/* End the output: the stream, or the table. */
static int finish(struct dump *dump, struct err *err)
{
	if (!dump->mass)
		return stream_end(dump->writer, err);
	print_table(dump->mass);
	return file_end_stdout(err);
}

/* The loop: texts in, matrices or a table out. */
static int run(struct dump *dump, struct err *err)
{
	struct progress progress;
	struct attention_record head;
	int more;

	progress_start(&progress, "texts", "tokens", quiet);
	while ((more = model_attention_next(dump->attention, &head, err)) > 0) {
		if (dump_head(dump, &head, err) < 0)
			return -1;
		progress_update(&progress, model_attention_records(dump->attention),
		                model_attention_tokens(dump->attention));
	}
	progress_end(&progress);
	return more;
}

/* Make what the loop needs: the network, and the writer or the table. */
static void start(struct dump *dump, const struct model *model, const char *directory, int argc,
                  char **argv, struct err *err)
{
	const struct gpt_config *config = &model->config;
	const struct attention_choice choice = {
		.first_layer = (int)range.layers.min, .last_layer = (int)range.layers.max,
		.first_head = (int)range.heads.min, .last_head = (int)range.heads.max,
		.rows_kind = rows_kind,
	};
	json_t *header = attention_header(record_reader_header(dump->records), model->vocab,
	                                  model_summary(model, directory), argc, argv);

	dump->attention = model_attention_new(model, backend_choose(backend, config, quiet),
	                                      dump->records, &choice, err);
	if (dump->attention && by_span)
		dump->mass = attention_mass_new(config->layers, config->heads, model->vocab, err);
	else if (dump->attention)
		dump->writer = stream_create(STDOUT_FILENO, "standard output", header, err);
	if (!dump->mass && !dump->writer)
		err_exit(err);
	json_decref(header);
}

int main(int argc, char **argv)
{
	int operands = options_parse(&program, argc, argv);
	struct dump dump = {0};
	struct model model;
	struct err err = {0};

	if (by_span && !rows_kind)
		rows_kind = "answer";
	if (model_load(argv[operands], &model, &err) < 0)
		err_exit(&err);
	if (head_range_check(&range, &model.config, &err) < 0)
		err_exit(&err);
	dump.records = record_reader_open(argv + operands + 1, argc - operands - 1, model.vocab, &err);
	if (!dump.records)
		err_exit(&err);
	start(&dump, &model, argv[operands], argc, argv, &err);
	if (run(&dump, &err) < 0 || finish(&dump, &err) < 0)
		err_exit(&err);
	model_attention_free(dump.attention);
	attention_mass_free(dump.mass);
	record_reader_close(dump.records);
	model_release(&model);
	return 0;
}
