/* The GPU's kernels, run on the CPU by tests/kernels/shim: every operation of the table against
 * the double-precision reference, and a network over them against one on the CPU. In float32;
 * tests/kernels/cuda_half.c has the other types.
 *
 * What stands in for cuBLASLt and for CUDA's runtime is not what runs on a GPU; all
 * else is: kernels, launches, the order of operations. */
#include "tests/tap.h"

#include <stdlib.h>

#include "common/train/trainer.h"
#include "tests/kernels/cuda_rows.h"
#include "tests/kernels/harness/network.h"

/* AdamW steps all that it steps by one launch, however many tensors there are. */
static void check_launches(enum optimizer_kind optimizer, const char *name)
{
	const struct gpt_config config = {
		.layers = 3, .heads = 1, .width = 4, .context = 4, .vocab = 5, .bias = true,
	};
	struct trainer_options options = {
		.kernels = &kernels_cuda_table, .workers = 1, .lr = {.peak = 1e-3, .steps = 10},
		.optimizer = {.kind = optimizer, .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1},
		.weight = {1},
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
	struct err err = {0};
	const struct kernels *cpu = kernels_find("cpu", &err);

	check_rows(DTYPE_F32);
	check_launches(OPTIMIZER_ADAMW, "a step by AdamW");
	check_launches(OPTIMIZER_MUON, "a step by Muon and AdamW");
	network_check(&kernels_cuda_table, cpu, DTYPE_F32, 6, "network", ok);
	return done();
}
