/* Memory of a device: buffers side by side in large slabs, which Linux can back by huge pages. A
 * pass goes through megabytes in steps of a row, and with pages of 4 KiB it waits for their
 * addresses. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernels/cpu/cpu.h"
#include "kernels/sanitizer.h"

#define LINE ((size_t)64) /* of the cache */
#define HUGE_PAGE ((size_t)2 << 20)
#ifdef ADDRESS_SANITIZER
#define SLAB ((size_t)0) /* each buffer is a slab, so that nobody goes beyond it unseen */
#else
#define SLAB (8 * HUGE_PAGE)
#endif

/* At the front of its memory. It lasts until its last buffer is freed. */
struct cpu_slab {
	size_t size, used;
	int buffers;
	bool open; /* more of them may come */
};

/* Before each buffer, which begins a line behind it. */
struct front {
	struct cpu_slab *slab;
};

static size_t round_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

static struct cpu_slab *slab_new(size_t least)
{
	const size_t align = least + LINE >= HUGE_PAGE ? HUGE_PAGE : LINE;
	const size_t size = round_up(least + LINE, align);
	struct cpu_slab *slab;
	void *memory;

	if (posix_memalign(&memory, align, size) != 0)
		return NULL;
#ifdef MADV_HUGEPAGE
	if (align == HUGE_PAGE)
		(void)madvise(memory, size, MADV_HUGEPAGE); /* without them it is slower, no more */
#endif
	slab = memory;
	*slab = (struct cpu_slab){.size = size, .used = LINE, .open = true};
	return slab;
}

static void slab_shut(struct cpu_slab *slab)
{
	if (!slab)
		return;
	slab->open = false;
	if (slab->buffers == 0)
		free(slab);
}

void cpu_memory_shut(struct device *dev)
{
	slab_shut(dev->slab);
	dev->slab = NULL;
}

void *cpu_alloc(struct device *dev, size_t bytes)
{
	struct cpu_slab *slab = dev->slab;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	/* a line more than they need: buffers of whole pages begin at different places in a page */
	const size_t room = round_up(bytes ? bytes : 1, LINE) + 2 * LINE;
	if (!slab || slab->size - slab->used < room) {
		slab = slab_new(room > SLAB ? room : SLAB);
		if (!slab)
			return NULL;
		slab_shut(dev->slab);
		dev->slab = slab;
	}
	struct front *front = (struct front *)((char *)slab + slab->used);
	*front = (struct front){slab};
	slab->used += room;
	slab->buffers++;
	return (char *)front + LINE;
}

void cpu_free(struct device *dev, void *memory)
{
	struct cpu_slab *slab;

	(void)dev; /* it may be another device's */
	if (!memory)
		return;
	slab = ((struct front *)((char *)memory - LINE))->slab;
	if (--slab->buffers > 0)
		return;
	slab->used = LINE;
	if (!slab->open)
		free(slab);
}
