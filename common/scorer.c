#include "common/scorer.h"

#include <stdlib.h>

struct scorer {
	struct gpt *gpt;
	const struct gpt_config *config;
	const struct vocab *vocab;
	struct sampler *sampler;
	int32_t *token, *position; /* [context] */
	float *logits; /* [context, vocab] */
};

struct scorer *scorer_new(struct gpt *gpt, const struct gpt_config *config,
                          const struct vocab *vocab, int probs, struct err *err)
{
	struct scorer *scorer = calloc(1, sizeof *scorer);
	size_t context = (size_t)config->context;

	if (!scorer) {
		err_set(err, "out of memory");
		return NULL;
	}
	scorer->gpt = gpt;
	scorer->config = config;
	scorer->vocab = vocab;
	scorer->token = malloc(context * sizeof *scorer->token);
	scorer->position = malloc(context * sizeof *scorer->position);
	scorer->logits = malloc(context * (size_t)config->vocab * sizeof *scorer->logits);
	scorer->sampler = sampler_new(config->vocab, probs, err);
	if (scorer->token && scorer->position && scorer->logits && scorer->sampler)
		return scorer;
	err_set(err, "out of memory for the logits of a text");
	scorer_free(scorer);
	return NULL;
}

void scorer_free(struct scorer *scorer)
{
	if (!scorer)
		return;
	sampler_free(scorer->sampler);
	free(scorer->token);
	free(scorer->position);
	free(scorer->logits);
	free(scorer);
}

/* Row i predicts token i + 1, so the last token needs no row. */
static void forward(struct scorer *scorer, const struct job *job, int rows)
{
	int32_t begin[2] = {0, rows};
	struct gpt_batch batch = {
		.count = rows,
		.sequences = {.count = 1, .begin = begin, .longest = rows},
		.token = scorer->token,
		.position = scorer->position,
	};

	for (int i = 0; i < rows; i++) {
		scorer->token[i] = job->tokens[i];
		scorer->position[i] = i;
	}
	gpt_forward(scorer->gpt, &batch, NULL);
	gpt_logits(scorer->gpt, scorer->logits);
}

static void score(struct scorer *scorer, struct job *job)
{
	int rows = (int)job->generation.length - 1;
	struct sampler_step step;

	if (rows > 0)
		forward(scorer, job, rows);
	for (int i = 0; i < rows; i++) {
		if (job->wanted && !job->wanted[i + 1])
			continue;
		if (sampler_look(scorer->sampler,
		                 scorer->logits + (size_t)i * (size_t)scorer->config->vocab) < 0) {
			err_set(&job->err, "the model's logits are not finite");
			return;
		}
		sampler_step(scorer->sampler, job->tokens[i + 1], &step);
		if (job_step(job, scorer->vocab, (uint32_t)i + 1, &step) < 0)
			return;
	}
	job_finish(job, scorer->vocab, GENERATION_END);
}

void scorer_run(struct scorer *scorer, struct job_queue *queue)
{
	struct job *job;

	while ((job = job_queue_take(queue, true))) {
		score(scorer, job);
		job_queue_done(queue, job);
	}
}
