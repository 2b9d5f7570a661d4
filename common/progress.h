/* progress.h - how far long work has come, on stderr.
 *
 * On a terminal one line that is written over several times a second; elsewhere
 * a line every half minute, so that a log tells a slow run from a dead one.
 */
#ifndef MEMOSCOPE_PROGRESS_H
#define MEMOSCOPE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what, *unit; /* "records", "characters" */
	bool quiet, terminal, shown;
	double start, next; /* seconds: when the work began, when to speak next */
};

/* what is counted, and the unit that the rate is given in. */
void progress_start(struct progress *progress, const char *what, const char *unit,
                    bool quiet);

/* So many done, of so many units in all. */
void progress_update(struct progress *progress, uint64_t done, uint64_t units);

/* Clear the line, where there is one. */
void progress_end(struct progress *progress);

#endif
