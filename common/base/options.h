/* options.h - command lines, as tables over argp.
 *
 * A filter has one table of its options: where their values go, and their ranges. Parsing, range
 * checks, --help (-h), --usage and --version come from here and from argp. A bad command line ends
 * the program with one line on stderr and status 2.
 */
#ifndef MEMOSCOPE_OPTIONS_H
#define MEMOSCOPE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define MEMOSCOPE_VERSION "0.1.0"

enum option_type {
	OPTION_FLAG, /* bool *: set to true */
	OPTION_INT, /* int64_t *, min … max */
	OPTION_INT32, /* int *, min … max, both given and within its range */
	OPTION_SIZE, /* int64_t *, bytes, min … max: "N"; in units of 1024 "NK", "NM", "NG" … */
	OPTION_REAL, /* double *, min … max */
	OPTION_TEXT, /* const char **: the argument as it is */
	OPTION_WORD, /* int * or an enum's: the index of a word in argument, "no|yes|maybe" */
	OPTION_RANGE, /* struct option_range *: "N" or "MIN-MAX", each min … max */
	OPTION_CALL, /* call(value, data): returns NULL, or what is wrong with value */
	OPTION_GROUP, /* a heading in --help: text only */
};

struct option_range {
	int64_t min, max;
};

struct option {
	const char *name; /* without the dashes; NULL ends the table (but for a group) */
	char key; /* the short option, not 'h', or 0 */
	enum option_type type;
	void *value; /* where the value goes; holds the default before */
	/* The argument's name in --help, in capitals: "N", "FILE"; NULL: a flag. In brackets,
	 * "[FIELDS]", the argument is optional, and "" if it is left out (TEXT and CALL). Of a
	 * WORD, the words themselves. */
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
	bool *given; /* [options] is the option on the command line? NULL: nobody asks */
};

/* Parse argv. On return argv[return value …] are the operands (argp moves them to the end); none
 * is empty. Exits on --help, --version and errors. Also sets up what every filter needs: SIGPIPE
 * at its default, SIGXFSZ ignored, and descriptors 0, 1 and 2 open. */
int options_parse(const struct program *program, int argc, char **argv);

/* The same, but an error does not end the program: -1 with err set. The options before the wrong
 * one are set. */
struct err;
int options_read(const struct program *program, int argc, char **argv, struct err *err);

/* Set an option as if the command line had it with this text (of a flag, "true" or "false"), which
 * must live on: 1. 0, and nothing is set, if the command line has the option. The program has
 * `given`, and the option is in its table. -1 with err set if the text is wrong. */
int option_take(const struct program *program, const char *name, const char *text,
                struct err *err);

/* Is an option of this name on the command line? */
bool option_given(const struct program *program, const char *name);

/* Parse a number that is not an option's. what names it in messages. -1 with err set if text is no
 * number or out of range. */
int option_int(const char *what, const char *text, int64_t min, int64_t max,
               int64_t *value, struct err *err);
int option_real(const char *what, const char *text, double min, double max,
                double *value, struct err *err);

#endif
