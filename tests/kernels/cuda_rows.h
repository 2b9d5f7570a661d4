/* cuda_rows.h - every operation of the GPU's table, run on the CPU by tests/kernels/shim and
 * compared with the reference. */
#ifndef MEMOSCOPE_TESTS_CUDA_ROWS_H
#define MEMOSCOPE_TESTS_CUDA_ROWS_H

#include "kernels/cuda/cuda.h"
#include "tests/kernels/harness/check.h"
#include "tests/kernels/shim/shim.h"
#include "tests/tap.h"

static void check_rows(enum dtype dtype)
{
	for (int row = 0; row < ops_rows(); row++) {
		struct ops_result result;
		if (shim_watched && strcmp(ops_row_name(row), "row_invariant") == 0)
			continue; /* it takes minutes under a sanitizer */
		ops_check_row(&kernels_cuda_table, dtype, row, &result);
		if (!ok(result.failed == 0, "kernels/cuda, %s: %s in %d cases", dtype_name(dtype),
		        ops_row_name(row), result.cases))
			printf("# %d of %d cases; the first: %s\n", result.failed, result.cases,
			       result.first);
	}
}

#endif
