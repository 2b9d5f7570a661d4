/* gpt_internal.h - the inside of struct gpt, for gpt.c, gpt_memory.c, gpt_inspect.c,
 * gpt_hook.c, gpt_patch*.c, gpt_parts.c and kv_cache.c only.
 *
 * Shapes: n = rows_max rows, c = width, h = heads, f = gpt_inner(), v = vocab. "void *": device
 * memory in the device's type of activations (kernels.h), of activation_size bytes each; all
 * other pointers to numbers are float32 in device memory, unless they say otherwise.
 */
#ifndef MEMOSCOPE_GPT_INTERNAL_H
#define MEMOSCOPE_GPT_INTERNAL_H

#include "common/model/gpt.h"
#include "common/model/gpt_hook.h"

/* Where the tensors of one block begin, in the parameters or the gradients. Biases (_b) are
 * NULL if the network has none. */
struct block_weights {
	float *ln_1, *ln_1_b; /* [c] */
	float *attn_qkv, *attn_qkv_b; /* [c,3c], [3c] */
	float *attn_proj, *attn_proj_b; /* [c,c], [c] */
	float *ln_2, *ln_2_b; /* [c] */
	float *mlp_fc, *mlp_fc_b; /* [c,f], [f] */
	float *mlp_proj, *mlp_proj_b; /* [f,c], [c] */
};

/* The same for the whole array. */
struct gpt_weights {
	float *wte, *wpe; /* [v,c], [context,c]; wte is where the array begins */
	float *ln_f, *ln_f_b; /* [c] */
	float *head; /* [v,c] the output head; wte if the network has none of its own */
	struct block_weights *blocks; /* [layers], host memory, owned */
};

/* What a forward pass leaves of one block. */
struct block_activations {
	float *x; /* [n,c] the residual stream before the block */
	void *ln_1; /* [n,c] */
	float *mean_1, *rstd_1; /* [n] */
	void *qkv; /* [n,3c] */
	void *att; /* [n,c] the heads' outputs, side by side */
	float *lse; /* [h,n] log-sum-exp of each row's scores */
	float *x_mid; /* [n,c] the residual stream between attention and feed-forward part */
	void *ln_2; /* [n,c] */
	float *mean_2, *rstd_2; /* [n] */
	void *fc, *gelu; /* [n,f] before and after GELU */
};

/* Parts that are replaced, and what by. Pointers are NULL if none is. */
struct ablated {
	bool *heads; /* [layers,h] host memory */
	bool *mlps; /* [layers] host memory */
	float *head_output; /* [layers,c] of each layer's heads, side by side */
	float *mlp_output; /* [layers,c] */
	const uint8_t *rows; /* [n] host memory, the caller's: in these rows; NULL: in all */
	const int32_t *row_of; /* [n] host memory: rows is about this row; NULL: about the same */
};

struct gpt {
	struct gpt_config config;
	const struct kernels *k;
	struct device *dev;
	int rows_max;
	enum gpt_keep keep;
	size_t activation_size;
	float epsilon; /* of layer normalisation */

	struct gpt_weights weights; /* in the caller's parameters */
	struct gpt_weights grads; /* in gradients */
	float *gradients; /* the whole array; NULL unless all is kept */
	gpt_listener *told; /* of gpt_on_gradients(); NULL: nobody */
	void *told_data;

	/* of the last pass */
	struct block_activations *blocks; /* [layers], host memory; all blocks share the buffers
	                                   * that are not kept */
	float *x_last; /* [n,c] the residual stream after the last block */
	void *ln_f; /* [n,c] */
	float *mean_f, *rstd_f; /* [n] */
	float *logits; /* [logit_rows,v]; a loss puts their gradient in their place */
	int logit_rows; /* n if all is kept; else those of a block, at most */
	float *loss; /* [n] */

	/* scratch */
	float *branch; /* [n,c] what a half of a block adds to the residual stream */
	float *dx; /* [n,c] the gradient of the residual stream */
	void *dx_rounded; /* [n,c] the same as activations; NULL if those are float32 */
	void *dbranch; /* [n,c] */
	void *dwide; /* [n,3c] or [n,f], the larger */
	float *probs; /* [n,n] one head's matrix; NULL unless attention is kept */

	/* the batch on the device */
	int32_t *token, *position, *target; /* [n] */
	int32_t *slot; /* [n] of a cache */
	float *loss_weight; /* [n] */
	const struct gpt_batch *batch; /* of the last pass: the caller's */
	int rows; /* of the last pass */

	struct dropout dropout;
	uint64_t *dropout_pass; /* [1] device memory: the number of the pass */

	struct gpt_hook hook; /* places 0: none */

	struct ablated ablated;

	void **memory; /* [memory_count] every buffer above, to free */
	int memory_count;
	size_t memory_room;
	size_t memory_bytes; /* the sum of what was asked for */
	bool memory_failed; /* one of the requests failed */
};

/* ---- gpt_memory.c ---- */

/* Device memory that gpt_free() frees. NULL, and memory_failed, if it is out. */
void *gpt_alloc(struct gpt *gpt, size_t bytes);
float *gpt_alloc_floats(struct gpt *gpt, size_t rows, size_t cols);

/* ---- gpt.c: the parts of a forward pass, over n rows ---- */

/* Copy n elements of size bytes to the device. from_host NULL: copy nothing. */
void gpt_upload_rows(struct gpt *gpt, void *to, const void *from_host, int n, size_t size);

/* blocks[0].x from token and position. */
void gpt_embed(struct gpt *gpt, int n);

/* Block l up to its attention: qkv from x. */
void gpt_block_qkv(struct gpt *gpt, int l, int n);

/* Queries of layer l, or their gradient, times gpt_query_factor(), in place: the first columns of
 * qkv[n,3c]. */
void gpt_scale_queries(struct gpt *gpt, void *qkv, int l, int n);

/* The end of its first half: x_mid from att and x, the residual stream that came in. */
void gpt_block_attention(struct gpt *gpt, int l, int n, const float *x);

/* Its second half: from x_mid to the x of the next block or x_last. */
void gpt_block_mlp(struct gpt *gpt, int l, int n);

/* Both. */
void gpt_block_rest(struct gpt *gpt, int l, int n, const float *x);

/* Download the logits of n rows of the residual stream x, block by block. bias: of the last layer
 * norm; NULL: none. */
void gpt_unembed(struct gpt *gpt, const float *x, const float *bias, int n, float *logits);

/* ---- gpt_hook.c ---- */

/* Call the hook if it asked for this place, in a pass over a batch. */
void gpt_visit(struct gpt *gpt, enum gpt_place place, int layer);

/* ---- kv_cache.c: attention of layer l over a cache, for rows whose qkv and gpt->slot and
 * gpt->position are there ---- */

struct kv_cache;

/* att[count,c] of count rows from row first on. Their keys and values are stored first. */
void kv_cache_attention(struct kv_cache *cache, int l, int first, int count, void *att);

/* Store the keys and values of n rows. */
void kv_cache_store(struct kv_cache *cache, int l, int n);

/* ---- gpt_inspect.c ---- */

/* branch[n,c] = in W_O of the head, without bias. in[n,stride], activations: the head's d columns
 * begin each row. Overwrites ln_1. */
void gpt_project_head(struct gpt *gpt, int layer, int head, const void *in, int stride, int n);

/* Put the replacements of ablated heads into att of block l. */
void gpt_replace_ablated(struct gpt *gpt, int l, int n);

/* Put the replacement of place, GPT_ATTN_OUT or GPT_MLP_OUT of block l, into branch[n,c] if it is
 * ablated. GPT_ATTN_OUT never is: heads are replaced before they are added up. */
void gpt_replace_branch(struct gpt *gpt, enum gpt_place place, int l, int n);

/* The same where it is added already: in the rows concerned, to[n,c] = from[n,c] + the replacement.
 * Overwrites branch. to is not from. */
void gpt_add_replaced_branch(struct gpt *gpt, enum gpt_place place, int l, int n, float *to,
                             const float *from);

#endif
