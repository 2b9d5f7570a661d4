/* shares.h - a check of a share's two counts. */
#ifndef MEMOSCOPE_TESTS_SHARES_H
#define MEMOSCOPE_TESTS_SHARES_H

#include "common/base/stats.h"
#include "tests/tap.h"

__attribute__((unused))
static void is_share(struct share have, uint64_t right, uint64_t of, const char *what)
{
	if (!ok(have.right == right && have.of == of, "%s: %d of %d", what, (int)right, (int)of))
		printf("# have %d of %d\n", (int)have.right, (int)have.of);
}

#endif
