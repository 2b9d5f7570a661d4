/* progress.h - how far long work has come, on stderr.
 *
 * On a terminal one line that is written over several times a second; elsewhere
 * a line every half minute, so that a log tells a slow run from a dead one. And
 * what else a program has to say meanwhile: lines that stay.
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

/* A line of the program's own for how far it has come, now: on a terminal it is
 * written over by the next one. */
void progress_show(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line that stays: of work that goes as it should, silenced by quiet; or of
 * what is not as it was asked for, which nothing silences. */
void progress_say(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void progress_warn(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Clear the line, where there is one. */
void progress_end(struct progress *progress);

#endif
