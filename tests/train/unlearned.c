/* When are answers not learned because of loss that nobody can save? */
#include "common/train/unlearned.h"
#include "tests/tap.h"

static struct span_kinds kinds;
static float weight[SPAN_KINDS];

/* Of key, value and answer: loss and floor of their 30, 40 and 40 tokens; of 20 others, none. */
static struct validation validation(double answer, double answer_floor, double floor)
{
	struct validation it = {0};

	it.kind[SPAN_OTHER] = (struct kind_loss){1, 0, 20};
	it.kind[span_kind(&kinds, "key", 3)] = (struct kind_loss){floor + 1, floor, 30};
	it.kind[span_kind(&kinds, "value", 5)] = (struct kind_loss){floor + 1, floor, 40};
	it.kind[span_kind(&kinds, "answer", 6)] = (struct kind_loss){answer, answer_floor, 40};
	return it;
}

static bool found(struct unlearned *unlearned, double answer, double answer_floor, double floor)
{
	const struct validation it = validation(answer, answer_floor, floor);

	return unlearned_find(&it, &kinds, weight, unlearned);
}

int main(void)
{
	struct unlearned unlearned;

	span_kinds_init(&kinds);
	for (int i = 0; i < SPAN_KINDS; i++)
		weight[i] = 1;
	ok(found(&unlearned, 40, 0, 100), "answers at a nat a token, beside a floor of 200");
	is_near(unlearned.excess, 1, 1e-12, "are a nat above their floor");
	is_near(unlearned.floor_share, 200.0 / 243, 1e-6, "the floor's share of the loss");
	is_string(unlearned.weights, "key=0.1,value=0.1,answer=5", "less on keys and values");
	ok(!found(&unlearned, 3, 0, 100), "answers that are learned");
	ok(!found(&unlearned, 92, 90, 100), "answers that are at a floor of their own");
	ok(!found(&unlearned, 40, 0, 0), "no floor is known");
	ok(!found(&unlearned, 300, 0, 100), "most of the loss can be saved");
	weight[span_kind_find(&kinds, "answer")] = 8;
	ok(!found(&unlearned, 40, 0, 100), "so it is with a weight on answers");
	ok(found(&unlearned, 40, 0, 1000), "unless the floor is higher still");
	is_string(unlearned.weights, "key=0.1,value=0.1,answer=8", "a weight of more than 5 stays");
	weight[span_kind_find(&kinds, "answer")] = 1;
	weight[span_kind_find(&kinds, "key")] = 0.1f;
	ok(found(&unlearned, 40, 0, 100), "one kind has less weight already");
	is_string(unlearned.weights, "value=0.1,answer=5", "the other has not");
	weight[span_kind_find(&kinds, "value")] = 0.5f;
	ok(!found(&unlearned, 40, 0, 1000), "with less weight on both there is nothing to advise");
	return done();
}
