#include "kernels/cpu/isa/gemm.h"

#include <string.h>

#include "kernels/cpu/bf16.h"
#include "kernels/cpu/isa/transpose.h"
#include "kernels/cpu/isa/vector.h"

#define ROWS GEMM_ROWS
#define COLUMNS (2 * VECTOR_LANES)

#define DEPTH 384 /* of a panel of b at most: 24 KiB of the first cache with vectors of eight */
#define ROW_BLOCK 192 /* rows of a, DEPTH deep, in the second cache */
#define COLUMN_BLOCK 1024 /* columns of b that are copied at a time */
#define GROUP 4 /* panels that are copied together */
#define LINE 16 /* floats of a line of the cache */
#define AHEAD 8 /* rows that are fetched before they are copied */
#define FEW_ROWS 12 /* of a, for which copying b costs more than it saves */

/* From one panel, or tile, of so much depth to the next, in floats: a line of the cache more than
 * it holds, so that those side by side have different places there. */
#define PANEL(k) ((ptrdiff_t)(k) * COLUMNS + 16)
#define TILE(k) ((ptrdiff_t)(k) * ROWS + 16)

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

/* What the tile's sums begin with. */
INLINED void begin(int rows, int vectors, vector sum[ROWS][2], const struct place *at)
{
	const bool whole = at->last == VECTOR_LANES;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < vectors; j++)
			sum[i][j] = vector_all(0);
	if (at->start)
		for (int i = 0; i < rows; i++) {
			const float *from = at->start + i * at->start_row;
			for (int j = 0; j < vectors - 1; j++)
				sum[i][j] = vector_load(from + j * VECTOR_LANES);
			from += (vectors - 1) * VECTOR_LANES;
			sum[i][vectors - 1] = whole ? vector_load(from) : vector_load_first(from, at->last);
		}
	if (at->bias)
		for (int j = 0; j < vectors; j++) {
			const float *from = at->bias + j * VECTOR_LANES;
			const vector bias = j < vectors - 1 || whole ? vector_load(from)
			                                             : vector_load_first(from, at->last);
			for (int i = 0; i < rows; i++)
				sum[i][j] += bias;
		}
}

INLINED void end(int rows, int vectors, vector sum[ROWS][2], const struct place *at)
{
	const bool whole = at->last == VECTOR_LANES;

	for (int i = 0; i < rows; i++) {
		float *to = at->c + i * at->c_row;
		for (int j = 0; j < vectors - 1; j++)
			vector_store(to + j * VECTOR_LANES, sum[i][j]);
		to += (vectors - 1) * VECTOR_LANES;
		if (whole)
			vector_store(to, sum[i][vectors - 1]);
		else
			vector_store_first(to, sum[i][vectors - 1], at->last);
	}
}

/* rows and vectors are constants where it is inlined, so that sums live in registers. */
INLINED void tile(int rows, int vectors, int k, const float *a, ptrdiff_t a_row, ptrdiff_t a_col,
                  const float *b, ptrdiff_t b_row, const struct place *at)
{
	vector sum[ROWS][2];

	begin(rows, vectors, sum, at);
#pragma GCC unroll 4
	for (int p = 0; p < k; p++) {
		vector bp[2];
		for (int j = 0; j < vectors; j++)
			bp[j] = vector_load(b + j * VECTOR_LANES);
		for (int i = 0; i < rows; i++) {
			const vector ap = vector_all(a[i * a_row]);
			for (int j = 0; j < vectors; j++)
				sum[i][j] = vector_madd(ap, bp[j], sum[i][j]);
		}
		a += a_col;
		b += b_row;
	}
	end(rows, vectors, sum, at);
}

/* A row or a column of a is dense: its stride is a constant. */
INLINED void tile_of_rows(int rows, int vectors, int k, const float *a, ptrdiff_t a_row,
                          ptrdiff_t a_col, const float *b, ptrdiff_t b_row,
                          const struct place *at)
{
	if (a_row == 1)
		tile(rows, vectors, k, a, 1, a_col, b, b_row, at);
	else
		tile(rows, vectors, k, a, a_row, 1, b, b_row, at);
}

/* Tiles of ROWS rows one below the other; a_tile: from one's a to the next's. */
INLINED void whole_tiles(int count, int vectors, int k, const float *a, ptrdiff_t a_tile,
                         ptrdiff_t a_row, ptrdiff_t a_col, const float *b, ptrdiff_t b_row,
                         struct place at)
{
	for (int t = 0; t < count; t++) {
		/* what the next one begins with, and where it goes, is on its way meanwhile */
		for (int i = 0; at.start && at.start != at.c && i < ROWS; i++)
			__builtin_prefetch(at.start + (ROWS + i) * at.start_row);
		for (int i = 0; i < ROWS; i++)
			__builtin_prefetch(at.c + (ROWS + i) * at.c_row, 1);
		tile(ROWS, vectors, k, a, a_row, a_col, b, b_row, &at);
		a += a_tile;
		at.c += ROWS * at.c_row;
		if (at.start)
			at.start += ROWS * at.start_row;
	}
}

/* The last tile, of fewer rows. */
static void last_tile(int rows, int vectors, int k, const float *a, ptrdiff_t a_row,
                      ptrdiff_t a_col, const float *b, ptrdiff_t b_row, const struct place *at)
{
	switch (2 * rows + vectors) {
#define CASE(r)                                                                 \
	case 2 * (r) + 1: tile_of_rows(r, 1, k, a, a_row, a_col, b, b_row, at); break; \
	case 2 * (r) + 2: tile_of_rows(r, 2, k, a, a_row, a_col, b, b_row, at); break;
	CASE(1)
	CASE(2)
	CASE(3)
#if ROWS > 4
	CASE(4)
	CASE(5)
#endif
#if ROWS > 6
	CASE(6)
	CASE(7)
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
	const int vectors = columns > VECTOR_LANES ? 2 : 1, count = m / ROWS, rest = m % ROWS;

	at.last = columns - (vectors - 1) * VECTOR_LANES;
	if (vectors == 2 && a_row == 1)
		whole_tiles(count, 2, k, a, a_tile, 1, a_col, b, b_row, at);
	else if (vectors == 2)
		whole_tiles(count, 2, k, a, a_tile, a_row, 1, b, b_row, at);
	else if (a_row == 1)
		whole_tiles(count, 1, k, a, a_tile, 1, a_col, b, b_row, at);
	else
		whole_tiles(count, 1, k, a, a_tile, a_row, 1, b, b_row, at);
	if (rest) {
		at.c += (ptrdiff_t)count * ROWS * at.c_row;
		if (at.start)
			at.start += (ptrdiff_t)count * ROWS * at.start_row;
		last_tile(rest, vectors, k, a + count * a_tile, a_row, a_col, b, b_row, &at);
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

/* ---- few rows of a, and a b that comes from far away, once ---- */

#define FAR 65536 /* floats of a b that is not in cache */
#define STREAMS 8 /* rows of b that are read side by side */
#define NEAR 4096 /* floats of c that stay in the first cache meanwhile */

/* c[i, j … j+n-1] = start + bias */
static void begin_columns(const struct gemm *g, int j, int n)
{
	for (int i = 0; i < g->m; i++) {
		float *c = g->c + i * g->c_row + j;
		const float *start = g->start ? g->start + i * g->start_row + j : NULL;
		for (int v = 0; v < n; v += VECTOR_LANES) {
			const int lanes = least(VECTOR_LANES, n - v);
			vector sum = start ? load_columns(start + v, lanes) : vector_all(0);
			if (g->bias)
				sum += load_columns(g->bias + j + v, lanes);
			vector_store_first(c + v, sum, lanes);
		}
	}
}

/* What rows p … p+rows-1 of b add to n columns from column j on. */
INLINED void add_streams(int rows, const struct gemm *g, int p, int j, int n)
{
	const float *b = g->b + p * g->b_row + j;

	for (int v = 0; v < n; v += VECTOR_LANES) {
		const int lanes = least(VECTOR_LANES, n - v);
		vector bp[STREAMS];
		for (int r = 0; r < rows; r++)
			bp[r] = load_columns(b + r * g->b_row + v, lanes);
		for (int i = 0; i < g->m; i++) {
			const float *a = g->a + i * g->a_row + p * g->a_col;
			float *c = g->c + i * g->c_row + j + v;
			vector sum = load_columns(c, lanes);
			for (int r = 0; r < rows; r++)
				sum = vector_madd(vector_all(a[r * g->a_col]), bp[r], sum);
			if (lanes == VECTOR_LANES)
				vector_store(c, sum);
			else
				vector_store_first(c, sum, lanes);
		}
	}
}

/* Rows of b are dense. */
static void gemm_streamed(const struct gemm *g)
{
	const int block = round_up(NEAR / g->m, COLUMNS);

	for (int j = 0; j < g->n; j += block) {
		const int n = least(block, g->n - j);
		int p = 0;
		begin_columns(g, j, n);
		for (; p + STREAMS <= g->k; p += STREAMS)
			add_streams(STREAMS, g, p, j, n);
		for (; p < g->k; p++)
			add_streams(1, g, p, j, n);
	}
}

/* Columns of b are dense, as many side by side as a vector has lanes. They are turned some lines
 * at a time. */
static void gemm_turned(const struct gemm *g)
{
	float lines[LINE * VECTOR_LANES], sums[FEW_ROWS * VECTOR_LANES];

	memset(lines, 0, sizeof lines);
	for (int j = 0; j < g->n; j += VECTOR_LANES) {
		const int columns = least(VECTOR_LANES, g->n - j);
		const float *b = g->b + j * g->b_col;
		for (int i = 0; i < g->m; i++) {
			vector sum = vector_all(0);
			if (g->start)
				sum = load_columns(g->start + i * g->start_row + j, columns);
			if (g->bias)
				sum += load_columns(g->bias + j, columns);
			vector_store(sums + i * VECTOR_LANES, sum);
		}
		for (int p = 0; p < g->k; p += LINE) {
			const int depth = least(LINE, g->k - p);
			for (int r = 0; r < columns; r++) /* the same line of the columns that come next */
				__builtin_prefetch(b + (VECTOR_LANES + r) * g->b_col + p);
			turn(lines, VECTOR_LANES, b + p, g->b_col, columns, depth, 1.0f);
			for (int i = 0; i < g->m; i++) {
				const float *a = g->a + i * g->a_row + p * g->a_col;
				vector sum = vector_load(sums + i * VECTOR_LANES);
				for (int d = 0; d < depth; d++)
					sum = vector_madd(vector_all(a[d * g->a_col]),
					                  vector_load(lines + d * VECTOR_LANES), sum);
				vector_store(sums + i * VECTOR_LANES, sum);
			}
		}
		for (int i = 0; i < g->m; i++)
			vector_store_first(g->c + i * g->c_row + j, vector_load(sums + i * VECTOR_LANES),
			                   columns);
	}
}

/* ---- panels ---- */

/* Panels [k][COLUMNS] of b, PANEL(k) apart: rows first … first+k-1, n columns from column j on; 0
 * beyond them. */
static void copy_panels(float *panels, const struct gemm *g, int first, int k, int j, int n)
{
	const float *b = g->b + first * g->b_row + j * g->b_col;
	const int whole = n / COLUMNS * COLUMNS, rest = n - whole;
	float *last = panels + whole / COLUMNS * PANEL(k);

	if (g->b_col != 1) {
		for (int p = 0; p < whole; p += COLUMNS)
			turn(panels + p / COLUMNS * PANEL(k), COLUMNS, b + p * g->b_col, g->b_col, COLUMNS,
			     k, 1.0f);
		if (rest) {
			memset(last, 0, (size_t)k * COLUMNS * sizeof *last);
			turn(last, COLUMNS, b + whole * g->b_col, g->b_col, rest, k, 1.0f);
		}
		return;
	}
	for (int p = 0; p < k; p++, b += g->b_row) {
		float *to = panels + p * COLUMNS;
		for (int c = 0; c < n; c += LINE)
			__builtin_prefetch(b + AHEAD * g->b_row + c);
		for (int c = 0; c < whole; c += COLUMNS, to += PANEL(k)) {
			vector_store(to, vector_load(b + c));
			vector_store(to + VECTOR_LANES, vector_load(b + c + VECTOR_LANES));
		}
		if (rest) {
			const int first_vector = least(rest, VECTOR_LANES);
			vector_store(to, load_columns(b + whole, first_vector));
			vector_store(to + VECTOR_LANES,
			             rest > VECTOR_LANES ? load_columns(b + whole + VECTOR_LANES,
			                                                rest - VECTOR_LANES)
			                                 : vector_all(0));
		}
	}
}

/* Tiles [k][ROWS] of a, TILE(k) apart, whose columns are dense: m rows from row i on. */
static void copy_tiles(float *tiles, const struct gemm *g, int i, int m, int first, int k)
{
	const float *a = g->a + i + first * g->a_col;

	for (int p = 0; p < k; p++, a += g->a_col) {
		float *to = tiles + p * ROWS;
		for (int r = 0; r < m; r += LINE)
			__builtin_prefetch(a + AHEAD * g->a_col + r);
		int r = 0;
		/* What a vector holds beyond ROWS is written over, or in the gap before the next tile. */
		for (; r + VECTOR_LANES <= m; r += ROWS, to += TILE(k))
			vector_store(to, vector_load(a + r));
		for (; r < m; r += ROWS, to += TILE(k))
			vector_store(to, vector_load_first(a + r, m - r));
	}
}

/* Rows i … i+m-1, columns j … j+n-1 of c, as far as depth first … first+k-1 adds to them. */
static void panels_rows(const struct gemm *g, int i, int m, int first, int k, int j, int n,
                        const float *panels, const float *tiles)
{
	const float *a = g->a + i * g->a_row + first * g->a_col;

	for (int p = 0; p < n; p += COLUMNS, panels += PANEL(k)) {
		const struct place at = place_of(g, i, j + p, first == 0);
		const int columns = least(COLUMNS, n - p);
		if (tiles)
			panel_rows(m, columns, k, tiles, TILE(k), 1, ROWS, panels, COLUMNS, at);
		else
			panel_rows(m, columns, k, a, ROWS * g->a_row, g->a_row, g->a_col, panels, COLUMNS,
			           at);
	}
}

/* What depth first … first+k-1 adds to columns j … j+columns-1 of c. The first block of rows takes
 * panels as they are copied, while they are in cache. fresh: they are copied already. */
static void add_depth(const struct gemm *g, int first, int k, int j, int columns, float *panels,
                      bool fresh, float *tiles)
{
	const bool turned = g->a_row == 1 && g->a_col != 1;

	for (int i = 0; i < g->m; i += ROW_BLOCK) {
		const int rows = least(ROW_BLOCK, g->m - i);
		if (turned)
			copy_tiles(tiles, g, i, rows, first, k);
		for (int p = 0; p < columns; p += GROUP * COLUMNS) {
			const int n = least(GROUP * COLUMNS, columns - p);
			float *group = panels + (p / COLUMNS) * PANEL(k);
			if (i == 0 && !fresh)
				copy_panels(group, g, first, k, j + p, n);
			panels_rows(g, i, rows, first, k, j + p, n, group, turned ? tiles : NULL);
		}
	}
}

/* Of a panel: the same for all of them, as nearly as can be, and at most DEPTH. */
static int depth_of(int k)
{
	const int panels = (k + DEPTH - 1) / DEPTH;

	return (k + panels - 1) / panels;
}

/* Floats of n columns' panels, of all the depth k. */
static size_t panels_size(int k, int n)
{
	const int count = round_up(n, COLUMNS) / COLUMNS, depth = depth_of(k);
	const int whole = k / depth, rest = k % depth;

	return (size_t)count * (size_t)(whole * PANEL(depth) + (rest ? PANEL(rest) : 0));
}

void gemm_panels(struct device *dev, const struct gemm *g)
{
	const int depth = depth_of(g->k);
	const size_t tiles = (size_t)((ROW_BLOCK + ROWS - 1) / ROWS) * TILE(depth);
	bool fresh = false;
	float *held = cpu_held_copy(dev, g->b, g->b_col != 1, g->k, g->n, panels_size(g->k, g->n),
	                            &fresh);

	if (!held && g->m < FEW_ROWS && (size_t)g->k * (size_t)g->n > FAR) {
		(g->b_col == 1 ? gemm_streamed : gemm_turned)(g);
		return;
	}
	if (!held && g->m < FEW_ROWS && g->b_col == 1 && g->n % VECTOR_LANES == 0) {
		gemm_cached(g);
		return;
	}
	float *room = cpu_panels(dev, (tiles + panels_size(depth,
	                                                   least(g->n, COLUMN_BLOCK))) * sizeof *room);
	for (int j = 0; j < g->n; j += COLUMN_BLOCK)
		for (int first = 0; first < g->k; first += depth) {
			const int k = least(depth, g->k - first), n = least(COLUMN_BLOCK, g->n - j);
			add_depth(g, first, k, j, n, held ? held : room + tiles, fresh, room);
			if (held)
				held += round_up(n, COLUMNS) / COLUMNS * PANEL(k);
		}
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
