/* What kernels/cuda asks of CUDA's libraries, by fakes of those (fake.c) and the machine
 * of tests/kernels/shim: that products are asked for as the table has them, that memory goes
 * where it should, and that passes that are launched as graphs are those passes. Built where
 * CUDA's headers are. */
#include "tests/tap.h"

#include <sys/wait.h>

#include "common/model/backend.h"
#include "common/model/gpt.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/cuda.h"
#include "tests/kernels/gpu/fake.h"
#include "tests/kernels/harness/check.h"
#include "tests/kernels/harness/network.h"
#include "tests/train/trainer.h"

static void check_rows(const struct kernels *kernels, enum dtype dtype, const char *label)
{
	static const char *const rows[] = {
		"memory", "read_activations", "linear", "linear_backward", "linear_residual",
		"linear_residual_backward", "unembed", "unembed_backward", "weights", "set_columns",
		"muon", "sum", "norm2", "clip",
	};

	for (int row = 0; row < ops_rows(); row++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct ops_result result;
			if (strcmp(ops_row_name(row), rows[i]) != 0)
				continue;
			ops_check_row(kernels, dtype, row, &result);
			if (!ok(result.failed == 0, "%s: %s in %d cases", label, rows[i], result.cases))
				printf("# %d; the first: %s\n", result.failed, result.first);
		}
}

/* All products of a network's operations are asked for in the device's dtype. */
static void check_types(const struct kernels *kernels, enum dtype dtype)
{
	memset(fake_products, 0, sizeof fake_products);
	for (int row = 0; row < ops_rows(); row++) {
		struct ops_result result;
		if (strstr(ops_row_name(row), "linear") || strstr(ops_row_name(row), "unembed"))
			ops_check_row(kernels, dtype, row, &result);
	}
	for (enum dtype type = DTYPE_F32; type < DTYPES; type++)
		ok(type == dtype ? fake_products[type] > 100 : fake_products[type] == 0,
		   "%s: %d products of operands in %s", dtype_name(dtype), fake_products[type],
		   dtype_name(type));
}

/* What is known of a product in one dtype is not taken for another's: Muon's are float32. */
static void check_mixed(const struct kernels *kernels)
{
	struct err err = {0};
	struct device *dev = kernels->open(DTYPE_F16, &err);
	float *x = kernels->alloc(dev, 64 * sizeof *x), *y = kernels->alloc(dev, 64 * sizeof *y);
	bool made = true;

	kernels->zero(dev, x, 64 * sizeof *x);
	memset(fake_products, 0, sizeof fake_products);
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
		const struct product product = {
			.m = 8, .n = 8, .k = 8, .a = {x, DTYPE_F32, 8}, .b = {x, DTYPE_F32, 8}, .c = y,
		};
		made &= cuda_blas(dev, dtype, &product);
	}
	ok(made && fake_products[DTYPE_F32] == 1 && fake_products[DTYPE_F16] == 1 &&
	   fake_products[DTYPE_BF16] == 1, "one shape on one device, in each dtype");
	kernels->free(dev, x);
	kernels->free(dev, y);
	kernels->close(dev);
}

/* Its products are the plain kernel's where the environment says so. */
static void check_unwanted(const struct kernels *kernels)
{
	const float ones[4] = {1, 1, 1, 1};
	struct err err = {0};
	float y[4];

	setenv("MEMOSCOPE_CUBLAS", "0", 1);
	struct device *dev = kernels->open(DTYPE_F32, &err);
	unsetenv("MEMOSCOPE_CUBLAS");
	float *x = kernels->alloc(dev, sizeof ones), *to = kernels->alloc(dev, sizeof ones);
	kernels->upload(dev, x, ones, sizeof ones);
	memset(fake_products, 0, sizeof fake_products);
	kernels->linear(dev, to, x, x, NULL, 2, 2, 2);
	kernels->download(dev, y, to, sizeof y);
	ok(fake_products[DTYPE_F32] == 0 && y[0] == 2 && y[3] == 2, "a product without cuBLASLt");
	kernels->free(dev, x);
	kernels->free(dev, to);
	kernels->close(dev);
}

/* A P100, a T4, an A100: what each has. */
static void check_support(const struct kernels *kernels)
{
	static const bool has[3][DTYPES] = {
		{true, false, false}, {true, true, false}, {true, true, true},
	};

	for (fake_major = 6; fake_major <= 8; fake_major++)
		for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
			struct err err = {0};
			struct device *dev = kernels->open(dtype, &err);
			ok(kernels->supports(dtype) == has[fake_major - 6][dtype] &&
			   (dev != NULL) == has[fake_major - 6][dtype],
			   "compute capability %d, %s: %s", fake_major, dtype_name(dtype),
			   dev ? "a device opens" : err.text);
			kernels->close(dev);
		}
	for (fake_major = 6; fake_major <= 8; fake_major++) {
		const enum dtype best = (enum dtype)(fake_major - 6);
		ok(backend_dtype(kernels, DTYPE_AUTO) == best, "compute capability %d: --dtype auto is %s",
		   fake_major, dtype_name(best));
	}
	for (fake_major = 6; fake_major <= 7; fake_major++) {
		struct err err = {0};
		const struct kernels *found = kernels_cuda(sizeof *found, &err);
		ok(fake_major == 6 ? !found && strstr(err.text, "compute capability 6.0, expected 7.5")
		                   : found != NULL,
		   "what it was not compiled for is no GPU: %s", found ? "a T4 is one" : err.text);
	}
	fake_major = 8;
}

/* Processes of one host take the GPUs in turn. */
static void check_choice(const struct kernels *kernels)
{
	struct err err = {0};

	fake_devices = 3;
	for (int number = 0; number < 7; number++)
		ok(kernels->choose(number, &err) == 3 && fake_device == number % 3,
		   "process %d of a host with 3 GPUs takes number %d", number, number % 3);
	char text[20], little[5];
	kernels->identity(text, sizeof text);
	kernels->identity(little, sizeof little);
	ok(strcmp(text, "0000:10:00.0") == 0, "it is known by its address");
	ok(strcmp(little, "0000") == 0, "  as far as there is room");
	fake_devices = 0;
	ok(kernels->choose(4, &err) < 0 && strstr(err.text, "GPU 4 cannot be used"), "there is none");
	fake_devices = 1;
	fake_device = 0;
}

/* ---- marks ---- */

static void check_marks(const struct kernels *kernels)
{
	const float numbers[4] = {1, 2, 3, 4};
	struct err err = {0};
	struct device *dev = kernels->open(DTYPE_F32, &err);
	float *x = kernels->alloc(dev, sizeof numbers), have[4] = {0};
	bool good = true;

	for (int turn = 0; turn < 3; turn++)
		for (int mark = 5; mark >= 0; mark--) {
			kernels->upload(dev, x, numbers, sizeof numbers);
			kernels->mark(dev, mark);
			const int waits = fake_waits;
			kernels->await(dev, mark);
			good &= fake_waits == waits;
			memset(have, 0, sizeof have);
			kernels->download_marked(dev, mark, have, x, sizeof have);
			good &= memcmp(have, numbers, sizeof have) == 0 && fake_waits == waits + 1;
		}
	ok(good, "what was written before a mark is downloaded, waiting for another stream");
	kernels->free(dev, x);
	kernels->close(dev);
}

/* ---- graphs ---- */

static void want_graphs(bool wanted)
{
	if (wanted)
		unsetenv("MEMOSCOPE_GRAPHS");
	else
		setenv("MEMOSCOPE_GRAPHS", "0", 1);
}

/* A run of training; calls, waits and graph launches of its last step. */
struct run {
	struct course course;
	struct evaluation before, after;
	int calls, waits, launches;
};

static struct run train(const struct data *data, const struct trainer_options *options,
                        bool graphs)
{
	struct run run = {.course = {.params = malloc(parameters() * sizeof(float))}};
	struct step_result result;
	struct err err = {0};

	want_graphs(graphs);
	struct trainer *trainer = make_trainer(options);
	trainer_evaluate(trainer, &data->dataset, 20, &run.before);
	for (int i = 0; i < 12; i++) {
		/* other sequences at each step, and one alone */
		const int first = 8 * (i % 3), count = i == 7 ? 1 : 20;
		run.calls = fake_calls;
		run.waits = fake_waits;
		run.launches = fake_graph_launches;
		if (trainer_step(trainer, data->example + first, count, &result, &err) < 0)
			printf("# %s\n", err.text);
		run.calls = fake_calls - run.calls;
		run.waits = fake_waits - run.waits;
		run.launches = fake_graph_launches - run.launches;
		run.course.loss[i] = result.loss;
	}
	trainer_evaluate(trainer, &data->dataset, 20, &run.after);
	trainer_params(trainer, run.course.params);
	trainer_free(trainer);
	return run;
}

static bool same_run(const struct run *a, const struct run *b)
{
	return same_course(&a->course, &b->course) &&
	       memcmp(&a->before, &b->before, sizeof a->before) == 0 &&
	       memcmp(&a->after, &b->after, sizeof a->after) == 0;
}

/* Passes of varying sequences, with dropout, are the same in graphs. */
static void check_training(const struct kernels *kernels, enum dtype dtype, double rate)
{
	static const char *const failures[] = {
		[FAKE_BEGIN] = "no capture begins", [FAKE_END] = "a capture is spoiled",
		[FAKE_INSTANTIATE] = "nothing can be made of it",
	};
	static struct data data;
	struct kernels table = *kernels;
	struct trainer_options options = options_of(1);

	make_data(&data, 1);
	table.pass_rows = 128; /* that several make a step */
	options.kernels = &table;
	options.dropout = rate;
	options.dtype = dtype;
	struct run plain = train(&data, &options, false);
	struct run graphs = train(&data, &options, true);
	ok(same_run(&plain, &graphs), "%s, dropout %g: training by graphs has the same bits",
	   dtype_name(dtype), rate);
	ok(plain.launches == 0 && graphs.launches >= 3,
	   "  the passes of the last step, and its end, were launched as %d graphs", graphs.launches);
	ok(plain.waits == 1 && graphs.waits == 1, "  nobody waits but for the step's end");
	ok(graphs.calls < plain.calls / 4, "  its calls: %d instead of %d", graphs.calls,
	   plain.calls);
	is_int(fake_graphs, 0, "  and no graph is left");
	for (int failure = FAKE_BEGIN; rate > 0 && failure <= FAKE_INSTANTIATE; failure++) {
		fake_failure = (enum fake_failure)failure;
		struct run failed = train(&data, &options, true);
		ok(same_run(&plain, &failed) && failed.launches == 0 && fake_failure == FAKE_SOUND,
		   "  it goes on without where %s", failures[failure]);
		free(failed.course.params);
	}
	free(plain.course.params);
	free(graphs.course.params);
}

/* One network on two devices: with graphs, and without. */
static const struct gpt_config tiny = {
	.layers = 1, .heads = 2, .width = 4, .context = 80, .vocab = 5, .bias = true,
};
enum { ROWS = 96 };

struct twin {
	const struct kernels *k;
	struct device *dev[2];
	struct gpt *gpt[2];
	float *params[2];
	double *sum[2]; /* of losses */
	size_t count;
	bool same; /* so far */
	uint64_t passes;
};

static void twin_open(struct twin *twin, const struct kernels *kernels)
{
	float *params;
	struct err err = {0};

	*twin = (struct twin){.k = kernels, .count = gpt_parameter_count(&tiny), .same = true};
	params = malloc(twin->count * sizeof *params);
	gpt_init_parameters(&tiny, 7, params);
	for (int i = 0; i < 2; i++) {
		want_graphs(i == 0);
		twin->dev[i] = kernels->open(DTYPE_F16, &err);
		twin->params[i] = kernels->alloc(twin->dev[i], twin->count * sizeof *params);
		kernels->upload(twin->dev[i], twin->params[i], params, twin->count * sizeof *params);
		twin->sum[i] = kernels->alloc(twin->dev[i], sizeof *twin->sum[i]);
		kernels->zero(twin->dev[i], twin->sum[i], sizeof *twin->sum[i]);
		twin->gpt[i] = gpt_new(&tiny, kernels, twin->dev[i], twin->params[i], ROWS,
		                       GPT_KEEP_ALL, &err);
	}
	if (twin->gpt[0] == NULL || twin->gpt[1] == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	free(params);
}

static void twin_close(struct twin *twin)
{
	for (int i = 0; i < 2; i++) {
		gpt_free(twin->gpt[i]);
		twin->k->free(twin->dev[i], twin->params[i]);
		twin->k->free(twin->dev[i], twin->sum[i]);
		twin->k->close(twin->dev[i]);
	}
}

/* A pass over sequences of these lengths (0 ends) on both: how many graphs that launched. */
static int twin_pass(struct twin *twin, const int *lengths, float rate, bool weighted,
                     bool backward)
{
	int32_t token[ROWS], position[ROWS], target[ROWS], begin[ROWS + 1] = {0};
	float weight[ROWS], loss[2][ROWS] = {{0}};
	float *gradient[2];
	double sum[2] = {0};
	struct gpt_batch batch = {
		.sequences = {.begin = begin}, .token = token, .position = position,
		.target = target, .weight = weighted ? weight : NULL,
	};
	const int before = fake_graph_launches;

	twin->passes++;
	for (int s = 0; lengths[s] > 0; s++) {
		for (int i = 0; i < lengths[s]; i++, batch.count++) {
			const int at = batch.count;
			position[at] = i;
			token[at] = (int32_t)((uint64_t)at * twin->passes % (uint64_t)tiny.vocab);
			target[at] = at % 7 == 3 ? -1 : (int32_t)((uint64_t)at + twin->passes) % tiny.vocab;
			weight[at] = (float)(at % 3);
		}
		begin[++batch.sequences.count] = batch.count;
		if (lengths[s] > batch.sequences.longest)
			batch.sequences.longest = lengths[s];
	}
	for (int i = 0; i < 2; i++) {
		gradient[i] = malloc(twin->count * sizeof(float));
		gpt_zero_gradients(twin->gpt[i]);
		gpt_dropout(twin->gpt[i], rate, 1, twin->passes);
		if (backward)
			gpt_forward_backward(twin->gpt[i], &batch, twin->sum[i]);
		else
			gpt_forward(twin->gpt[i], &batch, loss[i]);
		twin->k->download(twin->dev[i], &sum[i], twin->sum[i], sizeof *sum);
		twin->k->download(twin->dev[i], gradient[i], gpt_gradients(twin->gpt[i]),
		                  twin->count * sizeof(float));
	}
	twin->same &= sum[0] == sum[1] &&
	              memcmp(loss[0], loss[1], (size_t)batch.count * sizeof **loss) == 0 &&
	              memcmp(gradient[0], gradient[1], twin->count * sizeof(float)) == 0;
	free(gradient[0]);
	free(gradient[1]);
	return fake_graph_launches - before;
}

/* As many rows as one sequence, three times. */
static int twin_three(struct twin *twin, int rows)
{
	const int lengths[] = {rows, 0};
	int launches = 0;

	for (int i = 0; i < 3; i++)
		launches += twin_pass(twin, lengths, 0.2f, true, true);
	return launches;
}

static void check_shapes(const struct kernels *kernels)
{
	static const int packs[][5] = {{64}, {1, 63}, {20, 20, 24}, {63, 1}, {10, 10, 40, 4}};
	static const int pack[] = {33, 31, 0};
	int many[41] = {0};
	struct twin twin;
	bool right = true;

	twin_open(&twin, kernels);
	for (int i = 0; i < 5; i++)
		right &= twin_pass(&twin, packs[i], 0.2f, true, true) == (i >= 1);
	ok(right && twin.same, "as many rows in other sequences: one graph, made at the second pass");
	is_int(fake_graphs, 1, "  which is all there is");
	for (int i = 0; i < 8; i++) {
		right &= twin_pass(&twin, pack, i & 1 ? 0.2f : 0, i & 2, i & 4) == (i == 7);
		right &= twin_pass(&twin, pack, i & 1 ? 0.2f : 0, i & 2, i & 4) == 1;
	}
	ok(right && twin.same, "dropout or none, weights or none, forward or both: a graph for each");
	is_int(fake_graphs, 8, "  eight in all");
	for (int on = 1; on >= 0; on--) {
		for (int i = 0; i < 2; i++)
			kernels->row_invariant(twin.dev[i], on);
		right &= twin_pass(&twin, pack, 0.2f, true, true) == !on;
	}
	ok(right && twin.same, "row-invariant products are others");

	const size_t more = twin.dev[0]->scratch_bytes[SCRATCH_ROWS] + 1;
	ok(cuda_scratch(twin.dev[0], SCRATCH_ROWS, more) && fake_graphs == 0,
	   "scratch that grows takes all graphs along");
	is_int(twin_three(&twin, 64), 2, "  after which they are made again");
	for (int i = 0; i < 40; i++)
		many[i] = 1;
	ok(twin_pass(&twin, many, 0.2f, true, true) == 0 && fake_graphs == 0,
	   "as many tiles as there were never before: so they are");
	for (int i = 0; i < 2; i++)
		right &= twin_pass(&twin, many, 0.2f, true, true) == 1;
	ok(right && twin_three(&twin, 64) == 2 && twin.same, "  and are made again");
	kernels->free(twin.dev[0], kernels->alloc(twin.dev[0], 8));
	is_int(fake_graphs, 0, "memory that is freed takes them along, too");
	is_int(twin_three(&twin, 64), 2, "  after which they are made again");
	for (int rows = 1; rows <= 80; rows++)
		right &= twin_three(&twin, rows) == (rows == 64 ? 3 : 2);
	ok(right, "80 shapes, one after another");
	is_int(fake_graphs, 64, "  of which 64 are kept");
	is_int(twin_three(&twin, 80), 3, "  the last");
	is_int(twin_three(&twin, 17), 3, "  and what was used last");
	is_int(twin_three(&twin, 16), 2, "  not those before");
	ok(twin.same, "  all with the same bits");
	twin_close(&twin);
	is_int(fake_graphs, 0, "no graph is left");
}

/* Where cuBLASLt has forgotten how a product is made, a pass that is being recorded is made
 * plainly, and recorded the next time. */
static void check_advice(const struct kernels *kernels)
{
	struct err err = {0};
	struct twin twin;
	int launches = 0;

	twin_open(&twin, kernels);
	launches += twin_pass(&twin, (const int[]){64, 0}, 0, true, true);
	blas_free(twin.dev[0]->blas);
	twin.dev[0]->blas = blas_new(twin.dev[0]->stream, &err);
	launches += twin_pass(&twin, (const int[]){64, 0}, 0, true, true);
	is_int(launches, 0, "no product is recorded that there is no advice for");
	for (int i = 0; i < 2; i++)
		launches += twin_pass(&twin, (const int[]){64, 0}, 0, true, true);
	is_int(launches, 2, "  and the next time it is");
	ok(twin.same, "  all with the same bits");
	twin_close(&twin);
}

/* What no graph can hold ends the program, in a child. */
static void check_recording(const struct kernels *kernels)
{
	static const int32_t begin[] = {0, 3};
	static const struct sequences one = {1, begin, 3};
	static const char *const what[] = {"taking", "freeing", "waiting", "uploading", "downloading",
	                                   "growing scratch", "copying"};
	struct err err = {0};
	int number;

	want_graphs(true);
	struct device *dev = kernels->open(DTYPE_F32, &err);
	int *memory = kernels->alloc(dev, sizeof number), *other = kernels->alloc(dev, sizeof number);
	kernels->zero(dev, memory, sizeof *memory);
	ok(!kernels->replay(dev, &one, 5) && kernels->recorded(dev) &&
	   !kernels->replay(dev, &one, 5), "the second time of a key is recorded");
	for (int i = 0; i < 7; i++) {
		int status;
		fflush(stdout);
		const pid_t child = fork();
		if (child == 0) {
			if (freopen("/dev/null", "w", stderr) == NULL)
				abort();
			if (i == 0)
				kernels->alloc(dev, 8);
			else if (i == 1)
				kernels->free(dev, memory);
			else if (i == 2)
				kernels->wait(dev);
			else if (i == 3)
				kernels->upload(dev, memory, &number, sizeof number);
			else if (i == 4)
				kernels->download(dev, &number, memory, sizeof number);
			else if (i == 5)
				cuda_scratch(dev, SCRATCH_ROWS, dev->scratch_bytes[SCRATCH_ROWS] + 1);
			else
				kernels->copy(dev, other, memory, sizeof *other);
			_exit(42);
		}
		waitpid(child, &status, 0);
		ok(WIFEXITED(status) && WEXITSTATUS(status) == (i < 6 ? ERR_DATA : 42),
		   "  %s meanwhile %s", what[i], i < 6 ? "ends the program" : "does not");
	}
	kernels->copy(dev, other, memory, sizeof *other);
	ok(kernels->recorded(dev), "  it is done when it has been recorded");
	kernels->download(dev, &number, other, sizeof number);
	is_int(number, 0, "  by the graph");
	kernels->free(dev, memory);
	kernels->free(dev, other);
	kernels->close(dev);
}

/* ---- memory ---- */

/* A pass of one sequence of so many rows, and Muon's step over the widest matrix. */
static void work(const struct kernels *k, struct device *dev, struct gpt *gpt, float *params,
                 const struct gpt_config *shape, int rows)
{
	const struct muon muon = {.momentum = 0.9f};
	const struct update update = {.lr = 1e-3f, .grad_scale = 1, .finite = true};
	const int inner = gpt_inner(shape), wide = inner > shape->width ? inner : shape->width;
	struct update *sent = k->alloc(dev, sizeof *sent);
	double *sum = k->alloc(dev, sizeof *sum);
	const int32_t begin[2] = {0, rows};
	int32_t token[ROWS] = {0}, position[ROWS], target[ROWS] = {0};
	const struct gpt_batch batch = {
		.count = rows, .sequences = {1, begin, rows}, .token = token, .position = position,
		.target = target,
	};

	for (int i = 0; i < rows; i++)
		position[i] = i;
	k->upload(dev, sent, &update, sizeof update);
	k->zero(dev, sum, sizeof *sum);
	gpt_forward_backward(gpt, &batch, sum);
	k->muon(dev, params, gpt_gradients(gpt), params + 8 * shape->width * shape->width,
	        shape->width, wide, wide, &muon, sent);
	k->free(dev, sent);
	k->free(dev, sum);
}

/* Nothing is taken once a network stands: neither by its passes nor by its optimizer. */
static void check_reserve(const struct kernels *kernels, enum dtype dtype)
{
	static const struct gpt_config configs[] = {
		{.layers = 1, .heads = 1, .width = 4, .context = 96, .vocab = 50, .bias = true},
		{.layers = 1, .heads = 12, .width = 12, .context = 96, .vocab = 3, .bias = true},
		{.layers = 1, .heads = 1, .width = 64, .context = 96, .vocab = 9, .bias = false},
		{.layers = 1, .heads = 2, .width = 12, .context = 96, .vocab = 3, .bias = true, .inner = 7},
		{.layers = 1, .heads = 1, .width = 8, .context = 96, .vocab = 3, .bias = true,
		 .inner = 300},
	};

	for (int i = 0; i < (int)(sizeof configs / sizeof *configs); i++) {
		struct err err = {0};
		struct device *dev = kernels->open(dtype, &err);
		const size_t count = gpt_parameter_count(&configs[i]);
		float *params = kernels->alloc(dev, count * sizeof *params), *host;
		host = calloc(count, sizeof *host);
		gpt_init_parameters(&configs[i], 1, host);
		kernels->upload(dev, params, host, count * sizeof *params);
		struct gpt *gpt = gpt_new(&configs[i], kernels, dev, params, ROWS, GPT_KEEP_ALL, &err);
		size_t before[SCRATCHES];
		memcpy(before, dev->scratch_bytes, sizeof before);
		work(kernels, dev, gpt, params, &configs[i], ROWS);
		ok(memcmp(before, dev->scratch_bytes, sizeof before) == 0,
		   "%s, width %d, vocabulary %d: no memory is taken after the beginning",
		   dtype_name(dtype), configs[i].width, configs[i].vocab);
		gpt_free(gpt);
		kernels->free(dev, params);
		kernels->close(dev);
		free(host);
	}
}

int main(void)
{
	struct err err = {0};
	const struct kernels *kernels = kernels_cuda(sizeof *kernels, &err);

	ok(kernels != NULL, "there is a GPU, as it seems");
	ok(kernels_cuda(sizeof *kernels - 1, &err) == NULL && strstr(err.text, "another version"),
	   "another version's table is not taken: %s", err.text);
	check_rows(kernels, DTYPE_F32, "cuBLASLt, as asked");
	check_rows(kernels, DTYPE_F16, "cuBLASLt, as asked, f16");
	check_rows(kernels, DTYPE_BF16, "cuBLASLt, as asked, bf16");
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
		check_types(kernels, dtype);
		check_reserve(kernels, dtype);
	}
	check_mixed(kernels);
	check_unwanted(kernels);
	check_support(kernels);
	check_choice(kernels);
	check_marks(kernels);
	check_training(kernels, DTYPE_F32, 0);
	check_training(kernels, DTYPE_F16, 0.2);
	check_shapes(kernels);
	check_advice(kernels);
	check_recording(kernels);
	network_check(kernels, kernels_find("cpu", &err), DTYPE_F16, 4, "network, f16", ok);
	network_check(kernels, kernels_find("cpu", &err), DTYPE_BF16, 4, "network, bf16", ok);
	return done();
}
