#include "kernels/cpu/cpu.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/bf16.h"

#ifdef __x86_64__
extern const struct kernels kernels_cpu_v2, kernels_cpu_v3, kernels_cpu_v4;

static const char *const levels[] = {"v4", "v3", "v2"}; /* best first */

#define LEVEL_NAMES "v2, v3 or v4"

const struct kernels *kernels_cpu_level(const char *level)
{
	if (strcmp(level, "v4") == 0 && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return &kernels_cpu_v4;
	if (strcmp(level, "v3") == 0 && __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		return &kernels_cpu_v3;
	if (strcmp(level, "v2") == 0 && __builtin_cpu_supports("sse4.2") &&
	    __builtin_cpu_supports("popcnt"))
		return &kernels_cpu_v2;
	return NULL;
}
#else
extern const struct kernels kernels_cpu_native;

static const char *const levels[] = {"native"};

#define LEVEL_NAMES "native"

const struct kernels *kernels_cpu_level(const char *level)
{
	return strcmp(level, "native") == 0 ? &kernels_cpu_native : NULL;
}
#endif

#define LEVELS (sizeof levels / sizeof *levels)

const struct kernels *kernels_cpu(struct err *err)
{
	const char *wanted = getenv("MEMOSCOPE_ISA");
	const struct kernels *table;
	size_t best = 0, i = 0;

	while (best < LEVELS && kernels_cpu_level(levels[best]) == NULL)
		best++;
	if (best == LEVELS) {
		err_usage(err, "this processor is too old: x86-64-v2 (SSE 4.2) is the least");
		return NULL;
	}
	if (!wanted || *wanted == '\0')
		return kernels_cpu_level(levels[best]);
	while (i < LEVELS && strcmp(wanted, levels[i]) != 0)
		i++;
	table = i < LEVELS ? kernels_cpu_level(wanted) : NULL;
	if (i == LEVELS)
		err_usage(err, "MEMOSCOPE_ISA=%s is not known, expected " LEVEL_NAMES, wanted);
	else if (!table)
		err_usage(err, "MEMOSCOPE_ISA=%s: this processor has no more than %s", wanted,
		          levels[best]);
	return table;
}

static void *grown(struct device *dev, struct cpu_memory *have, size_t bytes)
{
	if (bytes > have->bytes) {
		cpu_free(dev, have->memory);
		have->bytes = bytes + bytes / 4;
		have->memory = cpu_alloc(dev, have->bytes);
		if (!have->memory) {
			fprintf(stderr, "%s: out of memory for %zu bytes of scratch\n",
			        program_invocation_short_name, bytes);
			exit(ERR_DATA);
		}
	}
	return have->memory;
}

void *cpu_scratch(struct device *dev, size_t bytes)
{
	return grown(dev, &dev->scratch, bytes);
}

void *cpu_panels(struct device *dev, size_t bytes)
{
	return grown(dev, &dev->panels, bytes);
}

bool cpu_supports(const char *level, enum dtype dtype)
{
	return dtype == DTYPE_F32 ||
	       (dtype == DTYPE_BF16 && strcmp(level, "v4") == 0 && bf16_worthwhile());
}

/* Products round their operands by themselves. */
enum dtype cpu_activations(const struct device *dev)
{
	(void)dev;
	return DTYPE_F32;
}

struct device *cpu_open(const char *level, enum dtype dtype, struct err *err)
{
	struct device *dev;

	if (!cpu_supports(level, dtype)) {
		err_set(err, "this processor has no %s products", dtype_name(dtype));
		return NULL;
	}
	dev = calloc(1, sizeof *dev);
	if (!dev) {
		err_set(err, "out of memory");
		return NULL;
	}
	dev->dtype = dtype;
	if (dtype == DTYPE_BF16) {
		dev->bf16 = bf16_new(err);
		if (!dev->bf16) {
			free(dev);
			return NULL;
		}
	}
	return dev;
}

void cpu_close(struct device *dev)
{
	if (!dev)
		return;
	bf16_free(dev->bf16);
	cpu_free(dev, dev->scratch.memory);
	cpu_free(dev, dev->panels.memory);
	cpu_held_free(dev);
	cpu_memory_shut(dev);
	free(dev);
}

void cpu_copy(struct device *dev, void *to, const void *from, size_t bytes)
{
	(void)dev;
	memcpy(to, from, bytes);
}

void cpu_zero(struct device *dev, void *memory, size_t bytes)
{
	(void)dev;
	memset(memory, 0, bytes);
}

void cpu_wait(struct device *dev)
{
	(void)dev; /* each operation is done when it returns */
}

void cpu_read_activations(struct device *dev, float *to_host, const void *from, size_t count)
{
	cpu_copy(dev, to_host, from, count * sizeof *to_host);
}

void cpu_set_columns(struct device *dev, void *x, const float *value, int n, int c, int first,
                     int count)
{
	(void)dev;
	for (int r = 0; r < n; r++)
		memcpy((float *)x + (size_t)r * c + first, value, (size_t)count * sizeof *value);
}

void cpu_scale_columns(struct device *dev, void *x, float factor, int n, int c, int first,
                       int count)
{
	(void)dev;
	for (int r = 0; r < n; r++) {
		float *row = (float *)x + (size_t)r * c + first;
		for (int j = 0; j < count; j++)
			row[j] *= factor;
	}
}

void cpu_sum(struct device *dev, double *sum, const float *x, size_t count)
{
	double all = *sum;

	(void)dev;
	for (size_t i = 0; i < count; i++)
		all += (double)x[i];
	*sum = all;
}

void cpu_clip(struct device *dev, struct update *update, const struct tally *tallies, int count)
{
	double loss = 0, norm2 = 0, scale = update->mean;

	(void)dev;
	for (int i = 0; i < count; i++) {
		loss += tallies[i].loss;
		norm2 += tallies[i].norm2;
	}
	update->loss = loss;
	update->norm = sqrt(norm2) * scale;
	update->finite = isfinite(loss) && isfinite(update->norm);
	if (update->norm_max > 0 && update->norm > update->norm_max)
		scale *= update->norm_max / update->norm;
	update->grad_scale = (float)scale;
}

void cpu_row_invariant(struct device *dev, bool on)
{
	dev->row_invariant = on;
}
