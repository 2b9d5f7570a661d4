/* shim.h - a machine that runs the kernels of kernels/cuda on a CPU, for the tests.
 *
 * It stands in for what nvcc gives a file of kernels (kernels/cuda/launch.cuh): grid,
 * block, shared memory, barriers, shuffles and tensor cores (kernels/cuda/mma.cuh). A
 * block's threads are fibers that run one at a time, each until it waits for others;
 * blocks run one after another. That shows a missing barrier as no GPU would: a thread
 * that does not wait is far ahead, or far behind, of its neighbours. Shared memory is
 * all NaN when a block begins, and writing past its end, or waiting for a thread that
 * does not come, ends the program.
 *
 * Orders of blocks and threads change from one launch to the next: nothing may depend
 * on them.
 */
#ifndef MEMOSCOPE_TESTS_SHIM_H
#define MEMOSCOPE_TESTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_KERNELS 64
#define SHIM_BARRIERS 8
struct shim_name {
	char text[40];
	int launches;
	int barriers, line[SHIM_BARRIERS]; /* that it came to: where they stand in its file */
};

/* ---- what a kernel sees ---- */

struct shim_index {
	unsigned x, y;
};
extern struct shim_index threadIdx, blockIdx, blockDim, gridDim;

#define DEVICE static inline __attribute__((unused))
#define UNROLL
#define ALIGNED(bytes) __attribute__((aligned(bytes)))
#define KERNEL(name) KERNEL_OF(name, 256)
#define KERNEL_OF(name, threads)                               \
	enum { name##_threads = threads };                     \
	static void name##_kernel(const struct name a);        \
	static void name##_thread(const void *args)            \
	{                                                      \
		name##_kernel(*(const struct name *)args);     \
	}                                                      \
	static void name##_kernel(const struct name a)
#define SHARED(name) float *const name = shim_shared()
#define LAUNCH(dev, name, blocks_x, blocks_y, threads, bytes, args)                        \
	((void)(dev), shim_launch((struct shim_call){#name, name##_thread, &(args),        \
	                          sizeof(args), (unsigned)(blocks_x), (unsigned)(blocks_y), \
	                          (unsigned)(threads), bytes, name##_threads}))
#define __syncthreads() shim_barrier(__LINE__)
#define __syncwarp() shim_warp_barrier(__LINE__)
#define __shfl_xor_sync(mask, x, other) \
	_Generic((x), uint32_t: shim_shuffle_word, float: shim_shuffle_float, \
	         double: shim_shuffle_double)(mask, x, other)
#define __ballot_sync(mask, yes) shim_ballot(mask, yes)
#define __ffs(x) __builtin_ffs(x)

/* Where each load and store is watched, a compiler must not make several of one. */
#ifdef WATCH_ACCESSES
#define LOAD(type, from)                                           \
	({                                                         \
		type shim_loaded;                                  \
		shim_load(&shim_loaded, from, sizeof shim_loaded); \
		shim_loaded;                                       \
	})
#define STORE(type, to, what)                                      \
	({                                                         \
		const type shim_stored = what;                     \
		shim_store(to, &shim_stored, sizeof shim_stored);  \
	})
#endif

#define mma(d, a, b, half) shim_mma(d, a, b, half)
#define load_matrices(to, row) shim_load_matrices(to, row, false)
#define load_transposed(to, row) shim_load_matrices(to, row, true)
#define copy_16(to, from, there) shim_copy(to, from, 16, there)
#define copy_4(to, from, there) shim_copy(to, from, 4, there)
#define copies_end() shim_copies_end()

/* ---- what stands behind it ---- */

struct shim_call {
	const char *name;
	void (*thread)(const void *args);
	const void *args; /* of args_bytes */
	size_t args_bytes;
	unsigned blocks_x, blocks_y, threads;
	size_t bytes; /* of shared memory */
	unsigned threads_most; /* that it is compiled for */
};
void shim_launch(struct shim_call call);
float *shim_shared(void);
void shim_barrier(int line);
void shim_warp_barrier(int line);
uint32_t shim_shuffle_word(unsigned mask, uint32_t x, int other);
float shim_shuffle_float(unsigned mask, float x, int other);
double shim_shuffle_double(unsigned mask, double x, int other);
uint32_t shim_ballot(unsigned mask, bool yes);
void shim_load(void *to, const void *from, size_t bytes);
void shim_store(void *to, const void *from, size_t bytes);
void shim_mma(float d[4], const uint32_t a[4], const uint32_t b[2], bool half);
void shim_load_matrices(uint32_t to[4], const uint16_t *row, bool transposed);
void shim_copy(void *to, const void *from, size_t bytes, bool there);
void shim_copies_end(void);

/* Who gets the launches in the machine's place, unless NULL; what they do by shim_run(). */
extern void (*shim_instead)(const struct shim_call *call);
void shim_run(const struct shim_call *call);

/* What is wrong with the machine: faults that the tests of a kernel must notice, if
 * they would notice it in the kernel. */
enum shim_fault {
	SHIM_SOUND,
	SHIM_NO_BARRIER, /* nobody waits at a barrier */
	SHIM_NO_SHUFFLE, /* a lane gets its own value back, or numbers of its own alone */
	SHIM_NO_COPY, /* copies into shared memory do not come, however long one waits */
	SHIM_LAST_BLOCK, /* the grid's last block does not run */
	SHIM_LAST_THREAD, /* nor the last thread of each block */
	SHIM_FAULTS,
	/* nobody waits at the barrier on shim_line, a block's or a warp's: not all do damage by
	 * themselves, and races.h alone notices */
	SHIM_NO_BARRIER_THERE = SHIM_FAULTS
};
extern enum shim_fault shim_fault;

/* Launches of this kernel suffer the fault; of all its widths, too, where it has some
 * (forward: forward_16, forward_32 …). */
extern const char *shim_victim;
extern int shim_line;

/* Does an address sanitizer watch? Then all is slow. */
extern const bool shim_watched;

/* Did the fault make a difference to any launch? (Some kernels have no barrier.) */
bool shim_touched(void);

/* The names of the kernels launched since the last call, without their widths, and how
 * often each was. */
int shim_launched(struct shim_name names[SHIM_KERNELS]);

/* The same, without those that an earlier call of this one has told of. */
int shim_launched_first(struct shim_name names[SHIM_KERNELS]);

#endif
