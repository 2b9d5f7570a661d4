#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 100 /* bytes of a long text that stay at its beginning */

static bool within_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The beginning and the end of a long text, whole characters of both. */
static void shorten(char *out, size_t size, const char *text, size_t length)
{
	static const char gap[] = "...";
	size_t head = HEAD, tail = length - (size - HEAD - sizeof gap);

	while (head > 0 && within_character(text[head]))
		head--;
	while (tail < length && within_character(text[tail]))
		tail++;
	snprintf(out, size, "%.*s%s%s", (int)head, text, gap, text + tail);
}

static void record(struct err *err, enum err_status status, const char *format, va_list args)
{
	char *whole;

	if (err->status != ERR_NONE)
		return;
	err->status = status;
	int length = vasprintf(&whole, format, args);
	if (length < 0)
		snprintf(err->text, sizeof err->text, "out of memory for a message");
	else if ((size_t)length < sizeof err->text)
		strcpy(err->text, whole);
	else
		shorten(err->text, sizeof err->text, whole, (size_t)length);
	if (length >= 0)
		free(whole);
	/* what a text quotes of bad input stays on one line and moves no cursor */
	for (char *p = err->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

const char *err_path(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : *path ? path : "''";
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
