/* What kernels/cuda/device.c, cublas.c and graph.c ask of CUDA, on a CPU: memory is memory,
 * and products are loops over column-major matrices as cuBLASLt's manual has them. A graph
 * is a list of what was asked for with its arguments as they were then. It proves what they
 * ask for - layouts, transposes, alignments, epilogues - not what a GPU answers. */
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/gpu/fake.h"
#include "tests/kernels/harness/ref.h"
#include "tests/kernels/shim/shim.h"

int fake_major = 8, fake_products[DTYPES], fake_calls, fake_waits, fake_graph_launches, fake_graphs;
int fake_devices = 1, fake_device;
enum fake_failure fake_failure;

/* ---- graphs ---- */

/* A product, with all that it hangs on: its descriptions may be others' later. */
struct product {
	struct desc {
		cublasOperation_t a, b;
		cublasLtEpilogue_t epilogue;
		cudaDataType bias_type;
		const void *bias;
	} desc;
	struct layout {
		cudaDataType type;
		uint64_t rows, columns;
		int64_t leading;
	} left, right, to;
	float beta;
	bool rounds, cuts; /* as its algo's */
	const void *a, *b, *add;
	void *result;
};

static void multiply(const struct product *product);

/* Something that a stream is asked for: exactly one of the four. */
struct node {
	struct shim_call call; /* its args are a copy */
	struct product *product;
	void *copy_to, *fill;
	const void *from;
	size_t bytes;
	int value;
	struct node *next;
};

struct CUgraph_st {
	struct node *first, **end;
};

struct CUgraphExec_st {
	struct node *first;
};

static struct CUgraph_st *capture; /* NULL: what is asked for is done */
static bool spoiled; /* it was asked for something that no graph can hold */

static void do_node(const struct node *node)
{
	if (node->product)
		multiply(node->product);
	else if (node->fill)
		memset(node->fill, node->value, node->bytes);
	else if (node->copy_to)
		memcpy(node->copy_to, node->from, node->bytes);
	else
		shim_run(&node->call);
}

static void *copy_of(const void *memory, size_t bytes)
{
	void *copy = malloc(bytes);

	if (copy == NULL)
		abort();
	return memcpy(copy, memory, bytes);
}

/* Do it, or put it on the list. */
static void ask(struct node node)
{
	fake_calls++;
	if (capture == NULL) {
		do_node(&node);
		return;
	}
	if (node.product)
		node.product = copy_of(node.product, sizeof *node.product);
	if (node.call.args)
		node.call.args = copy_of(node.call.args, node.call.args_bytes);
	*capture->end = copy_of(&node, sizeof node);
	capture->end = &(*capture->end)->next;
}

static void ask_launch(const struct shim_call *call)
{
	ask((struct node){.call = *call});
}

static void free_nodes(struct node *node)
{
	while (node) {
		struct node *next = node->next;
		free(node->product);
		free((void *)node->call.args);
		free(node);
		node = next;
	}
}

/* Not while a graph is captured: that is spoiled then. */
static cudaError_t apart(void)
{
	spoiled |= capture != NULL;
	return capture ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

static bool fails(enum fake_failure what)
{
	const bool is = fake_failure == what;

	if (is)
		fake_failure = FAKE_SOUND;
	return is;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
	if (capture || stream == NULL || mode != cudaStreamCaptureModeThreadLocal ||
	    fails(FAKE_BEGIN))
		return cudaErrorInvalidValue;
	capture = calloc(1, sizeof *capture);
	capture->end = &capture->first;
	spoiled = false;
	return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *made)
{
	const bool good = capture && stream && !spoiled && !fails(FAKE_END);

	*made = capture;
	capture = NULL;
	if (good)
		return cudaSuccess;
	cudaGraphDestroy(*made);
	*made = NULL;
	return cudaErrorStreamCaptureInvalidated;
}

/* The list goes over to it. */
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ready, cudaGraph_t graph,
                                 unsigned long long flags)
{
	if (flags != 0 || graph->first == NULL || fails(FAKE_INSTANTIATE))
		return cudaErrorInvalidValue;
	*ready = calloc(1, sizeof **ready);
	(*ready)->first = graph->first;
	graph->first = NULL;
	fake_graphs++;
	return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
	free_nodes(graph->first);
	free(graph);
	return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready)
{
	free_nodes(ready->first);
	free(ready);
	fake_graphs--;
	return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream)
{
	if (stream == NULL || capture)
		return cudaErrorInvalidValue;
	fake_calls++;
	fake_graph_launches++;
	for (const struct node *node = ready->first; node; node = node->next)
		do_node(node);
	return cudaSuccess;
}

/* ---- the runtime ---- */

static cudaError_t take(void **memory, size_t bytes)
{
	if (apart() != cudaSuccess)
		return cudaErrorStreamCaptureUnsupported;
	if (bytes > (size_t)1 << 40)
		return cudaErrorMemoryAllocation;
	if (posix_memalign(memory, 256, bytes) != 0)
		abort();
	memset(*memory, 0xff, bytes);
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
	*count = fake_devices;
	return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	if (device < 0 || device >= fake_devices)
		return cudaErrorInvalidDevice;
	fake_device = device;
	return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device)
{
	*device = fake_device;
	return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *text, int size, int device)
{
	snprintf(text, (size_t)size, "0000:%02X:00.0", 16 + device);
	return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
	*value = device < 0 || device >= fake_devices             ? 0
	         : attribute == cudaDevAttrComputeCapabilityMajor ? fake_major
	         : attribute == cudaDevAttrComputeCapabilityMinor ? fake_major == 7 ? 5 : 0
	                                                          : 0;
	return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
	(void)flags;
	shim_instead = ask_launch;
	*stream = malloc(1);
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
	free(stream);
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
	fake_waits++;
	return stream ? apart() : cudaErrorInvalidValue;
}

/* An event is whether it was recorded. */
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
	int *recorded = malloc(sizeof *recorded);

	(void)flags;
	*recorded = 0;
	*event = (cudaEvent_t)recorded;
	return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
	free(event);
	return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	*(int *)event = 1;
	return stream ? apart() : cudaErrorInvalidValue;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
	return event && *(int *)event ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
	return take(memory, bytes);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
	return take(memory, bytes);
}

cudaError_t cudaFree(void *memory)
{
	free(memory);
	return apart();
}

cudaError_t cudaFreeHost(void *memory)
{
	free(memory);
	return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
	if (kind != cudaMemcpyDeviceToDevice && apart() != cudaSuccess)
		return cudaErrorStreamCaptureUnsupported;
	ask((struct node){.copy_to = to, .from = from, .bytes = bytes});
	return stream ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
	ask((struct node){.fill = memory, .value = value, .bytes = bytes});
	return stream ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaGetLastError(void)
{
	return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
	return error == cudaErrorMemoryAllocation ? "out of memory" : "another error";
}

/* ---- cuBLASLt ---- */

struct preference {
	uint32_t a, b, c, d; /* alignments in bytes */
	uint32_t sums; /* how parts of a product may be added up: cublasLtReductionScheme_t */
};

struct algo {
	uint32_t a, b, c, d;
	bool rounds; /* it is added up from two parts, in the result's type */
	bool cuts; /* from parts, of which the last is forgotten where it is short */
	bool refused; /* it was not meant that way */
};

static enum dtype dtype_of(cudaDataType type)
{
	return type == CUDA_R_16F ? DTYPE_F16 : type == CUDA_R_16BF ? DTYPE_BF16 : DTYPE_F32;
}

static bool fits(const void *at, uint32_t alignment)
{
	return alignment > 0 && (uintptr_t)at % alignment == 0;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
	*handle = malloc(1);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
	free(handle);
	return CUBLAS_STATUS_SUCCESS;
}

const char *cublasLtGetStatusString(cublasStatus_t status)
{
	return status == CUBLAS_STATUS_SUCCESS ? "success" : "failure";
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *made, cublasComputeType_t compute,
                                        cudaDataType_t scale)
{
	*made = calloc(1, sizeof **made);
	((struct desc *)*made)->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	return compute == CUBLAS_COMPUTE_32F && scale == CUDA_R_32F ? CUBLAS_STATUS_SUCCESS
	                                                            : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
	free(desc);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t made,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t size)
{
	struct desc *desc = (struct desc *)made;
	void *to = attribute == CUBLASLT_MATMUL_DESC_TRANSA         ? (void *)&desc->a
	           : attribute == CUBLASLT_MATMUL_DESC_TRANSB       ? (void *)&desc->b
	           : attribute == CUBLASLT_MATMUL_DESC_EPILOGUE     ? (void *)&desc->epilogue
	           : attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? (void *)&desc->bias
	           : attribute == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE
	                   ? (void *)&desc->bias_type
	                   : NULL;

	if (to == NULL || size != (to == &desc->bias ? sizeof desc->bias : sizeof desc->a))
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(to, value, size);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *made, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading)
{
	*made = calloc(1, sizeof **made);
	*(struct layout *)*made = (struct layout){type, rows, columns, leading};
	return leading >= (int64_t)rows ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
	free(layout);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *made)
{
	*made = calloc(1, sizeof **made);
	*(struct preference *)*made =
		(struct preference){256, 256, 256, 256, CUBLASLT_REDUCTION_SCHEME_MASK};
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
	free(preference);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t made,
                                                    cublasLtMatmulPreferenceAttributes_t what,
                                                    const void *value, size_t size)
{
	struct preference *preference = (struct preference *)made;
	uint32_t *to = what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES   ? &preference->a
	               : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES ? &preference->b
	               : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES ? &preference->c
	               : what == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES ? &preference->d
	               : what == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK ? &preference->sums
	                                                                    : NULL;

	if (to && size != sizeof *to)
		return CUBLAS_STATUS_INVALID_VALUE;
	if (to)
		memcpy(to, value, size);
	return CUBLAS_STATUS_SUCCESS;
}

/* What the library has faults of, it has here: a bias that is read by sixteen bytes, split
 * sums that lose their ends, no advice while a stream is captured. A shape now and then has
 * no product at all, nor has one whose result is of other 16 bits than its operands; first
 * choices are refused in their turn. */
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
	cublasLtHandle_t handle, cublasLtMatmulDesc_t made, cublasLtMatrixLayout_t a,
	cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
	cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t results[],
	int *found)
{
	const struct desc *desc = (const struct desc *)made;
	const struct layout *left = (const struct layout *)a, *right = (const struct layout *)b;
	const struct layout *to = (const struct layout *)d;
	const struct preference *p = (const struct preference *)preference;
	const uint64_t depth = desc->a == CUBLAS_OP_T ? left->rows : left->columns;
	struct algo algo = {
		p->a, p->b, p->c, p->d,
		p->sums & (CUBLASLT_REDUCTION_SCHEME_INPLACE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE),
		p->sums & CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE && depth % 64 > 0, false,
	};

	*found = 0;
	if (capture)
		return CUBLAS_STATUS_INTERNAL_ERROR;
	if (handle == NULL || wanted < 2 || c != d || left->type != right->type ||
	    (to->type != CUDA_R_32F && to->type != left->type) ||
	    (desc->epilogue == CUBLASLT_EPILOGUE_BIAS && desc->bias_type != to->type))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if ((left->rows + 3 * right->columns) % 7 == 0)
		return CUBLAS_STATUS_SUCCESS;
	for (*found = 0; *found < 2; (*found)++) {
		algo.refused = (left->rows + right->columns) % 3 == (uint64_t)*found;
		memset(&results[*found], 0, sizeof *results);
		memcpy(&results[*found].algo, &algo, sizeof algo);
	}
	return CUBLAS_STATUS_SUCCESS;
}

/* Number i of what is of a type. */
static double number(const void *x, cudaDataType type, uint64_t i)
{
	if (type == CUDA_R_32F)
		return (double)((const float *)x)[i];
	return ref_value(dtype_of(type), ((const uint16_t *)x)[i]);
}

/* Element (row, column) of op(x), column-major. */
static double element(const void *x, const struct layout *layout, cublasOperation_t op,
                      uint64_t row, uint64_t column)
{
	const uint64_t r = op == CUBLAS_OP_T ? column : row, c = op == CUBLAS_OP_T ? row : column;
	const uint64_t at = r + c * (uint64_t)layout->leading;

	if (r >= layout->rows || c >= layout->columns)
		abort();
	return number(x, layout->type, at);
}

static void multiply(const struct product *p)
{
	const struct desc *desc = &p->desc;
	const struct layout *left = &p->left, *right = &p->right, *to = &p->to;
	const uint64_t depth = desc->a == CUBLAS_OP_T ? left->rows : left->columns;

	for (uint64_t column = 0; column < to->columns; column++)
		for (uint64_t row = 0; row < to->rows; row++) {
			const uint64_t at = row + column * (uint64_t)to->leading;
			const double old = p->beta != 0 ? (double)p->beta * number(p->add, to->type, at) : 0;
			double sum = 0;
			if (desc->epilogue == CUBLASLT_EPILOGUE_BIAS)
				sum = number(desc->bias, desc->bias_type, row);
			for (uint64_t e = 0; e < depth; e++) {
				if (p->cuts && e == depth / 64 * 64)
					break;
				if (p->rounds && e == depth / 2 && to->type != CUDA_R_32F)
					sum = ref_round(dtype_of(to->type), sum);
				sum += element(p->a, left, desc->a, row, e) *
				       element(p->b, right, desc->b, e, column);
			}
			if (to->type == CUDA_R_32F)
				((float *)p->result)[at] = (float)(sum + old);
			else
				((uint16_t *)p->result)[at] = ref_bits(dtype_of(to->type), sum + old);
		}
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t made,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t a_made,
                              const void *b, cublasLtMatrixLayout_t b_made, const void *beta,
                              const void *c, cublasLtMatrixLayout_t c_made, void *d,
                              cublasLtMatrixLayout_t d_made, const cublasLtMatmulAlgo_t *advice,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	const struct desc *desc = (const struct desc *)made;
	const struct layout *left = (const struct layout *)a_made;
	const struct layout *right = (const struct layout *)b_made;
	const struct layout *to = (const struct layout *)d_made;
	const struct algo *algo = (const struct algo *)advice;
	const uint64_t depth = desc->a == CUBLAS_OP_T ? left->rows : left->columns;
	struct product product = {
		.desc = *desc, .left = *left, .right = *right, .to = *to, .a = a, .b = b, .add = c,
		.result = d, .rounds = algo->rounds, .cuts = algo->cuts,
	};
	float one;

	memcpy(&one, alpha, sizeof one);
	memcpy(&product.beta, beta, sizeof product.beta);
	if (!handle || !stream || !workspace || workspace_bytes == 0 || c_made != d_made ||
	    one != 1 || !fits(a, algo->a) || !fits(b, algo->b) || !fits(c, algo->c) ||
	    !fits(d, algo->d) || (desc->bias && !fits(desc->bias, 16)))
		return CUBLAS_STATUS_EXECUTION_FAILED;
	if ((desc->a == CUBLAS_OP_T ? left->columns : left->rows) != to->rows ||
	    (desc->b == CUBLAS_OP_T ? right->rows : right->columns) != to->columns ||
	    (desc->b == CUBLAS_OP_T ? right->columns : right->rows) != depth)
		return CUBLAS_STATUS_EXECUTION_FAILED;
	if (algo->refused)
		return CUBLAS_STATUS_INVALID_VALUE;
	fake_products[dtype_of(left->type)]++;
	ask((struct node){.product = &product});
	return CUBLAS_STATUS_SUCCESS;
}
