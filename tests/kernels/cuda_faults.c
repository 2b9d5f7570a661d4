/* The GPU's kernels on machines with a fault (tests/kernels/shim). Each kernel runs on each such
 * machine, and the test of its operation must notice. Then it also notices a kernel with that
 * fault. */
#include "tests/tap.h"

#include "kernels/cuda/cuda.h"
#include "tests/kernels/harness/check.h"
#include "tests/kernels/shim/shim.h"

static const char *const faults[SHIM_FAULTS] = {
	[SHIM_NO_BARRIER] = "barriers",
	[SHIM_NO_SHUFFLE] = "shuffles",
	[SHIM_NO_COPY] = "copies",
	[SHIM_LAST_BLOCK] = "the last block",
	[SHIM_LAST_THREAD] = "the last threads",
};

/* A kernel on all faulty machines, by the first row that launched it, in the first dtype. */
static void check_faults(int row, enum dtype dtype, const char *kernel)
{
	for (enum shim_fault fault = SHIM_SOUND + 1; fault < SHIM_FAULTS; fault++) {
		bool touched;
		shim_fault = fault;
		shim_victim = kernel;
		const bool fails = ops_row_fails(&kernels_cuda_table, dtype, row, shim_touched,
		                                 &touched);
		shim_fault = SHIM_SOUND;
		if (fails || touched)
			ok(fails, "%s, %s: %s without %s is caught", ops_row_name(row), dtype_name(dtype),
			   kernel, faults[fault]);
	}
}

/* Kernels that other rows have launched, or this one in another dtype, are known already. */
static void check_row(int row, enum dtype dtype)
{
	struct shim_name names[SHIM_KERNELS];
	struct ops_result result;

	ops_check_row(&kernels_cuda_table, dtype, row, &result); /* for the names of its kernels */
	const int count = shim_launched_first(names);
	for (int i = 0; i < count; i++)
		check_faults(row, dtype, names[i].text);
}

int main(void)
{
	static const enum dtype dtypes[DTYPES] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};

	for (int i = 0; i < DTYPES; i++)
		for (int row = 0; row < ops_rows(); row++)
			check_row(row, dtypes[i]);
	return done();
}
