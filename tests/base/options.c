/* Command lines: what is taken, what is refused, with one line and status 2. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/options.h"
#include "tests/tap.h"

enum { WORDS = 12, OUTPUT = 4096 };

/* What a child said and how it ended. */
struct outcome {
	int status;
	char out[OUTPUT], err[OUTPUT];
};

static const char *even(const char *argument, void *value)
{
	*(const char **)value = argument;
	return strlen(argument) % 2 ? "expected an even number of letters" : NULL;
}

/* The child: parse, print what came of it. */
_Noreturn static void parse(int argc, char **argv)
{
	static bool flag;
	static int64_t any = -1;
	static int count = 5;
	static double rate = 0.25;
	static int64_t size = 0;
	static enum { ONE, TWO, MANY } word = TWO;
	static const char *file = "none", *fields = "none", *pairs = "none";
	static struct option_range entries = {1, 5};
	static const struct option options[] = {
		{NULL, 0, OPTION_GROUP, NULL, NULL, "What to make:", 0, 0, NULL},
		{"count", 'n', OPTION_INT32, &count, "N", "How many", 0, 1000, NULL},
		{"counter", 0, OPTION_INT, &any, "N", "Any integer", 0, 0, NULL},
		{"rate", 'r', OPTION_REAL, &rate, "X", "A rate", 0, 1, NULL},
		{"size", 0, OPTION_SIZE, &size, "SIZE", "Bytes", 1 << 20, 0x1p42, NULL},
		{"file", 'f', OPTION_TEXT, &file, "FILE", "A file", 0, 0, NULL},
		{"tsv", 't', OPTION_TEXT, &fields, "[FIELDS]", "A table", 0, 0, NULL},
		{"entries", 0, OPTION_RANGE, &entries, "N", "Entries", 1, 20, NULL},
		{"pairs", 0, OPTION_CALL, &pairs, "WORD", "Even", 0, 0, even},
		{"word", 0, OPTION_WORD, &word, "one|two|many", "A word", 0, 0, NULL},
		{"quiet", 'q', OPTION_FLAG, &flag, NULL, "Say nothing", 0, 0, NULL},
		{0},
	};
	static const struct program program = {"MODEL [FILE...]", "Do a thing.", options, 1, 3, NULL};
	int first = options_parse(&program, argc, argv);

	printf("%s%s %d %d %g %s %s %d-%d %s",
	       word == ONE ? "one " : word == MANY ? "many " : "", flag ? "quiet" : "loud", count,
	       (int)any, rate, file, fields, (int)entries.min, (int)entries.max, pairs);
	if (size > 0)
		printf(" %jd", (intmax_t)size);
	for (int i = first; i < argc; i++)
		printf(" %s", argv[i]);
	fflush(stdout);
	exit(0);
}

static void drain(int fd, char out[OUTPUT])
{
	size_t size = 0;
	ssize_t got;

	while (size < OUTPUT - 1 && (got = read(fd, out + size, OUTPUT - 1 - size)) > 0)
		size += (size_t)got;
	out[size] = '\0';
	close(fd);
}

/* Run parse() on the words of line in a child; stdout: its path, NULL: a pipe. */
static void run(const char *line, const char *stdout_path, struct outcome *outcome)
{
	static char name[] = "test";
	char *copy = strdup(line), *rest = copy, *word, *argv[WORDS] = {name};
	int argc = 1, out[2], err[2];
	pid_t child;

	while (argc < WORDS - 1 && (word = strsep(&rest, " ")))
		if (word[0] != '\0')
			argv[argc++] = word;
	if (pipe(out) < 0 || pipe(err) < 0 || (child = fork()) < 0)
		exit(1);
	if (child == 0) {
		dup2(stdout_path ? open(stdout_path, O_WRONLY) : out[1], 1);
		dup2(err[1], 2);
		program_invocation_short_name = name;
		parse(argc, argv);
	}
	close(out[1]);
	close(err[1]);
	drain(out[0], outcome->out);
	drain(err[0], outcome->err);
	waitpid(child, &outcome->status, 0);
	outcome->status = WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status) : -1;
	free(copy);
}

static const struct {
	const char *line, *out;
} good[] = {
	{"m", "loud 5 -1 0.25 none none 1-5 none m"},
	{"--count 7 m", "loud 7 -1 0.25 none none 1-5 none m"},
	{"--count=7 m", "loud 7 -1 0.25 none none 1-5 none m"},
	{"-n7 m", "loud 7 -1 0.25 none none 1-5 none m"},
	{"-qn 1000 m", "quiet 1000 -1 0.25 none none 1-5 none m"},
	{"m a --count 0 b", "loud 0 -1 0.25 none none 1-5 none m a b"},
	{"--counter -9 m", "loud 5 -9 0.25 none none 1-5 none m"},
	{"--rate 1e-3 m", "loud 5 -1 0.001 none none 1-5 none m"},
	{"-r 1 m", "loud 5 -1 1 none none 1-5 none m"},
	{"--file - m", "loud 5 -1 0.25 - none 1-5 none m"},
	{"--tsv m", "loud 5 -1 0.25 none  1-5 none m"},
	{"--tsv=a,b m", "loud 5 -1 0.25 none a,b 1-5 none m"},
	{"-ta m", "loud 5 -1 0.25 none a 1-5 none m"},
	{"--entries 3 m", "loud 5 -1 0.25 none none 3-3 none m"},
	{"--entries 3-20 m", "loud 5 -1 0.25 none none 3-20 none m"},
	{"--pairs ab m", "loud 5 -1 0.25 none none 1-5 ab m"},
	{"--word one m", "one loud 5 -1 0.25 none none 1-5 none m"},
	{"--word one --word two m", "loud 5 -1 0.25 none none 1-5 none m"},
	{"--word=many m", "many loud 5 -1 0.25 none none 1-5 none m"},
	{"--qui m", "quiet 5 -1 0.25 none none 1-5 none m"},
	{"--size 1048577 m", "loud 5 -1 0.25 none none 1-5 none 1048577 m"},
	{"--size 1024K m", "loud 5 -1 0.25 none none 1-5 none 1048576 m"},
	{"--size 3M m", "loud 5 -1 0.25 none none 1-5 none 3145728 m"},
	{"--size 2G m", "loud 5 -1 0.25 none none 1-5 none 2147483648 m"},
	{"--size 4T m", "loud 5 -1 0.25 none none 1-5 none 4398046511104 m"},
	{"m -- --quiet -", "loud 5 -1 0.25 none none 1-5 none m --quiet -"},
};

static const struct {
	const char *line, *err;
} bad[] = {
	{"", "test: an operand is missing: expected MODEL [FILE...]"},
	{"a b c d", "test: 'd': one operand too many, expected MODEL [FILE...]"},
	{"--count -3 m", "test: --count: '-3' is not an integer from 0 to 1000"},
	{"--count 1001 m", "test: --count: '1001' is not an integer from 0 to 1000"},
	{"--count 3x m", "test: --count: '3x' is not an integer from 0 to 1000"},
	{"--count= m", "test: --count: '' is not an integer from 0 to 1000"},
	{"--count 1e2 m", "test: --count: '1e2' is not an integer from 0 to 1000"},
	{"--count 0x10 m", "test: --count: '0x10' is not an integer from 0 to 1000"},
	{"--count 99999999999999999999 m",
	 "test: --count: '99999999999999999999' is not an integer from 0 to 1000"},
	{"--counter 9223372036854775808 m", "test: --counter: '9223372036854775808' is not an "
	 "integer from -9223372036854775808 to 9223372036854775807"},
	{"-n m", "test: --count: 'm' is not an integer from 0 to 1000"},
	{"--rate 2 m", "test: --rate: '2' is not a number from 0 to 1"},
	{"--rate -0.1 m", "test: --rate: '-0.1' is not a number from 0 to 1"},
	{"--rate nan m", "test: --rate: 'nan' is not a number"},
	{"--rate inf m", "test: --rate: 'inf' is not a number"},
	{"--rate 1e999 m", "test: --rate: '1e999' is not a number"},
	{"--rate 0x1 m", "test: --rate: '0x1' is not a number"},
	{"--rate . m", "test: --rate: '.' is not a number"},
	{"--size 1048575 m", "test: --size: '1048575' is not a size from 1M to 4T"},
	{"--size 5T m", "test: --size: '5T' is not a size from 1M to 4T"},
	{"--size -2M m", "test: --size: '-2M' is not a size, such as 500M or 2G"},
	{"--size 99999999999T m", "test: --size: '99999999999T' is not a size, such as 500M or 2G"},
	{"--size M m", "test: --size: 'M' is not a size, such as 500M or 2G"},
	{"--size 2m m", "test: --size: '2m' is not a size, such as 500M or 2G"},
	{"--size 2.5G m", "test: --size: '2.5G' is not a size, such as 500M or 2G"},
	{"--size= m", "test: --size: '' is not a size, such as 500M or 2G"},
	{"--word on m", "test: --word: 'on' is not one, two or many"},
	{"--word ones m", "test: --word: 'ones' is not one, two or many"},
	{"--word= m", "test: --word: '' is not one, two or many"},
	{"--word one|two m", "test: --word: 'one|two' is not one, two or many"},
	{"--entries 0 m", "test: --entries: '0' is not a range within 1-20"},
	{"--entries 5-3 m", "test: --entries: '5-3' is not a range within 1-20"},
	{"--entries 3- m", "test: --entries: '3-' is not N or MIN-MAX"},
	{"--entries -3 m", "test: --entries: '-3' is not a range within 1-20"},
	{"--entries 1-2-3 m", "test: --entries: '1-2-3' is not N or MIN-MAX"},
	{"--pairs abc m", "test: --pairs: 'abc': expected an even number of letters"},
	{"--nope m", "test: --nope: no such option; --help lists them"},
	{"--nope=3 m", "test: --nope: no such option; --help lists them"},
	{"--cou 3 m", "test: --cou: may be one of 2 options; --help lists them"},
	{"--quiet=3 m", "test: --quiet: takes no argument"},
	{"--count", "test: --count: its argument is missing"},
	{"m -n", "test: -n: its argument is missing"},
	{"-z m", "test: -z: no such option; --help lists them"},
	{"-qz m", "test: -z: no such option; --help lists them"},
	{"--file x -qz m", "test: -z: no such option; --help lists them"},
	{"-: m", "test: -:: no such option; --help lists them"},
};

static void lines(void)
{
	struct outcome outcome;
	char want[OUTPUT];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		run(good[i].line, NULL, &outcome);
		if (!ok(outcome.status == 0 && strcmp(outcome.out, good[i].out) == 0 &&
		        outcome.err[0] == '\0', "%s", good[i].line))
			printf("# %d \"%s\" \"%s\"\n", outcome.status, outcome.out, outcome.err);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		run(bad[i].line, NULL, &outcome);
		snprintf(want, sizeof want, "%s\n", bad[i].err);
		if (!ok(outcome.status == 2 && strcmp(outcome.err, want) == 0 &&
		        outcome.out[0] == '\0', "%s: status 2, one line", bad[i].line))
			printf("# %d \"%s\" \"%s\"\n", outcome.status, outcome.out, outcome.err);
	}
}

static void help(void)
{
	struct outcome outcome;

	run("--count 3 --help --nope", NULL, &outcome);
	ok(outcome.status == 0 && outcome.err[0] == '\0' &&
	   strstr(outcome.out, "Usage: test [OPTION...] MODEL [FILE...]\nDo a thing.\n") &&
	   strstr(outcome.out, "-n, --count=N") && strstr(outcome.out, "What to make:") &&
	   strstr(outcome.out, "--tsv[=FIELDS]") && strstr(outcome.out, "--version"),
	   "--help prints the usage and the options");
	char *said = strdup(outcome.out);
	run("-h", NULL, &outcome);
	ok(outcome.status == 0 && strcmp(outcome.out, said) == 0 && strstr(said, "-h, --help"),
	   "-h is --help");
	free(said);
	run("-qh", NULL, &outcome);
	ok(outcome.status == 0 && strstr(outcome.out, "--version"), "also behind another short one");
	run("--usage", NULL, &outcome);
	ok(outcome.status == 0 && strstr(outcome.out, "[--count=N]") && outcome.err[0] == '\0',
	   "--usage prints a short one");
	run("--version", NULL, &outcome);
	is_string(outcome.out, "test (memoscope) " MEMOSCOPE_VERSION "\n", "--version");
	run("--help", "/dev/full", &outcome);
	ok(outcome.status == 1 && strcmp(outcome.err, "test: standard output: cannot write: "
	                                              "No space left on device\n") == 0,
	   "--help on a full disk: %s", outcome.err);
	run("--version", "/dev/full", &outcome);
	is_int(outcome.status, 1, "--version on a full disk");
}

static void numbers(void)
{
	struct err err = {0};
	int64_t integer = 0;
	double real = 0;

	ok(option_int("x", "-9223372036854775808", INT64_MIN, INT64_MAX, &integer, &err) == 0 &&
	   integer == INT64_MIN, "the least integer");
	ok(option_int("x", "+12", 0, 12, &integer, &err) == 0 && integer == 12, "a plus sign");
	ok(option_int("line 3", "13", 0, 12, &integer, &err) < 0 && err.status == ERR_USAGE &&
	   strcmp(err.text, "line 3: '13' is not an integer from 0 to 12") == 0 && integer == 12,
	   "the text says where: %s", err.text);
	ok(option_int("x", " 1", 0, 12, &integer, &err) < 0, "no space before it");
	ok(option_int("x", "1 ", 0, 12, &integer, &err) < 0, "nor behind");
	ok(option_int("x", "-", -9, 12, &integer, &err) < 0, "a sign alone is none");
	err = (struct err){0};
	ok(option_real("x", "-2.5e-1", -1, 0, &real, &err) == 0 && real == -0.25, "a real");
	ok(option_real("x", "-1", 0, INFINITY, &real, &err) < 0 &&
	   strcmp(err.text, "x: '-1' is not a number of at least 0") == 0, "no upper bound: %s",
	   err.text);
}

/* Options that come from elsewhere, where the command line does not have them. */
static void test_take(void)
{
	static bool flag, other;
	static int count = 5, again = 6;
	static const struct option options[] = {
		{NULL, 0, OPTION_GROUP, NULL, NULL, "What to make:", 0, 0, NULL},
		{"count", 'n', OPTION_INT32, &count, "N", "How many", 0, 1000, NULL},
		{"again", 0, OPTION_INT32, &again, "N", "How often", 0, 1000, NULL},
		{"quiet", 'q', OPTION_FLAG, &flag, NULL, "Say nothing", 0, 0, NULL},
		{"other", 0, OPTION_FLAG, &other, NULL, "The other", 0, 0, NULL},
		{0},
	};
	static bool given[sizeof options / sizeof *options];
	static const struct program program = {"", "Do a thing.", options, 0, 0, given};
	char *argv[] = {(char *)"x", (char *)"-n", (char *)"7", NULL};
	struct err err = {0};

	options_parse(&program, 3, argv);
	ok(option_given(&program, "count") && !option_given(&program, "again") &&
	   !option_given(&program, "quiet"), "what the command line has is known");
	ok(option_take(&program, "count", "8", &err) == 0 && count == 7, "it stays");
	ok(option_take(&program, "again", "9", &err) == 1 && again == 9, "what it has not is taken");
	ok(option_take(&program, "quiet", "true", &err) == 1 && flag, "a flag that is true");
	ok(option_take(&program, "other", "false", &err) == 1 && !other, "and one that is not");
	ok(option_take(&program, "again", "1001", &err) == -1 && again == 9 &&
	   strstr(err.text, "--again: '1001' is not an integer from 0 to 1000"),
	   "what is wrong with it is said: %s", err.text);

	char *wrong[] = {(char *)"x", (char *)"-n", (char *)"8", (char *)"--none", NULL};
	char *more[] = {(char *)"x", (char *)"more", NULL};
	char *right[] = {(char *)"x", (char *)"--other", NULL};
	err = (struct err){0};
	optind = 0;
	ok(options_read(&program, 4, wrong, &err) == -1 && err.status == ERR_USAGE && count == 8 &&
	   strcmp(err.text, "--none: no such option; --help lists them") == 0,
	   "an error that does not end the program: %s", err.text);
	err = (struct err){0};
	optind = 0;
	ok(options_read(&program, 2, more, &err) == -1 && err.status == ERR_USAGE &&
	   strstr(err.text, "one operand too many"), "also of an operand: %s", err.text);
	err = (struct err){0};
	optind = 0;
	ok(options_read(&program, 2, right, &err) == 2 && other, "and none: %s", err.text);
}

int main(void)
{
	lines();
	help();
	numbers();
	test_take(); /* the last: it parses here, not in a child */
	return done();
}
