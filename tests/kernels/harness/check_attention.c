#include "tests/kernels/harness/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/harness/ref.h"

/* ---- attention ---- */

static const int32_t alone[] = {0, 1};
static const int32_t mixed[] = {0, 1, 3, 18, 34, 51, 82, 115};
static const int32_t hundred[] = {0, 100};
static const int32_t many[] = {0, 257, 258, 260, 275, 291, 308, 339, 372, 472};
/* 1, 15, 16, 17, 63, 64, 65, 100, 129, 200 rows: about where tiles of 16, 64, 128 end. */
static const int32_t edges[] = {0, 1, 16, 32, 49, 112, 176, 241, 341, 470, 670};
static const struct sequences packs[] = {
	{1, alone, 1},
	{7, mixed, 33},
	{1, hundred, 100},
	{9, many, 257},
	{10, edges, 200},
};

static const int head_widths[] = {1, 2, 3, 4, 5, 8, 16, 17, 32, 64, 128};

/* Of those that come in steps of 8, as tensor cores take them. */
static const int even_widths[] = {8, 24, 40, 64, 80, 96, 128};

struct attention {
	const struct sequences *seqs;
	int n, c, h;
	float rate; /* of dropout, by this seed in this pass */
	uint64_t seed, pass;
	double scale; /* deviation of q and k; 0: integers whose scores are exact */
};

/* Bounds as check.c has them; of what is computed in float32: scores, which are exact
 * products of what q and k hold, their exponentials, sums. Tensor cores cut such sums off
 * (see product() there): a score of up to 40 loses 4e-6. */
static const struct bound OUT = {1e-5, 0};
static const struct bound PROBS = {1e-5, 1};

static struct bound lse_bound(const struct trial *t)
{
	return (struct bound){t->dtype == DTYPE_F32 ? 2e-6 : 1e-5, 1};
}

/* An lse in the thousands is rounded to 2e-4, and so is what it gives. */
static struct bound gradient_bound(const struct attention *a)
{
	return (struct bound){a->scale > 0 ? 3e-5 : 1e-3, 0};
}

/* Beside that, tensor cores read p and ds rounded to the dtype: by half a unit in the last
 * place, 2^-8 of a number in bfloat16, 2^-11 in half precision, and there by 2^-25 at least
 * (half of the smallest number). Products of the dtype's numbers are exact. */
struct rounding {
	double relative, absolute;
};

static struct rounding rounding_of(const struct trial *t)
{
	return t->dtype == DTYPE_F32    ? (struct rounding){0, 0}
	       : t->dtype == DTYPE_F16 ? (struct rounding){0x1p-11, 0x1p-25}
	                               : (struct rounding){0x1p-8, 0};
}

/* One head of one sequence: which columns and rows, and its probabilities. */
struct head {
	const struct attention *a;
	int first, length, head, d;
	const double *p; /* [length,length] */
	const double *mask; /* of all, or NULL */
};

static double factor_of(const struct head *h, int query, int key)
{
	const size_t row = (size_t)h->head * h->a->n + h->first + query;

	return h->mask ? h->mask[row * h->a->seqs->longest + key] : 1;
}

/* Σ_j (error of p_ij m_ij) |v_j|; a p that is not yet divided by the sum of all is up to 1. */
static void slack_forward(const struct head *h, struct rounding r, const double *qkv,
                          double *slack)
{
	const size_t c = (size_t)h->a->c, column = (size_t)h->head * h->d;

	for (int i = 0; i < h->length; i++)
		for (int j = 0; j <= i; j++) {
			const double m = factor_of(h, i, j);
			const double error = r.relative * h->p[i * h->length + j] * m + r.absolute * m;
			const double *v = qkv + (size_t)(h->first + j) * 3 * c + 2 * c + column;
			double *to = slack + (size_t)(h->first + i) * c + column;
			for (int e = 0; e < h->d; e++)
				to[e] += error * fabs(v[e]);
		}
}

/* dv: Σ_i (error of p_ij m_ij) |dout_i|; dq: Σ_j (error of ds_ij) |k_j|, and dk so. */
static void slack_backward(const struct head *h, struct rounding r, const double *qkv,
                           const double *dout, const double *out, double *slack)
{
	const size_t c = (size_t)h->a->c, column = (size_t)h->head * h->d;

	for (int i = 0; i < h->length; i++)
		for (int j = 0; j <= i; j++) {
			const size_t query = (size_t)(h->first + i), key = (size_t)(h->first + j);
			const double *g = dout + query * c + column, *o = out + query * c + column;
			const double *q = qkv + query * 3 * c + column, *k = qkv + key * 3 * c + c + column;
			double *to_q = slack + query * 3 * c + column;
			double *to_k = slack + key * 3 * c + c + column, *to_v = to_k + c;
			const double m = factor_of(h, i, j), p = h->p[i * h->length + j];
			double ds = 0;
			for (int e = 0; e < h->d; e++)
				ds += p * g[e] * (m * k[c + e] - o[e]) / sqrt(h->d);
			for (int e = 0; e < h->d; e++) {
				to_v[e] += (r.relative * p * m + r.absolute) * fabs(g[e]);
				to_q[e] += (r.relative * fabs(ds) + r.absolute) * fabs(k[e]);
				to_k[e] += (r.relative * fabs(ds) + r.absolute) * fabs(q[e]);
			}
		}
}

/* Into slack, by one of the two: the forward pass has no dout. */
static void attention_slack(struct trial *t, const struct attention *a, const double *qkv,
                            const double *lse, const double *dout, const double *out,
                            const double *mask, double *slack)
{
	const int longest = a->seqs->longest;
	double *p = malloc((size_t)longest * longest * sizeof *p);

	if (!p)
		abort();
	for (int i = 0; i < a->seqs->count * a->h; i++) {
		const int s = i / a->h, first = a->seqs->begin[s];
		const struct head h = {a, first, a->seqs->begin[s + 1] - first, i % a->h, a->c / a->h,
		                       p, mask};
		ref_attention_probs(p, qkv, lse, a->n, first, h.length, h.head, a->c, a->h);
		if (dout)
			slack_backward(&h, rounding_of(t), qkv, dout, out, slack);
		else
			slack_forward(&h, rounding_of(t), qkv, slack);
	}
	free(p);
}

/* q, k, v: normal, or q and k whole numbers up to ±40 so that scores run into
 * the thousands and are still exact in either type. Numbers of the dtype, whatever
 * activations are: so a product that rounds them changes nothing. */
static struct buffer *attention_input(struct trial *t, const struct attention *a)
{
	struct buffer *qkv = trial_activation_input(t, "qkv", (size_t)a->n * 3 * a->c, 1);

	for (size_t i = 0; i < qkv->count; i++) {
		if ((int)(i % (3 * a->c)) >= 2 * a->c)
			continue;
		if (a->scale > 0)
			qkv->value[i] *= a->scale;
		else
			qkv->value[i] = (double)rng_below(&t->rng, 81) - 40;
	}
	trial_round(qkv, t->dtype);
	return qkv;
}

static struct dropout attention_dropout(struct trial *t, const struct attention *a)
{
	return (struct dropout){a->rate, a->seed, a->rate > 0 ? new_pass(t, a->pass) : NULL, 9};
}

/* The mask in the order that ref_attention() has it; NULL: none. */
static double *attention_mask(struct trial *t, const struct attention *a,
                              const struct dropout *dropout)
{
	const size_t n = a->n, h = a->h, longest = a->seqs->longest;
	double *mask;

	if (dropout->rate <= 0)
		return NULL;
	double *all = mask_of(t, dropout, ((n * h - 1) * SEQUENCE_MAX + longest));
	mask = malloc(h * n * longest * sizeof *mask);
	if (!mask)
		abort();
	for (size_t i = 0; i < n * h * longest; i++) {
		const size_t head = i / longest / n, query = i / longest % n;
		mask[i] = all[(query * h + head) * SEQUENCE_MAX + i % longest];
	}
	free(all);
	return mask;
}

static void attention_name(struct trial *t, const struct attention *a)
{
	trial_case(t, "n %d in %d sequences of up to %d, c %d h %d, q and k about %g%s", a->n,
	           a->seqs->count, a->seqs->longest, a->c, a->h, a->scale,
	           a->rate > 0 ? ", dropout" : "");
}

static void attention_forward_case(struct trial *t, const struct attention *a)
{
	attention_name(t, a);
	struct buffer *out = trial_activation_output(t, "out", (size_t)a->n * a->c, OUT);
	struct buffer *lse = trial_output(t, "lse", (size_t)a->n * a->h, lse_bound(t));
	struct buffer *qkv = attention_input(t, a);
	struct dropout dropout = attention_dropout(t, a);
	double *mask = attention_mask(t, a, &dropout);
	trial_send(t);
	t->kernels->attention(t->dev, out->at, lse->at, qkv->at, a->seqs, a->c, a->h, &dropout);
	ref_attention(out->want, lse->want, qkv->value, a->seqs, a->c, a->h, mask);
	if (t->dtype != DTYPE_F32)
		attention_slack(t, a, qkv->value, lse->want, NULL, NULL, mask, trial_slack(out));
	free(mask);
	trial_judge(t);
	t->kernels->free(t->dev, (void *)dropout.pass);
}

/* The device gets out and lse as attention() leaves them, out rounded: what follows from
 * that is no error. In float32 the reference does without. */
static void attention_backward_case(struct trial *t, const struct attention *a)
{
	const bool rounds = t->dtype != DTYPE_F32;

	attention_name(t, a);
	struct buffer *dqkv = trial_activation_output(t, "dqkv", (size_t)a->n * 3 * a->c,
	                                              gradient_bound(a));
	struct buffer *dout = trial_activation_input(t, "dout", (size_t)a->n * a->c, 1);
	struct buffer *out = trial_activation_input(t, "out", (size_t)a->n * a->c, 1);
	struct buffer *lse = trial_input(t, "lse", (size_t)a->n * a->h, 1);
	struct buffer *qkv = attention_input(t, a);
	struct dropout dropout = attention_dropout(t, a);
	double *mask = attention_mask(t, a, &dropout);
	ref_attention(out->value, lse->value, qkv->value, a->seqs, a->c, a->h, mask);
	trial_round(out, t->dtype);
	trial_round(dout, t->dtype);
	trial_send(t);
	t->kernels->attention_backward(t->dev, dqkv->at, dout->at, out->at, lse->at, qkv->at,
	                               a->seqs, a->c, a->h, &dropout);
	ref_attention_backward(dqkv->want, dout->value, rounds ? out->value : NULL, NULL,
	                       qkv->value, a->seqs, a->c, a->h, mask);
	if (rounds)
		attention_slack(t, a, qkv->value, lse->value, dout->value, out->value, mask,
		                trial_slack(dqkv));
	free(mask);
	trial_judge(t);
	t->kernels->free(t->dev, (void *)dropout.pass);
}

/* Every head width over the mixed pack; longer sequences for a few. */
static void each_attention(struct trial *t,
                           void (*run)(struct trial *t, const struct attention *a))
{
	static const int heads[] = {1, 3};

	for (int i = 0; i < 4 * COUNT(head_widths); i++) {
		int d = head_widths[i / 4], h = heads[i % 2];
		float rate = i & 2 ? 0.3f : 0;
		uint64_t pass = (uint64_t)i + ((uint64_t)1 << 40);
		run(t, &(struct attention){&packs[1], 115, d * h, h, rate, 5, pass, 1});
		if (i % 4 < 2)
			run(t, &(struct attention){&packs[0], 1, d * h, h, rate, 5, pass, 1});
	}
	for (int i = 0; i < 2; i++) {
		float rate = i ? 0.1f : 0;
		run(t, &(struct attention){&packs[2], 100, 5 * 2, 2, rate, 6, 1, 2});
		run(t, &(struct attention){&packs[3], 472, 2 * 3, 3, rate, 6, 1, 1});
		run(t, &(struct attention){&packs[3], 472, 32 * 2, 2, rate, 6, 1, 1});
		run(t, &(struct attention){&packs[1], 115, 16 * 2, 2, rate, 6, 1, 0});
		run(t, &(struct attention){&packs[2], 100, 4, 1, rate, 6, 1, 0});
		run(t, &(struct attention){&packs[3], 472, 1 * 2, 2, rate, 6, 1, 0});
		run(t, &(struct attention){&packs[3], 472, 2 * 5, 5, rate, 6, 1, 2});
		run(t, &(struct attention){&packs[3], 472, 3 * 2, 2, rate, 6, 1, 1});
		run(t, &(struct attention){&packs[3], 472, 4 * 3, 3, rate, 6, 1, 2});
	}
	for (int i = 0; i < COUNT(even_widths); i++) {
		float rate = i % 3 == 1 ? 0.2f : 0;
		uint64_t pass = (uint64_t)i;
		run(t, &(struct attention){&packs[4], 670, even_widths[i], 1, rate, 7, pass, 1});
	}
	run(t, &(struct attention){&packs[4], 670, 16 * 2, 2, 0.1f, 8, 0, 2});
}

void check_attention(struct trial *t)
{
	each_attention(t, attention_forward_case);
}

void check_attention_backward(struct trial *t)
{
	each_attention(t, attention_backward_case);
}

void check_attention_probs(struct trial *t)
{
	for (int i = 0; i < 3 * COUNT(head_widths); i++) {
		int d = head_widths[i / 3], h = 1 + i % 3, c = d * h, head = h - 1 - i % 2 * (h > 1);
		int s = i % 7, first = mixed[s], length = mixed[s + 1] - first;
		trial_case(t, "rows %d to %d of 115, c %d h %d head %d", first, first + length - 1,
		           c, h, head);
		struct attention a = {&packs[1], 115, c, h, 0, 0, 0, i % 2 ? 1 : 0.3};
		struct buffer *probs = trial_output(t, "probs", (size_t)length * length, PROBS);
		struct buffer *qkv = attention_input(t, &a);
		struct buffer *lse = trial_input(t, "lse", (size_t)115 * h, 1);
		double *out = malloc((size_t)115 * c * sizeof *out);
		if (!out)
			abort();
		ref_attention(out, lse->value, qkv->value, &packs[1], c, h, NULL);
		free(out);
		trial_send(t);
		t->kernels->attention_probs(t->dev, probs->at, qkv->at, lse->at, 115, first, length,
		                            head, c, h);
		ref_attention_probs(probs->want, qkv->value, lse->value, 115, first, length, head,
		                    c, h);
		for (int e = 0; e < length * length; e++)
			if (e % length > e / length) /* exactly zero above the diagonal */
				probs->want[e] = 0;
		trial_judge(t);
	}
}

/* ---- the cache ---- */

enum { SLOTS = 4 };

/* Calls of one decoding: prompts of some lengths, then single steps, a slot
 * left out now and then, a slot taken back to an earlier place. */
static const int32_t cached_calls[][2][8] = {
	/* slot of each row, -1 ends; place of each row */
	{{0, 0, 0, 2, 2, 1, -1}, {0, 1, 2, 0, 1, 0}},
	{{2, 0, 1, -1}, {2, 3, 1}},
	{{3, 3, 3, 3, 3, 3, 3, -1}, {0, 1, 2, 3, 4, 5, 6}},
	{{3, 1, 0, 2, -1}, {7, 2, 4, 3}},
	{{1, 1, 1, 1, 3, -1}, {3, 4, 5, 6, 5}},
	{{1, 3, -1}, {7, 6}},
};

/* The cache's keys and values: the device's, whose layout within a slot is its
 * own, and the reference's. */
struct caches {
	size_t slot; /* elements of a slot in each */
	float *device[2];
	double *reference[2];
};

static struct caches new_caches(const struct trial *t, size_t slot)
{
	/* reading what was not stored shows */
	const double large = t->activations == DTYPE_F16 ? 60000 : 1e20;
	struct caches caches = {.slot = slot};

	for (int i = 0; i < 2; i++) {
		caches.device[i] = malloc(SLOTS * slot * sizeof *caches.device[i]);
		caches.reference[i] = calloc(SLOTS * slot, sizeof *caches.reference[i]);
		if (!caches.device[i] || !caches.reference[i])
			abort();
		for (size_t j = 0; j < SLOTS * slot; j++)
			caches.device[i][j] = (float)large;
	}
	return caches;
}

static void free_caches(struct caches *caches)
{
	for (int i = 0; i < 2; i++) {
		free(caches->device[i]);
		free(caches->reference[i]);
	}
}

/* A slot that no row names keeps its part of the cache; the rest is kept for
 * the next call. */
static void keep_cache(struct trial *t, const struct buffer *slot, const struct buffer *cache,
                       float *kept, size_t elements)
{
	float *after = trial_read_activations(t, cache->at, SLOTS * elements);

	for (int s = 0; s < SLOTS; s++) {
		bool named = false, same = true;
		for (size_t r = 0; r < slot->count; r++)
			named |= slot->index[r] == s;
		for (size_t i = s * elements; i < (s + 1) * elements; i++)
			same &= (double)after[i] == cache->value[i];
		trial_expect(t, named || same, "the cache of slot %d was written", s);
	}
	memcpy(kept, after, SLOTS * elements * sizeof *after);
	free(after);
}

/* One call of decoding: what it is given. */
struct cached {
	struct buffer *out, *k, *v, *qkv, *slot, *place;
	int context, c, h;
};

static void call_cached(struct trial *t, const struct cached *a, void *out, int first, int rows)
{
	t->kernels->attention_cached(t->dev, out, a->k->at, a->v->at,
	                             element(a->qkv->at, a->qkv->type, (size_t)first * 3 * a->c),
	                             (int32_t *)a->slot->at + first,
	                             (int32_t *)a->place->at + first, rows, a->context, a->c, a->h);
}

/* The rows of the call one by one, in the same order: the same bits. */
static void cached_rows(struct trial *t, const struct cached *a, const float *whole, int n)
{
	const struct kernels *k = t->kernels;
	const size_t c = (size_t)a->c;
	void *out = k->alloc(t->dev, c * sizeof(float));

	if (!out)
		abort();
	for (int r = 0; r < n; r++) {
		call_cached(t, a, out, r, 1);
		float *row = trial_read_activations(t, out, c);
		trial_expect(t, memcmp(row, whole + r * c, c * sizeof *row) == 0,
		             "row %d alone has other bits", r);
		free(row);
	}
	k->free(t->dev, out);
}

/* slots, places: of its rows, with -1 behind the last slot. */
static void cached_call(struct trial *t, int c, int h, int context, int call,
                        const int32_t *slots, const int32_t *places, struct caches *caches)
{
	const struct bound any = {INFINITY, 1};
	const size_t elements = SLOTS * caches->slot;
	int n = 0;

	while (slots[n] >= 0)
		n++;
	trial_case(t, "c %d h %d context %d, call %d", c, h, context, call);
	const struct cached a = {
		.out = trial_activation_output(t, "out", (size_t)n * c, OUT),
		.k = trial_activation_sum(t, "cache_k", elements, any),
		.v = trial_activation_sum(t, "cache_v", elements, any),
		.qkv = trial_activation_input(t, "qkv", (size_t)n * 3 * c, 1),
		.slot = trial_indices(t, "slot", n, 1),
		.place = trial_indices(t, "place", n, 1),
		.context = context, .c = c, .h = h,
	};
	for (size_t i = 0; i < elements; i++) {
		a.k->value[i] = (double)caches->device[0][i];
		a.v->value[i] = (double)caches->device[1][i];
	}
	memcpy(a.slot->index, slots, n * sizeof *slots);
	memcpy(a.place->index, places, n * sizeof *places);
	trial_send(t);
	call_cached(t, &a, a.out->at, 0, n);
	ref_attention_cached(a.out->want, caches->reference[0], caches->reference[1], a.qkv->value,
	                     a.slot->index, a.place->index, n, context, c, h);

	float *whole = trial_read_activations(t, a.out->at, (size_t)n * c);
	for (int i = 0; i < 2; i++) { /* kept for the next call, and back to before this one */
		struct buffer *cache = i == 0 ? a.k : a.v;
		keep_cache(t, a.slot, cache, caches->device[i], caches->slot);
		trial_resend(t, cache);
	}
	cached_rows(t, &a, whole, n);
	free(whole);
	trial_judge(t);
}

/* One slot, all of its positions at once: more than a device takes together. */
static void cached_long(struct trial *t, int d, int h)
{
	enum { LONG = 300 };
	struct caches caches = new_caches(t, (size_t)LONG * d * h);
	int32_t slots[LONG + 1] = {0}, places[LONG];

	for (int i = 0; i < LONG; i++)
		places[i] = i;
	slots[LONG] = -1;
	cached_call(t, d * h, h, LONG, 0, slots, places, &caches);
	free_caches(&caches);
}

void check_attention_cached(struct trial *t)
{
	static const int contexts[] = {8, 9, 33};

	for (int i = 0; i < 3 * COUNT(head_widths); i++) {
		int d = head_widths[i / 3], h = i % 3 + 1, context = contexts[i % 3];
		struct caches caches = new_caches(t, (size_t)context * d * h);
		for (int call = 0; call < COUNT(cached_calls); call++)
			cached_call(t, d * h, h, context, call, cached_calls[call][0], cached_calls[call][1],
			            &caches);
		free_caches(&caches);
	}
	cached_long(t, 24, 1);
	cached_long(t, 9, 2);
}

/* Rows stored leave the cache as rows attended to do. */
static void store_call(struct trial *t, int c, int h, int context, int call, const int32_t *slots,
                       const int32_t *places)
{
	const struct bound any = {INFINITY, 1};
	const size_t elements = (size_t)SLOTS * context * c;
	struct buffer *cache[2][2]; /* k and v, of the one and of the other */
	size_t n = 0;

	while (slots[n] >= 0)
		n++;
	trial_case(t, "c %d h %d context %d, call %d", c, h, context, call);
	for (int i = 0; i < 4; i++) {
		cache[i / 2][i % 2] = trial_activation_sum(t, i % 2 ? "cache_v" : "cache_k", elements, any);
		memcpy(cache[i / 2][i % 2]->value, cache[0][i % 2]->value, elements * sizeof(double));
	}
	struct buffer *out = trial_activation_output(t, "out", n * c, OUT);
	struct buffer *qkv = trial_activation_input(t, "qkv", n * 3 * c, 1);
	struct buffer *slot = trial_indices(t, "slot", n, 1), *place = trial_indices(t, "place", n, 1);
	memcpy(slot->index, slots, n * sizeof *slots);
	memcpy(place->index, places, n * sizeof *places);
	for (size_t r = 0; r < n; r++) /* no row sees one that is not stored */
		place->index[r] = r > 0 && slots[r] == slots[r - 1] ? place->index[r - 1] + 1 : 0;
	trial_send(t);
	t->kernels->attention_cached(t->dev, out->at, cache[0][0]->at, cache[0][1]->at, qkv->at,
	                             slot->at, place->at, (int)n, context, c, h);
	t->kernels->cache_store(t->dev, cache[1][0]->at, cache[1][1]->at, qkv->at, slot->at, place->at,
	                        (int)n, context, c, h);
	double *k = calloc(elements, sizeof *k), *v = calloc(elements, sizeof *v);
	if (!k || !v)
		abort();
	ref_attention_cached(out->want, k, v, qkv->value, slot->index, place->index, (int)n, context,
	                     c, h);
	for (int i = 0; i < 2; i++) {
		float *want = trial_read_activations(t, cache[0][i]->at, elements);
		float *have = trial_read_activations(t, cache[1][i]->at, elements);
		trial_expect(t, memcmp(have, want, elements * sizeof *want) == 0,
		             "%s is not as attention_cached() leaves it", i ? "cache_v" : "cache_k");
		free(want);
		free(have);
	}
	free(k);
	free(v);
	trial_judge(t);
}

void check_cache_store(struct trial *t)
{
	static const int contexts[] = {8, 9, 33};

	for (int i = 0; i < 3 * COUNT(head_widths); i++) {
		int d = head_widths[i / 3], h = i % 3 + 1, context = contexts[i % 3];
		for (int call = 0; call < COUNT(cached_calls); call++)
			store_call(t, d * h, h, context, call, cached_calls[call][0], cached_calls[call][1]);
	}
}

/* ---- what is not a number ---- */

void nan_attention(struct trial *t, int d, int h, int column, uint32_t bits)
{
	const struct kernels *k = t->kernels;
	const enum dtype type = t->activations;
	const struct dropout none = {0, 0, NULL, 0};
	int c = d * h, n = 115;
	void *qkv = spoiled(t, type, n, 3 * c, 40, column, bits);
	void *out = spoiled(t, type, n, c, 0, 0, 0);
	float *lse = spoiled(t, DTYPE_F32, n, h, 0, 0, 0);

	k->attention(t->dev, out, lse, qkv, &packs[1], c, h, &none);
	expect_spoiled(t, "attention", type, out, n, c, 40, 34);
	k->free(t->dev, qkv);
	k->free(t->dev, out);
	k->free(t->dev, lse);
}
