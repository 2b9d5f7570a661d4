/* isa.h - what the files of one instruction set share.
 *
 * The files of this folder are compiled once for each instruction set. ISA is v2, v3, v4 or native.
 * The names of functions carry it, so that all copies live side by side in one program. Most
 * loops are plain C that the compiler vectorises (omp simd); the others use vector.h.
 */
#ifndef MEMOSCOPE_ISA_H
#define MEMOSCOPE_ISA_H

#include "kernels/cpu/cpu.h"

#define ISA_PASTE(name, isa) name##_##isa
#define ISA_NAME_(name, isa) ISA_PASTE(name, isa)
#define ISA_NAME(name) ISA_NAME_(name, ISA)
#define ISA_QUOTE(isa) #isa
#define ISA_TEXT_(isa) ISA_QUOTE(isa)
#define ISA_TEXT ISA_TEXT_(ISA) /* "v3" */

#define op_embed ISA_NAME(op_embed)
#define op_embed_backward ISA_NAME(op_embed_backward)
#define op_layernorm ISA_NAME(op_layernorm)
#define op_layernorm_backward ISA_NAME(op_layernorm_backward)
#define op_linear ISA_NAME(op_linear)
#define op_linear_backward ISA_NAME(op_linear_backward)
#define op_linear_residual ISA_NAME(op_linear_residual)
#define op_linear_residual_backward ISA_NAME(op_linear_residual_backward)
#define op_unembed ISA_NAME(op_unembed)
#define op_unembed_backward ISA_NAME(op_unembed_backward)
#define op_gelu ISA_NAME(op_gelu)
#define op_gelu_backward ISA_NAME(op_gelu_backward)
#define op_gelu_tanh ISA_NAME(op_gelu_tanh)
#define op_gelu_tanh_backward ISA_NAME(op_gelu_tanh_backward)
#define op_add ISA_NAME(op_add)
#define op_dropout ISA_NAME(op_dropout)
#define op_attention ISA_NAME(op_attention)
#define op_attention_backward ISA_NAME(op_attention_backward)
#define op_attention_probs ISA_NAME(op_attention_probs)
#define op_attention_cached ISA_NAME(op_attention_cached)
#define op_cache_store ISA_NAME(op_cache_store)
#define op_cross_entropy ISA_NAME(op_cross_entropy)
#define op_adamw ISA_NAME(op_adamw)
#define op_muon ISA_NAME(op_muon)
#define op_norm2 ISA_NAME(op_norm2)
#define gemm_panels ISA_NAME(gemm_panels)
#define gemm_cached ISA_NAME(gemm_cached)
#define product ISA_NAME(product)
#define product_f32 ISA_NAME(product_f32)
#define small_heads_forward ISA_NAME(small_heads_forward)
#define small_heads_backward ISA_NAME(small_heads_backward)

/* Signatures are those of the table's slots. */
#define SLOT(slot) __typeof__(*((struct kernels *)0)->slot)
SLOT(embed) op_embed;
SLOT(embed_backward) op_embed_backward;
SLOT(layernorm) op_layernorm;
SLOT(layernorm_backward) op_layernorm_backward;
SLOT(linear) op_linear;
SLOT(linear_backward) op_linear_backward;
SLOT(linear_residual) op_linear_residual;
SLOT(linear_residual_backward) op_linear_residual_backward;
SLOT(unembed) op_unembed;
SLOT(unembed_backward) op_unembed_backward;
SLOT(gelu) op_gelu;
SLOT(gelu_backward) op_gelu_backward;
SLOT(gelu_tanh) op_gelu_tanh;
SLOT(gelu_tanh_backward) op_gelu_tanh_backward;
SLOT(add) op_add;
SLOT(dropout) op_dropout;
SLOT(attention) op_attention;
SLOT(attention_backward) op_attention_backward;
SLOT(attention_probs) op_attention_probs;
SLOT(attention_cached) op_attention_cached;
SLOT(cache_store) op_cache_store;
SLOT(cross_entropy) op_cross_entropy;
SLOT(adamw) op_adamw;
SLOT(muon) op_muon;
SLOT(norm2) op_norm2;

#endif
