#include "kernels/cuda/cuda.h"

static void row_invariant(struct device *dev, bool on)
{
	dev->row_invariant = on;
}

enum dtype cuda_activations(const struct device *dev)
{
	return dev->dtype;
}

void cuda_read_activations(struct device *dev, float *to_host, const void *from, size_t count)
{
	const void *floats = from;

	if (dev->dtype != DTYPE_F32) {
		float *wide = cuda_scratch(dev, SCRATCH_ROWS, count * sizeof *wide);
		cuda_widen(dev, wide, from, count);
		floats = wide;
	}
	cuda_download(dev, to_host, floats, count * sizeof *to_host);
}

const struct kernels kernels_cuda_table = {
	.name = "cuda",
	.single = true,
	.pass_rows = 16384,
	.row_step = TILE,
	.supports = cuda_supports,
	.activations = cuda_activations,
	.choose = cuda_choose,
	.identity = cuda_identity,
	.open = cuda_open,
	.close = cuda_close,
	.alloc = cuda_alloc,
	.free = cuda_free,
	.host_alloc = cuda_host_alloc,
	.host_free = cuda_host_free,
	.upload = cuda_upload,
	.download = cuda_download,
	.copy = cuda_copy,
	.zero = cuda_zero,
	.read_activations = cuda_read_activations,
	.wait = cuda_wait,
	.mark = cuda_mark,
	.await = cuda_await,
	.download_marked = cuda_download_marked,
	.reserve = cuda_reserve,
	.weights = cuda_weights,
	.replay = cuda_replay,
	.recorded = cuda_recorded,
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
	.sum = op_sum,
	.add = op_add,
	.set_columns = op_set_columns,
	.scale_columns = op_scale_columns,
	.dropout = op_dropout,
	.attention = op_attention,
	.attention_backward = op_attention_backward,
	.attention_probs = op_attention_probs,
	.attention_cached = op_attention_cached,
	.cache_store = op_cache_store,
	.row_invariant = row_invariant,
	.cross_entropy = op_cross_entropy,
	.norm2 = op_norm2,
	.clip = op_clip,
	.adamw = op_adamw,
	.muon = op_muon,
};
