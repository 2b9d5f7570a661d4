#include "tests/ref/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ref/ref.h"

/* ---- attention ---- */

static const int32_t alone[] = {0, 1};
static const int32_t mixed[] = {0, 1, 3, 18, 34, 51, 82, 115};
static const int32_t hundred[] = {0, 100};
static const int32_t many[] = {0, 257, 258, 260, 275, 291, 308, 339, 372, 472};
static const struct sequences packs[] = {
	{1, alone, 1},
	{7, mixed, 33},
	{1, hundred, 100},
	{9, many, 257},
};

static const int head_widths[] = {1, 2, 3, 4, 5, 8, 16, 17, 32, 64, 128};

struct attention {
	const struct sequences *seqs;
	int n, c, h;
	struct dropout dropout;
	double scale; /* deviation of q and k; 0: integers whose scores are exact */
};

static struct bound attention_bound(const struct trial *t, double relative)
{
	return (struct bound){by_dtype(t, relative, 4e-2), 0};
}

/* q, k, v: normal, or q and k whole numbers up to ±40 so that scores run into
 * the thousands and are still exact in either type. */
static struct buffer *attention_input(struct trial *t, const struct attention *a)
{
	struct buffer *qkv = trial_input(t, "qkv", (size_t)a->n * 3 * a->c, 1);

	for (size_t i = 0; i < qkv->count; i++) {
		if ((int)(i % (3 * a->c)) >= 2 * a->c)
			continue;
		if (a->scale > 0)
			qkv->value[i] *= a->scale;
		else
			qkv->value[i] = (double)rng_below(&t->rng, 81) - 40;
	}
	return qkv;
}

static double *attention_mask(struct trial *t, const struct attention *a)
{
	return a->dropout.rate > 0 ? mask_of(t, &a->dropout, (size_t)a->h * a->n * a->seqs->longest)
				   : NULL;
}

static void attention_name(struct trial *t, const struct attention *a)
{
	trial_case(t, "n %d in %d sequences of up to %d, c %d h %d, q and k about %g%s", a->n,
	           a->seqs->count, a->seqs->longest, a->c, a->h, a->scale,
	           a->dropout.rate > 0 ? ", dropout" : "");
}

static void attention_forward_case(struct trial *t, const struct attention *a)
{
	attention_name(t, a);
	struct buffer *out = trial_output(t, "out", (size_t)a->n * a->c, attention_bound(t, 1e-5));
	struct buffer *lse = trial_output(t, "lse", (size_t)a->n * a->h,
	                                  (struct bound){by_dtype(t, 2e-6, 2e-2), 1});
	struct buffer *qkv = attention_input(t, a);
	double *mask = attention_mask(t, a);
	trial_send(t);
	t->kernels->attention(t->dev, out->at, lse->at, qkv->at, a->seqs, a->c, a->h, &a->dropout);
	ref_attention(out->want, lse->want, qkv->value, a->seqs, a->c, a->h, mask);
	free(mask);
	trial_judge(t);
}

static void attention_backward_case(struct trial *t, const struct attention *a)
{
	attention_name(t, a);
	/* An lse in the thousands is rounded to 2e-4, and so is what it gives. */
	struct bound bound = attention_bound(t, a->scale > 0 ? 3e-5 : 1e-3);
	struct buffer *dqkv = trial_output(t, "dqkv", (size_t)a->n * 3 * a->c, bound);
	struct buffer *dout = trial_input(t, "dout", (size_t)a->n * a->c, 1);
	struct buffer *out = trial_input(t, "out", (size_t)a->n * a->c, 1);
	struct buffer *lse = trial_input(t, "lse", (size_t)a->n * a->h, 1);
	struct buffer *qkv = attention_input(t, a);
	double *mask = attention_mask(t, a);
	for (size_t i = 0; i < qkv->count; i++)
		qkv->value[i] = (float)qkv->value[i];
	ref_attention(out->value, lse->value, qkv->value, a->seqs, a->c, a->h, mask);
	trial_send(t);
	t->kernels->attention_backward(t->dev, dqkv->at, dout->at, out->at, lse->at, qkv->at,
	                               a->seqs, a->c, a->h, &a->dropout);
	ref_attention_backward(dqkv->want, dout->value, qkv->value, a->seqs, a->c, a->h, mask);
	free(mask);
	trial_judge(t);
}

/* Every head width over the mixed pack; longer sequences for a few. */
static void each_attention(struct trial *t,
                           void (*run)(struct trial *t, const struct attention *a))
{
	static const int heads[] = {1, 3};

	for (int i = 0; i < 4 * COUNT(head_widths); i++) {
		int d = head_widths[i / 4], h = heads[i % 2];
		struct dropout dropout = {i & 2 ? 0.3f : 0, 5, (uint64_t)i + ((uint64_t)1 << 40)};
		run(t, &(struct attention){&packs[1], 115, d * h, h, dropout, 1});
		if (i % 4 < 2)
			run(t, &(struct attention){&packs[0], 1, d * h, h, dropout, 1});
	}
	for (int i = 0; i < 2; i++) {
		struct dropout dropout = {i ? 0.1f : 0, 6, (uint64_t)i};
		run(t, &(struct attention){&packs[2], 100, 5 * 2, 2, dropout, 2});
		run(t, &(struct attention){&packs[3], 472, 2 * 3, 3, dropout, 1});
		run(t, &(struct attention){&packs[3], 472, 32 * 2, 2, dropout, 1});
		run(t, &(struct attention){&packs[1], 115, 16 * 2, 2, dropout, 0});
		run(t, &(struct attention){&packs[2], 100, 4, 1, dropout, 0});
		run(t, &(struct attention){&packs[3], 472, 1 * 2, 2, dropout, 0});
		run(t, &(struct attention){&packs[3], 472, 2 * 5, 5, dropout, 2});
		run(t, &(struct attention){&packs[3], 472, 3 * 2, 2, dropout, 1});
		run(t, &(struct attention){&packs[3], 472, 4 * 3, 3, dropout, 2});
	}
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
		struct attention a = {&packs[1], 115, c, h, {0, 0, 0}, i % 2 ? 1 : 0.3};
		struct bound bound = {by_dtype(t, 1e-5, 4e-2), 1};
		struct buffer *probs = trial_output(t, "probs", (size_t)length * length, bound);
		struct buffer *qkv = attention_input(t, &a);
		struct buffer *lse = trial_input(t, "lse", (size_t)115 * h, 1);
		double *out = malloc((size_t)115 * c * sizeof *out);
		if (!out)
			abort();
		for (size_t e = 0; e < qkv->count; e++)
			qkv->value[e] = (float)qkv->value[e];
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
	size_t slot; /* floats of a slot in each */
	float *device[2];
	double *reference[2];
};

static struct caches new_caches(size_t slot)
{
	struct caches caches = {.slot = slot};

	for (int i = 0; i < 2; i++) {
		caches.device[i] = malloc(SLOTS * slot * sizeof *caches.device[i]);
		caches.reference[i] = calloc(SLOTS * slot, sizeof *caches.reference[i]);
		if (!caches.device[i] || !caches.reference[i])
			abort();
		for (size_t j = 0; j < SLOTS * slot; j++)
			caches.device[i][j] = 1e20f; /* reading what was not stored shows */
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
static void keep_cache(struct trial *t, const struct buffer *slot, const float *at, float *kept,
                       size_t floats)
{
	float *after = trial_read(t, at, SLOTS * floats);

	for (int s = 0; s < SLOTS; s++) {
		bool named = false;
		for (size_t r = 0; r < slot->count; r++)
			named |= slot->index[r] == s;
		trial_expect(t, named || memcmp(after + s * floats, kept + s * floats,
		                                floats * sizeof *after) == 0,
		             "the cache of slot %d was written", s);
	}
	memcpy(kept, after, SLOTS * floats * sizeof *after);
	free(after);
}

/* The rows of the call one by one, in the same order: the same bits. */
static void cached_rows(struct trial *t, const float *whole, float *ck, float *cv,
                        const float *qkv, const int32_t *slot, const int32_t *place, int n,
                        int context, int c, int h)
{
	const struct kernels *k = t->kernels;
	float *out = k->alloc(t->dev, c * sizeof *out);

	if (!out)
		abort();
	for (int r = 0; r < n; r++) {
		k->attention_cached(t->dev, out, ck, cv, qkv + (size_t)r * 3 * c, slot + r,
		                    place + r, 1, context, c, h);
		float *row = trial_read(t, out, c);
		trial_expect(t, memcmp(row, whole + (size_t)r * c, c * sizeof *row) == 0,
		             "row %d alone has other bits", r);
		free(row);
	}
	k->free(t->dev, out);
}

static void cached_call(struct trial *t, int c, int h, int context, int call,
                        struct caches *caches)
{
	const struct kernels *k = t->kernels;
	const int32_t *slots = cached_calls[call][0], *places = cached_calls[call][1];
	size_t floats = caches->slot;
	int n = 0;

	while (slots[n] >= 0)
		n++;
	trial_case(t, "c %d h %d context %d, call %d", c, h, context, call);
	struct buffer *out = trial_output(t, "out", (size_t)n * c, attention_bound(t, 1e-5));
	struct buffer *ck = trial_sum(t, "cache_k", SLOTS * floats, (struct bound){INFINITY, 1});
	struct buffer *cv = trial_sum(t, "cache_v", SLOTS * floats, (struct bound){INFINITY, 1});
	struct buffer *qkv = trial_input(t, "qkv", (size_t)n * 3 * c, 1);
	struct buffer *slot = trial_indices(t, "slot", n, 1);
	struct buffer *place = trial_indices(t, "place", n, 1);
	for (size_t i = 0; i < SLOTS * floats; i++) {
		ck->value[i] = caches->device[0][i];
		cv->value[i] = caches->device[1][i];
	}
	memcpy(slot->index, slots, n * sizeof *slots);
	memcpy(place->index, places, n * sizeof *places);
	trial_send(t);
	k->attention_cached(t->dev, out->at, ck->at, cv->at, qkv->at, (int32_t *)slot->at,
	                    (int32_t *)place->at, n, context, c, h);
	ref_attention_cached(out->want, caches->reference[0], caches->reference[1], qkv->value,
	                     slot->index, place->index, n, context, c, h);

	float *whole = trial_read(t, out->at, (size_t)n * c);
	for (int i = 0; i < 2; i++) { /* kept for the next call, and back to before this one */
		const struct buffer *cache = i == 0 ? ck : cv;
		keep_cache(t, slot, cache->at, caches->device[i], floats);
		k->upload(t->dev, cache->at, cache->image + cache->lead,
		          cache->count * sizeof *cache->image);
	}
	cached_rows(t, whole, ck->at, cv->at, qkv->at, (int32_t *)slot->at, (int32_t *)place->at,
	            n, context, c, h);
	free(whole);
	trial_judge(t);
}

void check_attention_cached(struct trial *t)
{
	static const int contexts[] = {8, 9, 33};

	for (int i = 0; i < 3 * COUNT(head_widths); i++) {
		int d = head_widths[i / 3], h = i % 3 + 1, context = contexts[i % 3];
		struct caches caches = new_caches((size_t)context * d * h);
		for (int call = 0; call < COUNT(cached_calls); call++)
			cached_call(t, d * h, h, context, call, &caches);
		free_caches(&caches);
	}
}

/* ---- what is not a number ---- */

void nan_attention(struct trial *t, int d, int h, int column, uint32_t pattern)
{
	const struct kernels *k = t->kernels;
	const struct dropout none = {0, 0, 0};
	int c = d * h, n = 115;
	float *qkv = spoiled(t, n, 3 * c, 40, column, pattern);
	float *out = spoiled(t, n, c, 0, 0, 0), *lse = spoiled(t, n, h, 0, 0, 0);

	k->attention(t->dev, out, lse, qkv, &packs[1], c, h, &none);
	expect_spoiled(t, "attention", out, n, c, 40, 34);
	k->free(t->dev, qkv);
	k->free(t->dev, out);
	k->free(t->dev, lse);
}
