/* Layer normalisation. Rows that do not fill a vector are taken VECTOR_LANES at a
 * time, turned into columns and back: there a lane is a row. */
#include "kernels/cpu/isa/isa.h"
#include "kernels/cpu/isa/transpose.h"
#include "kernels/cpu/isa/vector.h"

#define NARROW VECTOR_LANES /* columns of the widest row that is taken as a lane */

/* ---- a lane is a column ---- */

#define SUMS 4 /* that are summed side by side: an addition waits for the one before it */

/* The sum of all lanes, and of rest[count]. */
static float sum_of(const vector sum[SUMS], const float *rest, int count)
{
	float lanes[VECTOR_LANES], all;

	vector_store(lanes, (sum[0] + sum[1]) + (sum[2] + sum[3]));
	all = vector_sum(lanes);
	for (int i = 0; i < count; i++)
		all += rest[i];
	return all;
}

/* Σ (x - m) of a row; with square Σ (x - m)². */
static inline __attribute__((always_inline)) float moment(const float *x, float m, int c,
                                                          bool square)
{
	vector sum[SUMS] = {{0}};
	float rest[VECTOR_LANES];
	int j = 0, count = 0;

	for (; j + SUMS * VECTOR_LANES <= c; j += SUMS * VECTOR_LANES)
		for (int s = 0; s < SUMS; s++) {
			const vector apart = vector_load(x + j + s * VECTOR_LANES) - m;
			sum[s] = square ? vector_madd(apart, apart, sum[s]) : sum[s] + apart;
		}
	for (; j + VECTOR_LANES <= c; j += VECTOR_LANES) {
		const vector apart = vector_load(x + j) - m;
		sum[0] = square ? vector_madd(apart, apart, sum[0]) : sum[0] + apart;
	}
	for (; j < c; j++, count++)
		rest[count] = square ? (x[j] - m) * (x[j] - m) : x[j] - m;
	return sum_of(sum, rest, count);
}

static void wide_forward(float *out, float *mean, float *rstd, const float *x, const float *gain,
                         const float *bias, int n, int c, float epsilon)
{
	for (int i = 0; i < n; i++) {
		const float *xi = x + (size_t)i * c;
		float *o = out + (size_t)i * c;
		const float m = moment(xi, 0, c, false) / (float)c;
		const float r = 1.0f / __builtin_sqrtf(moment(xi, m, c, true) / (float)c + epsilon);

		if (bias) {
#pragma omp simd
			for (int j = 0; j < c; j++)
				o[j] = (xi[j] - m) * r * gain[j] + bias[j];
		} else {
#pragma omp simd
			for (int j = 0; j < c; j++)
				o[j] = (xi[j] - m) * r * gain[j];
		}
		mean[i] = m;
		rstd[i] = r;
	}
}

static inline __attribute__((always_inline)) void
vector_sums(vector *sum, vector *sum_xhat, float *dgain, float *dbias, const float *d,
            const float *x, const float *gain, float m, float r, int j)
{
	const vector xhat = (vector_load(x + j) - m) * r, dj = vector_load(d + j),
	             dxhat = dj * vector_load(gain + j);

	*sum += dxhat;
	*sum_xhat = vector_madd(dxhat, xhat, *sum_xhat);
	vector_store(dgain + j, vector_madd(dj, xhat, vector_load(dgain + j)));
	if (dbias)
		vector_store(dbias + j, vector_load(dbias + j) + dj);
}

/* Adds a row's part to dgain and dbias; sums[0] is of dxhat, sums[1] of dxhat · xhat. */
static void row_sums(float sums[2], float *dgain, float *dbias, const float *d, const float *x,
                     const float *gain, float m, float r, int c)
{
	vector sum[SUMS] = {{0}}, sum_xhat[SUMS] = {{0}};
	float rest[VECTOR_LANES], rest_xhat[VECTOR_LANES];
	int j = 0, count = 0;

	for (; j + SUMS * VECTOR_LANES <= c; j += SUMS * VECTOR_LANES)
		for (int s = 0; s < SUMS; s++)
			vector_sums(&sum[s], &sum_xhat[s], dgain, dbias, d, x, gain, m, r,
			            j + s * VECTOR_LANES);
	for (; j + VECTOR_LANES <= c; j += VECTOR_LANES)
		vector_sums(&sum[0], &sum_xhat[0], dgain, dbias, d, x, gain, m, r, j);
	for (; j < c; j++, count++) {
		const float xhat = (x[j] - m) * r;
		rest[count] = d[j] * gain[j];
		rest_xhat[count] = rest[count] * xhat;
		dgain[j] += d[j] * xhat;
		if (dbias)
			dbias[j] += d[j];
	}
	sums[0] = sum_of(sum, rest, count);
	sums[1] = sum_of(sum_xhat, rest_xhat, count);
}

static void wide_backward(float *dx, float *dgain, float *dbias, const float *dout, const float *x,
                          const float *mean, const float *rstd, const float *gain, int n, int c)
{
	for (int i = 0; i < n; i++) {
		const float *xi = x + (size_t)i * c, *d = dout + (size_t)i * c;
		float *dxi = dx + (size_t)i * c, sums[2];
		const float m = mean[i], r = rstd[i];

		row_sums(sums, dgain, dbias, d, xi, gain, m, r, c);
		const float sum = sums[0] / (float)c, sum_xhat = sums[1] / (float)c;
#pragma omp simd
		for (int j = 0; j < c; j++) {
			float xhat = (xi[j] - m) * r;
			dxi[j] += r * (d[j] * gain[j] - sum - xhat * sum_xhat);
		}
	}
}

/* ---- a lane is a row ---- */

/* Of the block that begins at first; the lanes of those that it lacks are 0. */
static int rows_of_block(int n, int first)
{
	return n - first < VECTOR_LANES ? n - first : VECTOR_LANES;
}

static vector load_rows(const float *of_row, int rows)
{
	float lanes[VECTOR_LANES] = {0};

	memcpy(lanes, of_row, (size_t)rows * sizeof *lanes);
	return vector_load(lanes);
}

static void store_rows(float *of_row, vector x, int rows)
{
	float lanes[VECTOR_LANES];

	vector_store(lanes, x);
	memcpy(of_row, lanes, (size_t)rows * sizeof *lanes);
}

static vector rstd_of(vector variance, float epsilon)
{
	float lanes[VECTOR_LANES];

	vector_store(lanes, variance);
#pragma omp simd
	for (int l = 0; l < VECTOR_LANES; l++)
		lanes[l] = 1.0f / __builtin_sqrtf(lanes[l] + epsilon);
	return vector_load(lanes);
}

static void narrow_rows_forward(float *out, float *mean, float *rstd, const float *x,
                                const float *gain, const float *bias, int n, int c,
                                float epsilon)
{
	float columns[NARROW * VECTOR_LANES];

	for (int first = 0; first < n; first += VECTOR_LANES) {
		const int rows = rows_of_block(n, first);
		vector m = vector_all(0), variance = vector_all(0);

		transpose_padded(columns, VECTOR_LANES, x + (size_t)first * c, c, rows, c, 1.0f);
		for (int j = 0; j < c; j++)
			m += vector_load(columns + j * VECTOR_LANES);
		m *= 1.0f / (float)c;
		for (int j = 0; j < c; j++) {
			vector apart = vector_load(columns + j * VECTOR_LANES) - m;
			variance = vector_madd(apart, apart, variance);
		}
		const vector r = rstd_of(variance * (1.0f / (float)c), epsilon);
		for (int j = 0; j < c; j++) {
			float *column = columns + j * VECTOR_LANES;
			vector_store(column, vector_madd((vector_load(column) - m) * r, vector_all(gain[j]),
			                                 vector_all(bias ? bias[j] : 0)));
		}
		turn(out + (size_t)first * c, c, columns, VECTOR_LANES, c, rows, 1.0f);
		store_rows(mean + first, m, rows);
		store_rows(rstd + first, r, rows);
	}
}

/* What a block adds to dx, and to dgain and dbias[c][VECTOR_LANES], which are to be
 * summed over the lanes. */
static void narrow_block_backward(float *dx, float *dgain, float *dbias, const float *dout,
                                  const float *x, vector m, vector r, const float *gain,
                                  int rows, int c)
{
	float xhat[NARROW * VECTOR_LANES], d[NARROW * VECTOR_LANES], added[NARROW * VECTOR_LANES];
	vector sum = vector_all(0), sum_xhat = vector_all(0); /* of dxhat, of dxhat · xhat */

	transpose_padded(xhat, VECTOR_LANES, x, c, rows, c, 1.0f);
	transpose_padded(d, VECTOR_LANES, dout, c, rows, c, 1.0f); /* becomes dxhat, then dx's part */
	for (int j = 0; j < c; j++) {
		const int at = j * VECTOR_LANES;
		const vector dj = vector_load(d + at), xj = (vector_load(xhat + at) - m) * r;
		const vector dxhat = dj * gain[j];

		vector_store(dgain + at, vector_madd(dj, xj, vector_load(dgain + at)));
		vector_store(dbias + at, vector_load(dbias + at) + dj);
		sum += dxhat;
		sum_xhat = vector_madd(dxhat, xj, sum_xhat);
		vector_store(xhat + at, xj);
		vector_store(d + at, dxhat);
	}
	sum *= 1.0f / (float)c;
	sum_xhat *= 1.0f / (float)c;
	for (int j = 0; j < c; j++) {
		float *to = d + j * VECTOR_LANES;
		const vector xj = vector_load(xhat + j * VECTOR_LANES);
		vector_store(to, r * (vector_load(to) - sum - xj * sum_xhat));
	}
	turn(added, c, d, VECTOR_LANES, c, rows, 1.0f);
#pragma omp simd
	for (int i = 0; i < rows * c; i++)
		dx[i] += added[i];
}

static void narrow_rows_backward(float *dx, float *dgain, float *dbias, const float *dout,
                                 const float *x, const float *mean, const float *rstd,
                                 const float *gain, int n, int c)
{
	float gains[NARROW * VECTOR_LANES], biases[NARROW * VECTOR_LANES];

	memset(gains, 0, (size_t)c * VECTOR_LANES * sizeof *gains);
	memset(biases, 0, (size_t)c * VECTOR_LANES * sizeof *biases);
	for (int first = 0; first < n; first += VECTOR_LANES) {
		const size_t at = (size_t)first * c;
		const int rows = rows_of_block(n, first);
		narrow_block_backward(dx + at, gains, biases, dout + at, x + at,
		                      load_rows(mean + first, rows), load_rows(rstd + first, rows),
		                      gain, rows, c);
	}
	for (int j = 0; j < c; j++) {
		dgain[j] += vector_sum(gains + j * VECTOR_LANES);
		if (dbias)
			dbias[j] += vector_sum(biases + j * VECTOR_LANES);
	}
}

/* ---- the operations ---- */

void op_layernorm(struct device *dev, void *out, float *mean, float *rstd, const float *x,
                  const float *gain, const float *bias, int n, int c, float epsilon)
{
	(void)dev;
	(c <= NARROW ? narrow_rows_forward : wide_forward)(out, mean, rstd, x, gain, bias, n, c,
	                                                   epsilon);
}

void op_layernorm_backward(struct device *dev, float *dx, float *dgain, float *dbias,
                           void *rounded, const void *dout, const float *x,
                           const float *mean, const float *rstd, const float *gain, int n,
                           int c)
{
	(void)dev;
	(c <= NARROW ? narrow_rows_backward : wide_backward)(dx, dgain, dbias, dout, x, mean, rstd,
	                                                     gain, n, c);
	if (rounded)
		memcpy(rounded, dx, (size_t)n * c * sizeof *dx);
}
