#include "common/sample/scorer.h"

#include <math.h>
#include <stdlib.h>

#include "common/model/gpt_attribution.h"
#include "common/model/gpt_inspect.h"
#include "common/model/unwritten.h"

#define LENS_ROWS 96

/* What each part of the network adds to the logit of a token against the runner-up's: the likeliest
 * other token that a text can have. Rows are the wanted ones of a block. */
struct comparison {
	struct gpt_attribution *attribution; /* NULL: none is asked for */
	bool *unwritten; /* [vocab] no runner-up */
	int32_t *watched; /* [context] rows of the pass */
	int seen; /* watched rows of earlier blocks */
	int32_t *token, *against; /* [rows] */
	double *difference; /* [rows] */
	double *values; /* [rows, attribution_count()] */
};

struct scorer {
	struct gpt *gpt;
	const struct gpt_config *config;
	const struct vocab *vocab;
	const struct engine_settings *settings;
	struct sampler *sampler;
	int32_t *token, *position; /* [context] */
	uint8_t *ablated; /* [context] */
	int lenses; /* 0: none; else layers + 1 */
	int rows; /* whose logits there is room for */
	float *logits; /* [1 + lenses, rows, vocab] what the model says, then each lens */
	struct comparison comparison;
};

/* Rows whose logits are computed together: as many as the network computes at a time. With lenses,
 * which all keep theirs, a share of them; but fewer than LENS_ROWS would be slow. */
static int block_rows(const struct gpt *gpt, int lenses)
{
	const int rows = gpt_logit_rows(gpt), share = rows / (1 + lenses);

	if (lenses == 0 || rows <= LENS_ROWS)
		return rows;
	return share > LENS_ROWS ? share : LENS_ROWS;
}

/* -1 with err set if there is no other token or memory is out. */
static int new_comparison(struct scorer *scorer, const struct model *model, struct err *err)
{
	struct comparison *comparison = &scorer->comparison;
	const size_t rows = (size_t)scorer->rows, vocab = (size_t)model->config.vocab;
	size_t written = 0;

	comparison->attribution = gpt_attribution_new(scorer->gpt, &model->config, model->params,
	                                              model->config.context, err);
	if (!comparison->attribution)
		return -1;
	comparison->unwritten = malloc(vocab * sizeof *comparison->unwritten);
	comparison->watched = malloc((size_t)model->config.context * sizeof *comparison->watched);
	comparison->token = malloc(rows * sizeof *comparison->token);
	comparison->against = malloc(rows * sizeof *comparison->against);
	comparison->difference = malloc(rows * sizeof *comparison->difference);
	comparison->values = malloc(
		rows * attribution_count(gpt_attribution_shape(comparison->attribution)) *
		sizeof *comparison->values);
	if (!comparison->unwritten || !comparison->watched || !comparison->token ||
	    !comparison->against || !comparison->difference || !comparison->values)
		return err_set(err, "out of memory for the attribution of a text");
	unwritten_tokens(model->vocab, &model->ends, comparison->unwritten);
	for (size_t i = 0; i < vocab; i++)
		written += !comparison->unwritten[i];
	if (written < 2)
		return err_set(err, "the model has one token only, and so no runner-up to attribute a "
		               "difference to");
	return 0;
}

struct scorer *scorer_new(struct gpt *gpt, const struct model *model,
                          const struct engine_settings *settings, struct err *err)
{
	const struct gpt_config *config = &model->config;
	struct scorer *scorer = calloc(1, sizeof *scorer);
	size_t context = (size_t)config->context;

	if (!scorer) {
		err_set(err, "out of memory");
		return NULL;
	}
	scorer->gpt = gpt;
	scorer->config = config;
	scorer->vocab = model->vocab;
	scorer->settings = settings;
	scorer->lenses = settings->lens ? config->layers + 1 : 0;
	scorer->token = malloc(context * sizeof *scorer->token);
	scorer->position = malloc(context * sizeof *scorer->position);
	scorer->ablated = malloc(context * sizeof *scorer->ablated);
	scorer->rows = block_rows(gpt, scorer->lenses);
	scorer->logits = malloc((1 + (size_t)scorer->lenses) * (size_t)scorer->rows *
	                        (size_t)config->vocab * sizeof *scorer->logits);
	scorer->sampler = sampler_new(config->vocab, settings->probs, err);
	gpt_ablate_rows(gpt, scorer->ablated);
	if (scorer->token && scorer->position && scorer->ablated && scorer->logits && scorer->sampler &&
	    (!settings->attribution || new_comparison(scorer, model, err) == 0))
		return scorer;
	err_set(err, "out of memory for the logits of a text");
	scorer_free(scorer);
	return NULL;
}

void scorer_free(struct scorer *scorer)
{
	if (!scorer)
		return;
	gpt_attribution_free(scorer->comparison.attribution);
	free(scorer->comparison.unwritten);
	free(scorer->comparison.watched);
	free(scorer->comparison.token);
	free(scorer->comparison.against);
	free(scorer->comparison.difference);
	free(scorer->comparison.values);
	sampler_free(scorer->sampler);
	free(scorer->token);
	free(scorer->position);
	free(scorer->ablated);
	free(scorer->logits);
	free(scorer);
}

/* The logits of a row of the block: what the model says, or a lens from 1 on. */
static float *logits_at(const struct scorer *scorer, int lens, int row)
{
	return scorer->logits +
	       ((size_t)lens * (size_t)scorer->rows + (size_t)row) * (size_t)scorer->config->vocab;
}

/* A pass over rows tokens from first on. Row i predicts token first + i + 1, so the last token of a
 * window needs no row. */
static void forward(struct scorer *scorer, const struct request *request, int first, int rows)
{
	int32_t begin[2] = {0, rows};
	struct gpt_batch batch = {
		.count = rows,
		.sequences = {.count = 1, .begin = begin, .longest = rows},
		.token = scorer->token,
		.position = scorer->position,
	};

	for (int i = 0; i < rows; i++) {
		scorer->token[i] = request->tokens[first + i];
		scorer->position[i] = i;
		scorer->ablated[i] = request_ablated(request, (uint32_t)(first + i));
	}
	gpt_forward(scorer->gpt, &batch, NULL);
}

/* The logits of count rows of the pass become the block. */
static void find_logits(struct scorer *scorer, int first, int count)
{
	gpt_logits(scorer->gpt, first, count, logits_at(scorer, 0, 0));
	for (int i = 0; i < scorer->lenses; i++)
		gpt_logit_lens(scorer->gpt, i, first, count, logits_at(scorer, 1 + i, 0));
}

/* What the logits of a row say of the token at position. -1: request->err is set. */
static int look(struct scorer *scorer, struct request *request, int lens, int row, int position,
                struct sampler_step *step)
{
	if (sampler_look(scorer->sampler, logits_at(scorer, lens, row)) < 0)
		return err_set(&request->err, "the model's logits are not finite");
	sampler_step(scorer->sampler, request->tokens[position], step);
	return 0;
}

/* Add the attribution of a wanted row to the last step. -1: request->err is set. */
static int add_attribution(struct scorer *scorer, struct request *request, int row)
{
	const struct comparison *comparison = &scorer->comparison;
	const struct attribution_shape *shape = gpt_attribution_shape(comparison->attribution);
	const size_t count = attribution_count(shape);
	const double *values = comparison->values + (size_t)row * count;

	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return err_set(&request->err, "the model's attribution is not finite");
	return request_attribution(request, scorer->vocab, comparison->against[row],
	                           comparison->difference[row], shape, values);
}

/* The step for the token at position, which a row of the block predicts, with its lenses. -1:
 * request->err is set. */
static int score_row(struct scorer *scorer, struct request *request, int row, int position)
{
	struct sampler_step step;

	if (look(scorer, request, 0, row, position, &step) < 0 ||
	    request_step(request, scorer->vocab, (uint32_t)position, &step) < 0)
		return -1;
	for (int i = 1; i <= scorer->lenses; i++)
		if (look(scorer, request, i, row, position, &step) < 0 ||
		    request_lens(request, scorer->vocab, &step) < 0)
			return -1;
	return 0;
}

/* Tokens that one pass scores: those from `from` to before `to`, given all from `first` on. */
struct window {
	int first, from, to;
};

static struct window first_window(const struct scorer *scorer, int length)
{
	const int most = scorer->config->context + 1;

	return (struct window){
		.from = 1,
		.to = length <= most ? length : (int)scorer->settings->window,
	};
}

static struct window next_window(const struct scorer *scorer, const struct window *last,
                                 int length)
{
	const int first = last->first + (int)scorer->settings->slide;
	const int end = first + (int)scorer->settings->window;

	return (struct window){
		.first = first,
		.from = last->to > first ? last->to : first + 1,
		.to = end < length ? end : length,
	};
}

static bool wanted(const struct request *request, int position)
{
	return !request->wanted || request->wanted[position];
}

/* ---- attribution ---- */

/* Before the pass over a window: watch the rows of its wanted tokens. -1: request->err is set. */
static int watch(struct scorer *scorer, struct request *request, const struct window *window)
{
	struct comparison *comparison = &scorer->comparison;
	int count = 0;

	if (!comparison->attribution)
		return 0;
	for (int i = window->from; i < window->to; i++)
		if (wanted(request, i))
			comparison->watched[count++] = i - 1 - window->first;
	comparison->seen = 0;
	return gpt_attribution_watch(comparison->attribution, comparison->watched, count,
	                             &request->err);
}

/* The likeliest token but this one: of equal ones the first, as by rank. */
static int runner_up(const struct scorer *scorer, const float *logits, int token)
{
	int best = -1;

	for (int i = 0; i < scorer->config->vocab; i++)
		if (i != token && !scorer->comparison.unwritten[i] &&
		    (best < 0 || logits[i] > logits[best]))
			best = i;
	return best;
}

/* Compare the wanted tokens of a block, those at from to before to, with their runners-up. */
static void compare(struct scorer *scorer, const struct request *request, int from, int to)
{
	struct comparison *comparison = &scorer->comparison;
	int count = 0;

	if (!comparison->attribution)
		return;
	for (int i = from; i < to; i++) {
		if (!wanted(request, i))
			continue;
		const float *logits = logits_at(scorer, 0, i - from);
		const int token = request->tokens[i], against = runner_up(scorer, logits, token);
		comparison->token[count] = token;
		comparison->against[count] = against;
		comparison->difference[count++] = (double)logits[token] - logits[against];
	}
	gpt_attribution_find(comparison->attribution, comparison->seen, count, comparison->token,
	                     comparison->against, comparison->values);
	comparison->seen += count;
}

/* ---- a text ---- */

/* The steps of the wanted tokens of a block, at from to before to. -1: request->err is set. */
static int score_block(struct scorer *scorer, struct request *request, int from, int to)
{
	int count = 0;

	compare(scorer, request, from, to);
	for (int i = from; i < to; i++) {
		if (!wanted(request, i))
			continue;
		if (score_row(scorer, request, i - from, i) < 0)
			return -1;
		if (scorer->comparison.attribution && add_attribution(scorer, request, count) < 0)
			return -1;
		count++;
	}
	return 0;
}

/* Score a window: those wanted of its tokens, a block of rows at a time. -1: request->err is
 * set. */
static int score_window(struct scorer *scorer, struct request *request,
                        const struct window *window)
{
	bool passed = false;

	for (int from = window->from, to; from < window->to; from = to) {
		while (from < window->to && !wanted(request, from))
			from++;
		to = from + scorer->rows < window->to ? from + scorer->rows : window->to;
		while (to > from && !wanted(request, to - 1))
			to--;
		if (from == to)
			break;
		if (!passed) { /* not before: a window without a wanted token costs nothing */
			if (watch(scorer, request, window) < 0)
				return -1;
			forward(scorer, request, window->first, window->to - 1 - window->first);
			passed = true;
		}
		find_logits(scorer, from - 1 - window->first, to - from);
		if (score_block(scorer, request, from, to) < 0)
			return -1;
	}
	return 0;
}

static void score(struct scorer *scorer, struct request *request)
{
	const int length = (int)request->generation.length;
	struct window window = first_window(scorer, length);

	while (score_window(scorer, request, &window) == 0) {
		if (window.to >= length) {
			request_finish(request, scorer->vocab, GENERATION_END);
			return;
		}
		window = next_window(scorer, &window, length);
	}
}

void scorer_run(struct scorer *scorer, struct request_queue *queue)
{
	struct request *request;

	while ((request = request_queue_take(queue, true))) {
		score(scorer, request);
		request_queue_done(queue, request);
	}
}
