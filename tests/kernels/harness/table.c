#include "tests/kernels/harness/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "tests/kernels/harness/ref.h"

struct device {
	enum dtype dtype;
};

static bool supports(enum dtype dtype)
{
	return dtype < DTYPES;
}

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static struct device *open_device(enum dtype dtype, struct err *err)
{
	struct device *dev = malloc(sizeof *dev);

	if (!dev) {
		err_set(err, "out of memory");
		return NULL;
	}
	dev->dtype = dtype;
	return dev;
}

static void close_device(struct device *dev)
{
	free(dev);
}

static void *alloc_bytes(struct device *dev, size_t bytes)
{
	(void)dev;
	return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void free_bytes(struct device *dev, void *memory)
{
	(void)dev;
	free(memory);
}

static void copy_bytes(struct device *dev, void *to, const void *from, size_t bytes)
{
	(void)dev;
	memcpy(to, from, bytes);
}

static enum dtype activations(const struct device *dev)
{
	return dev->dtype;
}

static void wait_for_nothing(struct device *dev)
{
	(void)dev;
}

static void zero_bytes(struct device *dev, void *memory, size_t bytes)
{
	(void)dev;
	memset(memory, 0, bytes);
}

/* count floats as doubles, to free(); NULL for NULL. */
static double *widen(const float *x, size_t count)
{
	double *wide;

	if (!x)
		return NULL;
	wide = must(malloc((count + 1) * sizeof *wide));
	for (size_t i = 0; i < count; i++)
		wide[i] = x[i];
	return wide;
}

/* And back into x; wide is freed. */
static void narrow(float *x, double *wide, size_t count)
{
	for (size_t i = 0; wide && i < count; i++)
		x[i] = (float)wide[i];
	free(wide);
}

/* The same of activations. */
static double *widen_activations(const struct device *dev, const void *x, size_t count)
{
	const uint16_t *bits = x;
	double *wide;

	if (dev->dtype == DTYPE_F32)
		return widen(x, count);
	wide = must(malloc((count + 1) * sizeof *wide));
	for (size_t i = 0; i < count; i++)
		wide[i] = ref_value(dev->dtype, bits[i]);
	return wide;
}

static void narrow_activations(const struct device *dev, void *x, double *wide, size_t count)
{
	uint16_t *bits = x;

	if (dev->dtype == DTYPE_F32) {
		narrow(x, wide, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		bits[i] = ref_bits(dev->dtype, wide[i]);
	free(wide);
}

static void read_activations(struct device *dev, float *to_host, const void *from, size_t count)
{
	if (dev->dtype == DTYPE_F32)
		copy_bytes(dev, to_host, from, count * sizeof *to_host);
	else
		narrow(to_host, widen_activations(dev, from, count), count);
}

/* An operand of a matrix product that is no activation, as the device reads it: rounded to
 * its type. */
static double *operand(const struct device *dev, const float *x, size_t count)
{
	double *wide = widen(x, count);

	for (size_t i = 0; dev->dtype != DTYPE_F32 && i < count; i++)
		wide[i] = ref_round(dev->dtype, wide[i]);
	return wide;
}

/* The factor of element i. */
static double mask_factor(const struct dropout *dropout, uint64_t i)
{
	const uint64_t stream = *dropout->pass * DROPOUT_PLACES + dropout->place;
	const uint32_t counter[4] = {
		(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream, (uint32_t)(stream >> 32),
	};
	const uint32_t key[2] = {(uint32_t)dropout->seed, (uint32_t)(dropout->seed >> 32)};
	uint32_t words[4];

	rng_philox(counter, key, words);
	return words[0] * 0x1p-32 < dropout->rate ? 0 : 1 / (1 - (double)dropout->rate);
}

/* The factors of a dropout mask; NULL where nothing is dropped. */
static double *draw_mask(const struct dropout *dropout, size_t count)
{
	double *mask;

	if (dropout->rate == 0)
		return NULL;
	mask = must(malloc((count + 1) * sizeof *mask));
	for (size_t i = 0; i < count; i++)
		mask[i] = mask_factor(dropout, i);
	return mask;
}

/* The same for attention, in the order that ref_attention() has them. */
static double *draw_attention_mask(const struct dropout *dropout, const struct sequences *seqs,
                                   int h)
{
	const size_t n = (size_t)seqs->begin[seqs->count], t = (size_t)seqs->longest;
	double *mask;

	if (dropout->rate == 0)
		return NULL;
	mask = must(malloc((n * h * t + 1) * sizeof *mask));
	for (size_t i = 0; i < n * h * t; i++) {
		const size_t head = i / t / n, query = i / t % n;
		mask[i] = mask_factor(dropout, (query * h + head) * SEQUENCE_MAX + i % t);
	}
	return mask;
}

/* 1 + the largest of index[n]: how many rows the table it points into has. */
static int rows_named(const int32_t *index, int n)
{
	int rows = 0;

	for (int i = 0; i < n; i++)
		if (index[i] >= rows)
			rows = index[i] + 1;
	return rows;
}

static void embed(struct device *dev, float *out, const int32_t *token, const int32_t *position,
                  const float *wte, const float *wpe, int n, int c)
{
	size_t count = (size_t)n * c;
	double *o = widen(out, count);
	double *te = widen(wte, (size_t)rows_named(token, n) * c);
	double *pe = widen(wpe, (size_t)rows_named(position, n) * c);

	(void)dev;
	ref_embed(o, token, position, te, pe, n, c);
	narrow(out, o, count);
	free(te);
	free(pe);
}

static void embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                           const int32_t *token, const int32_t *position, int n, int c, int v,
                           int t)
{
	size_t te_count = (size_t)v * c, pe_count = (size_t)t * c;
	double *te = widen(dwte, te_count), *pe = widen(dwpe, pe_count);
	double *o = widen(dout, (size_t)n * c);

	(void)dev;
	ref_embed_backward(te, pe, o, token, position, n, c);
	narrow(dwte, te, te_count);
	narrow(dwpe, pe, pe_count);
	free(o);
}

static void layernorm(struct device *dev, void *out, float *mean, float *rstd, const float *x,
                      const float *gain, const float *bias, int n, int c, float epsilon)
{
	size_t count = (size_t)n * c;
	double *o = widen_activations(dev, out, count), *m = widen(mean, n), *r = widen(rstd, n);
	double *xw = widen(x, count), *g = widen(gain, c), *b = widen(bias, c);

	ref_layernorm(o, m, r, xw, g, b, n, c, (double)epsilon);
	narrow_activations(dev, out, o, count);
	narrow(mean, m, n);
	narrow(rstd, r, n);
	free(xw);
	free(g);
	free(b);
}

static void layernorm_backward(struct device *dev, float *dx, float *dgain, float *dbias,
                               void *rounded, const void *dout, const float *x,
                               const float *mean, const float *rstd, const float *gain, int n,
                               int c)
{
	size_t count = (size_t)n * c;
	double *dxw = widen(dx, count), *dg = widen(dgain, c), *db = widen(dbias, c);
	double *o = widen_activations(dev, dout, count), *xw = widen(x, count), *m = widen(mean, n);
	double *r = widen(rstd, n), *g = widen(gain, c);

	ref_layernorm_backward(dxw, dg, db, o, xw, m, r, g, n, c);
	narrow(dx, dxw, count);
	if (rounded)
		narrow_activations(dev, rounded, widen(dx, count), count);
	narrow(dgain, dg, c);
	narrow(dbias, db, c);
	free(o);
	free(xw);
	free(m);
	free(r);
	free(g);
}

static void linear_residual(struct device *dev, float *y, const float *add, const void *x,
                            const float *w, const float *b, int n, int in, int out)
{
	size_t count = (size_t)n * out;
	double *yw = widen(add ? add : y, count), *xw = widen_activations(dev, x, (size_t)n * in);
	double *ww = operand(dev, w, (size_t)in * out), *bw = widen(b, out);

	ref_linear(yw, xw, ww, bw, n, in, out, add != NULL);
	narrow(y, yw, count);
	free(xw);
	free(ww);
	free(bw);
}

static void linear(struct device *dev, void *y, const void *x, const float *w, const float *b,
                   int n, int in, int out)
{
	size_t count = (size_t)n * out;
	double *yw = must(malloc((count + 1) * sizeof *yw)), *bw = widen(b, out);
	double *xw = widen_activations(dev, x, (size_t)n * in);
	double *ww = operand(dev, w, (size_t)in * out);

	ref_linear(yw, xw, ww, bw, n, in, out, false);
	narrow_activations(dev, y, yw, count);
	free(xw);
	free(ww);
	free(bw);
}

/* Both backward passes: dyw and exact are dy as products and as sums have it, and freed. */
static void backward(struct device *dev, void *dx, float *dw, float *db, double *dyw,
                     double *exact, const void *x, const float *w, int n, int in, int out)
{
	size_t x_count = (size_t)n * in, w_count = (size_t)in * out;
	double *dxw = widen_activations(dev, dx, x_count), *dww = widen(dw, w_count);
	double *dbw = widen(db, out), *xw = widen_activations(dev, x, x_count);
	double *ww = operand(dev, w, w_count);

	ref_linear_backward(dxw, dww, NULL, dyw, xw, ww, n, in, out);
	for (int i = 0; dbw && i < n * out; i++) /* no product: not rounded */
		dbw[i % out] += exact[i];
	narrow_activations(dev, dx, dxw, x_count);
	narrow(dw, dww, w_count);
	narrow(db, dbw, out);
	free(dyw);
	free(exact);
	free(xw);
	free(ww);
}

static void linear_residual_backward(struct device *dev, void *dx, float *dw, float *db,
                                     const float *dy, const void *rounded, const void *x,
                                     const float *w, int n, int in, int out)
{
	size_t count = (size_t)n * out;

	backward(dev, dx, dw, db,
	         rounded ? widen_activations(dev, rounded, count) : operand(dev, dy, count),
	         widen(dy, count), x, w, n, in, out);
}

static void linear_backward(struct device *dev, void *dx, float *dw, float *db, const void *dy,
                            const void *x, const float *w, int n, int in, int out)
{
	size_t count = (size_t)n * out;

	backward(dev, dx, dw, db, widen_activations(dev, dy, count),
	         widen_activations(dev, dy, count), x, w, n, in, out);
}

static void unembed(struct device *dev, float *logits, const void *x, const float *wte, int n,
                    int c, int v)
{
	size_t count = (size_t)n * v;
	double *l = widen(logits, count), *xw = widen_activations(dev, x, (size_t)n * c);
	double *ww = operand(dev, wte, (size_t)v * c);

	ref_unembed(l, xw, ww, n, c, v);
	narrow(logits, l, count);
	free(xw);
	free(ww);
}

static void unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                             const void *x, const float *wte, int n, int c, int v)
{
	size_t x_count = (size_t)n * c, w_count = (size_t)v * c;
	double *dxw = widen_activations(dev, dx, x_count), *dww = widen(dwte, w_count);
	double *dl = operand(dev, dlogits, (size_t)n * v), *xw = widen_activations(dev, x, x_count);
	double *ww = operand(dev, wte, w_count);

	ref_unembed_backward(dxw, dww, dl, xw, ww, n, c, v);
	narrow_activations(dev, dx, dxw, x_count);
	narrow(dwte, dww, w_count);
	free(dl);
	free(xw);
	free(ww);
}

static void gelu(struct device *dev, void *y, const void *x, size_t count)
{
	double *yw = widen_activations(dev, y, count), *xw = widen_activations(dev, x, count);

	ref_gelu(yw, xw, count);
	narrow_activations(dev, y, yw, count);
	free(xw);
}

static void gelu_backward(struct device *dev, void *dx, const void *dy, const void *x,
                          size_t count)
{
	double *dxw = widen_activations(dev, dx, count);
	double *dyw = widen_activations(dev, dy, count), *xw = widen_activations(dev, x, count);

	ref_gelu_backward(dxw, dyw, xw, count);
	narrow_activations(dev, dx, dxw, count);
	free(dyw);
	free(xw);
}

static void gelu_tanh(struct device *dev, void *y, const void *x, size_t count)
{
	double *yw = widen_activations(dev, y, count), *xw = widen_activations(dev, x, count);

	ref_gelu_tanh(yw, xw, count);
	narrow_activations(dev, y, yw, count);
	free(xw);
}

static void gelu_tanh_backward(struct device *dev, void *dx, const void *dy, const void *x,
                               size_t count)
{
	double *dxw = widen_activations(dev, dx, count);
	double *dyw = widen_activations(dev, dy, count), *xw = widen_activations(dev, x, count);

	ref_gelu_tanh_backward(dxw, dyw, xw, count);
	narrow_activations(dev, dx, dxw, count);
	free(dyw);
	free(xw);
}

static void add(struct device *dev, float *x, const float *y, size_t count)
{
	double *xw = widen(x, count), *yw = widen(y, count);

	(void)dev;
	ref_add(xw, yw, count);
	narrow(x, xw, count);
	free(yw);
}

static void set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                        int count)
{
	double *xw = widen_activations(dev, x, (size_t)n * c), *vw = widen(value, count);

	ref_set_columns(xw, vw, n, c, first, count);
	narrow_activations(dev, x, xw, (size_t)n * c);
	free(vw);
}

static void scale_columns(struct device *dev, void *x, float factor, int n, int c, int first,
                          int count)
{
	double *xw = widen_activations(dev, x, (size_t)n * c);

	ref_scale_columns(xw, (double)factor, n, c, first, count);
	narrow_activations(dev, x, xw, (size_t)n * c);
}

static void drop(struct device *dev, float *x, size_t count, const struct dropout *dropout)
{
	double *mask = draw_mask(dropout, count), *xw = widen(x, count);

	(void)dev;
	if (mask)
		ref_dropout(xw, mask, count);
	narrow(x, xw, count);
	free(mask);
}

static void attention(struct device *dev, void *out, float *lse, const void *qkv,
                      const struct sequences *seqs, int c, int h, const struct dropout *dropout)
{
	int n = seqs->begin[seqs->count];
	size_t count = (size_t)n * c, lse_count = (size_t)n * h;
	double *o = widen_activations(dev, out, count), *l = widen(lse, lse_count);
	double *q = widen_activations(dev, qkv, 3 * count);
	double *mask = draw_attention_mask(dropout, seqs, h);

	ref_attention(o, l, q, seqs, c, h, mask);
	narrow_activations(dev, out, o, count);
	narrow(lse, l, lse_count);
	free(q);
	free(mask);
}

static void attention_backward(struct device *dev, void *dqkv, const void *dout, const void *out,
                               const float *lse, const void *qkv, const struct sequences *seqs,
                               int c, int h, const struct dropout *dropout)
{
	int n = seqs->begin[seqs->count];
	size_t count = (size_t)n * c;
	double *d = widen_activations(dev, dqkv, 3 * count), *l = widen(lse, (size_t)n * h);
	double *up = widen_activations(dev, dout, count), *o = widen_activations(dev, out, count);
	double *q = widen_activations(dev, qkv, 3 * count);
	double *mask = draw_attention_mask(dropout, seqs, h);

	ref_attention_backward(d, up, o, l, q, seqs, c, h, mask);
	narrow_activations(dev, dqkv, d, 3 * count);
	free(up);
	free(o);
	free(l);
	free(q);
	free(mask);
}

static void attention_probs(struct device *dev, float *probs, const void *qkv, const float *lse,
                            int n, int first, int length, int head, int c, int h)
{
	size_t count = (size_t)length * length;
	double *p = widen(probs, count), *q = widen_activations(dev, qkv, (size_t)n * 3 * c);
	double *l = widen(lse, (size_t)n * h);

	ref_attention_probs(p, q, l, n, first, length, head, c, h);
	narrow(probs, p, count);
	free(q);
	free(l);
}

static void attention_cached(struct device *dev, void *out, void *cache_k, void *cache_v,
                             const void *qkv, const int32_t *slot, const int32_t *place, int n,
                             int t, int c, int h)
{
	size_t count = (size_t)n * c, cached = (size_t)rows_named(slot, n) * t * c;
	double *o = widen_activations(dev, out, count), *q = widen_activations(dev, qkv, 3 * count);
	double *k = widen_activations(dev, cache_k, cached);
	double *v = widen_activations(dev, cache_v, cached);

	ref_attention_cached(o, k, v, q, slot, place, n, t, c, h);
	narrow_activations(dev, out, o, count);
	narrow_activations(dev, cache_k, k, cached);
	narrow_activations(dev, cache_v, v, cached);
	free(q);
}

static void cache_store(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
                        const int32_t *slot, const int32_t *place, int n, int t, int c, int h)
{
	size_t cached = (size_t)rows_named(slot, n) * t * c;
	double *q = widen_activations(dev, qkv, 3 * (size_t)n * c);
	double *k = widen_activations(dev, cache_k, cached);
	double *v = widen_activations(dev, cache_v, cached);

	(void)h;
	ref_cache_store(k, v, q, slot, place, n, t, c);
	narrow_activations(dev, cache_k, k, cached);
	narrow_activations(dev, cache_v, v, cached);
	free(q);
}

/* A row's bits depend on that row alone as it is. */
static void row_invariant(struct device *dev, bool on)
{
	(void)dev;
	(void)on;
}

static void cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                          const int32_t *target, const float *weight, int n, int v)
{
	size_t count = (size_t)n * v;
	double *ls = widen(loss, n), *dl = widen(dlogits, count), *l = widen(logits, count);
	double *w = widen(weight, n);

	(void)dev;
	ref_cross_entropy(ls, dl, l, target, w, n, v);
	narrow(loss, ls, n);
	narrow(dlogits, dl, count);
	free(l);
	free(w);
}

static void sum(struct device *dev, double *to, const float *x, size_t count)
{
	double *wide = widen(x, count);

	(void)dev;
	*to += ref_sum(wide, count);
	free(wide);
}

static void norm2(struct device *dev, double *to, const float *x, size_t count)
{
	double *wide = widen(x, count);

	(void)dev;
	*to = ref_norm2(wide, count);
	free(wide);
}

static void clip(struct device *dev, struct update *update, const struct tally *tallies, int count)
{
	(void)dev;
	ref_clip(update, tallies, count);
}

static void adamw(struct device *dev, float *param, const float *grad, float *m, float *v,
                  size_t count, const struct adamw_range *ranges, int range_count,
                  const struct adamw *adamw, const struct update *update)
{
	double *p = widen(param, count), *g = widen(grad, count), *mw = widen(m, count);
	double *vw = widen(v, count);

	(void)dev;
	ref_adamw(p, g, mw, vw, ranges, range_count, adamw, update);
	narrow(param, p, count);
	narrow(m, mw, count);
	narrow(v, vw, count);
	free(g);
}

static void muon(struct device *dev, float *param, const float *grad, float *m, int rows,
                 int cols, int stride, const struct muon *muon, const struct update *update)
{
	const size_t count = (size_t)(rows - 1) * stride + cols;
	double *p = widen(param, count), *g = widen(grad, count), *mw = widen(m, count);

	(void)dev;
	ref_muon(p, g, mw, rows, cols, stride, muon, update);
	narrow(param, p, count);
	narrow(m, mw, count);
	free(g);
}

const struct kernels ref_table = {
	.name = "reference",
	.pass_rows = 64,
	.row_step = 1,
	.supports = supports,
	.activations = activations,
	.open = open_device,
	.close = close_device,
	.alloc = alloc_bytes,
	.free = free_bytes,
	.upload = copy_bytes,
	.download = copy_bytes,
	.copy = copy_bytes,
	.zero = zero_bytes,
	.read_activations = read_activations,
	.wait = wait_for_nothing,
	.embed = embed,
	.embed_backward = embed_backward,
	.layernorm = layernorm,
	.layernorm_backward = layernorm_backward,
	.linear = linear,
	.linear_backward = linear_backward,
	.linear_residual = linear_residual,
	.linear_residual_backward = linear_residual_backward,
	.unembed = unembed,
	.unembed_backward = unembed_backward,
	.gelu = gelu,
	.gelu_backward = gelu_backward,
	.gelu_tanh = gelu_tanh,
	.gelu_tanh_backward = gelu_tanh_backward,
	.sum = sum,
	.add = add,
	.set_columns = set_columns,
	.scale_columns = scale_columns,
	.dropout = drop,
	.attention = attention,
	.attention_backward = attention_backward,
	.attention_probs = attention_probs,
	.attention_cached = attention_cached,
	.cache_store = cache_store,
	.row_invariant = row_invariant,
	.cross_entropy = cross_entropy,
	.norm2 = norm2,
	.clip = clip,
	.adamw = adamw,
	.muon = muon,
};
