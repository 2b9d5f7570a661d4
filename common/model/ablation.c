#include "common/model/ablation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/gpt_inspect.h"
#include "common/model/inspector.h"
#include "common/model/part_list.h"
#include "common/stream/record_reader.h"
#include "common/stream/span_mask.h"

#define PLACES (GPT_PLACE_BIT(GPT_Z) | GPT_PLACE_BIT(GPT_MLP_OUT))

struct ablation {
	struct part_list list;
	int width; /* of the network */
	float *mean; /* [list.count,width], of a part's columns in the first ones; NULL: zeros */
	const char *rows; /* the options' */
};

/* ---- means ---- */

/* What the hook of a pass needs. */
struct means {
	const struct ablation *ablation;
	const struct gpt_config *config;
	struct span_mask mask; /* the record's rows that count */
	int rows; /* of the record */
	float *out; /* [context,width] of a place */
	double *sum; /* [list.count,width] */
};

/* Add the rows that count of a part's columns. */
static void add_rows(const struct means *means, const struct part *part, double *sum)
{
	const size_t c = (size_t)means->config->width;
	const size_t d = (size_t)gpt_place_width(part->place, means->config);
	const float *out = means->out + (part->head < 0 ? 0 : (size_t)part->head * d);

	for (int r = 0; r < means->rows; r++)
		for (size_t j = 0; means->mask.in[r] && j < d; j++)
			sum[j] += (double)out[(size_t)r * c + j];
}

/* The hook. */
static void add_place(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct means *means = context;
	const struct part_list *list = &means->ablation->list;
	bool read = false;

	for (int i = 0; i < list->count; i++) {
		const struct part *part = &list->parts[i];
		if (part->place != place || part->layer != layer)
			continue;
		if (!read)
			gpt_hook_read(gpt, place, layer, means->out);
		read = true;
		add_rows(means, part, means->sum + (size_t)i * (size_t)means->config->width);
	}
}

/* Add up all records of a stream. Returns how many rows counted; -1 with err set. */
static int64_t sum_records(struct means *means, struct inspector *inspector,
                           struct record_reader *records, struct err *err)
{
	const int context = means->config->context;
	struct record record;
	struct err why = {0};
	int64_t count = 0;
	int more;

	while ((more = record_reader_next(records, &record, err)) > 0) {
		means->rows = record.length < (uint32_t)context ? (int)record.length : context;
		if (span_mask_find(&means->mask, &record, record.length, record_reader_kinds(records),
		                   err) < 0)
			return -1;
		if (inspector_run(inspector, &record, &why) < 0)
			return record_reader_bad(records, err, "%s", why.text);
		for (int r = 0; r < means->rows; r++)
			count += means->mask.in[r];
	}
	return more < 0 ? -1 : count;
}

/* Divide the sums of rows rows. */
static int divide(struct means *means, float *mean, int64_t rows, const char *path,
                  struct err *err)
{
	const struct part_list *list = &means->ablation->list;
	const size_t c = (size_t)means->config->width;
	char name[PART_NAME_MAX];

	if (rows == 0 && means->mask.kind)
		return err_set(err, "%s: no token in a span of kind '%s' to take a mean over",
		               err_path(path), means->mask.kind);
	if (rows == 0)
		return err_set(err, "%s: no token to take a mean over", err_path(path));
	for (size_t i = 0; i < (size_t)list->count * c; i++) {
		mean[i] = (float)(means->sum[i] / (double)rows);
		if (isfinite(mean[i]))
			continue;
		part_name(&list->parts[i / c], means->config, name);
		return err_set(err, "%s: the mean of %s over it is not finite", err_path(path), name);
	}
	return 0;
}

static int take_means(struct ablation *ablation, const char *path, const struct model *model,
                      const struct kernels *kernels, struct err *err)
{
	const size_t c = (size_t)model->config.width, values = (size_t)ablation->list.count * c;
	char *paths[] = {(char *)path}; /* record_reader_open() takes an argv */
	struct means means = {
		.ablation = ablation, .config = &model->config, .mask = {.kind = ablation->rows},
		.out = malloc((size_t)model->config.context * c * sizeof *means.out),
		.sum = calloc(values, sizeof *means.sum),
	};
	const struct gpt_hook hook = {.places = PLACES, .call = add_place, .context = &means};
	struct record_reader *records = record_reader_open(paths, 1, model->vocab, err);
	struct inspector *inspector =
		records ? inspector_new_hooked(model, kernels, &hook, err) : NULL;
	int result = -1;

	ablation->mean = malloc(values * sizeof *ablation->mean);
	if (!means.sum || !means.out || !ablation->mean) {
		err_set(err, "out of memory");
	} else if (inspector) {
		const int64_t rows = sum_records(&means, inspector, records, err);
		result = rows < 0 ? -1 : divide(&means, ablation->mean, rows, path, err);
	}
	free(means.out);
	free(means.sum);
	span_mask_release(&means.mask);
	inspector_free(inspector);
	record_reader_close(records);
	return result;
}

/* ---- the whole ---- */

static int check_options(const struct ablation_options *options, bool *mean, struct err *err)
{
	*mean = options->to && strcmp(options->to, "mean") == 0;
	if (options->to && !*mean && strcmp(options->to, "zero") != 0)
		return err_usage(err, "--ablate-to: '%.80s': expected zero or mean", options->to);
	if ((options->to || options->rows) && !options->parts)
		return err_usage(err, "--%s: no part is named by --ablate",
		                 options->to ? "ablate-to" : "rows");
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
	if (!options->parts)
		return 0;
	new = calloc(1, sizeof *new);
	if (!new)
		return err_set(err, "out of memory");
	new->width = model->config.width;
	new->rows = options->rows;
	if (part_list_parse(&new->list, "--ablate", options->parts, PLACES, &model->config, err) < 0 ||
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
	part_list_release(&ablation->list);
	free(ablation->mean);
	free(ablation);
}

int ablation_apply(const struct ablation *ablation, struct gpt *gpt, struct err *err)
{
	for (int i = 0; ablation && i < ablation->list.count; i++) {
		const struct part *part = &ablation->list.parts[i];
		const float *mean = ablation->mean ? ablation->mean + (size_t)i * (size_t)ablation->width :
		                    NULL;
		if ((part->place == GPT_MLP_OUT ? gpt_ablate_mlp(gpt, part->layer, mean, err) :
		     gpt_ablate_head(gpt, part->layer, part->head, mean, err)) < 0)
			return -1;
	}
	return 0;
}

json_t *ablation_summary(const struct ablation *ablation)
{
	json_t *mlp;

	if (!ablation)
		return json_null();
	mlp = part_list_json(&ablation->list, GPT_MLP_OUT);
	if (json_array_size(mlp) == 0) {
		json_decref(mlp);
		mlp = NULL;
	}
	return json_pack("{s:o, s:o*, s:s, s:s*}", "heads", part_list_json(&ablation->list, GPT_Z),
	                 "mlp", mlp, "to", ablation->mean ? "mean" : "zero", "rows", ablation->rows);
}
