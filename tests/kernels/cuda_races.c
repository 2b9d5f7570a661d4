/* The GPU's kernels again, each load and store of theirs watched (tests/kernels/shim/races.h): no
 * two threads may touch the same memory with nothing to order them. And each barrier of
 * theirs is left out once, which must be found: so it is needed. */
#include "tests/tap.h"

#include <sys/wait.h>

#include "kernels/cuda/cuda.h"
#include "tests/kernels/harness/check.h"
#include "tests/kernels/shim/races.h"
#include "tests/kernels/shim/shim.h"

#define WARP 32

/* On a machine where nobody waits at one of a kernel's barriers there must be races. */
static void check_barrier(int row, enum dtype dtype, const char *kernel, int line)
{
	shim_fault = SHIM_NO_BARRIER_THERE;
	shim_victim = kernel;
	shim_line = line;
	races_first_ends = true;
	const int status = ops_row_status(&kernels_cuda_table, dtype, row);
	races_first_ends = false;
	shim_fault = SHIM_SOUND;
	ok(WIFEXITED(status) && WEXITSTATUS(status) == RACES_FOUND,
	   "%s, %s: %s without its barrier on line %d has races", ops_row_name(row),
	   dtype_name(dtype), kernel, line);
}

static void check_row(int row, enum dtype dtype)
{
	struct shim_name names[SHIM_KERNELS];
	struct ops_result result;
	char first[240];

	ops_check_row(&kernels_cuda_table, dtype, row, &result);
	const long races = races_found(first, sizeof first);
	if (!ok(races == 0 && result.failed == 0, "%s, %s: no races in %d cases", ops_row_name(row),
	        dtype_name(dtype), result.cases))
		printf("# %ld races; the first: %s\n# %d cases failed; the first: %s\n", races, first,
		       result.failed, result.first);
	const int count = shim_launched_first(names);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < names[i].barriers; j++)
			check_barrier(row, dtype, names[i].text, names[i].line[j]);
}

/* ---- what is a race: kernels of two blocks of two warps ---- */

#define RUNS(name) static void name(const void *args __attribute__((unused)))

static uint16_t memory[256];
static const float four[4];

static void touch(int i, bool writes)
{
	watch_access(&memory[i], sizeof memory[i], writes, memory);
}

static int thread(void)
{
	return (int)(blockIdx.x * blockDim.x + threadIdx.x);
}

RUNS(own)
{
	touch(thread(), false);
	touch(thread(), true);
	touch(thread(), true);
}

RUNS(all_read)
{
	touch(0, false);
}

RUNS(blocks_write)
{
	if (threadIdx.x == 0)
		touch(0, true);
}

RUNS(block_reads)
{
	if (threadIdx.x == 0)
		touch(0, blockIdx.x == 0);
}

RUNS(all_but_one_read)
{
	touch(0, thread() == 70);
}

RUNS(lanes)
{
	touch(thread(), true);
	__syncwarp();
	touch(thread() ^ 1, false);
}

RUNS(lanes_shuffle)
{
	touch(thread(), true);
	(void)__shfl_xor_sync(0xffffffffu, 1.0f, 1);
	touch(thread() ^ 1, false);
}

RUNS(lane_writes_later)
{
	touch(thread() / WARP, false);
	if (threadIdx.x % WARP == 5)
		touch(thread() / WARP, true);
}

RUNS(warps)
{
	touch(thread(), true);
	__syncwarp();
	touch(thread() ^ WARP, false);
}

RUNS(warps_meet)
{
	touch(thread(), true);
	__syncthreads();
	touch(thread() ^ WARP, false);
	__syncthreads();
	touch(thread(), true);
}

RUNS(warps_go_on)
{
	touch(thread(), true);
	__syncthreads();
	touch(thread() ^ WARP, false);
	touch(thread(), true);
}

RUNS(blocks_share)
{
	watch_access(shim_shared() + threadIdx.x, sizeof(float), true, memory);
}

RUNS(copies)
{
	copy_16(shim_shared() + 4 * threadIdx.x, four, true);
	__syncthreads();
	watch_access(shim_shared() + 4 * (threadIdx.x ^ 1), sizeof(float), false, memory);
	copies_end();
}

RUNS(copies_come)
{
	copy_16(shim_shared() + 4 * threadIdx.x, four, true);
	copies_end();
	__syncthreads();
	watch_access(shim_shared() + 4 * (threadIdx.x ^ 1), sizeof(float), false, memory);
}

static void check_detector(void)
{
	static const struct {
		const char *name;
		void (*thread)(const void *args);
		bool races;
	} kernels[] = {
		{"each thread writes what only it reads", own, false},
		{"all read", all_read, false},
		{"both blocks write", blocks_write, true},
		{"one block writes, one reads", block_reads, true},
		{"all read, and one writes", all_but_one_read, true},
		{"a lane reads what its neighbour wrote before __syncwarp", lanes, false},
		{"before a shuffle", lanes_shuffle, true},
		{"a lane writes what its warp has read", lane_writes_later, true},
		{"a warp reads what the other wrote before __syncwarp", warps, true},
		{"before a barrier", warps_meet, false},
		{"and writes without another one", warps_go_on, true},
		{"each block writes its shared memory", blocks_share, false},
		{"copies are waited for behind the barrier", copies, true},
		{"and before it", copies_come, false},
	};
	struct shim_name names[SHIM_KERNELS];
	char first[240];

	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
		const struct shim_call call = {
			.name = "detector", .thread = kernels[i].thread, .blocks_x = 2, .blocks_y = 1,
			.threads = 2 * WARP, .bytes = 2 * WARP * 16, .threads_most = 256,
		};
		for (int order = 0; order < 2; order++) {
			shim_run(&call);
			is_int(races_found(first, sizeof first) > 0, kernels[i].races, kernels[i].name);
		}
	}
	shim_launched(names); /* none of theirs */
}

int main(void)
{
	static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16};

	watcher = &races_watcher;
	check_detector();
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		for (int row = 0; row < ops_rows(); row++)
			check_row(row, dtypes[i]);
	return done();
}
