/* An axis: its ticks are round numbers, not too many, and their labels can be told apart. */
#include <stdlib.h>
#include <string.h>

#include "common/base/axis.h"
#include "tests/tap.h"

/* The labels of an axis, with blanks between them. */
static void has(double low, double high, bool log, bool rounded, int most, const char *want)
{
	char have[AXIS_TICKS * AXIS_LABEL] = "", what[100];
	struct axis axis;

	axis_fit(&axis, low, high, log, rounded, most);
	for (int i = 0; i < axis.ticks; i++)
		sprintf(have + strlen(have), "%s%s", i ? " " : "", axis.label[i]);
	snprintf(what, sizeof what, "%g to %g%s%s, at most %d", low, high, log ? ", logarithmic" : "",
	         rounded ? ", round ends" : "", most);
	is_string(have, want, what);
}

static void labels(void)
{
	static const struct {
		double value, step;
		const char *want;
	} rows[] = {
		{0, 1, "0"}, {0, 1e6, "0"}, {2.5, 0.5, "2.5"}, {2, 0.5, "2.0"}, {0.05, 0.05, "0.05"},
		{1500, 500, "1500"}, {9999, 1, "9999"}, {10000, 5000, "10k"}, {12500, 2500, "12.5k"},
		{1.5e6, 5e5, "1.5M"}, {2e7, 5e6, "20M"}, {3e10, 1e10, "30G"}, {1e16, 1e16, "1e+16"},
		{-0.5, 0.25, "-0.50"}, {2e-7, 1e-7, "2e-07"}, {1e30, 1, "1e+30"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char label[AXIS_LABEL];
		axis_label(rows[i].value, rows[i].step, label);
		is_string(label, rows[i].want, "a label");
	}
}

static void ticks(void)
{
	has(0, 3500, false, false, 6, "0 1000 2000 3000");
	has(0, 3500, false, false, 8, "0 500 1000 1500 2000 2500 3000 3500");
	has(0, 4.23, false, true, 6, "0 1 2 3 4 5");
	has(0, 4.23, false, true, 4, "0 2 4 6");
	has(1.31, 1.39, false, true, 5, "1.30 1.35 1.40");
	has(2, 2, false, true, 5, "1.0 1.5 2.0 2.5 3.0");
	has(0, 0, false, true, 3, "0.0 0.5 1.0");
	has(10, 10, false, false, 3, "5 10 15");
	has(1, 1000, true, false, 5, "1 10 100 1000");
	has(1, 1000, true, false, 15, "1 2 5 10 20 50 100 200 500 1000");
	has(3e-4, 5, true, false, 8, "0.001 0.01 0.1 1");
	has(0.0069, 3.2, true, false, 4, "0.01 0.1 1");
	has(1, 1e12, true, false, 5, "1 1000 1M 1G 1000G");
	has(21, 49, true, false, 5, "30 40");
	has(7, 7, true, false, 5, "5 10");
}

/* Over many ranges. */
static void ranges(void)
{
	int tried = 0, ends = 0, few = 0, many = 0, wild = 0, same = 0, wrong = 0;

	for (int i = 0; i < 40000; i++) {
		const double size = pow(10, i % 23 - 8 + i % 7 * 0.13), wide = pow(10, -(i % 5));
		const bool log = i % 2, rounded = i % 4 == 2;
		const double low = i % 3 == 0 && !log ? 0 : size, high = size * (1 + i % 31 * wide);
		const int most = 4 + i % 9;
		struct axis axis;
		axis_fit(&axis, low, high, log, rounded, most);
		tried++;
		ends += !(axis.low < axis.high) || axis.low > low || axis.high < high;
		few += axis.ticks < 2;
		many += axis.ticks > most + 1;
		for (int k = 0; k < axis.ticks; k++) {
			const double place = axis_place(&axis, axis.tick[k]);
			wild += !(place > -1e-6 && place < 1 + 1e-6);
			same += k > 0 && (strcmp(axis.label[k], axis.label[k - 1]) == 0 ||
			                  axis.tick[k] <= axis.tick[k - 1]);
			char *rest;
			const double value = strtod(axis.label[k], &rest);
			const double unit = *rest == 'k' ? 1e3 : *rest == 'M' ? 1e6 : *rest == 'G' ? 1e9 : 1;
			const double step = axis.tick[1] - axis.tick[0];
			wrong += !(fabs(value * unit - axis.tick[k]) < 0.2 * step);
		}
		if (rounded)
			ends += fabs(axis_place(&axis, axis.tick[0])) > 1e-6 ||
			        fabs(axis_place(&axis, axis.tick[axis.ticks - 1]) - 1) > 1e-6;
	}
	ok(tried == 40000 && ends == 0, "ends hold the values, and are ticks if they are round: %d",
	   ends);
	ok(few == 0 && many == 0, "from 2 ticks to one more than is asked for: %d, %d", few, many);
	ok(wild == 0, "ticks stand between the ends: %d", wild);
	ok(same == 0, "labels differ, and rise: %d", same);
	ok(wrong == 0, "labels say where their ticks are: %d", wrong);
}

static void places(void)
{
	struct axis axis;

	axis_fit(&axis, 10, 1000, true, false, 5);
	is_near(axis_place(&axis, 100), 0.5, 1e-12, "the middle of a logarithmic axis");
	axis_fit(&axis, 10, 1000, false, false, 5);
	is_near(axis_place(&axis, 505), 0.5, 1e-12, "and of another");
	ok(axis_place(&axis, 5) < 0 && axis_place(&axis, 1005) > 1, "beyond the ends");
}

int main(void)
{
	labels();
	ticks();
	ranges();
	places();
	return done();
}
