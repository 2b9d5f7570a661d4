#include "common/model/ablation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/gpt_inspect.h"
#include "common/model/part_list.h"
#include "common/model/inspector.h"
#include "common/stream/record_reader.h"

struct ablation {
	struct part_list list;
	int head_width; /* of a head's output */
	float *mean; /* [list.count,head_width]; NULL: zeros */
};

/* ---- means ---- */

/* Add a record's rows to sum[list.count,head_width]. width: of the network. */
static void add_rows(const struct ablation *ablation, struct inspector *inspector, int rows,
                     int width, double *sum)
{
	const int d = ablation->head_width;

	for (int i = 0; i < ablation->list.count; i++) {
		const struct part *head = &ablation->list.parts[i];
		const float *out = inspector_head_outputs(inspector, head->layer) + head->head * d;
		for (int r = 0; r < rows; r++)
			for (int j = 0; j < d; j++)
				sum[i * d + j] += (double)out[(size_t)r * (size_t)width + (size_t)j];
	}
}

/* Add up all records of a stream. Returns how many rows they had; -1 with err set. */
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
	const size_t values = (size_t)ablation->list.count * (size_t)ablation->head_width;
	char *paths[] = {(char *)path}; /* record_reader_open() takes an argv */
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
		rows = err_set(err, "%s: no token to take a mean over", err_path(path));
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
	new->head_width = model->config.width / model->config.heads;
	if (part_list_parse(&new->list, "--ablate", options->heads, GPT_PLACE_BIT(GPT_Z),
	                    &model->config, err) < 0 ||
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
		const struct part *head = &ablation->list.parts[i];
		const float *mean = ablation->mean ? ablation->mean + i * ablation->head_width : NULL;
		if (gpt_ablate_head(gpt, head->layer, head->head, mean, err) < 0)
			return -1;
	}
	return 0;
}

json_t *ablation_summary(const struct ablation *ablation)
{
	if (!ablation)
		return json_null();
	return json_pack("{s:o, s:s}", "heads", part_list_json(&ablation->list, GPT_Z), "to",
	                 ablation->mean ? "mean" : "zero");
}
