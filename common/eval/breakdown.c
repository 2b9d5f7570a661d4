#include "common/eval/breakdown.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

static bool before(const struct breakdown_cell *cell, uint32_t entries, int line)
{
	return cell->entries != entries ? cell->entries < entries : cell->line < line;
}

/* The cell of a combination, made where there is none. NULL: out of memory. */
static struct breakdown_cell *find(struct breakdown *breakdown, uint32_t entries, int line)
{
	size_t low = 0, high = breakdown->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (before(&breakdown->cell[middle], entries, line))
			low = middle + 1;
		else
			high = middle;
	}
	struct breakdown_cell *cell = breakdown->cell + low;
	if (low < breakdown->count && cell->entries == entries && cell->line == line)
		return cell;
	if (array_reserve(&breakdown->cell, &breakdown->room, breakdown->count + 1) < 0)
		return NULL;
	cell = breakdown->cell + low;
	memmove(cell + 1, cell, (breakdown->count++ - low) * sizeof *cell);
	*cell = (struct breakdown_cell){.line = line, .entries = entries};
	return cell;
}

int breakdown_count(struct breakdown *breakdown, const struct recall_verdict *verdict,
                    struct err *err)
{
	struct breakdown_cell *cell =
		find(breakdown, breakdown->by & BREAKDOWN_ENTRIES ? verdict->entries : 0,
	             breakdown->by & BREAKDOWN_SLOT ? verdict->line : -1);

	if (!cell)
		return err_set(err, "out of memory for accuracy by slot and entries");
	recall_add(&cell->exact, verdict->exact);
	for (int i = 0; i < verdict->digits; i++)
		share_add(&cell->digit[i], verdict->digit[i]);
	return 0;
}

void breakdown_release(struct breakdown *breakdown)
{
	free(breakdown->cell);
	*breakdown = (struct breakdown){0};
}
