#include "common/model/head_range.h"

static int check(struct option_range *range, const char *what, int have, struct err *err)
{
	if (range->max >= have)
		return err_usage(err, "--%s: the model has no %s %lld, only 0 to %d", what, what,
		                 (long long)range->max, have - 1);
	if (range->max < 0)
		range->max = have - 1;
	return 0;
}

int head_range_check(struct head_range *range, const struct gpt_config *config, struct err *err)
{
	if (check(&range->layers, "layer", config->layers, err) < 0)
		return -1;
	return check(&range->heads, "head", config->heads, err);
}
