/* Copies of weights as matrix products read them, kept as long as the weights stay as they are. */
#include <stdint.h>
#include <stdlib.h>

#include "kernels/cpu/cpu.h"

#define BUCKETS 256
#define BYTES_MAX ((size_t)16 << 20) /* of weights; copying larger ones costs next to nothing */

struct cpu_copy {
	const float *of;
	bool turned;
	int k, n;
	bool fresh;
	float *panels;
	struct cpu_copy *next; /* in its bucket */
};

struct cpu_held {
	const float *weights;
	size_t count;
	struct cpu_copy *bucket[BUCKETS];
};

void cpu_held_free(struct device *dev)
{
	struct cpu_held *held = dev->held;

	for (int i = 0; held && i < BUCKETS; i++)
		while (held->bucket[i]) {
			struct cpu_copy *next = held->bucket[i]->next;
			cpu_free(dev, held->bucket[i]->panels);
			free(held->bucket[i]);
			held->bucket[i] = next;
		}
	free(held);
}

void cpu_hold(struct device *dev, const float *weights, size_t count)
{
	if (count * sizeof *weights > BYTES_MAX)
		count = 0;
	if (!dev->held && (count == 0 || (dev->held = calloc(1, sizeof *dev->held)) == NULL))
		return; /* without memory for it every product copies what it needs */
	dev->held->weights = weights;
	dev->held->count = count;
	for (int i = 0; i < BUCKETS; i++)
		for (struct cpu_copy *copy = dev->held->bucket[i]; copy; copy = copy->next)
			copy->fresh = false;
}

float *cpu_held_copy(struct device *dev, const float *b, bool turned, int k, int n, size_t floats,
                     bool *fresh)
{
	struct cpu_held *held = dev->held;
	struct cpu_copy *copy;
	void *panels;

	if (!held || b < held->weights || b >= held->weights + held->count)
		return NULL;
	struct cpu_copy **bucket = &held->bucket[((uintptr_t)b / 64 + turned) % BUCKETS];
	for (copy = *bucket; copy; copy = copy->next)
		if (copy->of == b && copy->turned == turned && copy->k == k && copy->n == n)
			break;
	if (!copy) {
		copy = malloc(sizeof *copy);
		if (!copy || (panels = cpu_alloc(dev, floats * sizeof(float))) == NULL) {
			free(copy);
			return NULL;
		}
		*copy = (struct cpu_copy){
			.of = b, .turned = turned, .k = k, .n = n, .panels = panels, .next = *bucket,
		};
		*bucket = copy;
	}
	*fresh = copy->fresh;
	copy->fresh = true;
	return copy->panels;
}
