/* attn-dump - the attention matrix of every head over a text. */
#include <stdlib.h>
#include <unistd.h>

#include "common/attention.h"
#include "common/err.h"
#include "common/model.h"
#include "common/options.h"
#include "common/progress.h"
#include "common/source.h"
#include "common/stream.h"

static struct option_range layers = {0, -1}; /* max -1: all */
static struct option_range heads = {0, -1};
static const char *rows_kind; /* rows of tokens in spans of this kind only; NULL: all */
static bool quiet;

static const struct option options[] = {
	{"layer", 0, OPTION_RANGE, &layers, "N[-M]", "these layers only, from 0 (default: all)",
	 0, GPT_LAYERS_MAX - 1, NULL},
	{"head", 0, OPTION_RANGE, &heads, "N[-M]", "these heads only, from 0 (default: all)",
	 0, GPT_WIDTH_MAX - 1, NULL},
	{"rows", 'r', OPTION_TEXT, &rows_kind, "KIND",
	 "rows of tokens in spans of this kind only (default: all)", 0, 0, NULL},
	{"quiet", 'q', OPTION_FLAG, &quiet, NULL, "show no progress", 0, 0, NULL},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Write the attention matrices of a model's heads over texts.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* What the loop works with. */
struct dump {
	struct attention *attention;
	struct source *source;
	struct stream_writer *writer;
	int32_t *query; /* [context] the rows wanted of a record */
};

/* --layer or --head, against what the model has. */
static void check_range(struct option_range *range, const char *what, int have)
{
	if (range->max >= have)
		die_usage("--%s: the model has no %s %lld, only 0 to %d", what, what,
		          (long long)range->max, have - 1);
	if (range->max < 0)
		range->max = have - 1;
}

/* The rows of a record that are wanted, of those there are. -1 with err set. */
static int select_rows(struct dump *dump, const struct record *record, int rows,
                       struct err *err)
{
	long first = rows_kind ? source_find(dump->source, record, rows_kind, err) : 0;
	int count = 0;

	if (first < 0)
		return -1;
	if (!rows_kind)
		for (; count < rows; count++)
			dump->query[count] = count;
	for (uint32_t i = (uint32_t)first; rows_kind && i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		if (span->kind != record->spans[first].kind)
			continue;
		for (uint32_t at = span->begin; at < span->end && at < (uint32_t)rows; at++)
			dump->query[count++] = (int32_t)at;
	}
	return count;
}

/* The matrices of one record. */
static int dump_record(struct dump *dump, const struct record *record, struct err *err)
{
	struct attention_record out = {
		.record = record,
		.sample = source_sample(dump->source),
		.query = dump->query,
	};
	struct err why = {0};

	out.rows = attention_run(dump->attention, record, &why);
	if (out.rows < 0)
		return source_bad(dump->source, err, "%s", why.text);
	out.count = select_rows(dump, record, out.rows, err);
	if (out.count < 0)
		return -1;
	for (out.layer = (int)layers.min; out.layer <= layers.max; out.layer++)
		for (out.head = (int)heads.min; out.head <= heads.max; out.head++) {
			out.matrix = attention_matrix(dump->attention, out.layer, out.head, &why);
			if (!out.matrix)
				return source_bad(dump->source, err, "%s", why.text);
			if (attention_write(dump->writer, &out, source_kinds(dump->source), err) < 0)
				return -1;
		}
	return 0;
}

/* The loop: texts in, matrices out. */
static int run(struct dump *dump, struct err *err)
{
	uint64_t records = 0, characters = 0;
	struct progress progress;
	struct record record;
	int more;

	progress_start(&progress, "texts", "characters", quiet);
	while ((more = source_next(dump->source, &record, err)) > 0) {
		if (dump_record(dump, &record, err) < 0)
			return -1;
		characters += record.length;
		progress_update(&progress, ++records, characters);
	}
	progress_end(&progress);
	return more;
}

int main(int argc, char **argv)
{
	int operands = options_parse(&program, argc, argv);
	struct dump dump = {0};
	struct model model;
	struct err err = {0};

	if (model_load(argv[operands], &model, &err) < 0)
		err_exit(&err);
	check_range(&layers, "layer", model.config.layers);
	check_range(&heads, "head", model.config.heads);
	dump.source = source_open(argv + operands + 1, argc - operands - 1, model.vocab, &err);
	if (!dump.source)
		err_exit(&err);
	json_t *header = attention_header(source_header(dump.source), &model, argv[operands], argc,
	                                  argv);
	dump.attention = attention_new(&model, &err);
	dump.query = malloc((size_t)model.config.context * sizeof *dump.query);
	if (!dump.query)
		die("out of memory");
	dump.writer = dump.attention ? stream_create(STDOUT_FILENO, "standard output", header, &err)
	                             : NULL;
	if (!dump.writer || run(&dump, &err) < 0 || stream_end(dump.writer, &err) < 0)
		err_exit(&err);
	attention_free(dump.attention);
	free(dump.query);
	json_decref(header);
	source_close(dump.source);
	model_release(&model);
	return 0;
}
