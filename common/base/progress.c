#include "common/base/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/err.h"

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

/* The line of a terminal, which stands open, is written over. */
static void write_line(struct progress *progress, bool open, const char *format, va_list args)
{
	struct err line = {0}; /* for its text: one line, escaped */

	err_vset(&line, ERR_DATA, format, args);
	fprintf(stderr, "%s%s: %s", progress->terminal ? "\r\033[K" : "",
	        program_invocation_short_name, line.text);
	if (!open)
		fputc('\n', stderr);
	progress->shown = open;
}

void progress_show(struct progress *progress, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!progress->quiet)
		write_line(progress, progress->terminal, format, args);
	va_end(args);
}

void progress_say(struct progress *progress, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!progress->quiet)
		write_line(progress, false, format, args);
	va_end(args);
}

void progress_warn(struct progress *progress, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!progress->mute)
		write_line(progress, false, format, args);
	va_end(args);
}

void progress_end(struct progress *progress)
{
	if (progress->shown && progress->terminal)
		fputs("\r\033[K", stderr);
}
