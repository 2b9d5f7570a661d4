/* tap.h - TAP for C test programs: ok(), is_…(), done(). */
#ifndef MEMOSCOPE_TAP_H
#define MEMOSCOPE_TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 2, 3), unused))
static bool ok(bool good, const char *format, ...)
{
	va_list args;
	tap_run++;
	if (!good)
		tap_failed++;
	printf("%sok %d - ", good ? "" : "not ", tap_run);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return good;
}

__attribute__((unused))
static bool is_int(long long have, long long want, const char *what)
{
	bool good = ok(have == want, "%s", what);
	if (!good)
		printf("# have %lld, want %lld\n", have, want);
	return good;
}

__attribute__((unused))
static bool is_string(const char *have, const char *want, const char *what)
{
	bool good = ok(have && want && strcmp(have, want) == 0, "%s", what);
	if (!good)
		printf("# have \"%s\"\n# want \"%s\"\n", have ? have : "(null)",
		       want ? want : "(null)");
	return good;
}

/* |have - want| <= tolerance * max(1, |want|) */
__attribute__((unused))
static bool is_near(double have, double want, double tolerance, const char *what)
{
	bool good = ok(fabs(have - want) <= tolerance * fmax(1, fabs(want)), "%s", what);
	if (!good)
		printf("# have %.17g, want %.17g, tolerance %g\n", have, want, tolerance);
	return good;
}

/* The plan, and the exit status for main. */
__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed != 0;
}

#endif
