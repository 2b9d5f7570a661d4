/* sampler.h - from logits to a token, and the statistics of the step.
 *
 * The statistics are those of the model itself: of softmax(logits), before temperature and
 * truncation, with the tokens that are never drawn. Tokens are ordered by falling logit, and equal
 * logits by rising token. Ranks, top K, truncation and greedy decoding all use this order.
 */
#ifndef MEMOSCOPE_SAMPLER_H
#define MEMOSCOPE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/rng.h"

/* How tokens are drawn: from softmax(logits / temperature), cut to the top_k
 * most likely tokens, then to the fewest of those that hold the share top_p of
 * what is left (Holtzman et al. 2020, "The Curious Case of Neural Text
 * Degeneration", section 3.1). */
struct sampling {
	double temperature; /* 0: greedy */
	int top_k; /* 0: all */
	double top_p; /* 1: all */
	bool greedy; /* the most likely token; nothing else counts */
};

struct candidate {
	int token;
	double p;
};

/* One step: the token taken and the distribution it was taken from. */
struct sampler_step {
	int token;
	int rank; /* 0: the most likely */
	double p; /* of token */
	double entropy; /* in nats */
	double rest; /* the probability of all that are not in top */
	const struct candidate *top; /* most likely first; the sampler's, until the next look */
	int top_count;
};

struct sampler; /* memory for one distribution at a time; one thread's */

/* For vocab tokens, keeping the top probs (cut to vocab) of each step. NULL
 * with err set where memory is out. */
struct sampler *sampler_new(int vocab, int probs, struct err *err);
void sampler_free(struct sampler *sampler); /* NULL is allowed */

/* Tokens that sampler_pick() never draws: never[vocab], of which one is false at least; the
 * sampler's own copy. -1 with err set if memory is out. */
int sampler_forbid(struct sampler *sampler, const bool *never, struct err *err);

/* Take over logits [vocab], which must stay until the step is done. -1 where
 * one of them is not finite. */
int sampler_look(struct sampler *sampler, const float *logits);

/* Draw a token from what was looked at; greedy decoding draws no number. */
int sampler_pick(struct sampler *sampler, const struct sampling *how, struct rng *rng);

/* What the model thought of token. */
void sampler_step(struct sampler *sampler, int token, struct sampler_step *step);

/* The random numbers of one generation: a function of the seed, its record's
 * id and its sample number, so that no batch, no thread and no cut of the input
 * changes them. */
void sampler_rng(struct rng *rng, uint64_t seed, uint64_t id, uint32_t sample);

#endif
