#include "common/base/axis.h"

#include <math.h>
#include <stdio.h>

#define EXACT 1e-9 /* what rounding may add to a number of steps */

void axis_label(double value, double step, char label[AXIS_LABEL])
{
	static const struct {
		double from, unit; /* numbers from `from` on are given in units */
		const char *letter;
	} scale[] = {{1e15, 0, ""}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}, {0, 1, ""}};
	const double size = fmax(fabs(value), step);
	int at = 0;

	while (size < scale[at].from)
		at++;
	if (scale[at].unit == 0 || step < 1e-4) {
		const double digits = ceil(log10(size / step)) + 1;
		snprintf(label, AXIS_LABEL, "%.*g", (int)fmin(fmax(digits, 3), 7), value);
		return;
	}
	step /= scale[at].unit;
	int digits = 0;
	for (double part = step; digits < 6 && fabs(part - rint(part)) > 1e-6 * part; part *= 10)
		digits++;
	snprintf(label, AXIS_LABEL, "%.*f%s", digits, value / scale[at].unit,
	         value == 0 ? "" : scale[at].letter);
}

double axis_place(const struct axis *axis, double value)
{
	if (axis->log)
		return log(value / axis->low) / log(axis->high / axis->low);
	return (value - axis->low) / (axis->high - axis->low);
}

static void add_tick(struct axis *axis, double value, double step)
{
	if (axis->ticks == AXIS_TICKS)
		return;
	axis->tick[axis->ticks] = value;
	axis_label(value, step, axis->label[axis->ticks++]);
}

/* The smallest of 1, 2 and 5 times a power of ten that is at least `least`. */
static double round_step(double least)
{
	const double power = pow(10, floor(log10(least) + EXACT));
	const double times = least / power;

	return power * (times <= 1 + EXACT ? 1 : times <= 2 + EXACT ? 2 : times <= 5 + EXACT ? 5 : 10);
}

/* Ticks at the multiples of a round number. */
static void linear_ticks(struct axis *axis, bool round, int most)
{
	double step = round_step((axis->high - axis->low) / (most - 1));
	double first = ceil(axis->low / step - EXACT), last = floor(axis->high / step + EXACT);

	while (!round && last - first < 1) {
		step = round_step(step / 2.5);
		first = ceil(axis->low / step - EXACT);
		last = floor(axis->high / step + EXACT);
	}
	while (round) {
		first = floor(axis->low / step + EXACT);
		last = ceil(axis->high / step - EXACT);
		if (last - first < most)
			break;
		step = round_step(1.5 * step);
	}
	if (round) {
		axis->low = fmin(axis->low, first * step);
		axis->high = fmax(axis->high, last * step);
	}
	for (double i = first; i <= last; i++)
		add_tick(axis, i * step + 0.0, step); /* no -0 */
}

/* The powers of ten within the axis: every nth, so that there are at most `most`. Between them 2
 * and 5 times the power, if there is room. Returns how many there are. */
static int decades(struct axis *axis, int most)
{
	const double first = ceil(log10(axis->low) - EXACT), last = floor(log10(axis->high) + EXACT);
	const double every = fmax(ceil((last - first + 1) / most), 1);
	const bool parts = 3 * (last - first + 2) <= most;

	for (double power = parts ? first - 1 : first; power <= last; power += every)
		for (int i = 0; i < (parts ? 3 : 1); i++) {
			const double step = pow(10, power), value = step * (i == 0 ? 1 : i == 1 ? 2 : 5);
			if (value >= axis->low * (1 - EXACT) && value <= axis->high * (1 + EXACT))
				add_tick(axis, value, step);
		}
	return axis->ticks;
}

/* Move ends apart that are equal, or so near that doubles between them are few. */
static void part(struct axis *axis)
{
	const double size = fmax(fabs(axis->low), fabs(axis->high));
	double least = axis->log ? axis->high * 1e-6 : size * 1e-9;

	if (size == 0)
		least = 1;
	if (axis->high - axis->low >= least)
		return;
	if (axis->log) {
		axis->low /= 2;
		axis->high *= 2;
	} else {
		const double half = size == 0 ? 1 : size / 2;
		axis->low = axis->low == 0 ? 0 : axis->low - half;
		axis->high += half;
	}
}

void axis_fit(struct axis *axis, double low, double high, bool log, bool round, int most)
{
	*axis = (struct axis){.low = low, .high = high, .log = log};
	if (most > AXIS_TICKS)
		most = AXIS_TICKS;
	part(axis);
	if (log && decades(axis, most) >= 2)
		return;
	axis->ticks = 0;
	linear_ticks(axis, round && !log, most);
}
