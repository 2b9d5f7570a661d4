/* The network of common/model/gpt.h as a whole: gradients by finite differences over
 * the reference's operations, packing, the cache, accumulation, dropout, and
 * the CPU's network against the reference's. */
#include "tests/tap.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "common/model/gpt_inspect.h"
#include "common/model/kv_cache.h"
#include "kernels/cpu/cpu.h"
#include "tests/kernels/harness/ref.h"
#include "tests/kernels/harness/table.h"
#include "tests/model/tensors.h"

#define ROWS 96 /* the most of any pass here */

/* A network on a device with parameters of its own. */
struct net {
	struct gpt_config config;
	const struct kernels *k;
	struct device *dev;
	float *params; /* host */
	float *params_at; /* device */
	size_t count;
	struct gpt *gpt;
};

/* A pass and the memory behind it. */
struct pass {
	struct gpt_batch batch;
	int32_t begin[9], token[ROWS], position[ROWS], target[ROWS];
	float weight[ROWS];
};

static const struct gpt_config small = {2, 2, 6, 9, 11, true, 0};
static const struct gpt_config bare = {1, 1, 5, 9, 7, false, 0};
/* feed-forward parts of other widths than GPT-2's four, and of one column */
static const struct gpt_config wider = {2, 2, 6, 9, 11, true, 31};
static const struct gpt_config narrower = {2, 1, 5, 9, 7, true, 1};
static const struct gpt_config shapes[] = {
	{2, 2, 6, 9, 11, true, 0},   {1, 1, 5, 9, 7, false, 0},    {2, 2, 4, 16, 70, false, 0},
	{3, 4, 20, 33, 17, true, 0}, {8, 8, 16, 33, 70, false, 0}, {1, 3, 51, 40, 31, true, 0},
	{2, 4, 128, 64, 71, true, 0}, {2, 2, 6, 9, 11, true, 7},   {2, 3, 12, 33, 17, false, 131},
};

#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static const struct kernels *cpu(void)
{
	struct err err = {0};

	return must((void *)kernels_find("cpu", &err));
}

static void put_params(struct net *net)
{
	net->k->upload(net->dev, net->params_at, net->params, net->count * sizeof *net->params);
}

/* Parameters large enough that every part of the network matters. */
static struct net new_net(const struct gpt_config *config, const struct kernels *k,
                          enum gpt_keep keep)
{
	struct err err = {0};
	struct net net = {.config = *config, .k = k, .count = gpt_parameter_count(config)};
	int tensors = gpt_tensor_count(config);
	struct gpt_tensor *tensor = must(calloc(tensors, sizeof *tensor));
	struct rng rng;

	rng_init(&rng, 4, RNG_TEST, 0);
	net.params = must(malloc(net.count * sizeof *net.params));
	gpt_tensors(config, tensor);
	for (int i = 0; i < tensors; i++)
		for (size_t j = 0; j < tensor[i].count; j++)
			net.params[tensor[i].offset + j] =
				(float)(rng_normal(&rng) / sqrt(tensor[i].rows ? config->width : 4) +
			                (tensor[i].rows == 0 && strstr(tensor[i].name, "ln_") ? 1 : 0));
	free(tensor);
	net.dev = must(k->open(DTYPE_F32, &err));
	net.params_at = must(k->alloc(net.dev, net.count * sizeof *net.params));
	put_params(&net);
	net.gpt = must(gpt_new(config, k, net.dev, net.params_at, ROWS, keep, &err));
	return net;
}

static void free_net(struct net *net)
{
	gpt_free(net->gpt);
	net->k->free(net->dev, net->params_at);
	net->k->close(net->dev);
	free(net->params);
}

/* Sequences of these lengths (0 ends), random tokens; every fifth row has no
 * target, weights vary and some are 0. */
static void fill_pass(struct pass *pass, const struct gpt_config *config, const int *lengths,
                      uint64_t number)
{
	struct rng rng;
	int n = 0;

	rng_init(&rng, 5, RNG_TEST, number);
	memset(pass, 0, sizeof *pass);
	for (int s = 0; lengths[s] > 0; s++) {
		for (int i = 0; i < lengths[s]; i++, n++) {
			pass->position[n] = i;
			pass->token[n] = (int32_t)rng_below(&rng, config->vocab);
			pass->target[n] = n % 5 == 4 ? -1 : (int32_t)rng_below(&rng, config->vocab);
			pass->weight[n] = (float)(n % 4) / 2;
		}
		pass->begin[s + 1] = n;
		pass->batch.sequences.count = s + 1;
		if (lengths[s] > pass->batch.sequences.longest)
			pass->batch.sequences.longest = lengths[s];
	}
	pass->batch.count = n;
	pass->batch.sequences.begin = pass->begin;
	pass->batch.token = pass->token;
	pass->batch.position = pass->position;
	pass->batch.target = pass->target;
	pass->batch.weight = pass->weight;
}

static float *gradients(struct net *net)
{
	float *grads = must(malloc(net->count * sizeof *grads));

	net->k->download(net->dev, grads, gpt_gradients(net->gpt), net->count * sizeof *grads);
	return grads;
}

/* Gradients of one pass alone. */
static float *pass_gradients(struct net *net, const struct pass *pass, float *losses)
{
	gpt_zero_gradients(net->gpt);
	gpt_forward(net->gpt, &pass->batch, losses);
	gpt_backward(net->gpt);
	return gradients(net);
}

/* The largest |a - b| in units of the root mean square of b. */
static double apart(const float *a, const float *b, size_t count)
{
	double square = 0, worst = 0;

	for (size_t i = 0; i < count; i++) {
		double off = fabs((double)a[i] - b[i]);
		square += (double)b[i] * b[i] / count;
		if (!(off <= worst)) /* NaN stays */
			worst = off;
	}
	return worst / sqrt(square);
}

static bool ok_apart(const float *a, const float *b, size_t count, double limit, const char *what)
{
	double off = apart(a, b, count);
	bool good = ok(off <= limit, "%s", what);

	if (!good)
		printf("# off by %g of the root mean square, limit %g\n", off, limit);
	return good;
}

/* ---- gradients ---- */

static double objective(struct net *net, const struct pass *pass)
{
	float losses[ROWS];
	double sum = 0;

	put_params(net);
	gpt_forward(net->gpt, &pass->batch, losses);
	for (int r = 0; r < pass->batch.count; r++)
		sum += (double)(pass->batch.weight ? pass->weight[r] : 1) * losses[r];
	return sum;
}

/* The derivative by parameter i: central differences at two distances, their
 * error in h² taken off (Richardson). */
static double slope(struct net *net, const struct pass *pass, size_t i)
{
	double slopes[2];
	float keep = net->params[i];

	for (int j = 0; j < 2; j++) {
		float h = j ? 0x1p-8f : 0x1p-7f, right = keep + h, left = keep - h;
		net->params[i] = right;
		double up = objective(net, pass);
		net->params[i] = left;
		double down = objective(net, pass);
		slopes[j] = (up - down) / ((double)right - left);
	}
	net->params[i] = keep;
	return (4 * slopes[1] - slopes[0]) / 3;
}

static void check_gradients(const struct gpt_config *config, float rate, bool weighted)
{
	static const int lengths[] = {4, 1, 7, 0};
	struct net net = new_net(config, &ref_table, GPT_KEEP_ALL);
	struct pass pass;
	size_t worst = 0;
	double square = 0, worst_off = 0;

	fill_pass(&pass, config, lengths, 1);
	if (!weighted)
		pass.batch.weight = NULL;
	gpt_dropout(net.gpt, rate, 7, 3);
	float *grads = pass_gradients(&net, &pass, NULL);
	for (size_t i = 0; i < net.count; i++)
		square += (double)grads[i] * grads[i] / net.count;
	for (size_t i = 0; i < net.count; i++) {
		double off = fabs(slope(&net, &pass, i) - grads[i]) / fmax(sqrt(square), fabs(grads[i]));
		if (!(off <= worst_off)) {
			worst_off = off;
			worst = i;
		}
	}
	ok(worst_off < 1e-3, "%zu gradients by finite differences%s, dropout %g%s", net.count,
	   config->bias ? ", biases" : "", rate, weighted ? ", weights" : "");
	printf("# the worst: parameter %zu, %g, off by %g\n", worst, grads[worst], worst_off);
	free(grads);
	free_net(&net);
}

/* ---- the CPU's network and the reference's ---- */

static const int some_lengths[] = {9, 1, 2, 7, 9, 0};

static void check_against_reference(const struct gpt_config *config, const struct kernels *k)
{
	struct net ref = new_net(config, &ref_table, GPT_KEEP_ALL);
	struct net net = new_net(config, k, GPT_KEEP_ALL);
	size_t floats;
	struct pass pass;
	float losses[2][ROWS], *logits[2], *grads[2];
	char what[120];

	fill_pass(&pass, config, some_lengths, 2);
	floats = (size_t)pass.batch.count * config->vocab;
	snprintf(what, sizeof what, "%d layers, %d heads, width %d", config->layers, config->heads,
	         config->width);
	printf("# %s\n", what);
	for (int i = 0; i < 2; i++) {
		struct net *one = i ? &ref : &net;
		grads[i] = pass_gradients(one, &pass, losses[i]);
		pass.batch.target = NULL;
		logits[i] = must(malloc(floats * sizeof **logits));
		gpt_forward(one->gpt, &pass.batch, NULL);
		gpt_logits(one->gpt, logits[i]);
		pass.batch.target = pass.target;
	}
	ok_apart(losses[0], losses[1], pass.batch.count, 2e-5, "losses are the reference's");
	ok_apart(logits[0], logits[1], floats, 2e-5, "logits are the reference's");
	ok_apart(grads[0], grads[1], net.count, 5e-5, "gradients are the reference's");
	for (int i = 0; i < 2; i++) {
		free(grads[i]);
		free(logits[i]);
	}
	free_net(&ref);
	free_net(&net);
}

/* ---- packing ---- */

/* Each sequence alone has the logits that it has in the pack: near, and to the
 * bit where products are row invariant. */
static void check_packing(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	int v = config->vocab;
	float *packed = must(malloc(ROWS * v * sizeof *packed));
	float *alone = must(malloc(ROWS * v * sizeof *alone));
	struct pass pass;
	char what[120];

	for (int exact = 0; exact < 2; exact++) {
		bool same = true;
		net.k->row_invariant(net.dev, exact);
		fill_pass(&pass, config, some_lengths, 3);
		pass.batch.target = NULL;
		gpt_forward(net.gpt, &pass.batch, NULL);
		gpt_logits(net.gpt, packed);
		for (int s = 0; s < pass.batch.sequences.count; s++) {
			int32_t first = pass.begin[s], rows = pass.begin[s + 1] - first;
			int32_t ends[2] = {0, rows};
			struct gpt_batch batch = {
				.count = rows,
				.sequences = {1, ends, rows},
				.token = pass.token + first,
				.position = pass.position + first,
			};
			gpt_forward(net.gpt, &batch, NULL);
			gpt_logits(net.gpt, alone + (size_t)first * v);
		}
		if (exact) {
			same = memcmp(packed, alone, (size_t)pass.batch.count * v * 4) == 0;
			ok(same, "width %d: a sequence alone has the bits of the pack", config->width);
		} else {
			snprintf(what, sizeof what, "width %d: a sequence alone is as in the pack",
			         config->width);
			ok_apart(alone, packed, (size_t)pass.batch.count * v, 2e-5, what);
		}
	}
	free(packed);
	free(alone);
	free_net(&net);
}

/* ---- the cache ---- */

enum { SLOTS = 5 };

/* A slot's tokens, extended by chunk at a time from place first on; logits of
 * every row. */
static void extend_alone(struct kv_cache *cache, const struct pass *pass, int s, int slot,
                         int first, int chunk, int v, float *logits)
{
	int end = pass->begin[s + 1] - pass->begin[s];

	for (int at = first; at < end; at += chunk) {
		int32_t slots[ROWS], want[ROWS];
		int rows = end - at < chunk ? end - at : chunk;
		for (int r = 0; r < rows; r++) {
			slots[r] = slot;
			want[r] = r;
		}
		kv_cache_decode(cache, rows, pass->token + pass->begin[s] + at, slots,
		                pass->position + pass->begin[s] + at, rows, want,
		                logits + (size_t)(pass->begin[s] + at) * v);
	}
}

/* All slots together: step i appends to each slot the token at place i, slots
 * in turning order; logits of every row are asked for, last row first. */
static void extend_together(struct kv_cache *cache, const struct pass *pass, int v,
                            float *logits)
{
	float *step = must(malloc(SLOTS * v * sizeof *step));

	for (int place = 0; place < pass->batch.sequences.longest; place++) {
		int32_t token[SLOTS], slot[SLOTS], places[SLOTS], want[SLOTS], row[SLOTS];
		int count = 0;
		for (int i = 0; i < SLOTS; i++) {
			int s = (i + place) % SLOTS;
			if (place >= pass->begin[s + 1] - pass->begin[s])
				continue;
			row[count] = pass->begin[s] + place;
			token[count] = pass->token[row[count]];
			slot[count] = s;
			places[count++] = place;
		}
		for (int i = 0; i < count; i++)
			want[i] = count - 1 - i;
		kv_cache_decode(cache, count, token, slot, places, count, want, step);
		for (int i = 0; i < count; i++)
			memcpy(logits + (size_t)row[want[i]] * v, step + (size_t)i * v,
			       v * sizeof *step);
	}
	free(step);
}

/* All slots in two calls, of whose rows the logits of some are asked for: of each slot's last one,
 * the last slot first, of the second call; of none, of the first. */
static void extend_last(struct kv_cache *cache, const struct pass *pass, int v, float *logits)
{
	for (int call = 0; call < 2; call++) {
		int32_t token[ROWS], slot[ROWS], place[ROWS], want[SLOTS], last[SLOTS];
		float *rows = must(malloc(SLOTS * v * sizeof *rows));
		int count = 0, wanted = 0;
		for (int s = 0; s < SLOTS; s++) {
			int length = pass->begin[s + 1] - pass->begin[s], half = length / 2;
			for (int r = call ? half : 0; r < (call ? length : half); r++) {
				token[count] = pass->token[pass->begin[s] + r];
				slot[count] = s;
				place[count++] = r;
			}
			last[s] = count - 1;
		}
		for (int s = SLOTS - 1; call && s >= 0; s--)
			want[wanted++] = last[s];
		kv_cache_decode(cache, count, token, slot, place, wanted, want, rows);
		for (int s = SLOTS - 1, i = 0; i < wanted; s--, i++)
			memcpy(logits + (size_t)(pass->begin[s + 1] - 1) * v, rows + (size_t)i * v,
			       v * sizeof *rows);
		free(rows);
	}
}

static void check_cache(const struct gpt_config *config, const struct kernels *k)
{
	static const int chunks[] = {1, 2, 5, 9};
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct err err = {0};
	struct kv_cache *cache = must(kv_cache_new(net.gpt, SLOTS, &err));
	int v = config->vocab;
	float *full = must(malloc(ROWS * v * sizeof *full));
	float *together = must(malloc(ROWS * v * sizeof *together));
	float *alone = must(malloc(ROWS * v * sizeof *alone));
	struct pass pass;
	size_t bytes;
	char what[120];

	fill_pass(&pass, config, some_lengths, 4);
	bytes = (size_t)pass.batch.count * v * sizeof *full;
	pass.batch.target = NULL;
	gpt_forward(net.gpt, &pass.batch, NULL);
	gpt_logits(net.gpt, full);
	extend_together(cache, &pass, v, together);
	snprintf(what, sizeof what, "width %d: the cache gives the full pass", config->width);
	ok_apart(together, full, bytes / 4, 2e-5, what);
	for (int i = 0; i < 4; i++) {
		for (int s = 0; s < SLOTS; s++)
			extend_alone(cache, &pass, s, (s + i) % SLOTS, 0, chunks[i], v, alone);
		ok(memcmp(alone, together, bytes) == 0,
		   "width %d: a slot alone, %d tokens at a time, has the same bits", config->width,
		   chunks[i]);
	}
	memcpy(alone, together, bytes);
	for (int s = 0; s < SLOTS; s++)
		memset(alone + (size_t)(pass.begin[s + 1] - 1) * v, 0, v * sizeof *alone);
	extend_last(cache, &pass, v, alone);
	ok(memcmp(alone, together, bytes) == 0,
	   "width %d: a row has the same bits where it alone is wanted", config->width);
	gpt_dropout(net.gpt, 0.5f, 1, 1);
	extend_together(cache, &pass, v, alone);
	ok(memcmp(alone, together, bytes) == 0, "width %d: decoding drops nothing", config->width);
	/* back to place 2, over tokens that went another way */
	struct pass other;
	fill_pass(&other, config, some_lengths, 5);
	for (int s = 0; s < SLOTS; s++) {
		extend_alone(cache, &pass, s, s, 0, 9, v, alone);
		for (int r = 2; r < other.begin[s + 1] - other.begin[s]; r++)
			other.token[other.begin[s] + r] = (other.token[other.begin[s] + r] + 1) % v;
		extend_alone(cache, &other, s, s, 0, 9, v, alone);
		extend_alone(cache, &pass, s, s, 0, 2, v, alone);
		extend_alone(cache, &pass, s, s, 2, 3, v, alone);
	}
	ok(memcmp(alone, together, bytes) == 0, "width %d: a slot taken back forgets",
	   config->width);
	kv_cache_free(cache);
	free(full);
	free(together);
	free(alone);
	free_net(&net);
}

/* ---- ablation ---- */

/* Logits of every row of a pass without targets, to free(). */
static float *pass_logits(struct net *net, const struct pass *pass)
{
	float *logits = must(malloc((size_t)ROWS * net->config.vocab * sizeof *logits));

	gpt_forward(net->gpt, &pass->batch, NULL);
	gpt_logits(net->gpt, logits);
	return logits;
}

static float *tensor_of(struct net *net, const char *format, int layer)
{
	return tensor_at(&net->config, net->params, format, layer);
}

/* Write a head out of the parameters: its rows of the projection become 0, and what
 * value would give through them goes into the projection's bias. */
static void cut_head(struct net *net, int layer, int head, const float *value)
{
	const int c = net->config.width, d = c / net->config.heads;
	float *rows = tensor_of(net, "transformer.h.%d.attn.c_proj.weight", layer) + head * d * c;

	for (int i = 0; value && i < d * c; i++)
		tensor_of(net, "transformer.h.%d.attn.c_proj.bias", layer)[i % c] +=
			value[i / c] * rows[i];
	memset(rows, 0, (size_t)d * c * sizeof *rows);
	put_params(net);
}

static void check_ablation(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct net cut = new_net(config, k, GPT_KEEP_NOTHING);
	const int layer = config->layers - 1, head = config->heads - 1, v = config->vocab;
	struct err err = {0};
	struct kv_cache *cache = must(kv_cache_new(net.gpt, SLOTS, &err));
	float value[64], *together = must(malloc(ROWS * v * sizeof *together));
	struct pass pass;
	size_t floats;
	char what[120];

	fill_pass(&pass, config, some_lengths, 11);
	pass.batch.target = NULL;
	floats = (size_t)pass.batch.count * v;
	float *whole = pass_logits(&net, &pass);
	for (int i = 0; i < config->width / config->heads; i++)
		value[i] = (float)i / 3 - 1;
	const float *last = config->bias ? value : NULL;
	gpt_ablate_head(net.gpt, layer, head, last, &err);
	gpt_ablate_head(net.gpt, 0, 0, NULL, &err);
	cut_head(&cut, layer, head, layer + head ? last : NULL);
	cut_head(&cut, 0, 0, NULL);
	float *have = pass_logits(&net, &pass), *want = pass_logits(&cut, &pass);
	snprintf(what, sizeof what, "%d layers, %d heads: an ablated head is one cut out of the "
	         "weights%s", config->layers, config->heads, last ? ", its value in the bias" : "");
	ok_apart(have, want, floats, 2e-5, what);
	ok(apart(have, whole, floats) > 1e-3, "and it is missed");
	extend_together(cache, &pass, v, together);
	ok_apart(together, have, floats, 2e-5, "the cache gives the full pass, ablated");
	kv_cache_free(cache);
	free(whole);
	free(have);
	free(want);
	free(together);
	free_net(&net);
	free_net(&cut);
}

/* ---- the lens ---- */

/* The parameters of the first layers of another network, and all that is not in one. */
static void copy_layers(struct net *to, struct net *from)
{
	int count = gpt_tensor_count(&to->config);
	struct gpt_tensor *tensors = must(calloc(count, sizeof *tensors));

	gpt_tensors(&to->config, tensors);
	for (int i = 0; i < count; i++)
		memcpy(to->params + tensors[i].offset, tensor_of(from, tensors[i].name, 0),
		       tensors[i].count * sizeof *to->params);
	free(tensors);
	put_params(to);
}

static double *wide(const float *x, size_t count)
{
	double *y = must(malloc(count * sizeof *y));

	for (size_t i = 0; i < count; i++)
		y[i] = x[i];
	return y;
}

/* Embedding, final layer norm and unembedding alone, in double. */
static void embedding_logits(struct net *net, const struct pass *pass, float *logits)
{
	const int n = pass->batch.count, c = net->config.width, v = net->config.vocab;
	double *wte = wide(tensor_of(net, "transformer.wte.weight", 0), (size_t)v * c);
	double *wpe = wide(tensor_of(net, "transformer.wpe.weight", 0),
	                   (size_t)net->config.context * c);
	double *gain = wide(tensor_of(net, "transformer.ln_f.weight", 0), c), *bias = NULL;
	double *x = must(calloc((size_t)n * c, sizeof *x));
	double *ln = must(calloc((size_t)n * c, sizeof *ln));
	double *out = must(calloc((size_t)n * v, sizeof *out)), mean[ROWS], rstd[ROWS];

	if (net->config.bias)
		bias = wide(tensor_of(net, "transformer.ln_f.bias", 0), c);
	ref_embed(x, pass->token, pass->position, wte, wpe, n, c);
	ref_layernorm(ln, mean, rstd, x, gain, bias, n, c);
	ref_unembed(out, ln, wte, n, c, v);
	for (int i = 0; i < n * v; i++)
		logits[i] = (float)out[i];
	free(wte);
	free(wpe);
	free(gain);
	free(bias);
	free(x);
	free(ln);
	free(out);
}

/* After so many layers the lens has what a network of so many layers says. */
static void check_lens(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_RESIDUAL);
	struct net whole = new_net(config, k, GPT_KEEP_NOTHING);
	float *lens = must(malloc((size_t)ROWS * config->vocab * sizeof *lens));
	struct pass pass;
	bool same = true;

	fill_pass(&pass, config, some_lengths, 12);
	pass.batch.target = NULL;
	const size_t floats = (size_t)pass.batch.count * config->vocab;
	float *want = pass_logits(&whole, &pass), *have = pass_logits(&net, &pass);
	ok(memcmp(have, want, floats * sizeof *have) == 0,
	   "%d layers: a network that keeps its residual stream has the same bits", config->layers);
	free(have);
	free(want);
	for (int after = config->layers; after > 0; after--) {
		struct gpt_config part = *config;
		part.layers = after;
		struct net cut = new_net(&part, k, GPT_KEEP_NOTHING);
		copy_layers(&cut, &net);
		want = pass_logits(&cut, &pass);
		gpt_logit_lens(net.gpt, after, lens);
		same &= memcmp(lens, want, floats * sizeof *lens) == 0;
		free(want);
		free_net(&cut);
	}
	ok(same, "the lens after 1 to %d layers is a network of so many, to the bit", config->layers);
	want = must(malloc(floats * sizeof *want));
	embedding_logits(&net, &pass, want);
	gpt_logit_lens(net.gpt, 0, lens);
	ok_apart(lens, want, floats, 2e-5, "after none it is the embedding, normed, unembedded");
	free(want);
	free(lens);
	free_net(&net);
	free_net(&whole);
}

/* ---- gradients that add up, targets, dropout ---- */

static void check_accumulation(void)
{
	static const int first[] = {3, 5, 0}, second[] = {7, 1, 0}, both[] = {3, 5, 7, 1, 0};
	struct net net = new_net(&small, cpu(), GPT_KEEP_ALL);
	struct pass a, b, ab;

	fill_pass(&a, &small, first, 6);
	fill_pass(&b, &small, second, 7);
	fill_pass(&ab, &small, both, 8);
	memcpy(ab.token, a.token, 8 * sizeof *ab.token);
	memcpy(ab.token + 8, b.token, 8 * sizeof *ab.token);
	memcpy(ab.target, a.target, 8 * sizeof *ab.target);
	memcpy(ab.target + 8, b.target, 8 * sizeof *ab.target);
	memcpy(ab.weight, a.weight, 8 * sizeof *ab.weight);
	memcpy(ab.weight + 8, b.weight, 8 * sizeof *ab.weight);
	float *of_a = pass_gradients(&net, &a, NULL), *of_b = pass_gradients(&net, &b, NULL);
	float *of_both = pass_gradients(&net, &ab, NULL);
	gpt_zero_gradients(net.gpt);
	for (int i = 0; i < 2; i++) {
		gpt_forward(net.gpt, i ? &b.batch : &a.batch, NULL);
		gpt_backward(net.gpt);
	}
	float *summed = gradients(&net);
	for (size_t i = 0; i < net.count; i++)
		of_a[i] += of_b[i];
	ok_apart(summed, of_a, net.count, 1e-5, "two passes accumulate the sum of their gradients");
	ok_apart(of_both, of_a, net.count, 1e-5, "one pass of both batches has the same gradients");
	free(of_a);
	free(of_b);
	free(of_both);
	free(summed);
	free_net(&net);
}

static void check_targets(void)
{
	struct net net = new_net(&small, cpu(), GPT_KEEP_ALL);
	struct net plain = new_net(&small, cpu(), GPT_KEEP_NOTHING);
	struct pass pass;
	float losses[ROWS], others[ROWS];
	bool zero = true, positive = true;

	fill_pass(&pass, &small, some_lengths, 9);
	int n = pass.batch.count;
	float *want = pass_gradients(&net, &pass, losses);
	for (int r = 0; r < n; r++) {
		zero &= pass.target[r] >= 0 || losses[r] == 0;
		positive &= pass.target[r] < 0 || losses[r] > 0;
	}
	ok(zero, "a row without a target has no loss");
	ok(positive, "losses are not weighted");
	gpt_forward(plain.gpt, &pass.batch, others);
	ok(memcmp(losses, others, n * sizeof *losses) == 0,
	   "a network that does not train has the same losses");
	for (int r = 0; r < n; r++) {
		pass.weight[r] *= 2;
		if (pass.target[r] < 0) {
			pass.target[r] = 1;
			pass.weight[r] = 0;
		} else if (pass.weight[r] == 0) {
			pass.target[r] = -1;
			pass.weight[r] = 5;
		}
	}
	float *doubled = pass_gradients(&net, &pass, NULL);
	for (size_t i = 0; i < net.count; i++)
		want[i] *= 2;
	ok(memcmp(doubled, want, net.count * sizeof *want) == 0,
	   "twice the weights, twice the gradients; no target is weight 0");
	for (int r = 0; r < n; r++)
		pass.target[r] = -1;
	float *none = pass_gradients(&net, &pass, losses);
	for (size_t i = 0; i < net.count; i++)
		zero &= none[i] == 0;
	ok(zero, "no target at all: no gradient");
	free(want);
	free(doubled);
	free(none);
	free_net(&net);
	free_net(&plain);
}

static void check_dropout(const struct kernels *k)
{
	struct { float rate; uint64_t seed, stream; bool same; const char *what; } const rounds[] = {
		{0, 0, 0, true, "a second pass has the same bits"},
		{0, 9, 9, true, "rate 0 drops nothing, whatever the stream"},
		{0.3f, 1, 2, false, "rate 0.3 drops"},
		{0.3f, 1, 2, true, "the same seed and stream: the same bits"},
		{0.3f, 1, 3, false, "another stream: other bits"},
		{0.3f, 2, 3, false, "another seed: other bits"},
		{0, 2, 3, false, "rate 0 again"},
	};
	struct net net = new_net(&small, k, GPT_KEEP_ALL);
	struct pass pass;
	float *first, *last, losses[2][ROWS];

	fill_pass(&pass, &small, some_lengths, 10);
	size_t loss_bytes = pass.batch.count * sizeof **losses;
	last = first = pass_gradients(&net, &pass, losses[0]);
	for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
		gpt_dropout(net.gpt, rounds[i].rate, rounds[i].seed, rounds[i].stream);
		float *grads = pass_gradients(&net, &pass, losses[1]);
		bool same = memcmp(grads, last, net.count * sizeof *grads) == 0 &&
		            memcmp(losses[0], losses[1], loss_bytes) == 0;
		ok(same == rounds[i].same, "%s: %s", k->name, rounds[i].what);
		if (last != first)
			free(last);
		last = grads;
		memcpy(losses[0], losses[1], sizeof losses[0]);
	}
	ok(memcmp(first, last, net.count * sizeof *first) == 0, "%s: as before any dropout", k->name);
	if (last != first)
		free(first);
	free(last);
	free_net(&net);
}

/* ---- a pass in one go ---- */

/* What a pass asks of its device, a letter each: uploads, downloads, and where its first and
 * its last operation stand. */
static char asked[32];

static void note(char what)
{
	const size_t length = strlen(asked);

	if (length + 1 < sizeof asked)
		asked[length] = what;
}

static void noting_upload(struct device *dev, void *to, const void *from_host, size_t bytes)
{
	note('u');
	cpu()->upload(dev, to, from_host, bytes);
}

static void noting_download(struct device *dev, void *to_host, const void *from, size_t bytes)
{
	note('d');
	cpu()->download(dev, to_host, from, bytes);
}

static void noting_embed(struct device *dev, float *out, const int32_t *token,
                         const int32_t *position, const float *wte, const float *wpe, int n,
                         int c)
{
	note('<');
	cpu()->embed(dev, out, token, position, wte, wpe, n, c);
}

static void noting_embed_backward(struct device *dev, float *dwte, float *dwpe,
                                  const float *dout, const int32_t *token,
                                  const int32_t *position, int n, int c, int v, int t)
{
	note('>');
	cpu()->embed_backward(dev, dwte, dwpe, dout, token, position, n, c, v, t);
}

static void check_pass(void)
{
	struct kernels noting = *cpu();

	noting.upload = noting_upload;
	noting.download = noting_download;
	noting.embed = noting_embed;
	noting.embed_backward = noting_embed_backward;
	struct net net = new_net(&small, &noting, GPT_KEEP_ALL);
	struct pass pass;
	float losses[ROWS] = {0};
	double sum = 3, want_sum = 3; /* it is added to */

	fill_pass(&pass, &small, some_lengths, 11);
	gpt_dropout(net.gpt, 0.2f, 1, 2);
	float *want = pass_gradients(&net, &pass, losses);
	gpt_zero_gradients(net.gpt);
	memset(asked, 0, sizeof asked);
	gpt_pass(net.gpt, &pass.batch, &sum);
	is_string(asked, "uuuu<>", "gpt_pass() waits for nothing");
	float *have = gradients(&net);
	for (int i = 0; i < pass.batch.count; i++)
		want_sum += (double)losses[i];
	ok(fabs(sum - want_sum) <= 1e-12 * want_sum &&
	   memcmp(have, want, net.count * sizeof *have) == 0,
	   "and has the gradients of the two calls, to the bit, and the losses' sum");
	free(have);
	free(want);
	free_net(&net);
}

/* ---- failure ---- */

static int allocations_left;

static void *failing_alloc(struct device *dev, size_t bytes)
{
	return allocations_left-- > 0 ? ref_table.alloc(dev, bytes) : NULL;
}

/* Out of memory at each allocation in turn: NULL, a reason, and no leak (which
 * an address sanitizer would see). */
static void check_memory(void)
{
	struct kernels failing = ref_table;
	struct err err = {0};
	struct device *dev = must(ref_table.open(DTYPE_F32, &err));
	static float params[4096];
	struct gpt *gpt = NULL;
	struct kv_cache *cache = NULL;
	bool clean = true;
	int tries = 0;

	failing.alloc = failing_alloc;
	for (; gpt == NULL && tries < 1000; tries++) {
		struct err reason = {0};
		allocations_left = tries;
		gpt = gpt_new(&bare, &failing, dev, params, 5, GPT_KEEP_ALL, &reason);
		clean &= gpt != NULL || reason.status == ERR_DATA;
	}
	ok(gpt && tries > 10 && clean, "gpt_new fails cleanly at any of %d allocations", tries - 1);
	for (tries = 0; cache == NULL && tries < 100; tries++) {
		struct err reason = {0};
		allocations_left = tries;
		cache = kv_cache_new(gpt, 3, &reason);
		clean &= cache != NULL || reason.status == ERR_DATA;
	}
	ok(cache && clean, "kv_cache_new fails cleanly at any of %d allocations", tries - 1);
	kv_cache_free(cache);
	kv_cache_free(NULL);
	gpt_free(gpt);
	gpt_free(NULL);
	ref_table.close(dev);
}

static void check_configs(void)
{
	static const struct gpt_config wrong[] = {
		{0, 1, 4, 8, 7, false, 0},  {1, 0, 4, 8, 7, false, 0}, {1, 3, 4, 8, 7, false, 0},
		{1, 1, 0, 8, 7, false, 0},  {1, 1, 4, 0, 7, false, 0}, {1, 1, 4, 8, 0, false, 0},
		{-1, 1, 4, 8, 7, false, 0}, {1, 1, 4, GPT_CONTEXT_MAX + 1, 7, false, 0},
		{GPT_LAYERS_MAX + 1, 1, 4, 8, 7, false, 0}, {1, 1, GPT_WIDTH_MAX + 1, 8, 7, false, 0},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = {0};
		ok(gpt_new(&wrong[i], &ref_table, NULL, NULL, 1, GPT_KEEP_NOTHING, &err) == NULL &&
		   err.status != ERR_NONE, "refused: %s", err.text);
	}
}

static void check_level(const char *level)
{
	const struct kernels *k = kernels_cpu_level(level);

	for (int i = 0; k && i < SHAPES; i++) {
		printf("# level %s\n", level);
		check_against_reference(&shapes[i], k);
		check_packing(&shapes[i], k);
		check_cache(&shapes[i], k);
		check_ablation(&shapes[i], k);
		check_lens(&shapes[i], k);
	}
}

int main(void)
{
	check_gradients(&small, 0, false);
	check_gradients(&small, 0.25f, true);
	check_gradients(&bare, 0, true);
	check_gradients(&bare, 0.5f, false);
	check_gradients(&wider, 0, true);
	check_gradients(&narrower, 0.25f, false);
	check_level("v2");
	check_level("v3");
	check_level("v4");
	check_level("native");
	check_accumulation();
	check_targets();
	check_dropout(&ref_table);
	check_dropout(cpu());
	check_pass();
	check_memory();
	check_configs();
	return done();
}
