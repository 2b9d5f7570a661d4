#include "common/eval/head_score.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/rng.h"
#include "common/model/inspector.h"

const char *const head_score_words[HEAD_SCORES] = {
	[HEAD_PREVIOUS] = "previous",
	[HEAD_DUPLICATE] = "duplicate",
	[HEAD_INDUCTION] = "induction",
	[HEAD_COPYING] = "copying",
};

struct head_scores {
	struct gpt_config config;
	struct inspector *inspector;
	struct moments *at; /* [layers, heads, HEAD_SCORES] */
	struct moments chance[HEAD_SCORES];
	float *uniform; /* [context, context] the matrix of a head that attends to all keys equally */
};

/* ---- random sequences ---- */

void head_sequence(uint64_t seed, uint64_t index, int vocab, int period, int copies,
                   uint16_t *tokens)
{
	struct rng rng;

	rng_init(&rng, seed, RNG_HEADS, index);
	for (int i = 0; i < period;) {
		bool new = true;
		tokens[i] = (uint16_t)rng_below(&rng, (uint64_t)vocab);
		for (int j = 0; j < i; j++)
			new &= tokens[j] != tokens[i];
		i += new;
	}
	for (int i = period; i < copies * period; i++)
		tokens[i] = tokens[i - period];
}

/* ---- one matrix ---- */

/* The mean over a record, and whether the record has one. */
struct score {
	double mean;
	bool has;
};

static struct score previous_token(const float *matrix, int rows)
{
	double sum = 0;

	for (int q = 1; q < rows; q++)
		sum += (double)matrix[(size_t)q * (size_t)rows + (size_t)q - 1];
	return (struct score){sum / (rows - 1), rows > 1};
}

/* How much attention row q gives to the keys at this distance after an earlier token equal
 * to its own: 0 is the equal token itself, 1 the one that followed it. The row of a token
 * that did not occur before does not count: *met stays. */
static double like_own(const float *row, const uint16_t *tokens, int q, int after, int *met)
{
	double sum = 0;
	bool found = false;

	for (int k = 0; k < q; k++)
		if (tokens[k] == tokens[q]) {
			sum += (double)row[k + after];
			found = true;
		}
	*met += found;
	return sum;
}

static struct score matching(const float *matrix, const uint16_t *tokens, int rows, int after)
{
	double sum = 0;
	int met = 0;

	for (int q = 1; q < rows; q++)
		sum += like_own(matrix + (size_t)q * (size_t)rows, tokens, q, after, &met);
	return (struct score){sum / met, met > 0};
}

/* Of all that logits [vocab] are above their mean, the share of this token. */
static double raised_share(const float *logits, int vocab, int token)
{
	double mean = 0, largest = 0, raised = 0;

	for (int i = 0; i < vocab; i++) {
		mean += (double)logits[i] / vocab;
		largest = fmax(largest, fabs((double)logits[i]));
	}
	for (int i = 0; i < vocab; i++)
		raised += fmax(0, (double)logits[i] - mean);
	if (!isfinite(mean))
		return NAN;
	/* Logits that differ only by rounding raise nothing. */
	if (raised <= largest * vocab * 1e-6)
		return 0;
	return fmax(0, (double)logits[token] - mean) / raised;
}

/* The mean over the rows, whose logits are computed a block at a time. -1 with err set. */
static int copying(struct head_scores *scores, const uint16_t *tokens, int rows, int layer,
                   int head, struct score *score, struct err *err)
{
	const int vocab = scores->config.vocab, most = inspector_logit_rows(scores->inspector);
	double sum = 0;

	for (int first = 0, count; first < rows; first += count) {
		count = rows - first < most ? rows - first : most;
		const float *logits = inspector_head_logits(scores->inspector, layer, head, first, count,
		                                            err);
		if (!logits)
			return -1;
		for (int k = 0; k < count; k++)
			sum += raised_share(logits + (size_t)k * (size_t)vocab, vocab, tokens[first + k]);
	}
	*score = (struct score){sum / rows, rows > 0};
	return 0;
}

/* ---- records ---- */

static void count(struct moments *moments, struct score score)
{
	if (score.has)
		moments_add(moments, score.mean);
}

static void count_patterns(struct moments moments[HEAD_SCORES], const float *matrix,
                           const uint16_t *tokens, int rows)
{
	count(&moments[HEAD_PREVIOUS], previous_token(matrix, rows));
	count(&moments[HEAD_DUPLICATE], matching(matrix, tokens, rows, 0));
	count(&moments[HEAD_INDUCTION], matching(matrix, tokens, rows, 1));
}

static int count_head(struct head_scores *scores, const struct record *record, int rows,
                      int layer, int head, struct err *err)
{
	const struct gpt_config *config = &scores->config;
	struct moments *moments = scores->at + (layer * config->heads + head) * HEAD_SCORES;
	const float *matrix = inspector_attention(scores->inspector, layer, head, err);

	if (!matrix)
		return -1;
	count_patterns(moments, matrix, record->tokens, rows);
	struct score share;
	if (copying(scores, record->tokens, rows, layer, head, &share, err) < 0)
		return -1;
	if (rows > 0 && !isfinite(share.mean))
		return err_set(err, "layer %d, head %d: what it writes is not finite", layer, head);
	count(&moments[HEAD_COPYING], share);
	return 0;
}

static void count_chance(struct head_scores *scores, const struct record *record, int rows)
{
	for (int q = 0; q < rows; q++)
		for (int k = 0; k < rows; k++)
			scores->uniform[q * rows + k] = k <= q ? 1 / (float)(q + 1) : 0;
	count_patterns(scores->chance, scores->uniform, record->tokens, rows);
	count(&scores->chance[HEAD_COPYING], (struct score){1.0 / scores->config.vocab, rows > 0});
}

int head_scores_add(struct head_scores *scores, const struct record *record, struct err *err)
{
	int rows = inspector_run(scores->inspector, record, err);

	if (rows < 0)
		return -1;
	for (int layer = 0; layer < scores->config.layers; layer++)
		for (int head = 0; head < scores->config.heads; head++)
			if (count_head(scores, record, rows, layer, head, err) < 0)
				return -1;
	count_chance(scores, record, rows);
	return 0;
}

struct mean head_scores_mean(const struct head_scores *scores, int layer, int head,
                             enum head_score score)
{
	return moments_mean(scores->at + (layer * scores->config.heads + head) * HEAD_SCORES + score);
}

struct mean head_scores_chance(const struct head_scores *scores, enum head_score score)
{
	return moments_mean(&scores->chance[score]);
}

struct head_scores *head_scores_new(const struct model *model, const struct kernels *kernels,
                                    struct err *err)
{
	struct head_scores *scores = calloc(1, sizeof *scores);
	const size_t context = (size_t)model->config.context;

	if (!scores) {
		err_set(err, "out of memory");
		return NULL;
	}
	scores->config = model->config;
	scores->inspector = inspector_new(model, kernels, err);
	scores->at = calloc((size_t)model->config.layers * (size_t)model->config.heads * HEAD_SCORES,
	                    sizeof *scores->at);
	scores->uniform = malloc(context * context * sizeof *scores->uniform);
	if (scores->inspector && scores->at && scores->uniform)
		return scores;
	err_set(err, "out of memory");
	head_scores_free(scores);
	return NULL;
}

void head_scores_free(struct head_scores *scores)
{
	if (!scores)
		return;
	inspector_free(scores->inspector);
	free(scores->at);
	free(scores->uniform);
	free(scores);
}
