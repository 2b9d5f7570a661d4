/* confint - means, shares and ratios of the lines on stdin, each with its 95% interval. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/lines.h"
#include "common/base/options.h"
#include "common/base/stats.h"

#define KEY_BYTES 256 /* of a key, with its NUL */
#define NUMBER_BYTES 64 /* of a number as text, with its NUL */

static bool means, shares, ratios; /* one of these */

static const struct option options[] = {
	{.name = "mean", .key = 'm', .type = OPTION_FLAG, .value = &means,
	 .text = "lines KEY, VALUE: the mean of each key, with Student's interval"},
	{.name = "share", .key = 's', .type = OPTION_FLAG, .value = &shares,
	 .text = "lines KEY, RIGHT, OF: how many are right of how many, with Wilson's interval"},
	{.name = "ratio", .key = 'r', .type = OPTION_FLAG, .value = &ratios,
	 .text = "lines KEY, X, N: the sum of X over the sum of N, with the interval of the ratio "
	         "estimator; a line is a group that is independent of the others"},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Print means, shares or ratios with their 95% intervals.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

/* What the lines of one key add up to; of the three sums one is used. */
struct estimate {
	char *key;
	struct moments values;
	double right, of;
	struct ratio ratio;
};

/* All keys, in the order in which they came. */
struct table {
	json_t *index; /* key → place in estimate */
	struct estimate *estimate;
	size_t count, room;
};

/* The estimate of a key, a new one if need be. NULL with err set. */
static struct estimate *find(struct table *table, const char *key, struct err *err)
{
	const json_t *place = json_object_get(table->index, key);

	if (place)
		return &table->estimate[json_integer_value(place)];
	char *copy = strdup(key);
	json_t *count = json_integer((json_int_t)table->count);
	if (!copy || json_object_set_new_nocheck(table->index, key, count) < 0 ||
	    array_reserve(&table->estimate, &table->room, table->count + 1) < 0) {
		free(copy);
		err_set(err, "out of memory");
		return NULL;
	}
	struct estimate *estimate = &table->estimate[table->count++];
	*estimate = (struct estimate){.key = copy};
	return estimate;
}

static void release(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->estimate[i].key);
	free(table->estimate);
	json_decref(table->index);
}

/* ---- reading ---- */

/* The next field of a line into text[size]; *at moves behind the tab that ends it. */
static int take_field(const struct line *line, size_t *at, char *text, size_t size,
                      const char *what, struct err *err)
{
	const char *begin = line->text + *at;
	const char *tab = memchr(begin, '\t', line->size - *at);
	const size_t length = tab ? (size_t)(tab - begin) : line->size - *at;

	if (length == 0)
		return err_set(err, "%s is empty", what);
	if (length >= size)
		return err_set(err, "%s has %zu bytes, expected at most %zu", what, length, size - 1);
	if (memchr(begin, 0, length))
		return err_set(err, "%s has a byte 0", what);
	memcpy(text, begin, length);
	text[length] = '\0';
	*at += length + (tab != NULL);
	return 0;
}

static int take_number(const struct line *line, size_t *at, const char *what, double min,
                       double *value, struct err *err)
{
	char text[NUMBER_BYTES];
	struct err why = {0};

	if (*at >= line->size)
		return err_set(err, "%s is missing", what);
	if (take_field(line, at, text, sizeof text, what, err) < 0)
		return -1;
	if (option_real(what, text, min, INFINITY, value, &why) < 0)
		return err_set(err, "%s", why.text);
	return 0;
}

/* One line into its key's estimate. -1 with err saying what is wrong with it. */
static int add_line(struct table *table, const struct line *line, struct err *err)
{
	char key[KEY_BYTES];
	double x, n = 1;
	size_t at = 0;

	if (take_field(line, &at, key, sizeof key, "the key", err) < 0 ||
	    take_number(line, &at, means ? "VALUE" : shares ? "RIGHT" : "X", shares ? 0 : -INFINITY, &x,
	                err) < 0 ||
	    (!means && take_number(line, &at, shares ? "OF" : "N", 0, &n, err) < 0))
		return -1;
	if (at < line->size)
		return err_set(err, "more than %d fields", means ? 2 : 3);
	if (shares && x > n)
		return err_set(err, "%g right of %g", x, n);
	struct estimate *estimate = find(table, key, err);
	if (!estimate)
		return -1;
	if (means)
		moments_add(&estimate->values, x);
	else if (ratios)
		ratio_add(&estimate->ratio, x, n);
	estimate->right += x;
	estimate->of += n;
	return 0;
}

static int add_file(const char *path, struct table *table, struct err *err)
{
	const bool standard = strcmp(path, "-") == 0;
	const int fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY);
	struct lines *lines;
	struct line line;
	struct err why = {0};
	int status = -1;

	if (fd < 0)
		return err_set(err, "%s: cannot open: %s", path, strerror(errno));
	lines = lines_new(fd, err_path(path), err);
	while (lines && (status = lines_next(lines, &line, err)) > 0)
		if (add_line(table, &line, &why) < 0) {
			status = err_set(err, "%s: line %llu: %s", err_path(path),
			                 (unsigned long long)line.number, why.text);
			break;
		}
	lines_free(lines);
	if (!standard)
		file_close(fd);
	return status;
}

/* ---- what comes out ---- */

static void print_mean(const char *key, const struct mean *mean)
{
	if (!isfinite(mean->mean))
		return;
	printf("%s\t%.6g\n", key, mean->mean);
	if (isfinite(mean->low))
		printf("%s_low\t%.6g\n%s_high\t%.6g\n", key, mean->low, key, mean->high);
}

/* A key as it is; on a terminal, without what a terminal obeys. */
static const char *shown(const char *key, char out[4 * KEY_BYTES + ESCAPE_MAX])
{
	const size_t size = strlen(key);
	size_t used = 0, taken;

	if (!isatty(STDOUT_FILENO))
		return key;
	for (size_t at = 0; at < size; at += taken)
		used += escape_next(ESCAPE_LINE, key + at, size - at, &taken, out + used);
	out[used] = '\0';
	return out;
}

static void print_estimate(const struct estimate *estimate)
{
	char room[4 * KEY_BYTES + ESCAPE_MAX];
	const char *key = shown(estimate->key, room);
	struct mean mean = {0, NAN, NAN, NAN};

	if (means) {
		mean = moments_mean(&estimate->values);
	} else if (ratios) {
		mean = ratio_mean(&estimate->ratio);
	} else if (estimate->of > 0) {
		mean.mean = estimate->right / estimate->of;
		wilson_interval(estimate->right, estimate->of, &mean.low, &mean.high);
	}
	print_mean(key, &mean);
	if (shares)
		printf("%s_right\t%.15g\n%s_of\t%.15g\n", key, estimate->right, key, estimate->of);
	else
		printf("%s_of\t%llu\n", key, (unsigned long long)mean.count);
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv);
	struct table table = {.index = json_object()};
	struct err err = {0};

	if (means + shares + ratios != 1)
		die_usage("expected one of --mean, --share and --ratio");
	if (!table.index)
		die("out of memory");
	do {
		if (add_file(operand < argc ? argv[operand] : "-", &table, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	for (size_t i = 0; i < table.count; i++)
		print_estimate(&table.estimate[i]);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	release(&table);
	return 0;
}
