/* A plain product in float32: each element is summed up over k from 0 on by one thread, one
 * fused multiplication and addition after another, so that its bits depend on nothing but its
 * row and column: not on the tile that it is in, nor on what size of tile that is.
 *
 * A block makes a tile of the result. Tiles of its operands, some depths at a time, stand in
 * shared memory, by depth; while one is worked on, the next is on its way into registers. */
#include "kernels/cuda/half.cuh"

#define COLS 4 /* of a thread */
#define AT_ONCE 8 /* depths: there are so many, or twice as many …; zeros where k ends */
#define WIDE_LEAST 96 /* tiles from which on wide ones are enough for a GPU */

/* One of the operands, x of op(x)[rows,k]. by_depth: it stands as [k,rows]. */
struct operand {
	struct values x;
	int rows, k, pitch;
	bool by_depth;
};

struct matmul {
	struct operand a, b; /* b's rows are columns of the result */
	struct values c;
	const float *add, *bias;
	int m, n, k;
	enum dtype dtype; /* that operands are rounded to */
	bool whole; /* fours of c are one access each, as are those of add and bias */
};

/* How an operand is read, as far as that is known when a kernel is compiled: by fours of
 * floats, or of 16-bit numbers, one access each and not rounded; or anyhow, number by number,
 * and then nothing is on its way meanwhile. */
enum how { ANYHOW, FLOATS, HALVES };

/* Of a tile's fours, where in the tile number i begins. Where a row's depths stand side by
 * side, a warp takes 16 of them from each of eight rows: of more, the fours would meet in the
 * same banks of shared memory, by depth. */
DEVICE int row_in_tile(bool by_depth, int i, const int rows)
{
	return by_depth ? i % (rows / 4) * 4 : i / 4 % rows;
}

DEVICE int depth_in_tile(bool by_depth, int i, const int rows)
{
	return by_depth ? i / (rows / 4) : i % 4 * 4 + i / (4 * rows) * 16;
}

DEVICE size_t place_of(const struct operand *of, int row, int k)
{
	return of->by_depth ? (size_t)k * of->pitch + row : (size_t)row * of->pitch + k;
}

/* A tile of rows first … against depths k0 …, into registers: a thread's share of it. */
DEVICE void take_tile(struct raw taken[], const struct operand *of, int first, int k0,
                      const int rows, const int depth, const int threads, const enum how how)
{
	const struct raw nothing = {{0, 0, 0, 0}};

	UNROLL
	for (int i = 0; how != ANYHOW && i < rows * depth / 4 / threads; i++) {
		const int number = (int)threadIdx.x + i * threads;
		const int row = first + row_in_tile(of->by_depth, number, rows);
		const int k = k0 + depth_in_tile(of->by_depth, number, rows);
		const size_t at = place_of(of, row, k);
		taken[i] = nothing;
		if (row < of->rows && k < of->k)
			taken[i] = how == FLOATS ? raw_floats((const float *)of->x.at, at, 4, true)
			                         : raw_halves((const uint16_t *)of->x.at, at, 4, true);
	}
}

/* And from there into shared memory, to[depth][rows + 4]. */
DEVICE void put_taken(float *to, const struct raw taken[], const struct operand *of,
                      const int rows, const int depth, const int threads, const enum how how)
{
	UNROLL
	for (int i = 0; i < rows * depth / 4 / threads; i++) {
		const int number = (int)threadIdx.x + i * threads;
		const int at = depth_in_tile(of->by_depth, number, rows) * (rows + 4) +
		               row_in_tile(of->by_depth, number, rows);
		float four[4];
		read_four(four, &taken[i], how == FLOATS ? DTYPE_F32 : of->x.dtype);
		if (of->by_depth) {
			put_floats(to, (size_t)at, four);
			continue;
		}
		UNROLL
		for (int j = 0; j < 4; j++)
			to[at + j * (rows + 4)] = four[j];
	}
}

/* The same, all at once. */
DEVICE void put_anyhow(float *to, const struct operand *of, enum dtype dtype, int first, int k0,
                       const int rows, const int depth, const int threads)
{
	for (int i = (int)threadIdx.x; i < rows * depth; i += threads) {
		const int row = of->by_depth ? i % rows : i / depth;
		const int k = of->by_depth ? i / rows : i % depth;
		const bool inside = first + row < of->rows && k0 + k < of->k;
		to[k * (rows + 4) + row] =
			inside ? rounded_to(dtype, value_at(of->x, place_of(of, first + row, k0 + k)))
			       : 0.0f;
	}
}

DEVICE void put_tile(float *to, const struct raw taken[], const struct operand *of,
                     enum dtype dtype, int first, int k0, const int rows, const int depth,
                     const int threads, const enum how how)
{
	if (how == ANYHOW)
		put_anyhow(to, of, dtype, first, k0, rows, depth, threads);
	else
		put_taken(to, taken, of, rows, depth, threads, how);
}

/* sum[rows][COLS] += the depths of two tiles, for this thread's rows, and its columns. */
DEVICE void add_tiles(float sum[][COLS], const float *left, const float *right, int depths,
                      const int rows, const int pitch_left, const int pitch_right)
{
	for (int k0 = 0; k0 < depths; k0 += AT_ONCE)
		UNROLL
		for (int k = k0; k < k0 + AT_ONCE; k++) {
			float r[COLS];
			take_floats(r, right + k * pitch_right, 0, COLS, true);
			UNROLL
			for (int i = 0; i < rows; i++) {
				const float l = left[k * pitch_left + i];
				UNROLL
				for (int j = 0; j < COLS; j++)
					sum[i][j] = multiply_add(l, r[j], sum[i][j]);
			}
		}
}

/* The results of this thread's rows from `row` on, in its columns from col on. */
DEVICE void put_sums(const struct matmul *a, float sum[][COLS], int row, int col, const int rows)
{
	const size_t left = (size_t)(a->n - col);
	float bias[COLS] = {0}, add[COLS] = {0};

	if (col >= a->n)
		return;
	if (a->bias)
		take_floats(bias, a->bias, (size_t)col, left, a->whole);
	UNROLL
	for (int i = 0; i < rows; i++) {
		const size_t at = (size_t)(row + i) * a->n + col;
		if (row + i >= a->m)
			continue;
		if (a->add)
			take_floats(add, a->add, at, left, a->whole);
		UNROLL
		for (int j = 0; j < COLS; j++)
			sum[i][j] = add[j] + (sum[i][j] + bias[j]);
		put_four(a->c, at, left, a->whole, sum[i]);
	}
}

#define ROWS_MAX 8 /* of a thread */
#define TAKEN_MAX 4 /* fours of a thread, of a tile */

/* shared: [2][depth][tile_m + 4 + tile_n + 4], for the tiles at hand and the next ones. */
DEVICE void product_tile(const struct matmul *a, float *shared, const int tile_m, const int tile_n,
                         const int depth, const int rows, const enum how how_a,
                         const enum how how_b)
{
	const int threads = tile_m / rows * (tile_n / COLS);
	const int pitch_m = tile_m + 4, pitch_n = tile_n + 4, room = depth * (pitch_m + pitch_n);
	const int row0 = (int)blockIdx.x * tile_m, col0 = (int)blockIdx.y * tile_n;
	const int x = (int)threadIdx.x % (tile_n / COLS) * COLS;
	const int y = (int)threadIdx.x / (tile_n / COLS) * rows;
	struct raw left[TAKEN_MAX], right[TAKEN_MAX];
	float sum[ROWS_MAX][COLS] = {{0}};

	take_tile(left, &a->a, row0, 0, tile_m, depth, threads, how_a);
	take_tile(right, &a->b, col0, 0, tile_n, depth, threads, how_b);
	for (int k0 = 0, turn = 0; k0 < a->k; k0 += depth, turn = !turn) {
		float *held_m = shared + turn * room, *held_n = held_m + depth * pitch_m;
		put_tile(held_m, left, &a->a, a->dtype, row0, k0, tile_m, depth, threads, how_a);
		put_tile(held_n, right, &a->b, a->dtype, col0, k0, tile_n, depth, threads, how_b);
		__syncthreads();
		if (k0 + depth < a->k) {
			take_tile(left, &a->a, row0, k0 + depth, tile_m, depth, threads, how_a);
			take_tile(right, &a->b, col0, k0 + depth, tile_n, depth, threads, how_b);
		}
		add_tiles(sum, held_m + y, held_n + x, a->k - k0 < depth ? a->k - k0 : depth, rows,
		          pitch_m, pitch_n);
	}
	put_sums(a, sum, row0 + y, col0 + x, rows);
}

/* Of wide tiles each number that is read is used more often; of narrow ones there are more,
 * where the result is small, and they take more depths at a time. */
#define WIDE_M 128
#define WIDE_N 64
#define WIDE_DEPTH 16
#define WIDE_ROWS 8
#define NARROW_M 32
#define NARROW_N 32
#define NARROW_DEPTH 64
#define NARROW_ROWS 2

#define PRODUCT(name, size, how_a, how_b)                                               \
	struct name {                                                                   \
		struct matmul of;                                                       \
	};                                                                              \
	KERNEL(name)                                                                    \
	{                                                                               \
		SHARED(shared);                                                         \
		product_tile(&a.of, shared, size##_M, size##_N, size##_DEPTH, size##_ROWS, \
		             how_a, how_b);                                             \
	}
PRODUCT(wide_floats, WIDE, FLOATS, FLOATS)
PRODUCT(wide_halves, WIDE, HALVES, FLOATS)
PRODUCT(wide_anyhow, WIDE, ANYHOW, ANYHOW)
PRODUCT(narrow_floats, NARROW, FLOATS, FLOATS)
PRODUCT(narrow_halves, NARROW, HALVES, FLOATS)
PRODUCT(narrow_anyhow, NARROW, ANYHOW, ANYHOW)

static struct operand operand_of(const struct matrix *x, bool by_depth, int rows, int k)
{
	const struct operand made = {
		.x = values_of(x->at, x->dtype), .rows = rows, .k = k, .pitch = x->pitch,
		.by_depth = by_depth,
	};

	return made;
}

static bool by_fours(const struct operand *of)
{
	return (of->by_depth ? of->rows : of->k) % 4 == 0 &&
	       in_fours(of->x.at, of->x.dtype, (size_t)of->pitch);
}

#define LAUNCH_PRODUCT(name, size)                                                      \
	do {                                                                            \
		const struct name args = {a};                                           \
		LAUNCH(dev, name, divide_up(p->m, size##_M), divide_up(p->n, size##_N), \
		       size##_M / size##_ROWS * (size##_N / COLS),                      \
		       2 * size##_DEPTH * (size##_M + 4 + size##_N + 4) * sizeof(float), args); \
	} while (0)

void cuda_matmul(struct device *dev, enum dtype dtype, const struct product *p)
{
	const struct matmul a = {
		.a = operand_of(&p->a, p->transpose_a, p->m, p->k),
		.b = operand_of(&p->b, !p->transpose_b, p->n, p->k),
		.c = values_of(p->c, p->c_dtype), .add = p->add, .bias = p->bias, .m = p->m, .n = p->n,
		.k = p->k, .dtype = dtype,
		.whole = in_fours(p->c, p->c_dtype, (size_t)p->n) &&
		         in_fours(p->add, DTYPE_F32, (size_t)p->n) &&
		         in_fours(p->bias, DTYPE_F32, (size_t)p->n),
	};
	const bool wide = (size_t)divide_up(p->m, WIDE_M) * divide_up(p->n, WIDE_N) >= WIDE_LEAST;
	const bool anyhow = !by_fours(&a.a) || !by_fours(&a.b) || p->b.dtype != DTYPE_F32 ||
	                    dtype != DTYPE_F32;
	const bool floats = p->a.dtype == DTYPE_F32;

	if (wide && anyhow)
		LAUNCH_PRODUCT(wide_anyhow, WIDE);
	else if (wide && floats)
		LAUNCH_PRODUCT(wide_floats, WIDE);
	else if (wide)
		LAUNCH_PRODUCT(wide_halves, WIDE);
	else if (anyhow)
		LAUNCH_PRODUCT(narrow_anyhow, NARROW);
	else if (floats)
		LAUNCH_PRODUCT(narrow_floats, NARROW);
	else
		LAUNCH_PRODUCT(narrow_halves, NARROW);
}
