/* The memory traffic of the GPU's kernels (tests/kernels/shim/traffic.h) at the sizes of networks:
 * they move little more device memory than they use, and in shared memory hardly any lane waits
 * for another. This does not measure time; it is what can be known without a GPU. */
#include "tests/tap.h"

#include <stdlib.h>

#include "kernels/cuda/cuda.h"
#include "tests/kernels/shim/shim.h"
#include "tests/kernels/shim/traffic.h"

/* Beyond what is needed: shares that are allowed. Rows of VOCAB floats begin anywhere in a
 * sector; half of what a product reads goes to its banks two by two. */
#define DEVICE_MOST 0.13
#define SHARED_MOST 0.07

/* Those that do more, and why. Attention matrices are not among these: they are for looking at. */
static const struct {
	const char *kernel, *why;
} excused[] = {
	{"delta", "a number for each row and head, beside the rows themselves"},
	{"store", "a token's keys and values are stored once, as many are read at once"},
};

/* A network of these sizes, with all that operations need, over two sequences. */
enum { SEQUENCES = 2, LENGTH = 128, ROWS = SEQUENCES * LENGTH, VOCAB = 100, SLOTS = 16 };
struct net {
	struct device *dev;
	int c, h;
	float *a, *b, *d, *e; /* [ROWS,4c] of anything */
	float *gain, *bias, *one, *other; /* [4c]; [ROWS,h] */
	float *wte, *wpe;
	int32_t *token, *position;
	struct sequences seqs;
};

static const struct kernels *const k = &kernels_cuda_table;
static const struct dropout none;

static void attention(const struct net *n)
{
	k->attention(n->dev, n->b, n->one, n->a, &n->seqs, n->c, n->h, &none);
	k->attention_backward(n->dev, n->b, n->d, n->e, n->one, n->a, &n->seqs, n->c, n->h, &none);
}

static void cached(const struct net *n)
{
	for (int i = 0; i < SLOTS; i++)
		n->position[i] = LENGTH / 2 + i;
	k->attention_cached(n->dev, n->b, n->d, n->e, n->a, n->token, n->position, SLOTS, LENGTH, n->c,
	                    n->h);
}

static void layernorm(const struct net *n)
{
	k->layernorm(n->dev, n->b, n->one, n->other, n->a, n->gain, n->bias, ROWS, n->c,
	             1e-5f);
	k->layernorm_backward(n->dev, n->a, n->gain, n->bias, n->d, n->b, n->e, n->one, n->other,
	                      n->gain, ROWS, n->c);
}

static void embed(const struct net *n)
{
	k->embed(n->dev, n->a, n->token, n->position, n->wte, n->wpe, ROWS, n->c);
	k->embed_backward(n->dev, n->wte, n->wpe, n->a, n->token, n->position, ROWS, n->c, VOCAB,
	                  LENGTH);
}

static void elements(const struct net *n)
{
	const size_t count = (size_t)ROWS * n->c;
	const struct dropout dropout = {.rate = 0.1f, .seed = 1, .pass = (uint64_t *)n->other};
	const struct adamw_range range = {0, count, true};
	const struct update step = {.lr = 1, .correct1 = 1, .correct2 = 1, .finite = true};
	const struct adamw adamw = {.beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f};
	struct adamw_range *ranges = k->alloc(n->dev, sizeof *ranges);
	struct update *update = k->alloc(n->dev, sizeof *update);

	k->upload(n->dev, ranges, &range, sizeof range);
	k->upload(n->dev, update, &step, sizeof step);
	k->gelu(n->dev, n->b, n->a, 4 * count);
	k->gelu_backward(n->dev, n->b, n->d, n->a, 4 * count);
	k->gelu_tanh(n->dev, n->b, n->a, 4 * count);
	k->gelu_tanh_backward(n->dev, n->b, n->d, n->a, 4 * count);
	k->scale_columns(n->dev, n->b, 2, ROWS, 3 * n->c, 0, n->c);
	k->add(n->dev, n->a, n->b, count);
	k->dropout(n->dev, n->a, count, &dropout);
	k->sum(n->dev, (double *)n->one, n->a, ROWS);
	k->norm2(n->dev, (double *)n->one, n->a, count);
	k->adamw(n->dev, n->a, n->b, n->d, n->e, count, ranges, 1, &adamw, update);
	k->free(n->dev, ranges);
	k->free(n->dev, update);
}

static void muon(const struct net *n)
{
	enum { LONG = 384, SHORT = 128 };
	const struct muon how = {.momentum = 0.95f, .weight_decay = 0.1f};
	const struct update step = {.lr = 1, .grad_scale = 1, .finite = true};
	struct update *update = k->alloc(n->dev, sizeof *update);

	k->upload(n->dev, update, &step, sizeof step);
	k->muon(n->dev, n->a, n->b, n->d, SHORT, LONG, LONG, &how, update);
	k->muon(n->dev, n->a, n->b, n->d, LONG, SHORT, SHORT, &how, update);
	k->free(n->dev, update);
}

/* The rounding of weights and gradients before a product. */
static void rounding(const struct net *n)
{
	k->weights(n->dev, n->wpe, (size_t)LENGTH * n->c);
	k->linear_residual_backward(n->dev, n->a, n->b, NULL, n->d, NULL, n->e, n->wpe, 16, 8, n->c);
}

static void loss(const struct net *n)
{
	k->cross_entropy(n->dev, n->one, n->b, n->a, n->token, NULL, ROWS, VOCAB);
}

static void linear(const struct net *n)
{
	k->row_invariant(n->dev, true);
	k->linear(n->dev, n->b, n->a, n->d, NULL, 64, n->c, n->c);
	k->linear(n->dev, n->b, n->a, n->d, NULL, ROWS, n->c / 4, 4 * n->c);
	k->unembed(n->dev, n->b, n->a, n->wte, ROWS, n->c, VOCAB);
	k->row_invariant(n->dev, false);
}

static float *take(struct device *dev, size_t count)
{
	float *memory = k->alloc(dev, count * sizeof *memory);

	if (!memory)
		abort();
	k->zero(dev, memory, count * sizeof *memory);
	return memory;
}

static struct net net_open(enum dtype dtype, int c, int h)
{
	static const int32_t begin[SEQUENCES + 1] = {0, LENGTH, 2 * LENGTH};
	struct err err = {0};
	struct net net = {
		.dev = k->open(dtype, &err), .c = c, .h = h, .seqs = {SEQUENCES, begin, LENGTH},
	};

	if (!net.dev)
		abort();
	float **of[] = {&net.a, &net.b, &net.d, &net.e};
	for (int i = 0; i < 4; i++)
		*of[i] = take(net.dev, (size_t)SLOTS * LENGTH * c);
	net.gain = take(net.dev, 4 * (size_t)c);
	net.bias = take(net.dev, 4 * (size_t)c);
	net.one = take(net.dev, (size_t)ROWS * h);
	net.other = take(net.dev, (size_t)ROWS * h);
	net.wte = take(net.dev, (size_t)VOCAB * c);
	net.wpe = take(net.dev, (size_t)LENGTH * c);
	net.token = (int32_t *)take(net.dev, ROWS);
	net.position = (int32_t *)take(net.dev, ROWS);
	for (int i = 0; i < ROWS; i++) {
		net.token[i] = i < SLOTS ? i : i * 7 % VOCAB;
		net.position[i] = i % LENGTH;
	}
	return net;
}

static void net_close(struct net *net)
{
	void *all[] = {net->a, net->b, net->d, net->e, net->gain, net->bias, net->one, net->other,
	               net->wte, net->wpe, net->token, net->position};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		k->free(net->dev, all[i]);
	k->close(net->dev);
}

/* ---- what it costs: a lane of a warp goes stride bytes further than the last ---- */

struct stride {
	size_t stride, bytes;
	bool shared;
	const char *memory;
};

static void walk(const void *args)
{
	const struct stride *a = args;
	const char *memory = a->shared ? (const char *)shim_shared() : a->memory;

	watch_access(memory + threadIdx.x * a->stride, a->bytes, false, walk);
}

static void check_costs(void)
{
	static const struct {
		const char *name;
		size_t stride, bytes;
		bool shared;
		long needed, more;
	} costs[] = {
		{"floats side by side", 4, 4, false, 4, 0},
		{"every other float", 8, 4, false, 4, 4},
		{"floats of 32 sectors", 128, 4, false, 4, 28},
		{"the same float", 0, 4, false, 1, 0},
		{"fours of floats", 16, 16, false, 16, 0},
		{"shared: floats side by side", 4, 4, true, 1, 0},
		{"every other float", 8, 4, true, 1, 1},
		{"of one bank", 128, 4, true, 1, 31},
		{"of neighbouring banks", 132, 4, true, 1, 0},
		{"the same float", 0, 4, true, 1, 0},
		{"halves of words", 2, 2, true, 1, 0},
		{"fours of floats, by quarters of the warp", 16, 16, true, 4, 0},
		{"every other four", 32, 16, true, 4, 4},
		{"twos, by halves", 8, 8, true, 2, 0},
	};
	static _Alignas(32) char memory[32 * 132 + 16];

	for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
		const struct stride args = {costs[i].stride, costs[i].bytes, costs[i].shared, memory};
		const struct shim_call call = {
			.name = "walk", .thread = walk, .args = &args, .args_bytes = sizeof args,
			.blocks_x = 1, .blocks_y = 1, .threads = 32, .bytes = 32 * 132 + 16,
			.threads_most = 32,
		};
		shim_run(&call);
		const struct traffic_kernel *kernel = traffic_next();
		const struct traffic_cost *cost = costs[i].shared ? &kernel->shared : &kernel->device;
		is_int(cost->needed, costs[i].needed, costs[i].name);
		is_int(cost->more, costs[i].more, "  and beyond");
		is_int(traffic_next() == NULL, 1, "  no other kernel");
	}
}

/* ---- the kernels ---- */

static bool is_excused(const char *kernel)
{
	for (size_t i = 0; i < sizeof excused / sizeof *excused; i++)
		if (strcmp(excused[i].kernel, kernel) == 0)
			return true;
	return false;
}

static double share(const struct traffic_cost *cost)
{
	return cost->more ? (double)cost->more / (double)cost->needed : 0;
}

/* Where addr2line -i -e build/tests/kernels/cuda_traffic.t finds it. */
static size_t place_of(const void *where)
{
	extern const char __executable_start[];

	return where ? (size_t)((const char *)where - __executable_start) - 1 : 0;
}

static void check(const struct net *net, enum dtype dtype, void (*run)(const struct net *net))
{
	const struct traffic_kernel *kernel;

	run(net);
	while ((kernel = traffic_next())) {
		const double device = share(&kernel->device), shared = share(&kernel->shared);
		if (is_excused(kernel->name))
			continue;
		if (!ok(device <= DEVICE_MOST && shared <= SHARED_MOST,
		        "%s, %s, width %d: %.0f%% more sectors than needed, %.0f%% more turns",
		        kernel->name, dtype_name(dtype), net->c, 100 * device, 100 * shared))
			printf("# most of them at 0x%zx, 0x%zx\n", place_of(kernel->device.worst),
			       place_of(kernel->shared.worst));
	}
}

int main(void)
{
	static const struct {
		int c, h;
	} sizes[] = {{128, 4}, {384, 6}, {512, 8}, {1024, 8}, {1152, 9}};
	static const enum dtype dtypes[] = {DTYPE_BF16, DTYPE_F32};
	static void (*const runs[])(const struct net *net) = {
		attention, cached, layernorm, embed, elements, rounding, loss, linear,
	};

	watcher = &traffic_watcher;
	check_costs();
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			struct net net = net_open(dtypes[i], sizes[j].c, sizes[j].h);
			for (size_t r = 0; r < sizeof runs / sizeof *runs; r++)
				check(&net, dtypes[i], runs[r]);
			if (j == 0) /* its matrices are no wider in others */
				check(&net, dtypes[i], muon);
			net_close(&net);
		}
	return done();
}
