#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/escape.h"

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

/* Text as one line that holds nothing for a terminal to obey; to free(). NULL: memory is out. */
static char *escape_line(const char *text)
{
	size_t size = strlen(text), used = 0, taken;
	char *line = malloc(size * 4 + ESCAPE_MAX); /* a byte becomes four at most */

	for (size_t at = 0; line && at < size; at += taken)
		used += escape_next(ESCAPE_LINE, text + at, size - at, &taken, line + used);
	if (line)
		line[used] = '\0';
	return line;
}

void err_vset(struct err *err, enum err_status status, const char *format, va_list args)
{
	char *raw = NULL, *whole = NULL;

	if (err->status != ERR_NONE)
		return;
	err->status = status;
	if (vasprintf(&raw, format, args) < 0)
		raw = NULL;
	if (raw)
		whole = escape_line(raw);
	if (!whole)
		snprintf(err->text, sizeof err->text, "out of memory for a message");
	else if (strlen(whole) < sizeof err->text)
		strcpy(err->text, whole);
	else
		shorten(err->text, sizeof err->text, whole, strlen(whole));
	free(raw);
	free(whole);
}

const char *err_path(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : *path ? path : "''";
}

int err_set(struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	err_vset(err, ERR_DATA, format, args);
	va_end(args);
	return -1;
}

int err_usage(struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	err_vset(err, ERR_USAGE, format, args);
	va_end(args);
	return -1;
}

void err_say(const char *format, ...)
{
	struct err what = {0};
	va_list args;
	va_start(args, format);
	err_vset(&what, ERR_DATA, format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.text);
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
	err_vset(&err, ERR_DATA, format, args);
	va_end(args);
	err_exit(&err);
}

void die_usage(const char *format, ...)
{
	struct err err = {0};
	va_list args;
	va_start(args, format);
	err_vset(&err, ERR_USAGE, format, args);
	va_end(args);
	err_exit(&err);
}
