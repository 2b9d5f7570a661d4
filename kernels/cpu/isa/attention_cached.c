/* Attention over a key-value cache: of one new row against all that a slot holds, or of several
 * rows of a slot that come side by side, as those of a prompt do. Both sum in the order of
 * op_attention(), so that a row has the same bits whatever comes with it.
 *
 * A slot is [h][t d]. Its keys, times 1 / √d, stand in blocks of BLOCK positions, turned:
 * [d][positions], so that scores are vectors along positions; the last block is as wide as what
 * is left of t. Its values are [t][d]. What is in use of a head lies together: it is read once for
 * each new row, mostly from a cache that is far away. */
#include "kernels/cpu/isa/gemm.h"
#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/softmax.h"
#include "kernels/cpu/isa/transpose.h"

#define SUMS 8 /* vectors of sums side by side: as many as do not wait for one another */
#define BLOCK (SUMS * VECTOR_LANES)
#define STRIP (2 * GEMM_ROWS) /* rows at a time */
#define FEW_ROWS 4 /* for which a product of matrices does not pay */

#define INLINED static inline __attribute__((always_inline))

struct shape {
	int t, c, h, d;
};

/* The keys and values of one slot. */
struct slot {
	float *keys, *values;
};

/* Positions of the block that begins at first. */
static int block_width(const struct shape *shape, int first)
{
	return least(BLOCK, shape->t - first);
}

/* Where column 0 of a head's key at place stands; *step: from there to the next column. */
static float *key_at(const struct shape *shape, const struct slot *slot, int head, int place,
                     ptrdiff_t *step)
{
	const int first = place / BLOCK * BLOCK;

	*step = block_width(shape, first);
	return slot->keys + ((ptrdiff_t)head * shape->t + first) * shape->d + (place - first);
}

static float *values_of(const struct shape *shape, const struct slot *slot, int head)
{
	return slot->values + (ptrdiff_t)head * shape->t * shape->d;
}

static void store(const struct shape *shape, const struct slot *slot, int place, const float *k,
                  const float *v)
{
	const int d = shape->d;
	const float scale = 1.0f / __builtin_sqrtf((float)d);

	for (int head = 0; head < shape->h; head++, k += d, v += d) {
		ptrdiff_t step;
		float *key = key_at(shape, slot, head, place, &step);
		for (int j = 0; j < d; j++)
			key[j * step] = scale * k[j];
		memcpy(values_of(shape, slot, head) + (ptrdiff_t)place * d, v, (size_t)d * sizeof *v);
	}
}

/* What store() will write to is to come near by then. */
static void announce(const struct shape *shape, const struct slot *slot, int place)
{
	for (int head = 0; head < shape->h; head++) {
		ptrdiff_t step;
		const float *key = key_at(shape, slot, head, place, &step);
		for (int j = 0; j < shape->d; j++)
			__builtin_prefetch(key + j * step, 1);
	}
}

/* ---- one row ---- */

/* The first lanes of a vector, all of them or as many as there are. */
INLINED vector load_lanes(const float *from, int lanes)
{
	return lanes >= VECTOR_LANES ? vector_load(from) : vector_load_first(from, lanes);
}

/* s[vectors] = q · keys; last: keys that there are of the last vector's. */
INLINED void scores_of(int vectors, const float *q, const float *keys, ptrdiff_t step, int d,
                       int last, float *s)
{
	vector sum[SUMS];

	for (int i = 0; i < vectors; i++)
		sum[i] = vector_all(0);
	for (int j = 0; j < d; j++, keys += step) {
		const vector qj = vector_all(q[j]);
		for (int i = 0; i < vectors; i++)
			sum[i] = vector_madd(qj, load_lanes(keys + i * VECTOR_LANES,
			                                    i < vectors - 1 ? VECTOR_LANES : last), sum[i]);
	}
	for (int i = 0; i < vectors; i++)
		vector_store(s + i * VECTOR_LANES, sum[i]);
}

/* The same of a block's first count keys, of which there are width. */
static void block_scores(const float *q, const float *keys, int width, int d, int count, float *s)
{
	const int vectors = (count + VECTOR_LANES - 1) / VECTOR_LANES;

	if (vectors * VECTOR_LANES > width) {
		const int whole = width / VECTOR_LANES * VECTOR_LANES;
		scores_of(1, q, keys + whole, width, d, width - whole, s + whole);
		count = whole;
	}
	switch ((count + VECTOR_LANES - 1) / VECTOR_LANES) {
#define CASE(n) case n: scores_of(n, q, keys, width, d, VECTOR_LANES, s); break;
	CASE(1)
	CASE(2)
	CASE(3)
	CASE(4)
	CASE(5)
	CASE(6)
	CASE(7)
	CASE(8)
#undef CASE
	}
}

/* out = Σ e[p] values[p] / sum, of heads e_step, head_step and d apart, and of columns that
 * fill so many vectors; last: columns of the last one. */
INLINED void weigh(int heads, int vectors, const float *e, ptrdiff_t e_step, const float *values,
                   ptrdiff_t head_step, int d, int end, int last, const float *sum, float *out)
{
	vector sums[SUMS];

	for (int i = 0; i < heads * vectors; i++)
		sums[i] = vector_all(0);
	for (int p = 0; p < end; p++, values += d)
		for (int g = 0; g < heads; g++) {
			const vector ep = vector_all(e[g * e_step + p]);
			for (int i = 0; i < vectors; i++)
				sums[g * vectors + i] =
					vector_madd(ep, load_lanes(values + g * head_step + i * VECTOR_LANES,
					                           i < vectors - 1 ? VECTOR_LANES : last),
					            sums[g * vectors + i]);
		}
	for (int g = 0; g < heads; g++) {
		const vector inverse = vector_all(1.0f / sum[g]);
		for (int i = 0; i < vectors; i++) {
			float *to = out + g * d + i * VECTOR_LANES;
			const vector weighed = sums[g * vectors + i] * inverse;
			if (i < vectors - 1 || last >= VECTOR_LANES)
				vector_store(to, weighed);
			else
				vector_store_first(to, weighed, last);
		}
	}
}

/* One head, SUMS vectors of its columns at a time. */
static void weigh_head(const float *e, const float *values, int d, int end, const float *sum,
                       float *out)
{
	int j = 0;

	for (; j + SUMS * VECTOR_LANES <= d; j += SUMS * VECTOR_LANES)
		weigh(1, SUMS, e, 0, values + j, 0, d, end, VECTOR_LANES, sum, out + j);
	for (; j + 4 * VECTOR_LANES <= d; j += 4 * VECTOR_LANES)
		weigh(1, 4, e, 0, values + j, 0, d, end, VECTOR_LANES, sum, out + j);
	for (; j + VECTOR_LANES <= d; j += VECTOR_LANES)
		weigh(1, 1, e, 0, values + j, 0, d, end, VECTOR_LANES, sum, out + j);
	if (j < d)
		weigh(1, 1, e, 0, values + j, 0, d, end, d - j, sum, out + j);
}

/* All heads, as many at a time as have SUMS vectors of columns together. */
static void weigh_heads(const struct shape *shape, const struct slot *slot, const float *e,
                        ptrdiff_t e_step, int end, const float *sum, float *out)
{
	const int d = shape->d;
	const ptrdiff_t head_step = (ptrdiff_t)shape->t * d;
	const int together = d == 2 * VECTOR_LANES ? 4 : d == 4 * VECTOR_LANES ? 2 : 1;
	int head = 0;

	for (; together > 1 && head + together <= shape->h; head += together) {
		const float *values = values_of(shape, slot, head);
		if (together == 4)
			weigh(4, 2, e + head * e_step, e_step, values, head_step, d, end, VECTOR_LANES,
			      sum + head, out + head * d);
		else
			weigh(2, 4, e + head * e_step, e_step, values, head_step, d, end, VECTOR_LANES,
			      sum + head, out + head * d);
	}
	for (; head < shape->h; head++)
		weigh_head(e + head * e_step, values_of(shape, slot, head), d, end, sum + head,
		           out + head * d);
}

/* scratch: [h] sums, [h][padded] scores */
static void attend_one(const struct shape *shape, const struct slot *slot, const float *q,
                       int place, float *out, float *scratch)
{
	const int end = place + 1, padded = round_up(shape->t, VECTOR_LANES);
	float *sum = scratch, *scores = scratch + shape->h;

	for (int head = 0; head < shape->h; head++) {
		float *s = scores + (ptrdiff_t)head * padded;
		for (int first = 0; first < end; first += BLOCK) {
			ptrdiff_t step;
			const float *keys = key_at(shape, slot, head, first, &step);
			block_scores(q + head * shape->d, keys, (int)step, shape->d,
			             least(BLOCK, end - first), s + first);
		}
		softmax_row(s, end, &sum[head]);
	}
	weigh_heads(shape, slot, scores, padded, end, sum, out);
}

/* ---- rows side by side ---- */

/* Scores [rows][padded] of a strip whose rows of q stand step apart. tail: room for a block. */
static void strip_scores(const struct shape *shape, const struct slot *slot, int head,
                         const float *q, ptrdiff_t step, int rows, int end, float *scores,
                         float *tail)
{
	const int padded = round_up(shape->t, VECTOR_LANES);

	for (int first = 0; first < end; first += BLOCK) {
		ptrdiff_t width;
		const float *keys = key_at(shape, slot, head, first, &width);
		if (width % VECTOR_LANES) { /* the last block: whole vectors would end behind it */
			const int wide = round_up((int)width, VECTOR_LANES);
			for (int j = 0; j < shape->d; j++)
				memcpy(tail + j * wide, keys + j * width, (size_t)width * sizeof *keys);
			keys = tail;
			width = wide;
		}
		gemm_cached(&(struct gemm){
			.m = rows, .n = round_up(least(BLOCK, end - first), VECTOR_LANES), .k = shape->d,
			.a = q, .a_row = step, .a_col = 1,
			.b = keys, .b_row = width, .b_col = 1,
			.c = scores + first, .c_row = padded,
		});
	}
}

/* Columns of the copy of values that strips read, 0: none is needed. */
static int copied_columns(const struct shape *shape)
{
	return shape->d % VECTOR_LANES ? round_up(shape->d, VECTOR_LANES) : 0;
}

/* Floats of scratch: for a strip and for a single row. */
static size_t scratch_room(const struct shape *shape)
{
	const size_t padded = (size_t)round_up(shape->t, VECTOR_LANES), d = (size_t)shape->d;
	const size_t strip = STRIP * padded + (size_t)shape->t * copied_columns(shape) + d * BLOCK;
	const size_t one = (size_t)shape->h * (1 + padded);

	return strip > one ? strip : one;
}

/* Rows of one head that follow one another from place on. */
static void attend_strips(const struct shape *shape, const struct slot *slot, int head,
                          const float *q, int place, int rows, float *out, float *scratch)
{
	const int padded = round_up(shape->t, VECTOR_LANES), d = shape->d, c = shape->c;
	const int columns = copied_columns(shape);
	float *scores = scratch, *copy = scores + (ptrdiff_t)STRIP * padded,
	      *tail = copy + (ptrdiff_t)shape->t * columns;
	const float *values = values_of(shape, slot, head);

	for (int p = 0; columns > 0 && p < place + rows; p++)
		memcpy(copy + (ptrdiff_t)p * columns, values + (ptrdiff_t)p * d,
		       (size_t)d * sizeof *values);
	for (int done = 0; done < rows; done += STRIP) {
		const int some = least(STRIP, rows - done), first = place + done, end = first + some;
		float *o = out + (ptrdiff_t)done * c, sum[STRIP];

		strip_scores(shape, slot, head, q + (ptrdiff_t)done * 3 * c, 3 * (ptrdiff_t)c, some, end,
		             scores, tail);
		for (int r = 0; r < some; r++) {
			float *row = scores + (ptrdiff_t)r * padded;
			const int seen = first + r + 1, zero = round_up(seen, VECTOR_LANES);
			softmax_row(row, seen, &sum[r]);
			if (zero < end)
				memset(row + zero, 0, (size_t)(end - zero) * sizeof *row);
		}
		gemm_cached(&(struct gemm){
			.m = some, .n = d, .k = end,
			.a = scores, .a_row = padded, .a_col = 1,
			.b = columns > 0 ? copy : values, .b_row = columns > 0 ? columns : d, .b_col = 1,
			.c = o, .c_row = c,
		});
		for (int r = 0; r < some; r++) {
			const float inverse = 1.0f / sum[r];
#pragma omp simd
			for (int j = 0; j < d; j++)
				o[(ptrdiff_t)r * c + j] *= inverse;
		}
	}
}

/* ---- all rows ---- */

/* How many rows from r on are of one slot, each at the position after the one before. */
static int run_length(const int32_t *slot, const int32_t *place, int r, int n)
{
	int rows = 1;

	while (r + rows < n && slot[r + rows] == slot[r] && place[r + rows] == place[r] + rows)
		rows++;
	return rows;
}

static struct slot slot_at(const struct shape *shape, void *cache_k, void *cache_v, int32_t slot)
{
	const size_t first = (size_t)slot * (size_t)shape->t * (size_t)shape->c;

	return (struct slot){.keys = (float *)cache_k + first, .values = (float *)cache_v + first};
}

void op_cache_store(struct device *dev, void *cache_k, void *cache_v, const void *qkv_rows,
                    const int32_t *slot, const int32_t *place, int n, int t, int c, int h)
{
	const struct shape shape = {.t = t, .c = c, .h = h, .d = c / h};

	(void)dev;
	for (int r = 0; r < n; r++) {
		const struct slot at = slot_at(&shape, cache_k, cache_v, slot[r]);
		const float *k = (const float *)qkv_rows + (3 * (ptrdiff_t)r + 1) * c;
		store(&shape, &at, place[r], k, k + c);
	}
}

void op_attention_cached(struct device *dev, void *out_rows, void *cache_k, void *cache_v,
                         const void *qkv_rows, const int32_t *slot, const int32_t *place, int n,
                         int t, int c, int h)
{
	const struct shape shape = {.t = t, .c = c, .h = h, .d = c / h};
	float *scratch = cpu_scratch(dev, scratch_room(&shape) * sizeof *scratch);

	for (int r = 0, rows; r < n; r += rows) {
		const struct slot at = slot_at(&shape, cache_k, cache_v, slot[r]);
		const float *q = (const float *)qkv_rows + (ptrdiff_t)r * 3 * c;
		float *out = (float *)out_rows + (ptrdiff_t)r * c;

		rows = run_length(slot, place, r, n);
		for (int i = 0; i < rows; i++)
			store(&shape, &at, place[r] + i, q + (3 * (ptrdiff_t)i + 1) * c,
			      q + (3 * (ptrdiff_t)i + 2) * c);
		if (r + rows < n) {
			const struct slot next = slot_at(&shape, cache_k, cache_v, slot[r + rows]);
			announce(&shape, &next, place[r + rows]);
		}
		if (rows >= FEW_ROWS)
			for (int head = 0; head < h; head++)
				attend_strips(&shape, &at, head, q + head * shape.d, place[r], rows,
				              out + head * shape.d, scratch);
		else
			for (int i = 0; i < rows; i++)
				attend_one(&shape, &at, q + (ptrdiff_t)i * 3 * c, place[r] + i,
				           out + (ptrdiff_t)i * c, scratch);
	}
}
