/* trainer_ranks.c - workers in several processes do what as many threads of one process do, to the
 * bit. The processes are threads here (tests/comm/ranks.h). */
#include <stdio.h>
#include <stdlib.h>

#include "common/train/trainer.h"
#include "tests/comm/ranks.h"
#include "tests/train/trainer.h"

#define STEPS 5

/* A course of training, and what each rank has at its end. */
struct plan {
	const struct data *data;
	struct trainer_options options; /* workers: of each rank */
	const struct trainer_state *start; /* NULL: a new network */
	int steps, examples;
	struct trainer_state state[RANKS_MAX];
	struct step_result result[RANKS_MAX];
	struct evaluation evaluation[RANKS_MAX];
	int status[RANKS_MAX], workers[RANKS_MAX];
};

static void train(const struct comm *comm, void *data)
{
	struct plan *plan = data;
	struct trainer_options options = plan->options;
	struct step_result result = {0};
	struct err err = {0};

	options.comm = comm;
	struct trainer *trainer = make_trainer(&options);
	if (plan->start)
		trainer_restore(trainer, plan->start);
	plan->status[comm->rank] = 0;
	for (int i = 0; i < plan->steps; i++)
		plan->status[comm->rank] |= trainer_step(trainer, plan->data->example + i, plan->examples,
		                                         &result, &err);
	trainer_evaluate(trainer, &plan->data->dataset, EXAMPLES - 3, &plan->evaluation[comm->rank]);
	plan->state[comm->rank] = state_of(trainer);
	plan->result[comm->rank] = result;
	plan->workers[comm->rank] = trainer_workers(trainer);
	trainer_free(trainer);
}

static void release(struct plan *plan, int size)
{
	for (int r = 0; r < size; r++)
		trainer_state_release(&plan->state[r]);
}

/* The course of as many ranks, and of one with all their workers. */
static void compare(const struct plan *what, int size, int threads, const char *name)
{
	struct plan alone = *what, spread = *what;
	struct ranks ranks;
	int same = 0, as_result = 0, as_evaluation = 0;

	alone.options.workers = size * threads;
	spread.options.workers = threads;
	ranks_run(&ranks, 1, train, &alone);
	ranks_run(&ranks, size, train, &spread);
	for (int r = 0; r < size; r++) {
		same += same_state(&spread.state[r], &alone.state[0]) &&
		        spread.workers[r] == size * threads;
		as_result += same_result(&spread.result[r], &alone.result[0]) &&
		             spread.status[r] == alone.status[0];
		as_evaluation += memcmp(&spread.evaluation[r], &alone.evaluation[0],
		                        sizeof alone.evaluation[0]) == 0;
	}
	ok(same == size, "%s: %d ranks of %d workers have the state of one process", name, size,
	   threads);
	is_int(as_result, size, "  and its results");
	is_int(as_evaluation, size, "  and its evaluation");
	/* Each step, the gradients of all other workers and the parameters of all other ranks; at the
	 * end, two moments. Muon also exchanges sums. */
	const size_t others = (size_t)(size - 1), workers = others * (size_t)threads;
	const size_t floats = (size_t)what->steps * (workers + others) + 2 * others;
	size_t received = 0;
	for (int r = 0; r < size; r++)
		received += ranks.rank[r].received;
	const size_t want = floats * parameters() * sizeof(float);
	ok(what->options.optimizer.kind == OPTIMIZER_MUON ? received > want : received == want,
	   "  by as many bytes as needed");
	release(&alone, 1);
	release(&spread, size);
}

/* 2 to 6 workers. */
static void compare_all(const struct plan *plan, const char *name)
{
	static const int shapes[][2] = {{2, 1}, {3, 1}, {4, 1}, {2, 2}, {2, 3}, {3, 2}, {6, 1}};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		compare(plan, shapes[i][0], shapes[i][1], name);
}

/* A state that two ranks left goes on in three, and in one. */
static void test_resume(const struct plan *what)
{
	struct plan before = *what, later = *what, whole = *what;
	struct ranks ranks;

	before.options.workers = 3;
	ranks_run(&ranks, 2, train, &before);
	later.start = &before.state[1];
	later.options.workers = 2;
	ranks_run(&ranks, 3, train, &later);
	whole.start = &before.state[0];
	whole.options.workers = 6;
	ranks_run(&ranks, 1, train, &whole);
	ok(same_state(&later.state[2], &whole.state[0]), "a state does not depend on the processes");
	ok(later.state[0].step == 2 * STEPS, "  and goes on in others");
	release(&before, 2);
	release(&later, 3);
	release(&whole, 1);
}

int main(void)
{
	static struct data data;
	struct err err = {0};
	struct plan plan = {
		.data = &data, .options = options_of(1), .steps = STEPS, .examples = EXAMPLES - STEPS,
	};

	make_data(&data, 1);
	compare_all(&plan, "AdamW");
	plan.options.dropout = 0.2;
	plan.options.optimizer.clip = 0.1;
	compare_all(&plan, "dropout and clipping");
	plan.options.optimizer.kind = OPTIMIZER_MUON;
	plan.options.optimizer.momentum = 0.95;
	compare_all(&plan, "Muon");
	test_resume(&plan);
	plan.examples = 2;
	compare_all(&plan, "more workers than examples");
	/* such gradients that their sum is not finite; the step is skipped, and the next one taken */
	plan.options.loss_scale = 0x1p126;
	compare(&plan, 3, 1, "a step is skipped");
	plan.options.loss_scale = 0;
	/* As on a GPU, copies for sending and receiving are made. */
	struct kernels apart = *kernels_find("cpu", &err);
	apart.host_memory = false;
	plan.options = options_of(1);
	plan.options.kernels = &apart;
	compare_all(&plan, "memory of the device's own");
	plan.options.optimizer.kind = OPTIMIZER_MUON;
	compare_all(&plan, "Muon, memory of the device's own");
	if (apart.supports(DTYPE_BF16)) {
		plan.options = options_of(1);
		plan.options.dtype = DTYPE_BF16;
		compare(&plan, 2, 2, "bf16");
	}
	return done();
}
