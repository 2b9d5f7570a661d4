/* The checks of tests/ref, checked: the reference passes as a table of kernels,
 * and every mutant is caught by the row that guards what it breaks. */
#include "tests/tap.h"

#include "tests/ref/check.h"
#include "tests/ref/table.h"

static void check_mutant(const struct mutant *mutant)
{
	for (int row = 0; row < ops_rows(); row++) {
		struct ops_result result;
		if (strcmp(ops_row_name(row), mutant->row) != 0)
			continue;
		ops_check_row(&mutant->table, DTYPE_F32, row, &result);
		ok(result.failed > 0, "%s is caught in %d of %d cases", mutant->what,
		   result.failed, result.cases);
		return;
	}
	ok(false, "%s: there is no row %s", mutant->what, mutant->row);
}

int main(void)
{
	struct mutant mutant;

	ops_check(&ref_table, DTYPE_F32, "reference", ok);
	ops_check(&ref_table, DTYPE_F16, "reference, f16", ok);
	ops_check(&ref_table, DTYPE_BF16, "reference, bf16", ok);
	for (int i = 0; ref_mutant(i, &mutant); i++)
		check_mutant(&mutant);
	return done();
}
