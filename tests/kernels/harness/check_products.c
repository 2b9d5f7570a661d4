/* Matrix products, and the weights that they read. */
#include "tests/kernels/harness/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/harness/ref.h"

/* A matrix product's, of operands as they were read: whole numbers are exact. Tensor cores
 * cut sums off after 23 bits instead of rounding them, every 8 to 16 terms of 1,024:
 * up to 128 times 2^-23 = 1.5e-5 of the largest sum on the way, some three times the
 * result's root mean square. */
static struct bound product(const struct trial *trial, bool whole)
{
	if (whole)
		return (struct bound){3e-7, 0};
	return trial->dtype == DTYPE_F32 ? SUM : (struct bound){5e-5, 0};
}

/* Where operands are not whole numbers, rounding them makes a difference. A device need not
 * round them for each shape: it may have none but a float32 product for some. */
static bool two_results(const struct trial *trial, bool whole)
{
	return trial->dtype != DTYPE_F32 && !whole;
}

static const int products[][3] = {
	/* n, in, out */
	{1, 1, 1},       {1, 2, 3},      {2, 3, 1},    {3, 1, 2},      {2, 4, 12},
	{5, 7, 11},      {13, 4, 16},    {16, 16, 16}, {17, 33, 17},   {33, 17, 33},
	{31, 64, 65},    {1, 128, 384},  {1, 512, 70}, {2, 513, 3},    {7, 512, 128},
	{100, 127, 129}, {64, 96, 192}, {257, 32, 96}, {1000, 16, 4}, {48, 70, 257},
	{65, 67, 71},    {33, 256, 65},  {3, 1024, 96}, {32, 96, 96},  {129, 65, 64},
};

/* An operand of a product: normal, or whole numbers up to ±8, whose products
 * and sums are exact in each dtype. */
static struct buffer *drawn(struct trial *t, struct buffer *b, bool whole)
{
	for (size_t i = 0; whole && i < b->count; i++)
		b->value[i] = (double)rng_below(&t->rng, 17) - 8;
	return b;
}

static struct buffer *factor(struct trial *t, const char *name, size_t count, bool whole)
{
	return drawn(t, trial_input(t, name, count, 1), whole);
}

static struct buffer *activation_factor(struct trial *t, const char *name, size_t count,
                                        bool whole)
{
	return drawn(t, trial_activation_input(t, name, count, 1), whole);
}

void check_linear(struct trial *t)
{
	for (int i = 0; i < 3 * COUNT(products); i++) {
		const int *size = products[i / 3];
		int n = size[0], in = size[1], out = size[2];
		bool biased = i % 3 > 0, whole = i % 3 == 2;
		trial_case(t, "n %d in %d out %d%s%s", n, in, out, biased ? " bias" : "",
		           whole ? " whole numbers" : "");
		struct buffer *y = trial_activation_output(t, "y", (size_t)n * out, product(t, whole));
		struct buffer *x = activation_factor(t, "x", (size_t)n * in, whole);
		struct buffer *w = factor(t, "w", (size_t)in * out, whole);
		struct buffer *b = biased ? factor(t, "b", out, whole) : NULL;
		if (b) /* with a result of that type cuBLASLt takes only a bias of it */
			trial_round(b, t->activations);
		trial_send(t);
		t->kernels->linear(t->dev, y->at, x->at, w->at, at_of(b), n, in, out);
		ref_linear(y->want, trial_operand(t, x), trial_operand(t, w), value_of(b), n, in, out,
		           false);
		if (two_results(t, whole))
			ref_linear(trial_other(y), x->value, w->value, value_of(b), n, in, out, false);
		trial_judge(t);
	}
}

/* What is added to the product: nothing, what y holds, or another buffer. */
enum add { NOTHING, ITSELF, ANOTHER, ADDS };

static void linear_residual_case(struct trial *t, const int size[3], enum add how, bool biased,
                                 bool whole)
{
	static const char *const names[ADDS] = {"", ", added to y", ", added to another"};
	int n = size[0], in = size[1], out = size[2];
	size_t count = (size_t)n * out;

	trial_case(t, "n %d in %d out %d%s%s%s", n, in, out, biased ? " bias" : "", names[how],
	           whole ? " whole numbers" : "");
	struct buffer *y = how == ITSELF ? trial_sum(t, "y", count, product(t, whole))
	                                 : trial_output(t, "y", count, product(t, whole));
	struct buffer *add = how == ANOTHER ? trial_input(t, "add", count, 1)
	                     : how == ITSELF ? y : NULL;
	struct buffer *x = activation_factor(t, "x", (size_t)n * in, whole);
	struct buffer *w = factor(t, "w", (size_t)in * out, whole);
	struct buffer *b = biased ? trial_input(t, "b", out, 1) : NULL;
	trial_send(t);
	t->kernels->linear_residual(t->dev, y->at, at_of(add), x->at, w->at, at_of(b), n, in, out);
	double *want[2] = {y->want, two_results(t, whole) ? trial_other(y) : NULL};
	if (how == ANOTHER)
		for (int i = 0; i < 2 && want[i]; i++)
			memcpy(want[i], add->value, count * sizeof *want[i]);
	ref_linear(want[0], trial_operand(t, x), trial_operand(t, w), value_of(b), n, in, out,
	           add != NULL);
	if (want[1])
		ref_linear(want[1], x->value, w->value, value_of(b), n, in, out, add != NULL);
	trial_judge(t);
}

void check_linear_residual(struct trial *t)
{
	for (int i = 0; i < COUNT(products); i++)
		for (enum add how = NOTHING; how < ADDS; how++)
			for (int biased = 0; biased < 2; biased++) {
				linear_residual_case(t, products[i], how, biased, false);
				if (biased == (how == ITSELF))
					linear_residual_case(t, products[i], how, biased, true);
			}
}

/* A gradient of the residual stream, and whether it is at hand as activations too. */
enum gradient { ACTIVATIONS, RESIDUAL, RESIDUAL_ROUNDED };

static void linear_backward_case(struct trial *t, const int size[3], enum gradient gradient,
                                 bool biased, bool whole)
{
	const struct kernels *k = t->kernels;
	int n = size[0], in = size[1], out = size[2];

	trial_case(t, "n %d in %d out %d%s%s%s", n, in, out, biased ? " bias" : "",
	           whole ? " whole numbers" : "",
	           gradient == RESIDUAL_ROUNDED ? " rounded before" : "");
	struct buffer *dx = trial_activation_output(t, "dx", (size_t)n * in, product(t, whole));
	struct buffer *dw = trial_sum(t, "dw", (size_t)in * out, product(t, whole));
	struct buffer *db = biased ? trial_sum(t, "db", out, SUM) : NULL;
	struct buffer *dy = gradient != ACTIVATIONS
	                            ? factor(t, "dy", (size_t)n * out, whole)
	                            : activation_factor(t, "dy", (size_t)n * out, whole);
	struct buffer *rounded = gradient == RESIDUAL_ROUNDED
	                                 ? trial_activation_input(t, "rounded", (size_t)n * out, 1)
	                                 : NULL;
	struct buffer *x = activation_factor(t, "x", (size_t)n * in, whole);
	struct buffer *w = factor(t, "w", (size_t)in * out, whole);
	trial_round(dy, DTYPE_F32);
	if (rounded)
		memcpy(rounded->value, dy->value, dy->count * sizeof *dy->value);
	trial_send(t);
	if (gradient != ACTIVATIONS)
		k->linear_residual_backward(t->dev, dx->at, dw->at, at_of(db), dy->at, at_of(rounded),
		                            x->at, w->at, n, in, out);
	else
		k->linear_backward(t->dev, dx->at, dw->at, at_of(db), dy->at, x->at, w->at, n, in, out);
	ref_linear_backward(dx->want, dw->want, NULL, trial_operand(t, dy), trial_operand(t, x),
	                    trial_operand(t, w), n, in, out);
	if (two_results(t, whole))
		ref_linear_backward(trial_other(dx), trial_other(dw), NULL, dy->value, x->value,
		                    w->value, n, in, out);
	for (int i = 0; db && i < n * out; i++) /* no product: dy is not rounded */
		db->want[i % out] += dy->value[i];
	trial_judge(t);
}

void check_linear_backward(struct trial *t)
{
	for (int i = 0; i < 4 * COUNT(products); i++)
		linear_backward_case(t, products[i / 4], ACTIVATIONS, i & 1, i & 2);
}

void check_linear_residual_backward(struct trial *t)
{
	for (int i = 0; i < 8 * COUNT(products); i++)
		linear_backward_case(t, products[i / 8], i & 4 ? RESIDUAL_ROUNDED : RESIDUAL, i & 1, i & 2);
}

void check_unembed(struct trial *t)
{
	for (int i = 0; i < 2 * COUNT(products); i++) {
		int n = products[i / 2][0], c = products[i / 2][1], v = products[i / 2][2];
		bool whole = i & 1;
		trial_case(t, "n %d c %d v %d%s", n, c, v, whole ? " whole numbers" : "");
		struct buffer *logits = trial_output(t, "logits", (size_t)n * v,
		                                     product(t, whole));
		struct buffer *x = activation_factor(t, "x", (size_t)n * c, whole);
		struct buffer *wte = factor(t, "wte", (size_t)v * c, whole);
		trial_send(t);
		t->kernels->unembed(t->dev, logits->at, x->at, wte->at, n, c, v);
		ref_unembed(logits->want, trial_operand(t, x), trial_operand(t, wte), n, c, v);
		if (two_results(t, whole))
			ref_unembed(trial_other(logits), x->value, wte->value, n, c, v);
		trial_judge(t);
	}
}

void check_unembed_backward(struct trial *t)
{
	for (int i = 0; i < 2 * COUNT(products); i++) {
		int n = products[i / 2][0], c = products[i / 2][1], v = products[i / 2][2];
		bool whole = i & 1;
		trial_case(t, "n %d c %d v %d%s", n, c, v, whole ? " whole numbers" : "");
		struct buffer *dx = trial_activation_output(t, "dx", (size_t)n * c, product(t, whole));
		struct buffer *dwte = trial_sum(t, "dwte", (size_t)v * c, product(t, whole));
		struct buffer *dlogits = factor(t, "dlogits", (size_t)n * v, whole);
		struct buffer *x = activation_factor(t, "x", (size_t)n * c, whole);
		struct buffer *wte = factor(t, "wte", (size_t)v * c, whole);
		trial_send(t);
		t->kernels->unembed_backward(t->dev, dx->at, dwte->at, dlogits->at, x->at, wte->at,
		                             n, c, v);
		ref_unembed_backward(dx->want, dwte->want, trial_operand(t, dlogits),
		                     trial_operand(t, x), trial_operand(t, wte), n, c, v);
		if (two_results(t, whole))
			ref_unembed_backward(trial_other(dx), trial_other(dwte), dlogits->value,
			                     x->value, wte->value, n, c, v);
		trial_judge(t);
	}
}

/* One of the two products that are asked for whole and in parts: y[n,out] as floats. */
struct parted {
	bool tied; /* unembed, not linear */
	struct buffer *x, *w, *b;
	int in, out;
};

static void call_parted(struct trial *t, const struct parted *p, void *y, int first, int rows)
{
	const struct kernels *k = t->kernels;
	void *from = element(p->x->at, p->x->type, (size_t)first * p->in);

	if (p->tied)
		k->unembed(t->dev, element(y, DTYPE_F32, (size_t)first * p->out), from, p->w->at, rows,
		           p->in, p->out);
	else
		k->linear(t->dev, element(y, t->activations, (size_t)first * p->out), from, p->w->at,
		          p->b->at, rows, p->in, p->out);
}

static float *read_parted(struct trial *t, const struct parted *p, const void *y, int n)
{
	const size_t count = (size_t)n * p->out;

	return p->tied ? trial_read(t, y, count) : trial_read_activations(t, y, count);
}

/* In calls of at most chunk rows. */
static float *products_of(struct trial *t, const struct parted *p, int n, int chunk)
{
	void *y = t->kernels->alloc(t->dev, (size_t)n * p->out * sizeof(float));

	if (!y)
		abort();
	for (int r = 0; r < n; r += chunk)
		call_parted(t, p, y, r, n - r < chunk ? n - r : chunk);
	float *host = read_parted(t, p, y, n);
	t->kernels->free(t->dev, y);
	return host;
}

static void row_invariant_case(struct trial *t, bool tied, int n, int in, int out)
{
	static const int chunks[] = {1, 2, 5, 16, 31, 700};
	const size_t count = (size_t)n * out;
	struct bound bound = product(t, false);

	trial_case(t, "%s n %d in %d out %d", tied ? "unembed" : "linear", n, in, out);
	struct buffer *x = trial_activation_input(t, "x", (size_t)n * in, 1);
	struct buffer *w = trial_input(t, "w", (size_t)in * out, 1);
	struct buffer *b = trial_input(t, "b", out, 1);
	struct buffer *y = tied ? trial_output(t, "y", count, bound)
	                        : trial_activation_output(t, "y", count, bound);
	const struct parted parted = {tied, x, w, b, in, out};
	trial_send(t);
	call_parted(t, &parted, y->at, 0, n);
	double *want[2] = {y->want, two_results(t, false) ? trial_other(y) : NULL};
	for (int i = 0; i < 2 && want[i]; i++) {
		const double *left = i ? x->value : trial_operand(t, x);
		const double *right = i ? w->value : trial_operand(t, w);
		if (tied)
			ref_unembed(want[i], left, right, n, in, out);
		else
			ref_linear(want[i], left, right, b->value, n, in, out, false);
	}
	float *whole = read_parted(t, &parted, y->at, n);
	for (int j = 0; j < COUNT(chunks) && chunks[j] < n; j++) {
		if (n > 1000 && chunks[j] < 700)
			continue; /* it would take long */
		float *part = products_of(t, &parted, n, chunks[j]);
		trial_expect(t, memcmp(whole, part, count * sizeof *part) == 0,
		             "%d rows at a time give other bits than all at once", chunks[j]);
		free(part);
	}
	free(whole);
	trial_judge(t);
}

/* Each row has the same bits in calls of 1, 2, 5, 16 … rows as in one of all. */
void check_row_invariant(struct trial *t)
{
	t->kernels->row_invariant(t->dev, true);
	/* large enough for a device to make it otherwise */
	row_invariant_case(t, true, 2101, 33, 380);
	row_invariant_case(t, false, 2100, 72, 384); /* which is aligned */
	for (int i = 0; i < 2 * COUNT(products); i++) {
		const int *size = products[i / 2];
		row_invariant_case(t, i & 1, size[0], size[1], size[2]);
	}
	/* weights that few rows read otherwise than many */
	row_invariant_case(t, true, 20, 401, 517);
	row_invariant_case(t, false, 20, 401, 517);
	t->kernels->row_invariant(t->dev, false);
}

/* ---- copies of weights ---- */

/* What is done to weights that the device was told of. */
enum change { UNTOUCHED, UPLOADED, COPIED, CLEARED, STEPPED, STEPPED_BY_MUON, CHANGES };

enum { WEIGHTS_IN = 16, WEIGHTS_OUT = 24, WEIGHTS = 2 * WEIGHTS_IN * WEIGHTS_OUT };

/* Write to some of w[WEIGHTS]; m[2 WEIGHTS]: zeros; all: a range, and update, in device
 * memory. */
static void change_weights(struct trial *t, enum change change, float *w, float *m,
                           const float *other, const float *host,
                           const struct adamw_range *all, const struct update *update)
{
	const struct kernels *k = t->kernels;
	const struct adamw adamw = {.beta1 = 0.9f, .beta2 = 0.9f, .epsilon = 1e-8f};
	const struct muon muon = {.momentum = 0.9f};

	if (change == UPLOADED)
		k->upload(t->dev, w + WEIGHTS - 8, host, 8 * sizeof *w);
	if (change == COPIED)
		k->copy(t->dev, w + WEIGHTS / 2, other, 64 * sizeof *w);
	if (change == CLEARED)
		k->zero(t->dev, w, WEIGHTS * sizeof *w);
	if (change == STEPPED)
		k->adamw(t->dev, w, other, m, m + WEIGHTS, WEIGHTS, all, 1, &adamw, update);
	if (change == STEPPED_BY_MUON)
		k->muon(t->dev, w + WEIGHTS / 2, other, m, WEIGHTS_IN, WEIGHTS_OUT, WEIGHTS_OUT, &muon,
		        update);
}

/* Products with weights that weights() was told of have the bits of those with others of
 * the same values, and go on having them when they are written to. */
static void weights_case(struct trial *t, enum change change)
{
	static const char *const names[CHANGES] = {
		"untouched", "uploaded", "copied", "cleared", "stepped", "stepped by Muon",
	};
	enum { ROWS = 8, SUMS = ROWS * WEIGHTS_OUT }; /* all results aligned alike: one plan for all */
	const struct kernels *k = t->kernels;
	const size_t bytes = WEIGHTS * sizeof(float), half = WEIGHTS / 2;
	float *w = k->alloc(t->dev, bytes), *twin = k->alloc(t->dev, bytes);
	float *m = k->alloc(t->dev, 2 * bytes), *y = k->alloc(t->dev, 3 * SUMS * sizeof *y);
	const struct adamw_range range = {0, WEIGHTS, false};
	const struct update step = {
		.lr = 0.5f, .correct1 = 10, .correct2 = 10, .grad_scale = 1, .finite = true,
	};
	struct adamw_range *all = k->alloc(t->dev, sizeof *all);
	struct update *update = k->alloc(t->dev, sizeof *update);

	if (!w || !twin || !m || !y || !all || !update)
		abort();
	k->upload(t->dev, all, &range, sizeof range);
	k->upload(t->dev, update, &step, sizeof step);
	trial_case(t, "weights %s", names[change]);
	struct buffer *x = trial_activation_input(t, "x", ROWS * WEIGHTS_IN, 1);
	struct buffer *other = trial_input(t, "other", WEIGHTS, 1);
	trial_send(t);
	float *host = trial_read(t, other->at, WEIGHTS);
	k->upload(t->dev, w, host, bytes);
	k->zero(t->dev, m, 2 * bytes);
	if (k->weights)
		k->weights(t->dev, w, WEIGHTS);
	k->linear_residual(t->dev, y, NULL, x->at, w + half, NULL, ROWS, WEIGHTS_IN, WEIGHTS_OUT);
	change_weights(t, change, w, m, other->at, host, all, update);
	k->linear_residual(t->dev, y + SUMS, NULL, x->at, w + half, NULL, ROWS, WEIGHTS_IN,
	                   WEIGHTS_OUT);
	k->copy(t->dev, twin, w, bytes);
	k->linear_residual(t->dev, y + 2 * SUMS, NULL, x->at, twin + half, NULL, ROWS, WEIGHTS_IN,
	                   WEIGHTS_OUT);
	float *made = trial_read(t, y, 3 * SUMS);
	trial_expect(t, memcmp(made + SUMS, made + 2 * SUMS, SUMS * sizeof *made) == 0,
	             "a product is not that of what stands there");
	trial_expect(t, (memcmp(made, made + SUMS, SUMS * sizeof *made) == 0) == (change == UNTOUCHED),
	             "the change makes no difference, or none was to be");
	free(made);
	free(host);
	trial_judge(t);
	k->free(t->dev, w);
	k->free(t->dev, twin);
	k->free(t->dev, m);
	k->free(t->dev, y);
	k->free(t->dev, all);
	k->free(t->dev, update);
}

void check_weights(struct trial *t)
{
	for (int change = 0; change < CHANGES; change++)
		weights_case(t, (enum change)change);
}
