#include "kernels/cpu/level/gemm.h"

#include <string.h>

#include "kernels/cpu/bf16.h"
#include "kernels/cpu/level/turn.h"
#include "kernels/cpu/level/vector.h"

#define ROWS GEMM_ROWS
#define COLUMNS (2 * VECTOR_LANES)

#define DEPTH 256 /* of a panel of b: 16 KiB of the first cache with vectors of eight */
#define ROW_BLOCK 96 /* rows of a, DEPTH deep, in the second cache; a multiple of every ROWS */
#define COLUMN_BLOCK 1024 /* columns of b that are copied at a time */
#define FEW_ROWS 12 /* of a, for which copying b costs more than it saves */

#define INLINED static inline __attribute__((always_inline))

/* What a tile begins with, and where it goes; last: columns of its last vector. */
struct place {
	float *c;
	const float *start, *bias;
	ptrdiff_t c_row, start_row;
	int last;
};

INLINED vector load_columns(const float *from, int count)
{
	return count == VECTOR_LANES ? vector_load(from) : vector_load_first(from, count);
}

/* rows and vectors are constants where it is inlined, so that sums live in registers. */
INLINED void tile(int rows, int vectors, int k, const float *a, ptrdiff_t a_row, ptrdiff_t a_col,
                  const float *b, ptrdiff_t b_row, const struct place *at)
{
	vector sum[ROWS][2];

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++) {
			const int columns = j == vectors - 1 ? at->last : VECTOR_LANES;
			sum[i][j] = vector_all(0);
			if (at->start)
				sum[i][j] = load_columns(at->start + i * at->start_row + j * VECTOR_LANES,
				                         columns);
			if (at->bias)
				sum[i][j] += load_columns(at->bias + j * VECTOR_LANES, columns);
		}
	for (int p = 0; p < k; p++) {
		vector bp[2];
		for (int j = 0; j < vectors; j++)
			bp[j] = vector_load(b + p * b_row + j * VECTOR_LANES);
		for (int i = 0; i < rows; i++) {
			const vector ap = vector_all(a[i * a_row + p * a_col]);
			for (int j = 0; j < vectors; j++)
				sum[i][j] = vector_madd(ap, bp[j], sum[i][j]);
		}
	}
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++) {
			float *to = at->c + i * at->c_row + j * VECTOR_LANES;
			if (j < vectors - 1 || at->last == VECTOR_LANES)
				vector_store(to, sum[i][j]);
			else
				vector_store_first(to, sum[i][j], at->last);
		}
}

INLINED void tile_of_rows(int rows, int vectors, int k, const float *a, ptrdiff_t a_row,
                          ptrdiff_t a_col, const float *b, ptrdiff_t b_row,
                          const struct place *at)
{
	/* a row or a column of a is dense: its stride is a constant */
	if (a_row == 1)
		tile(rows, vectors, k, a, 1, a_col, b, b_row, at);
	else
		tile(rows, vectors, k, a, a_row, 1, b, b_row, at);
}

static void any_tile(int rows, int vectors, int k, const float *a, ptrdiff_t a_row,
                     ptrdiff_t a_col, const float *b, ptrdiff_t b_row, const struct place *at)
{
	switch (2 * rows + vectors) {
#define CASE(r)                                                                 \
	case 2 * (r) + 1: tile_of_rows(r, 1, k, a, a_row, a_col, b, b_row, at); break; \
	case 2 * (r) + 2: tile_of_rows(r, 2, k, a, a_row, a_col, b, b_row, at); break;
	CASE(1)
	CASE(2)
	CASE(3)
	CASE(4)
#if ROWS > 4
	CASE(5)
	CASE(6)
#endif
#if ROWS > 6
	CASE(7)
	CASE(8)
#endif
#undef CASE
	}
}

/* The part of c that begins at row i and column j, and what it begins with. first: of the sum
 * over p; else c holds what there is of it so far. */
static struct place place_of(const struct gemm *g, int i, int j, bool first)
{
	float *c = g->c + i * g->c_row + j;

	return (struct place){
		.c = c,
		.c_row = g->c_row,
		.start = !first ? c : g->start ? g->start + i * g->start_row + j : NULL,
		.start_row = first ? g->start_row : g->c_row,
		.bias = first && g->bias ? g->bias + j : NULL,
	};
}

/* m rows by a panel of columns, at most COLUMNS. a_tile: from one tile's a to the next's. */
static void panel_rows(int m, int columns, int k, const float *a, ptrdiff_t a_tile,
                       ptrdiff_t a_row, ptrdiff_t a_col, const float *b, ptrdiff_t b_row,
                       struct place at)
{
	const int vectors = columns > VECTOR_LANES ? 2 : 1;

	at.last = columns - (vectors - 1) * VECTOR_LANES;
	for (int i = 0; i < m; i += ROWS) {
		if (m - i >= ROWS)
			any_tile(ROWS, vectors, k, a, a_row, a_col, b, b_row, &at);
		else
			any_tile(m - i, vectors, k, a, a_row, a_col, b, b_row, &at);
		a += a_tile;
		at.c += ROWS * at.c_row;
		if (at.start)
			at.start += ROWS * at.start_row;
	}
}

void gemm_cached(const struct gemm *g)
{
	for (int j = 0; j < g->n; j += COLUMNS) {
		const int columns = g->n - j < COLUMNS ? g->n - j : COLUMNS;
		panel_rows(g->m, columns, g->k, g->a, ROWS * g->a_row, g->a_row, g->a_col, g->b + j,
		           g->b_row, place_of(g, 0, j, true));
	}
}

/* ---- panels ---- */

/* panel[k][COLUMNS] = rows first … first+k-1 of b, columns j … j+columns-1; 0 beyond them. */
static void copy_panel(float *panel, const struct gemm *g, int first, int k, int j, int columns)
{
	const float *b = g->b + first * g->b_row + j * g->b_col;

	if (columns < COLUMNS)
		memset(panel, 0, (size_t)k * COLUMNS * sizeof *panel);
	if (g->b_col != 1) {
		turn(panel, COLUMNS, b, g->b_col, columns, k, 1.0f);
		return;
	}
	for (int p = 0; p < k; p++, b += g->b_row, panel += COLUMNS) {
		if (columns == COLUMNS) {
			vector_store(panel, vector_load(b));
			vector_store(panel + VECTOR_LANES, vector_load(b + VECTOR_LANES));
		} else {
			memcpy(panel, b, (size_t)columns * sizeof *b);
		}
	}
}

/* Tiles [k][ROWS] of a, whose columns are dense: m rows from row i on. to has room for ROWS
 * floats more. */
static void copy_tiles(float *to, const struct gemm *g, int i, int m, int first, int k)
{
	for (int r = 0; r < m; r += ROWS) {
		const float *a = g->a + i + r + first * g->a_col;
		if (m - r < ROWS) {
			for (int p = 0; p < k; p++, a += g->a_col, to += ROWS)
				memcpy(to, a, (size_t)(m - r) * sizeof *a);
			continue;
		}
		for (int p = 0; p < k; p++, a += g->a_col, to += ROWS)
			memcpy(to, a, ROWS * sizeof *a);
	}
}

/* Depth first … first+k-1 of columns j … j+n-1. */
static void block(const struct gemm *g, int first, int k, int j, int n, float *panels,
                  float *tiles)
{
	const bool turned = g->a_row == 1 && g->a_col != 1;

	for (int p = 0; p < n; p += COLUMNS)
		copy_panel(panels + (ptrdiff_t)p * k, g, first, k, j + p,
		           n - p < COLUMNS ? n - p : COLUMNS);
	for (int i = 0; i < g->m; i += ROW_BLOCK) {
		const int rows = g->m - i < ROW_BLOCK ? g->m - i : ROW_BLOCK;
		const float *a = g->a + i * g->a_row + first * g->a_col;

		if (turned)
			copy_tiles(tiles, g, i, rows, first, k);
		for (int p = 0; p < n; p += COLUMNS) {
			const struct place at = place_of(g, i, j + p, first == 0);
			const int columns = n - p < COLUMNS ? n - p : COLUMNS;
			const float *panel = panels + (ptrdiff_t)p * k;
			if (turned)
				panel_rows(rows, columns, k, tiles, (ptrdiff_t)ROWS * k, 1, ROWS, panel,
				           COLUMNS, at);
			else
				panel_rows(rows, columns, k, a, ROWS * g->a_row, g->a_row, g->a_col, panel,
				           COLUMNS, at);
		}
	}
}

void gemm_panels(struct device *dev, const struct gemm *g)
{
	const int depth = g->k < DEPTH ? g->k : DEPTH;
	const int columns = round_up(g->n < COLUMN_BLOCK ? g->n : COLUMN_BLOCK, COLUMNS);
	const size_t panels = (size_t)depth * columns, tiles = (size_t)depth * ROW_BLOCK;

	if (g->m < FEW_ROWS && g->b_col == 1 && g->n % VECTOR_LANES == 0) {
		gemm_cached(g);
		return;
	}
	float *room = cpu_panels(dev, (panels + tiles) * sizeof *room);
	for (int j = 0; j < g->n; j += COLUMN_BLOCK)
		for (int first = 0; first < g->k; first += DEPTH)
			block(g, first, g->k - first < DEPTH ? g->k - first : DEPTH, j,
			      g->n - j < COLUMN_BLOCK ? g->n - j : COLUMN_BLOCK, room, room + panels);
}

/* ---- dense operands ---- */

void product_f32(struct device *dev, bool transpose_a, bool transpose_b, int m, int n, int k,
                 const float *a, const float *b, bool accumulate, float *c)
{
	gemm_panels(dev, &(struct gemm){
		.m = m, .n = n, .k = k,
		.a = a, .a_row = transpose_a ? 1 : k, .a_col = transpose_a ? m : 1,
		.b = b, .b_row = transpose_b ? 1 : n, .b_col = transpose_b ? k : 1,
		.c = c, .c_row = n,
		.start = accumulate ? c : NULL, .start_row = n,
	});
}

void product(struct device *dev, bool transpose_a, bool transpose_b, int m, int n, int k,
             const float *a, const float *b, bool accumulate, float *c)
{
	if (dev->bf16 && bf16_product(dev->bf16, transpose_a, transpose_b, m, n, k, a, b,
	                              accumulate ? 1.0f : 0.0f, c))
		return;
	product_f32(dev, transpose_a, transpose_b, m, n, k, a, b, accumulate, c);
}
