#include "common/sample/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 16 /* ranks that need no heap */

struct sampler {
	int vocab, probs;
	const float *logits;
	float highest; /* the largest logit */
	double sum; /* of exp(logit - highest) */
	double entropy;
	double *weight; /* [vocab] exp(logit - highest) */
	int first[FIRST]; /* the most likely tokens, found by one look at all */
	int found; /* of them so far, FIRST or vocab; 0: nobody has asked */
	int *order; /* [vocab]: a heap, then the tokens popped from it, the first one last */
	int popped; /* -1: there is no heap yet */
	struct candidate *top; /* [probs] */
	bool *never; /* [vocab] these are not drawn; NULL: all are */
	int drawn; /* how many are */
};

struct sampler *sampler_new(int vocab, int probs, struct err *err)
{
	struct sampler *sampler = calloc(1, sizeof *sampler);

	if (!sampler)
		goto fail;
	sampler->vocab = sampler->drawn = vocab;
	sampler->probs = probs < vocab ? probs : vocab;
	sampler->weight = malloc((size_t)vocab * sizeof *sampler->weight);
	sampler->order = malloc((size_t)vocab * sizeof *sampler->order);
	sampler->top = malloc(((size_t)sampler->probs + 1) * sizeof *sampler->top);
	if (sampler->weight && sampler->order && sampler->top)
		return sampler;
fail:
	err_set(err, "out of memory for a vocabulary of %d tokens", vocab);
	sampler_free(sampler);
	return NULL;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	free(sampler->weight);
	free(sampler->order);
	free(sampler->top);
	free(sampler->never);
	free(sampler);
}

int sampler_forbid(struct sampler *sampler, const bool *never, struct err *err)
{
	const size_t size = (size_t)sampler->vocab * sizeof *never;

	if (!sampler->never && !(sampler->never = malloc(size)))
		return err_set(err, "out of memory for a vocabulary of %d tokens", sampler->vocab);
	memcpy(sampler->never, never, size);
	sampler->drawn = 0;
	for (int i = 0; i < sampler->vocab; i++)
		sampler->drawn += !never[i];
	return 0;
}

/* Does token a come before token b? */
static bool before(const float *logits, int a, int b)
{
	return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift_down(const float *logits, int *heap, int count, int at)
{
	int token = heap[at];

	for (int child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && before(logits, heap[child + 1], heap[child]))
			child++;
		if (!before(logits, heap[child], token))
			break;
		heap[at] = heap[child];
	}
	heap[at] = token;
}

int sampler_look(struct sampler *sampler, const float *logits)
{
	int vocab = sampler->vocab;
	double dot = 0;

	sampler->logits = logits;
	sampler->highest = logits[0];
	sampler->sum = 0;
	for (int i = 0; i < vocab; i++) {
		if (!isfinite(logits[i]))
			return -1;
		if (logits[i] > sampler->highest)
			sampler->highest = logits[i];
	}
	for (int i = 0; i < vocab; i++) {
		double above = (double)logits[i] - sampler->highest;
		sampler->weight[i] = exp(above);
		sampler->sum += sampler->weight[i];
		dot += sampler->weight[i] * above;
	}
	/* H = -Σ p ln p with ln p = above - ln sum */
	sampler->entropy = fmax(0, log(sampler->sum) - dot / sampler->sum);
	sampler->found = 0;
	sampler->popped = -1;
	return 0;
}

/* Fill in the most likely tokens. Few tokens of a large vocabulary come before the last of them. */
static void find_first(struct sampler *sampler)
{
	const float *logits = sampler->logits;
	int *first = sampler->first, found = 0;

	for (int token = 0; token < sampler->vocab; token++) {
		if (found == FIRST && !before(logits, token, first[FIRST - 1]))
			continue;
		int at = found < FIRST ? found++ : FIRST - 1;
		for (; at > 0 && before(logits, token, first[at - 1]); at--)
			first[at] = first[at - 1];
		first[at] = token;
	}
	sampler->found = found;
}

static void make_heap(struct sampler *sampler)
{
	for (int i = 0; i < sampler->vocab; i++)
		sampler->order[i] = i;
	for (int i = sampler->vocab / 2 - 1; i >= 0; i--)
		sift_down(sampler->logits, sampler->order, sampler->vocab, i);
	sampler->popped = 0;
}

/* The token of a rank: there is a heap, popped as far as somebody asks, only for ranks beyond the
 * first. */
static int ranked(struct sampler *sampler, int rank)
{
	if (rank < FIRST) {
		if (sampler->found == 0)
			find_first(sampler);
		return sampler->first[rank];
	}
	if (sampler->popped < 0)
		make_heap(sampler);
	while (sampler->popped <= rank) {
		int last = sampler->vocab - 1 - sampler->popped++;
		int first = sampler->order[0];
		sampler->order[0] = sampler->order[last];
		sift_down(sampler->logits, sampler->order, last, 0);
		sampler->order[last] = first;
	}
	return sampler->order[sampler->vocab - 1 - rank];
}

/* exp((logit - highest) / temperature) */
static double tempered(const struct sampler *sampler, int token, double temperature)
{
	if (temperature == 1)
		return sampler->weight[token];
	return exp(((double)sampler->logits[token] - sampler->highest) / temperature);
}

/* The next token that may be drawn, by number or, if not all are kept, by rank. *at: where to look
 * on. */
static int following(struct sampler *sampler, bool all, int *at)
{
	for (;;) {
		const int token = all ? *at : ranked(sampler, *at);
		++*at;
		if (!sampler->never || !sampler->never[token])
			return token;
	}
}

/* How many of the most likely kept tokens hold the share top_p; *sum becomes
 * their weight. */
static int nucleus(struct sampler *sampler, double temperature, int kept, double top_p,
                   double *sum)
{
	double wanted = top_p * *sum, held = 0;
	int count = 0, at = 0;

	for (; count < kept && (count == 0 || held < wanted); count++)
		held += tempered(sampler, following(sampler, false, &at), temperature);
	*sum = held;
	return count;
}

int sampler_pick(struct sampler *sampler, const struct sampling *how, struct rng *rng)
{
	int kept = sampler->drawn, last = 0, at = 0;
	double t = how->temperature, sum = 0, left;

	if (how->greedy || t == 0)
		return following(sampler, false, &at);
	if (how->top_k > 0 && how->top_k < kept)
		kept = how->top_k;
	const bool all = kept == sampler->drawn;
	for (int i = 0; i < kept; i++)
		sum += tempered(sampler, following(sampler, all, &at), t);
	const bool whole = all && how->top_p >= 1;
	if (how->top_p < 1)
		kept = nucleus(sampler, t, kept, how->top_p, &sum);
	left = rng_uniform(rng) * sum;
	at = 0;
	for (int i = 0; i < kept; i++) {
		int token = following(sampler, whole, &at);
		double weight = tempered(sampler, token, t);
		if (weight > 0) {
			last = token; /* where rounding leaves a crumb, the last one takes it */
			if (left < weight)
				break;
			left -= weight;
		}
	}
	return last;
}

void sampler_step(struct sampler *sampler, int token, struct sampler_step *step)
{
	double rest = 0;

	*step = (struct sampler_step){
		.token = token,
		.p = sampler->weight[token] / sampler->sum,
		.entropy = sampler->entropy,
		.top = sampler->top,
		.top_count = sampler->probs,
	};
	/* those before it: as likely, with a lower number, or more likely */
	for (int i = 0; i < token; i++)
		step->rank += sampler->logits[i] >= sampler->logits[token];
	for (int i = token + 1; i < sampler->vocab; i++)
		step->rank += sampler->logits[i] > sampler->logits[token];
	for (int i = 0; i < sampler->probs; i++) {
		int top = ranked(sampler, i);
		sampler->top[i] = (struct candidate){top, sampler->weight[top] / sampler->sum};
	}
	/* The small ones are summed, not taken from 1: no crumb below zero. */
	for (int i = 0; i < sampler->probs; i++)
		sampler->weight[sampler->top[i].token] = 0;
	for (int i = 0; i < sampler->vocab; i++)
		rest += sampler->weight[i];
	for (int i = 0; i < sampler->probs; i++) /* the same bits as before */
		sampler->weight[sampler->top[i].token] =
			exp((double)sampler->logits[sampler->top[i].token] - sampler->highest);
	step->rest = sampler->probs == 0 ? 1 : rest / sampler->sum;
}

void sampler_rng(struct rng *rng, uint64_t seed, uint64_t id, uint32_t sample)
{
	/* Multiples of 2^64 over the golden ratio lie far apart (Knuth, TAOCP 3,
	 * section 6.4, theorem S), so the samples of one id meet no other id's. */
	rng_init(rng, seed, RNG_SAMPLE, id * 0x9E3779B97F4A7C15u + sample);
}
