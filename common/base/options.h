/* options.h - command lines, as tables over argp.
 *
 * A filter says in one table what its options are, where their values go and
 * in what range they may lie; parsing, range checks, --help, --usage and
 * --version come from here and from argp. A bad command line ends the program
 * with one line on stderr and status 2.
 */
#ifndef MEMOSCOPE_OPTIONS_H
#define MEMOSCOPE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define MEMOSCOPE_VERSION "0.1.0"

enum option_type {
	OPTION_FLAG, /* bool *: set to true */
	OPTION_INT, /* int64_t *, min … max */
	OPTION_INT32, /* int *, min … max, which are said and lie in its range */
	OPTION_REAL, /* double *, min … max */
	OPTION_TEXT, /* const char **: the argument as it is */
	OPTION_WORD, /* int *, or an enum's: which of the words of argument, "no|yes|maybe", from 0 */
	OPTION_RANGE, /* struct option_range *: "N" or "MIN-MAX", each min … max */
	OPTION_CALL, /* call(value, data): returns NULL, or what is wrong with value */
	OPTION_GROUP, /* a heading in --help: text only */
};

struct option_range {
	int64_t min, max;
};

struct option {
	const char *name; /* without the dashes; NULL ends the table (but for a group) */
	char key; /* the short option, or 0 */
	enum option_type type;
	void *value; /* where it goes; holds the default beforehand */
	/* Its argument's name in --help, in capitals: "N", "FILE"; NULL: a flag. In
	 * brackets, "[FIELDS]", it may be left out, and then is "" (TEXT and CALL).
	 * Of a WORD, the words themselves. */
	const char *argument;
	const char *text; /* what it does, with unit and default */
	double min, max; /* for numbers and RANGE; both 0: any */
	const char *(*call)(const char *argument, void *value); /* for OPTION_CALL */
};

struct program {
	const char *operands; /* "MODEL [FILE…]", or "" */
	const char *text; /* one sentence: what it does */
	const struct option *options; /* ends with {0} */
	int operands_min, operands_max; /* max -1: any number */
	bool *given; /* of each option in its turn: the command line has it; NULL: nobody asks */
};

/* Parse argv; on return argv[return value …] are the operands (argp moves them
 * to the end), none of them empty. Exits on --help, --version and errors. Also sets up what every
 * filter wants: SIGPIPE at its default, standard descriptors 0, 1, 2 open. */
int options_parse(const struct program *program, int argc, char **argv);

/* Take an option that the command line does not have as if it were there, with this text (of a
 * flag, "true" or "false"), which is kept: 1; 0 where the command line has it. The program
 * asks for `given`, and the option is in its table. -1 with err set where text is wrong. */
struct err;
int option_take(const struct program *program, const char *name, const char *text,
                struct err *err);

/* Is an option of this name on the command line? */
bool option_given(const struct program *program, const char *name);

/* Numbers for those who parse one elsewhere: NULL, or what is wrong with text
 * (a static string is never returned: the text is in *err). -1 on error. */
int option_int(const char *what, const char *text, int64_t min, int64_t max,
               int64_t *value, struct err *err);
int option_real(const char *what, const char *text, double min, double max,
                double *value, struct err *err);

#endif
