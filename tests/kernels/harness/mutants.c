/* Operations broken one at a time, in the ways such code is broken. */
#include "tests/kernels/harness/table.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct kernels *const k = &ref_table;

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static float *copy_of(const float *x, size_t count)
{
	float *copy = must(malloc((count + 1) * sizeof *copy));

	memcpy(copy, x, count * sizeof *copy);
	return copy;
}

/* ---- memory ---- */

static void zero_short(struct device *dev, void *memory, size_t bytes)
{
	k->zero(dev, memory, bytes / 4 * 4);
}

/* ---- rows ---- */

static void embed_without_position(struct device *dev, float *out, const int32_t *token,
                                   const int32_t *position, const float *wte, const float *wpe,
                                   int n, int c)
{
	int32_t *first = must(calloc(n, sizeof *first));

	(void)position;
	k->embed(dev, out, token, first, wte, wpe, n, c);
	free(first);
}

static void embed_backward_last_wins(struct device *dev, float *dwte, float *dwpe,
                                     const float *dout, const int32_t *token,
                                     const int32_t *position, int n, int c, int v, int t)
{
	(void)dev;
	(void)v;
	(void)t;
	for (int r = 0; r < n; r++)
		for (int j = 0; j < c; j++) {
			dwte[token[r] * c + j] = dout[r * c + j];
			dwpe[position[r] * c + j] += dout[r * c + j];
		}
}

static void layernorm_without_bias(struct device *dev, void *out, float *mean, float *rstd,
                                   const float *x, const float *gain, const float *bias, int n,
                                   int c, float epsilon)
{
	(void)bias;
	k->layernorm(dev, out, mean, rstd, x, gain, NULL, n, c, epsilon);
}

static void layernorm_past_the_end(struct device *dev, void *out_act, float *mean, float *rstd,
                                   const float *x, const float *gain, const float *bias, int n,
                                   int c, float epsilon)
{
	float *out = out_act;

	k->layernorm(dev, out, mean, rstd, x, gain, bias, n, c, epsilon);
	if (c == 17 && (uintptr_t)out % 64 == 4) /* one odd case, so that nothing is harmed */
		out[n * c] = 0;
}

/* E[x²] - E[x]² in float32. */
static void layernorm_one_pass(struct device *dev, void *out, float *mean, float *rstd,
                               const float *x, const float *gain, const float *bias, int n,
                               int c, float epsilon)
{
	k->layernorm(dev, out, mean, rstd, x, gain, bias, n, c, epsilon);
	for (int r = 0; r < n; r++) {
		float square = 0;
		for (int j = 0; j < c; j++)
			square += x[r * c + j] * x[r * c + j] / c;
		rstd[r] = 1 / sqrtf(fmaxf(square - mean[r] * mean[r], 0) + epsilon);
	}
}

static void layernorm_own_epsilon(struct device *dev, void *out, float *mean, float *rstd,
                                  const float *x, const float *gain, const float *bias, int n,
                                  int c, float epsilon)
{
	(void)epsilon;
	k->layernorm(dev, out, mean, rstd, x, gain, bias, n, c, 1e-5f);
}

static void layernorm_backward_overwrites(struct device *dev, float *dx, float *dgain,
                                          float *dbias, void *rounded, const void *dout,
                                          const float *x, const float *mean, const float *rstd,
                                          const float *gain, int n, int c)
{
	memset(dx, 0, (size_t)n * c * sizeof *dx);
	k->layernorm_backward(dev, dx, dgain, dbias, rounded, dout, x, mean, rstd, gain, n, c);
}

/* What is rounded is what dx was before. */
static void layernorm_backward_rounds_early(struct device *dev, float *dx, float *dgain,
                                            float *dbias, void *rounded, const void *dout,
                                            const float *x, const float *mean, const float *rstd,
                                            const float *gain, int n, int c)
{
	if (rounded)
		memcpy(rounded, dx, (size_t)n * c * sizeof *dx);
	k->layernorm_backward(dev, dx, dgain, dbias, NULL, dout, x, mean, rstd, gain, n, c);
}

/* The mean and the variance taken for constants. */
static void layernorm_backward_constant(struct device *dev, float *dx, float *dgain,
                                        float *dbias, void *rounded, const void *dout_act,
                                        const float *x, const float *mean, const float *rstd,
                                        const float *gain, int n, int c)
{
	const float *dout = dout_act;
	float *before = copy_of(dx, (size_t)n * c);

	k->layernorm_backward(dev, dx, dgain, dbias, rounded, dout, x, mean, rstd, gain, n, c);
	for (int i = 0; i < n * c; i++)
		dx[i] = before[i] + dout[i] * gain[i % c] * rstd[i / c];
	free(before);
}

/* ---- products ---- */

static void linear_without_bias(struct device *dev, void *y, const void *x, const float *w,
                                const float *b, int n, int in, int out)
{
	(void)b;
	k->linear(dev, y, x, w, NULL, n, in, out);
}

/* NaN times zero is no zero: what y held does matter. */
static void linear_times_zero(struct device *dev, void *y_act, const void *x, const float *w,
                              const float *b, int n, int in, int out)
{
	float *y = y_act;

	for (int i = 0; i < n * out; i++)
		y[i] *= 0;
	k->linear_residual(dev, y, y, x, w, b, n, in, out);
}

static void linear_transposed(struct device *dev, void *y, const void *x, const float *w,
                              const float *b, int n, int in, int out)
{
	float *turned = must(malloc((size_t)in * out * sizeof *turned));

	for (int i = 0; i < in * out; i++)
		turned[i % out * in + i / out] = w[i];
	k->linear(dev, y, x, turned, b, n, in, out);
	free(turned);
}

/* Another order of sums by the number of rows, as blocked products have it. */
static void linear_by_rows(struct device *dev, void *y_act, const void *x, const float *w,
                           const float *b, int n, int in, int out)
{
	float *y = y_act;

	k->linear(dev, y, x, w, b, n, in, out);
	for (int i = 0; n > 4 && i < n * out; i++)
		y[i] = nextafterf(y[i], INFINITY);
}

static void linear_residual_overwrites(struct device *dev, float *y, const float *add,
                                       const void *x, const float *w, const float *b, int n,
                                       int in, int out)
{
	(void)add;
	k->linear_residual(dev, y, NULL, x, w, b, n, in, out);
}

/* As if y were what is added, always. */
static void linear_residual_in_place(struct device *dev, float *y, const float *add, const void *x,
                                     const float *w, const float *b, int n, int in, int out)
{
	k->linear_residual(dev, y, add ? y : NULL, x, w, b, n, in, out);
}

static void linear_backward_adds_dx(struct device *dev, void *dx, float *dw, float *db,
                                    const void *dy, const void *x, const float *w, int n, int in,
                                    int out)
{
	float *before = copy_of(dx, (size_t)n * in);

	k->linear_backward(dev, dx, dw, db, dy, x, w, n, in, out);
	k->add(dev, dx, before, (size_t)n * in);
	free(before);
}

static void linear_backward_overwrites_dw(struct device *dev, void *dx, float *dw, float *db,
                                          const void *dy, const void *x, const float *w, int n,
                                          int in, int out)
{
	memset(dw, 0, (size_t)in * out * sizeof *dw);
	k->linear_backward(dev, dx, dw, db, dy, x, w, n, in, out);
}

static void linear_backward_without_db(struct device *dev, void *dx, float *dw, float *db,
                                       const void *dy, const void *x, const float *w, int n,
                                       int in, int out)
{
	(void)db;
	k->linear_backward(dev, dx, dw, NULL, dy, x, w, n, in, out);
}

static void linear_residual_backward_without_db(struct device *dev, void *dx, float *dw,
                                                float *db, const float *dy, const void *rounded,
                                                const void *x, const float *w, int n, int in,
                                                int out)
{
	(void)db;
	k->linear_residual_backward(dev, dx, dw, NULL, dy, rounded, x, w, n, in, out);
}

static void unembed_misses_last(struct device *dev, float *logits, const void *x,
                                const float *wte, int n, int c, int v)
{
	k->unembed(dev, logits, x, wte, n, c, v);
	if (n > 1)
		logits[(size_t)n * v - 1] = 0;
}

static void unembed_backward_overwrites(struct device *dev, void *dx, float *dwte,
                                        const float *dlogits, const void *x, const float *wte,
                                        int n, int c, int v)
{
	memset(dwte, 0, (size_t)v * c * sizeof *dwte);
	k->unembed_backward(dev, dx, dwte, dlogits, x, wte, n, c, v);
}

/* ---- elementwise ---- */

static void gelu_by_tanh(struct device *dev, void *y_act, const void *x_act, size_t count)
{
	float *y = y_act;
	const float *x = x_act;

	(void)dev;
	for (size_t i = 0; i < count; i++)
		y[i] = 0.5f * x[i] *
		       (1 + tanhf(0.7978846f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}

static void gelu_backward_cdf(struct device *dev, void *dx_act, const void *dy_act,
                              const void *x_act, size_t count)
{
	float *dx = dx_act;
	const float *dy = dy_act;
	const float *x = x_act;

	(void)dev;
	for (size_t i = 0; i < count; i++)
		dx[i] = dy[i] * 0.5f * erfcf(-x[i] * (float)M_SQRT1_2);
}

static void gelu_tanh_by_erf(struct device *dev, void *y, const void *x, size_t count)
{
	k->gelu(dev, y, x, count);
}

static void gelu_tanh_backward_by_erf(struct device *dev, void *dx, const void *dy, const void *x,
                                      size_t count)
{
	k->gelu_backward(dev, dx, dy, x, count);
}

static void add_whole_vectors(struct device *dev, float *x, const float *y, size_t count)
{
	k->add(dev, x, y, count / 4 * 4);
}

static void set_columns_of_first_row(struct device *dev, void *x, const float *value, int n,
                                     int c, int first, int count)
{
	k->set_columns(dev, x, value, n < 1 ? n : 1, c, first, count);
}

static void set_columns_from_the_left(struct device *dev, void *x, const float *value, int n,
                                      int c, int first, int count)
{
	(void)first;
	k->set_columns(dev, x, value, n, c, 0, count);
}

static void scale_columns_of_first_row(struct device *dev, void *x, float factor, int n, int c,
                                       int first, int count)
{
	k->scale_columns(dev, x, factor, n < 1 ? n : 1, c, first, count);
}

static void scale_columns_from_the_left(struct device *dev, void *x, float factor, int n, int c,
                                        int first, int count)
{
	(void)first;
	k->scale_columns(dev, x, factor, n, c, 0, count);
}

static void dropout_unscaled(struct device *dev, float *x, size_t count,
                             const struct dropout *dropout)
{
	float *before = copy_of(x, count);

	k->dropout(dev, x, count, dropout);
	for (size_t i = 0; i < count; i++)
		x[i] = x[i] != 0 ? before[i] : 0;
	free(before);
}

static void dropout_one_stream(struct device *dev, float *x, size_t count,
                               const struct dropout *dropout)
{
	struct dropout one = {dropout->rate, dropout->seed, dropout->pass, 0};

	k->dropout(dev, x, count, &one);
}

/* The number of the pass is 0. */
static void dropout_one_pass(struct device *dev, float *x, size_t count,
                             const struct dropout *dropout)
{
	static const uint64_t none;
	struct dropout one = {dropout->rate, dropout->seed, &none, dropout->place};

	k->dropout(dev, x, count, &one);
}

static void dropout_by_count(struct device *dev, float *x, size_t count,
                             const struct dropout *dropout)
{
	struct dropout other = {
		dropout->rate, dropout->seed, dropout->pass, dropout->place + (uint32_t)count,
	};

	k->dropout(dev, x, count, &other);
}

static void dropout_low_bits(struct device *dev, float *x, size_t count,
                             const struct dropout *dropout)
{
	struct dropout other = {
		dropout->rate, (uint32_t)dropout->seed, dropout->pass, dropout->place,
	};

	k->dropout(dev, x, count, &other);
}

/* ---- attention ---- */

static void attention_across(struct device *dev, void *out, float *lse, const void *qkv,
                             const struct sequences *seqs, int c, int h,
                             const struct dropout *dropout)
{
	int32_t n = seqs->begin[seqs->count], ends[2] = {0, n};
	struct sequences one = {1, ends, n};

	k->attention(dev, out, lse, qkv, &one, c, h, dropout);
}

/* Calls attention with every q multiplied by factor. */
static void attention_scaled(struct device *dev, void *out, float *lse, const void *qkv,
                             const struct sequences *seqs, int c, int h,
                             const struct dropout *dropout, float factor)
{
	size_t rows = seqs->begin[seqs->count];
	float *scaled = copy_of(qkv, rows * 3 * c);

	for (size_t i = 0; i < rows * 3 * c; i++)
		if ((int)(i % (3 * c)) < c)
			scaled[i] *= factor;
	k->attention(dev, out, lse, scaled, seqs, c, h, dropout);
	free(scaled);
}

static void attention_unscaled(struct device *dev, void *out, float *lse, const void *qkv,
                               const struct sequences *seqs, int c, int h,
                               const struct dropout *dropout)
{
	attention_scaled(dev, out, lse, qkv, seqs, c, h, dropout, sqrtf((float)c / h));
}

static void attention_by_width(struct device *dev, void *out, float *lse, const void *qkv,
                               const struct sequences *seqs, int c, int h,
                               const struct dropout *dropout)
{
	attention_scaled(dev, out, lse, qkv, seqs, c, h, dropout, 1 / sqrtf((float)h));
}

/* Keys of the query before: a query does not see its own row, but the first. */
static void attention_shifted(struct device *dev, void *out, float *lse, const void *qkv,
                              const struct sequences *seqs, int c, int h,
                              const struct dropout *dropout)
{
	float *moved = copy_of(qkv, (size_t)seqs->begin[seqs->count] * 3 * c);

	for (int s = 0; s < seqs->count; s++)
		for (int r = seqs->begin[s + 1] - 1; r > seqs->begin[s]; r--)
			memcpy(moved + (size_t)r * 3 * c + c, moved + (size_t)(r - 1) * 3 * c + c,
			       2 * c * sizeof *moved);
	k->attention(dev, out, lse, moved, seqs, c, h, dropout);
	free(moved);
}

static void attention_without_dropout(struct device *dev, void *out, float *lse, const void *qkv,
                                      const struct sequences *seqs, int c, int h,
                                      const struct dropout *dropout)
{
	struct dropout none = {0, dropout->seed, dropout->pass, dropout->place};

	k->attention(dev, out, lse, qkv, seqs, c, h, &none);
}

/* The mask index counts the sequence's own rows. */
static void attention_other_mask(struct device *dev, void *out_act, float *lse,
                                 const void *qkv_act, const struct sequences *seqs, int c, int h,
                                 const struct dropout *dropout)
{
	float *out = out_act;
	const float *qkv = qkv_act;
	int n = seqs->begin[seqs->count];

	for (int s = 0; s < seqs->count; s++) {
		int32_t first = seqs->begin[s], rows = seqs->begin[s + 1] - first;
		int32_t ends[2] = {0, rows};
		struct sequences one = {1, ends, rows};
		float *own = must(malloc((size_t)rows * h * sizeof *own));
		k->attention(dev, out + (size_t)first * c, own, qkv + (size_t)first * 3 * c, &one,
		             c, h, dropout);
		for (int i = 0; i < h * rows; i++)
			lse[(size_t)(i / rows) * n + first + i % rows] = own[i];
		free(own);
	}
}

/* Σ exp without the maximum taken off. */
static void attention_overflows(struct device *dev, void *out, float *lse, const void *qkv,
                                const struct sequences *seqs, int c, int h,
                                const struct dropout *dropout)
{
	k->attention(dev, out, lse, qkv, seqs, c, h, dropout);
	for (int i = 0; i < seqs->begin[seqs->count] * h; i++)
		lse[i] = logf(expf(lse[i]));
}

static void attention_backward_without_dropout(struct device *dev, void *dqkv, const void *dout,
                                               const void *out, const float *lse,
                                               const void *qkv, const struct sequences *seqs,
                                               int c, int h, const struct dropout *dropout)
{
	struct dropout none = {0, dropout->seed, dropout->pass, dropout->place};

	k->attention_backward(dev, dqkv, dout, out, lse, qkv, seqs, c, h, &none);
}

static void attention_backward_adds(struct device *dev, void *dqkv, const void *dout,
                                    const void *out, const float *lse, const void *qkv,
                                    const struct sequences *seqs, int c, int h,
                                    const struct dropout *dropout)
{
	size_t count = (size_t)seqs->begin[seqs->count] * 3 * c;
	float *before = copy_of(dqkv, count);

	k->attention_backward(dev, dqkv, dout, out, lse, qkv, seqs, c, h, dropout);
	k->add(dev, dqkv, before, count);
	free(before);
}

static void attention_probs_full(struct device *dev, float *probs, const void *qkv,
                                 const float *lse, int n, int first, int length, int head, int c,
                                 int h)
{
	k->attention_probs(dev, probs, qkv, lse, n, first, length, head, c, h);
	for (int i = 0; i + 1 < length; i++)
		probs[i * length + i + 1] = 0.01f;
}

static void attention_probs_first_head(struct device *dev, float *probs, const void *qkv,
                                       const float *lse, int n, int first, int length, int head,
                                       int c, int h)
{
	(void)head;
	k->attention_probs(dev, probs, qkv, lse, n, first, length, 0, c, h);
}

static void attention_cached_past(struct device *dev, void *out, void *cache_k, void *cache_v,
                                  const void *qkv, const int32_t *slot, const int32_t *place,
                                  int n, int t, int c, int h)
{
	int32_t *next = must(malloc(n * sizeof *next));

	for (int r = 0; r < n; r++) /* one row too many where there is room */
		next[r] = place[r] + (place[r] + 1 < t);
	k->attention_cached(dev, out, cache_k, cache_v, qkv, slot, next, n, t, c, h);
	free(next);
}

static void attention_cached_one_slot(struct device *dev, void *out, void *cache_k,
                                      void *cache_v, const void *qkv, const int32_t *slot,
                                      const int32_t *place, int n, int t, int c, int h)
{
	int32_t *same = must(calloc(n, sizeof *same));

	(void)slot;
	k->attention_cached(dev, out, cache_k, cache_v, qkv, same, place, n, t, c, h);
	free(same);
}

static void cache_store_next(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
                             const int32_t *slot, const int32_t *place, int n, int t, int c, int h)
{
	int32_t *next = must(malloc(n * sizeof *next));

	for (int r = 0; r < n; r++)
		next[r] = (place[r] + 1) % t;
	k->cache_store(dev, cache_k, cache_v, qkv, slot, next, n, t, c, h);
	free(next);
}

static void cache_store_keys_only(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
                                  const int32_t *slot, const int32_t *place, int n, int t, int c,
                                  int h)
{
	int last = 0;

	for (int r = 0; r < n; r++)
		last = slot[r] > last ? slot[r] : last;
	float *other = copy_of(cache_v, (size_t)(last + 1) * t * c);
	k->cache_store(dev, cache_k, other, qkv, slot, place, n, t, c, h);
	free(other);
}

/* ---- loss and optimizer ---- */

static void cross_entropy_unweighted(struct device *dev, float *loss, float *dlogits,
                                     const float *logits, const int32_t *target,
                                     const float *weight, int n, int v)
{
	(void)weight;
	k->cross_entropy(dev, loss, dlogits, logits, target, NULL, n, v);
}

static void cross_entropy_keeps(struct device *dev, float *loss, float *dlogits,
                                const float *logits, const int32_t *target,
                                const float *weight, int n, int v)
{
	float *before = dlogits ? copy_of(dlogits, (size_t)n * v) : NULL;

	k->cross_entropy(dev, loss, dlogits, logits, target, weight, n, v);
	for (int i = 0; dlogits && i < n * v; i++) /* rows without a target are left out */
		if (target[i / v] < 0)
			dlogits[i] = before[i];
	free(before);
}

static void cross_entropy_overflows(struct device *dev, float *loss, float *dlogits,
                                    const float *logits, const int32_t *target,
                                    const float *weight, int n, int v)
{
	float *e = must(calloc(n, sizeof *e));

	for (int r = 0; r < n; r++)
		for (int o = 0; o < v; o++)
			e[r] += expf(logits[r * v + o]);
	for (int r = 0; r < n; r++)
		if (target[r] >= 0)
			e[r] = logf(e[r]) - logits[r * v + target[r]];
	k->cross_entropy(dev, loss, dlogits, logits, target, weight, n, v);
	for (int r = 0; r < n; r++)
		if (target[r] >= 0)
			loss[r] = e[r];
	free(e);
}

static void adamw_uncorrected(struct device *dev, float *param, const float *grad, float *m,
                              float *v, size_t count, const struct adamw_range *ranges,
                              int range_count, const struct adamw *adamw,
                              const struct update *update)
{
	struct update late = *update;

	late.correct1 = late.correct2 = 1;
	k->adamw(dev, param, grad, m, v, count, ranges, range_count, adamw, &late);
}

/* Adam with L2: the decay goes through the moments. */
static void adamw_coupled(struct device *dev, float *param, const float *grad, float *m,
                          float *v, size_t count, const struct adamw_range *ranges,
                          int range_count, const struct adamw *adamw, const struct update *update)
{
	struct adamw plain = *adamw;
	float *sum = copy_of(grad, count);

	for (int r = 0; r < range_count; r++)
		for (size_t i = ranges[r].begin; ranges[r].decay && i < ranges[r].end; i++)
			sum[i] += adamw->weight_decay * param[i] / update->grad_scale;
	plain.weight_decay = 0;
	k->adamw(dev, param, sum, m, v, count, ranges, range_count, &plain, update);
	free(sum);
}

static void adamw_unscaled(struct device *dev, float *param, const float *grad, float *m,
                           float *v, size_t count, const struct adamw_range *ranges,
                           int range_count, const struct adamw *adamw, const struct update *update)
{
	struct update plain = *update;

	plain.grad_scale = 1;
	k->adamw(dev, param, grad, m, v, count, ranges, range_count, adamw, &plain);
}

/* A step over ranges that edit() has changed; it is told of each and of the next one,
 * NULL behind the last. */
static void adamw_edited(struct device *dev, float *param, const float *grad, float *m, float *v,
                         size_t count, const struct adamw_range *ranges, int range_count,
                         const struct adamw *adamw, const struct update *update,
                         void (*edit)(struct adamw_range *range, const struct adamw_range *next))
{
	struct adamw_range *edited = must(malloc(((size_t)range_count + 1) * sizeof *edited));

	for (int r = 0; r < range_count; r++) {
		edited[r] = ranges[r];
		edit(&edited[r], r + 1 < range_count ? &ranges[r + 1] : NULL);
	}
	k->adamw(dev, param, grad, m, v, count, edited, range_count, adamw, update);
	free(edited);
}

#define ADAMW_EDITED(name, range, next, change)                                               \
	static void name##_edit(struct adamw_range *range, const struct adamw_range *next)    \
	{                                                                                     \
		(void)(next);                                                                 \
		change;                                                                       \
	}                                                                                     \
	static void name(struct device *dev, float *param, const float *grad, float *m, float *v, \
	                 size_t count, const struct adamw_range *ranges, int range_count,     \
	                 const struct adamw *adamw, const struct update *update)              \
	{                                                                                     \
		adamw_edited(dev, param, grad, m, v, count, ranges, range_count, adamw, update, \
		             name##_edit);                                                    \
	}
ADAMW_EDITED(adamw_decays_all, range, next, range->decay = true)
ADAMW_EDITED(adamw_decays_none, range, next, range->decay = false)
ADAMW_EDITED(adamw_decays_next, range, next, range->decay = next ? next->decay : range->decay)
ADAMW_EDITED(adamw_fills_gaps, range, next, range->end = next ? next->begin : range->end)
ADAMW_EDITED(adamw_whole_vectors, range, next, range->end -= (range->end - range->begin) % 4)
ADAMW_EDITED(adamw_aligned, range, next, range->begin = range->begin / 4 * 4)
#undef ADAMW_EDITED

/* The last range is not reached. */
static void adamw_misses_last(struct device *dev, float *param, const float *grad, float *m,
                              float *v, size_t count, const struct adamw_range *ranges,
                              int range_count, const struct adamw *adamw,
                              const struct update *update)
{
	k->adamw(dev, param, grad, m, v, count, ranges, range_count > 1 ? range_count - 1 : range_count,
	         adamw, update);
}

/* The momentum itself is made orthogonal, not what Nesterov looks ahead to. */
static void muon_classical(struct device *dev, float *param, const float *grad, float *m,
                           int rows, int cols, int stride, const struct muon *muon,
                           const struct update *update)
{
	const size_t count = (size_t)(rows - 1) * stride + cols;
	struct muon still = {.momentum = 0, .weight_decay = muon->weight_decay};
	struct update plain = *update;
	float *sum = must(malloc(count * sizeof *sum)), *nothing = must(calloc(count, sizeof *nothing));

	for (size_t i = 0; i < count; i++)
		sum[i] = muon->momentum * m[i] + (1 - muon->momentum) * update->grad_scale * grad[i];
	plain.grad_scale = 1;
	k->muon(dev, param, sum, nothing, rows, cols, stride, &still, &plain);
	for (int i = 0; i < rows; i++)
		memcpy(m + (size_t)i * stride, sum + (size_t)i * stride, (size_t)cols * sizeof *m);
	free(sum);
	free(nothing);
}

/* A step's size from the rows, whichever side is longer. */
static void muon_by_rows(struct device *dev, float *param, const float *grad, float *m, int rows,
                         int cols, int stride, const struct muon *muon, const struct update *update)
{
	struct muon other = *muon;
	struct update longer = *update;
	const float factor = rows < cols ? sqrtf((float)rows / (float)cols) : 1;

	longer.lr *= factor;
	other.weight_decay /= factor;
	k->muon(dev, param, grad, m, rows, cols, stride, &other, &longer);
}

/* The rows stand one after another. */
static void muon_dense(struct device *dev, float *param, const float *grad, float *m, int rows,
                       int cols, int stride, const struct muon *muon, const struct update *update)
{
	(void)stride;
	k->muon(dev, param, grad, m, rows, cols, cols, muon, update);
}

/* A step is taken whatever has been found out. */
static void muon_always(struct device *dev, float *param, const float *grad, float *m, int rows,
                        int cols, int stride, const struct muon *muon,
                        const struct update *update)
{
	struct update found = *update;

	found.finite = true;
	k->muon(dev, param, grad, m, rows, cols, stride, muon, &found);
}

static void adamw_always(struct device *dev, float *param, const float *grad, float *m, float *v,
                         size_t count, const struct adamw_range *ranges, int range_count,
                         const struct adamw *adamw, const struct update *update)
{
	struct update found = *update;

	found.finite = true;
	k->adamw(dev, param, grad, m, v, count, ranges, range_count, adamw, &found);
}

static void sum_overwrites(struct device *dev, double *sum, const float *x, size_t count)
{
	*sum = 0;
	k->sum(dev, sum, x, count);
}

static void sum_in_float(struct device *dev, double *sum, const float *x, size_t count)
{
	float all = 0;

	(void)dev;
	for (size_t i = 0; i < count; i++)
		all += x[i];
	*sum += (double)all;
}

static void norm2_in_float(struct device *dev, double *sum, const float *x, size_t count)
{
	float all = 0;

	(void)dev;
	for (size_t i = 0; i < count; i++)
		all += x[i] * x[i];
	*sum = (double)all;
}

static void norm2_adds(struct device *dev, double *sum, const float *x, size_t count)
{
	const double before = *sum;

	k->norm2(dev, sum, x, count);
	*sum += before;
}

/* Of the sum's norm, not the mean's. */
static void clip_unscaled(struct device *dev, struct update *update, const struct tally *tallies,
                          int count)
{
	struct update sum = *update;

	sum.mean = 1;
	k->clip(dev, &sum, tallies, count);
	k->clip(dev, update, tallies, count);
	update->grad_scale = sum.grad_scale * (float)update->mean;
}

static void clip_first_part(struct device *dev, struct update *update, const struct tally *tallies,
                            int count)
{
	(void)count;
	k->clip(dev, update, tallies, 1);
}

static void clip_to_nothing(struct device *dev, struct update *update, const struct tally *tallies,
                            int count)
{
	k->clip(dev, update, tallies, count);
	if (update->norm_max == 0)
		update->grad_scale = 0;
}

static void clip_lengthens(struct device *dev, struct update *update, const struct tally *tallies,
                           int count)
{
	k->clip(dev, update, tallies, count);
	if (update->norm_max > 0)
		update->grad_scale = (float)(update->mean * update->norm_max / update->norm);
}

/* An infinite loss of finite gradients. */
static void clip_without_loss(struct device *dev, struct update *update,
                              const struct tally *tallies, int count)
{
	k->clip(dev, update, tallies, count);
	update->finite = isfinite(update->norm);
}

/* ---- the list ---- */

static const struct entry {
	const char *what, *row;
	size_t slot; /* of the table, in bytes */
	void (*function)(void);
} entries[] = {
/* The conditional has the compiler compare the types. */
#define BREAKS(slot, row, function)                                                     \
	{                                                                               \
		#function, row, offsetof(struct kernels, slot),                         \
			(void (*)(void))(1 ? function : ((struct kernels *)0)->slot)    \
	}
	BREAKS(zero, "memory", zero_short),
	BREAKS(embed, "embed", embed_without_position),
	BREAKS(embed_backward, "embed_backward", embed_backward_last_wins),
	BREAKS(layernorm, "layernorm", layernorm_without_bias),
	BREAKS(layernorm, "layernorm", layernorm_past_the_end),
	BREAKS(layernorm, "layernorm", layernorm_one_pass),
	BREAKS(layernorm, "layernorm", layernorm_own_epsilon),
	BREAKS(layernorm_backward, "layernorm_backward", layernorm_backward_overwrites),
	BREAKS(layernorm_backward, "layernorm_backward", layernorm_backward_rounds_early),
	BREAKS(layernorm_backward, "layernorm_backward", layernorm_backward_constant),
	BREAKS(linear, "linear", linear_without_bias),
	BREAKS(linear, "linear", linear_times_zero),
	BREAKS(linear, "linear", linear_transposed),
	BREAKS(linear_residual, "linear_residual", linear_residual_overwrites),
	BREAKS(linear_residual, "linear_residual", linear_residual_in_place),
	BREAKS(linear, "row_invariant", linear_by_rows),
	BREAKS(linear_backward, "linear_backward", linear_backward_adds_dx),
	BREAKS(linear_backward, "linear_backward", linear_backward_overwrites_dw),
	BREAKS(linear_backward, "linear_backward", linear_backward_without_db),
	BREAKS(linear_residual_backward, "linear_residual_backward",
	       linear_residual_backward_without_db),
	BREAKS(unembed, "unembed", unembed_misses_last),
	BREAKS(unembed_backward, "unembed_backward", unembed_backward_overwrites),
	BREAKS(gelu, "gelu", gelu_by_tanh),
	BREAKS(gelu_backward, "gelu_backward", gelu_backward_cdf),
	BREAKS(gelu_tanh, "gelu_tanh", gelu_tanh_by_erf),
	BREAKS(gelu_tanh_backward, "gelu_tanh_backward", gelu_tanh_backward_by_erf),
	BREAKS(add, "add", add_whole_vectors),
	BREAKS(set_columns, "set_columns", set_columns_of_first_row),
	BREAKS(set_columns, "set_columns", set_columns_from_the_left),
	BREAKS(scale_columns, "scale_columns", scale_columns_of_first_row),
	BREAKS(scale_columns, "scale_columns", scale_columns_from_the_left),
	BREAKS(dropout, "dropout", dropout_unscaled),
	BREAKS(dropout, "dropout", dropout_one_stream),
	BREAKS(dropout, "dropout", dropout_one_pass),
	BREAKS(dropout, "dropout", dropout_by_count),
	BREAKS(dropout, "dropout", dropout_low_bits),
	BREAKS(attention, "attention", attention_across),
	BREAKS(attention, "attention", attention_unscaled),
	BREAKS(attention, "attention", attention_by_width),
	BREAKS(attention, "attention", attention_shifted),
	BREAKS(attention, "attention", attention_without_dropout),
	BREAKS(attention, "attention", attention_other_mask),
	BREAKS(attention, "attention", attention_overflows),
	BREAKS(attention_backward, "attention_backward", attention_backward_without_dropout),
	BREAKS(attention_backward, "attention_backward", attention_backward_adds),
	BREAKS(attention_probs, "attention_probs", attention_probs_full),
	BREAKS(attention_probs, "attention_probs", attention_probs_first_head),
	BREAKS(attention_cached, "attention_cached", attention_cached_past),
	BREAKS(attention_cached, "attention_cached", attention_cached_one_slot),
	BREAKS(cache_store, "cache_store", cache_store_next),
	BREAKS(cache_store, "cache_store", cache_store_keys_only),
	BREAKS(cross_entropy, "cross_entropy", cross_entropy_unweighted),
	BREAKS(cross_entropy, "cross_entropy", cross_entropy_keeps),
	BREAKS(cross_entropy, "cross_entropy", cross_entropy_overflows),
	BREAKS(adamw, "adamw", adamw_uncorrected),
	BREAKS(adamw, "adamw", adamw_coupled),
	BREAKS(adamw, "adamw", adamw_unscaled),
	BREAKS(adamw, "adamw", adamw_decays_all),
	BREAKS(adamw, "adamw", adamw_decays_none),
	BREAKS(adamw, "adamw", adamw_decays_next),
	BREAKS(adamw, "adamw", adamw_fills_gaps),
	BREAKS(adamw, "adamw", adamw_whole_vectors),
	BREAKS(adamw, "adamw", adamw_aligned),
	BREAKS(adamw, "adamw", adamw_misses_last),
	BREAKS(muon, "muon", muon_classical),
	BREAKS(muon, "muon", muon_by_rows),
	BREAKS(muon, "muon", muon_dense),
	BREAKS(adamw, "adamw", adamw_always),
	BREAKS(muon, "muon", muon_always),
	BREAKS(sum, "sum", sum_overwrites),
	BREAKS(sum, "sum", sum_in_float),
	BREAKS(norm2, "norm2", norm2_in_float),
	BREAKS(norm2, "norm2", norm2_adds),
	BREAKS(clip, "clip", clip_unscaled),
	BREAKS(clip, "clip", clip_first_part),
	BREAKS(clip, "clip", clip_to_nothing),
	BREAKS(clip, "clip", clip_lengthens),
	BREAKS(clip, "clip", clip_without_loss),
#undef BREAKS
};

bool ref_mutant(int i, struct mutant *mutant)
{
	const int count = (int)(sizeof entries / sizeof *entries);

	if (i >= count)
		return ref_rounding_mutant(i - count, mutant);
	*mutant = (struct mutant){entries[i].what, entries[i].row, DTYPE_F32, ref_table};
	memcpy((char *)&mutant->table + entries[i].slot, &entries[i].function,
	       sizeof entries[i].function);
	return true;
}
