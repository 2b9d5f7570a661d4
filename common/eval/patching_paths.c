/* patching_paths.c - path patching: the edges of a network, one by one. */
#include <stdlib.h>

#include "common/base/array.h"
#include "common/eval/patching_private.h"
#include "common/model/gpt_parts.h"

/* ---- which edges there are ---- */

static bool chosen(const struct part_list *list, enum gpt_place place, int layer, int head)
{
	return !list || part_list_has(list, place, layer, head);
}

/* Are there paths from the sender to this receiver? What a head sends, the feed-forward part of its
 * block reads, too. */
static bool before(const struct part *from, enum gpt_place to, int layer)
{
	if (from->place == GPT_EMBED || to == GPT_LN_FINAL)
		return true;
	return from->layer < layer ||
	       (from->layer == layer && from->place == GPT_Z && to == GPT_MLP_OUT);
}

/* The edges from a sender, into edges if it is not NULL. Returns how many there are. */
static int edges_from(const struct gpt_config *config, const struct part *from,
                      const struct part_list *receivers, struct patch_edge *edges)
{
	int count = 0;

#define ADD(...) do { \
		if (edges) \
			edges[count] = (struct patch_edge){*from, {__VA_ARGS__}}; \
		count++; \
	} while (0)
	for (int l = 0; l < config->layers; l++) {
		for (int h = 0; h < config->heads; h++)
			for (int place = GPT_Q; place <= GPT_V; place++)
				if (before(from, (enum gpt_place)place, l) && chosen(receivers, GPT_Z, l, h))
					ADD((enum gpt_place)place, l, h);
		if (before(from, GPT_MLP_OUT, l) && chosen(receivers, GPT_MLP_OUT, l, -1))
			ADD(GPT_MLP_OUT, l, -1);
	}
	if (chosen(receivers, GPT_LN_FINAL, 0, -1))
		ADD(GPT_LN_FINAL, 0, -1);
#undef ADD
	return count;
}

static int all_edges(const struct gpt_config *config, const struct part_list *senders,
                     const struct part_list *receivers, struct patch_edge *edges)
{
	int count = 0;

#define ADD(...) do { \
		if (chosen(senders, __VA_ARGS__)) \
			count += edges_from(config, &(struct part){__VA_ARGS__}, receivers, \
			                    edges ? edges + count : NULL); \
	} while (0)
	ADD(GPT_EMBED, 0, -1);
	for (int l = 0; l < config->layers; l++) {
		for (int h = 0; h < config->heads; h++)
			ADD(GPT_Z, l, h);
		ADD(GPT_MLP_OUT, l, -1);
	}
#undef ADD
	return count;
}

struct patch_edge *patch_edges(const struct gpt_config *config, const struct part_list *senders,
                               const struct part_list *receivers, int *count, struct err *err)
{
	struct patch_edge *edges;

	*count = all_edges(config, senders, receivers, NULL);
	if (*count == 0) {
		err_set(err, "no path: none of the senders is before one of the receivers");
		return NULL;
	}
	edges = malloc((size_t)*count * sizeof *edges);
	if (edges)
		all_edges(config, senders, receivers, edges);
	else
		err_set(err, "out of memory");
	return edges;
}

/* ---- what a sender changes ---- */

static const float *own(const struct patch_worker *worker, enum gpt_place place, int layer, int i)
{
	return gpt_trace_row(worker->own, place, layer, worker->pair->row[i]);
}

/* to[patched,c] = the partner's activations of a place minus the text's. */
static void subtract(const struct patch_worker *worker, enum gpt_place place, int layer, float *to)
{
	const struct patch_pair *pair = worker->pair;
	const int c = worker->config->width;

	for (int i = 0; i < pair->patched; i++, to += c) {
		const float *text = own(worker, place, layer, i);
		const float *partner = gpt_trace_row(worker->partners, place, layer, pair->from[i]);
		for (int j = 0; j < c; j++)
			to[j] = partner[j] - text[j];
	}
}

/* worker->change: how the residual stream changes if the sender's output is the partner's. */
static void find_change(struct patch_worker *worker, const struct part *from)
{
	if (from->place == GPT_EMBED) {
		subtract(worker, GPT_RESID_PRE, 0, worker->change);
	} else if (from->place == GPT_MLP_OUT) {
		subtract(worker, GPT_MLP_OUT, from->layer, worker->change);
	} else {
		subtract(worker, GPT_Z, from->layer, worker->stream);
		gpt_parts_result(worker->gpt, from->layer, from->head, worker->pair->patched,
		                 worker->stream, worker->change);
	}
}

/* worker->stream: the text's at a place, changed. */
static void change_stream(struct patch_worker *worker, enum gpt_place place, int layer)
{
	const int c = worker->config->width;

	for (int i = 0; i < worker->pair->patched; i++) {
		const float *text = own(worker, place, layer, i);
		const float *change = worker->change + (size_t)i * (size_t)c;
		float *to = worker->stream + (size_t)i * (size_t)c;
		for (int j = 0; j < c; j++)
			to[j] = text[j] + change[j];
	}
}

/* ---- what a receiver makes of it ---- */

/* An edge's rerun: the receiver's columns are values[patched,c]. */
static void add_rerun(struct patch_worker *worker, int *count, int edge, const float *values)
{
	const struct part *to = &worker->plan->edges[edge].to;
	const int width = gpt_place_width(to->place, worker->config);
	const int column = to->head >= 0 ? to->head * width : 0;
	const struct patch_pair *pair = worker->pair;

	worker->index[*count] = (size_t)edge;
	worker->patches[*count] = (struct gpt_patch){
		.place = to->place,
		.layer = to->layer,
		.column = column,
		.columns = width,
		.row = pair->row,
		.count = pair->patched,
		.values = values + column,
		.stride = (size_t)worker->config->width,
	};
	worker->reruns[*count] = (struct gpt_rerun){&worker->patches[*count], 1};
	++*count;
}

/* The logits read the changed stream at those rows of the answer that are patched. */
static int run_logits(struct patch_worker *worker, int edge)
{
	const struct patch_pair *pair = worker->pair;
	const int c = worker->config->width, last = worker->config->layers - 1;
	int row = 0;

	for (int i = 0; i < pair->answers; i++) {
		const int want = pair->answer[i].row;
		const float *text = gpt_trace_row(worker->own, GPT_RESID_POST, last, want);
		float *to = worker->stream + (size_t)i * (size_t)c;
		while (row < pair->patched && pair->row[row] < want)
			row++;
		const bool changed = row < pair->patched && pair->row[row] == want;
		for (int j = 0; j < c; j++)
			to[j] = text[j] + (changed ? worker->change[(size_t)row * (size_t)c + (size_t)j] : 0);
	}
	gpt_parts_logits(worker->gpt, pair->answers, worker->stream, worker->logits);
	return patch_worker_effect(worker, worker->logits, (size_t)edge);
}

/* The edges from first to before end, all of one sender, into one layer. */
static int run_layer(struct patch_worker *worker, int first, int end)
{
	const struct patch_edge *edges = worker->plan->edges;
	const int layer = edges[first].to.layer, n = worker->pair->patched;
	int count = 0, edge = first;

	if (edges[first].to.head >= 0) {
		change_stream(worker, GPT_RESID_PRE, layer);
		gpt_parts_qkv(worker->gpt, layer, n, worker->stream, worker->of[0], worker->of[1],
		              worker->of[2]);
		for (; edge < end && edges[edge].to.head >= 0; edge++)
			add_rerun(worker, &count, edge, worker->of[edges[edge].to.place - GPT_Q]);
		if (patch_worker_rerun(worker, count) < 0)
			return -1;
	}
	if (edge == end)
		return 0;
	count = 0;
	change_stream(worker, GPT_RESID_MID, layer);
	gpt_parts_mlp(worker->gpt, layer, n, worker->stream, worker->of[0]);
	add_rerun(worker, &count, edge, worker->of[0]);
	return patch_worker_rerun(worker, count);
}

static int reserve(struct patch_worker *worker)
{
	const struct patch_pair *pair = worker->pair;
	const size_t rows = (size_t)(pair->patched > pair->answers ? pair->patched : pair->answers);
	const size_t floats = rows * (size_t)worker->config->width;
	const size_t reruns = 3 * (size_t)worker->config->heads;
	int result = 0;

	for (int i = 0; i < 3; i++)
		result |= array_reserve(&worker->of[i], &worker->of_room[i], floats);
	result |= array_reserve(&worker->change, &worker->change_room, floats);
	result |= array_reserve(&worker->stream, &worker->stream_room, floats);
	result |= array_reserve(&worker->patches, &worker->patch_room, reruns);
	result |= array_reserve(&worker->reruns, &worker->rerun_room, reruns);
	result |= array_reserve(&worker->index, &worker->index_room, reruns);
	return result < 0 ? err_set(&worker->err, "out of memory for the paths of a text") : 0;
}

/* Do two edges have the same sender and layer? */
static bool together(const struct patch_edge *a, const struct patch_edge *b)
{
	return a->from.place == b->from.place && a->from.layer == b->from.layer &&
	       a->from.head == b->from.head && a->to.layer == b->to.layer &&
	       (a->to.place == GPT_LN_FINAL) == (b->to.place == GPT_LN_FINAL);
}

int patch_worker_paths(struct patch_worker *worker)
{
	const struct patch_edge *edges = worker->plan->edges;
	const int last = (int)worker->end;
	int result = reserve(worker);

	for (int first = (int)worker->first, end; result == 0 && first < last; first = end) {
		for (end = first + 1; end < last; end++)
			if (!together(&edges[first], &edges[end]))
				break;
		find_change(worker, &edges[first].from);
		result = edges[first].to.place == GPT_LN_FINAL ? run_logits(worker, first) :
		         run_layer(worker, first, end);
	}
	return result;
}
