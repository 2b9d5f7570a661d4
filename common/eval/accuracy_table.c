#include "common/eval/accuracy_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

static bool before(const struct accuracy_cell *cell, uint32_t entries, int line)
{
	return cell->entries != entries ? cell->entries < entries : cell->line < line;
}

/* The cell of a combination, a new one if need be. NULL: out of memory. */
static struct accuracy_cell *find(struct accuracy_table *table, uint32_t entries, int line)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (before(&table->cell[middle], entries, line))
			low = middle + 1;
		else
			high = middle;
	}
	struct accuracy_cell *cell = table->cell + low;
	if (low < table->count && cell->entries == entries && cell->line == line)
		return cell;
	if (array_reserve(&table->cell, &table->room, table->count + 1) < 0)
		return NULL;
	cell = table->cell + low;
	memmove(cell + 1, cell, (table->count++ - low) * sizeof *cell);
	*cell = (struct accuracy_cell){.line = line, .entries = entries};
	return cell;
}

int accuracy_table_add(struct accuracy_table *table, const struct recall_verdict *verdict,
                       struct err *err)
{
	struct accuracy_cell *cell =
		find(table, table->by & ACCURACY_BY_ENTRIES ? verdict->entries : 0,
		     table->by & ACCURACY_BY_SLOT ? verdict->line : -1);

	if (!cell)
		return err_set(err, "out of memory for accuracy by slot and entries");
	recall_add(&cell->exact, verdict->exact);
	for (int i = 0; i < verdict->digits; i++)
		share_add(&cell->digit[i], verdict->digit[i]);
	return 0;
}

void accuracy_table_release(struct accuracy_table *table)
{
	free(table->cell);
	*table = (struct accuracy_table){0};
}
