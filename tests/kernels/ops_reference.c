/* The checks of tests/kernels/harness, checked: the reference passes as a table of kernels, in each
 * dtype, and every mutant is caught by the row that guards what it breaks. */
#include "tests/tap.h"

#include "tests/kernels/harness/check.h"
#include "tests/kernels/harness/network.h"
#include "tests/kernels/harness/table.h"

static void check_mutant(const struct mutant *mutant)
{
	for (int row = 0; row < ops_rows(); row++) {
		if (strcmp(ops_row_name(row), mutant->row) != 0)
			continue;
		ok(ops_row_catches(&mutant->table, mutant->dtype, row), "%s, %s, is caught",
		   mutant->what, dtype_name(mutant->dtype));
		return;
	}
	ok(false, "%s: there is no row %s", mutant->what, mutant->row);
}

/* Rounding as tensor cores do it is no error, nor is it where nothing is rounded. */
static void check_tensor_cores(void)
{
	const struct kernels table = ref_tensor_cores();

	for (int row = 0; row < ops_rows(); row++)
		for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
			struct ops_result result;
			if (strncmp(ops_row_name(row), "attention", 9) != 0)
				continue;
			ops_check_row(&table, dtype, row, &result);
			if (!ok(result.failed == 0, "%s, %s: %s in %d cases", table.name,
			        dtype_name(dtype), ops_row_name(row), result.cases))
				printf("# %d; the first: %s\n", result.failed, result.first);
		}
}

int main(void)
{
	const struct kernels tensor = ref_tensor_cores();
	struct mutant mutant;

	ops_check(&ref_table, DTYPE_F32, "reference", ok);
	ops_check(&ref_table, DTYPE_F16, "reference, f16", ok);
	ops_check(&ref_table, DTYPE_BF16, "reference, bf16", ok);
	check_tensor_cores();
	/* a network whose activations have 16 bits, and the bounds of its checks */
	network_check(&tensor, &ref_table, DTYPE_BF16, 4, "network, bf16", ok);
	network_check(&tensor, &ref_table, DTYPE_F16, 4, "network, f16", ok);
	for (int i = 0; ref_mutant(i, &mutant); i++)
		check_mutant(&mutant);
	return done();
}
