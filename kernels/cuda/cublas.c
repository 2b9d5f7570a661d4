/* Matrix products by cuBLASLt.
 *
 * Its matrices are column-major, ours row-major: c = op(a) op(b) is asked for as its
 * transpose, cᵀ = op(b)ᵀ op(a)ᵀ, in which our b is its first operand, and a row of ours
 * a column of its. What it advises for a shape is kept, and so the same shape is
 * always made in the same way: same bits.
 *
 * Versions of it have faults that others have met; they are walked around here:
 * - A bias is read by sixteen bytes whatever its alignment is (PyTorch's pull request
 *   194497): so it is always aligned to that.
 * - Split sums lose the end of a depth that is no multiple of their parts' (Triton's pull
 *   request 2767): so only multiples of DEPTH_STEP are split, as those of training are.
 * - No advice is to be had while a stream is captured (13.3): so none is asked for then.
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
#define CHOICES 4 /* pieces of advice: it refuses now and then what it has advised */
#define DEPTH_STEP 64
#define BIAS_ALIGNMENT 16

/* A product as cuBLASLt is asked for it. */
struct request {
	int m, n, k, pitch_a, pitch_b; /* ours */
	enum dtype dtype, c_dtype; /* of the operands, of the result and the bias */
	bool transpose_a, transpose_b, accumulate, bias;
	/* bytes, a power of two up to 128; 0 for what is not there */
	uint8_t align_a, align_b, align_c, align_add;
};

struct plan {
	struct request request;
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, c; /* its first operand, its second, result and addend */
	cublasLtMatmulAlgo_t algo[CHOICES];
	int choices, choice; /* how many there are; the first that has not been refused */
	struct plan *next; /* in its bucket */
};

struct blas {
	cublasLtHandle_t handle;
	void *workspace, *stream;
	struct plan *bucket[BUCKETS];
	int plans;
	bool unwanted; /* $MEMOSCOPE_CUBLAS is 0: the plain kernel makes all products */
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
	const char *wanted = getenv("MEMOSCOPE_CUBLAS");

	if (blas && cublasLtCreate(&blas->handle) == CUBLAS_STATUS_SUCCESS) {
		blas->stream = stream;
		blas->unwanted = wanted && strcmp(wanted, "0") == 0;
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

	if (!blas)
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

/* Is it the product that it does not like, rather than the world? */
static bool refused(cublasStatus_t status)
{
	return status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE;
}

/* Ask how it is best made: how many choices there are. */
static int advise(struct blas *blas, struct plan *plan)
{
	const struct request *r = &plan->request;
	const size_t workspace = WORKSPACE;
	const uint32_t sums = r->k % DEPTH_STEP == 0
	                              ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE /* rounded once */
	                              : CUBLASLT_REDUCTION_SCHEME_NONE;
	const uint32_t a = r->align_b, b = r->align_a, d = r->align_c;
	const uint32_t c = r->align_add ? r->align_add : d;
	cublasLtMatmulPreference_t preference;
	cublasLtMatmulHeuristicResult_t result[CHOICES];
	cublasStatus_t status = CUBLAS_STATUS_INVALID_VALUE;
	int found = 0, good = 0;

	if (cublasLtMatmulPreferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS)
		return 0;
#define PREFER(what, value)                                                                     \
	(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_##what, &(value), \
	                                      sizeof(value)) == CUBLAS_STATUS_SUCCESS)
	if (PREFER(MAX_WORKSPACE_BYTES, workspace) && PREFER(REDUCTION_SCHEME_MASK, sums) &&
	    PREFER(MIN_ALIGNMENT_A_BYTES, a) && PREFER(MIN_ALIGNMENT_B_BYTES, b) &&
	    PREFER(MIN_ALIGNMENT_C_BYTES, c) &&
	    PREFER(MIN_ALIGNMENT_D_BYTES, d))
		status = cublasLtMatmulAlgoGetHeuristic(blas->handle, plan->desc, plan->a, plan->b,
		                                        plan->c, plan->c, preference, CHOICES, result,
		                                        &found);
#undef PREFER
	cublasLtMatmulPreferenceDestroy(preference);
	if (status != CUBLAS_STATUS_SUCCESS && !refused(status))
		cuda_fail("cublasLtMatmulAlgoGetHeuristic", cublasLtGetStatusString(status));
	for (int i = 0; status == CUBLAS_STATUS_SUCCESS && i < found; i++)
		if (result[i].state == CUBLAS_STATUS_SUCCESS)
			plan->algo[good++] = result[i].algo;
	return good;
}

static bool same(const struct request *a, const struct request *b)
{
	return a->m == b->m && a->n == b->n && a->k == b->k && a->pitch_a == b->pitch_a &&
	       a->pitch_b == b->pitch_b && a->dtype == b->dtype && a->c_dtype == b->c_dtype &&
	       a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b &&
	       a->accumulate == b->accumulate && a->bias == b->bias && a->align_a == b->align_a &&
	       a->align_b == b->align_b && a->align_c == b->align_c &&
	       a->align_add == b->align_add;
}

/* NULL: there is none yet, and now is no time to make one. */
static struct plan *find(struct device *dev, const struct request *request, const void *bias)
{
	struct blas *blas = dev->blas;
	const unsigned hash = ((unsigned)request->m * 31u + (unsigned)request->n) * 31u +
	                      (unsigned)request->k + 7u * request->transpose_a +
	                      13u * request->transpose_b + 101u * request->accumulate;
	struct plan **bucket = &blas->bucket[(hash ^ hash >> 10) % BUCKETS], *plan;

	for (plan = *bucket; plan; plan = plan->next)
		if (same(&plan->request, request))
			return plan;
	if (dev->recording)
		return NULL;
	if (blas->plans == PLANS_MAX)
		forget(blas);
	plan = calloc(1, sizeof *plan);
	if (!plan)
		cuda_fail("cuBLAS", "out of memory");
	plan->request = *request;
	plan->choices = describe(plan, bias) ? advise(blas, plan) : 0;
	plan->next = *bucket;
	*bucket = plan;
	blas->plans++;
	return plan;
}

/* ---- products ---- */

/* 128 bytes, or 16 and less: it is all the same in between, and plans are to be few. */
static uint8_t alignment(const void *at)
{
	const uintptr_t address = (uintptr_t)at;

	if (address % 128 == 0)
		return 128;
	for (uint8_t bytes = 16; bytes > 2; bytes /= 2)
		if (address % bytes == 0)
			return bytes;
	return 2;
}

static int padded(int columns)
{
	return (int)cuda_pitch((size_t)columns);
}

/* x as it may be read in dtype where it stands, itself or a rounded copy of it; at NULL where
 * it has to be rounded first, to rows of that pitch. */
static struct matrix standing(const struct device *dev, enum dtype dtype, const struct matrix *x,
                              int columns)
{
	if (x->dtype == dtype)
		return *x;
	const uint16_t *copy = cuda_rounded_weights(dev, dtype, x->at);
	return (struct matrix){copy, dtype, copy ? x->pitch : padded(columns)};
}

/* Bytes of room for it where it has to be rounded, whole 256 of them. */
static size_t room(const struct matrix *standing, int rows)
{
	const size_t bytes = (size_t)rows * (size_t)standing->pitch * sizeof(uint16_t);

	return standing->at ? 0 : (bytes + 255) / 256 * 256;
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
	struct operands of = {
		.a = standing(dev, dtype, &p->a, cols_a), .b = standing(dev, dtype, &p->b, cols_b),
	};
	const size_t room_a = room(&of.a, rows_a), room_b = room(&of.b, rows_b);
	const struct matrix bias = {p->bias, DTYPE_F32, p->n};
	const struct matrix standing_bias = standing(dev, p->c_dtype, &bias, p->n);
	const bool moved = p->bias && (!standing_bias.at ||
	                               (uintptr_t)standing_bias.at % BIAS_ALIGNMENT);
	const size_t all = room_a + room_b +
	                   (moved ? (size_t)padded(p->n) * dtype_size(p->c_dtype) : 0);
	char *to = all > 0 ? cuda_scratch(dev, SCRATCH_OPERANDS, all) : NULL;

	if (room_a > 0)
		cuda_round(dev, dtype, (uint16_t *)to, p->a.at, rows_a, cols_a, of.a.pitch);
	if (room_b > 0)
		cuda_round(dev, dtype, (uint16_t *)(to + room_a), p->b.at, rows_b, cols_b, of.b.pitch);
	of.a.at = room_a > 0 ? to : of.a.at;
	of.b.at = room_b > 0 ? to + room_a : of.b.at;
	of.bias = moved ? to + room_a + room_b : p->bias ? standing_bias.at : NULL;
	if (moved && standing_bias.at)
		cuda_copy(dev, to + room_a + room_b, standing_bias.at,
		          (size_t)p->n * dtype_size(p->c_dtype));
	else if (moved)
		cuda_round(dev, p->c_dtype, (uint16_t *)(to + room_a + room_b), p->bias, 1, p->n,
		           padded(p->n));
	return of;
}

bool cuda_blas(struct device *dev, enum dtype dtype, const struct product *p)
{
	struct blas *blas = dev->blas;

	if (blas->unwanted)
		return false;
	const struct operands from = take_operands(dev, dtype, p);
	const float one = 1, beta = p->add ? 1 : 0;
	const void *add = p->add ? (const void *)p->add : p->c;
	const struct request request = {
		.m = p->m, .n = p->n, .k = p->k, .pitch_a = from.a.pitch, .pitch_b = from.b.pitch,
		.dtype = dtype, .c_dtype = p->c_dtype, .transpose_a = p->transpose_a,
		.transpose_b = p->transpose_b, .accumulate = p->add != NULL, .bias = p->bias != NULL,
		.align_a = alignment(from.a.at), .align_b = alignment(from.b.at),
		.align_c = alignment(p->c), .align_add = p->add ? alignment(p->add) : 0,
	};
	struct plan *plan = find(dev, &request, from.bias);

	if (!plan) {
		dev->spoiled = true;
		return true;
	}
	if (p->bias && plan->choices > 0 &&
	    !set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &from.bias, sizeof from.bias))
		cuda_fail("cuBLAS", "it takes no bias");
	for (; plan->choice < plan->choices; plan->choice++) {
		cublasStatus_t status = cublasLtMatmul(
			blas->handle, plan->desc, &one, from.b.at, plan->a, from.a.at, plan->b, &beta,
			add, plan->c, p->c, plan->c, &plan->algo[plan->choice], blas->workspace,
			WORKSPACE, (cudaStream_t)blas->stream);
		if (status == CUBLAS_STATUS_SUCCESS)
			return true;
		if (!refused(status))
			cuda_fail("cublasLtMatmul", cublasLtGetStatusString(status));
	}
	return false;
}
