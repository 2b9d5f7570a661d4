/* err.h - one error: its text and its exit status.
 *
 * Library code reports into a struct err that the caller owns and returns -1 (or NULL); it never
 * prints and never exits. What a text quotes is escaped (escape.h), so that it stays on one line
 * and tells a terminal nothing. The first error stays and later ones are dropped, so a sequence of
 * calls can be checked once at its end. A text names the place and what was expected, without the
 * program's name and without a newline: err_exit() adds both. A text that is too long loses some
 * of its middle, because it begins with a path and ends with what is wrong.
 */
#ifndef MEMOSCOPE_ERR_H
#define MEMOSCOPE_ERR_H

#include <stdarg.h>

enum err_status {
	ERR_NONE = 0,
	ERR_DATA = 1, /* data or I/O failed */
	ERR_USAGE = 2, /* the command line is wrong */
};

struct err {
	enum err_status status; /* ERR_NONE: no error so far */
	char text[480];
};

/* Record an error of status ERR_DATA, unless there is one already. Returns -1. */
int err_set(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with ERR_USAGE. Returns -1. */
int err_usage(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same as err_set() and err_usage(), with the arguments in a list. */
void err_vset(struct err *err, enum err_status status, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* What messages call an input path: "-" is "standard input", "" is "''". */
const char *err_path(const char *path);

/* For filters only: print "program: text" on stderr and exit with the status. */
_Noreturn void err_exit(const struct err *err);

/* For filters only: print "program: text" on stderr, escaped, and go on. */
void err_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For filters only: an error and err_exit() in one, with status 1 or 2. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
