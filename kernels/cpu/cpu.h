/* cpu.h - the CPU's half of the kernel table; for kernels/ and tests only.
 *
 * kernels/cpu/isa is compiled once for each level of the instruction set (on
 * x86-64: v2, v3, v4 of the psABI); each copy ends in a table of its own, and
 * kernels_cpu() picks one. A device here is one
 * thread's scratch memory; buffers are plain memory.
 */
#ifndef MEMOSCOPE_CPU_H
#define MEMOSCOPE_CPU_H

#include "kernels/kernels.h"

/* The table of the level that $MEMOSCOPE_ISA names; where it is empty or not set, of the best
 * level that this processor runs. NULL with err set (ERR_USAGE) for a name that is not known, or a
 * level that this processor does not have. */
const struct kernels *kernels_cpu(struct err *err);

/* The table of one level ("v2", "v3", "v4", elsewhere "native"), or NULL where
 * it was not built or this processor cannot run it. */
const struct kernels *kernels_cpu_level(const char *level);

struct cpu_held; /* kernels/cpu/held.c */
struct bf16_products; /* of oneDNN: kernels/cpu/bf16.c */

struct cpu_slab; /* kernels/cpu/memory.c */

struct cpu_memory {
	void *memory;
	size_t bytes;
};

struct device {
	enum dtype dtype;
	bool row_invariant;
	struct bf16_products *bf16; /* NULL: float32 products */
	struct cpu_slab *slab; /* that the next buffer may stand in; NULL: none */
	struct cpu_memory scratch, panels; /* see cpu_scratch(), cpu_panels() */
	struct cpu_held *held; /* see cpu_held_copy(); NULL: nothing was ever held */
};

/* Scratch memory of at least so many bytes, 64-byte aligned, good until the
 * next call on this device. Ends the program when there is none: operations
 * have no way to fail, and scratch is small beside the activations. */
void *cpu_scratch(struct device *dev, size_t bytes);

/* The same, for matrix products (kernels/cpu/isa/gemm.c): their callers may hold scratch. */
void *cpu_panels(struct device *dev, size_t bytes);

/* What a level supports, and a device of it. bfloat16, which is oneDNN's, is for v4 alone: no level
 * uses instructions beyond it. */
bool cpu_supports(const char *level, enum dtype dtype);
struct device *cpu_open(const char *level, enum dtype dtype, struct err *err);

/* Memory for a copy of b[k,n] - or of its transpose, turned - as products read it, of so many
 * floats, that lasts as long as the device does. *fresh: it holds that copy; if not, the caller
 * makes it. NULL: b is not part of what the device was told to hold. */
float *cpu_held_copy(struct device *dev, const float *b, bool turned, int k, int n, size_t floats,
                     bool *fresh);
void cpu_held_free(struct device *dev);

/* The part of the table that is the same on every level. */
void cpu_hold(struct device *dev, const float *weights, size_t count);
enum dtype cpu_activations(const struct device *dev);
void cpu_close(struct device *dev);
void *cpu_alloc(struct device *dev, size_t bytes);
void cpu_free(struct device *dev, void *memory);
void cpu_memory_shut(struct device *dev); /* before it closes: what is not free stays */
void cpu_copy(struct device *dev, void *to, const void *from, size_t bytes);
void cpu_zero(struct device *dev, void *memory, size_t bytes);
void cpu_wait(struct device *dev);
void cpu_read_activations(struct device *dev, float *to_host, const void *from, size_t count);
void cpu_set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                     int count);
void cpu_scale_columns(struct device *dev, void *x, float factor, int n, int c, int first,
                       int count);
void cpu_sum(struct device *dev, double *sum, const float *x, size_t count);
void cpu_clip(struct device *dev, struct update *update, const struct tally *tallies, int count);
void cpu_row_invariant(struct device *dev, bool on);

#endif
