/* loss_scale.c - the scale of the loss in half precision: its rules, and in a trainer: it
 * changes no bits, a step whose gradient overflows is skipped, and a resume goes on with it. */
#include "common/train/metrics.h"
#include "tests/folder.h"
#include "tests/train/trainer.h"

/* ---- the rules ---- */

static void test_rules(void)
{
	struct loss_scale scale = loss_scale_first(DTYPE_F16), none = loss_scale_first(DTYPE_BF16);
	bool exact = true;
	int exponent;

	ok(scale.scale == 0x1p16 && none.scale == 0 && loss_scale_first(DTYPE_F32).scale == 0,
	   "half precision alone has a scale");
	for (double sum = 1e-3; sum < 1e9; sum *= 3.7) {
		const double factor = loss_scale_factor(&scale, sum);
		exact &= frexp(factor, &exponent) == 0.5;
		exact &= sum * factor <= 0x1p16 && sum * factor >= 0x1p15;
	}
	ok(exact, "the factor is a power of two, and the sum of weights times it nearly the scale");
	is_near(loss_scale_factor(&none, 123), 1, 0, "without a scale the factor is 1");
	for (int i = 0; i < 1999; i++)
		loss_scale_count(&scale);
	ok(scale.scale == 0x1p16 && scale.steps == 1999, "1999 steps leave the scale");
	loss_scale_count(&scale);
	ok(scale.scale == 0x1p17 && scale.steps == 0, "  the 2000th doubles it");
	loss_scale_count(&scale);
	ok(loss_scale_halve(&scale) && scale.scale == 0x1p16 && scale.steps == 0 && scale.skipped == 1,
	   "a gradient that is not finite halves it, and the count begins anew");
	scale.scale = 2;
	ok(loss_scale_halve(&scale) && scale.scale == 1, "  down to 1");
	ok(!loss_scale_halve(&scale) && scale.scale == 1 && scale.skipped == 2, "  and not below");
	loss_scale_count(&none);
	ok(!loss_scale_halve(&none) && none.scale == 0 && none.steps == 0 && none.skipped == 0,
	   "without a scale nothing is counted");
}

/* ---- in a trainer ---- */

/* The CPU's kernels with what half precision has in the way of gradients: those of
 * logits beyond its range become infinite - or one of each call does, where spoil is
 * set. It is all that happens to them, so that bits can be compared. */
static struct {
	struct kernels table;
	const struct kernels *cpu;
	bool spoil;
	double largest; /* of the gradients seen */
} half;

static struct device *half_open(enum dtype dtype, struct err *err)
{
	(void)dtype;
	return half.cpu->open(DTYPE_F32, err);
}

static void half_unembed_backward(struct device *dev, void *dx, float *dwte,
                                  const float *dlogits, const void *x, const float *wte, int n,
                                  int c, int v)
{
	const size_t count = (size_t)n * (size_t)v;
	float *rounded = malloc(count * sizeof *rounded);

	for (size_t i = 0; i < count; i++) {
		const bool past = fabsf(dlogits[i]) >= 65520 || (half.spoil && i == 0);
		rounded[i] = past ? INFINITY : dlogits[i];
		half.largest = fmax(half.largest, fabs((double)dlogits[i]));
	}
	half.cpu->unembed_backward(dev, dx, dwte, rounded, x, wte, n, c, v);
	free(rounded);
}

/* One worker, since the table above is shared; a scale of 0 is what half begins with. */
static struct trainer_options half_options(double scale)
{
	struct trainer_options options = options_of(1);

	half.cpu = options.kernels;
	half.table = *half.cpu;
	half.table.open = half_open;
	half.table.unembed_backward = half_unembed_backward;
	half.spoil = false;
	half.largest = 0;
	options.kernels = &half.table;
	options.dtype = DTYPE_F16;
	options.loss_scale = scale;
	return options;
}

/* Scales are powers of two: no bit of a result depends on them. */
static void test_any_scale(const struct data *data, enum optimizer_kind optimizer, int workers)
{
	static const double scales[] = {1, 0x1p16, 0x1p40};
	struct trainer_options options = options_of(workers);
	bool same = true;

	options.optimizer.kind = optimizer;
	options.optimizer.momentum = 0.9;
	options.optimizer.clip = 0.5;
	options.dropout = 0.1;
	options.weight[1] = 5.5f;
	options.weight[2] = 0.3f;
	struct course plain = run_course(data, &options);
	for (int i = 0; i < 3; i++) {
		options.loss_scale = scales[i];
		struct course scaled = run_course(data, &options);
		same &= same_course(&plain, &scaled);
		free(scaled.params);
	}
	ok(same, "losses scaled by 1, 2^16 and 2^40, %d worker%s: the bits of those that are not",
	   workers, workers == 1 ? "" : "s");
	free(plain.params);
}

/* Some batches until one step is taken: how many were given up. */
static int until_taken(struct trainer *trainer, const struct data *data, int count,
                       struct step_result *result)
{
	struct err err = {0};

	for (int skipped = 0;; skipped++) {
		if (trainer_step(trainer, data->example, count, result, &err) < 0)
			return -1;
		if (result->taken)
			return skipped;
	}
}

static void test_overflow(const struct data *data)
{
	struct trainer_options options = half_options(0x1p40), other = options_of(1);
	struct trainer *trainer = make_trainer(&options), *plain = make_trainer(&other);
	struct trainer_state before = state_of(trainer);
	struct step_result result, want;
	struct err err = {0};

	is_int(trainer_step(trainer, data->example, 60, &result, &err), 0,
	       "a gradient that overflows is no failure");
	trainer_step(plain, data->example, 60, &want, &err);
	ok(!result.taken && result.skipped == 1 && result.loss_scale == 0x1p40,
	   "  but the step is not taken, which is counted");
	ok(result.loss == want.loss && !isfinite(result.grad_norm), "  the loss is what it is");
	struct trainer_state after = state_of(trainer);
	ok(same_state(&before, &after), "  parameters, moments and steps are as they were");
	is_near(after.loss_scale.scale, 0x1p39, 0, "  and the scale is halved");
	const int more = until_taken(trainer, data, 60, &result);
	ok(more > 5 && result.loss_scale == ldexp(1, 39 - more) && result.skipped == 1 + more,
	   "  and again, until nothing overflows");
	ok(half.largest >= 65520, "  (what did was beyond the range of half)");
	ok(result.loss == want.loss && result.grad_norm == want.grad_norm && result.lr == want.lr,
	   "  loss, norm and rate of the step taken are those without a scale");
	trainer_state_release(&before);
	trainer_state_release(&after);
	before = state_of(plain);
	after = state_of(trainer);
	ok(same_state(&before, &after), "  parameters and moments too");
	trainer_state_release(&before);
	trainer_state_release(&after);
	trainer_free(plain);
	trainer_free(trainer);
}

/* The scale is that of the mean loss: neither a large batch nor large weights have a
 * gradient overflow that would not have done so in a small one. */
static void test_largest(const struct data *data)
{
	static const float weights[] = {1e-6f, 1, 1e6f};
	struct trainer_options options = half_options(0);
	struct step_result result;
	bool fits = true;

	for (int i = 0; i < 3; i++)
		for (int count = 1; count <= EXAMPLES; count += EXAMPLES - 1) {
			options.weight[1] = weights[i];
			struct trainer *trainer = make_trainer(&options);
			half.largest = 0;
			fits &= until_taken(trainer, data, count, &result) == 0;
			fits &= half.largest > 0 && half.largest <= result.loss_scale;
			trainer_free(trainer);
		}
	ok(fits, "no gradient of a logit is larger than the scale, whatever weights and batch");
}

static void test_first_scale(const struct data *data)
{
	struct trainer_options options = half_options(0), plain = options_of(1);
	struct trainer *a = make_trainer(&options), *b = make_trainer(&plain);
	const struct training_progress at = {0};
	struct step_result result;
	struct err err = {0};

	trainer_step(a, data->example, 60, &result, &err);
	ok(result.taken && result.loss_scale == 0x1p16, "half precision begins at a scale of 2^16");
	json_t *record = metrics_step(&at, 9, &result);
	is_near(json_real_value(json_object_get(record, "loss_scale")), 65536, 0,
	        "  as the metrics tell");
	is_int(json_integer_value(json_object_get(record, "skipped")), 0, "  with the steps given up");
	is_int(json_integer_value(json_object_get(record, "steps")), 9, "  and how many to make");
	json_decref(record);
	trainer_step(b, data->example, 60, &result, &err);
	ok(result.taken && result.loss_scale == 0, "float32 has no scale");
	record = metrics_step(&at, 9, &result);
	is_int((long long)json_object_size(record), 8, "  and the metrics say nothing of any");
	json_decref(record);

	struct trainer_state from_a = state_of(a), from_b = state_of(b);
	from_a.loss_scale = (struct loss_scale){.scale = 512, .steps = 3, .skipped = 7};
	trainer_restore(a, &from_a);
	is_int(trainer_loss_scale(a).skipped, 7, "a state's scale is taken over");
	trainer_restore(a, &from_b);
	ok(trainer_loss_scale(a).scale == 0x1p16 && trainer_loss_scale(a).skipped == 0,
	   "where it has none, half precision begins anew");
	trainer_restore(b, &from_a);
	ok(trainer_loss_scale(b).scale == 0, "float32 has no use for one");
	trainer_state_release(&from_a);
	trainer_state_release(&from_b);
	trainer_free(a);
	trainer_free(b);
}

static void test_scale_ends(const struct data *data)
{
	struct trainer_options options = half_options(4);
	struct trainer *trainer = make_trainer(&options);
	struct step_result result;
	struct err err = {0};

	half.spoil = true;
	for (int i = 0; i < 2; i++)
		trainer_step(trainer, data->example, 8, &result, &err);
	ok(!result.taken && result.loss_scale == 2 && err.status == ERR_NONE, "down to a scale of 1");
	struct trainer_state before = state_of(trainer);
	is_int(trainer_step(trainer, data->example, 8, &result, &err), -1, "below 1: fails");
	ok(strstr(err.text, "step 1: loss ") &&
	   strstr(err.text, " at a loss scale of 1, expected finite numbers"),
	   "  and says so: %s", err.text);
	struct trainer_state after = state_of(trainer);
	ok(same_state(&before, &after) && after.loss_scale.scale == 1, "  all is as it was");
	trainer_state_release(&after);

	half.spoil = false;
	before.params[2] = NAN;
	before.loss_scale.scale = 1024;
	trainer_restore(trainer, &before);
	err = (struct err){0};
	is_int(trainer_step(trainer, data->example, EXAMPLES, &result, &err), -1,
	       "a loss that is not finite fails at any scale");
	ok(strstr(err.text, "loss scale of 1024") && trainer_loss_scale(trainer).scale == 1024,
	   "  at once: %s", err.text);
	trainer_state_release(&before);
	trainer_free(trainer);
}

static struct trainer_state through_file(const struct trainer *from, const struct trainer *to)
{
	const struct training_progress progress = {.step = trainer_steps(from), .best = INFINITY};
	struct trainer_state state = state_of(from), loaded = state_of(to);
	struct training_progress got;
	json_t *settings = json_object();
	char folder[FOLDER_SIZE];
	struct err err = {0};

	folder_make(folder);
	save_state(folder, &state, &progress, settings, &err);
	if (training_state_load(folder, &config, &loaded, &got, &err) < 0)
		printf("# %s\n", err.text);
	trainer_state_release(&state);
	folder_remove(folder);
	json_decref(settings);
	return loaded;
}

static void few_steps(struct trainer *trainer, const struct data *data, int count,
                      struct step_result *result)
{
	struct err err = {0};

	for (int i = 0; i < count; i++)
		if (trainer_step(trainer, data->example + i % EXAMPLES, 1, result, &err) < 0)
			printf("# %s\n", err.text);
}

/* Doubled after 2000 steps in a row, counted across a resume. */
static void test_growth(const struct data *data)
{
	struct trainer_options options = half_options(4);
	struct trainer *first = make_trainer(&options);
	struct step_result a, b;

	few_steps(first, data, 1500, &a);
	half.spoil = true;
	few_steps(first, data, 1, &a);
	half.spoil = false;
	ok(!a.taken && trainer_steps(first) == 1500, "a step given up after 1500 is none");
	few_steps(first, data, 1000, &a);
	options.loss_scale = 0;
	struct trainer *second = make_trainer(&options);
	struct trainer_state state = through_file(first, second);
	const struct loss_scale saved = state.loss_scale;
	ok(saved.scale == 2 && saved.steps == 1000 && saved.skipped == 1,
	   "  scale, steps since and steps given up are saved");
	trainer_restore(second, &state);
	trainer_state_release(&state);
	few_steps(first, data, 1000, &a);
	few_steps(second, data, 1000, &b);
	ok(a.loss_scale == 2 && same_result(&a, &b),
	   "  the 2000th step behind it has half the scale");
	few_steps(first, data, 1, &a);
	few_steps(second, data, 1, &b);
	ok(a.loss_scale == 4 && same_result(&a, &b), "  the next one at twice that");
	ok(trainer_steps(first) == 3501 && trainer_steps(second) == 3501, "  with all steps counted");
	struct trainer_state s = state_of(first), t = state_of(second);
	ok(same_state(&s, &t) && s.loss_scale.skipped == 1 && t.loss_scale.skipped == 1,
	   "  gone on from the file in the middle, to the bit");
	few_steps(first, data, 1999, &a);
	few_steps(second, data, 2000, &b);
	ok(a.loss_scale == 4 && b.loss_scale == 8, "  and after 2000 more it is doubled again");
	trainer_state_release(&s);
	trainer_state_release(&t);
	trainer_free(first);
	trainer_free(second);
}

int main(void)
{
	static struct data data;

	make_data(&data, 1);
	test_rules();
	for (int workers = 1; workers <= 2; workers++) {
		test_any_scale(&data, OPTIMIZER_ADAMW, workers);
		test_any_scale(&data, OPTIMIZER_MUON, workers);
	}
	test_first_scale(&data);
	test_overflow(&data);
	test_largest(&data);
	test_scale_ends(&data);
	test_growth(&data);
	return done();
}
