/* Loss above its floor, of texts whose probabilities are made by hand. */
#include "common/eval/excess_loss.h"
#include "tests/eval/marked.h"
#include "tests/tap.h"

static struct span_kinds kinds;

/* Count a marked text whose character n has the probability e^-loss[n]; none if that is
 * negative. */
static void count(struct excess_loss *excess, const char *marks, const double *loss)
{
	const struct marked it = marked(&kinds, marks);
	struct generation_step steps[64];
	struct generation generation = {
		.text = it.text, .size = it.size, .length = it.size,
		.spans = it.spans, .span_count = it.span_count, .steps = steps,
	};

	for (uint32_t i = 0; i < it.size; i++)
		if (loss[i] >= 0)
			steps[generation.step_count++] =
				(struct generation_step){.position = i, .last = i, .p = exp(-loss[i])};
	excess_loss_count(excess, &generation);
}

/* Tokens of several characters belong to the span that they end in. */
static void pieces(void)
{
	static const struct span spans[] = {{1, 4, 1, 0, 1}, {4, 6, 2, 0, 2}, {7, 9, 1, 1, 4}};
	/* the characters 0-1, 2-4, 5, 6-7; the last one, 8, has no step */
	static const struct generation_step steps[] = {
		{.position = 0, .last = 1, .p = 0.5}, {.position = 2, .last = 4, .p = 0.25},
		{.position = 5, .last = 5, .p = 0.125}, {.position = 6, .last = 7, .p = 0.5},
	};
	const struct generation generation = {
		.text = "abcdefghi", .size = 9, .length = 9, .spans = spans, .span_count = 3,
		.steps = steps, .step_count = 4,
	};
	struct excess_loss excess = {0};

	excess_loss_count(&excess, &generation);
	is_near(excess.kind[1].loss, log(2), 1e-12, "one token of two ends in the first span");
	is_int((long long)excess.kind[1].spans, 1, "of the last span a character is not scored");
	is_near(excess.kind[2].loss, log(32), 1e-12, "the other token ends in the span behind it");
}

static void is_sums(const struct excess_loss_sums *have, int spans, double loss, double floor,
                    const char *what)
{
	is_int((long long)have->spans, spans, what);
	is_near(have->loss, loss, 1e-12, "its loss");
	is_near(have->floor, floor, 1e-12, "its floor");
}

int main(void)
{
	struct excess_loss excess = {0};

	pieces();
	span_kinds_init(&kinds);
	span_kind(&kinds, "name", 4);
	span_kind(&kinds, "number", 6);
	const struct excess_loss_sums *name = &excess.kind[span_kind_find(&kinds, "name")];
	const struct excess_loss_sums *number = &excess.kind[span_kind_find(&kinds, "number")];
	const struct excess_loss_sums *other = &excess.kind[SPAN_OTHER];

	/* .Al:12. */
	count(&excess, ".[name:0=2 Al]:[number:0=3 12].", (double[]){-1, 1, 2, 0.5, 2, 2.25, 0.25});
	is_sums(name, 1, 3, 2, "a name");
	is_sums(number, 1, 4.25, 3, "a number");
	is_sums(other, 2, 0.75, 0, "two characters of no span; the first one has no step");
	is_sums(&excess.record, 1, 8, 5, "the record as one");
	is_near(ratio_mean(&excess.record.excess).mean, 3, 1e-12, "its excess");
	ok(isnan(ratio_mean(&excess.record.excess).low), "one record has no interval");

	count(&excess, "[name:0=2 Al][name:1=1 B]", (double[]){2, 2, 4});
	is_sums(name, 3, 11, 5, "two more names");
	struct mean mean = ratio_mean(&name->excess);
	is_near(mean.mean, 2, 1e-12, "the excess of a name");
	is_int((long long)mean.count, 2, "in two records");
	/* 1 - 2 and 5 - 2 · 2: squares 1 + 1 */
	is_near(mean.high - mean.mean, NORMAL_QUANTILE * sqrt(2 * 2) / 3, 1e-12, "by records");

	count(&excess, "[name:0=2 Al]:", (double[]){1, -1, 0.5});
	is_sums(name, 3, 11, 5, "a name of which a character was not scored does not count");
	is_sums(other, 3, 1.25, 0, "what stands behind it does");
	count(&excess, "[name:0=2 Al]", (double[]){-1, -1});
	is_int((long long)excess.record.spans, 3, "a record without steps is none");
	return done();
}
