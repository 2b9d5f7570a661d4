/* patching_graph.c - all edges of a network but some are patched at once: what the graph of those
 * that are kept can do alone. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/eval/patching_private.h"
#include "common/model/gpt_parts.h"

/* Senders in the order of the network: the embeddings, and of each layer its heads and then its
 * feed-forward part. */
static int sender_index(const struct patch_worker *worker, const struct part *from)
{
	const int heads = worker->config->heads;

	if (from->place == GPT_EMBED)
		return 0;
	return 1 + from->layer * (heads + 1) + (from->place == GPT_MLP_OUT ? heads : from->head);
}

/* Numbers of a matrix [rows,c]. */
static size_t matrix_size(const struct patch_worker *worker)
{
	return (size_t)worker->pair->rows * (size_t)worker->config->width;
}

static float *sender_change(const struct patch_worker *worker, int sender)
{
	return worker->senders + (size_t)sender * matrix_size(worker);
}

/* The partner's row that row r of the text takes. */
static const float *partner_row(const struct patch_worker *worker, enum gpt_place place, int layer,
                                int r)
{
	return gpt_trace_row(worker->partners, place, layer, worker->pair->from[r]);
}

/* Does a sender have a kept edge? */
static bool sends(const struct patch_worker *worker, enum gpt_place place, int layer, int head)
{
	const struct patch_plan *plan = worker->plan;

	for (int i = 0; i < plan->edge_count; i++) {
		const struct part *from = &plan->edges[i].from;
		if (plan->kept[i] && from->place == place && from->layer == layer && from->head == head)
			return true;
	}
	return false;
}

/* worker->stream: what a receiver reads, the partner's stream at a place, with what the senders of
 * its kept edges change. Returns if it has any. */
static bool read_stream(struct patch_worker *worker, const struct part *to, enum gpt_place place,
                        int layer)
{
	const struct patch_plan *plan = worker->plan;
	const size_t c = (size_t)worker->config->width, count = matrix_size(worker);
	bool any = false;

	for (int r = 0; r < worker->pair->rows; r++)
		memcpy(worker->stream + (size_t)r * c, partner_row(worker, place, layer, r),
		       c * sizeof *worker->stream);
	for (int i = 0; i < plan->edge_count; i++) {
		const struct part *receiver = &plan->edges[i].to;
		if (!plan->kept[i] || receiver->place != to->place || receiver->layer != to->layer ||
		    receiver->head != to->head)
			continue;
		const float *change = sender_change(worker, sender_index(worker, &plan->edges[i].from));
		for (size_t j = 0; j < count; j++)
			worker->stream[j] += change[j];
		any = true;
	}
	return any;
}

/* The queries, keys or values of a head, by place, into those of the layer: worker->of. */
static void receive(struct patch_worker *worker, enum gpt_place place, int layer, int head)
{
	const struct part to = {place, layer, head};
	const int c = worker->config->width, d = c / worker->config->heads, n = worker->pair->rows;
	float *all[3] = {worker->z, worker->z, worker->z}; /* two of them do not count */

	if (!read_stream(worker, &to, GPT_RESID_PRE, layer))
		return; /* they are the partner's, which are there */
	all[place - GPT_Q] = worker->change;
	gpt_parts_qkv(worker->gpt, layer, n, worker->stream, all[0], all[1], all[2]);
	for (size_t r = 0; r < (size_t)n; r++)
		memcpy(worker->of[place - GPT_Q] + r * (size_t)c + (size_t)(head * d),
		       worker->change + r * (size_t)c + (size_t)(head * d), (size_t)d * sizeof(float));
}

/* The heads of a layer: what each that sends changes in the stream. */
static void run_heads(struct patch_worker *worker, int layer)
{
	const int heads = worker->config->heads, n = worker->pair->rows;
	const size_t c = (size_t)worker->config->width;
	bool any = false;

	for (int h = 0; h < heads; h++)
		any |= sends(worker, GPT_Z, layer, h);
	if (!any)
		return;
	for (int i = 0; i < 3; i++)
		for (int r = 0; r < n; r++)
			memcpy(worker->of[i] + (size_t)r * c,
			       partner_row(worker, (enum gpt_place)(GPT_Q + i), layer, r),
			       c * sizeof(float));
	for (int h = 0; h < heads; h++)
		for (int place = GPT_Q; place <= GPT_V && sends(worker, GPT_Z, layer, h); place++)
			receive(worker, (enum gpt_place)place, layer, h);
	gpt_parts_attention(worker->gpt, layer, n, worker->of[0], worker->of[1], worker->of[2],
	                    worker->z);
	for (int r = 0; r < n; r++) {
		const float *partner = partner_row(worker, GPT_Z, layer, r);
		for (size_t j = 0; j < c; j++)
			worker->z[(size_t)r * c + j] -= partner[j];
	}
	for (int h = 0; h < heads; h++)
		if (sends(worker, GPT_Z, layer, h))
			gpt_parts_result(worker->gpt, layer, h, n, worker->z,
			                 sender_change(worker, sender_index(worker,
			                               &(struct part){GPT_Z, layer, h})));
}

/* The same for its feed-forward part. */
static void run_mlp(struct patch_worker *worker, int layer)
{
	const struct part part = {GPT_MLP_OUT, layer, -1};
	const size_t c = (size_t)worker->config->width;

	if (!sends(worker, GPT_MLP_OUT, layer, -1))
		return;
	float *change = sender_change(worker, sender_index(worker, &part));
	read_stream(worker, &part, GPT_RESID_MID, layer);
	gpt_parts_mlp(worker->gpt, layer, worker->pair->rows, worker->stream, change);
	for (int r = 0; r < worker->pair->rows; r++) {
		const float *partner = partner_row(worker, GPT_MLP_OUT, layer, r);
		for (size_t j = 0; j < c; j++)
			change[(size_t)r * c + j] -= partner[j];
	}
}

static int run_logits(struct patch_worker *worker)
{
	const struct patch_pair *pair = worker->pair;
	const struct part part = {GPT_LN_FINAL, 0, -1};
	const size_t c = (size_t)worker->config->width;

	read_stream(worker, &part, GPT_RESID_POST, worker->config->layers - 1);
	for (int i = 0; i < pair->answers; i++)
		memcpy(worker->change + (size_t)i * c, worker->stream + (size_t)pair->answer[i].row * c,
		       c * sizeof *worker->change);
	gpt_parts_logits(worker->gpt, pair->answers, worker->change, worker->logits);
	return patch_worker_effect(worker, worker->logits, 0);
}

static int reserve(struct patch_worker *worker)
{
	const size_t size = matrix_size(worker);
	const size_t senders = 1 + (size_t)worker->config->layers * ((size_t)worker->config->heads + 1);
	int result = 0;

	for (int i = 0; i < 3; i++)
		result |= array_reserve(&worker->of[i], &worker->of_room[i], size);
	result |= array_reserve(&worker->change, &worker->change_room, size);
	result |= array_reserve(&worker->stream, &worker->stream_room, size);
	result |= array_reserve(&worker->z, &worker->z_room, size);
	result |= array_reserve(&worker->senders, &worker->senders_room, senders * size);
	return result < 0 ? err_set(&worker->err, "out of memory for the graph of a network") : 0;
}

int patch_worker_graph(struct patch_worker *worker)
{
	const size_t c = (size_t)worker->config->width;

	assert(worker->pair->patched == worker->pair->rows);
	if (reserve(worker) < 0)
		return -1;
	for (int r = 0; r < worker->pair->rows; r++) {
		const float *text = gpt_trace_row(worker->own, GPT_RESID_PRE, 0, r);
		const float *partner = partner_row(worker, GPT_RESID_PRE, 0, r);
		for (size_t j = 0; j < c; j++)
			worker->senders[(size_t)r * c + j] = text[j] - partner[j];
	}
	for (int l = 0; l < worker->config->layers; l++) {
		run_heads(worker, l);
		run_mlp(worker, l);
	}
	return run_logits(worker);
}
