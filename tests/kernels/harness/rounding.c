/* What 16 bits add to an operation: where it rounds, and to what. The reference as tensor
 * cores have it, and operations broken there. */
#include "tests/kernels/harness/table.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/harness/ref.h"

static const struct kernels *const k = &ref_table;

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* A device that rounds nothing. */
static struct device *plain(void)
{
	static struct device *dev;
	struct err err = {0};

	if (!dev)
		dev = must(k->open(DTYPE_F32, &err));
	return dev;
}

/* ---- ways to round ---- */

static double nearest(enum dtype dtype, double x)
{
	return dtype == DTYPE_F32 ? x : ref_round(dtype, x);
}

static double towards_zero(enum dtype dtype, double x)
{
	const double rounded = nearest(dtype, x);

	return fabs(rounded) <= fabs(x) || !isfinite(x)
	               ? rounded : ref_value(dtype, (uint16_t)(ref_bits(dtype, rounded) - 1));
}

/* To so many bits, the leading one included, and to no exponent. */
static double bits_of(double x, int bits)
{
	int exponent;
	const double mantissa = frexp(x, &exponent);

	return ldexp(trunc(ldexp(mantissa, bits)), exponent - bits);
}

static double of_5_bits(enum dtype dtype, double x)
{
	(void)dtype;
	return bits_of(x, 5);
}

static double as_bf16(enum dtype dtype, double x)
{
	(void)dtype;
	return ref_round(DTYPE_BF16, x);
}

static double unrounded(enum dtype dtype, double x)
{
	(void)dtype;
	return x;
}

/* To the nearest, by adding half of what is cut off to a float's bits, NaN's too. */
static uint16_t added_half(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof bits);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

typedef double rounding(enum dtype dtype, double x);

/* ---- activations as floats and back ---- */

static float *floats_of(struct device *dev, const void *x, size_t count)
{
	float *floats = must(malloc((count + 1) * sizeof *floats));

	k->read_activations(dev, floats, x, count);
	return floats;
}

/* x is freed. */
static void put(struct device *dev, void *to, float *x, size_t count, rounding *round)
{
	const enum dtype dtype = k->activations(dev);
	uint16_t *bits = to;

	for (size_t i = 0; i < count; i++)
		bits[i] = ref_bits(dtype, round(dtype, (double)x[i]));
	free(x);
}

static float *rounded(enum dtype dtype, const float *x, size_t count, rounding *round)
{
	float *to = must(malloc((count + 1) * sizeof *to));

	for (size_t i = 0; i < count; i++)
		to[i] = (float)round(dtype, (double)x[i]);
	return to;
}

/* x as if its bits were of the other type, in the device's own, to free(). */
static uint16_t *misread(struct device *dev, const void *x, size_t count)
{
	const enum dtype dtype = k->activations(dev);
	const uint16_t *bits = x;
	uint16_t *to = must(malloc((count + 1) * sizeof *to));

	for (size_t i = 0; i < count; i++)
		to[i] = ref_bits(dtype, ref_value(dtype == DTYPE_F16 ? DTYPE_BF16 : DTYPE_F16, bits[i]));
	return to;
}

/* ---- products and what goes row by row ---- */

/* y before it is rounded, to free(). */
static float *product(struct device *dev, const void *x, const float *w, const float *b, int n,
                      int in, int out, rounding *round)
{
	float *y = must(malloc(((size_t)n * out + 1) * sizeof *y));
	float *xf = floats_of(dev, x, (size_t)n * in);
	float *wf = rounded(k->activations(dev), w, (size_t)in * out, round);

	k->linear(plain(), y, xf, wf, b, n, in, out);
	free(xf);
	free(wf);
	return y;
}

static void linear_truncates(struct device *dev, void *y, const void *x, const float *w,
                             const float *b, int n, int in, int out)
{
	put(dev, y, product(dev, x, w, b, n, in, out, nearest), (size_t)n * out, towards_zero);
}

static void linear_truncates_weights(struct device *dev, void *y, const void *x, const float *w,
                                     const float *b, int n, int in, int out)
{
	put(dev, y, product(dev, x, w, b, n, in, out, towards_zero), (size_t)n * out, nearest);
}

/* The bias is added to what has been rounded already. */
static void linear_rounds_twice(struct device *dev, void *y, const void *x, const float *w,
                                const float *b, int n, int in, int out)
{
	const size_t count = (size_t)n * out;
	float *sum = product(dev, x, w, NULL, n, in, out, nearest);

	for (size_t i = 0; i < count; i++)
		sum[i] = (float)nearest(k->activations(dev), (double)sum[i]) + (b ? b[i % out] : 0);
	put(dev, y, sum, count, nearest);
}

static void linear_misreads(struct device *dev, void *y, const void *x, const float *w,
                            const float *b, int n, int in, int out)
{
	uint16_t *other = misread(dev, x, (size_t)n * in);

	k->linear(dev, y, other, w, b, n, in, out);
	free(other);
}

static void linear_backward_misreads(struct device *dev, void *dx, float *dw, float *db,
                                     const void *dy, const void *x, const float *w, int n,
                                     int in, int out)
{
	uint16_t *other = misread(dev, dy, (size_t)n * out);

	k->linear_backward(dev, dx, dw, db, other, x, w, n, in, out);
	free(other);
}

static void linear_backward_rounds_dw(struct device *dev, void *dx, float *dw, float *db,
                                      const void *dy, const void *x, const float *w, int n,
                                      int in, int out)
{
	k->linear_backward(dev, dx, dw, db, dy, x, w, n, in, out);
	for (int i = 0; i < in * out; i++)
		dw[i] = (float)nearest(k->activations(dev), (double)dw[i]);
}

/* The residual stream is rounded as activations are. */
static void linear_residual_rounds(struct device *dev, float *y, const float *add, const void *x,
                                   const float *w, const float *b, int n, int in, int out)
{
	k->linear_residual(dev, y, add, x, w, b, n, in, out);
	for (int i = 0; i < n * out; i++)
		y[i] = (float)nearest(k->activations(dev), (double)y[i]);
}

/* The same where it is read. */
static void layernorm_rounds(struct device *dev, void *out, float *mean, float *rstd,
                             const float *x, const float *gain, const float *bias, int n, int c,
                             float epsilon)
{
	float *read = rounded(k->activations(dev), x, (size_t)n * c, nearest);

	k->layernorm(dev, out, mean, rstd, read, gain, bias, n, c, epsilon);
	free(read);
}

static void layernorm_loses_nan(struct device *dev, void *out, float *mean, float *rstd,
                                const float *x, const float *gain, const float *bias, int n,
                                int c, float epsilon)
{
	const size_t count = (size_t)n * c;
	float *y = must(malloc((count + 1) * sizeof *y));
	uint16_t *bits = out;

	(void)dev;
	k->layernorm(plain(), y, mean, rstd, x, gain, bias, n, c, epsilon);
	for (size_t i = 0; i < count; i++)
		bits[i] = added_half(y[i]);
	free(y);
}

static void gelu_truncates(struct device *dev, void *y, const void *x, size_t count)
{
	float *from = floats_of(dev, x, count), *to = must(malloc((count + 1) * sizeof *to));

	k->gelu(plain(), to, from, count);
	put(dev, y, to, count, towards_zero);
	free(from);
}

static void gelu_misreads(struct device *dev, void *y, const void *x, size_t count)
{
	uint16_t *other = misread(dev, x, count);

	k->gelu(dev, y, other, count);
	free(other);
}

static void set_columns_truncates(struct device *dev, void *x, const float *value, int n, int c,
                                  int first, int count)
{
	float *cut = rounded(k->activations(dev), value, count, towards_zero);

	k->set_columns(dev, x, cut, n, c, first, count);
	free(cut);
}

static void read_misreads(struct device *dev, float *to_host, const void *from, size_t count)
{
	uint16_t *other = misread(dev, from, count);

	k->read_activations(dev, to_host, other, count);
	free(other);
}

/* ---- attention, as tensor cores have it ---- */

#define KEYS 16 /* at a time: what has been summed up shrinks from tile to tile */

/* What is rounded in which way, and what else may be wrong. */
struct ways {
	rounding *q; /* times 1/√d */
	rounding *p, *ds; /* as operands of products */
	rounding *sum; /* p for the sum of all */
	int lse_from; /* of the row so many further on */
	bool unscaled; /* ds without 1/√d */
	rounding *out;
};

#define SOUND .q = unrounded, .p = nearest, .ds = nearest, .sum = unrounded, .out = nearest

/* One call: what stands in its buffers. */
struct call {
	const struct ways *ways;
	enum dtype dtype;
	float *qkv;
	double *q; /* [n,c] times 1/√d */
	const float *dout, *out, *lse;
	const struct sequences *seqs;
	float *mask; /* as float32 dropout has it, or NULL */
	int n, c, d;
};

static struct call begin(struct device *dev, const struct ways *ways, const void *qkv,
                         const struct sequences *seqs, int c, int h,
                         const struct dropout *dropout)
{
	const int n = seqs->begin[seqs->count];
	const size_t count = ((size_t)n * h - 1) * SEQUENCE_MAX + seqs->longest;
	struct call call = {
		.ways = ways, .dtype = k->activations(dev), .seqs = seqs, .n = n, .c = c, .d = c / h,
		.qkv = floats_of(dev, qkv, 3 * (size_t)n * c),
		.q = must(malloc(((size_t)n * c + 1) * sizeof *call.q)),
	};

	for (int i = 0; i < n * c; i++)
		call.q[i] = ways->q(call.dtype, (double)call.qkv[i / c * 3 * c + i % c] / sqrt(call.d));
	if (dropout->rate == 0)
		return call;
	call.mask = must(malloc(count * sizeof *call.mask));
	for (size_t i = 0; i < count; i++)
		call.mask[i] = 1;
	k->dropout(plain(), call.mask, count, dropout);
	return call;
}

static void end(struct call *call)
{
	free(call->qkv);
	free(call->q);
	free(call->mask);
}

static double mask_at(const struct call *a, int head, int query, int key, int first)
{
	const size_t row = (size_t)query * (a->c / a->d) + head;

	return a->mask ? (double)a->mask[row * SEQUENCE_MAX + key - first] : 1;
}

static double score(const struct call *a, int head, int query, int key)
{
	const double *q = a->q + (size_t)query * a->c + (size_t)head * a->d;
	const float *key_at = a->qkv + (size_t)key * 3 * a->c + a->c + (size_t)head * a->d;
	double sum = 0;

	for (int i = 0; i < a->d; i++)
		sum += q[i] * (double)key_at[i];
	return sum;
}

/* Row `query` of one head into out[d]; its log-sum-exp. */
static double forward_row(const struct call *a, int head, int first, int query, double *out)
{
	double top = -INFINITY, total = 0;

	memset(out, 0, (size_t)a->d * sizeof *out);
	for (int from = first; from <= query; from += KEYS) {
		const int past = from + KEYS <= query ? from + KEYS : query + 1;
		double high = top, s[KEYS];
		for (int key = from; key < past; key++)
			high = fmax(high, s[key - from] = score(a, head, query, key));
		total *= exp(top - high);
		for (int i = 0; i < a->d; i++)
			out[i] *= exp(top - high);
		top = high;
		for (int key = from; key < past; key++) {
			const float *v = a->qkv + (size_t)key * 3 * a->c + 2 * a->c + (size_t)head * a->d;
			const double e = exp(s[key - from] - top);
			const double p = a->ways->p(a->dtype, e * mask_at(a, head, query, key, first));
			total += a->ways->sum(a->dtype, e);
			for (int i = 0; i < a->d; i++)
				out[i] += p * (double)v[i];
		}
	}
	for (int i = 0; i < a->d; i++)
		out[i] /= total;
	return top + log(total);
}

static void forward(struct device *dev, const struct ways *ways, void *to, float *lse,
                    const void *qkv, const struct sequences *seqs, int c, int h,
                    const struct dropout *dropout)
{
	struct call a = begin(dev, ways, qkv, seqs, c, h, dropout);
	double *row = must(malloc((size_t)a.d * sizeof *row));
	float *out = must(malloc(((size_t)a.n * c + 1) * sizeof *out));

	for (int s = 0; s < seqs->count; s++)
		for (int query = seqs->begin[s]; query < seqs->begin[s + 1]; query++)
			for (int head = 0; head < h; head++) {
				const int shifted = (query + ways->lse_from) % a.n;
				lse[(size_t)head * a.n + shifted] =
					(float)forward_row(&a, head, seqs->begin[s], query, row);
				for (int i = 0; i < a.d; i++)
					out[(size_t)query * c + (size_t)head * a.d + i] = (float)row[i];
			}
	if (a.dtype == DTYPE_F32)
		memcpy(to, out, (size_t)a.n * c * sizeof *out);
	else
		put(dev, to, out, (size_t)a.n * c, ways->out);
	free(a.dtype == DTYPE_F32 ? out : NULL);
	free(row);
	end(&a);
}

static void backward_row(const struct call *a, int head, int first, int query, double *dqkv)
{
	const size_t c = (size_t)a->c, column = (size_t)head * a->d;
	const int d = a->d, asked = (query + a->ways->lse_from) % a->n;
	const float *g = a->dout + query * c + column, *o = a->out + query * c + column;
	const float *q = a->qkv + query * 3 * c + column;
	double delta = 0;

	for (int i = 0; i < d; i++)
		delta += (double)g[i] * (double)o[i];
	for (int key = first; key <= query; key++) {
		const float *k_at = a->qkv + key * 3 * c + c + column, *v = k_at + c;
		double *dq = dqkv + query * 3 * c + column, *dk = dqkv + key * 3 * c + c + column;
		const double lse = (double)a->lse[(size_t)head * a->n + asked];
		const double p = exp(score(a, head, query, key) - lse);
		const double m = mask_at(a, head, query, key, first);
		double dp = 0;
		for (int i = 0; i < d; i++)
			dp += (double)g[i] * (double)v[i];
		const double scale = a->ways->unscaled ? 1 : 1 / sqrt(d);
		const double ds = a->ways->ds(a->dtype, p * (dp * m - delta) * scale);
		for (int i = 0; i < d; i++) {
			dq[i] += ds * (double)k_at[i];
			dk[i] += ds * (double)q[i];
			dk[c + i] += a->ways->p(a->dtype, p * m) * (double)g[i];
		}
	}
}

static void backward(struct device *dev, const struct ways *ways, void *to, const void *dout,
                     const void *out, const float *lse, const void *qkv,
                     const struct sequences *seqs, int c, int h, const struct dropout *dropout)
{
	struct call a = begin(dev, ways, qkv, seqs, c, h, dropout);
	const size_t count = (size_t)a.n * c;
	double *sums = must(calloc(3 * count + 1, sizeof *sums));
	float *dqkv = must(malloc((3 * count + 1) * sizeof *dqkv));
	float *g = floats_of(dev, dout, count), *o = floats_of(dev, out, count);

	a.dout = g;
	a.out = o;
	a.lse = lse;
	for (int s = 0; s < seqs->count; s++)
		for (int query = seqs->begin[s]; query < seqs->begin[s + 1]; query++)
			for (int head = 0; head < h; head++)
				backward_row(&a, head, seqs->begin[s], query, sums);
	for (size_t i = 0; i < 3 * count; i++)
		dqkv[i] = (float)sums[i];
	if (a.dtype == DTYPE_F32)
		memcpy(to, dqkv, 3 * count * sizeof *dqkv);
	else
		put(dev, to, dqkv, 3 * count, nearest);
	free(a.dtype == DTYPE_F32 ? dqkv : NULL);
	free(sums);
	free(g);
	free(o);
	end(&a);
}

#define FORWARD(name, ...)                                                                      \
	static void name(struct device *dev, void *out, float *lse, const void *qkv,            \
	                 const struct sequences *seqs, int c, int h,                            \
	                 const struct dropout *dropout)                                         \
	{                                                                                       \
		static const struct ways ways = {__VA_ARGS__};                                  \
		forward(dev, &ways, out, lse, qkv, seqs, c, h, dropout);                        \
	}
#define BACKWARD(name, ...)                                                                     \
	static void name(struct device *dev, void *dqkv, const void *dout, const void *out,     \
	                 const float *lse, const void *qkv, const struct sequences *seqs,       \
	                 int c, int h, const struct dropout *dropout)                           \
	{                                                                                       \
		static const struct ways ways = {__VA_ARGS__};                                  \
		backward(dev, &ways, dqkv, dout, out, lse, qkv, seqs, c, h, dropout);           \
	}
FORWARD(attention_sound, SOUND)
FORWARD(attention_q_rounded, .q = nearest, .p = nearest, .sum = unrounded, .out = nearest)
FORWARD(attention_p_of_5_bits, .q = unrounded, .p = of_5_bits, .sum = unrounded, .out = nearest)
FORWARD(attention_p_truncated, .q = unrounded, .p = towards_zero, .sum = unrounded, .out = nearest)
FORWARD(attention_p_in_bf16, .q = unrounded, .p = as_bf16, .sum = unrounded, .out = nearest)
FORWARD(attention_sums_rounded, .q = unrounded, .p = nearest, .sum = nearest, .out = nearest)
FORWARD(attention_lse_of_next, SOUND, .lse_from = 1)
FORWARD(attention_truncates, .q = unrounded, .p = nearest, .sum = unrounded, .out = towards_zero)
BACKWARD(attention_backward_sound, SOUND)
BACKWARD(attention_backward_p_of_5_bits, .q = unrounded, .p = of_5_bits, .ds = nearest)
BACKWARD(attention_backward_p_in_bf16, .q = unrounded, .p = as_bf16, .ds = nearest)
BACKWARD(attention_backward_ds_of_5_bits, .q = unrounded, .p = nearest, .ds = of_5_bits)
BACKWARD(attention_backward_ds_truncated, .q = unrounded, .p = nearest, .ds = towards_zero)
BACKWARD(attention_backward_ds_in_bf16, .q = unrounded, .p = nearest, .ds = as_bf16)
BACKWARD(attention_backward_ds_unscaled, SOUND, .unscaled = true)
BACKWARD(attention_backward_lse_of_next, SOUND, .lse_from = 1)
#undef FORWARD
#undef BACKWARD

static void attention_misreads(struct device *dev, void *out, float *lse, const void *qkv,
                               const struct sequences *seqs, int c, int h,
                               const struct dropout *dropout)
{
	uint16_t *other = misread(dev, qkv, (size_t)seqs->begin[seqs->count] * 3 * c);

	k->attention(dev, out, lse, other, seqs, c, h, dropout);
	free(other);
}

/* Keys and values that the cache has in the other type. */
static void attention_cached_misreads(struct device *dev, void *out, void *cache_k,
                                      void *cache_v, const void *qkv, const int32_t *slot,
                                      const int32_t *place, int n, int t, int c, int h)
{
	uint16_t *other = misread(dev, qkv, (size_t)n * 3 * c), *own = must(malloc((size_t)c * 2 + 2));

	for (int r = 0; r < n; r++) { /* but q, and the row's own keys and values */
		const size_t at = (size_t)r * 3 * c;
		memcpy(other + at, (const uint16_t *)qkv + at, (size_t)c * sizeof *other);
		k->attention_cached(dev, own, cache_k, cache_v, other + at, slot + r, place + r, 1, t, c,
		                    h);
		memcpy((uint16_t *)out + (size_t)r * c, own, (size_t)c * sizeof *own);
	}
	free(other);
	free(own);
}

/* ---- the list ---- */

struct kernels ref_tensor_cores(void)
{
	struct kernels table = ref_table;

	table.name = "reference, as tensor cores have it";
	table.attention = attention_sound;
	table.attention_backward = attention_backward_sound;
	return table;
}

static const struct entry {
	const char *what, *row;
	enum dtype dtype;
	size_t slot; /* of the table, in bytes */
	void (*function)(void);
} entries[] = {
/* The conditional has the compiler compare the types. */
#define BREAKS(dtype, slot, row, function)                                              \
	{                                                                               \
		#function, row, DTYPE_##dtype, offsetof(struct kernels, slot),          \
			(void (*)(void))(1 ? function : ((struct kernels *)0)->slot)    \
	}
	BREAKS(BF16, read_activations, "read_activations", read_misreads),
	BREAKS(F16, read_activations, "read_activations", read_misreads),
	BREAKS(BF16, layernorm, "layernorm", layernorm_rounds),
	BREAKS(BF16, layernorm, "nan", layernorm_loses_nan),
	BREAKS(BF16, linear, "linear", linear_truncates),
	BREAKS(F16, linear, "linear", linear_truncates),
	BREAKS(BF16, linear, "linear", linear_truncates_weights),
	BREAKS(F16, linear, "linear", linear_truncates_weights),
	BREAKS(BF16, linear, "linear", linear_rounds_twice),
	BREAKS(F16, linear, "linear", linear_rounds_twice),
	BREAKS(BF16, linear, "linear", linear_misreads),
	BREAKS(F16, linear, "linear", linear_misreads),
	BREAKS(BF16, linear_backward, "linear_backward", linear_backward_misreads),
	BREAKS(F16, linear_backward, "linear_backward", linear_backward_rounds_dw),
	BREAKS(BF16, linear_residual, "linear_residual", linear_residual_rounds),
	BREAKS(F16, linear_residual, "linear_residual", linear_residual_rounds),
	BREAKS(BF16, gelu, "gelu", gelu_truncates),
	BREAKS(F16, gelu, "gelu", gelu_truncates),
	BREAKS(F16, gelu, "gelu", gelu_misreads),
	BREAKS(BF16, set_columns, "set_columns", set_columns_truncates),
	BREAKS(BF16, attention, "attention", attention_misreads),
	BREAKS(BF16, attention, "attention", attention_q_rounded),
	BREAKS(F16, attention, "attention", attention_q_rounded),
	BREAKS(BF16, attention, "attention", attention_p_of_5_bits),
	BREAKS(BF16, attention, "attention", attention_p_truncated),
	BREAKS(F16, attention, "attention", attention_p_truncated),
	BREAKS(F16, attention, "attention", attention_p_in_bf16),
	BREAKS(BF16, attention, "attention", attention_sums_rounded),
	BREAKS(F16, attention, "attention", attention_sums_rounded),
	BREAKS(BF16, attention, "attention", attention_lse_of_next),
	BREAKS(BF16, attention, "attention", attention_truncates),
	BREAKS(F16, attention, "attention", attention_truncates),
	BREAKS(BF16, attention_backward, "attention_backward", attention_backward_p_of_5_bits),
	BREAKS(F16, attention_backward, "attention_backward", attention_backward_p_in_bf16),
	BREAKS(BF16, attention_backward, "attention_backward", attention_backward_ds_of_5_bits),
	BREAKS(BF16, attention_backward, "attention_backward", attention_backward_ds_truncated),
	BREAKS(F16, attention_backward, "attention_backward", attention_backward_ds_truncated),
	BREAKS(F16, attention_backward, "attention_backward", attention_backward_ds_in_bf16),
	BREAKS(BF16, attention_backward, "attention_backward", attention_backward_ds_unscaled),
	BREAKS(F16, attention_backward, "attention_backward", attention_backward_lse_of_next),
	BREAKS(BF16, attention_cached, "attention_cached", attention_cached_misreads),
#undef BREAKS
};

bool ref_rounding_mutant(int i, struct mutant *mutant)
{
	if (i >= (int)(sizeof entries / sizeof *entries))
		return false;
	*mutant = (struct mutant){entries[i].what, entries[i].row, entries[i].dtype, ref_table};
	memcpy((char *)&mutant->table + entries[i].slot, &entries[i].function,
	       sizeof entries[i].function);
	return true;
}
