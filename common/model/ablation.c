#include "common/model/ablation.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/gpt_inspect.h"
#include "common/model/inspector.h"
#include "common/stream/record_reader.h"

struct target {
	int layer, head;
};

struct ablation {
	int count;
	struct target *targets; /* [count] */
	int width; /* of a head's output */
	float *mean; /* [count, width]; NULL: zero */
};

/* ---- the heads ---- */

static int malformed(struct err *err)
{
	return err_usage(err, "--ablate: expected layer.head, like 0.3, a layer, like 0, or ranges, "
	                      "like 0-1.2-3, with a comma between two of them");
}

/* A whole number of exactly size bytes, below have. */
static int parse_number(const char *text, size_t size, const char *what, int have, int *number,
                        struct err *err)
{
	char digits[12];
	int64_t value;

	if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size)
		return malformed(err);
	memcpy(digits, text, size);
	digits[size] = '\0';
	if (option_int("--ablate", digits, 0, INT64_MAX, &value, err) < 0)
		return -1;
	if (value >= have)
		return err_usage(err, "--ablate: the model has no %s %lld, only 0 to %d", what,
		                 (long long)value, have - 1);
	*number = (int)value;
	return 0;
}

struct range {
	int min, max;
};

/* "N" or "N-M" of exactly size bytes. */
static int parse_range(const char *text, size_t size, const char *what, int have,
                       struct range *range, struct err *err)
{
	const char *dash = memchr(text, '-', size);
	size_t first = dash ? (size_t)(dash - text) : size;

	if (parse_number(text, first, what, have, &range->min, err) < 0)
		return -1;
	range->max = range->min;
	if (dash && parse_number(dash + 1, size - first - 1, what, have, &range->max, err) < 0)
		return -1;
	if (range->max < range->min)
		return err_usage(err, "--ablate: %ss %d-%d: expected the smaller number first", what,
		                 range->min, range->max);
	return 0;
}

/* The heads of one part of the list. */
static int add_heads(struct ablation *ablation, const char *text, size_t size,
                     const struct gpt_config *config, bool *named, struct err *err)
{
	const char *dot = memchr(text, '.', size);
	size_t layer = dot ? (size_t)(dot - text) : size;
	struct range layers, heads = {0, config->heads - 1};

	if (parse_range(text, layer, "layer", config->layers, &layers, err) < 0 ||
	    (dot && parse_range(dot + 1, size - layer - 1, "head", config->heads, &heads, err) < 0))
		return -1;
	for (int l = layers.min; l <= layers.max; l++)
		for (int h = heads.min; h <= heads.max; h++) {
			bool *before = &named[l * config->heads + h];
			if (*before)
				return err_usage(err, "--ablate: %d.%d stands there twice", l, h);
			*before = true;
			ablation->targets[ablation->count++] = (struct target){l, h};
		}
	return 0;
}

static int parse_heads(struct ablation *ablation, const char *text,
                       const struct gpt_config *config, struct err *err)
{
	const size_t all = (size_t)config->layers * (size_t)config->heads;
	bool *named = calloc(all, sizeof *named);
	int result = 0;

	ablation->targets = malloc(all * sizeof *ablation->targets);
	if (!named || !ablation->targets)
		result = err_set(err, "out of memory");
	for (const char *end; text && result == 0; text = *end ? end + 1 : NULL) {
		size_t size = strcspn(text, ",");
		end = text + size;
		result = add_heads(ablation, text, size, config, named, err);
	}
	free(named);
	return result;
}

/* ---- their means ---- */

/* Add a record's rows to sum [count, width]. */
static void add_rows(const struct ablation *ablation, struct inspector *inspector, int rows,
                     int width, double *sum)
{
	const int d = ablation->width;

	for (int i = 0; i < ablation->count; i++) {
		const struct target *target = &ablation->targets[i];
		const float *out = inspector_head_outputs(inspector, target->layer) + target->head * d;
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < d; j++)
				sum[i * d + j] += (double)out[(size_t)r * (size_t)width + (size_t)j];
	}
}

/* Sum over all records. The rows there were; -1 with err set. */
static int64_t sum_records(const struct ablation *ablation, struct inspector *inspector,
                           struct record_reader *records, int width, double *sum, struct err *err)
{
	struct record record;
	struct err why = {0};
	int64_t count = 0;
	int more;

	while ((more = record_reader_next(records, &record, err)) > 0) {
		int rows = inspector_run(inspector, &record, &why);
		if (rows < 0)
			return record_reader_bad(records, err, "%s", why.text);
		add_rows(ablation, inspector, rows, width, sum);
		count += rows;
	}
	return more < 0 ? -1 : count;
}

static int take_means(struct ablation *ablation, const char *path, const struct model *model,
                      const struct kernels *kernels, struct err *err)
{
	const size_t values = (size_t)ablation->count * (size_t)ablation->width;
	char *paths[] = {(char *)path}; /* as argv has them */
	struct record_reader *records = record_reader_open(paths, 1, model->vocab, err);
	struct inspector *inspector = records ? inspector_new(model, kernels, err) : NULL;
	double *sum = calloc(values, sizeof *sum);
	int64_t rows = -1;

	ablation->mean = malloc(values * sizeof *ablation->mean);
	if (!sum || !ablation->mean)
		err_set(err, "out of memory");
	else if (inspector)
		rows = sum_records(ablation, inspector, records, model->config.width, sum, err);
	if (rows == 0)
		rows = err_set(err, "%s: no character to take a mean over", err_path(path));
	for (size_t i = 0; rows > 0 && i < values; i++) {
		ablation->mean[i] = (float)(sum[i] / (double)rows);
		if (!isfinite(ablation->mean[i]))
			rows = err_set(err, "%s: a head's mean over it is not finite",
			               err_path(path));
	}
	free(sum);
	inspector_free(inspector);
	record_reader_close(records);
	return rows < 0 ? -1 : 0;
}

/* ---- the whole ---- */

static int check_options(const struct ablation_options *options, bool *mean, struct err *err)
{
	*mean = options->to && strcmp(options->to, "mean") == 0;
	if (options->to && !*mean && strcmp(options->to, "zero") != 0)
		return err_usage(err, "--ablate-to: '%.80s': expected zero or mean", options->to);
	if (options->to && !options->heads)
		return err_usage(err, "--ablate-to: no head is named by --ablate");
	if (options->over && !*mean)
		return err_usage(err, "--mean-over: only with --ablate-to mean");
	if (*mean && !options->over)
		return err_usage(err, "--ablate-to mean: the texts to take the mean over are "
		                      "missing, --mean-over FILE");
	return 0;
}

int ablation_new(const struct ablation_options *options, const struct model *model,
                 const struct kernels *kernels, struct ablation **ablation, struct err *err)
{
	struct ablation *new;
	bool mean;

	*ablation = NULL;
	if (check_options(options, &mean, err) < 0)
		return -1;
	if (!options->heads)
		return 0;
	new = calloc(1, sizeof *new);
	if (!new)
		return err_set(err, "out of memory");
	new->width = model->config.width / model->config.heads;
	if (parse_heads(new, options->heads, &model->config, err) < 0 ||
	    (mean && take_means(new, options->over, model, kernels, err) < 0)) {
		ablation_free(new);
		return -1;
	}
	*ablation = new;
	return 0;
}

void ablation_free(struct ablation *ablation)
{
	if (!ablation)
		return;
	free(ablation->targets);
	free(ablation->mean);
	free(ablation);
}

int ablation_apply(const struct ablation *ablation, struct gpt *gpt, struct err *err)
{
	for (int i = 0; ablation && i < ablation->count; i++) {
		const struct target *target = &ablation->targets[i];
		const float *mean = ablation->mean ? ablation->mean + i * ablation->width : NULL;
		if (gpt_ablate_head(gpt, target->layer, target->head, mean, err) < 0)
			return -1;
	}
	return 0;
}

json_t *ablation_summary(const struct ablation *ablation)
{
	json_t *heads;

	if (!ablation)
		return json_null();
	heads = json_array();
	for (int i = 0; i < ablation->count; i++)
		json_array_append_new(heads, json_sprintf("%d.%d", ablation->targets[i].layer,
		                                          ablation->targets[i].head));
	return json_pack("{s:o, s:s}", "heads", heads, "to", ablation->mean ? "mean" : "zero");
}
