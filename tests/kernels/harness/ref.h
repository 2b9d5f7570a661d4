/* ref.h - the operations of kernels.h, plainly, in double precision.
 *
 * For reading, not for speed: one loop nest per formula, no shared tricks
 * between an operation and its backward pass. Shapes, accumulation and
 * overwriting are kernels.h's, letter by letter. A dropout mask is handed in
 * as its factors: 0, or 1 / (1 - rate); NULL drops nothing.
 */
#ifndef MEMOSCOPE_TESTS_REF_H
#define MEMOSCOPE_TESTS_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

void ref_embed(double *out, const int32_t *token, const int32_t *position, const double *wte,
               const double *wpe, int n, int c);
void ref_embed_backward(double *dwte, double *dwpe, const double *dout, const int32_t *token,
                        const int32_t *position, int n, int c);

void ref_layernorm(double *out, double *mean, double *rstd, const double *x, const double *gain,
                   const double *bias, int n, int c, double epsilon);
void ref_layernorm_backward(double *dx, double *dgain, double *dbias, const double *dout,
                            const double *x, const double *mean, const double *rstd,
                            const double *gain, int n, int c);

void ref_linear(double *y, const double *x, const double *w, const double *b, int n, int in,
                int out, bool accumulate);
void ref_linear_backward(double *dx, double *dw, double *db, const double *dy, const double *x,
                         const double *w, int n, int in, int out);

void ref_unembed(double *logits, const double *x, const double *wte, int n, int c, int v);
void ref_unembed_backward(double *dx, double *dwte, const double *dlogits, const double *x,
                          const double *wte, int n, int c, int v);

void ref_gelu(double *y, const double *x, size_t count);
void ref_gelu_backward(double *dx, const double *dy, const double *x, size_t count);
void ref_gelu_tanh(double *y, const double *x, size_t count);
void ref_gelu_tanh_backward(double *dx, const double *dy, const double *x, size_t count);

void ref_add(double *x, const double *y, size_t count);
void ref_set_columns(double *x, const double *value, int n, int c, int first, int count);
void ref_scale_columns(double *x, double factor, int n, int c, int first, int count);
void ref_dropout(double *x, const double *mask, size_t count);

/* mask[(head * n + query) * t + key - begin], t = seqs->longest */
void ref_attention(double *out, double *lse, const double *qkv, const struct sequences *seqs,
                   int c, int h, const double *mask);
/* out and lse: what attention() left, as it stands there, rounded; NULL: it is not asked. */
void ref_attention_backward(double *dqkv, const double *dout, const double *out,
                            const double *lse, const double *qkv, const struct sequences *seqs,
                            int c, int h, const double *mask);
void ref_attention_probs(double *probs, const double *qkv, const double *lse, int n, int first,
                         int length, int head, int c, int h);
void ref_cache_store(double *cache_k, double *cache_v, const double *qkv, const int32_t *slot,
                     const int32_t *place, int n, int t, int c);
void ref_attention_cached(double *out, double *cache_k, double *cache_v, const double *qkv,
                          const int32_t *slot, const int32_t *place, int n, int t, int c,
                          int h);

void ref_cross_entropy(double *loss, double *dlogits, const double *logits,
                       const int32_t *target, const double *weight, int n, int v);

void ref_adamw(double *param, const double *grad, double *m, double *v,
               const struct adamw_range *ranges, int range_count, const struct adamw *adamw,
               const struct update *update);
void ref_muon(double *param, const double *grad, double *m, int rows, int cols, int stride,
              const struct muon *muon, const struct update *update);
double ref_sum(const double *x, size_t count);
void ref_clip(struct update *update, const struct tally *tallies, int count);
double ref_norm2(const double *x, size_t count);

/* The number of dtype that is nearest to x, of two the even one; infinity past the
 * largest. dtype is half or bfloat16, as are the bits whose value is asked for. */
double ref_round(enum dtype dtype, double x);
double ref_value(enum dtype dtype, uint16_t bits);
uint16_t ref_bits(enum dtype dtype, double x); /* of the nearest number */

#endif
