/* Matrix products by cuBLASLt.
 *
 * Its matrices are column-major, ours row-major: c = op(a) op(b) is asked for as its
 * transpose, cᵀ = op(b)ᵀ op(a)ᵀ, in which our b is its first operand, and a row of ours
 * a column of its. What it advises for a shape is kept, and so the same shape is
 * always made in the same way: same bits.
 *
 * What is read in half or bfloat16 and does not stand so in memory becomes a rounded copy in
 * scratch, whose rows are padded to 16 bytes, which tensor cores like best. GELU is not made
 * here on the way: cuBLASLt's is the approximation by tanh, and the network's is exact.
 */
#include "kernels/cuda/cuda.h"

#include <cublasLt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cublas.h"

#define WORKSPACE (32u << 20) /* bytes */
#define BUCKETS 1024
#define PLANS_MAX 8192 /* rows of a pass differ from one to the next */

/* A product as cuBLASLt is asked for it. */
struct request {
	int m, n, k, pitch_a, pitch_b; /* ours */
	enum dtype dtype, c_dtype; /* of the operands, of the result and the bias */
	bool transpose_a, transpose_b, accumulate, bias;
	/* bytes, a power of two up to 128; 0 for what is not there */
	uint8_t align_a, align_b, align_c, align_add, align_bias;
};

struct plan {
	struct request request;
	bool none; /* cuBLASLt has no such product */
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, c; /* its first operand, its second, result and addend */
	cublasLtMatmulAlgo_t algo;
	struct plan *next; /* in its bucket */
};

struct blas {
	cublasLtHandle_t handle;
	void *workspace, *stream;
	struct plan *bucket[BUCKETS];
	int plans;
};

static void plan_free(struct plan *plan)
{
	if (plan->a)
		cublasLtMatrixLayoutDestroy(plan->a);
	if (plan->b)
		cublasLtMatrixLayoutDestroy(plan->b);
	if (plan->c)
		cublasLtMatrixLayoutDestroy(plan->c);
	if (plan->desc)
		cublasLtMatmulDescDestroy(plan->desc);
	free(plan);
}

static void forget(struct blas *blas)
{
	for (int i = 0; i < BUCKETS; i++)
		while (blas->bucket[i]) {
			struct plan *next = blas->bucket[i]->next;
			plan_free(blas->bucket[i]);
			blas->bucket[i] = next;
		}
	blas->plans = 0;
}

void *blas_new(void *stream, struct err *err)
{
	struct blas *blas = calloc(1, sizeof *blas);

	if (blas && cublasLtCreate(&blas->handle) == CUBLAS_STATUS_SUCCESS) {
		blas->stream = stream;
		blas->workspace = cuda_alloc(NULL, WORKSPACE);
		if (blas->workspace)
			return blas;
		err_set(err, "the GPU has no memory for matrix products");
	}
	err_set(err, "cuBLAS cannot start");
	blas_free(blas);
	return NULL;
}

void blas_free(void *handle)
{
	struct blas *blas = handle;

	if (blas == NULL)
		return;
	forget(blas);
	if (blas->workspace) {
		struct device dev = {.stream = blas->stream};
		cuda_free(&dev, blas->workspace);
	}
	if (blas->handle)
		cublasLtDestroy(blas->handle);
	free(blas);
}

/* ---- plans ---- */

static cudaDataType type_of(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? CUDA_R_16F : dtype == DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* A matrix of ours of rows x columns, as it stands in memory. */
static bool layout(cublasLtMatrixLayout_t *made, enum dtype dtype, int rows, int columns, int pitch)
{
	return cublasLtMatrixLayoutCreate(made, type_of(dtype), (uint64_t)columns, (uint64_t)rows,
	                                  pitch) == CUBLAS_STATUS_SUCCESS;
}

static bool set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what,
                const void *value, size_t size)
{
	return cublasLtMatmulDescSetAttribute(desc, what, value, size) == CUBLAS_STATUS_SUCCESS;
}

/* bias: the first one, whose alignment the advice goes by. */
static bool describe(struct plan *plan, const void *bias)
{
	const struct request *r = &plan->request;
	const cublasOperation_t first = r->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasOperation_t second = r->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
	const cudaDataType bias_type = type_of(r->c_dtype);

	return cublasLtMatmulDescCreate(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) ==
	               CUBLAS_STATUS_SUCCESS &&
	       set(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first) &&
	       set(plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second) &&
	       (!r->bias || (set(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
	                         sizeof epilogue) &&
	                     set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias_type,
	                         sizeof bias_type) &&
	                     set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
	                         sizeof bias))) &&
	       layout(&plan->a, r->dtype, r->transpose_b ? r->n : r->k, r->transpose_b ? r->k : r->n,
	              r->pitch_b) &&
	       layout(&plan->b, r->dtype, r->transpose_a ? r->k : r->m, r->transpose_a ? r->m : r->k,
	              r->pitch_a) &&
	       layout(&plan->c, r->c_dtype, r->m, r->n, r->n);
}

/* Ask for the first choice. False: there is none. */
static bool advise(struct blas *blas, struct plan *plan)
{
	const struct request *r = &plan->request;
	const size_t workspace = WORKSPACE;
	const uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE; /* of parts: rounded once */
	const uint32_t a = r->align_b, b = r->align_a, d = r->align_c;
	const uint32_t c = r->align_add ? r->align_add : d;
	cublasLtMatmulPreference_t preference;
	cublasLtMatmulHeuristicResult_t result;
	int found = 0;

	if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS)
		return false;
#define PREFER(what, value)                                                                     \
	(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_##what, &(value), \
	                                      sizeof(value)) == CUBLAS_STATUS_SUCCESS)
	if (PREFER(MAX_WORKSPACE_BYTES, workspace) && PREFER(REDUCTION_SCHEME_MASK, sums) &&
	    PREFER(MIN_ALIGNMENT_A_BYTES, a) && PREFER(MIN_ALIGNMENT_B_BYTES, b) &&
	    PREFER(MIN_ALIGNMENT_C_BYTES, c) &&
	    PREFER(MIN_ALIGNMENT_D_BYTES, d) &&
	    cublasLtMatmulAlgoGetHeuristic(blas->handle, plan->desc, plan->a, plan->b, plan->c,
	                                   plan->c, preference, 1, &result, &found) !=
	            CUBLAS_STATUS_SUCCESS)
		found = 0;
#undef PREFER
	cublasLtMatmulPreferenceDestroy(preference);
	if (found > 0 && result.state == CUBLAS_STATUS_SUCCESS)
		plan->algo = result.algo;
	return found > 0 && result.state == CUBLAS_STATUS_SUCCESS;
}

static bool same(const struct request *a, const struct request *b)
{
	return a->m == b->m && a->n == b->n && a->k == b->k && a->pitch_a == b->pitch_a &&
	       a->pitch_b == b->pitch_b && a->dtype == b->dtype && a->c_dtype == b->c_dtype &&
	       a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b &&
	       a->accumulate == b->accumulate && a->bias == b->bias && a->align_a == b->align_a &&
	       a->align_b == b->align_b && a->align_c == b->align_c &&
	       a->align_add == b->align_add && a->align_bias == b->align_bias;
}

static struct plan *find(struct blas *blas, const struct request *request, const void *bias)
{
	const unsigned hash = ((unsigned)request->m * 31u + (unsigned)request->n) * 31u +
	                      (unsigned)request->k + 7u * request->transpose_a +
	                      13u * request->transpose_b + 101u * request->accumulate;
	struct plan **bucket = &blas->bucket[(hash ^ hash >> 10) % BUCKETS], *plan;

	for (plan = *bucket; plan; plan = plan->next)
		if (same(&plan->request, request))
			return plan;
	if (blas->plans == PLANS_MAX)
		forget(blas);
	plan = calloc(1, sizeof *plan);
	if (plan == NULL)
		cuda_fail("cuBLAS", "out of memory");
	plan->request = *request;
	plan->none = !describe(plan, bias) || !advise(blas, plan);
	plan->next = *bucket;
	*bucket = plan;
	blas->plans++;
	return plan;
}

/* ---- products ---- */

static uint8_t alignment(const void *at)
{
	const uintptr_t address = (uintptr_t)at;

	for (uint8_t bytes = 128; bytes > 2; bytes /= 2)
		if (address % bytes == 0)
			return bytes;
	return 2;
}

static int padded(int columns)
{
	return (int)cuda_pitch((size_t)columns);
}

/* Does x have to be rounded now? */
static bool rounds(const struct device *dev, const struct matrix *x, enum dtype dtype)
{
	return x->dtype != dtype && cuda_rounded_weights(dev, dtype, x->at) == NULL;
}

/* Room for x of rows x columns, rounded, of whole 256 bytes. */
static size_t room(const struct device *dev, const struct matrix *x, enum dtype dtype, int rows,
                   int columns)
{
	return !rounds(dev, x, dtype) ? 0 : ((size_t)rows * padded(columns) + 127) / 128 * 128;
}

/* x in dtype: as it is, or a rounded copy, of old or at `to`. */
static struct matrix rounded(struct device *dev, enum dtype dtype, const struct matrix *x,
                             uint16_t *to, int rows, int columns)
{
	if (x->dtype == dtype)
		return *x;
	if (!rounds(dev, x, dtype))
		return (struct matrix){cuda_rounded_weights(dev, dtype, x->at), dtype, x->pitch};
	cuda_round(dev, dtype, to, x->at, rows, columns, padded(columns));
	return (struct matrix){to, dtype, padded(columns)};
}

/* A product's operands and bias as cuBLASLt is to read them. */
struct operands {
	struct matrix a, b;
	const void *bias;
};

static struct operands take_operands(struct device *dev, enum dtype dtype, const struct product *p)
{
	const int rows_a = p->transpose_a ? p->k : p->m, cols_a = p->transpose_a ? p->m : p->k;
	const int rows_b = p->transpose_b ? p->n : p->k, cols_b = p->transpose_b ? p->k : p->n;
	const size_t room_a = room(dev, &p->a, dtype, rows_a, cols_a);
	const size_t room_b = room(dev, &p->b, dtype, rows_b, cols_b);
	const bool half_bias = p->bias && p->c_dtype != DTYPE_F32;
	const uint16_t *bias = half_bias ? cuda_rounded_weights(dev, dtype, p->bias) : NULL;
	const bool round_bias = half_bias && !bias;
	const size_t all = room_a + room_b + (round_bias ? (size_t)padded(p->n) : 0);
	uint16_t *to = all > 0 ? cuda_scratch(dev, SCRATCH_OPERANDS, all * sizeof *to) : NULL;
	struct operands operands = {
		.a = rounded(dev, dtype, &p->a, to, rows_a, cols_a),
		.b = rounded(dev, dtype, &p->b, to + room_a, rows_b, cols_b),
		.bias = bias ? (const void *)bias : p->bias,
	};

	if (round_bias) {
		operands.bias = to + room_a + room_b;
		cuda_round(dev, p->c_dtype, to + room_a + room_b, p->bias, 1, p->n,
		           padded(p->n));
	}
	return operands;
}

bool cuda_blas(struct device *dev, enum dtype dtype, const struct product *p)
{
	struct blas *blas = dev->blas;
	const struct operands from = take_operands(dev, dtype, p);
	const float one = 1, beta = p->add ? 1 : 0;
	const void *add = p->add ? (const void *)p->add : p->c;
	const struct request request = {
		.m = p->m, .n = p->n, .k = p->k, .pitch_a = from.a.pitch, .pitch_b = from.b.pitch,
		.dtype = dtype, .c_dtype = p->c_dtype, .transpose_a = p->transpose_a,
		.transpose_b = p->transpose_b, .accumulate = p->add != NULL, .bias = p->bias != NULL,
		.align_a = alignment(from.a.at), .align_b = alignment(from.b.at),
		.align_c = alignment(p->c), .align_add = p->add ? alignment(p->add) : 0,
		.align_bias = p->bias ? alignment(from.bias) : 0,
	};
	struct plan *plan = find(blas, &request, from.bias);

	if (plan->none)
		return false;
	if (p->bias && !set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &from.bias,
	                    sizeof from.bias))
		cuda_fail("cuBLAS", "it takes no bias");
	cublasStatus_t status = cublasLtMatmul(blas->handle, plan->desc, &one, from.b.at, plan->a,
	                                       from.a.at, plan->b, &beta, add, plan->c, p->c, plan->c,
	                                       &plan->algo, blas->workspace, WORKSPACE,
	                                       (cudaStream_t)blas->stream);
	/* it advises what it then may not like; nothing was done then */
	plan->none = status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE;
	if (status != CUBLAS_STATUS_SUCCESS && !plan->none)
		cuda_fail("cublasLtMatmul", cublasLtGetStatusString(status));
	return !plan->none;
}
