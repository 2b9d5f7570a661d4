#include "common/model/inspector.h"

#include <math.h>
#include <stdlib.h>

#include "common/model/gpt_inspect.h"

struct inspector {
	struct gpt_config config;
	const struct kernels *kernels;
	struct device *dev;
	const float *host_params, *params; /* the model's, and on the device */
	struct gpt *gpt;
	int32_t *token, *position; /* [context] */
	float *matrix; /* [context, context] */
	float *logits; /* [context, vocab] of one head; NULL until the first request */
	int32_t begin[2];
	struct gpt_batch batch; /* the last record: one sequence, batch.count rows */
};

/* The network in device memory, its parameters first. */
static int place_network(struct inspector *inspector, const struct model *model,
                         enum gpt_keep keep, struct err *err)
{
	const struct gpt_config *config = &model->config;
	const struct kernels *k = inspector->kernels;

	inspector->dev = k->open(DTYPE_F32, err);
	if (!inspector->dev)
		return -1;
	inspector->host_params = model->params;
	inspector->params = gpt_upload_parameters(config, k, inspector->dev, model->params, err);
	if (!inspector->params)
		return -1;
	inspector->gpt = gpt_new(config, k, inspector->dev, inspector->params, config->context, keep,
	                         err);
	return inspector->gpt ? 0 : -1;
}

static struct inspector *new_inspector(const struct model *model, const struct kernels *kernels,
                                       enum gpt_keep keep, struct err *err)
{
	struct inspector *inspector = calloc(1, sizeof *inspector);
	const size_t context = (size_t)model->config.context;

	if (!inspector) {
		err_set(err, "out of memory");
		return NULL;
	}
	inspector->config = model->config;
	inspector->kernels = kernels;
	inspector->token = malloc(context * sizeof *inspector->token);
	inspector->position = malloc(context * sizeof *inspector->position);
	if (inspector->token && inspector->position &&
	    place_network(inspector, model, keep, err) == 0)
		return inspector;
	err_set(err, "out of memory for a text of %zu tokens", context);
	inspector_free(inspector);
	return NULL;
}

struct inspector *inspector_new(const struct model *model, const struct kernels *kernels,
                                struct err *err)
{
	struct inspector *inspector = new_inspector(model, kernels, GPT_KEEP_ATTENTION, err);
	const size_t context = (size_t)model->config.context;

	if (!inspector)
		return NULL;
	inspector->matrix = malloc(context * context * sizeof *inspector->matrix);
	if (inspector->matrix)
		return inspector;
	err_set(err, "out of memory for a matrix of %zu rows", context);
	inspector_free(inspector);
	return NULL;
}

struct inspector *inspector_new_hooked(const struct model *model, const struct kernels *kernels,
                                       const struct gpt_hook *hook, struct err *err)
{
	struct inspector *inspector = new_inspector(model, kernels, GPT_KEEP_NOTHING, err);

	if (inspector)
		gpt_set_hook(inspector->gpt, hook);
	return inspector;
}

void inspector_free(struct inspector *inspector)
{
	if (!inspector)
		return;
	gpt_free(inspector->gpt);
	if (inspector->dev) {
		gpt_free_uploaded(inspector->kernels, inspector->dev, inspector->params,
		                  inspector->host_params);
		inspector->kernels->close(inspector->dev);
	}
	free(inspector->token);
	free(inspector->position);
	free(inspector->matrix);
	free(inspector->logits);
	free(inspector);
}

int inspector_run(struct inspector *inspector, const struct record *record, struct err *err)
{
	const int context = inspector->config.context;
	int rows = (int)record->length;

	if (gpt_check_text(&inspector->config, record->length, err) < 0)
		return -1;
	if (rows > context)
		rows = context;
	for (int i = 0; i < rows; i++) {
		inspector->token[i] = record->tokens[i];
		inspector->position[i] = i;
	}
	inspector->begin[1] = rows;
	inspector->batch = (struct gpt_batch){
		.count = rows,
		.sequences = {.count = 1, .begin = inspector->begin, .longest = rows},
		.token = inspector->token,
		.position = inspector->position,
	};
	if (rows > 0)
		gpt_forward(inspector->gpt, &inspector->batch, NULL);
	return rows;
}

const float *inspector_attention(struct inspector *inspector, int layer, int head,
                                 struct err *err)
{
	const size_t rows = (size_t)inspector->batch.count;

	if (rows > 0)
		gpt_attention_probs(inspector->gpt, layer, 0, head, inspector->matrix);
	for (size_t i = 0; i < rows * rows; i++)
		if (!isfinite(inspector->matrix[i])) {
			err_set(err, "layer %d, head %d: the model's attention is not finite", layer,
			        head);
			return NULL;
		}
	return inspector->matrix;
}

const float *inspector_head_logits(struct inspector *inspector, int layer, int head, int first,
                                   int count, struct err *err)
{
	if (!inspector->logits)
		inspector->logits = malloc((size_t)inspector_logit_rows(inspector) *
		                           (size_t)inspector->config.vocab * sizeof *inspector->logits);
	if (!inspector->logits)
		err_set(err, "out of memory for the logits of a head");
	else if (count > 0)
		gpt_head_logits(inspector->gpt, layer, head, first, count, inspector->logits);
	return inspector->logits;
}

int inspector_logit_rows(const struct inspector *inspector)
{
	return gpt_logit_rows(inspector->gpt);
}
