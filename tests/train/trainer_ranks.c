/* trainer_ranks.c - workers in several processes do what as many threads of one process do, to the
 * bit. The processes are threads here (tests/comm/ranks.h). */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/train/trainer.h"
#include "tests/comm/ranks.h"
#include "tests/train/trainer.h"

#define STEPS 5
#define PASS_ROWS 128 /* several passes a step */

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

/* ---- when messages are begun ---- */

/* What a rank of one worker does, in the order in which it does it: l and e backward of a layer
 * norm and of the embeddings; r, s and x begin messages that are received, sent, and both; a and f
 * advance and finish them. Of a device with memory of its own, m is a mark, w waits for one, and d
 * downloads what was written before it. */
static _Thread_local struct {
	char text[1000];
	size_t length;
} done_so_far;

static void note(char what)
{
	if (done_so_far.length < sizeof done_so_far.text - 1)
		done_so_far.text[done_so_far.length++] = what;
}

static void noted_layernorm_backward(struct device *dev, float *din, float *dgain, float *dbias,
                                     void *rounded, const void *dout, const float *x,
                                     const float *mean, const float *rstd, const float *gain, int n,
                                     int c)
{
	note('l');
	kernels_find("cpu", NULL)->layernorm_backward(dev, din, dgain, dbias, rounded, dout, x, mean,
	                                              rstd, gain, n, c);
}

static void noted_embed_backward(struct device *dev, float *dwte, float *dwpe, const float *dout,
                                 const int32_t *token, const int32_t *position, int n, int c, int v,
                                 int t)
{
	note('e');
	kernels_find("cpu", NULL)->embed_backward(dev, dwte, dwpe, dout, token, position, n, c, v, t);
}

static void noted_mark(struct device *dev, int mark)
{
	(void)dev, (void)mark;
	note('m');
}

static void noted_await(struct device *dev, int mark)
{
	(void)dev, (void)mark;
	note('w');
}

static void noted_download(struct device *dev, int mark, void *to_host, const void *from,
                           size_t bytes)
{
	(void)mark;
	note('d');
	kernels_find("cpu", NULL)->download(dev, to_host, from, bytes);
}

static void noted_begin(const struct comm *comm, const struct comm_message *messages, int count)
{
	bool receive = false, send = false;

	for (int i = 0; i < count; i++)
		*(messages[i].receive ? &receive : &send) = true;
	if (count > 0)
		note(receive && send ? 'x' : receive ? 'r' : 's');
	ranks_begin(comm, messages, count);
}

static void noted_advance(const struct comm *comm)
{
	note('a');
	ranks_advance(comm);
}

static void noted_finish(const struct comm *comm)
{
	note('f');
	ranks_finish(comm);
}

/* The end of a step: the last gradients, none of Muon's sums, and the parameters. */
#define STEP "f" "f" "xf"

struct noted_plan {
	struct plan plan;
	char text[2][1000]; /* of each rank */
};

static void train_noting(const struct comm *comm, void *data)
{
	struct noted_plan *noted = data;
	struct trainer_options options = noted->plan.options;
	struct rank *rank = rank_of(comm);
	struct step_result result;
	struct err err = {0};

	rank->comm.begin = noted_begin;
	rank->comm.advance = noted_advance;
	rank->comm.finish = noted_finish;
	options.comm = comm;
	struct trainer *trainer = make_trainer(&options);
	trainer_step(trainer, noted->plan.data->example, noted->plan.examples, &result, &err);
	strcpy(noted->text[comm->rank], done_so_far.text);
	trainer_free(trainer);
}

/* It was that, with `each` before it as often as there were passes before the last. */
static void was(const char *text, const char *before, const char *each, const char *last,
                int passes, const char *what)
{
	char want[1000];
	size_t length = (size_t)sprintf(want, "%s", before);

	for (int i = 1; i < passes; i++)
		length += (size_t)sprintf(want + length, "%s", each);
	strcpy(want + length, last);
	const bool good = ok(strcmp(text, want) == 0, "%s", what);
	if (!good)
		printf("# have: %s\n# want: %s\n", text, want);
}

/* Half of the parameters is rank 0's: the embeddings, block 0 but for the end of its feed-forward
 * part. The rest is rank 1's. Each sends what it computes of the other's. */
static void test_order(const struct data *data)
{
	struct kernels k = *kernels_find("cpu", NULL);
	struct noted_plan noted = {
		.plan = {.data = data, .options = options_of(1), .examples = EXAMPLES},
	};
	struct ranks ranks;
	int passes = 0;

	k.layernorm_backward = noted_layernorm_backward;
	k.embed_backward = noted_embed_backward;
	noted.plan.options.kernels = &k;
	noted.plan.options.pass_rows = PASS_ROWS;
	ranks_run(&ranks, 2, train_noting, &noted);
	for (const char *c = noted.text[0]; *c; c++)
		passes += *c == 'e';
	ok(passes > 1, "%d passes: messages are begun in the last one", passes);
	was(noted.text[0], "r", "llllle", "lsa" "lsa" "lsa" "lsa" "la" "ea" STEP, passes,
	    "  those of the last layers before the first layer is done");
	was(noted.text[1], "r", "llllle", "la" "la" "la" "lsa" "lsa" "esa" STEP, passes,
	    "  those of the first ones when they are");
	noted.plan.examples = 1;
	ranks_run(&ranks, 2, train_noting, &noted);
	was(noted.text[1], "r", "", "sa" STEP, 1, "who has no example has all to send at once");
	k.host_memory = false;
	k.host_alloc = k.alloc;
	k.host_free = k.free;
	k.mark = noted_mark;
	k.await = noted_await;
	k.download_marked = noted_download;
	ranks_run(&ranks, 2, train_noting, &noted);
	was(noted.text[0], "lmlmlmlmlmem", "", "wdsa" "wdsa" "wdsa" "wdxa" "wra" "wra" STEP, 1,
	    "a device is asked for all, and its gradients are sent as it gets done with them");
	was(noted.text[1], "mmmmmm", "", "wra" "wra" "wra" "wdxa" "wdsa" "wdsa" STEP, 1,
	    "  and others' are received in the same order, also if there are none to send");
}

/* ---- a device's own memory ---- */

/* A device whose memory is said to be its own: it is the processor's. */
static atomic_int host_taken, host_given; /* calls of host_alloc() and host_free() */
static atomic_int device_messages, too_early; /* of a step; begun before the device had done all */
static _Thread_local bool busy; /* the rank's device has not been waited for */

static void *apart_host_alloc(struct device *dev, size_t bytes)
{
	(void)dev;
	host_taken++;
	return malloc(bytes);
}

static void apart_host_free(struct device *dev, void *memory)
{
	(void)dev;
	host_given += memory != NULL;
	free(memory);
}

static void apart_adamw(struct device *dev, float *param, const float *grad, float *m, float *v,
                        size_t count, const struct adamw_range *ranges, int range_count,
                        const struct adamw *adamw, const struct update *update)
{
	busy = true;
	kernels_find("cpu", NULL)->adamw(dev, param, grad, m, v, count, ranges, range_count, adamw,
	                                 update);
}

static void apart_layernorm_backward(struct device *dev, float *din, float *dgain, float *dbias,
                                     void *rounded, const void *dout, const float *x,
                                     const float *mean, const float *rstd, const float *gain, int n,
                                     int c)
{
	busy = true;
	kernels_find("cpu", NULL)->layernorm_backward(dev, din, dgain, dbias, rounded, dout, x, mean,
	                                              rstd, gain, n, c);
}

static void apart_add(struct device *dev, float *x, const float *y, size_t count)
{
	busy = true;
	kernels_find("cpu", NULL)->add(dev, x, y, count);
}

static void apart_wait(struct device *dev)
{
	busy = false;
	kernels_find("cpu", NULL)->wait(dev);
}

static void apart_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	busy = false;
	kernels_find("cpu", NULL)->download(dev, to_host, from, bytes);
}

static void apart_await(struct device *dev, int mark)
{
	(void)dev, (void)mark;
	busy = false;
}

static void apart_download_marked(struct device *dev, int mark, void *to_host, const void *from,
                                  size_t bytes)
{
	(void)mark;
	apart_download(dev, to_host, from, bytes);
}

static void apart_begin(const struct comm *comm, const struct comm_message *messages, int count)
{
	for (int i = 0; i < count; i++) {
		device_messages += messages[i].device;
		too_early += busy && !messages[i].receive;
	}
	ranks_begin(comm, messages, count);
}

static bool device_memory; /* of the comm */

static void train_apart(const struct comm *comm, void *data)
{
	struct rank *rank = rank_of(comm);

	rank->comm.begin = apart_begin;
	rank->comm.device_memory = device_memory;
	train(comm, data);
}

/* The course of two ranks whose devices have memory of their own, and that of one process. */
static void test_device_memory(const struct plan *what, const char *name)
{
	struct kernels k = *kernels_find("cpu", NULL);
	struct plan alone = *what, apart = *what;
	struct ranks ranks;

	k.host_memory = false;
	k.host_alloc = apart_host_alloc;
	k.host_free = apart_host_free;
	k.adamw = apart_adamw;
	k.layernorm_backward = apart_layernorm_backward;
	k.add = apart_add;
	k.wait = apart_wait;
	k.mark = noted_mark;
	k.await = apart_await;
	k.download_marked = apart_download_marked;
	k.download = apart_download;
	alone.options.workers = 2;
	apart.options.kernels = &k;
	ranks_run(&ranks, 1, train, &alone);
	for (int direct = 0; direct < 2; direct++) {
		device_memory = direct;
		host_taken = host_given = device_messages = too_early = 0;
		ranks_run(&ranks, 2, train_apart, &apart);
		ok(same_state(&apart.state[0], &alone.state[0]) &&
		   same_state(&apart.state[1], &alone.state[0]), "%s: two devices have the state of one "
		   "process, %s", name, direct ? "whose memory is sent" : "by copies in the host's memory");
		is_int(host_taken, direct ? 0 : 6, "  so many of these are made");
		is_int(host_given, host_taken, "  and given back");
		ok((device_messages > 0) == direct, "  messages say whose memory it is");
		is_int(too_early, 0, "  all are begun when the device has done its work");
		release(&apart, 2);
	}
	release(&alone, 1);
}

int main(void)
{
	static struct data data;
	struct err err = {0};
	struct plan plan = {
		.data = &data, .options = options_of(1), .steps = STEPS, .examples = EXAMPLES - STEPS,
	};

	make_data(&data, 1);
	test_order(&data);
	compare_all(&plan, "AdamW");
	plan.options.dropout = 0.2;
	plan.options.optimizer.clip = 0.1;
	compare_all(&plan, "dropout and clipping");
	plan.options.pass_rows = PASS_ROWS;
	compare_all(&plan, "several passes");
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
	apart.host_alloc = apart.alloc;
	apart.host_free = apart.free;
	apart.mark = noted_mark;
	apart.await = noted_await;
	apart.download_marked = noted_download;
	plan.options = options_of(1);
	plan.options.kernels = &apart;
	compare_all(&plan, "memory of the device's own");
	test_device_memory(&plan, "AdamW");
	plan.options.optimizer.kind = OPTIMIZER_MUON;
	compare_all(&plan, "Muon, memory of the device's own");
	test_device_memory(&plan, "Muon");
	if (apart.supports(DTYPE_BF16)) {
		plan.options = options_of(1);
		plan.options.dtype = DTYPE_BF16;
		compare(&plan, 2, 2, "bf16");
	}
	return done();
}
