/* The drawing half of loss_chart.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/train/loss_chart_private.h"

#define MARK_EVERY 14 /* columns between two marks of a curve */
#define TOP 400 /* bytes of the top row */
#define NUMBER 24 /* bytes of a number as text, with its NUL */

static int dot_y(const struct picture *picture, double loss)
{
	const double place = fmin(fmax(axis_place(&picture->y, loss), 0), 1);

	return picture->canvas.down + (int)lrint((1 - place) * (picture->height - 1));
}

/* ---- the plot ---- */

/* Does the plot show the floor of a trace? */
static bool has_floor(const struct picture *picture, const struct trace *trace)
{
	const double floor = trace->curve->floor;

	return isfinite(floor) && floor >= picture->y.low && floor <= picture->y.high;
}

static void draw_floors(struct picture *picture)
{
	const int every = picture->chart->unicode ? 3 : 2;
	const int begin = picture->left * picture->canvas.across;

	for (int i = 0; i < picture->count; i++) {
		const struct trace *trace = &picture->trace[i];
		const struct pen pen = {trace->pen.colour, '-'};
		if (!has_floor(picture, trace))
			continue;
		for (int x = 0; x < picture->width; x += every)
			canvas_dot(&picture->canvas, begin + x, dot_y(picture, trace->curve->floor), pen);
	}
}

/* Write marks and values of floors on their left ends, where curves are seldom: most fall. Those
 * that come into one row stand side by side. */
static void label_floors(struct picture *picture)
{
	for (int i = 0; i < picture->count; i++) {
		const struct trace *trace = &picture->trace[i];
		char label[NUMBER];
		if (!has_floor(picture, trace))
			continue;
		const int row = dot_y(picture, trace->curve->floor) / picture->canvas.down;
		const int size = snprintf(label, sizeof label, "%c %.3g ", trace->mark,
		                          trace->curve->floor);
		if (picture->used[row] + size + 1 > plot_columns(picture) / 2)
			continue;
		canvas_text(&picture->canvas, picture->left + picture->used[row] + 1, row,
		            trace->pen.colour, label);
		picture->used[row] += size + 1;
	}
}

/* A line from each column that has a loss to the next one that has. */
static void draw_curve(struct picture *picture, const struct trace *trace)
{
	const int begin = picture->left * picture->canvas.across;
	int before = -1;

	for (int x = 0; x < picture->width; x++) {
		const double loss = trace->loss[x];
		if (isnan(loss))
			continue;
		if (loss == BREAK) {
			before = -1;
			continue;
		}
		const int from = before < 0 ? x : before;
		canvas_line(&picture->canvas, begin + from, dot_y(picture, trace->loss[from]), begin + x,
		            dot_y(picture, loss), trace->pen);
		before = x;
	}
}

/* Write the mark of a curve on it, now and then and at its end. number: of the curve, so that the
 * marks of curves that are near do not stand in one column. */
static void mark_curve(struct picture *picture, const struct trace *trace, int number)
{
	int last = -1, next = number * 5 % MARK_EVERY + 2;

	for (int x = 0; x < picture->width; x++) {
		const int column = x / picture->canvas.across;
		if (!isfinite(trace->loss[x]))
			continue;
		last = x;
		if (column < next)
			continue;
		canvas_code(&picture->canvas, picture->left + column,
		            dot_y(picture, trace->loss[x]) / picture->canvas.down, trace->pen.colour,
		            (unsigned char)trace->mark);
		next = column + MARK_EVERY;
	}
	if (last >= 0)
		canvas_code(&picture->canvas, picture->left + last / picture->canvas.across,
		            dot_y(picture, trace->loss[last]) / picture->canvas.down, trace->pen.colour,
		            (unsigned char)trace->mark);
}

/* ---- axes ---- */

static void draw_y_axis(struct picture *picture)
{
	const bool unicode = picture->chart->unicode;
	const int column = picture->left - 1;

	for (int row = 1; row <= plot_rows(picture); row++)
		canvas_code(&picture->canvas, column, row, 0, unicode ? 0x2502 : '|');
	for (int i = 0; i < picture->y.ticks; i++) {
		const int row = dot_y(picture, picture->y.tick[i]) / picture->canvas.down;
		canvas_code(&picture->canvas, column, row, 0, unicode ? 0x2524 : '+');
		canvas_text(&picture->canvas, column - (int)strlen(picture->y.label[i]), row, 0,
		            picture->y.label[i]);
	}
}

static void draw_x_axis(struct picture *picture)
{
	static const char *const names[] = {"steps", "tokens", "seconds"};
	const bool unicode = picture->chart->unicode;
	const char *name = names[picture->chart->measure];
	const int row = plot_rows(picture) + 1, end = picture->left + plot_columns(picture);
	/* The name stands below those of the list if there is one, else in the corner of the plot. */
	const int begin = picture->list > 0 ? end + 3 : end - (int)strlen(name);
	int free_from = 0;

	canvas_code(&picture->canvas, picture->left - 1, row, 0, unicode ? 0x2514 : '+');
	for (int column = picture->left; column < end; column++)
		canvas_code(&picture->canvas, column, row, 0, unicode ? 0x2500 : '-');
	for (int i = 0; i < picture->x.ticks; i++) {
		const double place = axis_place(&picture->x, picture->x.tick[i]);
		const int column = picture->left +
		                   (int)lrint(place * (picture->width - 1)) / picture->canvas.across;
		const int size = (int)strlen(picture->x.label[i]);
		const int from = column - size / 2;
		if (from < free_from || from + size >= begin)
			continue;
		canvas_code(&picture->canvas, column, row, 0, unicode ? 0x2534 : '+');
		canvas_text(&picture->canvas, from, row + 1, 0, picture->x.label[i]);
		free_from = from + size + 1;
	}
	canvas_text(&picture->canvas, begin, row + 1, 0, name);
}

/* ---- the list ---- */

/* A loss in at most NUMBER_COLUMNS characters. */
static void format_loss(double loss, char text[NUMBER])
{
	const double size = fabs(loss);

	if (isnan(loss))
		strcpy(text, "nan"); /* whatever its sign */
	else if (isinf(loss) || loss == 0)
		snprintf(text, NUMBER, "%.0f", loss);
	else if (size < 1e-4 || size >= 1e5)
		snprintf(text, NUMBER, "%.0e", loss);
	else
		snprintf(text, NUMBER, "%.*f", size < 10 ? 4 : size < 1000 ? 2 : 0, loss);
}

/* Higher curves first. */
static int compare_rows(const void *a, const void *b)
{
	const struct trace *const *x = a, *const *y = b;

	if ((*x)->row != (*y)->row)
		return (*x)->row - (*y)->row;
	return ((*x)->last < (*y)->last) - ((*x)->last > (*y)->last);
}

/* Each line of the list stands beside the end of its curve, as near as the others let it: in rows
 * from `first` to `last`. */
static void place_list(const struct picture *picture, struct trace **order, int count, int first,
                       int last)
{
	for (int i = 0; i < count; i++) {
		order[i]->row = last;
		if (!isnan(order[i]->last))
			order[i]->row = dot_y(picture, order[i]->last) / picture->canvas.down;
	}
	qsort(order, (size_t)count, sizeof(struct trace *), compare_rows);
	for (int i = 0; i < count; i++) {
		const int least = i == 0 ? first : order[i - 1]->row + 1;
		order[i]->row = order[i]->row < least ? least : order[i]->row;
	}
	for (int i = count - 1, most = last; i >= 0; i--) {
		order[i]->row = order[i]->row > most ? most : order[i]->row;
		most = order[i]->row - 1;
	}
}

static void draw_list(struct picture *picture)
{
	struct trace *order[LOSS_CURVES];
	const int column = picture->canvas.columns - picture->list + 1;
	const int first = 2, last = plot_rows(picture), room = last - first + 1;
	const int count = picture->count <= room ? picture->count : room - 1;
	char line[100], loss[NUMBER], floor[NUMBER];

	snprintf(line, sizeof line, "  %-*s %*s %*s", picture->names, "nats", NUMBER_COLUMNS, "loss",
	         NUMBER_COLUMNS, "floor");
	canvas_text(&picture->canvas, column, 1, 0, line);
	for (int i = 0; i < picture->count; i++)
		order[i] = &picture->trace[i];
	place_list(picture, order, count, first, count < picture->count ? last - 1 : last);
	for (int i = 0; i < count; i++) {
		const struct loss_curve *curve = order[i]->curve;
		format_loss(curve->points[curve->count - 1].loss, loss);
		*floor = '\0';
		if (isfinite(curve->floor))
			format_loss(curve->floor, floor);
		snprintf(line, sizeof line, "%c %-*.*s %*s %*s", order[i]->mark, picture->names,
		         picture->names, order[i]->name, NUMBER_COLUMNS, loss, NUMBER_COLUMNS, floor);
		canvas_text(&picture->canvas, column, order[i]->row, order[i]->pen.colour, line);
	}
	if (count < picture->count) {
		snprintf(line, sizeof line, "and %d more", picture->count - count);
		canvas_text(&picture->canvas, column, last, 0, line);
	}
}

/* ---- the top row ---- */

/* A count in three digits or four: 950, 12.3k. */
static void format_count(double count, char text[NUMBER])
{
	static const char letter[] = " kMGTP";
	int i = 0;

	while (count >= 999.5 && letter[i + 1]) {
		count /= 1000;
		i++;
	}
	snprintf(text, NUMBER, "%.3g%.*s", count, i > 0, letter + i);
}

static void format_time(double seconds, char text[NUMBER])
{
	if (seconds < 59.5)
		snprintf(text, NUMBER, "%.0f s", seconds);
	else if (seconds < 3599.5)
		snprintf(text, NUMBER, "%.0f min %02.0f s", floor(round(seconds) / 60),
		         fmod(round(seconds), 60));
	else if (seconds < 48 * 3600)
		snprintf(text, NUMBER, "%.0f h %02.0f min", floor(round(seconds / 60) / 60),
		         fmod(round(seconds / 60), 60));
	else
		snprintf(text, NUMBER, "%.0f h", fmin(seconds / 3600, 1e9));
}

/* Append to a line that ends with a NUL; what has no room is left out. */
__attribute__((format(printf, 2, 3)))
static void append(char line[TOP], const char *format, ...)
{
	const size_t size = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + size, TOP - size, format, args);
	va_end(args);
}

void loss_chart_draw_top(struct picture *picture)
{
	const struct loss_history *history = picture->history;
	const double step = history->last.at[LOSS_STEPS];
	double tokens, steps;
	char line[TOP] = "", number[NUMBER];

	loss_history_speed(history, &tokens, &steps);
	append(line, "step %.0f", step);
	if (history->steps > 0)
		append(line, " of %.0f", history->steps);
	if (picture->unfinite > 0)
		append(line, ", %ld not finite", picture->unfinite);
	if (picture->hidden > 0)
		append(line, ", %ld not above 0", picture->hidden);
	if (picture->above > 0)
		append(line, ", %ld too high", picture->above);
	format_count(history->last.at[LOSS_TOKENS], number);
	append(line, ", %s tokens", number);
	format_time(history->last.at[LOSS_SECONDS], number);
	append(line, " in %s", number);
	if (tokens > 0) {
		format_count(tokens, number);
		append(line, ", %s tokens/s", number);
	}
	if (steps > 0 && history->steps > step) {
		format_time((history->steps - step) / steps, number);
		append(line, ", %s left", number);
	}
	canvas_text(&picture->canvas, 0, 0, 0, line);
}

void loss_chart_draw_all(struct picture *picture)
{
	loss_chart_draw_top(picture);
	draw_floors(picture);
	for (int i = 0; i < picture->count; i++)
		draw_curve(picture, &picture->trace[i]);
	for (int i = 0; picture->chart->unicode && i < picture->count; i++)
		mark_curve(picture, &picture->trace[i], i);
	label_floors(picture);
	draw_y_axis(picture);
	draw_x_axis(picture);
	if (picture->list > 0)
		draw_list(picture);
}
