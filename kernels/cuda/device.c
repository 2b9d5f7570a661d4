/* Devices and their memory, by CUDA's runtime. */
#include "kernels/cuda/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/cublas.h"

#define STAGING (1 << 20) /* bytes of pinned memory */
#define STAGED_MAX (STAGING / 4) /* larger uploads go their own way */

void cuda_fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: the GPU failed: %s: %s\n", program_invocation_short_name, what, why);
	exit(ERR_DATA);
}

/* Graphs hold operations alone. dev may be NULL. */
static void not_recording(const struct device *dev, const char *what)
{
	if (dev && dev->recording)
		cuda_fail(what, "in the middle of a pass that is being recorded");
}

/* ---- finding a GPU ---- */

/* 75: compute capability 7.5 of the GPU that the thread uses */
static int capability(void)
{
	int number = 0, major = 0, minor = 0;

	cudaGetDevice(&number);
	cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, number);
	cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, number);
	return 10 * major + minor;
}

static int check_capability(struct err *err)
{
	if (capability() >= CUDA_ARCH_LEAST)
		return 0;
	return err_set(err, "the GPU is of compute capability %d.%d, expected %d.%d or later",
	               capability() / 10, capability() % 10, CUDA_ARCH_LEAST / 10,
	               CUDA_ARCH_LEAST % 10);
}

__attribute__((visibility("default")))
const struct kernels *kernels_cuda(size_t size, struct err *err)
{
	int count = 0;

	if (size != sizeof(struct kernels)) {
		err_set(err, "kernels-cuda.so is of another version of memoscope");
		return NULL;
	}
	const cudaError_t status = cudaGetDeviceCount(&count);
	if (status != cudaSuccess || count == 0) {
		err_set(err, "no GPU: %s", status == cudaSuccess ? "there is none" :
		                                                   cudaGetErrorString(status));
		return NULL;
	}
	return check_capability(err) < 0 ? NULL : &kernels_cuda_table;
}

int cuda_choose(int number, struct err *err)
{
	int count = 0;
	cudaError_t status = cudaGetDeviceCount(&count);

	if (status == cudaSuccess && count > 0)
		status = cudaSetDevice(number % count);
	if (status != cudaSuccess || count == 0)
		return err_set(err, "GPU %d cannot be used: %s", count > 0 ? number % count : number,
		               cudaGetErrorString(status));
	return check_capability(err) < 0 ? -1 : count;
}

void cuda_identity(char *text, size_t size)
{
	int number = 0;

	CHECK(cudaGetDevice(&number));
	CHECK(cudaDeviceGetPCIBusId(text, (int)size, number));
}

/* Tensor cores take half from compute capability 7 on, bfloat16 from 8. */
bool cuda_supports(enum dtype dtype)
{
	return dtype == DTYPE_F32 || capability() >= (dtype == DTYPE_F16 ? 70 : 80);
}

/* ---- devices ---- */

struct device *cuda_open(enum dtype dtype, struct err *err)
{
	struct device *dev = calloc(1, sizeof *dev);
	cudaStream_t stream = NULL;
	cudaError_t status;

	if (!dev) {
		err_set(err, "out of memory");
		return NULL;
	}
	dev->dtype = dtype;
	status = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
	dev->stream = stream;
	if (status == cudaSuccess)
		status = cudaMalloc((void **)&dev->sums, NORM_BLOCKS * sizeof *dev->sums);
	if (status == cudaSuccess)
		status = cudaMallocHost((void **)&dev->staging, STAGING);
	if (status != cudaSuccess)
		err_set(err, "the GPU cannot be used: %s", cudaGetErrorString(status));
	else if (!cuda_supports(dtype))
		err_set(err, "this GPU has no %s products", dtype_name(dtype));
	else if ((dev->blas = blas_new(stream, err)) != NULL) {
		dev->graphs = graphs_new();
		return dev;
	}
	cuda_close(dev);
	return NULL;
}

void cuda_close(struct device *dev)
{
	if (!dev)
		return;
	graphs_free(dev);
	blas_free(dev->blas);
	if (dev->stream)
		cudaStreamSynchronize((cudaStream_t)dev->stream);
	for (int i = 0; i < SCRATCHES; i++)
		cudaFree(dev->scratch[i]);
	for (int i = 0; i < dev->mark_count; i++)
		if (dev->marks[i])
			cudaEventDestroy((cudaEvent_t)dev->marks[i]);
	if (dev->beside)
		cudaStreamDestroy((cudaStream_t)dev->beside);
	free(dev->marks);
	cudaFree(dev->sums);
	cudaFree(dev->tiles);
	cudaFreeHost(dev->staging);
	if (dev->stream)
		cudaStreamDestroy((cudaStream_t)dev->stream);
	free(dev->begin);
	free(dev);
}

/* ---- memory ---- */

/* What the call gave; NULL: out of memory. */
static void *taken(const char *call, cudaError_t status, void *memory)
{
	if (status == cudaSuccess)
		return memory;
	cudaGetLastError(); /* the next launch must not be blamed for it */
	if (status != cudaErrorMemoryAllocation)
		cuda_fail(call, cudaGetErrorString(status));
	return NULL;
}

void *cuda_alloc(struct device *dev, size_t bytes)
{
	void *memory = NULL;

	not_recording(dev, "cudaMalloc");
	const cudaError_t status = cudaMalloc(&memory, bytes ? bytes : 64);
	return taken("cudaMalloc", status, memory);
}

void cuda_free(struct device *dev, void *memory)
{
	if (!memory)
		return;
	cuda_wait(dev);
	dev->weights = NULL; /* they may have been in it */
	graphs_forget(dev);
	CHECK(cudaFree(memory));
}

void *cuda_host_alloc(struct device *dev, size_t bytes)
{
	void *memory = NULL;

	not_recording(dev, "cudaMallocHost");
	const cudaError_t status = cudaMallocHost(&memory, bytes ? bytes : 64);
	return taken("cudaMallocHost", status, memory);
}

void cuda_host_free(struct device *dev, void *memory)
{
	if (!memory)
		return;
	cuda_wait(dev); /* a copy may be under way */
	CHECK(cudaFreeHost(memory));
}

bool cuda_take_scratch(struct device *dev, enum scratch which, size_t bytes)
{
	if (bytes <= dev->scratch_bytes[which])
		return true;
	cuda_free(dev, dev->scratch[which]);
	dev->scratch[which] = cuda_alloc(dev, bytes);
	dev->scratch_bytes[which] = dev->scratch[which] ? bytes : 0;
	return dev->scratch[which] != NULL;
}

void *cuda_scratch(struct device *dev, enum scratch which, size_t bytes)
{
	if (bytes > dev->scratch_bytes[which] && !cuda_take_scratch(dev, which, bytes + bytes / 4)) {
		char why[80];
		snprintf(why, sizeof why, "out of memory for %zu bytes of scratch", bytes);
		cuda_fail("scratch", why);
	}
	return dev->scratch[which];
}

void cuda_wait(struct device *dev)
{
	not_recording(dev, "cudaStreamSynchronize");
	CHECK(cudaStreamSynchronize((cudaStream_t)dev->stream));
	dev->staged = 0;
}

/* Through pinned memory, which the GPU reads when the stream comes to it; what is there
 * is not written over before. */
void cuda_upload(struct device *dev, void *to, const void *from_host, size_t bytes)
{
	const cudaStream_t stream = (cudaStream_t)dev->stream;

	cuda_written(dev, to, bytes);
	not_recording(dev, "an upload");
	if (bytes > STAGED_MAX) {
		CHECK(cudaMemcpyAsync(to, from_host, bytes, cudaMemcpyHostToDevice, stream));
		cuda_wait(dev);
		return;
	}
	if (dev->staged + bytes > STAGING)
		cuda_wait(dev);
	memcpy(dev->staging + dev->staged, from_host, bytes);
	CHECK(cudaMemcpyAsync(to, dev->staging + dev->staged, bytes, cudaMemcpyHostToDevice, stream));
	dev->staged += (bytes + 63) / 64 * 64;
}

void cuda_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	not_recording(dev, "a download");
	CHECK(cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost,
	                      (cudaStream_t)dev->stream));
	cuda_wait(dev);
}

/* ---- marks ---- */

/* Room for this one, with none in it. */
static void take_marks(struct device *dev, int mark)
{
	if (mark < dev->mark_count)
		return;
	void **marks = realloc(dev->marks, (size_t)(mark + 1) * sizeof *marks);
	if (!marks)
		cuda_fail("marks", "out of memory");
	for (int i = dev->mark_count; i <= mark; i++)
		marks[i] = NULL;
	dev->marks = marks;
	dev->mark_count = mark + 1;
}

void cuda_mark(struct device *dev, int mark)
{
	cudaEvent_t event = NULL;

	not_recording(dev, "cudaEventRecord");
	take_marks(dev, mark);
	if (!dev->marks[mark]) {
		CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
		dev->marks[mark] = event;
	}
	CHECK(cudaEventRecord((cudaEvent_t)dev->marks[mark], (cudaStream_t)dev->stream));
}

void cuda_await(struct device *dev, int mark)
{
	CHECK(cudaEventSynchronize((cudaEvent_t)dev->marks[mark]));
}

void cuda_download_marked(struct device *dev, int mark, void *to_host, const void *from,
                          size_t bytes)
{
	cudaStream_t beside = (cudaStream_t)dev->beside;

	cuda_await(dev, mark);
	if (!beside) {
		CHECK(cudaStreamCreateWithFlags(&beside, cudaStreamNonBlocking));
		dev->beside = beside;
	}
	CHECK(cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost, beside));
	CHECK(cudaStreamSynchronize(beside));
}

void cuda_copy(struct device *dev, void *to, const void *from, size_t bytes)
{
	cuda_written(dev, to, bytes);
	CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice,
	                      (cudaStream_t)dev->stream));
}

void cuda_zero(struct device *dev, void *memory, size_t bytes)
{
	cuda_written(dev, memory, bytes);
	CHECK(cudaMemsetAsync(memory, 0, bytes, (cudaStream_t)dev->stream));
}
