/* chi_square.h - do counts fit the probabilities that they should come with? */
#ifndef MEMOSCOPE_CHI_SQUARE_H
#define MEMOSCOPE_CHI_SQUARE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether counts[cells] fit expected[cells]: the statistic lies below the 1 - 1e-5 quantile (Wilson
 * and Hilferty 1931). */
static bool fits(const long *counts, const double *expected, int cells)
{
	double chi2 = 0, freedom = cells - 1, third = 2 / (9 * freedom);

	for (int i = 0; i < cells; i++)
		chi2 += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
	double bound = freedom * pow(1 - third + 4.265 * sqrt(third), 3);
	if (chi2 >= bound)
		printf("# chi-square %g, bound %g, %d cells\n", chi2, bound, cells);
	return chi2 < bound;
}

#endif
