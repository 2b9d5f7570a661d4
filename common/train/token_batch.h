/* token_batch.h - the rows of one pass of a network, filled from examples.
 *
 * An example of t tokens makes t - 1 rows: each row holds one token and predicts the token
 * after it. Examples are packed: the rows of one stand directly behind the rows of another,
 * each example is a sequence of the pass (struct sequences), and nothing is padded but the
 * end of the pass.
 */
#ifndef MEMOSCOPE_TOKEN_BATCH_H
#define MEMOSCOPE_TOKEN_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/train/dataset.h"

struct token_batch {
	struct gpt_batch pass; /* what the network is given; points into the arrays below */
	int count; /* rows that predict a token; pass.count is larger once the batch is padded */
	uint8_t *kind; /* [rows_max], owned: the kind of the token that a row predicts */
	float *loss; /* [rows_max], owned: room for the losses that gpt_forward() returns */

	/* private */
	int rows_max, sequences_max;
	int32_t *token, *position, *target; /* [rows_max], owned */
	float *weight; /* [rows_max], owned */
	int32_t *begin; /* [sequences_max + 2], owned: room for the padding's sequence too */
};

/* An empty batch of at most rows_max rows. Host memory. -1 with err set; a batch must be
 * released in either case. */
int token_batch_init(struct token_batch *batch, int rows_max, struct err *err);
void token_batch_release(struct token_batch *batch); /* a zeroed one is allowed */

/* Remove all rows. */
void token_batch_clear(struct token_batch *batch);

/* Add the rows of an example of at least 2 tokens, which is copied. weight[SPAN_KINDS] holds
 * the weight of a row's loss, by the kind of the token that it predicts. False, and nothing is
 * added, if there is no room. */
bool token_batch_add(struct token_batch *batch, const struct example *example,
                     const float *weight);

/* Pad the pass to a multiple of so many rows. The padding is a sequence of its own without
 * targets, so neither losses nor gradients depend on it. Its positions stay below context.
 * rows_max must be a multiple of `multiple`. Add nothing afterwards before token_batch_clear(). */
void token_batch_pad(struct token_batch *batch, int multiple, int context);

#endif
