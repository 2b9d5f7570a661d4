/* Wilson's interval against published values. */
#include "common/recall.h"
#include "tests/tap.h"

int main(void)
{
	/* R. G. Newcombe, "Two-sided confidence intervals for the single proportion:
	 * comparison of seven methods", Statistics in Medicine 17 (1998), table I,
	 * method 3: to four decimals. */
	static const struct {
		struct recall_share share;
		double low, high;
	} rows[] = {
		{{81, 263}, 0.2553, 0.3662},
		{{15, 148}, 0.0624, 0.1605},
		{{0, 20}, 0, 0.1611},
		{{1, 29}, 0.0061, 0.1718},
		{{20, 20}, 0.8389, 1}, /* the third one turned round */
		{{5, 10}, 0.2366, 0.7634},
	};
	char what[64];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double low, high;
		recall_interval(&rows[i].share, &low, &high);
		snprintf(what, sizeof what, "%d of %d: low", (int)rows[i].share.right,
		         (int)rows[i].share.of);
		is_near(low, rows[i].low, 0.00005, what);
		snprintf(what, sizeof what, "%d of %d: high", (int)rows[i].share.right,
		         (int)rows[i].share.of);
		is_near(high, rows[i].high, 0.00005, what);
	}
	return done();
}
