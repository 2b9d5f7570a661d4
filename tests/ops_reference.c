/* The checks of tests/ref, checked: the reference passes as a table of kernels,
 * and every mutant is caught by the row that guards what it breaks. */
#include "tests/tap.h"

#include "tests/ref/check.h"
#include "tests/ref/table.h"

int main(void)
{
	ops_check(&ref_table, DTYPE_F32, "reference", ok);
	ops_check(&ref_table, DTYPE_BF16, "reference, bf16", ok);
	return done();
}
