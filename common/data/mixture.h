/* mixture.h - several files mixed: which item of which file is record number N.
 *
 * Records come in passes. In each pass every file gives a fixed number of records, its share,
 * and all of them are shuffled. The items of a file come in shuffled rounds: no item comes again
 * before all others have come, whatever the share. Any record can be computed by itself, in
 * constant time, and memory does not grow with the number of items.
 */
#ifndef MEMOSCOPE_MIXTURE_H
#define MEMOSCOPE_MIXTURE_H

#include <stdint.h>

#define MIXTURE_FILES 65535 /* at most */

struct mixture_file {
	uint64_t items; /* that the file has; at least 1 if its share is not 0 */
	uint64_t share; /* records that it gives in a pass */
};

struct mixture {
	struct mixture_file *file; /* [files], the caller's memory */
	int files;
	uint64_t pass; /* records: the sum of all shares */
	uint64_t seed;
};

/* Set the shares in proportion to weight[files], for a pass of as many records as there are
 * items. Weights are at least 0, and not all 0. A share is its quota rounded up or down, by the
 * largest remainders (A. Hamilton 1792). */
void mixture_weigh(struct mixture *mixture, const double *weight);

/* Set the length of a pass from the shares that the caller wrote into file[].share. */
void mixture_sum(struct mixture *mixture);

struct mixture_place {
	int file;
	uint64_t item; /* of the file */
	uint64_t round; /* 0, 1, 2 … of the rounds in which this item comes, in shuffled passes */
};

/* What is record index, counted from 0 over all passes? */
void mixture_at(const struct mixture *mixture, uint64_t index, struct mixture_place *at);

#endif
