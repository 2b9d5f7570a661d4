#include "common/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_start(struct progress *progress, const char *what, const char *unit, bool quiet)
{
	*progress = (struct progress){
		.what = what,
		.unit = unit,
		.quiet = quiet,
		.terminal = isatty(STDERR_FILENO),
		.start = now(),
	};
	progress->next = progress->start + (progress->terminal ? 0.5 : 30);
}

void progress_update(struct progress *progress, uint64_t done, uint64_t units)
{
	double time;

	if (progress->quiet || (time = now()) < progress->next)
		return;
	fprintf(stderr, "%s%llu %s, %.0f %s/s%s", progress->terminal ? "\r" : "",
	        (unsigned long long)done, progress->what,
	        (double)units / (time - progress->start), progress->unit,
	        progress->terminal ? "\033[K" : "\n");
	progress->shown = true;
	progress->next = time + (progress->terminal ? 0.2 : 30);
}

void progress_end(struct progress *progress)
{
	if (progress->shown && progress->terminal)
		fputs("\r\033[K", stderr);
}
