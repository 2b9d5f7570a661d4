#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void record(struct err *err, enum err_status status, const char *format, va_list args)
{
	if (err->status != ERR_NONE)
		return;
	err->status = status;
	vsnprintf(err->text, sizeof err->text, format, args);
	/* what a text quotes of bad input stays on one line and moves no cursor */
	for (char *p = err->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

int err_set(struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	record(err, ERR_DATA, format, args);
	va_end(args);
	return -1;
}

int err_usage(struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	record(err, ERR_USAGE, format, args);
	va_end(args);
	return -1;
}

void err_exit(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->text);
	exit(err->status == ERR_NONE ? ERR_DATA : err->status);
}

void die(const char *format, ...)
{
	struct err err = {0};
	va_list args;
	va_start(args, format);
	record(&err, ERR_DATA, format, args);
	va_end(args);
	err_exit(&err);
}

void die_usage(const char *format, ...)
{
	struct err err = {0};
	va_list args;
	va_start(args, format);
	record(&err, ERR_USAGE, format, args);
	va_end(args);
	err_exit(&err);
}
