/* Models of transformers open in place, and say what transformers says: testdata/foreign. */
#include "tests/model/foreign.h"

static void test_in_place(const char *name)
{
	char path[96];
	struct model model;
	struct err err = {0};

	snprintf(path, sizeof path, FOREIGN "%s", name);
	if (!ok(model_load(path, &model, &err) == 0, "%s: opens", name)) {
		printf("# %s\n", err.text);
		return;
	}
	ok(model.config.bias, "%s: has biases", name);
	const double off = foreign_distance(name, &model);
	if (!ok(off < 1e-5, "%s: probabilities", name))
		printf("# off by %g\n", off);
	model_release(&model);
}

int main(void)
{
	static const char *const names[] = {"float16", "bfloat16", "shards", "base-model",
	                                    "old-buffers", "tied-head", "padded"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		test_in_place(names[i]);
	return done();
}
