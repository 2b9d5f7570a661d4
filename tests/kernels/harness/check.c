#include "tests/kernels/harness/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernels/harness/ref.h"
#include "tests/kernels/harness/rows.h"

/* Bounds, relative to each value or to the buffer's root mean square, whichever
 * is more. Rounding to float32 is 6e-8; a sum of K terms of random sign loses
 * some √K of that. What an activation loses when it is rounded is not in them: trial.h. */
static const struct bound EXACT = {1e-7, 0}; /* one rounding */
static const struct bound FUNCTION = {1e-6, 1}; /* exp, erf, log of values about 1 */

/* ---- memory ---- */

static void check_memory(struct trial *t)
{
	static const size_t sizes[] = {1, 3, 4, 63, 64, 65, 4096, 100003};
	const struct kernels *k = t->kernels;

	k->free(t->dev, NULL);
	k->close(NULL);
	for (int i = 0; i < COUNT(sizes); i++) {
		size_t size = sizes[i];
		unsigned char *host = malloc(size), *back = malloc(size);
		char *a = k->alloc(t->dev, size), *b = k->alloc(t->dev, size);
		bool good = true;

		trial_case(t, "%zu bytes", size);
		if (!host || !back || !a || !b)
			abort();
		trial_expect(t, (uintptr_t)a % 64 == 0 && (uintptr_t)b % 64 == 0,
		             "alloc is not aligned to 64 bytes");
		for (size_t j = 0; j < size; j++)
			host[j] = (unsigned char)(j * 7 + 1);
		k->upload(t->dev, a, host, size);
		k->zero(t->dev, b, size);
		k->copy(t->dev, b, a, size / 2);
		k->download(t->dev, back, b, size);
		for (size_t j = 0; j < size; j++)
			good &= back[j] == (j < size / 2 ? host[j] : 0);
		trial_expect(t, good, "upload, zero, copy of half and download do not agree");
		k->free(t->dev, a);
		k->free(t->dev, b);
		free(host);
		free(back);
	}
}

/* Patterns first … first+count-1 of 16 bits; in float32 they are the upper half, beside
 * which something else stands. */
static void read_case(struct trial *t, size_t first, size_t count)
{
	const size_t size = dtype_size(t->activations);
	unsigned char *bits = malloc(count * size + 1);
	char *at = t->kernels->alloc(t->dev, (first + count) * size);
	int wrong = 0;

	if (!bits || !at)
		abort();
	trial_case(t, "patterns %zx to %zx", first, first + count - 1);
	for (size_t i = 0; i < count; i++) {
		const uint16_t half = (uint16_t)(first + i);
		const uint32_t word = (uint32_t)half << 16 | (half * 0x9e37u & 0xffff);
		memcpy(bits + i * size, size == sizeof half ? (const void *)&half : &word, size);
	}
	t->kernels->upload(t->dev, at + first * size, bits, count * size);
	float *have = trial_read_activations(t, at + first * size, count);
	for (size_t i = 0; size == sizeof(uint16_t) && i < count; i++) {
		const float want = (float)ref_value(t->activations, (uint16_t)(first + i));
		wrong += isnan(want) ? !isnan(have[i]) : memcmp(&want, have + i, sizeof want) != 0;
	}
	if (size == sizeof *have)
		wrong += memcmp(have, bits, count * size) != 0;
	trial_expect(t, wrong == 0, "%d are not the numbers that they should be", wrong);
	t->kernels->free(t->dev, at);
	free(have);
	free(bits);
}

static void check_read_activations(struct trial *t)
{
	static const size_t few[] = {1, 2, 3, 7, 8, 9, 31, 33, 255, 257};

	read_case(t, 0, 0x10000);
	for (int i = 0; i < COUNT(few); i++)
		read_case(t, few[COUNT(few) - 1 - i], few[i]);
}

/* ---- embed ---- */

static const int embed_sizes[][4] = {
	/* n, c, v, t */
	{1, 1, 1, 1},      {2, 3, 5, 2},      {17, 16, 70, 17}, {33, 17, 3, 40},
	{100, 33, 71, 31}, {7, 128, 257, 64}, {500, 12, 4, 3},  {257, 512, 70, 256}, {2500, 5, 4, 3},
};

static void check_embed(struct trial *t)
{
	for (int i = 0; i < COUNT(embed_sizes); i++) {
		const int *size = embed_sizes[i];
		int n = size[0], c = size[1];
		trial_case(t, "n %d c %d v %d t %d", n, c, size[2], size[3]);
		struct buffer *out = trial_output(t, "out", (size_t)n * c, EXACT);
		struct buffer *token = trial_indices(t, "token", n, size[2]);
		struct buffer *position = trial_indices(t, "position", n, size[3]);
		struct buffer *wte = trial_input(t, "wte", (size_t)size[2] * c, 1);
		struct buffer *wpe = trial_input(t, "wpe", (size_t)size[3] * c, 1);
		trial_send(t);
		t->kernels->embed(t->dev, out->at, token->at, position->at, wte->at, wpe->at, n,
		                  c);
		ref_embed(out->want, token->index, position->index, wte->value, wpe->value, n, c);
		trial_judge(t);
	}
}

/* The same rows twice into two buffers of zeros: the same bits. */
static void embed_twice(struct trial *t, int n, int c, int v)
{
	const struct kernels *k = t->kernels;
	size_t count = (size_t)v * c;
	float *host[2];

	trial_case(t, "n %d c %d v %d, twice", n, c, v);
	struct buffer *dout = trial_input(t, "dout", (size_t)n * c, 1);
	struct buffer *token = trial_indices(t, "token", n, v);
	trial_send(t);
	for (int i = 0; i < 2; i++) {
		float *sums = k->alloc(t->dev, 2 * count * sizeof *sums);
		if (!sums)
			abort();
		k->zero(t->dev, sums, 2 * count * sizeof *sums);
		k->embed_backward(t->dev, sums, sums + count, dout->at, token->at, token->at, n,
		                  c, v, v);
		host[i] = trial_read(t, sums, 2 * count);
		k->free(t->dev, sums);
	}
	trial_expect(t, memcmp(host[0], host[1], 2 * count * sizeof *host[0]) == 0,
	             "sums differ from one call to the next");
	free(host[0]);
	free(host[1]);
	trial_judge(t);
}

static void check_embed_backward(struct trial *t)
{
	for (int i = 0; i < COUNT(embed_sizes); i++) {
		const int *size = embed_sizes[i];
		int n = size[0], c = size[1];
		trial_case(t, "n %d c %d v %d t %d", n, c, size[2], size[3]);
		struct buffer *dwte = trial_sum(t, "dwte", (size_t)size[2] * c, SUM);
		struct buffer *dwpe = trial_sum(t, "dwpe", (size_t)size[3] * c, SUM);
		struct buffer *dout = trial_input(t, "dout", (size_t)n * c, 1);
		struct buffer *token = trial_indices(t, "token", n, size[2]);
		struct buffer *position = trial_indices(t, "position", n, size[3]);
		trial_send(t);
		t->kernels->embed_backward(t->dev, dwte->at, dwpe->at, dout->at, token->at,
		                           position->at, n, c, size[2], size[3]);
		ref_embed_backward(dwte->want, dwpe->want, dout->value, token->index,
		                   position->index, n, c);
		trial_judge(t);
	}
	embed_twice(t, 2999, 17, 5);
}

/* ---- layernorm ---- */

static const int norm_rows[] = {1, 2, 5, 17, 33};
static const int norm_widths[] = {1,  2,  3,  4,  5,  7,  8,   15,  16,  17,
                                  31, 32, 33, 63, 64, 65, 127, 128, 129, 512, 768, 1024,
                                  1028};

/* A few entries almost alike make rstd large and differences small. */
static struct bound norm_bound(int c)
{
	return (struct bound){c < 16 ? 1e-4 : 1e-5, 0};
}

static void layernorm_case(struct trial *t, int n, int c, bool biased, double offset, float epsilon)
{
	trial_case(t, "n %d c %d%s, average %g, epsilon %g", n, c, biased ? " bias" : "", offset,
	           (double)epsilon);
	struct bound bound = norm_bound(c);
	if (offset > 10) /* x itself has lost these digits */
		bound.relative = 2e-4;
	struct buffer *out = trial_activation_output(t, "out", (size_t)n * c, bound);
	struct buffer *mean = trial_output(t, "mean", n, (struct bound){1e-6, 1 + offset});
	struct buffer *rstd = trial_output(t, "rstd", n, bound);
	struct buffer *x = trial_input(t, "x", (size_t)n * c, 1);
	struct buffer *gain = trial_input(t, "gain", c, 1);
	struct buffer *bias = biased ? trial_input(t, "bias", c, 1) : NULL;
	for (size_t i = 0; i < x->count; i++)
		x->value[i] += offset;
	for (int j = 0; j < c; j++)
		x->value[(size_t)(n / 2) * c + j] = 0.5; /* a row without variance */
	trial_send(t);
	t->kernels->layernorm(t->dev, out->at, mean->at, rstd->at, x->at, gain->at, at_of(bias),
	                      n, c, epsilon);
	ref_layernorm(out->want, mean->want, rstd->want, x->value, gain->value, value_of(bias), n,
	              c, (double)epsilon);
	trial_judge(t);
}

static void check_layernorm(struct trial *t)
{
	for (int i = 0; i < COUNT(norm_rows); i++)
		for (int j = 0; j < COUNT(norm_widths); j++)
			for (int biased = 0; biased < 2; biased++)
				layernorm_case(t, norm_rows[i], norm_widths[j], biased, 0, 1e-5f);
	layernorm_case(t, 17, 128, true, 100, 1e-5f);
	layernorm_case(t, 3, 37, true, 100, 1e-5f);
	for (int j = 0; j < COUNT(norm_widths); j++) {
		layernorm_case(t, 3, norm_widths[j], true, 0, 0.5f);
		layernorm_case(t, 3, norm_widths[j], false, 0, 1e-12f);
	}
}

static void layernorm_backward_case(struct trial *t, int n, int c, bool biased, bool rounds)
{
	trial_case(t, "n %d c %d%s%s", n, c, biased ? " bias" : "", rounds ? " rounded" : "");
	struct buffer *dx = trial_sum(t, "dx", (size_t)n * c, norm_bound(c));
	struct buffer *dgain = trial_sum(t, "dgain", c, norm_bound(c));
	struct buffer *dbias = biased ? trial_sum(t, "dbias", c, SUM) : NULL;
	struct buffer *rounded = rounds ? trial_activation_output(t, "rounded", (size_t)n * c,
	                                                          norm_bound(c)) : NULL;
	struct buffer *dout = trial_activation_input(t, "dout", (size_t)n * c, 1);
	struct buffer *x = trial_input(t, "x", (size_t)n * c, 1);
	struct buffer *mean = trial_input(t, "mean", n, 1);
	struct buffer *rstd = trial_input(t, "rstd", n, 1);
	struct buffer *gain = trial_input(t, "gain", c, 1);
	double *out = malloc(x->count * sizeof *out);
	if (!out)
		abort();
	ref_layernorm(out, mean->value, rstd->value, x->value, gain->value, NULL, n, c, 1e-5);
	free(out);
	trial_send(t);
	t->kernels->layernorm_backward(t->dev, dx->at, dgain->at, at_of(dbias), at_of(rounded),
	                               dout->at, x->at, mean->at, rstd->at, gain->at, n, c);
	ref_layernorm_backward(dx->want, dgain->want, want_of(dbias), dout->value, x->value,
	                       mean->value, rstd->value, gain->value, n, c);
	if (rounded)
		memcpy(rounded->want, dx->want, dx->count * sizeof *dx->want);
	trial_judge(t);
}

static void check_layernorm_backward(struct trial *t)
{
	for (int i = 0; i < COUNT(norm_rows); i++)
		for (int j = 0; j < COUNT(norm_widths); j++)
			for (int how = 0; how < 4; how++)
				layernorm_backward_case(t, norm_rows[i], norm_widths[j], how & 1, how & 2);
	for (int i = 0; i < 3; i++) /* more sums of parts than are taken at once */
		layernorm_backward_case(t, 4300, 4 + i, true, false);
}

/* ---- elementwise ---- */

static const size_t counts[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 100, 1000, 4099};

/* From -50 to 50, dense about 0; zeros, tiny and large ones among them. */
static void fill_gelu(struct trial *t, double *x, size_t count)
{
	static const double special[] = {0,     -0.0,  50,  -50,   1e-30, -1e-30, -5.5,
	                                 -13.3, -8.25, 1e4, -1e4, 3e-39,  -3e-39};

	for (size_t i = 0; i < count; i++) {
		double u = 2 * rng_uniform(&t->rng) - 1;
		x[i] = rng_below(&t->rng, 2) ? 50 * u : 6 * u;
		if (count > 31 && i < 2 * COUNT(special) && i % 2)
			x[i] = special[i / 2];
	}
}

typedef void gelu(struct device *dev, void *y, const void *x, size_t count);
typedef void gelu_backward(struct device *dev, void *dx, const void *dy, const void *x,
                           size_t count);

static void gelu_cases(struct trial *t, gelu *run,
                       void (*reference)(double *, const double *, size_t))
{
	for (int i = 0; i < COUNT(counts); i++) {
		trial_case(t, "count %zu", counts[i]);
		struct buffer *y = trial_activation_output(t, "y", counts[i], FUNCTION);
		struct buffer *x = trial_activation_input(t, "x", counts[i], 1);
		fill_gelu(t, x->value, counts[i]);
		trial_send(t);
		run(t->dev, y->at, x->at, counts[i]);
		reference(y->want, x->value, counts[i]);
		trial_judge(t);
	}
}

static void check_gelu(struct trial *t)
{
	gelu_cases(t, t->kernels->gelu, ref_gelu);
}

static void check_gelu_tanh(struct trial *t)
{
	gelu_cases(t, t->kernels->gelu_tanh, ref_gelu_tanh);
}

static void gelu_backward_cases(struct trial *t, gelu_backward *run,
                                void (*reference)(double *, const double *, const double *, size_t))
{
	for (int i = 0; i < 2 * COUNT(counts); i++) {
		size_t count = counts[i / 2];
		bool alias = i & 1;
		struct bound bound = {2e-6, 1};
		trial_case(t, "count %zu%s", count, alias ? ", dx is dy" : "");
		struct buffer *dx = alias ? trial_activation_sum(t, "dx", count, bound)
					  : trial_activation_output(t, "dx", count, bound);
		struct buffer *dy = alias ? dx : trial_activation_input(t, "dy", count, 1);
		struct buffer *x = trial_activation_input(t, "x", count, 1);
		fill_gelu(t, x->value, count);
		trial_send(t);
		run(t->dev, dx->at, dy->at, x->at, count);
		reference(dx->want, dy->value, x->value, count);
		trial_judge(t);
	}
}

static void check_gelu_backward(struct trial *t)
{
	gelu_backward_cases(t, t->kernels->gelu_backward, ref_gelu_backward);
}

static void check_gelu_tanh_backward(struct trial *t)
{
	gelu_backward_cases(t, t->kernels->gelu_tanh_backward, ref_gelu_tanh_backward);
}

static void check_add(struct trial *t)
{
	for (int i = 0; i < COUNT(counts); i++) {
		trial_case(t, "count %zu", counts[i]);
		struct buffer *x = trial_sum(t, "x", counts[i], EXACT);
		struct buffer *y = trial_input(t, "y", counts[i], 1);
		trial_send(t);
		t->kernels->add(t->dev, x->at, y->at, counts[i]);
		ref_add(x->want, y->value, counts[i]);
		trial_judge(t);
	}
}

/* How activations are rounded: numbers around each that their type has, and half-way to the
 * next. */
static void rounding_case(struct trial *t, int side)
{
	enum { COUNT = 0x10000 };
	const enum dtype type = t->activations;
	const struct kernels *k = t->kernels;
	float *value = malloc(COUNT * sizeof *value);
	uint16_t *have = malloc(COUNT * sizeof *have);
	float *at = k->alloc(t->dev, COUNT * sizeof *at);
	void *x = k->alloc(t->dev, COUNT * sizeof *have);

	if (!value || !have || !at || !x)
		abort();
	trial_case(t, "what is rounded, %d", side);
	for (int i = 0; i < COUNT; i++) {
		const double here = ref_value(type, (uint16_t)i), next = ref_value(type, (uint16_t)(i + 1));
		const float middle = (float)(isfinite(next) ? here + 0.5 * (next - here) : here);
		value[i] = side ? nextafterf(middle, side < 0 ? -INFINITY : INFINITY) : middle;
	}
	k->upload(t->dev, at, value, COUNT * sizeof *at);
	k->set_columns(t->dev, x, at, 1, COUNT, 0, COUNT);
	k->download(t->dev, have, x, COUNT * sizeof *have);
	for (int i = 0; i < COUNT; i++)
		trial_expect(t, isnan(value[i]) ? isnan(ref_value(type, have[i]))
		                                : have[i] == ref_bits(type, (double)value[i]),
		             "%.9g becomes %04x", (double)value[i], have[i]);
	k->free(t->dev, at);
	k->free(t->dev, x);
	free(value);
	free(have);
}

static const int columns[][4] = {
	/* n, c, first, count */
	{1, 1, 0, 1},   {1, 17, 16, 1}, {3, 8, 0, 8},     {7, 33, 0, 11},
	{5, 33, 11, 7}, {2, 33, 22, 11}, {65, 128, 96, 32}, {100, 24, 17, 2},
};

static void check_set_columns(struct trial *t)
{
	for (int i = 0; i < COUNT(columns); i++) {
		int n = columns[i][0], c = columns[i][1], first = columns[i][2], count = columns[i][3];
		trial_case(t, "n %d c %d first %d count %d", n, c, first, count);
		struct buffer *x = trial_activation_sum(t, "x", (size_t)n * c, EXACT);
		struct buffer *value = trial_input(t, "value", count, 1);
		trial_send(t);
		t->kernels->set_columns(t->dev, x->at, value->at, n, c, first, count);
		ref_set_columns(x->want, value->value, n, c, first, count);
		trial_judge(t);
	}
	for (int side = -1; side <= 1 && t->activations != DTYPE_F32; side++)
		rounding_case(t, side);
}

static void check_scale_columns(struct trial *t)
{
	for (int i = 0; i < COUNT(columns); i++) {
		int n = columns[i][0], c = columns[i][1], first = columns[i][2], count = columns[i][3];
		float factor = i % 2 ? 0.3f : 5.66f;
		trial_case(t, "n %d c %d first %d count %d factor %g", n, c, first, count, (double)factor);
		struct buffer *x = trial_activation_sum(t, "x", (size_t)n * c, (struct bound){1e-6, 0});
		trial_send(t);
		t->kernels->scale_columns(t->dev, x->at, factor, n, c, first, count);
		ref_scale_columns(x->want, (double)factor, n, c, first, count);
		trial_judge(t);
	}
}

/* ---- dropout ---- */

uint64_t *new_pass(struct trial *t, uint64_t number)
{
	uint64_t *pass = t->kernels->alloc(t->dev, sizeof *pass);

	if (!pass)
		abort();
	t->kernels->upload(t->dev, pass, &number, sizeof number);
	return pass;
}

double *mask_of(struct trial *t, const struct dropout *dropout, size_t count)
{
	const struct kernels *k = t->kernels;
	float *ones = malloc((count + 1) * sizeof *ones), *host;
	double *mask = malloc((count + 1) * sizeof *mask);
	float *at = k->alloc(t->dev, count * sizeof *at);

	if (!ones || !mask || !at)
		abort();
	for (size_t i = 0; i < count; i++)
		ones[i] = 1;
	k->upload(t->dev, at, ones, count * sizeof *at);
	k->dropout(t->dev, at, count, dropout);
	host = trial_read(t, at, count);
	for (size_t i = 0; i < count; i++)
		mask[i] = host[i];
	k->free(t->dev, at);
	free(ones);
	free(host);
	return mask;
}

/* Every factor is 0 or 1 / (1 - rate), to the float; the kept share is near
 * 1 - rate, and so is the share kept among neighbours of kept ones. */
static void mask_rate(struct trial *t, const double *mask, size_t count, float rate)
{
	double factor = (float)(1 / (1 - (double)rate)), keep = 1 - (double)rate;
	double kept = 0, both = 0;
	bool clean = true;

	for (size_t i = 0; i < count; i++) {
		clean &= mask[i] == 0 || fabs(mask[i] - factor) <= 2e-7 * factor;
		kept += mask[i] != 0;
		both += i > 0 && mask[i] != 0 && mask[i - 1] != 0;
	}
	trial_expect(t, clean, "a factor is neither 0 nor 1 / (1 - rate)");
	trial_expect(t, fabs(kept / count - keep) < 5 * sqrt(keep * rate / count),
	             "%g of %zu are kept", kept / count, count);
	trial_expect(t, fabs(both / (count - 1) - keep * keep) < 8 * keep * sqrt(rate / count),
	             "%g of %zu pairs are kept", both / (count - 1), count);
}

/* The masks of other seeds, passes and places agree as often as chance has it. */
static void mask_independent(struct trial *t, const double *mask, size_t count,
                             const struct dropout *dropout, uint64_t pass)
{
	const struct {
		uint64_t seed, pass;
		uint32_t place;
	} other[] = {
		{dropout->seed + 1, pass, dropout->place},
		{dropout->seed, pass, dropout->place + 1},
		{dropout->seed, pass + 1, dropout->place},
		{dropout->seed ^ (uint64_t)1 << 32, pass, dropout->place},
		{dropout->seed, pass ^ (uint64_t)1 << 21, dropout->place},
		{dropout->seed, pass ^ (uint64_t)1 << 50, dropout->place},
		{dropout->seed + 1, pass - 1, dropout->place},
	};
	double rate = dropout->rate, chance = rate * rate + (1 - rate) * (1 - rate);

	for (int i = 0; i < COUNT(other); i++) {
		uint64_t *number = new_pass(t, other[i].pass);
		struct dropout drop = {dropout->rate, other[i].seed, number, other[i].place};
		double *second = mask_of(t, &drop, count), same = 0;
		for (size_t j = 0; j < count; j++)
			same += (mask[j] != 0) == (second[j] != 0);
		trial_expect(t, fabs(same / count - chance) < 5 * sqrt(chance * (1 - chance) / count),
		             "seed %llu pass %llu place %u agrees in %g of the mask",
		             (unsigned long long)other[i].seed,
		             (unsigned long long)other[i].pass, other[i].place, same / count);
		free(second);
		t->kernels->free(t->dev, number);
	}
}

static void check_masks(struct trial *t)
{
	static const float rates[] = {0, 0.1f, 0.25f, 0.5f, 0.9f};
	enum { LARGE = 100003 };

	for (int i = 0; i < COUNT(rates); i++) {
		uint64_t *pass = rates[i] > 0 ? new_pass(t, 1000) : NULL;
		struct dropout dropout = {rates[i], 42 + i, pass, 5};
		trial_case(t, "rate %g, the mask", rates[i]);
		double *mask = mask_of(t, &dropout, LARGE);
		if (rates[i] > 0) {
			mask_rate(t, mask, LARGE, rates[i]);
			mask_independent(t, mask, LARGE, &dropout, 1000);
		}
		for (int j = 0; j < COUNT(counts); j++) {
			trial_case(t, "rate %g count %zu", rates[i], counts[j]);
			struct buffer *x = trial_sum(t, "x", counts[j], (struct bound){2e-7, 0});
			trial_send(t);
			t->kernels->dropout(t->dev, x->at, counts[j], &dropout);
			/* element i of any buffer has the mask of i */
			ref_dropout(x->want, mask, counts[j]);
			for (size_t e = 0; e < counts[j] && rates[i] == 0; e++)
				trial_expect(t, mask[e] == 1, "rate 0 drops");
			trial_judge(t);
		}
		free(mask);
		t->kernels->free(t->dev, pass);
	}
}

/* The same for one number after another in the same place: it is read at each call. */
static void check_pass_number(struct trial *t)
{
	const uint64_t numbers[] = {3, 4, 3};
	uint64_t *pass = new_pass(t, 0);
	struct dropout dropout = {0.5f, 1, pass, 0};
	double *mask[COUNT(numbers)];

	trial_case(t, "passes by number");
	for (int i = 0; i < COUNT(numbers); i++) {
		t->kernels->upload(t->dev, pass, &numbers[i], sizeof *pass);
		mask[i] = mask_of(t, &dropout, 1000);
	}
	trial_expect(t, memcmp(mask[0], mask[1], 1000 * sizeof **mask) != 0, "both the same mask");
	trial_expect(t, memcmp(mask[0], mask[2], 1000 * sizeof **mask) == 0, "two masks of one pass");
	for (int i = 0; i < COUNT(numbers); i++)
		free(mask[i]);
	t->kernels->free(t->dev, pass);
}

static void check_dropout(struct trial *t)
{
	check_masks(t);
	check_pass_number(t);
}

/* ---- loss ---- */

static const int loss_sizes[][2] = {
	/* n, v */
	{1, 1},   {1, 2},   {3, 5},   {2, 16},   {7, 17},   {5, 31},
	{17, 33}, {33, 70}, {64, 71}, {100, 65}, {9, 1031}, {257, 128},
};

/* How a case of the loss goes beside its sizes. */
enum { WEIGHTED = 1, GRADIENTS = 2, IN_PLACE = 4 };

static void cross_entropy_case(struct trial *t, int n, int v, int how, double sigma)
{
	trial_case(t, "n %d v %d logits about %g%s%s%s", n, v, sigma,
	           how & WEIGHTED ? " weighted" : "", how & GRADIENTS ? " gradients" : "",
	           how & IN_PLACE ? " in place" : "");
	struct bound bound = {3e-6, 1};
	struct buffer *logits = how & IN_PLACE ? trial_sum(t, "logits", (size_t)n * v, bound)
					       : trial_input(t, "logits", (size_t)n * v, sigma);
	struct buffer *loss = trial_output(t, "loss", n, bound);
	struct buffer *target = trial_indices(t, "target", n, v);
	struct buffer *weight = how & WEIGHTED ? trial_input(t, "weight", n, 1) : NULL;
	struct buffer *dlogits = NULL;
	if (how & IN_PLACE)
		dlogits = logits;
	else if (how & GRADIENTS)
		dlogits = trial_output(t, "dlogits", (size_t)n * v, bound);
	for (int r = 0; r < n; r++) {
		if (r % 5 == 3)
			target->index[r] = -1;
		for (int o = 0; r % 7 == 6 && o < v; o++) /* extreme, a whole number */
			logits->value[(size_t)r * v + o] = o % 3 == 0 ? 1e4 : -1e4;
	}
	trial_send(t);
	t->kernels->cross_entropy(t->dev, loss->at, at_of(dlogits), logits->at,
	                          target->at, at_of(weight), n, v);
	ref_cross_entropy(loss->want, want_of(dlogits), logits->value, target->index,
	                  value_of(weight), n, v);
	for (size_t i = 0; dlogits && i < dlogits->count; i++)
		trial_expect(t, target->index[i / v] >= 0 || dlogits->want[i] == 0, "reference");
	trial_judge(t);
}

static void check_cross_entropy(struct trial *t)
{
	for (int i = 0; i < COUNT(loss_sizes); i++)
		for (int how = 0; how < 6; how++) /* the bits of IN_PLACE and GRADIENTS apart */
			cross_entropy_case(t, loss_sizes[i][0], loss_sizes[i][1], how, 3);
	cross_entropy_case(t, 33, 70, WEIGHTED | GRADIENTS, 100);
	cross_entropy_case(t, 33, 70, GRADIENTS, 1e-3);
}

/* ---- optimizer ---- */

/* Which elements are stepped, and which of them decay. */
enum ranges { WHOLE, WHOLE_PLAIN, MIXED, TAIL_ONLY, NO_RANGE, RANGES_KINDS };

/* Into ranges[], of room for count + 1: how many. MIXED has empty ones, some of one
 * element, and gaps. */
static int make_ranges(struct trial *t, enum ranges kind, size_t count,
                       struct adamw_range *ranges)
{
	size_t at = 0;
	int made = 0;

	if (kind == WHOLE || kind == WHOLE_PLAIN)
		ranges[made++] = (struct adamw_range){0, count, kind == WHOLE};
	if (kind == TAIL_ONLY)
		ranges[made++] = (struct adamw_range){count - 1, count, true};
	while (kind == MIXED && at < count && made < (int)count) {
		size_t length = (size_t)rng_below(&t->rng, rng_below(&t->rng, 3) ? 5 : 200);
		if (length > count - at)
			length = count - at;
		if (rng_below(&t->rng, 4) > 0)
			ranges[made++] = (struct adamw_range){at, at + length, rng_below(&t->rng, 2)};
		at += length;
	}
	return made;
}

/* What a step is taken with, in device memory, to free(). */
static struct update *send_update(struct trial *t, const struct update *update)
{
	struct update *sent = t->kernels->alloc(t->dev, sizeof *sent);

	if (sent == NULL)
		abort();
	t->kernels->upload(t->dev, sent, update, sizeof *update);
	return sent;
}

static float correction(float beta, double steps)
{
	return (float)(1 / (1 - pow((double)beta, steps)));
}

static void adamw_case(struct trial *t, size_t count, enum ranges kind, const struct adamw *adamw,
                       const struct update *update, double size)
{
	const struct kernels *k = t->kernels;
	struct adamw_range *ranges = malloc((count + 1) * sizeof *ranges);
	const int made = ranges ? make_ranges(t, kind, count, ranges) : 0;
	struct adamw_range *sent = k->alloc(t->dev, (size_t)made * sizeof *sent);
	struct update *sent_update = send_update(t, update);
	const bool first = update->correct1 > 9;

	if (!ranges || !sent)
		abort();
	trial_case(t, "count %zu, %d ranges, corrections %g and %g, lr %g decay %g scale %g%s, "
	           "gradients about %g", count, made, update->correct1, update->correct2, update->lr,
	           adamw->weight_decay, update->grad_scale, update->finite ? "" : ", not finite", size);
	double scaled = size * update->grad_scale;
	struct buffer *param = trial_sum(t, "param", count, (struct bound){1e-6, 0.1});
	struct buffer *grad = trial_input(t, "grad", count, size);
	struct buffer *m = trial_sum(t, "m", count, (struct bound){1e-6, scaled});
	struct buffer *v = trial_sum(t, "v", count, (struct bound){1e-6, scaled * scaled});
	for (size_t i = 0; i < count; i++) {
		param->value[i] *= 0.1;
		m->value[i] *= first ? 0 : scaled;
		v->value[i] *= first ? 0 : scaled * scaled * v->value[i];
		if (i % 5 == 4) /* nothing ever flowed here: only decay */
			grad->value[i] = m->value[i] = v->value[i] = 0;
	}
	trial_send(t);
	k->upload(t->dev, sent, ranges, (size_t)made * sizeof *sent);
	k->adamw(t->dev, param->at, grad->at, m->at, v->at, count, sent, made, adamw, sent_update);
	ref_adamw(param->want, grad->value, m->want, v->want, ranges, made, adamw, update);
	trial_judge(t);
	k->free(t->dev, sent);
	k->free(t->dev, sent_update);
	free(ranges);
}

static void check_adamw(struct trial *t)
{
	static const double steps[] = {1, 2, 3, 1000, 5e9};

	for (int i = 0; i < COUNT(counts); i++)
		for (int j = 0; j < COUNT(steps); j++) {
			struct adamw adamw = {
				.beta1 = 0.9f, .beta2 = j % 2 ? 0.99f : 0.999f, .epsilon = 1e-8f,
				.weight_decay = i % 2 ? 0.1f : 0,
			};
			struct update update = {
				.lr = 0.03f, .grad_scale = i % 3 ? 1 : 0.125f, .finite = true,
				.correct1 = correction(adamw.beta1, steps[j]),
				.correct2 = correction(adamw.beta2, steps[j]),
			};
			adamw_case(t, counts[i], WHOLE, &adamw, &update, 1);
			if (i % 4 == 0) /* epsilon is of their size */
				adamw_case(t, counts[i], WHOLE, &adamw, &update, 1e-8);
			adamw.weight_decay = 1;
			adamw_case(t, counts[i], j % RANGES_KINDS, &adamw, &update, 1);
			adamw_case(t, counts[i], MIXED, &adamw, &update, 1);
			update.finite = false;
			if (j == 1)
				adamw_case(t, counts[i], MIXED, &adamw, &update, 1);
		}
}

/* A matrix of cols columns from first on, in rows of stride. */
static void muon_case(struct trial *t, int rows, int cols, int first, int stride,
                      const struct muon *muon, const struct update *update, double size)
{
	struct update *sent = send_update(t, update);

	trial_case(t, "rows %d cols %d of %d, from %d, lr %g decay %g scale %g%s, gradients about %g",
	           rows, cols, stride, first, update->lr, muon->weight_decay, update->grad_scale,
	           update->finite ? "" : ", not finite", size);
	const size_t count = (size_t)rows * stride;
	const double scaled = size * update->grad_scale;
	struct buffer *param = trial_sum(t, "param", count, (struct bound){2e-4, 0});
	struct buffer *grad = trial_input(t, "grad", count, size);
	struct buffer *m = trial_sum(t, "m", count, (struct bound){1e-6, scaled});
	for (size_t i = 0; i < count; i++)
		m->value[i] *= scaled;
	trial_send(t);
	t->kernels->muon(t->dev, element(param->at, DTYPE_F32, first),
	                 element(grad->at, DTYPE_F32, first), element(m->at, DTYPE_F32, first), rows,
	                 cols, stride, muon, sent);
	ref_muon(param->want + first, grad->value + first, m->want + first, rows, cols, stride, muon,
	         update);
	trial_judge(t);
	t->kernels->free(t->dev, sent);
}

static void check_muon(struct trial *t)
{
	static const int sizes[][4] = {
		/* rows, cols, first, stride */
		{1, 1, 0, 1},   {1, 7, 0, 7},    {7, 1, 0, 1},    {5, 5, 5, 15},  {17, 4, 3, 9},
		{4, 17, 0, 17}, {31, 33, 0, 33}, {33, 31, 2, 64}, {64, 16, 0, 16}, {32, 96, 96, 288},
	};

	for (int i = 0; i < COUNT(sizes); i++) {
		const int *size = sizes[i];
		struct muon muon = {
			.momentum = i % 2 ? 0.95f : 0.5f, .weight_decay = i % 3 ? 0.25f : 0,
		};
		struct update update = {.lr = 1, .grad_scale = i % 4 ? 1 : 0.125f, .finite = true};
		muon_case(t, size[0], size[1], size[2], size[3], &muon, &update, 1);
		if (i % 3 == 1)
			muon_case(t, size[0], size[1], size[2], size[3], &muon, &update, 1e-9);
		muon.momentum = 0;
		muon_case(t, size[0], size[1], size[2], size[3], &muon, &update, 0); /* only decay */
		update.finite = false;
		muon_case(t, size[0], size[1], size[2], size[3], &muon, &update, 1);
	}
}

/* ---- sums of a whole step ---- */

static double read_double(struct trial *t, const double *at)
{
	double value;

	t->kernels->download(t->dev, &value, at, sizeof value);
	return value;
}

/* squares: norm2(), which overwrites; else sum(), which goes on from what there is. */
static void sum_case(struct trial *t, bool squares, size_t count, double size)
{
	const struct kernels *k = t->kernels;
	const double before = squares ? NAN : 3 * size;
	double *sum = k->alloc(t->dev, sizeof *sum), have[2];

	if (sum == NULL)
		abort();
	trial_case(t, "count %zu of about %g", count, size);
	struct buffer *x = trial_input(t, "x", count, size);
	trial_send(t);
	for (int i = 0; i < 2; i++) {
		k->upload(t->dev, sum, &before, sizeof before);
		(squares ? k->norm2 : k->sum)(t->dev, sum, x->at, count);
		have[i] = read_double(t, sum);
	}
	const double norm2 = ref_norm2(x->value, count);
	const double want = squares ? norm2 : before + ref_sum(x->value, count);
	const double bound = squares ? 1e-12 * norm2
	                             : 1e-12 * sqrt((double)count * norm2) + 1e-15 * size;
	trial_expect(t, fabs(have[0] - want) <= bound, "have %.17g, want %.17g", have[0], want);
	trial_expect(t, have[0] == have[1], "another sum at the second call");
	trial_judge(t);
	k->free(t->dev, sum);
}

static void sum_cases(struct trial *t, bool squares)
{
	static const double sizes[] = {1, 1e20, 1e-15};
	const size_t many = 700001; /* more than a GPU's threads have a turn for */

	for (int i = 0; i < COUNT(counts) + 1; i++)
		for (int j = 0; j < COUNT(sizes); j++)
			sum_case(t, squares, i < COUNT(counts) ? counts[i] : many, sizes[j]);
}

static void check_sum(struct trial *t)
{
	sum_cases(t, false);
}

static void check_norm2(struct trial *t)
{
	sum_cases(t, true);
}

static bool same_number(double a, double b)
{
	return isnan(a) ? isnan(b) : isinf(a) || isinf(b) ? a == b : fabs(a - b) <= 1e-12 * fabs(a);
}

static void clip_case(struct trial *t, const struct tally *tallies, int count, double norm_max,
                      double mean)
{
	const struct kernels *k = t->kernels;
	struct update want = {
		.lr = 3, .correct1 = 5, .correct2 = 7, .norm_max = norm_max, .mean = mean,
	};
	struct update *update = send_update(t, &want), have;
	struct tally *sent = k->alloc(t->dev, (size_t)count * sizeof *sent);

	if (sent == NULL)
		abort();
	trial_case(t, "%d parts, the first of loss %g, norm2 %g; at most %g, mean %g", count,
	           tallies->loss, tallies->norm2, norm_max, mean);
	k->upload(t->dev, sent, tallies, (size_t)count * sizeof *tallies);
	k->clip(t->dev, update, sent, count);
	ref_clip(&want, tallies, count);
	k->download(t->dev, &have, update, sizeof have);
	trial_expect(t, have.lr == 3 && have.correct1 == 5 && have.correct2 == 7 &&
	             have.norm_max == norm_max && have.mean == mean, "what was given is another");
	trial_expect(t, same_number(want.norm, have.norm), "norm %.17g, want %.17g", have.norm,
	             want.norm);
	trial_expect(t, same_number(want.loss, have.loss), "loss %.17g, want %.17g", have.loss,
	             want.loss);
	trial_expect(t, have.finite == want.finite, "finite %d, want %d", have.finite, want.finite);
	trial_expect(t, !want.finite || fabsf(have.grad_scale - want.grad_scale) <=
	             1e-6f * want.grad_scale, "scale %.9g, want %.9g", have.grad_scale,
	             want.grad_scale);
	trial_judge(t);
	k->free(t->dev, update);
	k->free(t->dev, sent);
}

static void check_clip(struct trial *t)
{
	static const double norms[] = {0, 1e-30, 0.5, 1, 4, 1e30, INFINITY, NAN};
	static const double losses[] = {0, 100, INFINITY, -INFINITY, NAN};
	struct tally tallies[5];

	for (int i = 0; i < COUNT(norms); i++)
		for (int j = 0; j < COUNT(losses); j++)
			for (int count = 1; count <= COUNT(tallies); count += 2)
				for (int limit = 0; limit < 3; limit++) {
					for (int p = 0; p < count; p++)
						tallies[p] = (struct tally){10 * p, p};
					tallies[count - 1] = (struct tally){losses[j], norms[i]};
					clip_case(t, tallies, count, limit, count == 3 ? 0x1p-20 : 0.75);
				}
}

/* ---- what is not a number ---- */

void *spoiled(struct trial *t, enum dtype type, int n, int c, int row, int column,
              uint32_t pattern)
{
	const size_t count = (size_t)n * c, size = dtype_size(type);
	const uint16_t half_pattern = (uint16_t)pattern;
	unsigned char *host = malloc(count * size);
	void *at = t->kernels->alloc(t->dev, count * size);

	if (!host || !at)
		abort();
	for (size_t i = 0; i < count; i++) {
		const float x = (float)rng_normal(&t->rng);
		const uint16_t half = type == DTYPE_F32 ? 0 : ref_bits(type, (double)x);
		memcpy(host + i * size, type == DTYPE_F32 ? (const void *)&x : &half, size);
	}
	memcpy(host + ((size_t)row * c + column) * size,
	       type == DTYPE_F32 ? (const void *)&pattern : &half_pattern, size);
	t->kernels->upload(t->dev, at, host, count * size);
	free(host);
	return at;
}

void expect_spoiled(struct trial *t, const char *what, enum dtype type, const void *at, int n,
                    int c, int row, int clean)
{
	const size_t count = (size_t)n * c;
	float *host = type == DTYPE_F32 ? trial_read(t, at, count)
	                                : trial_read_activations(t, at, count);
	bool here = false, elsewhere = false;

	for (int i = 0; i < n * c; i++) {
		here |= i / c == row && isnan(host[i]);
		elsewhere |= i / c < clean && !isfinite(host[i]);
	}
	trial_expect(t, here, "%s: the NaN of row %d is gone", what, row);
	trial_expect(t, !elsewhere, "%s: a row before %d is spoiled", what, clean);
	free(host);
}

static void nan_floats(struct trial *t, int c, int row, int column, uint32_t pattern)
{
	const struct kernels *k = t->kernels;
	enum { N = 9 };
	float *x = spoiled(t, DTYPE_F32, N, c, row, column, pattern);
	float *good = spoiled(t, DTYPE_F32, c, c, 0, 0, 0);
	void *y = spoiled(t, t->activations, N, c, 0, 0, 0);
	float *mean = spoiled(t, DTYPE_F32, N, 1, 0, 0, 0);
	float *rstd = spoiled(t, DTYPE_F32, N, 1, 0, 0, 0);
	double *sum = k->alloc(t->dev, sizeof *sum);
	int32_t target[N] = {0};

	if (sum == NULL)
		abort();
	k->layernorm(t->dev, y, mean, rstd, x, good, NULL, N, c, 1e-5f);
	expect_spoiled(t, "layernorm", t->activations, y, N, c, row, row);
	k->upload(t->dev, rstd, target, sizeof target);
	k->cross_entropy(t->dev, mean, NULL, x, (int32_t *)rstd, NULL, N, c);
	expect_spoiled(t, "cross_entropy", DTYPE_F32, mean, N, 1, row, row);
	k->norm2(t->dev, sum, x, (size_t)N * c);
	trial_expect(t, isnan(read_double(t, sum)), "norm2 is a number");
	k->zero(t->dev, sum, sizeof *sum);
	k->sum(t->dev, sum, x, (size_t)N * c);
	trial_expect(t, isnan(read_double(t, sum)), "sum is a number");
	k->free(t->dev, sum);
	k->free(t->dev, x);
	k->free(t->dev, good);
	k->free(t->dev, y);
	k->free(t->dev, mean);
	k->free(t->dev, rstd);
}

static void nan_activations(struct trial *t, int c, int row, int column, uint32_t pattern)
{
	const struct kernels *k = t->kernels;
	enum { N = 9 };
	void *x = spoiled(t, t->activations, N, c, row, column, pattern);
	void *y = spoiled(t, t->activations, N, c, 0, 0, 0);
	float *good = spoiled(t, DTYPE_F32, c, c, 0, 0, 0);
	float *sum = spoiled(t, DTYPE_F32, N, c, 0, 0, 0);

	k->gelu(t->dev, y, x, (size_t)N * c);
	expect_spoiled(t, "gelu", t->activations, y, N, c, row, row);
	k->gelu_tanh(t->dev, y, x, (size_t)N * c);
	expect_spoiled(t, "gelu_tanh", t->activations, y, N, c, row, row);
	k->linear(t->dev, y, x, good, NULL, N, c, c);
	expect_spoiled(t, "linear", t->activations, y, N, c, row, row);
	k->linear_residual(t->dev, sum, NULL, x, good, NULL, N, c, c);
	expect_spoiled(t, "linear_residual", DTYPE_F32, sum, N, c, row, row);
	k->unembed(t->dev, sum, x, good, N, c, c);
	expect_spoiled(t, "unembed", DTYPE_F32, sum, N, c, row, row);
	k->free(t->dev, x);
	k->free(t->dev, y);
	k->free(t->dev, good);
	k->free(t->dev, sum);
}

/* Training stops at a loss that is no number: so none may turn into one. */
static void check_nan(struct trial *t)
{
	static const uint32_t words[] = {0x7fc00000, 0xffc00000, 0x7fc0dead, 0xffffffff, 0x7fc00001,
	                                 0x7fffffff};
	static const uint32_t of_half[] = {0x7e00, 0xfe00, 0x7ead, 0xffff, 0x7e01, 0x7fff};
	static const uint32_t of_bf16[] = {0x7fc0, 0xffc0, 0x7fed, 0xffff, 0x7fc1, 0x7fff};
	static const int widths[] = {2, 7, 17, 256};
	const uint32_t *bits = t->activations == DTYPE_F32   ? words
	                       : t->activations == DTYPE_F16 ? of_half : of_bf16;

	for (int i = 0; i < COUNT(words); i++) {
		for (int j = 0; j < COUNT(widths); j++) {
			const int width = widths[j];
			trial_case(t, "bits %08x, width %d", words[i], width);
			nan_floats(t, width, 4, 0, words[i]);
			nan_floats(t, width, 5, width - 1, words[i]);
			trial_case(t, "activation %x, width %d", bits[i], width);
			nan_activations(t, width, 4, 0, bits[i]);
			nan_activations(t, width, 5, width - 1, bits[i]);
		}
		for (int j = 0; j < 3; j++) {
			trial_case(t, "activation %x, attention, column %d", bits[i], j * 34);
			nan_attention(t, 17, 2, j * 34, bits[i]);
		}
	}
}

/* ---- the table of checks: a row's random numbers depend on its place ---- */

static const struct row {
	const char *name;
	void (*check)(struct trial *trial);
} rows[] = {
	{"memory", check_memory},
	{"read_activations", check_read_activations},
	{"embed", check_embed},
	{"embed_backward", check_embed_backward},
	{"layernorm", check_layernorm},
	{"layernorm_backward", check_layernorm_backward},
	{"linear", check_linear},
	{"linear_backward", check_linear_backward},
	{"linear_residual", check_linear_residual},
	{"linear_residual_backward", check_linear_residual_backward},
	{"unembed", check_unembed},
	{"unembed_backward", check_unembed_backward},
	{"row_invariant", check_row_invariant},
	{"gelu", check_gelu},
	{"gelu_backward", check_gelu_backward},
	{"add", check_add},
	{"set_columns", check_set_columns},
	{"dropout", check_dropout},
	{"attention", check_attention},
	{"attention_backward", check_attention_backward},
	{"attention_probs", check_attention_probs},
	{"attention_cached", check_attention_cached},
	{"cache_store", check_cache_store},
	{"cross_entropy", check_cross_entropy},
	{"sum", check_sum},
	{"norm2", check_norm2},
	{"clip", check_clip},
	{"adamw", check_adamw},
	{"muon", check_muon},
	{"weights", check_weights},
	{"gelu_tanh", check_gelu_tanh},
	{"gelu_tanh_backward", check_gelu_tanh_backward},
	{"scale_columns", check_scale_columns},
	{"nan", check_nan}, /* last: a row before it is the first to launch each kernel, and knows it */
};

int ops_rows(void)
{
	return COUNT(rows);
}

const char *ops_row_name(int row)
{
	return rows[row].name;
}

static void check_row(const struct kernels *kernels, enum dtype dtype, int row, bool stop,
                      struct ops_result *result)
{
	struct err err = {0};
	struct trial trial = {.kernels = kernels, .dtype = dtype, .stop = stop};

	memset(result, 0, sizeof *result);
	rng_init(&trial.rng, 3, RNG_TEST, row);
	trial.dev = kernels->open(dtype, &err);
	if (!trial.dev) {
		result->failed = 1;
		snprintf(result->first, sizeof result->first, "open: %.400s", err.text);
		return;
	}
	trial.activations = kernels->activations(trial.dev);
	rows[row].check(&trial);
	kernels->close(trial.dev);
	result->cases = trial.cases;
	result->failed = trial.failed;
	snprintf(result->first, sizeof result->first, "%s", trial.first);
}

void ops_check_row(const struct kernels *kernels, enum dtype dtype, int row,
                   struct ops_result *result)
{
	check_row(kernels, dtype, row, false, result);
}

static bool never(void)
{
	return false;
}

/* What waitpid() says of a process that has run the row: it left with SURVIVED where
 * survived() says yes, with TRIAL_FAILED at the first failure. */
enum { SURVIVED = 2 };

static int run_row(const struct kernels *kernels, enum dtype dtype, int row,
                   bool (*survived)(void))
{
	struct ops_result result;
	int status;

	fflush(stdout);
	const pid_t child = fork();
	if (child < 0)
		abort();
	if (child == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			abort();
		check_row(kernels, dtype, row, true, &result);
		_exit(survived() ? SURVIVED : 0);
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	return status;
}

bool ops_row_fails(const struct kernels *kernels, enum dtype dtype, int row,
                   bool (*survived)(void), bool *left)
{
	const int status = run_row(kernels, dtype, row, survived);

	*left = WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED;
	return !*left && (!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

int ops_row_status(const struct kernels *kernels, enum dtype dtype, int row)
{
	return run_row(kernels, dtype, row, never);
}

bool ops_row_catches(const struct kernels *kernels, enum dtype dtype, int row)
{
	const int status = ops_row_status(kernels, dtype, row);

	return WIFEXITED(status) && WEXITSTATUS(status) == TRIAL_FAILED;
}

int ops_check(const struct kernels *kernels, enum dtype dtype, const char *label,
              bool (*ok)(bool good, const char *format, ...))
{
	int failed = 0;

	for (int i = 0; i < ops_rows(); i++) {
		struct ops_result result;
		ops_check_row(kernels, dtype, i, &result);
		ok(result.failed == 0, "%s: %s in %d cases", label, rows[i].name, result.cases);
		if (result.failed) {
			printf("# %d of %d cases; the first: %s\n", result.failed, result.cases,
			       result.first);
			failed++;
		}
	}
	return failed;
}
