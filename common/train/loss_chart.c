#include "common/train/loss_chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/train/loss_chart_private.h"

#define ROWS_MIN 7 /* fewer have no room for more than the top row */
#define COLUMNS_MIN 24
#define PLOT_MIN 24 /* columns of the plot, if there is to be a list beside it */
#define LOSS_WILD 100.0 /* nats a token: a uniform guess over the largest vocabulary has 11.1 */

/* ---- which curves ---- */

const struct loss_curve *loss_chart_find(const struct loss_history *history, const char *name,
                                         size_t size)
{
	const struct loss_curve *curve = NULL;

	if (size == strlen(LOSS_TRAINING) && memcmp(name, LOSS_TRAINING, size) == 0)
		curve = &history->training;
	else if (size == strlen(LOSS_VALIDATION) && memcmp(name, LOSS_VALIDATION, size) == 0)
		curve = &history->validation;
	for (int i = 0; !curve && i < history->kinds.count; i++)
		if (history->kinds.size[i] == size && memcmp(history->kinds.word[i], name, size) == 0)
			curve = &history->kind[i];
	return curve && curve->count > 0 ? curve : NULL;
}

/* Is a name in the list of those to draw? */
static bool wanted(const char *names, const char *name)
{
	const size_t size = strlen(name);

	for (const char *at = names; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
			return true;
	}
	return !names;
}

/* A letter that no other curve has: one of the name, small or capital, else any. */
static char choose_mark(const struct picture *picture, const char *name)
{
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	char candidates[SPAN_KIND_BYTES + sizeof others];

	snprintf(candidates, sizeof candidates, "%s%s", name, others);
	for (const char *c = candidates; *c; c++) {
		bool taken = *c == '-' || *c == '_';
		for (int i = 0; i < picture->count; i++)
			taken |= picture->trace[i].mark == *c;
		if (!taken)
			return *c;
	}
	return '*';
}

static void add_trace(struct picture *picture, const struct loss_curve *curve, const char *name,
                      char mark, uint8_t colour)
{
	const struct loss_chart *chart = picture->chart;

	if (curve->count == 0 || !wanted(chart->names, name))
		return;
	mark = mark ? mark : choose_mark(picture, name);
	picture->trace[picture->count++] = (struct trace){
		.curve = curve, .name = name, .mark = mark, .pen = {colour, mark}, .last = NAN,
	};
	picture->floors |= isfinite(curve->floor);
}

/* Words of struct span_kinds, by the alphabet. */
static int compare_words(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Kinds come by the alphabet, so that each has the same mark and colour in all runs that have the
 * same kinds. The colours are those that colour-blind people can tell apart (Okabe and Ito 2008),
 * as near as the 256 come to them, and stand out from black and from white. */
static void choose_traces(struct picture *picture)
{
	static const uint8_t colour[] = {74, 36, 178, 166, 175, 32};
	const struct loss_history *history = picture->history;
	const char *word[SPAN_KINDS];

	add_trace(picture, &history->training, LOSS_TRAINING, picture->chart->unicode ? 'T' : '.', 245);
	add_trace(picture, &history->validation, LOSS_VALIDATION, 'V', 0);
	for (int i = 0; i < history->kinds.count; i++)
		word[i] = history->kinds.word[i];
	qsort(word, (size_t)history->kinds.count, sizeof *word, compare_words);
	for (int i = 0; i < history->kinds.count; i++)
		add_trace(picture, &history->kind[span_kind_find(&history->kinds, word[i])], word[i], 0,
		          colour[i % (int)sizeof colour]);
}

/* ---- columns and ranges ---- */

static bool drawable(const struct picture *picture, const struct loss_point *point)
{
	return !picture->chart->log_x || point->at[picture->chart->measure] > 0;
}

/* A number within the range of an axis. */
static double limited(double value)
{
	return fmin(fmax(value, -1e100), 1e100);
}

static void fit_x(struct picture *picture)
{
	const int most = plot_columns(picture) / 10;
	double low = INFINITY, high = -INFINITY;

	for (int i = 0; i < picture->count; i++) {
		const struct loss_curve *curve = picture->trace[i].curve;
		for (size_t k = 0; k < curve->count; k++) {
			if (!drawable(picture, &curve->points[k]))
				continue;
			low = fmin(low, curve->points[k].at[picture->chart->measure]);
			high = fmax(high, curve->points[k].at[picture->chart->measure]);
		}
	}
	if (low > high)
		low = high = 1; /* nothing to draw */
	if (!picture->chart->log_x && (low < high / 2 || low == high))
		low = 0;
	axis_fit(&picture->x, limited(low), limited(high), picture->chart->log_x, false,
	         most < 3 ? 3 : most);
}

static int dot_x(const struct picture *picture, double value)
{
	const double place = fmin(fmax(axis_place(&picture->x, value), 0), 1);

	return (int)lrint(place * (picture->width - 1));
}

/* The mean loss in each column of dots. */
static void fill_columns(struct picture *picture, struct trace *trace)
{
	double sum = 0;
	int x = -1, finite = 0;

	for (int i = 0; i < picture->width; i++)
		trace->loss[i] = NAN;
	for (size_t k = 0; k < trace->curve->count; k++) {
		const struct loss_point *point = &trace->curve->points[k];
		if (!drawable(picture, point))
			continue;
		const int now = dot_x(picture, point->at[picture->chart->measure]);
		if (now != x) {
			sum = finite = 0;
			x = now;
		}
		if (!isfinite(point->loss)) {
			picture->unfinite++;
		} else if (picture->chart->log_y && point->loss <= 0) {
			picture->hidden++;
		} else {
			sum += limited(point->loss);
			finite++;
		}
		trace->loss[x] = finite > 0 ? sum / finite : BREAK;
		if (finite > 0)
			trace->last = trace->loss[x];
	}
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The largest of the sorted losses that the plot is to hold: a single wild one must not make all
 * others a flat line. */
static double highest(const double *sorted, size_t count)
{
	const double typical = sorted[(count - 1) * 9 / 10];

	while (sorted[count - 1] > LOSS_WILD && sorted[count - 1] > 10 * typical)
		count--;
	return sorted[count - 1];
}

/* -1: memory is out. */
static int fit_y(struct picture *picture)
{
	const bool log = picture->chart->log_y;
	const int most = 2 * plot_rows(picture) / 5 + 1;
	double *sorted = malloc(((size_t)picture->count * (size_t)picture->width + 1) * sizeof *sorted);
	double low = 0, high = 1;
	size_t count = 0;

	if (!sorted)
		return -1;
	for (int i = 0; i < picture->count; i++)
		for (int x = 0; x < picture->width; x++)
			if (isfinite(picture->trace[i].loss[x]))
				sorted[count++] = picture->trace[i].loss[x];
	qsort(sorted, count, sizeof *sorted, compare);
	if (count > 0) {
		low = sorted[0];
		high = highest(sorted, count);
	} else if (log) {
		low = 0.1;
	}
	free(sorted);
	for (int i = 0; i < picture->count; i++) {
		const double floor = picture->trace[i].curve->floor;
		if (!isfinite(floor) || fabs(floor) > LOSS_WILD || (log && floor <= 0))
			continue;
		low = fmin(low, floor);
		high = fmax(high, floor);
	}
	if (!log && low > 0 && (low < high / 2 || low == high))
		low = 0;
	axis_fit(&picture->y, low, high, log, true, most < 3 ? 3 : most);
	return 0;
}

/* Count the losses of which the plot shows only that they are too high. */
static void count_above(struct picture *picture)
{
	for (int i = 0; i < picture->count; i++) {
		const struct loss_curve *curve = picture->trace[i].curve;
		for (size_t k = 0; k < curve->count; k++)
			picture->above += isfinite(curve->points[k].loss) &&
			                  curve->points[k].loss > LOSS_WILD &&
			                  curve->points[k].loss > picture->y.high;
	}
}

/* ---- the whole ---- */

/* How wide the list is, with the blank on its left; and the names in it. */
static void fit_list(struct picture *picture)
{
	int longest = 0;

	for (int i = 0; i < picture->count; i++) {
		const int size = (int)strlen(picture->trace[i].name);
		longest = size > longest ? size : longest;
	}
	picture->names = longest < NAME_COLUMNS ? longest : NAME_COLUMNS;
	/* a blank, the mark, a blank, the name, and each number with a blank before it */
	picture->list = 3 + picture->names + (1 + picture->floors) * (1 + NUMBER_COLUMNS);
	if (picture->left + PLOT_MIN + picture->list > picture->canvas.columns)
		picture->list = 0;
}

/* The labels of the y axis decide how much room the plot has, and the plot's columns decide what
 * the y axis has to hold. So it is fitted for a first guess, and then again. */
static int fit(struct picture *picture)
{
	picture->left = AXIS_LABEL / 2;
	for (int round = 0; round < 2; round++) {
		fit_list(picture);
		picture->width = plot_columns(picture) * picture->canvas.across;
		picture->unfinite = picture->hidden = picture->above = 0;
		fit_x(picture);
		for (int i = 0; i < picture->count; i++) {
			picture->trace[i].loss = picture->losses + (size_t)i * (size_t)picture->width;
			fill_columns(picture, &picture->trace[i]);
		}
		if (fit_y(picture) < 0)
			return -1;
		picture->left = 1;
		for (int i = 0; i < picture->y.ticks; i++) {
			const int size = (int)strlen(picture->y.label[i]) + 1;
			picture->left = size > picture->left ? size : picture->left;
		}
	}
	picture->left = picture->canvas.columns - picture->list -
	                picture->width / picture->canvas.across;
	count_above(picture);
	return 0;
}

static int draw(struct picture *picture)
{
	const struct loss_chart *chart = picture->chart;

	if (canvas_init(&picture->canvas, chart->columns, chart->rows, chart->unicode) < 0)
		return -1;
	if (chart->rows < ROWS_MIN || chart->columns < COLUMNS_MIN) {
		loss_chart_draw_top(picture);
		return 0;
	}
	choose_traces(picture);
	picture->height = plot_rows(picture) * picture->canvas.down;
	const size_t dots = (size_t)chart->columns * (size_t)picture->canvas.across;
	picture->losses = malloc((size_t)(picture->count + 1) * dots * sizeof *picture->losses);
	picture->used = calloc((size_t)chart->rows, sizeof *picture->used);
	if (!picture->losses || !picture->used || fit(picture) < 0)
		return -1;
	loss_chart_draw_all(picture);
	return 0;
}

int loss_chart_draw(const struct loss_chart *chart, const struct loss_history *history,
                    struct text_buffer *out, struct err *err)
{
	struct picture picture = {.chart = chart, .history = history};
	const int status = draw(&picture);

	for (int i = 0; status == 0 && i < chart->rows; i++) {
		canvas_row(&picture.canvas, i, chart->styles, out);
		text_buffer_append_string(out, "\n");
	}
	canvas_release(&picture.canvas);
	free(picture.losses);
	free(picture.used);
	return status < 0 || out->failed ? err_set(err, "out of memory") : 0;
}
