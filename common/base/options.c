/* Command lines. The table is parsed by getopt_long and laid out for --help by
 * argp; argp's own parser is not asked, since its errors take two lines. */
#define option getopt_option /* <getopt.h>, which <argp.h> includes, has a struct option too */
#include <argp.h>
#include <getopt.h>
#undef option

#include "common/base/options.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/file.h"

/* What getopt_long returns: an option's short key, or FIRST plus its place in
 * the table; the options that every program has come after the table's. */
enum { FIRST = 256 };
enum common { HELP, USAGE, VERSION, COMMON };
static const char *const common_name[COMMON] = {"help", "usage", "version"};
static const char common_key[COMMON] = {'h'}; /* 0: none */
static const char *const common_text[COMMON] = {
	"print this help and exit",
	"print a short usage message and exit",
	"print the version and exit",
};

/* ---- numbers ---- */

/* The integer that is nearest a limit of the table, which holds doubles. */
static int64_t limit(double value)
{
	if (value >= 0x1p63)
		return INT64_MAX;
	return value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

/* Parse all of text[0 … size-1]: 0, or -1. */
static int parse_int(const char *text, size_t size, int64_t *value)
{
	char digits[32], *end;

	if (size == 0 || size >= sizeof digits || strspn(text, "+-0123456789") < size)
		return -1;
	memcpy(digits, text, size);
	digits[size] = '\0';
	errno = 0;
	*value = strtoll(digits, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -1;
}

int option_int(const char *what, const char *text, int64_t min, int64_t max, int64_t *value,
               struct err *err)
{
	int64_t number;

	if (parse_int(text, strlen(text), &number) < 0 || number < min || number > max)
		return err_usage(err, "%s: '%.80s' is not an integer from %jd to %jd", what, text,
		                 (intmax_t)min, (intmax_t)max);
	*value = number;
	return 0;
}

int option_real(const char *what, const char *text, double min, double max, double *value,
                struct err *err)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || strspn(text, "+-.0123456789eE") != strlen(text) ||
	    !isfinite(number))
		return err_usage(err, "%s: '%.80s' is not a number", what, text);
	if (number < min || number > max) {
		if (max == INFINITY)
			return err_usage(err, "%s: '%.80s' is not a number of at least %.12g", what,
			                 text, min);
		return err_usage(err, "%s: '%.80s' is not a number from %.12g to %.12g", what, text,
		                 min, max);
	}
	*value = number;
	return 0;
}

static int option_size(const char *what, const char *text, int64_t min, int64_t max, int64_t *value,
                       struct err *err)
{
	static const char units[] = "KMGT";
	const size_t size = strlen(text);
	const char *unit = size > 0 ? strchr(units, text[size - 1]) : NULL;
	const int shift = unit ? 10 * (int)(unit - units + 1) : 0;
	int64_t number;

	if (parse_int(text, unit ? size - 1 : size, &number) < 0 || number < 0 ||
	    number > INT64_MAX >> shift)
		return err_usage(err, "%s: '%.80s' is not a size, such as 500M or 2G", what, text);
	number <<= shift;
	if (number < min || number > max)
		return err_usage(err, "%s: '%.80s' is not a size from %jdM to %jdT", what, text,
		                 (intmax_t)(min >> 20), (intmax_t)(max >> 40));
	*value = number;
	return 0;
}

static int option_range(const char *what, const char *text, int64_t min, int64_t max,
                        struct option_range *range, struct err *err)
{
	const char *dash = *text ? strchr(text + 1, '-') : NULL; /* not a sign at the front */
	size_t size = dash ? (size_t)(dash - text) : strlen(text);
	int64_t low, high;

	if (parse_int(text, size, &low) < 0)
		return err_usage(err, "%s: '%.80s' is not N or MIN-MAX", what, text);
	high = low;
	if (dash && parse_int(dash + 1, strlen(dash + 1), &high) < 0)
		return err_usage(err, "%s: '%.80s' is not N or MIN-MAX", what, text);
	if (low < min || high > max || low > high)
		return err_usage(err, "%s: '%.80s' is not a range within %jd-%jd", what, text,
		                 (intmax_t)min, (intmax_t)max);
	range->min = low;
	range->max = high;
	return 0;
}

/* words: "no|yes|maybe". */
static int option_word(const char *what, const char *text, const char *words, int *value,
                       struct err *err)
{
	char list[80] = "";
	size_t used = 0, size;
	int place = 0;

	for (const char *word = words; *word; word += size + (word[size] == '|'), place++) {
		size = strcspn(word, "|");
		if (strlen(text) == size && memcmp(text, word, size) == 0) {
			*value = place;
			return 0;
		}
		if (used < sizeof list)
			used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s",
			                         place == 0 ? "" : word[size] ? ", " : " or ", (int)size,
			                         word);
	}
	return err_usage(err, "%s: '%.80s' is not %s", what, text, list);
}

/* ---- options ---- */

/* Take an option's argument (NULL: left out) to where the table says. */
static int take(const struct option *option, const char *argument, struct err *err)
{
	bool any = option->min == 0 && option->max == 0;
	int64_t min = any ? INT64_MIN : limit(option->min);
	int64_t max = any ? INT64_MAX : limit(option->max);
	int64_t number = 0;
	const char *wrong;
	char what[64];

	snprintf(what, sizeof what, "--%s", option->name);
	if (!argument)
		argument = "";
	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)option->value = true;
		break;
	case OPTION_INT:
		return option_int(what, argument, min, max, option->value, err);
	case OPTION_INT32:
		if (option_int(what, argument, min, max, &number, err) < 0)
			return -1;
		*(int *)option->value = (int)number;
		break;
	case OPTION_SIZE:
		return option_size(what, argument, min, max, option->value, err);
	case OPTION_REAL:
		return option_real(what, argument, any ? -INFINITY : option->min,
		                   any ? INFINITY : option->max, option->value, err);
	case OPTION_TEXT:
		*(const char **)option->value = argument;
		break;
	case OPTION_WORD:
		return option_word(what, argument, option->argument, option->value, err);
	case OPTION_RANGE:
		return option_range(what, argument, min, max, option->value, err);
	case OPTION_CALL:
		wrong = option->call(argument, option->value);
		if (wrong)
			return err_usage(err, "%s: '%.80s': %s", what, argument, wrong);
		break;
	case OPTION_GROUP:
		break;
	}
	return 0;
}

static int table_size(const struct option *options)
{
	int count = 0;

	while (options[count].name || options[count].type == OPTION_GROUP)
		count++;
	return count;
}

static bool may_be_left_out(const struct option *option)
{
	return option->argument && option->argument[0] == '[';
}

static int key_of(const struct option *options, int i)
{
	return options[i].key ? options[i].key : FIRST + i;
}

/* The same of an option that every program has; the table has count options. */
static int key_of_common(enum common which, int count)
{
	return common_key[which] ? common_key[which] : FIRST + count + (int)which;
}

/* ---- --help ---- */

/* The table as argp has it, to free(). Arguments in brackets lose them in
 * names: argp puts its own; names is memory for that. */
static struct argp_option *argp_table(const struct option *options, int count, char (*names)[32])
{
	struct argp_option *table = calloc((size_t)count + COMMON + 1, sizeof *table);

	for (int i = 0; table && i < count; i++) {
		const struct option *option = &options[i];
		if (option->type == OPTION_GROUP) {
			table[i] = (struct argp_option){.doc = option->text};
			continue;
		}
		table[i] = (struct argp_option){.name = option->name,
		                                .key = key_of(options, i),
		                                .arg = option->argument,
		                                .doc = option->text};
		if (may_be_left_out(option)) {
			snprintf(names[i], sizeof names[i], "%.*s",
			         (int)strlen(option->argument) - 2, option->argument + 1);
			table[i].arg = names[i];
			table[i].flags = OPTION_ARG_OPTIONAL;
		}
	}
	for (int i = 0; table && i < COMMON; i++)
		table[count + i] = (struct argp_option){.name = common_name[i],
		                                        .key = key_of_common((enum common)i, count),
		                                        .doc = common_text[i],
		                                        .group = -1};
	return table;
}

/* What was asked for stands on stdout, or the exit status says it does not. */
_Noreturn static void leave(void)
{
	struct err err = {0};

	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	exit(0);
}

_Noreturn static void help(const struct program *program, unsigned flags)
{
	int count = table_size(program->options);
	char(*names)[32] = calloc((size_t)count + 1, sizeof *names);
	struct argp_option *table = names ? argp_table(program->options, count, names) : NULL;
	struct argp argp = {.options = table, .args_doc = program->operands, .doc = program->text};

	if (!table)
		die("out of memory");
	argp_help(&argp, stdout, flags, program_invocation_short_name);
	free(table);
	free(names);
	leave();
}

_Noreturn static void version(void)
{
	printf("%s (memoscope) %s\n", program_invocation_short_name, MEMOSCOPE_VERSION);
	leave();
}

/* ---- parsing ---- */

/* What getopt_long wants, made of the table. */
struct syntax {
	char *keys; /* ":" first: a missing argument is told from an unknown option */
	struct getopt_option *names;
};

static int make_syntax(const struct option *options, int count, struct syntax *syntax)
{
	char *key;

	syntax->keys = calloc(3 * (size_t)count + COMMON + 2, 1);
	syntax->names = calloc((size_t)count + COMMON + 1, sizeof *syntax->names);
	if (!syntax->keys || !syntax->names)
		return -1;
	key = syntax->keys;
	*key++ = ':';
	int names = 0;
	for (int i = 0; i < count; i++) {
		int colons = !options[i].argument ? 0 : may_be_left_out(&options[i]) ? 2 : 1;
		if (options[i].type == OPTION_GROUP)
			continue;
		if (options[i].key) {
			*key++ = options[i].key;
			for (int j = 0; j < colons; j++)
				*key++ = ':';
		}
		syntax->names[names++] = (struct getopt_option){
			options[i].name, colons, NULL, key_of(options, i)};
	}
	for (int i = 0; i < COMMON; i++) {
		if (common_key[i])
			*key++ = common_key[i];
		syntax->names[names++] = (struct getopt_option){
			common_name[i], no_argument, NULL, key_of_common((enum common)i, count)};
	}
	return 0;
}

/* A short option that is not in the table. It may stand in the midst of others,
 * where optind does not point past it yet. */
static bool unknown_key(const struct syntax *syntax)
{
	return optopt > 0 && optopt < FIRST &&
	       (optopt == ':' || !strchr(syntax->keys, optopt));
}

/* What getopt_long found wrong with an argument; missing: its own argument. */
static int refuse(const struct syntax *syntax, bool missing, const char *argument, struct err *err)
{
	int size = (int)strcspn(argument, "="), alike = 0;

	if (unknown_key(syntax))
		return err_usage(err, "-%c: no such option; --help lists them", optopt);
	if (missing)
		return err_usage(err, "%.80s: its argument is missing", argument);
	for (const struct getopt_option *name = syntax->names; name->name; name++)
		if (strncmp(name->name, argument + 2, (size_t)size - 2) == 0)
			alike++;
	if (size > 80)
		size = 80;
	if (alike > 1)
		return err_usage(err, "%.*s: may be one of %d options; --help lists them", size, argument,
		                 alike);
	if (alike == 1)
		return err_usage(err, "%.*s: takes no argument", size, argument);
	return err_usage(err, "%.*s: no such option; --help lists them", size, argument);
}

/* Descriptors 0, 1 and 2 that were closed fail when they are used, rather than
 * become the next file that is opened. */
static void standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!TEMP_FAILURE_RETRY(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
}

static int check_operands(const struct program *program, int count, char **operands,
                          struct err *err)
{
	if (count < program->operands_min)
		return err_usage(err, "an operand is missing: expected %s", program->operands);
	if (program->operands_max >= 0 && count > program->operands_max)
		return err_usage(err, "'%.80s': one operand too many, expected %s",
		                 operands[program->operands_max],
		                 program->operands[0] ? program->operands : "none");
	for (int i = 0; i < count; i++)
		if (!*operands[i]) /* of a directory, its files would be those of / */
			return err_usage(err, "operand %d is empty, expected %s", i + 1, program->operands);
	return 0;
}

/* Take the option of this key. */
static int take_key(const struct program *program, int count, int key, const char *argument,
                    struct err *err)
{
	const struct option *options = program->options;

	if (key == key_of_common(HELP, count))
		help(program, ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC | ARGP_HELP_LONG);
	if (key == key_of_common(USAGE, count))
		help(program, ARGP_HELP_USAGE);
	if (key == key_of_common(VERSION, count))
		version();
	for (int i = 0; i < count; i++) {
		if (options[i].type == OPTION_GROUP || key_of(options, i) != key)
			continue;
		if (take(&options[i], argument, err) < 0)
			return -1;
		if (program->given)
			program->given[i] = true;
	}
	return 0;
}

int options_read(const struct program *program, int argc, char **argv, struct err *err)
{
	int count = table_size(program->options), key, result = 0;
	struct syntax syntax;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f is a write that fails */
	standard_descriptors();
	if (make_syntax(program->options, count, &syntax) < 0)
		return err_set(err, "out of memory");
	opterr = 0;
	while (result == 0 && (key = getopt_long(argc, argv, syntax.keys, syntax.names, NULL)) != -1)
		result = key == '?' || key == ':' ? refuse(&syntax, key == ':', argv[optind - 1], err)
		                                  : take_key(program, count, key, optarg, err);
	free(syntax.keys);
	free(syntax.names);
	if (result < 0 || check_operands(program, argc - optind, argv + optind, err) < 0)
		return -1;
	return optind;
}

int options_parse(const struct program *program, int argc, char **argv)
{
	struct err err = {0};
	const int first = options_read(program, argc, argv, &err);

	if (first < 0)
		err_exit(&err);
	return first;
}

/* The place of an option in the table, which has it. */
static int place_of(const struct option *options, const char *name)
{
	int i = 0;

	while (options[i].type == OPTION_GROUP || strcmp(options[i].name, name) != 0)
		i++;
	return i;
}

bool option_given(const struct program *program, const char *name)
{
	return program->given[place_of(program->options, name)];
}

int option_take(const struct program *program, const char *name, const char *text,
                struct err *err)
{
	const struct option *option = &program->options[place_of(program->options, name)];

	if (option_given(program, name))
		return 0;
	if (option->type == OPTION_FLAG && strcmp(text, "false") == 0)
		return 1;
	return take(option, text, err) < 0 ? -1 : 1;
}
