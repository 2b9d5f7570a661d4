/* MEMOSCOPE_ISA: which table it picks, what oneDNN is held to, and what is refused. */
#include "tests/tap.h"

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/cpu/cpu.h"

/* Run a check in a process of its own, since oneDNN can be told only once. */
static bool alone(bool check(const char *), const char *level)
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		setenv("MEMOSCOPE_ISA", level, 1);
		_exit(!check(level));
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool picks(const char *level)
{
	struct err err = {0};
	const struct kernels *table = kernels_cpu(&err);

	return table != NULL && table == kernels_cpu_level(level) && kernels_cpu(&err) == table;
}

#ifdef __x86_64__
/* oneDNN at v2 knows no AVX, at v3 no AVX-512, and neither has bfloat16. */
static bool holds(const char *level)
{
	const dnnl_cpu_isa_t most = strcmp(level, "v2") == 0 ? dnnl_cpu_isa_sse41 : dnnl_cpu_isa_avx2;
	struct err err = {0};
	const struct kernels *table = kernels_cpu(&err);

	return table != NULL && !table->supports(DTYPE_BF16) && table->open(DTYPE_BF16, &err) == NULL &&
	       dnnl_get_effective_cpu_isa() == most && kernels_cpu(&err) == table;
}

static bool holds_nothing(const char *level)
{
	const struct kernels *table = kernels_cpu(NULL);

	(void)level;
	return table != NULL && dnnl_get_effective_cpu_isa() > dnnl_cpu_isa_avx2;
}
#endif

/* The processor that runs everything is told to be one level down, after a product. */
static bool comes_late(const char *level)
{
	struct err err = {0};
	const float a = 2, b = 3;
	float c;

	unsetenv("MEMOSCOPE_ISA");
	cpu_product_f32(false, false, 1, 1, 1, &a, &b, 0, &c);
	setenv("MEMOSCOPE_ISA", level, 1);
	return kernels_cpu(&err) == NULL && err.status == ERR_DATA && strstr(err.text, level);
}

static bool refuses(const char *level)
{
	struct err err = {0};

	return kernels_cpu(&err) == NULL && err.status == ERR_USAGE && strstr(err.text, level);
}

static bool as_unset(const char *level)
{
	const struct kernels *table = kernels_cpu(NULL);

	(void)level;
	unsetenv("MEMOSCOPE_ISA");
	return table != NULL && table == kernels_cpu(NULL);
}

int main(void)
{
	static const char *const levels[] = {"v4", "v3", "v2", "native"};
	static const char *const unknown[] = {"v1", "v5", "v", "V3", "avx2", "v3 ", " v3", "3"};
	bool best = true;

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		const bool has = kernels_cpu_level(levels[i]) != NULL;
		ok(alone(has ? picks : refuses, levels[i]), "%s is %s", levels[i],
		   has ? "taken" : "refused");
		if (has && best) {
			unsetenv("MEMOSCOPE_ISA");
			ok(kernels_cpu(NULL) == kernels_cpu_level(levels[i]), "it is the default");
			best = false;
		}
	}
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		ok(alone(refuses, unknown[i]), "'%s' is refused", unknown[i]);
	ok(alone(as_unset, ""), "an empty value is as good as none");
#ifdef __x86_64__
	ok(alone(holds, "v2"), "at v2 oneDNN is held to SSE 4.1");
	ok(!kernels_cpu_level("v3") || alone(holds, "v3"), "at v3 oneDNN is held to AVX2");
	ok(!kernels_cpu_level("v4") || alone(holds_nothing, "v4"), "at v4 it takes what there is");
	ok(!kernels_cpu_level("v3") || alone(comes_late, "v2"),
	   "an oneDNN that has begun is not held, and that is an error");
#endif
	return done();
}
