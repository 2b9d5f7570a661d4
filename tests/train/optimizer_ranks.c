/* optimizer_ranks.c - gradients of several workers are sent when all of them are final, in one
 * order whoever is first, and each once. What a step makes of them: tests/train/trainer_ranks.c. */
#include <stdlib.h>
#include <string.h>

#include "common/train/optimizer.h"
#include "tests/train/trainer.h"

#define WORKERS 2
#define MESSAGES 100

/* A comm of which nothing ever arrives. It keeps what was begun. */
static struct comm_message begun[MESSAGES];
static int count, advanced;

static void begin(const struct comm *comm, const struct comm_message *messages, int more)
{
	(void)comm;
	if (count + more > MESSAGES)
		abort();
	memcpy(begun + count, messages, (size_t)more * sizeof *messages);
	count += more;
}

static void advance(const struct comm *comm)
{
	(void)comm;
	advanced++;
}

static const struct comm first_of_two = {
	.rank = 0, .size = 2, .begin = begin, .advance = advance,
};

/* What was begun since message `from` is what the sections since `section` have of the other
 * rank's stretch, of each worker. Returns count. */
static int sent(int from, int section, int end, float *const *gradients, size_t stretch,
                const char *what)
{
	size_t *begins = calloc((size_t)gpt_section_count(&config), sizeof *begins);
	bool good = true;

	gpt_sections(&config, begins);
	for (; section < end; section++) {
		const size_t last = section ? begins[section - 1] : parameters();
		const size_t first = begins[section] > stretch ? begins[section] : stretch;
		for (int w = 0; w < WORKERS && first < last; w++, from++)
			good &= from < count && begun[from].peer == 1 && !begun[from].receive &&
			        begun[from].memory == gradients[w] + first &&
			        begun[from].bytes == (last - first) * sizeof(float);
	}
	free(begins);
	ok(good && from == count, "%s", what);
	return count;
}

int main(void)
{
	const struct kernels *k = kernels_find("cpu", NULL);
	const struct optimizer_options options = {.beta1 = 0.9, .beta2 = 0.99};
	const int all = gpt_section_count(&config);
	struct device *devices[WORKERS];
	float *gradients[WORKERS], *params = calloc(parameters(), sizeof *params);
	struct err err = {0};
	size_t bytes = 0;
	int told;

	for (int w = 0; w < WORKERS; w++) {
		devices[w] = k->open(DTYPE_F32, &err);
		gradients[w] = calloc(parameters(), sizeof **gradients);
	}
	struct optimizer *optimizer = optimizer_new(&config, &options, k, devices, WORKERS,
	                                            &first_of_two, params, &err);
	if (!optimizer) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	optimizer_begin(optimizer, 1, 1e-3, 1);
	for (int i = 0; i < count; i++)
		bytes += begun[i].receive && begun[i].peer == 1 ? begun[i].bytes : 0;
	const size_t stretch = bytes / WORKERS / sizeof(float);
	ok(stretch > parameters() / 2 && stretch < parameters() &&
	   bytes == WORKERS * stretch * sizeof(float),
	   "receives are begun first, of all workers of the other rank");
	told = count;

	optimizer_final(optimizer, 1, gradients, 2);
	told = sent(told, 0, 0, gradients, stretch, "worker 1 only says what is final");
	ok(advanced == 0, "  and does not touch the comm");
	optimizer_final(optimizer, 0, gradients, 1);
	told = sent(told, 0, 1, gradients, stretch, "worker 0 sends what both are done with");
	optimizer_final(optimizer, 0, gradients, 3);
	told = sent(told, 1, 2, gradients, stretch, "  but not what worker 1 is not done with");
	optimizer_final(optimizer, 0, gradients, 3);
	told = sent(told, 2, 2, gradients, stretch, "  and nothing twice");
	ok(advanced == 3, "  and has messages move on each time");
	optimizer_final(optimizer, 1, gradients, all);
	optimizer_final(optimizer, 0, gradients, all);
	sent(told, 2, all, gradients, stretch, "the rest at the end");

	count = 0;
	optimizer_begin(optimizer, 2, 1e-3, 1);
	told = count;
	optimizer_final(optimizer, 0, gradients, all);
	sent(told, 0, 0, gradients, stretch, "in the next step nothing is final at first");

	optimizer_free(optimizer);
	for (int w = 0; w < WORKERS; w++) {
		k->close(devices[w]);
		free(gradients[w]);
	}
	free(params);
	return done();
}
