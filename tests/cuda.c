/* The GPU's kernels, run on the CPU by tests/shim: every operation of the table against
 * the double-precision reference, and a network over them against one on the CPU.
 *
 * What stands in for cuBLASLt and for CUDA's runtime is not what runs on a GPU; all
 * else is: kernels, launches, the order of operations. And each kernel is run on
 * machines with a fault, which its row must notice: what would notice that notices a
 * kernel that does as much wrong. */
#include "tests/tap.h"

#include <stdlib.h>

#include "common/trainer.h"
#include "kernels/cuda/cuda.h"
#include "tests/ref/check.h"
#include "tests/ref/network.h"
#include "tests/ref/ref.h"
#include "tests/shim/shim.h"

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

	ops_check_row(&kernels_cuda_table, dtype, row, &result);
	if (!ok(result.failed == 0, "kernels/cuda, %s: %s in %d cases", dtype_name(dtype),
	        ops_row_name(row), result.cases))
		printf("# %d of %d cases; the first: %s\n", result.failed, result.cases, result.first);
	const int count = shim_launched_first(names);
	/* what a sanitizer looks for is not in machines */
	for (int i = 0; i < count && !shim_watched; i++)
		check_faults(row, dtype, names[i].text);
}

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

/* AdamW steps all that it steps by one launch, however many tensors there are. */
static void check_launches(enum optimizer optimizer, const char *name)
{
	const struct gpt_config config = {
		.layers = 3, .heads = 1, .width = 4, .context = 4, .vocab = 5, .bias = true,
	};
	struct trainer_options options = {
		.kernels = &kernels_cuda_table, .workers = 1, .lr = 1e-3, .steps = 10, .beta1 = 0.9,
		.beta2 = 0.99, .optimizer = optimizer, .weight_decay = 0.1, .weight = {1},
	};
	const uint16_t token[4] = {0, 1, 2, 3};
	const uint8_t kind[4] = {0};
	const struct example example = {.token = token, .kind = kind, .length = 4};
	float *params = calloc(gpt_parameter_count(&config), sizeof *params);
	struct shim_name names[SHIM_KERNELS];
	struct step_result result;
	struct err err = {0};
	int launches = 0;

	if (params == NULL)
		abort();
	gpt_init_parameters(&config, 1, params);
	struct trainer *trainer = trainer_new(&config, &options, params, &err);
	shim_launched(names);
	is_int(trainer_step(trainer, &example, 1, &result, &err), 0, name);
	const int count = shim_launched(names);
	for (int i = 0; i < count; i++)
		if (strcmp(names[i].text, "adamw_step") == 0)
			launches = names[i].launches;
	is_int(launches, 1, "  one launch of AdamW for all tensors");
	trainer_free(trainer);
	free(params);
}

int main(void)
{
	static const enum dtype dtypes[DTYPES] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
	struct err err = {0};
	const struct kernels *cpu = kernels_find("cpu", &err);

	/* under a sanitizer rows take minutes: one type of 16 bits shows what the other would */
	for (int i = 0; i < (shim_watched ? 2 : DTYPES); i++)
		for (int row = 0; row < ops_rows(); row++)
			if (!shim_watched || strcmp(ops_row_name(row), "row_invariant") != 0)
				check_row(row, dtypes[i]);
	check_rounding(DTYPE_F16);
	check_rounding(DTYPE_BF16);
	check_launches(OPTIMIZER_ADAMW, "a step by AdamW");
	check_launches(OPTIMIZER_MUON, "a step by Muon and AdamW");
	network_check(&kernels_cuda_table, cpu, DTYPE_F32, 6, "network", ok);
	if (!shim_watched) {
		network_check(&kernels_cuda_table, cpu, DTYPE_F16, 4, "network, f16", ok);
		network_check(&kernels_cuda_table, cpu, DTYPE_BF16, 4, "network, bf16", ok);
	}
	return done();
}
