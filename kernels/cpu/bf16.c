/* oneDNN's bfloat16 matmul over float32 operands, which are rounded on the way.
 *
 * A primitive is compiled for one shape, and rows of a pass are as many as its
 * records happen to hold; so rows are taken in multiples of STEP: the sum over
 * rows (k) is padded with zeros, and result rows (m) beyond the last multiple
 * go through a padded tile. That leaves a handful of shapes.
 *
 * For x86-64; elsewhere bf16_none.c stands in its place.
 */
#include "kernels/cpu/bf16.h"

#include <dnnl.h>
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libgomp's; declared here because clang brings no omp.h of its own. */
extern void omp_set_num_threads(int threads);

#define STEP 32
#define SMALLEST (64 * 64 * 64) /* products m n k below this are quicker in float32 */

struct shape {
	bool transpose_a, transpose_b, accumulate;
	int m, n, k;
};

struct product {
	struct shape shape;
	dnnl_primitive_t primitive;
	dnnl_memory_t a, b, c;
	struct product *next; /* in its bucket */
};

#define BUCKETS 256

struct bf16_products {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	struct product *bucket[BUCKETS];
	uint16_t *a, *b; /* rounded operands */
	size_t a_room, b_room, tile_room; /* bytes */
	float *tile; /* [STEP, n] */
};

/* ---- rounding ---- */

bool bf16_worthwhile(void)
{
	const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
	const unsigned bf16 = (unsigned)dnnl_cpu_isa_avx512_core_bf16;

	return (isa & bf16) == bf16;
}

/* to[count] = from[count], to the nearest, ties to even. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) static void
round_floats(uint16_t *to, const float *from, size_t count)
{
	size_t i = 0;

	for (; i + 16 <= count; i += 16) {
		__m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i));
		memcpy(to + i, &rounded, sizeof rounded);
	}
	if (i < count) {
		__mmask16 rest = (__mmask16)((1u << (count - i)) - 1);
		__m256bh rounded = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, from + i));
		memcpy(to + i, &rounded, (count - i) * sizeof *to);
	}
}

/* ---- primitives ---- */

#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t matrix(dnnl_memory_desc_t *desc, int rows, int cols, bool transposed,
                            dnnl_data_type_t type)
{
	const dnnl_dims_t dims = {rows, cols};
	const dnnl_dims_t strides = {transposed ? 1 : cols, transposed ? rows : 1};

	return dnnl_memory_desc_create_with_strides(desc, 2, dims, type, strides);
}

static void matrix_release(dnnl_memory_desc_t desc)
{
	dnnl_memory_desc_destroy(desc);
}

static dnnl_status_t memory(dnnl_memory_t *made, dnnl_memory_desc_t desc, dnnl_engine_t engine)
{
	return dnnl_memory_create(made, desc, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t describe(dnnl_primitive_desc_t *made, dnnl_engine_t engine,
                              dnnl_memory_desc_t a, dnnl_memory_desc_t b, dnnl_memory_desc_t c,
                              dnnl_primitive_attr_t attr)
{
	return dnnl_matmul_primitive_desc_create(made, engine, a, b, NULL, c, attr);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
	return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
}
#else
static dnnl_status_t matrix(dnnl_memory_desc_t *desc, int rows, int cols, bool transposed,
                            dnnl_data_type_t type)
{
	const dnnl_dims_t dims = {rows, cols};
	const dnnl_dims_t strides = {transposed ? 1 : cols, transposed ? rows : 1};

	return dnnl_memory_desc_init_by_strides(desc, 2, dims, type, strides);
}

static void matrix_release(dnnl_memory_desc_t desc)
{
	(void)desc;
}

static dnnl_status_t memory(dnnl_memory_t *made, dnnl_memory_desc_t desc, dnnl_engine_t engine)
{
	return dnnl_memory_create(made, &desc, engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t describe(dnnl_primitive_desc_t *made, dnnl_engine_t engine,
                              dnnl_memory_desc_t a, dnnl_memory_desc_t b, dnnl_memory_desc_t c,
                              dnnl_primitive_attr_t attr)
{
	dnnl_matmul_desc_t desc;
	dnnl_status_t status = dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c);

	return status != dnnl_success ? status
	                              : dnnl_primitive_desc_create(made, &desc, attr, engine, NULL);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
	return dnnl_post_ops_append_sum(ops, 1.0f);
}
#endif

static dnnl_status_t compile(struct product *product, dnnl_engine_t engine,
                             dnnl_primitive_attr_t attr)
{
	const struct shape *s = &product->shape;
	dnnl_memory_desc_t a, b, c;
	dnnl_primitive_desc_t desc;
	dnnl_status_t status;

	if (matrix(&a, s->m, s->k, s->transpose_a, dnnl_bf16) != dnnl_success ||
	    matrix(&b, s->k, s->n, s->transpose_b, dnnl_bf16) != dnnl_success ||
	    matrix(&c, s->m, s->n, false, dnnl_f32) != dnnl_success)
		return dnnl_out_of_memory;
	status = describe(&desc, engine, a, b, c, attr);
	if (status == dnnl_success) {
		status = dnnl_primitive_create(&product->primitive, desc);
		dnnl_primitive_desc_destroy(desc);
	}
	if (status == dnnl_success && (memory(&product->a, a, engine) != dnnl_success ||
	                               memory(&product->b, b, engine) != dnnl_success ||
	                               memory(&product->c, c, engine) != dnnl_success))
		status = dnnl_out_of_memory;
	matrix_release(a);
	matrix_release(b);
	matrix_release(c);
	return status;
}

static void product_free(struct product *product)
{
	if (product->a)
		dnnl_memory_destroy(product->a);
	if (product->b)
		dnnl_memory_destroy(product->b);
	if (product->c)
		dnnl_memory_destroy(product->c);
	if (product->primitive)
		dnnl_primitive_destroy(product->primitive);
	free(product);
}

static struct product *product_new(struct bf16_products *products, const struct shape *shape)
{
	struct product *product = calloc(1, sizeof *product);
	dnnl_primitive_attr_t attr = NULL;
	dnnl_post_ops_t ops = NULL;
	bool good = product != NULL && dnnl_primitive_attr_create(&attr) == dnnl_success;

	if (good && shape->accumulate)
		good = dnnl_post_ops_create(&ops) == dnnl_success && append_sum(ops) == dnnl_success &&
		       dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
	if (good) {
		product->shape = *shape;
		good = compile(product, products->engine, attr) == dnnl_success;
	}
	if (ops)
		dnnl_post_ops_destroy(ops);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	if (!good && product) {
		product_free(product);
		product = NULL;
	}
	return product;
}

static struct product *find(struct bf16_products *products, const struct shape *shape)
{
	const unsigned hash = ((unsigned)shape->m * 31u + (unsigned)shape->n) * 31u +
	                      (unsigned)shape->k + 7u * shape->transpose_a + 13u * shape->transpose_b +
	                      101u * shape->accumulate;
	struct product **bucket = &products->bucket[(hash ^ hash >> 8) % BUCKETS], *product;

	for (product = *bucket; product; product = product->next) {
		const struct shape *have = &product->shape;
		if (have->m == shape->m && have->n == shape->n && have->k == shape->k &&
		    have->transpose_a == shape->transpose_a &&
		    have->transpose_b == shape->transpose_b && have->accumulate == shape->accumulate)
			return product;
	}
	product = product_new(products, shape);
	if (product) {
		product->next = *bucket;
		*bucket = product;
	}
	return product;
}

/* ---- products ---- */

struct bf16_products *bf16_new(struct err *err)
{
	struct bf16_products *products = calloc(1, sizeof *products);

	if (!products || dnnl_engine_create(&products->engine, dnnl_cpu, 0) != dnnl_success ||
	    dnnl_stream_create(&products->stream, products->engine, dnnl_stream_default_flags) !=
	            dnnl_success) {
		bf16_free(products);
		err_set(err, "oneDNN cannot start");
		return NULL;
	}
	return products;
}

void bf16_free(struct bf16_products *products)
{
	if (!products)
		return;
	for (int i = 0; i < BUCKETS; i++)
		while (products->bucket[i]) {
			struct product *next = products->bucket[i]->next;
			product_free(products->bucket[i]);
			products->bucket[i] = next;
		}
	if (products->stream)
		dnnl_stream_destroy(products->stream);
	if (products->engine)
		dnnl_engine_destroy(products->engine);
	free(products->a);
	free(products->b);
	free(products->tile);
	free(products);
}

/* memory, or more of it where it has less than so many bytes: then the old
 * content is gone. NULL: there is none. */
static void *room(void *memory, size_t *have, size_t want)
{
	if (want <= *have)
		return memory;
	free(memory);
	*have = posix_memalign(&memory, 64, want) == 0 ? want : 0;
	return *have ? memory : NULL;
}

static bool rooms(struct bf16_products *products, size_t a, size_t b, size_t tile)
{
	products->a = room(products->a, &products->a_room, a * sizeof *products->a);
	products->b = room(products->b, &products->b_room, b * sizeof *products->b);
	products->tile = room(products->tile, &products->tile_room, tile * sizeof *products->tile);
	return products->a && products->b && products->tile;
}

static bool run(struct bf16_products *products, const struct shape *shape, uint16_t *a, float *c)
{
	const struct product *product = find(products, shape);

	if (!product)
		return false;
	dnnl_memory_set_data_handle(product->a, a);
	dnnl_memory_set_data_handle(product->b, products->b);
	dnnl_memory_set_data_handle(product->c, c);
	const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, product->a},
	                                {DNNL_ARG_WEIGHTS, product->b},
	                                {DNNL_ARG_DST, product->c}};
	return dnnl_primitive_execute(product->primitive, products->stream, 3, args) == dnnl_success;
}

static int round_up(int n)
{
	return (n + STEP - 1) / STEP * STEP;
}

/* a[rows, m] is summed over its rows (transposed), b[rows, n] likewise: both
 * get rows of zeros up to a multiple. */
static bool sum_over_rows(struct bf16_products *products, const struct shape *shape,
                          const float *a, const float *b, float *c)
{
	struct shape padded = *shape;
	const size_t m = (size_t)shape->m, n = (size_t)shape->n, k = (size_t)shape->k;

	padded.k = round_up(shape->k);
	const size_t more = (size_t)padded.k - k;
	if (!rooms(products, (size_t)padded.k * m, (size_t)padded.k * n, 1))
		return false;
	round_floats(products->a, a, k * m);
	round_floats(products->b, b, k * n);
	memset(products->a + k * m, 0, more * m * sizeof *products->a);
	memset(products->b + k * n, 0, more * n * sizeof *products->b);
	return run(products, &padded, products->a, c);
}

/* a[m, k] is not transposed: result rows beyond a multiple go through a tile. */
static bool by_rows(struct bf16_products *products, const struct shape *shape, const float *a,
                    const float *b, float *c)
{
	struct shape whole = *shape, tail = *shape;
	const size_t n = (size_t)shape->n, k = (size_t)shape->k;
	const int rest = shape->m % STEP;
	const size_t first = (size_t)(shape->m - rest);

	whole.m = shape->m - rest;
	tail.m = STEP;
	tail.accumulate = false;
	if (!rooms(products, (size_t)round_up(shape->m) * k, k * n, STEP * n))
		return false;
	round_floats(products->a, a, (size_t)shape->m * k);
	round_floats(products->b, b, k * n);
	/* The tile first: a failure must leave c as it was. */
	if (rest) {
		memset(products->a + (size_t)shape->m * k, 0,
		       (size_t)(STEP - rest) * k * sizeof *products->a);
		if (!run(products, &tail, products->a + first * k, products->tile))
			return false;
	}
	if (whole.m && !run(products, &whole, products->a, c))
		return false;
	c += first * n;
	for (size_t i = 0; i < (size_t)rest * n; i++)
		c[i] = shape->accumulate ? c[i] + products->tile[i] : products->tile[i];
	return true;
}

bool bf16_product(struct bf16_products *products, bool transpose_a, bool transpose_b, int m,
                  int n, int k, const float *a, const float *b, float beta, float *c)
{
	const struct shape shape = {
		.transpose_a = transpose_a,
		.transpose_b = transpose_b,
		.accumulate = beta != 0.0f,
		.m = m,
		.n = n,
		.k = k,
	};

	if ((double)m * n * k < SMALLEST || (transpose_a && transpose_b))
		return false;
	omp_set_num_threads(1); /* a worker is one thread: a product must not start a team of its own */
	return transpose_a ? sum_over_rows(products, &shape, a, b, c)
	                   : by_rows(products, &shape, a, b, c);
}
