/* gpt_gradients.c - a backward pass says which gradients it is done with, and neither too early nor
 * too late. */
#include "tests/model/network.h"

/* What is said of one pass. */
struct watch {
	struct net *net;
	int calls, last; /* how often something was said, and what last */
	bool rising; /* more each time */
	float *seen; /* [count]: each section, when it was first said to be final */
	float *before; /* [count]: each section, when this was last not said */
};

static void keep(float *to, const float *from, size_t begin, size_t end)
{
	memcpy(to + begin, from + begin, (end - begin) * sizeof *to);
}

static void watch(void *data, int count)
{
	struct watch *watch = data;
	const struct net *net = watch->net;
	const int sections = gpt_section_count(&net->config);
	const float *gradients = gpt_gradients(net->gpt);
	size_t *begin = must(calloc((size_t)sections, sizeof *begin));

	gpt_sections(&net->config, begin);
	for (int s = 0; s < sections; s++) {
		const size_t end = s ? begin[s - 1] : net->count;
		if (s >= count)
			keep(watch->before, gradients, begin[s], end);
		else if (s >= watch->last)
			keep(watch->seen, gradients, begin[s], end);
	}
	free(begin);
	watch->rising &= count > watch->last;
	watch->last = count;
	watch->calls++;
}

/* Each section differs between the two. */
static bool differ(const struct net *net, const float *a, const float *b)
{
	const int sections = gpt_section_count(&net->config);
	size_t *begin = must(calloc((size_t)sections, sizeof *begin));
	int differing = 0;

	gpt_sections(&net->config, begin);
	for (int s = 1; s < sections; s++)
		differing += memcmp(a + begin[s], b + begin[s], (begin[s - 1] - begin[s]) * sizeof *a) != 0;
	free(begin);
	return differing == sections - 1; /* nothing is said before the first one */
}

static void check(const struct gpt_config *config, float rate)
{
	struct net net = new_net(config, cpu(), GPT_KEEP_ALL);
	const size_t bytes = net.count * sizeof(float);
	struct watch told = {.net = &net, .rising = true};
	struct pass pass;

	told.seen = must(calloc(1, bytes));
	told.before = must(calloc(1, bytes));
	fill_pass(&pass, config, some_lengths, 2);
	gpt_dropout(net.gpt, rate, 7, 3);
	float *want = pass_gradients(&net, &pass, NULL);
	gpt_on_gradients(net.gpt, watch, &told);
	float *have = pass_gradients(&net, &pass, NULL);
	gpt_on_gradients(net.gpt, NULL, NULL);
	printf("# %d layers, width %d%s, dropout %g\n", config->layers, config->width,
	       config->own_head ? ", a head of its own" : "", rate);
	ok(memcmp(have, want, bytes) == 0, "the gradients are as when nobody is told");
	ok(told.rising, "more of them are final each time");
	is_int(told.calls, 2 * config->layers + 2, "  twice a layer");
	is_int(told.last, gpt_section_count(config), "  and all at the end");
	ok(memcmp(told.seen, want, bytes) == 0, "what is said to be final does not change any more");
	ok(differ(&net, told.before, want), "what is final is said at once");
	free(pass_gradients(&net, &pass, NULL));
	is_int(told.calls, 2 * config->layers + 2, "who asks no more is not told");
	free(have);
	free(want);
	free(told.seen);
	free(told.before);
	free_net(&net);
}

static int replayed; /* calls of replay() */

static bool forgets(struct device *dev, const struct sequences *seqs, uint64_t key)
{
	replayed++;
	return (void)dev, (void)seqs, (void)key, false;
}

static bool done_already(struct device *dev)
{
	return (void)dev, true;
}

static void count_calls(void *data, int count)
{
	(void)count;
	++*(int *)data;
}

/* A device that replays calls would say nothing the second time. */
static void check_replays(void)
{
	struct kernels replays = *cpu();
	struct pass pass;
	int calls = 0;

	replays.replay = forgets;
	replays.recorded = done_already;
	struct net net = new_net(&small, &replays, GPT_KEEP_ALL);
	fill_pass(&pass, &small, some_lengths, 2);
	gpt_on_gradients(net.gpt, count_calls, &calls);
	free(pass_gradients(&net, &pass, NULL));
	is_int(calls, 2 * small.layers + 2, "a device that could replay calls says it, too");
	is_int(replayed, 0, "  and is not asked to replay them");
	gpt_on_gradients(net.gpt, NULL, NULL);
	free(pass_gradients(&net, &pass, NULL));
	ok(replayed > 0, "  until nobody asks any more");
	free_net(&net);
}

int main(void)
{
	for (int i = 0; i < SHAPES; i++)
		check(&shapes[i], i % 2 ? 0.2f : 0);
	check_replays();
	return done();
}
