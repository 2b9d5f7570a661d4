#include "kernels/cpu/isa/isa.h"

extern const struct kernels ISA_NAME(kernels_cpu);

static bool supports(enum dtype dtype)
{
	return cpu_supports(ISA_TEXT, dtype);
}

static struct device *open_device(enum dtype dtype, struct err *err)
{
	return cpu_open(ISA_TEXT, dtype, err);
}

const struct kernels ISA_NAME(kernels_cpu) = {
	.name = "cpu",
	.pass_rows = 512,
	.row_step = 1,
	.host_memory = true,
	.supports = supports,
	.activations = cpu_activations,
	.open = open_device,
	.close = cpu_close,
	.alloc = cpu_alloc,
	.free = cpu_free,
	.upload = cpu_copy,
	.download = cpu_copy,
	.copy = cpu_copy,
	.zero = cpu_zero,
	.read_activations = cpu_read_activations,
	.wait = cpu_wait,
	.hold = cpu_hold,
	.embed = op_embed,
	.embed_backward = op_embed_backward,
	.layernorm = op_layernorm,
	.layernorm_backward = op_layernorm_backward,
	.linear = op_linear,
	.linear_backward = op_linear_backward,
	.linear_residual = op_linear_residual,
	.linear_residual_backward = op_linear_residual_backward,
	.unembed = op_unembed,
	.unembed_backward = op_unembed_backward,
	.gelu = op_gelu,
	.gelu_backward = op_gelu_backward,
	.gelu_tanh = op_gelu_tanh,
	.gelu_tanh_backward = op_gelu_tanh_backward,
	.sum = cpu_sum,
	.add = op_add,
	.set_columns = cpu_set_columns,
	.scale_columns = cpu_scale_columns,
	.dropout = op_dropout,
	.attention = op_attention,
	.attention_backward = op_attention_backward,
	.attention_probs = op_attention_probs,
	.attention_cached = op_attention_cached,
	.cache_store = op_cache_store,
	.row_invariant = cpu_row_invariant,
	.cross_entropy = op_cross_entropy,
	.norm2 = op_norm2,
	.clip = cpu_clip,
	.adamw = op_adamw,
	.muon = op_muon,
};
