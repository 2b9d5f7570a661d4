/* loss_chart_private.h - a picture that is being made: between loss_chart.c, which chooses the
 * curves and their ranges, and loss_chart_draw.c, which draws them. */
#ifndef MEMOSCOPE_LOSS_CHART_PRIVATE_H
#define MEMOSCOPE_LOSS_CHART_PRIVATE_H

#include <math.h>

#include "common/base/axis.h"
#include "common/base/canvas.h"
#include "common/train/loss_chart.h"

#define LOSS_CURVES (SPAN_KINDS + 2)
#define NAME_COLUMNS 14 /* of a name in the list at most; a longer one is cut off */
#define NUMBER_COLUMNS 7 /* of a number in the list */
#define BREAK INFINITY /* in place of a loss: the curve is interrupted here */

/* A curve as it is drawn. */
struct trace {
	const struct loss_curve *curve;
	const char *name;
	struct pen pen;
	char mark;
	double *loss; /* [width] the mean loss in each column of dots; NAN: none; BREAK */
	int row; /* of the plot, in the list */
	double last; /* the last loss that is drawn; NAN: none */
};

struct picture {
	const struct loss_chart *chart;
	const struct loss_history *history;
	struct canvas canvas;
	struct trace trace[LOSS_CURVES];
	int count; /* traces */
	bool floors; /* does any trace have one? */
	int left, list; /* columns: left of the plot; of the list, 0: none */
	int names; /* columns of a name in the list */
	int width, height; /* of the plot, in dots */
	struct axis x, y;
	double *losses; /* owned; [count][width] */
	int *used; /* owned; [rows] columns of a row that labels of floors take */
	/* How many losses are not finite, not above 0 on a logarithmic axis, too high. */
	long unfinite, hidden, above;
};

/* The plot's rows of cells are 1 … plot_rows(). Below it are the axis and its labels. */
static inline int plot_rows(const struct picture *picture)
{
	return picture->canvas.rows - 3;
}

static inline int plot_columns(const struct picture *picture)
{
	return picture->canvas.columns - picture->left - picture->list;
}

/* Draw floors, curves, axes, the list and the top row on the canvas. */
void loss_chart_draw_all(struct picture *picture);

/* Draw the top row only. */
void loss_chart_draw_top(struct picture *picture);

#endif
