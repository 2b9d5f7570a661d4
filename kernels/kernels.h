/* kernels.h - the table of operations that a device implements.
 *
 * common/model/gpt.c builds a transformer from these and knows nothing else of a
 * device. Every buffer that an operation names is device memory (from alloc),
 * float32 unless said otherwise (activations are), row-major, not overlapping another unless
 * said so. "Overwrite": what the output held does not matter. "Accumulate":
 * the result is added to it. Operations of one device run in the order of the
 * calls; only download(), read_activations() and wait() wait for them, and await() for some.
 *
 * A batch of sequences is packed: their tokens stand one after another in n
 * rows, sequence s in rows begin[s] … begin[s+1]-1, with no padding; only
 * attention and positions know where one ends (as FlashAttention's
 * variable-length interface: Dao 2023).
 *
 * What one operation hands to the next inside a block - normalised rows, q, k and v,
 * what goes into GELU and comes out, and the gradients of all these - are activations:
 * `void *` here, elements of the dtype that activations() names. All else is float32:
 * parameters and their gradients, the residual stream and its gradient, logits.
 *
 * Letters in shapes: n rows (tokens), c width, v vocabulary, t context,
 * h heads, d = c / h head width.
 *
 * Operations cannot fail once their buffers stand; open() and alloc() can.
 */
#ifndef MEMOSCOPE_KERNELS_H
#define MEMOSCOPE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

/* How matrix products read their operands: rounded to this, to the nearest, ties to
 * even. Sums and results are float32. Who has several is best used with the last. */
enum dtype {
	DTYPE_F32,
	DTYPE_F16, /* IEEE half: from 65520 on infinite, to 2^-25 nothing; common/train/loss_scale.h */
	DTYPE_BF16, /* bfloat16: the range of float32 */
	DTYPES
};

/* As --dtype has it. */
static inline const char *dtype_name(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? "f16" : dtype == DTYPE_BF16 ? "bf16" : "f32";
}

/* Bytes of an element. */
static inline size_t dtype_size(enum dtype dtype)
{
	return dtype == DTYPE_F32 ? sizeof(float) : sizeof(uint16_t);
}

struct device; /* one worker's: memory, scratch and queue of a backend */

/* Sequences packed in rows. begin[0] = 0, begin[count] = n. Host memory. */
struct sequences {
	int count;
	const int32_t *begin; /* [count + 1] */
	int longest; /* rows of the longest one */
};

#define SEQUENCE_MAX 4096 /* rows of one sequence */

/* Dropout: element i of a buffer is kept with probability 1 - rate and scaled
 * by 1 / (1 - rate); the mask is a function of (seed, stream, i) alone, with
 * stream = *pass * DROPOUT_PLACES + place, so the backward pass draws it again. rate 0:
 * nothing is dropped. */
#define DROPOUT_PLACES 2048
struct dropout {
	float rate;
	uint64_t seed;
	/* The number of the pass, which the caller uploads before each: so the calls of one pass
	 * have the arguments of the next. Device memory; may be NULL where rate is 0. */
	const uint64_t *pass;
	uint32_t place; /* within the pass, below DROPOUT_PLACES */
};

/* What is another from one step of the optimizers to the next. Device memory: the caller
 * uploads it before each step, so that its calls have the arguments of the next. */
struct update {
	float lr;
	float correct1, correct2; /* of AdamW's moments: 1 / (1 - betaⁿ) in step n, from 1 */
	double norm_max; /* of the gradient; 0: any */
	double mean; /* what has been summed up, times this, is the gradient */
	/* clip() fills in: */
	double loss; /* of all tallies */
	double norm; /* of the gradient, as it was before clipping */
	float grad_scale; /* what has been summed up, times this, is the clipped gradient */
	bool finite; /* are loss and norm? If not, adamw() and muon() leave all as it is. */
};

/* Of a part of a step's losses, and of a part of its gradient, as they were summed up. */
struct tally {
	double loss, norm2; /* sums; of squares */
};

/* AdamW, Loshchilov & Hutter 2019, algorithm 2, with decoupled decay
 * lr * weight_decay. */
struct adamw {
	float beta1, beta2, epsilon, weight_decay;
};

/* Elements begin … end-1 of the parameters, and whether weight decay applies to them. */
struct adamw_range {
	size_t begin, end;
	bool decay;
};

/* Muon, Jordan et al. 2024 ("Muon: an optimizer for hidden layers in neural
 * networks"), with the size of a step and the decoupled decay of Liu et al. 2025
 * ("Muon is scalable for LLM training", eq. 4), so that AdamW's learning rate
 * serves. */
struct muon {
	float momentum, weight_decay;
};

/* A network that is to be trained, as far as it says how much memory operations need. */
struct sizes {
	int rows; /* of a pass, at most */
	int width, heads, vocab;
	int inner; /* width of the feed-forward part */
	size_t parameters;
};

struct kernels {
	const char *name; /* "cpu", "cuda" */

	/* A device is all there is of the backend, as a GPU is: a second worker would
	 * only wait for the first. Else a device is one thread. */
	bool single;
	/* Rows of a training pass that a device works on best: as many as stay in a
	 * core's cache, or as fill a GPU. */
	int pass_rows;
	/* Passes are best filled up to a multiple of so many rows: a device that prepares for
	 * each number of rows anew then meets few of them. 1: it is all the same. */
	int row_step;

	/* Does this device have a matrix product in dtype that is worth using? */
	bool (*supports)(enum dtype dtype);

	/* The dtype of a device's activations: float32, or that of its products. */
	enum dtype (*activations)(const struct device *dev);

	/* Of several such devices of the machine, what this thread opens from now on is on number
	 * `number`, counted over and over. Returns how many there are; -1 with err set if that one
	 * cannot be used. NULL: there is nothing to choose. */
	int (*choose)(int number, struct err *err);
	/* What tells the one that this thread uses from the others of this machine, as
	 * "0000:3B:00.0", its address on the PCI bus; size: of text. NULL as choose. */
	void (*identity)(char *text, size_t size);

	/* A device of this backend, to close(). NULL with err set. */
	struct device *(*open)(enum dtype dtype, struct err *err);
	void (*close)(struct device *dev); /* NULL is allowed */

	/* Device memory is the host's: operations take any buffer of the host's as well, and are
	 * done when they return. */
	bool host_memory;

	/* Device memory, 64-byte aligned, not cleared. NULL: out of memory. */
	void *(*alloc)(struct device *dev, size_t bytes);
	void (*free)(struct device *dev, void *memory); /* NULL is allowed */
	/* Memory of the host that is copied to and from the device faster than other memory, not
	 * cleared, to host_free(). NULL: out of memory. Both NULL where host_memory. */
	void *(*host_alloc)(struct device *dev, size_t bytes);
	void (*host_free)(struct device *dev, void *memory); /* NULL is allowed */
	/* What stands in from_host may change as soon as upload() returns. */
	void (*upload)(struct device *dev, void *to, const void *from_host, size_t bytes);
	void (*download)(struct device *dev, void *to_host, const void *from, size_t bytes);
	void (*copy)(struct device *dev, void *to, const void *from, size_t bytes);
	void (*zero)(struct device *dev, void *memory, size_t bytes);
	/* count activations as float32. */
	void (*read_activations)(struct device *dev, float *to_host, const void *from,
	                         size_t count);
	/* Until all operations so far are done: then another device of the backend may
	 * read what they wrote. */
	void (*wait)(struct device *dev);

	/* The operations up to here are those of mark `mark`, from 0; it is set anew each time.
	 * await() waits for them; download_marked() is download() of what they wrote. Those after
	 * them go on meanwhile. Not between replay() and recorded(). All NULL where host_memory. */
	void (*mark)(struct device *dev, int mark);
	void (*await)(struct device *dev, int mark);
	void (*download_marked)(struct device *dev, int mark, void *to_host, const void *from,
	                        size_t bytes);

	/* Take what the device needs of its own to train such a network, so that nothing has to
	 * be taken in the middle: *bytes is how much that is. False: out of memory. NULL where
	 * it is little. */
	bool (*reserve)(struct device *dev, const struct sizes *sizes, size_t *bytes);

	/* Weights that stay as they are for a while, until the next call at most: a device may
	 * make copies of them as its products read them, once instead of each time. What is
	 * written to them in between holds all the same. NULL where a device has no use for
	 * it. */
	void (*weights)(struct device *dev, const float *weights, size_t count);

	/* From here to the next call weights[count] stay as they are: a device may keep copies of
	 * them as its products read them. count 0: they may change again. NULL where a device has
	 * no use for it. */
	void (*hold)(struct device *dev, const float *weights, size_t count);

	/* The calls of a pass, or of an optimizer's step, remembered: for devices, as a GPU with a
	 * small network, that get through them faster than they are made. replay(): what was
	 * called from an earlier replay() with this key, over as many rows, to its recorded() is
	 * done again, now over seqs (NULL: of no rows): true. Or false: then the caller makes the
	 * calls, and recorded() after them. true: they are asked for, and the device may know them
	 * the next time. false: none of them was done, and the caller begins again with replay().
	 * From one to the other come only operations that neither wait nor move, take or free
	 * memory of the host or the device. The same key promises the same calls with the same
	 * arguments, but for seqs. What memory held may have changed; where some was freed,
	 * nothing is known any more. Both NULL: the device remembers nothing. */
	bool (*replay)(struct device *dev, const struct sequences *seqs, uint64_t key);
	bool (*recorded)(struct device *dev);

	/* out[n,c] = wte[token[n],c] + wpe[position[n],c]. Overwrite.
	 * token, position: int32 [n], device memory. */
	void (*embed)(struct device *dev, float *out, const int32_t *token,
	              const int32_t *position, const float *wte, const float *wpe, int n,
	              int c);
	/* dwte[v,c], dwpe[t,c] accumulate dout[n,c] by row, in a fixed order. */
	void (*embed_backward)(struct device *dev, float *dwte, float *dwpe, const float *dout,
	                       const int32_t *token, const int32_t *position, int n, int c, int v,
	                       int t);

	/* Layer normalisation, Ba et al. 2016: out[n,c] = (x - mean) * rstd * gain
	 * + bias, rstd = 1 / √(variance + epsilon); mean[n], rstd[n] are kept for the
	 * backward pass. bias may be NULL. Overwrite. */
	void (*layernorm)(struct device *dev, void *out, float *mean, float *rstd,
	                  const float *x, const float *gain, const float *bias, int n, int c,
	                  float epsilon);
	/* dx[n,c], dgain[c], dbias[c] (may be NULL) accumulate. rounded[n,c], activations, is
	 * overwritten with what dx is then; it may be NULL. */
	void (*layernorm_backward)(struct device *dev, float *dx, float *dgain, float *dbias,
	                           void *rounded, const void *dout, const float *x,
	                           const float *mean, const float *rstd, const float *gain,
	                           int n, int c);

	/* y[n,out] = x[n,in] w[in,out] + b[out]; b may be NULL, and is rounded as w is where y
	 * is of 16 bits. Overwrite. w as in transformers' Conv1D. */
	void (*linear)(struct device *dev, void *y, const void *x, const float *w,
	               const float *b, int n, int in, int out);
	/* dx[n,in] = dy wᵀ overwritten; dw[in,out] += xᵀ dy; db[out] += sum of rows
	 * of dy, where db is not NULL. */
	void (*linear_backward)(struct device *dev, void *dx, float *dw, float *db,
	                        const void *dy, const void *x, const float *w, int n, int in,
	                        int out);
	/* The same where y is of the residual stream, and add[n,out] too, which is added to
	 * y; it may be y, or NULL. */
	void (*linear_residual)(struct device *dev, float *y, const float *add, const void *x,
	                        const float *w, const float *b, int n, int in, int out);
	/* rounded[n,out]: dy as activations, from layernorm_backward(), or NULL. */
	void (*linear_residual_backward)(struct device *dev, void *dx, float *dw, float *db,
	                                 const float *dy, const void *rounded, const void *x,
	                                 const float *w, int n, int in, int out);

	/* logits[n,v] = x[n,c] headᵀ, head[v,c]: the output head. Overwrite. */
	void (*unembed)(struct device *dev, float *logits, const void *x, const float *head,
	                int n, int c, int v);
	/* dx[n,c] = dlogits head overwritten; dhead[v,c] += dlogitsᵀ x. */
	void (*unembed_backward)(struct device *dev, void *dx, float *dhead,
	                         const float *dlogits, const void *x, const float *head, int n,
	                         int c, int v);

	/* Exact GELU, Hendrycks & Gimpel 2016: y = x Φ(x), count elements. Overwrite. */
	void (*gelu)(struct device *dev, void *y, const void *x, size_t count);
	/* dx = dy (Φ(x) + x φ(x)). Overwrite; dx may be dy. */
	void (*gelu_backward)(struct device *dev, void *dx, const void *dy, const void *x,
	                      size_t count);
	/* The same for their approximation: y = x σ(2u), u = √(2/π) (x + 0.044715 x³), which is
	 * x/2 (1 + tanh u). */
	void (*gelu_tanh)(struct device *dev, void *y, const void *x, size_t count);
	void (*gelu_tanh_backward)(struct device *dev, void *dx, const void *dy, const void *x,
	                           size_t count);

	/* *sum += the sum of x[count], in double in a fixed order. sum: device memory. */
	void (*sum)(struct device *dev, double *sum, const float *x, size_t count);
	/* x += y, count elements. */
	void (*add)(struct device *dev, float *x, const float *y, size_t count);
	/* x[r,first+j] = value[j] for each row r of x[n,c] and j below count; its other
	 * columns stay. value[count] */
	void (*set_columns)(struct device *dev, void *x, const float *value, int n, int c,
	                    int first, int count);
	/* x[r,first+j] *= factor for each row r of x[n,c], activations, and j below count. */
	void (*scale_columns)(struct device *dev, void *x, float factor, int n, int c, int first,
	                      int count);
	/* x[i] *= mask[i] / (1 - rate), in place; the backward pass is the same call
	 * on the gradient. */
	void (*dropout)(struct device *dev, float *x, size_t count,
	                const struct dropout *dropout);

	/* Causal self-attention within each sequence, Vaswani et al. 2017, eq. 1:
	 * qkv[n,3c] holds q, k, v of width c side by side, head i in columns
	 * i*d … i*d+d-1 of each; out[n,c] = softmax(q kᵀ / √d, keys up to the query's
	 * own row) v, and lse[h,n] the logarithm of each row's sum of exponentials
	 * (of scaled scores), from which any row can be recomputed (Dao et al. 2022,
	 * "FlashAttention", section 3.1). Overwrite. dropout acts on the
	 * probabilities; element (head, query row, key row) has mask index
	 * (query * h + head) * SEQUENCE_MAX + key - begin. */
	void (*attention)(struct device *dev, void *out, float *lse, const void *qkv,
	                  const struct sequences *seqs, int c, int h,
	                  const struct dropout *dropout);
	/* dqkv[n,3c] overwritten, from dout[n,c] and what attention() left. */
	void (*attention_backward)(struct device *dev, void *dqkv, const void *dout,
	                           const void *out, const float *lse, const void *qkv,
	                           const struct sequences *seqs, int c, int h,
	                           const struct dropout *dropout);
	/* The attention matrix of one head over rows first … first+length-1 of qkv
	 * (one sequence), recomputed from q, k and lse: probs[length,length], zero
	 * above the diagonal. Overwrite. */
	void (*attention_probs)(struct device *dev, float *probs, const void *qkv,
	                        const float *lse, int n, int first, int length, int head, int c,
	                        int h);

	/* One decoding step over a key-value cache. Row r of qkv[n,3c] is a new token
	 * of slot slot[r] at position place[r]; its k and v are stored in
	 * cache_k, cache_v [slots,t*c], activations, first (the order within a slot is
	 * the device's own), then out[r,c] is its attention over positions 0 … place[r]
	 * of the slot. Rows of one slot come in the order of their positions. slot,
	 * place: int32 [n], device memory. A row's result does not depend on the
	 * other slots' rows, to the bit. */
	void (*attention_cached)(struct device *dev, void *out, void *cache_k, void *cache_v,
	                         const void *qkv, const int32_t *slot, const int32_t *place,
	                         int n, int t, int c, int h);

	/* The storing half of that: for rows whose attention nobody asks for. What is in the cache
	 * then is the same, to the bit. */
	void (*cache_store)(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
	                    const int32_t *slot, const int32_t *place, int n, int t, int c, int h);

	/* Matrix products from here on give each row of x the same bits whatever
	 * other rows stand beside it (exact, slower) - for sampling and scoring. */
	void (*row_invariant)(struct device *dev, bool on);

	/* loss[n] = -log softmax(logits[n,v])[target[n]], in nats, 0 where target is
	 * negative. dlogits (may be NULL, may be logits) = weight[n] *
	 * (softmax - one-hot), 0 where target is negative. target: int32 [n];
	 * weight NULL: all 1. Overwrite. */
	void (*cross_entropy)(struct device *dev, float *loss, float *dlogits,
	                      const float *logits, const int32_t *target, const float *weight,
	                      int n, int v);

	/* *sum = the sum of squares of x[count], in double in a fixed order. sum: device memory. */
	void (*norm2)(struct device *dev, double *sum, const float *x, size_t count);
	/* Fill in what update is to hold of tallies[count], device memory, added up in a fixed order:
	 * norm = mean √(Σ norm2), and grad_scale = mean, times norm_max / norm where that is below
	 * 1 (Pascanu et al. 2013, "On the difficulty of training recurrent neural networks",
	 * algorithm 1). */
	void (*clip)(struct device *dev, struct update *update, const struct tally *tallies,
	             int count);

	/* One AdamW step over those elements of param[count] that ranges name; m and v are
	 * the moments. Where a range does not decay, weight_decay counts as 0; elements of
	 * no range stay as they are in all three. ranges[range_count], device memory: in
	 * ascending order, none reaching into the next or past count; one may be empty. */
	void (*adamw)(struct device *dev, float *param, const float *grad, float *m, float *v,
	              size_t count, const struct adamw_range *ranges, int range_count,
	              const struct adamw *adamw, const struct update *update);
	/* One Muon step over a matrix param[rows,cols], whose rows stand stride apart,
	 * and so those of grad and of m, the momentum: with g = grad_scale * grad,
	 *   m = momentum m + (1 - momentum) g
	 *   x = momentum m + (1 - momentum) g, over its Frobenius norm (Nesterov)
	 *   five times: x = 3.4445 x - 4.7750 y x + 2.0315 y² x, y = x xᵀ
	 *   param -= lr (0.2 √max(rows, cols) x + weight_decay param)
	 * (y = xᵀ x from the right gives the same, and is the smaller one where
	 * rows > cols). x = 0 stays 0. */
	void (*muon)(struct device *dev, float *param, const float *grad, float *m, int rows,
	             int cols, int stride, const struct muon *muon,
	             const struct update *update);
};

/* The table of a backend by name. "cpu" is always there, at the best level of the instruction set
 * that this processor has, or at the one that $MEMOSCOPE_ISA names: ERR_USAGE if that cannot be.
 * "cuda" is a shared object that is opened here, kernels-cuda.so: the one that $MEMOSCOPE_CUDA
 * names, or beside the program, or in ../lib/memoscope from there. NULL with err set where there is
 * none, or no GPU for it. The table is static. */
const struct kernels *kernels_find(const char *name, struct err *err);

/* May this machine have a GPU, and the program the object for it? Told by looking
 * for files: nothing is opened. */
bool kernels_gpu(void);

#endif
