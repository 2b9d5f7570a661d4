/* cuda.h - the GPU's half of the kernel table; for kernels/cuda and tests only.
 *
 * What runs on a GPU stands in files .cu, in what C and CUDA C++ have in common, so
 * that they can be compiled for a CPU too, whose tests then run the same kernels
 * over small sizes (tests/kernels/shim). device.c, cublas.c and graph.c hold all that CUDA's
 * own libraries are asked for; the tests have something plain in their place.
 *
 * A device here is one stream of the machine's first GPU. What fails on the way ends
 * the program with one line: operations have no way to fail.
 */
#ifndef MEMOSCOPE_CUDA_H
#define MEMOSCOPE_CUDA_H

#ifdef __cplusplus
#define _Noreturn [[noreturn]] /* for err.h */
#endif

#include "kernels/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct kernels kernels_cuda_table;

/* What the program opens: the table, or NULL with err set where size is not that of
 * this version's tables, or where there is no GPU. */
const struct kernels *kernels_cuda(size_t size, struct err *err);

/* Attention goes by tiles of so many rows of one sequence. There are a multiple of TILES_STEP
 * of them, so that it has few sizes: some of length 0 come first, with which a kernel does
 * nothing (begin >= length). */
#define TILE 64
#define TILES_STEP 16
struct tile {
	int32_t first, length; /* rows of the sequence: the first among all; how many */
	int32_t begin; /* the tile's first among those */
};

#define NORM_BLOCKS 128 /* partial sums of cuda_norm2() */

/* What scratch memory is for. */
enum scratch {
	SCRATCH_OPERANDS, /* rounded copies of what a product reads */
	SCRATCH_ROWS, /* what else an operation needs on its way */
	SCRATCH_WEIGHTS, /* rounded copies of what weights() was told of */
	SCRATCHES
};

struct device {
	enum dtype dtype;
	bool row_invariant;
	int plain_products; /* so far, that cuBLASLt had no way for: slow */
	void *stream; /* cudaStream_t */
	void *beside; /* another one, for download_marked(); NULL: none yet */
	void **marks; /* [mark_count] cudaEvent_t; NULL: none of this number yet */
	int mark_count;
	void *blas; /* of cublas.c */
	void *scratch[SCRATCHES]; /* of scratch_bytes, see cuda_scratch() */
	size_t scratch_bytes[SCRATCHES];
	const float *weights; /* [weight_count] that have rounded copies; NULL: none */
	size_t weight_count;
	double *sums; /* [NORM_BLOCKS] of cuda_norm2() */
	char *staging; /* pinned host memory that small uploads go through; its use so far */
	size_t staged;
	/* the sequences that attention was last asked about, host memory, and their tiles */
	int32_t *begin; /* [begin_count] */
	int begin_count;
	struct tile *tiles; /* [tile_count] device memory, room for tile_room */
	int tile_count, tile_room;
	struct graphs *graphs; /* of graph.c; NULL: there are none */
	bool recording; /* what is called is captured, not done */
	bool spoiled; /* something of it could not be: the capture is good for nothing */
};

/* ---- device.c ---- */

bool cuda_supports(enum dtype dtype);
enum dtype cuda_activations(const struct device *dev);
int cuda_choose(int number, struct err *err);
void cuda_identity(char *text, size_t size);
struct device *cuda_open(enum dtype dtype, struct err *err);
void cuda_close(struct device *dev);
void *cuda_alloc(struct device *dev, size_t bytes);
void cuda_free(struct device *dev, void *memory);
void *cuda_host_alloc(struct device *dev, size_t bytes);
void cuda_host_free(struct device *dev, void *memory);
void cuda_upload(struct device *dev, void *to, const void *from_host, size_t bytes);
void cuda_download(struct device *dev, void *to_host, const void *from, size_t bytes);
void cuda_copy(struct device *dev, void *to, const void *from, size_t bytes);
void cuda_zero(struct device *dev, void *memory, size_t bytes);
void cuda_read_activations(struct device *dev, float *to_host, const void *from, size_t count);
void cuda_wait(struct device *dev);
void cuda_mark(struct device *dev, int mark);
void cuda_await(struct device *dev, int mark);
void cuda_download_marked(struct device *dev, int mark, void *to_host, const void *from,
                          size_t bytes);
bool cuda_reserve(struct device *dev, const struct sizes *sizes, size_t *bytes);

/* End the program: what failed, and why. */
_Noreturn void cuda_fail(const char *what, const char *why);

/* Scratch memory on the device, good until the next call for the same. */
void *cuda_scratch(struct device *dev, enum scratch which, size_t bytes);

/* Have so much of it in store. False: out of memory, and there is none at all then. */
bool cuda_take_scratch(struct device *dev, enum scratch which, size_t bytes);

/* ---- graph.c ---- */

bool cuda_replay(struct device *dev, const struct sequences *seqs, uint64_t key);
bool cuda_recorded(struct device *dev);

/* A device's graphs. NULL where $MEMOSCOPE_GRAPHS is 0, or for lack of memory: it does
 * without. */
struct graphs *graphs_new(void);
void graphs_free(struct device *dev);
void graphs_forget(struct device *dev); /* memory that they know goes */

/* ---- tiles.c ---- */

/* Have dev->tiles be those of these sequences; those of the last call are kept, since all
 * layers ask for the same. */
void cuda_tiles(struct device *dev, const struct sequences *seqs);

/* ---- weights.c ---- */

void cuda_weights(struct device *dev, const float *weights, size_t count);

/* The rounded copy of what stands at x, or NULL where there is none. */
const uint16_t *cuda_rounded_weights(const struct device *dev, enum dtype dtype, const float *x);

/* Something is written from x on: weights that it is part of have no copies any more. */
void cuda_written(struct device *dev, const void *x, size_t bytes);

/* ---- products ---- */

/* A matrix as it stands in memory, its rows pitch elements apart. */
struct matrix {
	const void *at;
	enum dtype dtype;
	int pitch;
};

/* The pitch of rows of 16-bit numbers that begin at multiples of 16 bytes. */
static inline size_t cuda_pitch(size_t columns)
{
	return (columns + 7) / 8 * 8;
}

/* c[m,n] = op(a) op(b) + add + bias. */
struct product {
	bool transpose_a, transpose_b;
	int m, n, k;
	struct matrix a, b;
	void *c; /* dense, of c_dtype */
	enum dtype c_dtype;
	const float *add; /* [m,n], may be c; NULL: nothing; else c is float32 */
	const float *bias; /* [n] or NULL */
};

/* Operands are rounded to the device's dtype. Uses SCRATCH_OPERANDS for that. */
void cuda_product(struct device *dev, const struct product *product);

/* The same by cuBLASLt, of cublas.c, in dtype whatever the device's is; false where it
 * has no such product. */
bool cuda_blas(struct device *dev, enum dtype dtype, const struct product *product);

/* The same by a kernel of ours, in float32 once operands are rounded to dtype: a row's bits
 * do not depend on the others. */
void cuda_matmul(struct device *dev, enum dtype dtype, const struct product *product);

/* to[rows,pitch] = from[rows,cols] as dtype, which is not float32; zeros in what pitch has
 * more. */
void cuda_round(struct device *dev, enum dtype dtype, uint16_t *to, const float *from, int rows,
                int cols, int pitch);

/* to[count] = from[count], activations. */
void cuda_widen(struct device *dev, float *to, const void *from, size_t count);

/* sum[c] += the sum of the rows of x[n,c] of dtype, in a fixed order. */
void cuda_sum_rows(struct device *dev, float *sum, const void *x, enum dtype dtype, int n, int c);

/* The most bytes of scratch that sums over the rows of [n,wide], and of layer normalisation's
 * gradients over those of [n,c], go through. */
size_t cuda_sums_bytes(int n, int c, int wide);

/* Sums of squares of parts of x[count] into dev->sums: how many they are. */
int cuda_norm2(struct device *dev, const float *x, size_t count);

/* ---- the table's operations ---- */

void op_embed(struct device *dev, float *out, const int32_t *token, const int32_t *position,
              const float *wte, const float *wpe, int n, int c);
void op_embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                       const int32_t *token, const int32_t *position, int n, int c, int v,
                       int t);
void op_layernorm(struct device *dev, void *out, float *mean, float *rstd, const float *x,
                  const float *gain, const float *bias, int n, int c, float epsilon);
void op_layernorm_backward(struct device *dev, float *dx, float *dgain, float *dbias,
                           void *rounded, const void *dout, const float *x,
                           const float *mean, const float *rstd, const float *gain, int n,
                           int c);
void op_linear(struct device *dev, void *y, const void *x, const float *w, const float *b,
               int n, int in, int out);
void op_linear_backward(struct device *dev, void *dx, float *dw, float *db, const void *dy,
                        const void *x, const float *w, int n, int in, int out);
void op_linear_residual(struct device *dev, float *y, const float *add, const void *x,
                        const float *w, const float *b, int n, int in, int out);
void op_linear_residual_backward(struct device *dev, void *dx, float *dw, float *db,
                                 const float *dy, const void *rounded, const void *x,
                                 const float *w, int n, int in, int out);
void op_unembed(struct device *dev, float *logits, const void *x, const float *wte, int n,
                int c, int v);
void op_unembed_backward(struct device *dev, void *dx, float *dwte, const float *dlogits,
                         const void *x, const float *wte, int n, int c, int v);
void op_gelu(struct device *dev, void *y, const void *x, size_t count);
void op_gelu_backward(struct device *dev, void *dx, const void *dy, const void *x, size_t count);
void op_gelu_tanh(struct device *dev, void *y, const void *x, size_t count);
void op_gelu_tanh_backward(struct device *dev, void *dx, const void *dy, const void *x,
                           size_t count);
void op_sum(struct device *dev, double *sum, const float *x, size_t count);
void op_add(struct device *dev, float *x, const float *y, size_t count);
void op_set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                    int count);
void op_scale_columns(struct device *dev, void *x, float factor, int n, int c, int first,
                      int count);
void op_dropout(struct device *dev, float *x, size_t count, const struct dropout *dropout);
void op_attention(struct device *dev, void *out, float *lse, const void *qkv,
                  const struct sequences *seqs, int c, int h, const struct dropout *dropout);
void op_attention_backward(struct device *dev, void *dqkv, const void *dout, const void *out,
                           const float *lse, const void *qkv, const struct sequences *seqs,
                           int c, int h, const struct dropout *dropout);
void op_attention_probs(struct device *dev, float *probs, const void *qkv, const float *lse,
                        int n, int first, int length, int head, int c, int h);
void op_attention_cached(struct device *dev, void *out, void *cache_k, void *cache_v,
                         const void *qkv, const int32_t *slot, const int32_t *place, int n,
                         int t, int c, int h);
void op_cache_store(struct device *dev, void *cache_k, void *cache_v, const void *qkv,
                    const int32_t *slot, const int32_t *place, int n, int t, int c, int h);
void op_cross_entropy(struct device *dev, float *loss, float *dlogits, const float *logits,
                      const int32_t *target, const float *weight, int n, int v);
void op_norm2(struct device *dev, double *sum, const float *x, size_t count);
void op_clip(struct device *dev, struct update *update, const struct tally *tallies, int count);
void op_adamw(struct device *dev, float *param, const float *grad, float *m, float *v,
              size_t count, const struct adamw_range *ranges, int range_count,
              const struct adamw *adamw, const struct update *update);
void op_muon(struct device *dev, float *param, const float *grad, float *m, int rows, int cols,
             int stride, const struct muon *muon, const struct update *update);

#ifdef __cplusplus
}
#endif
#endif
