/* axis.h - the axis of a plot: its ends, and round numbers along it. */
#ifndef MEMOSCOPE_AXIS_H
#define MEMOSCOPE_AXIS_H

#include <stdbool.h>

#define AXIS_TICKS 32 /* of an axis at most */
#define AXIS_LABEL 16 /* bytes of a label at most, with its NUL */

struct axis {
	double low, high; /* its ends: low < high */
	bool log; /* logarithmic: low > 0 */
	int ticks;
	double tick[AXIS_TICKS]; /* round numbers from low to high, rising */
	char label[AXIS_TICKS][AXIS_LABEL];
};

/* An axis for values from low to high: low <= high, neither beyond 1e100, and with log, 0 < low.
 * Equal ends are moved apart. It has 2 ticks at least, and `most` or one more at most; most is 3 or
 * more. If round, the ends become round numbers, so that there are ticks at both; a logarithmic
 * axis keeps its ends. */
void axis_fit(struct axis *axis, double low, double high, bool log, bool round, int most);

/* Where a value stands: 0 at low, 1 at high; beyond the ends below 0 or above 1. With log, the
 * value is above 0. */
double axis_place(const struct axis *axis, double value);

/* A number for people: 0.25, 1500, 20k, 1.5M. step: the distance to the next number, which must not
 * look the same. */
void axis_label(double value, double step, char label[AXIS_LABEL]);

#endif
