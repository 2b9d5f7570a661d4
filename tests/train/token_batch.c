/* token_batch.c - examples become the rows of a pass, until there is no room; and its padding. */
#include "common/train/token_batch.h"
#include "tests/tap.h"

#define CONTEXT 8

static const uint16_t tokens[] = {5, 9, 2, 7, 7, 1, 3, 0, 8};
static const uint8_t kinds[] = {2, 0, 1, 1, 2, 0, 1, 2, 0};
static const float weight[SPAN_KINDS] = {1, 0.5f, 4};

static struct example example_of(int length)
{
	return (struct example){.token = tokens, .kind = kinds, .length = length};
}

/* Do rows from at on hold an example of this length? */
static bool holds(const struct token_batch *batch, int at, int length)
{
	const struct gpt_batch *pass = &batch->pass;
	bool good = true;

	for (int i = 0; i < length - 1; i++)
		good &= pass->token[at + i] == tokens[i] && pass->target[at + i] == tokens[i + 1] &&
		        pass->position[at + i] == i && batch->kind[at + i] == kinds[i + 1] &&
		        pass->weight[at + i] == weight[kinds[i + 1]];
	return good;
}

static bool add(struct token_batch *batch, int length)
{
	const struct example example = example_of(length);

	return token_batch_add(batch, &example, weight);
}

static void test_rows(void)
{
	struct token_batch batch;
	struct err err = {0};

	is_int(token_batch_init(&batch, 16, &err), 0, "a batch of 16 rows");
	is_int(batch.pass.count + batch.count + batch.pass.sequences.count, 0, "  is empty");
	ok(add(&batch, 5) && add(&batch, 2) && add(&batch, 9), "examples of 5, 2 and 9 tokens");
	is_int(batch.count, 13, "  make 4, 1 and 8 rows");
	is_int(batch.pass.count, 13, "  which are those of the pass");
	is_int(batch.pass.sequences.count, 3, "  in three sequences");
	is_int(batch.pass.sequences.longest, 8, "  the longest of 8");
	const int32_t *begin = batch.pass.sequences.begin;
	ok(begin[0] == 0 && begin[1] == 4 && begin[2] == 5 && begin[3] == 13, "  one behind another");
	ok(holds(&batch, 0, 5) && holds(&batch, 4, 2) && holds(&batch, 5, 9),
	   "  tokens, targets, positions, kinds and weights are those of the targets");
	ok(!add(&batch, 5) && batch.count == 13 && batch.pass.count == 13 &&
	   batch.pass.sequences.count == 3, "  4 rows more have no room, and nothing is added");
	ok(add(&batch, 4) && batch.count == 16, "  3 have");
	token_batch_clear(&batch);
	is_int(batch.pass.count + batch.count + batch.pass.sequences.count +
	       batch.pass.sequences.longest, 0, "  cleared, it is empty");
	ok(add(&batch, 9) && holds(&batch, 0, 9) && batch.pass.sequences.begin[1] == 8,
	   "  and filled again");
	token_batch_release(&batch);
}

/* The most sequences that rows allow would be one of a row each. */
static void test_short(void)
{
	struct token_batch batch;
	struct err err = {0};
	int added = 0;

	token_batch_init(&batch, 16, &err);
	while (add(&batch, 2))
		added++;
	ok(added >= 8 && added <= 16 && batch.pass.sequences.count == added && batch.count == added,
	   "%d examples of one row each", added);
	token_batch_pad(&batch, 16, CONTEXT);
	is_int(batch.pass.count, 16, "  and the padding's sequence has room too");
	is_int(batch.pass.sequences.begin[batch.pass.sequences.count], 16, "  it ends the pass");
	token_batch_release(&batch);
}

static void test_padding(void)
{
	for (int multiple = 1; multiple <= 32; multiple *= 2) {
		struct token_batch batch;
		struct err err = {0};
		bool good = true;
		token_batch_init(&batch, 32, &err);
		add(&batch, 9);
		add(&batch, 4);
		const int sequences = batch.pass.sequences.count, rows = batch.count;
		const int want = (rows + multiple - 1) / multiple * multiple;
		token_batch_pad(&batch, multiple, CONTEXT);
		for (int i = rows; i < batch.pass.count; i++)
			good &= batch.pass.target[i] == -1 && batch.pass.weight[i] == 0 &&
			        batch.pass.position[i] < CONTEXT && batch.pass.token[i] == 0;
		ok(batch.pass.count == want && batch.count == rows,
		   "11 rows padded to a multiple of %d: %d", multiple, batch.pass.count);
		ok(good && holds(&batch, 0, 9) && holds(&batch, 8, 4),
		   "  rows of padding predict nothing; the others are as they were");
		is_int(batch.pass.sequences.count, sequences + (want > rows),
		       "  padding is one sequence, or none");
		token_batch_release(&batch);
	}
}

int main(void)
{
	test_rows();
	test_short();
	test_padding();
	return done();
}
