/* Matrix products by cuBLASLt.
 *
 * Its matrices are column-major, ours row-major: c = op(a) op(b) is asked for as its
 * transpose, cᵀ = op(b)ᵀ op(a)ᵀ, in which our b is its first operand, and a row of ours
 * a column of its. What it advises for a shape is kept, and so the same shape is
 * always made in the same way: same bits.
 *
 * Operands in half or bfloat16 are rounded copies in scratch whose rows are padded to 16 bytes,
 * which tensor cores ask for.
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
	int m, n, k; /* ours */
	enum dtype dtype;
	bool transpose_a, transpose_b, accumulate, bias;
	uint8_t align_a, align_b, align_c, align_bias; /* bytes, a power of two up to 128 */
};

struct plan {
	struct request request;
	bool none; /* cuBLASLt has no such product */
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, c; /* its first operand, its second, the result */
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

static int padded(int columns)
{
	return (columns + 7) / 8 * 8;
}

/* A matrix of ours of rows x columns, as it stands in memory. */
static bool layout(cublasLtMatrixLayout_t *made, const struct request *request, bool result,
                   int rows, int columns)
{
	static const cudaDataType types[DTYPES] = {
		[DTYPE_F32] = CUDA_R_32F, [DTYPE_F16] = CUDA_R_16F, [DTYPE_BF16] = CUDA_R_16BF,
	};
	const enum dtype dtype = result ? DTYPE_F32 : request->dtype;

	return cublasLtMatrixLayoutCreate(made, types[dtype], (uint64_t)columns, (uint64_t)rows,
	                                  dtype == DTYPE_F32 ? columns : padded(columns)) ==
	       CUBLAS_STATUS_SUCCESS;
}

static bool set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what,
                const void *value, size_t size)
{
	return cublasLtMatmulDescSetAttribute(desc, what, value, size) == CUBLAS_STATUS_SUCCESS;
}

/* bias: the first one, whose alignment the advice goes by. */
static bool describe(struct plan *plan, const float *bias)
{
	const struct request *r = &plan->request;
	const cublasOperation_t first = r->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasOperation_t second = r->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;

	return cublasLtMatmulDescCreate(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) ==
	               CUBLAS_STATUS_SUCCESS &&
	       set(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first) &&
	       set(plan->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second) &&
	       (!r->bias || (set(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
	                         sizeof epilogue) &&
	                     set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
	                         sizeof bias))) &&
	       layout(&plan->a, r, false, r->transpose_b ? r->n : r->k,
	              r->transpose_b ? r->k : r->n) &&
	       layout(&plan->b, r, false, r->transpose_a ? r->k : r->m,
	              r->transpose_a ? r->m : r->k) &&
	       layout(&plan->c, r, true, r->m, r->n);
}

/* Ask for the first choice. False: there is none. */
static bool advise(struct blas *blas, struct plan *plan)
{
	const struct request *r = &plan->request;
	const size_t workspace = WORKSPACE;
	const uint32_t a = r->align_b, b = r->align_a, c = r->align_c;
	cublasLtMatmulPreference_t preference;
	cublasLtMatmulHeuristicResult_t result;
	int found = 0;

	if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS)
		return false;
#define PREFER(what, value)                                                                     \
	(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_##what, &(value), \
	                                      sizeof(value)) == CUBLAS_STATUS_SUCCESS)
	if (PREFER(MAX_WORKSPACE_BYTES, workspace) && PREFER(MIN_ALIGNMENT_A_BYTES, a) &&
	    PREFER(MIN_ALIGNMENT_B_BYTES, b) && PREFER(MIN_ALIGNMENT_C_BYTES, c) &&
	    PREFER(MIN_ALIGNMENT_D_BYTES, c) &&
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
	return a->m == b->m && a->n == b->n && a->k == b->k &&
	       a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b &&
	       a->accumulate == b->accumulate && a->bias == b->bias && a->dtype == b->dtype &&
	       a->align_a == b->align_a && a->align_b == b->align_b && a->align_c == b->align_c &&
	       a->align_bias == b->align_bias;
}

static struct plan *find(struct blas *blas, const struct request *request, const float *bias)
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

	for (uint8_t bytes = 128; bytes > 4; bytes /= 2)
		if (address % bytes == 0)
			return bytes;
	return 4;
}

/* Rounded copies of both operands in scratch; a and b are set to them. */
static void round_operands(struct device *dev, const struct request *r, const void **a,
                           const void **b)
{
	const int rows_a = r->transpose_a ? r->k : r->m, cols_a = r->transpose_a ? r->m : r->k;
	const int rows_b = r->transpose_b ? r->n : r->k, cols_b = r->transpose_b ? r->k : r->n;
	const size_t size_a = ((size_t)rows_a * padded(cols_a) + 127) / 128 * 128;
	const size_t size_b = (size_t)rows_b * padded(cols_b);
	uint16_t *to = cuda_scratch(dev, (size_a + size_b) * sizeof *to);

	cuda_round(dev, r->dtype, to, *a, rows_a, cols_a, padded(cols_a));
	cuda_round(dev, r->dtype, to + size_a, *b, rows_b, cols_b, padded(cols_b));
	*a = to;
	*b = to + size_a;
}

bool cuda_blas(struct device *dev, enum dtype dtype, bool transpose_a, bool transpose_b, int m,
               int n, int k, const float *a, const float *b, float beta, float *c,
               const float *bias)
{
	const bool round = dtype != DTYPE_F32;
	struct blas *blas = dev->blas;
	const void *left = a, *right = b;
	const float one = 1;
	struct request request = {
		.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b,
		.accumulate = beta != 0, .bias = bias != NULL, .dtype = dtype,
		.align_a = round ? 128 : alignment(a), .align_b = round ? 128 : alignment(b),
		.align_c = alignment(c), .align_bias = bias ? alignment(bias) : 0,
	};
	struct plan *plan = find(blas, &request, bias);

	if (plan->none)
		return false;
	if (round)
		round_operands(dev, &request, &left, &right);
	if (bias && !set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias))
		cuda_fail("cuBLAS", "it takes no bias");
	cublasStatus_t status = cublasLtMatmul(blas->handle, plan->desc, &one, right, plan->a, left,
	                                       plan->b, &beta, c, plan->c, c, plan->c, &plan->algo,
	                                       blas->workspace, WORKSPACE,
	                                       (cudaStream_t)blas->stream);
	/* it advises what it then may not like; nothing was done then */
	plan->none = status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE;
	if (status != CUBLAS_STATUS_SUCCESS && !plan->none)
		cuda_fail("cublasLtMatmul", cublasLtGetStatusString(status));
	return !plan->none;
}
