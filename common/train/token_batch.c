#include "common/train/token_batch.h"

#include <stdlib.h>
#include <string.h>

int token_batch_init(struct token_batch *batch, int rows_max, struct err *err)
{
	const size_t rows = (size_t)rows_max;

	*batch = (struct token_batch){
		.rows_max = rows_max,
		.sequences_max = rows_max / 2 + 1,
		.token = malloc(rows * sizeof *batch->token),
		.position = malloc(rows * sizeof *batch->position),
		.target = malloc(rows * sizeof *batch->target),
		.weight = malloc(rows * sizeof *batch->weight),
		.loss = malloc(rows * sizeof *batch->loss),
		.kind = malloc(rows),
	};
	batch->begin = malloc((size_t)(batch->sequences_max + 2) * sizeof *batch->begin);
	if (!batch->token || !batch->position || !batch->target || !batch->weight ||
	    !batch->loss || !batch->kind || !batch->begin)
		return err_set(err, "out of memory");
	token_batch_clear(batch);
	return 0;
}

void token_batch_release(struct token_batch *batch)
{
	free(batch->token);
	free(batch->position);
	free(batch->target);
	free(batch->weight);
	free(batch->loss);
	free(batch->kind);
	free(batch->begin);
	*batch = (struct token_batch){0};
}

void token_batch_clear(struct token_batch *batch)
{
	batch->begin[0] = batch->count = 0;
	batch->pass = (struct gpt_batch){
		.sequences = {.begin = batch->begin},
		.token = batch->token,
		.position = batch->position,
		.target = batch->target,
		.weight = batch->weight,
	};
}

/* One more sequence, whose rows are written already. */
static void end_sequence(struct token_batch *batch, int length)
{
	struct gpt_batch *pass = &batch->pass;

	pass->count += length;
	batch->begin[++pass->sequences.count] = pass->count;
	if (length > pass->sequences.longest)
		pass->sequences.longest = length;
}

bool token_batch_add(struct token_batch *batch, const struct example *example,
                     const float *weight)
{
	const int length = example->length - 1, at = batch->pass.count;
	const uint16_t *from = example->token;
	const uint8_t *kind = example->kind + 1;
	int32_t *restrict token = batch->token + at, *restrict target = batch->target + at;
	int32_t *restrict position = batch->position + at;
	float *restrict row_weight = batch->weight + at;

	if (at + length > batch->rows_max || batch->pass.sequences.count == batch->sequences_max)
		return false;
	for (int i = 0; i < length; i++) {
		token[i] = from[i];
		target[i] = from[i + 1];
		position[i] = i;
	}
	for (int i = 0; i < length; i++)
		row_weight[i] = weight[kind[i]];
	memcpy(batch->kind + at, kind, (size_t)length);
	end_sequence(batch, length);
	batch->count += length;
	return true;
}

void token_batch_pad(struct token_batch *batch, int multiple, int context)
{
	const int at = batch->count, length = (multiple - at % multiple) % multiple;

	for (int i = 0; i < length; i++) {
		batch->token[at + i] = 0;
		batch->position[at + i] = i % context;
		batch->target[at + i] = -1;
		batch->weight[at + i] = 0;
	}
	if (length > 0)
		end_sequence(batch, length);
}
