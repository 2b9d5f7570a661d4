/* trainer_passes.c - how a trainer cuts its work into passes: many of them, padded ones, and
 * shorter ones if memory is short. */
#include <stdlib.h>

#include "common/train/trainer.h"
#include "tests/kernels/harness/table.h"
#include "tests/train/trainer.h"

/* A step of very many passes, whose last is of one example alone, and a second step
 * of that example alone: nothing moves, so only its mask can tell the two apart. */
static void test_many_passes(const struct data *data)
{
	const int before = 4096 * 257; /* of two tokens each: 257 make a pass */
	const struct gpt_config tiny = {
		.layers = 1, .heads = 1, .width = 2, .context = 2, .vocab = config.vocab,
	};
	struct example *examples = malloc((size_t)(before + 1) * sizeof *examples);
	struct trainer_options options = options_of(1);
	struct step_result all, but_one, one;
	struct err err = {0};

	options.dropout = 0.5;
	options.lr.peak = options.lr.min = 0;
	for (int i = 0; i <= before; i++) {
		examples[i] = data->example[0];
		examples[i].length = 2;
	}
	struct trainer *first = make_trainer_of(&tiny, &options);
	struct trainer *second = make_trainer_of(&tiny, &options);
	trainer_step(first, examples, before + 1, &all, &err);
	trainer_step(second, examples, before, &but_one, &err);
	trainer_step(second, examples, 1, &one, &err);
	const double last = all.loss * (before + 1) - but_one.loss * before;
	ok(fabs(last - one.loss) > 1e-6, "dropout: no mask of 4097 passes is one of the next step");
	printf("# %g, %g\n", last, one.loss);
	trainer_free(first);
	trainer_free(second);
	free(examples);
}

/* ---- padded passes ---- */

enum { STEP = 16 };
static int passes, odd_passes; /* all so far; those whose rows are no multiple of STEP */

static void count_pass(int n)
{
	passes++;
	odd_passes += n % STEP != 0;
}

static void counting_embed(struct device *dev, float *out, const int32_t *token,
                           const int32_t *position, const float *wte, const float *wpe, int n,
                           int c)
{
	count_pass(n);
	kernels_find("cpu", NULL)->embed(dev, out, token, position, wte, wpe, n, c);
}

static void counting_ref_embed(struct device *dev, float *out, const int32_t *token,
                               const int32_t *position, const float *wte, const float *wpe,
                               int n, int c)
{
	count_pass(n);
	ref_table.embed(dev, out, token, position, wte, wpe, n, c);
}

struct filled_run {
	struct course course;
	struct step_result result;
	struct evaluation evaluation;
};

static struct filled_run run_filled(const struct data *data, struct kernels *table, int step,
                                    double rate)
{
	struct trainer_options options = options_of(1);
	struct filled_run run;
	struct err err = {0};

	table->pass_rows = 4 * STEP;
	table->row_step = step;
	options.kernels = table;
	options.dropout = rate;
	options.weight[1] = 3;
	passes = odd_passes = 0;
	run.course = run_course(data, &options);
	struct trainer *trainer = make_trainer(&options);
	trainer_step(trainer, data->example, EXAMPLES - 5, &run.result, &err);
	trainer_evaluate(trainer, &data->dataset, EXAMPLES - 1, &run.evaluation);
	trainer_free(trainer);
	return run;
}

/* What fills a pass up changes nothing but how its rows are rounded where a device sums them
 * by another plan; the reference has one plan, and so the same bits. */
static void test_filled(const struct data *data, const struct kernels *kernels, bool exact,
                        double rate)
{
	struct kernels table = *kernels;
	double worst = 0;
	bool counted = true;

	table.embed = exact ? counting_ref_embed : counting_embed;
	struct filled_run plain = run_filled(data, &table, 1, rate);
	const int before = passes;
	ok(odd_passes > before / 2, "%s: %d passes, of any number of rows", table.name, before);
	struct filled_run filled = run_filled(data, &table, STEP, rate);
	ok(passes == before && odd_passes == 0, "  filled up, as many, of a multiple of %d", STEP);
	for (int i = 0; i < KINDS; i++) {
		worst = fmax(worst, fabs(filled.evaluation.loss[i] / plain.evaluation.loss[i] - 1));
		counted &= filled.evaluation.tokens[i] == plain.evaluation.tokens[i];
	}
	ok(counted && filled.result.tokens == plain.result.tokens, "  as many tokens");
	if (exact) {
		ok(same_course(&plain.course, &filled.course) &&
		   same_result(&plain.result, &filled.result) && worst == 0, "  the same bits");
	} else {
		below(course_off(&plain.course, &filled.course), 1e-5, "  losses of the same steps");
		below(off(filled.course.params, plain.course.params, parameters()), 1e-4,
		      "  parameters after them");
		below(fabs(filled.result.grad_norm / plain.result.grad_norm - 1), 1e-5,
		      "  the gradient's norm");
		below(worst, 1e-6, "  sums of an evaluation");
	}
	free(plain.course.params);
	free(filled.course.params);
}

/* ---- memory ---- */

/* A device that has so many bytes and no more; a buffer's size stands before it. */
static size_t bytes_had, bytes_used;

static void *limited_alloc(struct device *dev, size_t bytes)
{
	if (bytes_used + bytes > bytes_had)
		return NULL;
	size_t *memory = kernels_find("cpu", NULL)->alloc(dev, bytes + 64);
	*memory = bytes;
	bytes_used += bytes;
	return (char *)memory + 64;
}

static void limited_free(struct device *dev, void *at)
{
	size_t *memory = at ? (size_t *)((char *)at - 64) : NULL;

	if (memory)
		bytes_used -= *memory;
	kernels_find("cpu", NULL)->free(dev, memory);
}

/* What a trainer takes. */
static size_t bytes_taken(const struct trainer_options *options)
{
	struct trainer *trainer = make_trainer(options);
	const size_t taken = bytes_used;

	trainer_free(trainer);
	return taken;
}

/* Passes of fewer rows take less memory. */
static void test_memory(const struct data *data)
{
	struct kernels limited = *kernels_find("cpu", NULL);
	struct trainer_options options = options_of(1);
	float *params = calloc(parameters(), sizeof *params);
	struct err err = {0};

	limited.alloc = limited_alloc;
	limited.free = limited_free;
	options.kernels = &limited;
	bytes_had = SIZE_MAX / 2;
	struct course plain = run_course(data, &options);
	const size_t all = bytes_taken(&options);
	for (size_t part = 1; part <= 8; part *= 2) {
		bytes_had = all / part - 1;
		const size_t taken = bytes_taken(&options);
		ok(taken <= bytes_had && taken > bytes_had / 3,
		   "where there are %zu bytes, a trainer takes %zu", bytes_had, taken);
		struct course course = run_course(data, &options);
		below(course_off(&plain, &course), 1e-5, "  and trains as well");
		free(course.params);
	}
	bytes_had = 3 * parameters() * sizeof *params + 4096;
	ok(trainer_new(&config, &options, params, &err) == NULL &&
	   strstr(err.text, "out of memory: a network of") && strstr(err.text, " 16 rows a pass"),
	   "no room for one sequence: %s", err.text);
	ok(bytes_used == 0, "  and nothing is kept");
	free(plain.params);
	free(params);
}

int main(void)
{
	static struct data data;
	struct err err = {0};

	make_data(&data, 1);
	test_many_passes(&data);
	test_filled(&data, kernels_find("cpu", &err), false, 0);
	test_filled(&data, kernels_find("cpu", &err), false, 0.2);
	test_filled(&data, &ref_table, true, 0.2);
	test_memory(&data);
	return done();
}
