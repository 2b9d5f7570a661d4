/* head_score.h - what kind of head each head of a model is: scores of its attention and of
 * what it writes, as means over sequences of tokens.
 *
 * The scores are those of Olsson et al. 2022, "In-context Learning and Induction Heads", on
 * random tokens that repeat; duplicate-token heads are those of Wang et al. 2022,
 * "Interpretability in the Wild". A is the head's attention matrix over the tokens
 * x_0 … x_{T-1}; a row is a query. Q are those q whose token x_q occurred before.
 *
 *   previous   mean over q >= 1 of A[q,q-1]
 *   duplicate  mean over q in Q of Σ A[q,k], k < q with x_k = x_q
 *   induction  mean over q in Q of Σ A[q,k], 1 <= k <= q with x_{k-1} = x_q: prefix
 *              matching. If tokens repeat with period N, these k are q-N+1, q-2N+1 …
 *   copying    mean over k of r_k[x_k] / Σ_u r_k[u], r_k[u] = max(0, z_k[u] - mean z_k):
 *              when the head attends to k, its OV circuit raises some of the logits z_k
 *              (gpt_head_logits() in gpt_inspect.h); this is the share of the token at k.
 *              It is 0 if no logit is raised
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

/* Draw `period` different tokens of a vocabulary of vocab tokens (at least period), and write
 * them `copies` times: tokens has room for copies × period. A function of seed and index. */
void head_sequence(uint64_t seed, uint64_t index, int vocab, int period, int copies,
                   uint16_t *tokens);

struct head_scores; /* own */

/* The model, which is run on kernels, must live as long as the scores. NULL with err set. */
struct head_scores *head_scores_new(const struct model *model, const struct kernels *kernels,
                                    struct err *err);
void head_scores_free(struct head_scores *scores); /* NULL is allowed */

/* Run the model over a record of tokens and add its scores to the means; a score that the
 * record does not have (no token occurred before) does not count. -1 with err set if the
 * record is longer than the context and one, or if the model's results are not finite. */
int head_scores_add(struct head_scores *scores, const struct record *record, struct err *err);

/* The mean over the records so far. */
struct mean head_scores_mean(const struct head_scores *scores, int layer, int head,
                             enum head_score score);

/* The same mean for a head that attends to all keys equally and raises a token at random: a
 * score means something only if it is above this. */
struct mean head_scores_chance(const struct head_scores *scores, enum head_score score);

#endif
