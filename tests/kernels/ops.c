/* Every operation of the CPU's tables, one for each level of the instruction
 * set that this processor runs, against the double-precision reference. */
#include "tests/tap.h"

#include "kernels/cpu/cpu.h"
#include "tests/kernels/harness/check.h"

static void check_level(const char *level)
{
	const struct kernels *kernels = kernels_cpu_level(level);
	char label[40];

	if (kernels == NULL)
		return;
	snprintf(label, sizeof label, "cpu %s", level);
	ops_check(kernels, DTYPE_F32, label, ok);
}

/* bfloat16 where the processor has it: oneDNN's on every level, so one will do. */
static void check_bf16(void)
{
	const struct kernels *kernels = kernels_cpu(NULL);
	struct err err = {0};

	if (kernels->supports(DTYPE_BF16)) {
		ops_check(kernels, DTYPE_BF16, "cpu, bf16", ok);
		return;
	}
	ok(kernels->open(DTYPE_BF16, &err) == NULL && err.status != ERR_NONE,
	   "without bfloat16 there is no such device: %s", err.text);
}

int main(void)
{
	struct err err = {0};

	check_level("v2");
	check_level("v3");
	check_level("v4");
	check_level("native");
	check_bf16();
	const struct kernels *cpu = kernels_cpu(NULL);
	ok(!cpu->supports(DTYPE_F16) && cpu->open(DTYPE_F16, &err) == NULL,
	   "nor is there one of half precision: %s", err.text);
	err = (struct err){0};
	ok(kernels_find("cpu", &err) != NULL, "there is a table for cpu");
	ok(kernels_find("abacus", &err) == NULL && err.status == ERR_USAGE,
	   "there is none for abacus: %s", err.text);
	return done();
}
