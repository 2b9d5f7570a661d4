/* progress.h - how far long work has come, on stderr.
 *
 * On a terminal this is one line that is overwritten several times a second; elsewhere a line every
 * half minute, so that a log tells a slow run from a dead one. Other messages that a program
 * prints meanwhile are lines that stay.
 */
#ifndef MEMOSCOPE_PROGRESS_H
#define MEMOSCOPE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what, *unit; /* "records", "tokens" */
	bool quiet, terminal, shown;
	bool mute; /* not even warnings: another process of the run speaks */
	double start, next; /* seconds: when the work began, when to speak next */
};

/* what is counted, and the unit that the rate is given in. */
void progress_start(struct progress *progress, const char *what, const char *unit,
                    bool quiet);

/* done things are done so far, which hold units units. */
void progress_update(struct progress *progress, uint64_t done, uint64_t units);

/* Show a progress line of the program's own now. On a terminal the next one overwrites it. */
void progress_show(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Print a line that stays. _say is for work that goes well, and quiet silences it; _warn is for
 * what differs from what the user asked for, and nothing silences it. */
void progress_say(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void progress_warn(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Clear the progress line, if there is one. */
void progress_end(struct progress *progress);

#endif
