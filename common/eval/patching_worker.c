/* patching_worker.c - one pair: its runs, and what patches do to the answer. */
#include <math.h>
#include <stdlib.h>

#include "common/base/array.h"
#include "common/eval/patching_private.h"
#include "common/model/gpt_parameters.h"
#include "common/model/unwritten.h"

/* Reruns side by side: as many as a core's cache has room for in a small network, and fewer if
 * their keys and values take more memory than this. */
#define LANES 8
#define LANES_BYTES ((size_t)256 << 20)

/* ---- beginning and end ---- */

/* The places of the partner that the plan's sites take. */
static uint32_t site_places(const struct patch_plan *plan)
{
	uint32_t places = 0;

	for (int i = 0; i < plan->site_count; i++)
		for (int j = 0; j < plan->sites[i].count; j++)
			places |= GPT_PLACE_BIT(plan->sites[i].parts[j].place);
	return places;
}

static int lanes(const struct gpt_config *config)
{
	const size_t bytes = 2 * (size_t)config->layers * (size_t)config->context *
	                     (size_t)config->width * sizeof(float);

	for (int count = LANES; count > 1; count--)
		if ((size_t)count * bytes <= LANES_BYTES)
			return count;
	return 1;
}

int patch_worker_begin(struct patch_worker *worker)
{
	const struct gpt_config *config = worker->config = &worker->model->config;
	const struct kernels *k = worker->kernels;
	const bool paths = worker->plan->edge_count > 0, graph = worker->plan->kept != NULL;
	const int context = config->context, most = k->pass_rows;
	struct err *err = &worker->err;

	worker->dev = k->open(DTYPE_F32, err);
	if (!worker->dev)
		return -1;
	worker->params = gpt_upload_parameters(config, k, worker->dev, worker->model->params, err);
	if (!worker->params)
		return -1;
	worker->gpt = gpt_new(config, k, worker->dev, worker->params,
	                      context > most ? context : most, GPT_KEEP_NOTHING, err);
	if (!worker->gpt)
		return -1;
	gpt_hold_parameters(worker->gpt, true);
	worker->patcher = gpt_patcher_new(worker->gpt, lanes(config), err);
	worker->unwritten = malloc((size_t)config->vocab * sizeof *worker->unwritten);
	if (!worker->unwritten)
		return err_set(err, "out of memory");
	unwritten_tokens(worker->model->vocab, &worker->model->ends, worker->unwritten);
	worker->own = gpt_trace_new(config, context, graph ? GRAPH_OWN : paths ? PATHS_OWN : 0, err);
	worker->partners = gpt_trace_new(config, context, graph ? GRAPH_PARTNER : paths ?
	                                 PATHS_PARTNER : site_places(worker->plan), err);
	return worker->patcher && worker->own && worker->partners ? 0 : -1;
}

void patch_worker_end(struct patch_worker *worker)
{
	gpt_trace_free(worker->own);
	gpt_trace_free(worker->partners);
	gpt_patcher_free(worker->patcher);
	gpt_free(worker->gpt);
	if (worker->dev) {
		gpt_free_uploaded(worker->kernels, worker->dev, worker->params,
		                  worker->model->params);
		worker->kernels->close(worker->dev);
	}
	free(worker->unwritten);
	free(worker->want);
	free(worker->logits);
	free(worker->patches);
	free(worker->reruns);
	free(worker->index);
	free(worker->change);
	free(worker->stream);
	free(worker->senders);
	free(worker->z);
	for (int i = 0; i < 3; i++)
		free(worker->of[i]);
}

/* ---- what logits say of the answer ---- */

/* log Σ exp of a row of logits. */
static double log_sum(const float *logits, int vocab)
{
	double sum = 0, most = logits[0];

	for (int i = 1; i < vocab; i++)
		most = fmax(most, logits[i]);
	for (int i = 0; i < vocab; i++)
		sum += exp(logits[i] - most);
	return most + log(sum);
}

/* The likeliest token that a model may write: of equal ones the first. -1: there is none. */
static int likeliest(const struct patch_worker *worker, const float *logits)
{
	int best = -1;

	for (int i = 0; i < worker->config->vocab; i++)
		if (!worker->unwritten[i] && (best < 0 || logits[i] > logits[best]))
			best = i;
	return best;
}

/* Does a token of the answer count for right and partner? */
static bool counts(const struct patch_pair *pair, const struct patch_answer *answer)
{
	return !pair->differs || answer->token != answer->partner_token;
}

/* Σ log p of the text's tokens and of the partner's, by logits[answers,vocab]. -1 with worker->err
 * set if they are not finite. */
static int add_up(struct patch_worker *worker, const float *logits, double *right, double *partner)
{
	const struct patch_pair *pair = worker->pair;
	const int vocab = worker->config->vocab;

	for (size_t i = 0; i < (size_t)pair->answers * (size_t)vocab; i++)
		if (!isfinite(logits[i]))
			return err_set(&worker->err, "the model's logits are not finite");
	*right = *partner = 0;
	for (int i = 0; i < pair->answers; i++, logits += vocab) {
		const struct patch_answer *answer = &pair->answer[i];
		if (!counts(pair, answer))
			continue;
		const double sum = log_sum(logits, vocab);
		*right += logits[answer->token] - sum;
		*partner += logits[answer->partner_token] - sum;
	}
	return 0;
}

int patch_worker_effect(struct patch_worker *worker, const float *logits, size_t number)
{
	struct patch_pair *pair = worker->pair;
	const double text = worker->text_right - worker->text_partner;
	const double range = worker->partner_difference - text;
	const int vocab = worker->config->vocab;
	struct patch_effect effect = {.is_right = true, .is_partner = pair->differs};
	double right, partner;

	if (add_up(worker, logits, &right, &partner) < 0)
		return -1;
	effect.right = right - worker->text_right;
	effect.partner = pair->differs ? partner - worker->text_partner : NAN;
	effect.effect = pair->differs && range != 0 ? (right - partner - text) / range : NAN;
	for (int i = 0; i < pair->answers; i++, logits += vocab) {
		const struct patch_answer *answer = &pair->answer[i];
		const int best = likeliest(worker, logits);
		effect.is_right &= best == answer->token;
		if (counts(pair, answer))
			effect.is_partner &= best == answer->partner_token;
	}
	pair->effects[number] = effect;
	return 0;
}

/* ---- the runs of a text and its partner ---- */

static int run_pair(struct patch_worker *worker)
{
	const struct patch_pair *pair = worker->pair;
	const size_t answers = (size_t)pair->answers;
	double right, partner;

	if (array_reserve(&worker->want, &worker->want_room, answers) < 0 ||
	    array_reserve(&worker->logits, &worker->logits_room,
	                  answers * (size_t)worker->config->vocab) < 0)
		return err_set(&worker->err, "out of memory for the logits of an answer");
	struct gpt_text text = {pair->partner_token, pair->partner_rows, worker->want, pair->answers};
	for (int i = 0; i < pair->answers; i++)
		worker->want[i] = pair->answer[i].partner_row;
	gpt_patcher_look(worker->patcher, &text, worker->partners, worker->logits);
	if (add_up(worker, worker->logits, &right, &partner) < 0)
		return -1;
	worker->partner_difference = right - partner;

	text.token = pair->token;
	text.rows = pair->rows;
	for (int i = 0; i < pair->answers; i++)
		worker->want[i] = pair->answer[i].row;
	if (gpt_patcher_text(worker->patcher, &text, worker->own, worker->logits, &worker->err) < 0)
		return -1;
	return add_up(worker, worker->logits, &worker->text_right, &worker->text_partner);
}

/* ---- reruns ---- */

static void finish(void *context, int rerun, const float *logits)
{
	struct patch_worker *worker = context;

	/* patch_worker_rerun() sees worker->err. */
	patch_worker_effect(worker, logits, worker->index[rerun]);
}

int patch_worker_rerun(struct patch_worker *worker, int count)
{
	if (gpt_patcher_rerun(worker->patcher, worker->reruns, count, finish, worker,
	                      &worker->err) < 0)
		return -1;
	return worker->err.status == ERR_NONE ? 0 : -1;
}

/* A part's activations of the partner, at a group of rows. */
static struct gpt_patch site_patch(const struct patch_worker *worker, const struct part *part,
                                   int group)
{
	const struct patch_pair *pair = worker->pair;
	const int width = gpt_place_width(part->place, worker->config);
	const int column = part->head >= 0 ? part->head * width : 0;
	const int first = pair->group[group];

	return (struct gpt_patch){
		.place = part->place,
		.layer = part->layer,
		.column = column,
		.columns = width,
		.row = pair->row + first,
		.from = pair->from + first,
		.count = pair->group[group + 1] - first,
		.values = gpt_trace_row(worker->partners, part->place, part->layer, 0) + column,
		.stride = gpt_trace_width(worker->partners, part->place),
	};
}

static int run_sites(struct patch_worker *worker)
{
	const struct patch_plan *plan = worker->plan;
	const size_t groups = (size_t)worker->pair->groups, reruns = worker->end - worker->first;
	size_t patches = 0;

	for (size_t i = worker->first; i < worker->end; i++)
		patches += (size_t)plan->sites[i / groups].count;
	if (array_reserve(&worker->patches, &worker->patch_room, patches) < 0 ||
	    array_reserve(&worker->reruns, &worker->rerun_room, reruns) < 0 ||
	    array_reserve(&worker->index, &worker->index_room, reruns) < 0)
		return err_set(&worker->err, "out of memory for %zu runs", reruns);
	patches = 0;
	for (size_t i = 0; i < reruns; i++) {
		const size_t effect = worker->first + i;
		const struct patch_site *site = &plan->sites[effect / groups];
		worker->index[i] = effect;
		worker->reruns[i] = (struct gpt_rerun){worker->patches + patches, site->count};
		for (int j = 0; j < site->count; j++)
			worker->patches[patches++] = site_patch(worker, &site->parts[j],
			                                        (int)(effect % groups));
	}
	return patch_worker_rerun(worker, (int)reruns);
}

int patch_worker_run(struct patch_worker *worker, struct patch_pair *pair, size_t first,
                     size_t end)
{
	worker->pair = pair;
	worker->first = first;
	worker->end = end;
	worker->err = (struct err){0};
	if (run_pair(worker) < 0)
		return -1;
	if (worker->plan->kept)
		return patch_worker_graph(worker);
	return worker->plan->edge_count > 0 ? patch_worker_paths(worker) : run_sites(worker);
}
