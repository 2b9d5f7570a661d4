/* The double-precision reference, proven: every backward pass of tests/kernels/harness by
 * central differences of its forward pass, and what is known in closed form. */
#include "tests/tap.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "tests/kernels/harness/ref.h"

#define SIZE 2048 /* room for every array below */

/* The arrays of one operation. The objective is Σ up · out (+ Σ up · out2):
 * its gradient is the backward pass of up. */
static struct {
	double a[SIZE], b[SIZE], bias[SIZE], out[SIZE], mean[SIZE], rstd[SIZE], up[SIZE],
		mask[SIZE];
	double da[SIZE], db[SIZE], dbias[SIZE];
	int32_t index[SIZE], place[SIZE];
	int n, c, v, h;
	struct sequences seqs;
	bool masked, biased;
} at;

static const int32_t sequence_begin[] = {0, 1, 3, 8};

static void fill(double *x, struct rng *rng)
{
	for (int i = 0; i < SIZE; i++)
		x[i] = rng_normal(rng);
}

static void start(uint64_t number)
{
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, number);
	memset(&at, 0, sizeof at);
	fill(at.a, &rng);
	fill(at.b, &rng);
	fill(at.bias, &rng);
	fill(at.up, &rng);
	for (int i = 0; i < SIZE; i++)
		at.mask[i] = rng_below(&rng, 4) ? 4.0 / 3 : 0;
}

static double upstream(size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += at.up[i] * at.out[i];
	return sum;
}

/* d value() / d x[i] against have[i], for every i below count. */
static void gradient(const char *what, double (*value)(void), double *x, const double *have,
                     int count)
{
	double worst = 0;

	for (int i = 0; i < count; i++) {
		double h = 1e-5, keep = x[i];
		x[i] = keep + h;
		double right = value();
		x[i] = keep - h;
		double left = value();
		x[i] = keep;
		double want = (right - left) / (2 * h);
		double off = fabs(have[i] - want) / fmax(1, fabs(want));
		if (!(off <= worst)) /* NaN counts */
			worst = off;
	}
	if (!ok(worst < 2e-8, "%s by finite differences", what))
		printf("# worst %g\n", worst);
}

static double embed(void)
{
	ref_embed(at.out, at.index, at.place, at.a, at.b, at.n, at.c);
	return upstream((size_t)at.n * at.c);
}

static void test_embed(void)
{
	start(1);
	at.n = 9;
	at.c = 3;
	for (int i = 0; i < at.n; i++) {
		at.index[i] = i * i % 5;
		at.place[i] = i % 4;
	}
	ref_embed_backward(at.da, at.db, at.up, at.index, at.place, at.n, at.c);
	gradient("embed: dwte", embed, at.a, at.da, 5 * at.c);
	gradient("embed: dwpe", embed, at.b, at.db, 4 * at.c);
}

static double layernorm(void)
{
	ref_layernorm(at.out, at.mean, at.rstd, at.a, at.b, at.biased ? at.bias : NULL, at.n,
	              at.c, 1e-5);
	return upstream((size_t)at.n * at.c);
}

static void test_layernorm(void)
{
	for (int c = 1; c <= 7; c += 2) {
		start(2);
		at.n = 4;
		at.c = c;
		at.biased = c > 3;
		layernorm();
		ref_layernorm_backward(at.da, at.db, at.biased ? at.dbias : NULL, at.up, at.a,
		                       at.mean, at.rstd, at.b, at.n, at.c);
		gradient("layernorm: dx", layernorm, at.a, at.da, at.n * at.c);
		gradient("layernorm: dgain", layernorm, at.b, at.db, at.c);
		if (at.biased)
			gradient("layernorm: dbias", layernorm, at.bias, at.dbias, at.c);
	}
}

static double linear(void)
{
	ref_linear(at.out, at.a, at.b, at.biased ? at.bias : NULL, at.n, at.c, at.v, false);
	return upstream((size_t)at.n * at.v);
}

static void test_linear(void)
{
	for (int biased = 0; biased < 2; biased++) {
		start(3);
		at.n = 5;
		at.c = 4;
		at.v = 3;
		at.biased = biased;
		ref_linear_backward(at.da, at.db, biased ? at.dbias : NULL, at.up, at.a, at.b, at.n,
		                    at.c, at.v);
		gradient("linear: dx", linear, at.a, at.da, at.n * at.c);
		gradient("linear: dw", linear, at.b, at.db, at.c * at.v);
		if (biased)
			gradient("linear: db", linear, at.bias, at.dbias, at.v);
	}
}

static double unembed(void)
{
	ref_unembed(at.out, at.a, at.b, at.n, at.c, at.v);
	return upstream((size_t)at.n * at.v);
}

static void test_unembed(void)
{
	start(4);
	at.n = 5;
	at.c = 4;
	at.v = 7;
	ref_unembed_backward(at.da, at.db, at.up, at.a, at.b, at.n, at.c, at.v);
	gradient("unembed: dx", unembed, at.a, at.da, at.n * at.c);
	gradient("unembed: dwte", unembed, at.b, at.db, at.v * at.c);
}

static double gelu(void)
{
	ref_gelu(at.out, at.a, at.n);
	return upstream(at.n);
}

static void test_gelu(void)
{
	start(5);
	at.n = 200;
	for (int i = 0; i < at.n; i++)
		at.a[i] = (i - 100) / 10.0;
	ref_gelu_backward(at.da, at.up, at.a, at.n);
	gradient("gelu: dx", gelu, at.a, at.da, at.n);
	at.a[0] = 1;
	at.n = 1;
	gelu();
	is_near(at.out[0], 0.8413447460685429, 1e-15, "gelu(1) = Phi(1)");
}

static double gelu_tanh(void)
{
	ref_gelu_tanh(at.out, at.a, at.n);
	return upstream(at.n);
}

static void test_gelu_tanh(void)
{
	start(5);
	at.n = 200;
	for (int i = 0; i < at.n; i++)
		at.a[i] = (i - 100) / 10.0;
	ref_gelu_tanh_backward(at.da, at.up, at.a, at.n);
	gradient("gelu_tanh: dx", gelu_tanh, at.a, at.da, at.n);
	at.a[0] = 1;
	at.n = 1;
	gelu_tanh();
	/* as torch.nn.functional.gelu(torch.ones(1, dtype=torch.double), approximate="tanh") */
	is_near(at.out[0], 0.8411919906082768, 1e-15, "gelu_tanh(1)");
}

static double dropout(void)
{
	memcpy(at.out, at.a, sizeof at.out);
	ref_dropout(at.out, at.mask, at.n);
	return upstream(at.n);
}

static void test_dropout(void)
{
	start(6);
	at.n = 50;
	memcpy(at.da, at.up, sizeof at.da);
	ref_dropout(at.da, at.mask, at.n);
	gradient("dropout: the same call on the gradient", dropout, at.a, at.da, at.n);
}

static double attention(void)
{
	ref_attention(at.out, at.mean, at.a, &at.seqs, at.c, at.h,
	              at.masked ? at.mask : NULL);
	return upstream((size_t)at.seqs.begin[at.seqs.count] * at.c);
}

static void test_attention(void)
{
	for (int masked = 0; masked < 2; masked++) {
		start(7);
		at.seqs = (struct sequences){3, sequence_begin, 5};
		at.c = 6;
		at.h = 2;
		at.masked = masked;
		ref_attention_backward(at.da, at.up, NULL, NULL, at.a, &at.seqs, at.c, at.h,
		                       masked ? at.mask : NULL);
		gradient(masked ? "attention with dropout: dqkv" : "attention: dqkv", attention,
		         at.a, at.da, 8 * 3 * at.c);
	}
}

/* Equal keys: every query averages the values of its own sequence so far. */
static void test_attention_average(void)
{
	double worst = 0;

	start(8);
	at.seqs = (struct sequences){3, sequence_begin, 5};
	at.c = 6;
	at.h = 3;
	for (int r = 0; r < 8; r++)
		for (int j = 0; j < at.c; j++)
			at.a[r * 3 * at.c + at.c + j] = 0.5 + j;
	attention();
	for (int s = 0; s < 3; s++)
		for (int r = sequence_begin[s]; r < sequence_begin[s + 1]; r++)
			for (int j = 0; j < at.c; j++) {
				double sum = 0;
				int keys = r - sequence_begin[s] + 1;
				for (int key = sequence_begin[s]; key <= r; key++)
					sum += at.a[key * 3 * at.c + 2 * at.c + j];
				worst = fmax(worst, fabs(at.out[r * at.c + j] - sum / keys));
			}
	is_near(worst, 0, 1e-14, "attention over equal keys is the average of the values so far");
}

/* The matrix times v is the output; a cache filled row by row gives it too. */
static void test_attention_views(void)
{
	static double probs[64], cache_k[SIZE], cache_v[SIZE], stepped[SIZE];
	int32_t slot[8], place[8];
	double worst_row = 0, worst_probs = 0, worst_cached = 0;

	start(9);
	at.seqs = (struct sequences){3, sequence_begin, 5};
	at.c = 6;
	at.h = 2;
	attention();
	for (int head = 0; head < 2; head++) {
		ref_attention_probs(probs, at.a, at.mean, 8, 3, 5, head, at.c, at.h);
		for (int i = 0; i < 5; i++) {
			double sum = 0;
			for (int j = 0; j < 5; j++)
				sum += probs[i * 5 + j];
			worst_row = fmax(worst_row, fabs(sum - 1));
			for (int k = head * 3; k < head * 3 + 3; k++) {
				double value = 0;
				for (int j = 0; j < 5; j++)
					value += probs[i * 5 + j] * at.a[(3 + j) * 18 + 12 + k];
				worst_probs = fmax(worst_probs,
				                   fabs(value - at.out[(3 + i) * 6 + k]));
			}
		}
	}
	is_near(worst_row, 0, 1e-14, "attention_probs: rows sum to 1");
	is_near(worst_probs, 0, 1e-14, "attention_probs: times v is the output");
	for (int s = 0; s < 3; s++)
		for (int r = sequence_begin[s]; r < sequence_begin[s + 1]; r++) {
			slot[r] = 2 - s;
			place[r] = r - sequence_begin[s];
		}
	ref_attention_cached(stepped, cache_k, cache_v, at.a, slot, place, 8, 5, at.c, at.h);
	for (int i = 0; i < 8 * at.c; i++)
		worst_cached = fmax(worst_cached, fabs(stepped[i] - at.out[i]));
	is_near(worst_cached, 0, 1e-14, "attention_cached is attention");
}

static double cross_entropy(void)
{
	double sum = 0;

	ref_cross_entropy(at.out, NULL, at.a, at.index, NULL, at.n, at.v);
	for (int r = 0; r < at.n; r++)
		sum += at.up[r] * at.out[r];
	return sum;
}

static void test_cross_entropy(void)
{
	start(10);
	at.n = 6;
	at.v = 5;
	for (int r = 0; r < at.n; r++)
		at.index[r] = r % 4 == 3 ? -1 : r % 5;
	ref_cross_entropy(at.out, at.da, at.a, at.index, at.up, at.n, at.v);
	gradient("cross_entropy: dlogits", cross_entropy, at.a, at.da, at.n * at.v);
	memset(at.a, 0, sizeof at.a);
	cross_entropy();
	is_near(at.out[0], log(5), 1e-15, "cross_entropy of equal logits is log v");
	is_near(at.out[3], 0, 0, "cross_entropy of no target is 0");
}

/* The first step moves by lr whatever the gradient's size, and decays - where it is told
 * to. */
static void test_adamw(void)
{
	const struct adamw adamw = {.beta1 = 0.75f, .beta2 = 0.5f, .weight_decay = 0.25f};
	struct update update = {
		.lr = 0.5f, .correct1 = 4, .correct2 = 2, .grad_scale = 2, .finite = true,
	};
	const struct adamw_range first = {0, 1, true}, rest[] = {{2, 3, false}, {3, 4, true}};

	start(11);
	at.a[0] = 8;
	at.b[0] = -3;
	ref_adamw(at.a, at.b, at.da, at.db, &first, 1, &adamw, &update);
	is_near(at.a[0], 8 + 0.5 - 0.5 * 0.25 * 8, 1e-15, "adamw: the first step");
	is_near(at.da[0], 0.25 * -6, 1e-15, "adamw: the first moment");
	is_near(at.db[0], 0.5 * 36, 1e-15, "adamw: the second moment");
	update.correct1 = (float)(16.0 / 7);
	update.correct2 = (float)(4.0 / 3);
	ref_adamw(at.a, at.b, at.da, at.db, &first, 1, &adamw, &update);
	is_near(at.a[0], 7.5 + 0.5 - 0.125 * 7.5, 1e-7, "adamw: the second step");
	for (int i = 0; i < 5; i++) {
		at.a[i] = 8;
		at.b[i] = 1;
		at.da[i] = at.db[i] = 0;
	}
	update.correct1 = 4;
	update.correct2 = 2;
	ref_adamw(at.a, at.b, at.da, at.db, rest, 2, &adamw, &update);
	is_near(at.a[1], 8, 0, "adamw: what no range names stays");
	is_near(at.a[2], 8 - 0.5, 1e-15, "adamw: a range without decay");
	is_near(at.a[3], 8 - 0.5 - 0.5 * 0.25 * 8, 1e-15, "adamw: and one with decay behind it");
	is_near(at.da[4], 0, 0, "adamw: nothing behind the last");
	update.finite = false;
	ref_adamw(at.a, at.b, at.da, at.db, &first, 1, &adamw, &update);
	is_near(at.a[0], 8, 0, "adamw: nothing at all where the gradient is not finite");
}

/* A multiple of an orthogonal matrix: the quintic acts on its one singular value.
 * The 2 x 2 matrix below has two of 1/sqrt 2 after its norm is 1. */
static void test_muon(void)
{
	const struct muon muon = {.momentum = 0.75f, .weight_decay = 0.25f};
	const struct update update = {.lr = 0.5f, .grad_scale = 2, .finite = true};
	double x = sqrt(0.5);

	for (int i = 0; i < 5; i++)
		x = 3.4445 * x - 4.7750 * pow(x, 3) + 2.0315 * pow(x, 5);
	start(12);
	const double grad[] = {3, -4, 4, 3}; /* 5 times a rotation */
	for (int i = 0; i < 4; i++) {
		at.a[i] = i;
		at.b[i] = grad[i];
		at.da[i] = 0;
	}
	ref_muon(at.a, at.b, at.da, 2, 2, 2, &muon, &update);
	double worst_m = 0, worst = 0;
	for (int i = 0; i < 4; i++) {
		worst_m = fmax(worst_m, fabs(at.da[i] - 0.25 * 2 * grad[i]));
		worst = fmax(worst, fabs(at.a[i] - i + 0.5 * (0.2 * sqrt(2) * x * grad[i] / 5 + 0.25 * i)));
	}
	is_near(worst_m, 0, 1e-15, "muon: the momentum");
	is_near(worst, 0, 1e-13, "muon: a rotation stays one");
}

/* A gradient of 2 (3, 4), summed up in two parts. */
static void test_clip(void)
{
	const struct tally tallies[] = {{5, 9}, {6, 16}};
	struct update update = {.norm_max = 0, .mean = 2};

	ref_clip(&update, tallies, 2);
	is_near(update.loss, 11, 0, "clip: the loss");
	is_near(update.norm, 10, 0, "clip: the norm");
	is_near(update.grad_scale, 2, 0, "clip: no limit");
	update.norm_max = 10.5;
	ref_clip(&update, tallies, 2);
	is_near(update.grad_scale, 2, 0, "clip: a limit that is not reached");
	update.norm_max = 5;
	ref_clip(&update, tallies, 2);
	is_near(update.grad_scale, 1, 0, "clip: half of it is too much");
}

int main(void)
{
	test_embed();
	test_layernorm();
	test_linear();
	test_unembed();
	test_gelu();
	test_gelu_tanh();
	test_dropout();
	test_attention();
	test_attention_average();
	test_attention_views();
	test_cross_entropy();
	test_clip();
	test_adamw();
	test_muon();
	return done();
}
