#include "common/train/batch_split.h"

#include <stdlib.h>

int batch_split_init(struct batch_split *split, int workers, struct err *err)
{
	*split = (struct batch_split){
		.worker = calloc((size_t)workers, sizeof *split->worker),
		.workers = workers,
	};
	return split->worker ? 0 : err_set(err, "out of memory");
}

void batch_split_release(struct batch_split *split)
{
	for (int w = 0; split->worker && w < split->workers; w++)
		free(split->worker[w].index);
	free(split->worker);
	free(split->order);
	*split = (struct batch_split){0};
}

/* Room for count examples, which one worker may get all of. */
static int make_room(struct batch_split *split, int count, struct err *err)
{
	for (int w = -1; w < split->workers; w++) {
		int **array = w < 0 ? &split->order : &split->worker[w].index;
		int *more = realloc(*array, (size_t)count * sizeof *more);
		if (!more)
			return err_set(err, "out of memory");
		*array = more;
	}
	split->room = count;
	return 0;
}

/* The longest first; examples of one length in the order of the batch. */
static int compare_lengths(const void *a, const void *b, void *data)
{
	const struct example *examples = data;
	const int i = *(const int *)a, j = *(const int *)b;
	const int more = (examples[i].length < examples[j].length) -
	                 (examples[i].length > examples[j].length);

	return more ? more : (i > j) - (i < j);
}

int batch_split_make(struct batch_split *split, const struct example *examples, int count,
                     struct err *err)
{
	if (count > split->room && make_room(split, count, err) < 0)
		return -1;
	for (int w = 0; w < split->workers; w++) {
		split->worker[w].count = 0;
		split->worker[w].tokens = 0;
	}
	for (int e = 0; e < count; e++)
		split->order[e] = e;
	qsort_r(split->order, (size_t)count, sizeof *split->order, compare_lengths,
	        (void *)examples);
	for (int i = 0; i < count; i++) {
		const int e = split->order[i];
		struct worker_examples *least = split->worker;
		for (int w = 1; w < split->workers; w++)
			if (split->worker[w].tokens < least->tokens)
				least = &split->worker[w];
		least->index[least->count++] = e;
		least->tokens += examples[e].length;
	}
	return 0;
}
