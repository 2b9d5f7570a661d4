/* head_score.h - what kind of head each head of a model is, by its attention and by
 * what it writes, as means over sequences of tokens.
 *
 * Olsson et al. 2022, "In-context Learning and Induction Heads", on random tokens
 * that repeat; duplicate-token heads after Wang et al. 2022, "Interpretability in
 * the Wild". A is the head's attention matrix over x_0 … x_{T-1}, row: query; Q are
 * the q whose x_q stood before.
 *
 *   previous   mean over q >= 1 of A[q,q-1]
 *   duplicate  mean over q in Q of Σ A[q,k], k < q with x_k = x_q
 *   induction  mean over q in Q of Σ A[q,k], 1 <= k <= q with x_{k-1} = x_q: prefix
 *              matching. Where tokens repeat with period N these k are q-N+1, q-2N+1 …
 *   copying    mean over k of r_k[x_k] / Σ_u r_k[u], r_k[u] = max(0, z_k[u] - mean z_k):
 *              of all that the head's OV circuit raises in the logits z_k when it
 *              attends to k (gpt_head_logits() in gpt_inspect.h), the share that goes to the
 *              token there; 0 where it raises none
 */
#ifndef MEMOSCOPE_HEAD_SCORE_H
#define MEMOSCOPE_HEAD_SCORE_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/model/model.h"
#include "common/stream/record.h"

enum head_score {
	HEAD_PREVIOUS,
	HEAD_DUPLICATE,
	HEAD_INDUCTION,
	HEAD_COPYING,
	HEAD_SCORES
};

extern const char *const head_score_words[HEAD_SCORES];

/* Tokens in copies × period: period of them, all different, drawn from a vocabulary
 * of vocab (at least period), and copies of those. A function of seed and index. */
void head_sequence(uint64_t seed, uint64_t index, int vocab, int period, int copies,
                   uint16_t *tokens);

struct head_scores; /* own */

/* The model must live as long; it is run on kernels. NULL with err set. */
struct head_scores *head_scores_new(const struct model *model, const struct kernels *kernels,
                                    struct err *err);
void head_scores_free(struct head_scores *scores); /* NULL is allowed */

/* Run the model over a record, which has tokens, and count it once in every mean
 * that has a meaning in it. -1 with err set where it is longer than the context and
 * one, or where what the model makes of it is not finite. */
int head_scores_add(struct head_scores *scores, const struct record *record, struct err *err);

/* The mean over the records so far. */
struct mean head_scores_mean(const struct head_scores *scores, int layer, int head,
                             enum head_score score);

/* The same for a head that attends to all it can alike and raises a token at random:
 * what a score has to be above to mean anything. */
struct mean head_scores_chance(const struct head_scores *scores, enum head_score score);

#endif
