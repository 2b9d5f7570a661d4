/* Patching computes what a whole pass with the same activations written into it gives, a text that
 * is patched with itself keeps all bits, and one that is patched with all of its partner gives the
 * partner's. */
#include "common/model/gpt_patch.h"

#include "common/model/gpt_parts.h"
#include "tests/model/network.h"
#include "tests/model/tensors.h"

enum { RERUNS = 60, PATCHES = 3, LANES = 4 };

static const uint32_t places = ((GPT_PLACE_BIT(GPT_RESID_POST + 1) - 1) &
                                ~(GPT_PLACE_BIT(GPT_RESID_PRE) - 1)) & ~GPT_PLACE_BIT(GPT_RESULT);

/* Two texts, and what is seen of them. */
struct pair {
	struct net net;
	struct gpt_patcher *patcher;
	int rows, wanted;
	int32_t token[ROWS], partner[ROWS], position[ROWS], want[ROWS], all[ROWS];
	struct gpt_text text, other;
	struct gpt_trace *own, *others;
	float *logits, *other_logits; /* [wanted,v] */
};

static struct pair new_pair(const struct gpt_config *config, const struct kernels *k,
                            struct rng *rng)
{
	struct pair pair = {
		.net = new_net_of(config, k, GPT_KEEP_NOTHING, config->context + 3),
		.rows = config->context,
	};
	const size_t v = (size_t)config->vocab;
	struct err err = {0};

	for (int i = 0; i < pair.rows; i++) {
		pair.all[i] = pair.position[i] = i;
		pair.token[i] = (int32_t)rng_below(rng, config->vocab);
		pair.partner[i] = (int32_t)rng_below(rng, config->vocab);
		if (rng_below(rng, 3) > 0 || i == pair.rows - 1)
			pair.want[pair.wanted++] = i;
	}
	pair.logits = must(malloc((size_t)pair.wanted * v * sizeof(float)));
	pair.other_logits = must(malloc((size_t)pair.wanted * v * sizeof(float)));
	pair.patcher = must(gpt_patcher_new(pair.net.gpt, LANES, &err));
	pair.own = must(gpt_trace_new(config, pair.rows, places, &err));
	pair.others = must(gpt_trace_new(config, pair.rows, places, &err));
	return pair;
}

/* The texts point into the pair, which must not move any more. */
static void see(struct pair *pair)
{
	struct err err = {0};

	pair->text = (struct gpt_text){pair->token, pair->rows, pair->want, pair->wanted};
	pair->other = (struct gpt_text){pair->partner, pair->rows, pair->want, pair->wanted};
	gpt_patcher_look(pair->patcher, &pair->other, pair->others, pair->other_logits);
	if (gpt_patcher_text(pair->patcher, &pair->text, pair->own, pair->logits, &err) < 0)
		abort();
}

static void free_pair(struct pair *pair)
{
	gpt_trace_free(pair->own);
	gpt_trace_free(pair->others);
	gpt_patcher_free(pair->patcher);
	free(pair->logits);
	free(pair->other_logits);
	free_net(&pair->net);
}

static size_t logits_count(const struct pair *pair)
{
	return (size_t)pair->wanted * (size_t)pair->net.config.vocab;
}

/* ---- patches at random places ---- */

struct memory {
	struct gpt_patch patches[RERUNS][PATCHES];
	struct gpt_rerun reruns[RERUNS];
	int32_t row[RERUNS][PATCHES][ROWS], from[RERUNS][PATCHES][ROWS];
};

/* Rows, rising, at least one; they tend to be few or late. */
static int draw_rows(struct rng *rng, int rows, int32_t *row)
{
	const int first = (int)rng_below(rng, rows), step = 1 + (int)rng_below(rng, 4);
	int count = 0;

	for (int r = first; r < rows; r += step)
		row[count++] = r;
	return count;
}

/* Draw reruns, with activations of trace; rows from others if shuffled, else their own. */
static void draw(struct memory *memory, const struct pair *pair, const struct gpt_trace *trace,
                 bool shuffled, struct rng *rng)
{
	const struct gpt_config *config = &pair->net.config;

	for (int i = 0; i < RERUNS; i++) {
		memory->reruns[i].patches = memory->patches[i];
		memory->reruns[i].count = 1 + (int)rng_below(rng, PATCHES);
		for (int j = 0; j < memory->reruns[i].count; j++) {
			struct gpt_patch *patch = &memory->patches[i][j];
			enum gpt_place place;
			do
				place = (enum gpt_place)rng_below(rng, GPT_PLACES);
			while (!(places & GPT_PLACE_BIT(place)));
			const int width = (int)gpt_trace_width(trace, place);
			const int column = (int)rng_below(rng, width);
			const int layer = (int)rng_below(rng, config->layers);
			const int count = draw_rows(rng, pair->rows, memory->row[i][j]);
			for (int r = 0; r < count; r++)
				memory->from[i][j][r] = shuffled ? (int32_t)rng_below(rng, pair->rows) :
				                        memory->row[i][j][r];
			*patch = (struct gpt_patch){
				.place = place, .layer = layer, .column = column,
				.columns = 1 + (int)rng_below(rng, width - column),
				.row = memory->row[i][j], .from = memory->from[i][j], .count = count,
				.values = gpt_trace_row(trace, place, layer, 0) + column,
				.stride = (size_t)width,
			};
		}
	}
}

/* ---- what reruns give ---- */

struct results {
	const struct pair *pair;
	float *logits[RERUNS]; /* NULL: not called */
	int calls;
};

static void keep(void *context, int rerun, const float *logits)
{
	struct results *results = context;
	const size_t bytes = logits_count(results->pair) * sizeof *logits;

	results->calls++;
	free(results->logits[rerun]);
	results->logits[rerun] = must(malloc(bytes));
	memcpy(results->logits[rerun], logits, bytes);
}

static void rerun(struct pair *pair, const struct gpt_rerun *reruns, int count,
                  struct results *results)
{
	struct err err = {0};

	*results = (struct results){.pair = pair};
	if (gpt_patcher_rerun(pair->patcher, reruns, count, keep, results, &err) < 0)
		abort();
	for (int i = 0; i < count; i++)
		must(results->logits[i]);
}

static void free_results(struct results *results)
{
	for (int i = 0; i < RERUNS; i++)
		free(results->logits[i]);
}

/* ---- a whole pass with a hook that writes the same ---- */

static void write_all(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	const struct gpt_rerun *what = context;

	for (int j = 0; j < what->count; j++) {
		const struct gpt_patch *patch = &what->patches[j];
		for (int i = 0; i < patch->count && patch->place == place && patch->layer == layer; i++)
			gpt_hook_write(gpt, place, layer, patch->row[i], patch->column, patch->columns,
			               patch->values + (size_t)patch->from[i] * patch->stride);
	}
}

/* The wanted logits, to free(). */
static float *whole_pass(struct pair *pair, const struct gpt_rerun *what)
{
	const size_t v = (size_t)pair->net.config.vocab;
	int32_t begin[2] = {0, pair->rows};
	const struct gpt_batch batch = {
		.count = pair->rows,
		.sequences = {.count = 1, .begin = begin, .longest = pair->rows},
		.token = pair->token, .position = pair->position,
	};
	float *all = must(malloc((size_t)pair->rows * v * sizeof *all));
	float *logits = must(malloc(logits_count(pair) * sizeof *logits));

	gpt_set_hook(pair->net.gpt, &(struct gpt_hook){
		.places = places, .call = write_all, .context = (void *)what, .writes = true});
	gpt_forward(pair->net.gpt, &batch, NULL);
	gpt_logits(pair->net.gpt, 0, pair->rows, all);
	for (int i = 0; i < pair->wanted; i++)
		memcpy(logits + (size_t)i * v, all + (size_t)pair->want[i] * v, v * sizeof *logits);
	free(all);
	return logits;
}

/* ---- checks ---- */

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	static struct memory memory;
	static const struct gpt_rerun nothing;
	struct rng rng;
	struct results results;
	double off = 0;
	bool same = true, changed = false;
	char what[80];

	rng_init(&rng, 11, RNG_TEST, (uint64_t)config->width);
	struct pair pair = new_pair(config, k, &rng);
	const size_t count = logits_count(&pair), bytes = count * sizeof(float);
	snprintf(what, sizeof what, "%d layers, %d heads, width %d", config->layers, config->heads,
	         config->width);
	see(&pair);
	float *plain = whole_pass(&pair, &nothing);
	ok_apart(pair.logits, plain, count, 1e-4, what);
	free(plain);

	draw(&memory, &pair, pair.own, false, &rng);
	see(&pair);
	rerun(&pair, memory.reruns, RERUNS, &results);
	ok(results.calls == RERUNS, "... each rerun is handed over once");
	for (int i = 0; i < RERUNS; i++)
		same &= memcmp(results.logits[i], pair.logits, bytes) == 0;
	ok(same, "... patched with itself, no bit changes");
	free_results(&results);

	draw(&memory, &pair, pair.others, true, &rng);
	rerun(&pair, memory.reruns, RERUNS, &results);
	for (int i = 0; i < RERUNS; i++) {
		float *whole = whole_pass(&pair, &memory.reruns[i]);
		off = fmax(off, apart(results.logits[i], whole, count));
		changed |= memcmp(results.logits[i], pair.logits, bytes) != 0;
		free(whole);
	}
	ok(off <= 2e-4 && changed, "... patches give what they give in a whole pass");
	if (off > 2e-4)
		printf("# off by %g\n", off);
	struct results again;
	see(&pair);
	rerun(&pair, memory.reruns + 7, RERUNS - 7, &again);
	same = true;
	for (int i = 7; i < RERUNS; i++)
		same &= memcmp(results.logits[i], again.logits[i - 7], bytes) == 0;
	ok(same, "... and the same bits among other reruns");
	free_results(&again);
	free_results(&results);

	memory.patches[0][0] = (struct gpt_patch){
		.place = GPT_RESID_PRE, .columns = config->width, .row = pair.all, .count = pair.rows,
		.values = gpt_trace_row(pair.others, GPT_RESID_PRE, 0, 0), .stride = (size_t)config->width,
	};
	memory.reruns[0].count = 1;
	rerun(&pair, memory.reruns, 1, &results);
	ok(memcmp(results.logits[0], pair.other_logits, bytes) == 0 &&
	   memcmp(results.logits[0], pair.logits, bytes) != 0,
	   "... with the partner's embeddings everywhere it is the partner, to the bit");
	free_results(&results);
	free_pair(&pair);
}

/* The parts alone give what they gave in the run. */
static void check_parts(const struct gpt_config *config, const struct kernels *k)
{
	struct rng rng;
	bool same = true;

	rng_init(&rng, 12, RNG_TEST, (uint64_t)config->width);
	struct pair pair = new_pair(config, k, &rng);
	const int n = pair.rows, c = config->width;
	const size_t count = (size_t)n * (size_t)c, bytes = count * sizeof(float);
	float *out[3], *sum = must(malloc(bytes));
	float *logits = must(malloc((size_t)n * (size_t)config->vocab * sizeof *logits));
	double off = 0;

	for (int i = 0; i < 3; i++)
		out[i] = must(malloc(bytes));
	memcpy(pair.want, pair.all, sizeof pair.want);
	pair.wanted = n;
	free(pair.logits);
	free(pair.other_logits);
	pair.logits = must(malloc((size_t)n * (size_t)config->vocab * sizeof(float)));
	pair.other_logits = must(malloc((size_t)n * (size_t)config->vocab * sizeof(float)));
	see(&pair);
	for (int l = 0; l < config->layers; l++) {
		gpt_parts_qkv(pair.net.gpt, l, n, gpt_trace_row(pair.own, GPT_RESID_PRE, l, 0), out[0],
		              out[1], out[2]);
		for (int i = 0; i < 3; i++)
			same &= memcmp(out[i], gpt_trace_row(pair.own, GPT_Q + i, l, 0), bytes) == 0;
		gpt_parts_mlp(pair.net.gpt, l, n, gpt_trace_row(pair.own, GPT_RESID_MID, l, 0), out[0]);
		same &= memcmp(out[0], gpt_trace_row(pair.own, GPT_MLP_OUT, l, 0), bytes) == 0;
		memset(sum, 0, bytes);
		for (int h = 0; h < config->heads; h++) {
			gpt_parts_result(pair.net.gpt, l, h, n, gpt_trace_row(pair.own, GPT_Z, l, 0), out[0]);
			for (size_t i = 0; i < count; i++)
				sum[i] += out[0][i];
		}
		const float *bias = config->bias ?
			tensor_at(config, pair.net.params, "transformer.h.%d.attn.c_proj.bias", l) : NULL;
		for (size_t i = 0; bias && i < count; i++)
			sum[i] += bias[i % (size_t)c];
		off = fmax(off, apart(sum, gpt_trace_row(pair.own, GPT_ATTN_OUT, l, 0), count));
	}
	gpt_parts_logits(pair.net.gpt, n,
	                 gpt_trace_row(pair.own, GPT_RESID_POST, config->layers - 1, 0),
	                 logits);
	same &= memcmp(logits, pair.logits, (size_t)n * (size_t)config->vocab * sizeof *logits) == 0;
	ok(same, "%d layers, width %d: parts alone have the bits that they have in a run",
	   config->layers, c);
	ok(off < 1e-4, "... and the results of the heads add up to attention's");
	for (int i = 0; i < 3; i++)
		free(out[i]);
	free(sum);
	free(logits);
	free_pair(&pair);
}

int main(void)
{
	at_each_level(check_shape);
	at_each_level(check_parts);
	return done();
}
