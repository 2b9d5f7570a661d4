/* mixture.h - which item of which file comes next, where several are mixed.
 *
 * Records come in passes. In each, every file gives a fixed number of records, and all
 * of them are shuffled. A file's own items come in shuffled rounds: none comes again
 * before all others have, whatever the passes' sizes. Any record can be asked for, in
 * constant time, and no memory grows with the number of items.
 */
#ifndef MEMOSCOPE_MIXTURE_H
#define MEMOSCOPE_MIXTURE_H

#include <stdint.h>

#define MIXTURE_FILES 65535 /* at most */

struct mixture_file {
	uint64_t items; /* that it has; 1 at least where it is to give any */
	uint64_t share; /* records of a pass */
};

/* The caller's memory. */
struct mixture {
	struct mixture_file *file; /* [files] the caller's */
	int files;
	uint64_t pass; /* records: the sum of all shares */
	uint64_t seed;
};

/* Divide a pass of as many records as there are items among files in proportion to
 * weight[files], numbers of at least 0 and some of them above: each share is its
 * quota rounded up or down, by largest remainder (A. Hamilton 1792). */
void mixture_weigh(struct mixture *mixture, const double *weight);

/* Take over what was written into file[].share. */
void mixture_sum(struct mixture *mixture);

/* Record index, of any number of passes: its file, and the item of that. */
void mixture_at(const struct mixture *mixture, uint64_t index, int *file, uint64_t *item);

#endif
