/* MEMOSCOPE_ISA: which table it picks, and what is refused. */
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/cpu.h"

static const struct kernels *find(const char *level, struct err *err)
{
	*err = (struct err){0};
	setenv("MEMOSCOPE_ISA", level, 1);
	return kernels_cpu(err);
}

static void check_refused(const char *level)
{
	struct err err;

	ok(find(level, &err) == NULL && err.status == ERR_USAGE,
	   "refused: %s", err.text);
}

/* oneDNN makes the products in bfloat16, and goes beyond every level below v4. */
static void check_dtypes(const char *level)
{
	struct err err;
	const struct kernels *table = find(level, &err);

	ok(table->supports(DTYPE_F32), "%s supports f32", level);
	if (strcmp(level, "v4") != 0)
		ok(!table->supports(DTYPE_BF16) && table->open(DTYPE_BF16, &err) == NULL,
		   "and not bf16: %s", err.text);
}

int main(void)
{
	static const char *const levels[] = {"v4", "v3", "v2", "native"};
	static const char *const unknown[] = {"v1", "v5", "v", "V3", "avx2", "v3 ", " v3", "3"};
	const struct kernels *best = NULL;
	struct err err;

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		const struct kernels *table = kernels_cpu_level(levels[i]);
		if (table == NULL) {
			check_refused(levels[i]);
			continue;
		}
		ok(find(levels[i], &err) == table, "%s is taken", levels[i]);
		check_dtypes(levels[i]);
		if (best == NULL)
			best = table;
	}
	ok(best != NULL && find("", &err) == best, "an empty name is none, and the best is taken");
	unsetenv("MEMOSCOPE_ISA");
	ok(kernels_cpu(&err) == best, "as by default");
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		check_refused(unknown[i]);
	return done();
}
