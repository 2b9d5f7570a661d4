/* The GPU's kernels with operands and activations in 16 bits, run on the CPU by
 * tests/kernels/shim: every operation against the reference, the rounding of every number, and a
 * network. */
#include "tests/tap.h"

#include <stdlib.h>

#include "tests/kernels/cuda_rows.h"
#include "tests/kernels/harness/network.h"
#include "tests/kernels/harness/ref.h"

/* Around each number that dtype has, and half-way to the next: what those become. */
static void check_rounding(enum dtype dtype)
{
	enum { AROUND = 6, COUNT = 0x10000 * AROUND, COLS = 0x100 };
	struct err err = {0};
	struct device *dev = cuda_open(dtype, &err);
	float *from = malloc(COUNT * sizeof *from);
	uint16_t *to = malloc(COUNT * sizeof *to);
	int wrong = 0, first = -1;

	if (!dev || !from || !to)
		abort();
	for (int i = 0; i < 0x10000; i++) {
		const float at = (float)ref_value(dtype, (uint16_t)i);
		const double next = ref_value(dtype, (uint16_t)(i + 1));
		const double before = ref_value(dtype, (uint16_t)(i - 1));
		/* the largest has no next one: half-way to where it would be */
		const float middle = (float)((double)at + 0.5 * (isinf(next) ? (double)at - before
		                                                             : next - (double)at));
		const float around[AROUND] = {
			nextafterf(at, -INFINITY), at, nextafterf(at, INFINITY),
			nextafterf(middle, -INFINITY), middle, nextafterf(middle, INFINITY),
		};
		memcpy(from + i * AROUND, around, sizeof around);
	}
	cuda_round(dev, dtype, to, from, COUNT / COLS, COLS, COLS);
	for (int i = 0; i < COUNT; i++) {
		const double have = ref_value(dtype, to[i]), want = ref_round(dtype, (double)from[i]);
		if (isnan(want) ? isnan(have) : have == want && signbit(have) == signbit(want))
			continue;
		first = wrong++ ? first : i;
	}
	if (!ok(wrong == 0, "rounding to %s: every number, and what stands around it",
	        dtype_name(dtype)))
		printf("# %d wrong; the first: of %.9g have %04x\n", wrong, (double)from[first],
		       to[first]);
	free(from);
	free(to);
	cuda_close(dev);
}

int main(void)
{
	struct err err = {0};
	const struct kernels *cpu = kernels_find("cpu", &err);

	check_rounding(DTYPE_F16);
	check_rounding(DTYPE_BF16);
	check_rows(DTYPE_BF16);
	if (!shim_watched) { /* bf16 shows a sanitizer what f16 would */
		check_rows(DTYPE_F16);
		network_check(&kernels_cuda_table, cpu, DTYPE_F16, 4, "network, f16", ok);
		network_check(&kernels_cuda_table, cpu, DTYPE_BF16, 4, "network, bf16", ok);
	}
	return done();
}
