/* learning_rate.c - warm-up, cosine and linear schedules, against their formulas. */
#include "common/train/learning_rate.h"
#include "tests/tap.h"

static const struct learning_rate example = {.peak = 3e-3, .min = 1e-4, .warmup = 4, .steps = 24};

static void test_warmup(void)
{
	struct learning_rate rate = example;
	double worst = 0;

	for (int step = 0; step < 4; step++)
		worst = fmax(worst, fabs(learning_rate_at(&rate, step) - 3e-3 * (step + 1) / 5));
	ok(worst < 1e-15, "the warm-up rises in equal parts");
	is_near(learning_rate_at(&rate, 4), 3e-3, 1e-15, "then comes the peak");
	rate.warmup = 0;
	is_near(learning_rate_at(&rate, 0), 3e-3, 1e-15, "without a warm-up the peak comes first");
	rate.warmup = 24;
	is_near(learning_rate_at(&rate, 23), 3e-3 * 24 / 25, 1e-15, "nothing but warm-up");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "  and the step after it");
}

/* min + (peak - min) (1 + cos(pi t)) / 2 (Loshchilov & Hutter 2017, equation 5). */
static void test_cosine(void)
{
	struct learning_rate rate = example;
	bool falls = true;

	is_near(learning_rate_at(&rate, 9), 1e-4 + 2.9e-3 * (2 + sqrt(2)) / 4, 1e-15,
	        "cosine: a quarter down");
	is_near(learning_rate_at(&rate, 14), 1e-4 + 2.9e-3 / 2, 1e-15, "  half-way");
	is_near(learning_rate_at(&rate, 19), 1e-4 + 2.9e-3 * (2 - sqrt(2)) / 4, 1e-15,
	        "  three quarters");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "  the end of the schedule");
	is_near(learning_rate_at(&rate, 1000), 1e-4, 1e-15, "  and past it");
	for (int step = 5; step < 24; step++)
		falls &= learning_rate_at(&rate, step) < learning_rate_at(&rate, step - 1);
	ok(falls, "  it falls at every step");
	rate.min = rate.peak;
	is_near(learning_rate_at(&rate, 17), 3e-3, 1e-15, "  constant if the minimum is the peak");
}

static void test_linear(void)
{
	struct learning_rate rate = example;

	rate.schedule = SCHEDULE_LINEAR;
	is_near(learning_rate_at(&rate, 3), 3e-3 * 4 / 5, 1e-15, "linear: the same warm-up");
	is_near(learning_rate_at(&rate, 4), 3e-3, 1e-15, "  the same peak");
	is_near(learning_rate_at(&rate, 9), 1e-4 + 2.9e-3 * 3 / 4, 1e-15, "  a quarter down");
	is_near(learning_rate_at(&rate, 19), 1e-4 + 2.9e-3 / 4, 1e-15, "  three quarters");
	is_near(learning_rate_at(&rate, 24), 1e-4, 1e-15, "  the end of the schedule");
	is_near(learning_rate_at(&rate, 1000), 1e-4, 1e-15, "  and past it");
}

static void test_complete(void)
{
	struct learning_rate rate = {.peak = 2e-3, .min = -1, .warmup = -1, .steps = 5000};

	learning_rate_complete(&rate);
	is_near(rate.min, 2e-4, 1e-18, "by default the rate falls to a tenth of the peak");
	is_int(rate.warmup, 100, "  after 100 steps");
	rate = (struct learning_rate){.peak = 2e-3, .min = 1e-5, .warmup = 60, .steps = 50};
	learning_rate_complete(&rate);
	ok(rate.min == 1e-5 && rate.warmup == 60, "  unless both are said");
	rate.warmup = -1;
	learning_rate_complete(&rate);
	is_int(rate.warmup, 25, "  half of a short run is warm-up");
	rate.warmup = -1;
	rate.steps = 1;
	learning_rate_complete(&rate);
	is_int(rate.warmup, 0, "  and nothing of a single step");
}

int main(void)
{
	test_complete();
	test_warmup();
	test_cosine();
	test_linear();
	return done();
}
