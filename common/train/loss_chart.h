/* loss_chart.h - the losses of a run as a picture of characters: a curve for training, for
 * validation and for each kind of token, floors as dotted lines, and a list of the latest numbers.
 *
 * A row at the top says how far the run is. A point of a curve is the mean over the records that
 * fall into its column. Each curve has a mark, a letter that stands on it and in the list, so that
 * no colour is needed to tell them apart.
 */
#ifndef MEMOSCOPE_LOSS_CHART_H
#define MEMOSCOPE_LOSS_CHART_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/text_buffer.h"
#include "common/train/loss_history.h"

struct loss_chart {
	int columns, rows; /* of the picture, at least 1; a very small one has its top row only */
	bool unicode; /* Braille and lines; else ASCII */
	bool styles; /* colours, as escape sequences */
	bool log_x, log_y; /* logarithmic axes */
	enum loss_measure measure; /* along the x axis */
	/* Curves to draw, names with commas between them: kinds, LOSS_TRAINING, LOSS_VALIDATION; NULL:
	 * all. */
	const char *names;
};

#define LOSS_TRAINING "training"
#define LOSS_VALIDATION "validation"

/* Append the picture to out: lines, each with a newline, `rows` of them at most. -1 with err set:
 * memory is out. */
int loss_chart_draw(const struct loss_chart *chart, const struct loss_history *history,
                    struct text_buffer *out, struct err *err);

/* The curve of a name of size bytes, or NULL if the history has no points of it. */
const struct loss_curve *loss_chart_find(const struct loss_history *history, const char *name,
                                         size_t size);

#endif
