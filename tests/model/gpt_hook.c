/* What a hook reads in the middle of a pass: each place from the places before it, in double. */
#include "common/model/gpt_hook.h"

#include "tests/kernels/harness/ref.h"
#include "tests/model/network.h"
#include "tests/model/tensors.h"

/* ---- what a pass shows ---- */

struct seen {
	struct net *net;
	double *at[GPT_PLACES][8]; /* of each layer: [n,width], heads side by side */
	double *result[8][8]; /* of each layer and head: [n,c] */
	int calls[GPT_PLACES * 8]; /* place * 8 + layer, in the order of the calls */
	int count;
};

static size_t numbers(const struct seen *seen, enum gpt_place place, int rows)
{
	const struct gpt_config *config = &seen->net->config;
	const size_t width = (size_t)gpt_place_width(place, config);

	return (size_t)rows * width *
	       (gpt_place_of_heads(place) && place != GPT_RESULT ? (size_t)config->heads : 1);
}

static double *wide(const float *x, size_t count)
{
	double *y = must(malloc(count * sizeof *y));

	for (size_t i = 0; i < count; i++)
		y[i] = x[i];
	return y;
}

static void look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct seen *seen = context;
	const size_t count = numbers(seen, place, ROWS);
	float *out = must(calloc(count, sizeof *out));

	seen->calls[seen->count++] = place * 8 + layer;
	for (int head = 0; place == GPT_RESULT && head < seen->net->config.heads; head++) {
		gpt_hook_read_result(gpt, layer, head, out);
		seen->result[layer][head] = wide(out, count);
	}
	if (place != GPT_RESULT) {
		gpt_hook_read(gpt, place, layer, out);
		seen->at[place][layer] = wide(out, count);
	}
	free(out);
}

static void free_seen(struct seen *seen)
{
	for (int l = 0; l < 8; l++) {
		for (int place = 0; place < GPT_PLACES; place++)
			free(seen->at[place][l]);
		for (int head = 0; head < 8; head++)
			free(seen->result[l][head]);
	}
}

/* ---- what it should ---- */

/* Is the largest difference small, beside the largest number? */
static bool near(const double *have, const double *want, size_t count)
{
	double apart = 0, largest = 1;

	for (size_t i = 0; i < count; i++) {
		apart = fmax(apart, fabs(have[i] - want[i]));
		largest = fmax(largest, fabs(want[i]));
	}
	return apart <= 2e-5 * largest;
}

/* A tensor of a block, or of the network; NULL if it is a bias, and there is none. */
static double *tensor(struct net *net, const char *format, int layer, size_t count)
{
	if (!net->config.bias && strstr(format, ".bias"))
		return NULL;
	return wide(tensor_at(&net->config, net->params, format, layer), count);
}

static bool is_sum(const double *sum, const double *a, const double *b, size_t count)
{
	double *want = must(malloc(count * sizeof *want));

	for (size_t i = 0; i < count; i++)
		want[i] = a[i] + b[i];
	const bool same = near(sum, want, count);
	free(want);
	return same;
}

/* out[n,to] = in[n,from] w + b, of tensors that begin with name. */
static double *linear(struct net *net, const char *name, int layer, const double *in, int n,
                      int from, int to)
{
	char format[80];
	double *out = must(malloc((size_t)n * (size_t)to * sizeof *out));

	snprintf(format, sizeof format, "%s.weight", name);
	double *w = tensor(net, format, layer, (size_t)from * (size_t)to);
	snprintf(format, sizeof format, "%s.bias", name);
	double *b = tensor(net, format, layer, (size_t)to);
	ref_linear(out, in, w, b, n, from, to, false);
	free(w);
	free(b);
	return out;
}

static bool is_normalised(struct net *net, const char *name, int layer, const double *have,
                          const double *x, int n)
{
	const int c = net->config.width;
	double *want = must(malloc((size_t)n * (size_t)c * sizeof *want)), mean[ROWS], rstd[ROWS];
	char format[80];

	snprintf(format, sizeof format, "%s.weight", name);
	double *gain = tensor(net, format, layer, (size_t)c);
	snprintf(format, sizeof format, "%s.bias", name);
	double *bias = tensor(net, format, layer, (size_t)c);
	ref_layernorm(want, mean, rstd, x, gain, bias, n, c, gpt_epsilon(&net->config));
	const bool same = near(have, want, (size_t)n * (size_t)c);
	free(want);
	free(gain);
	free(bias);
	return same;
}

static bool embeds(const struct seen *seen, const struct pass *pass, int n)
{
	struct net *net = seen->net;
	const int c = net->config.width;
	const float *wte = tensor_at(&net->config, net->params, "transformer.wte.weight", 0);
	const float *wpe = tensor_at(&net->config, net->params, "transformer.wpe.weight", 0);
	bool same = true;

	for (int i = 0; i < n * c; i++)
		same &= seen->at[GPT_EMBED][0][i] == wte[pass->token[i / c] * c + i % c] &&
		        seen->at[GPT_POS_EMBED][0][i] == wpe[pass->position[i / c] * c + i % c];
	return same && is_sum(seen->at[GPT_RESID_PRE][0], seen->at[GPT_EMBED][0],
	                      seen->at[GPT_POS_EMBED][0], (size_t)(n * c));
}

/* q, k and v side by side in each row, as the kernels have them. */
static double *side_by_side(const struct seen *seen, int layer, int n)
{
	const int c = seen->net->config.width;
	double *qkv = must(malloc((size_t)(3 * n * c) * sizeof *qkv));

	for (int i = 0; i < 3 * n * c; i++)
		qkv[i] = seen->at[GPT_Q + i % (3 * c) / c][layer][i / (3 * c) * c + i % c];
	return qkv;
}

static bool attends(const struct seen *seen, const struct pass *pass, int layer, int n)
{
	struct net *net = seen->net;
	const int c = net->config.width, h = net->config.heads;
	double *z = must(malloc((size_t)(n * c) * sizeof *z));
	double *lse = must(malloc((size_t)(n * h) * sizeof *lse));
	double *qkv = side_by_side(seen, layer, n);
	double *want = linear(net, "transformer.h.%d.attn.c_attn", layer, seen->at[GPT_LN1][layer], n,
	                      c, 3 * c);
	bool same = near(qkv, want, (size_t)(3 * n * c));

	ref_scale_columns(qkv, gpt_query_factor(&net->config, layer), n, 3 * c, 0, c);
	ref_attention(z, lse, qkv, &pass->batch.sequences, c, h, NULL);
	same &= near(seen->at[GPT_Z][layer], z, (size_t)(n * c));
	free(want);
	free(qkv);
	free(lse);
	free(z);
	return same;
}

/* The heads' results and the bias are the output, which is the projection of z. */
static bool projects(const struct seen *seen, int layer, int n)
{
	struct net *net = seen->net;
	const int c = net->config.width;
	const size_t count = (size_t)(n * c);
	double *bias = tensor(net, "transformer.h.%d.attn.c_proj.bias", layer, (size_t)c);
	double *want = linear(net, "transformer.h.%d.attn.c_proj", layer, seen->at[GPT_Z][layer], n, c,
	                      c);
	double *sum = must(calloc(count, sizeof *sum));
	bool same = near(seen->at[GPT_ATTN_OUT][layer], want, count);

	for (size_t i = 0; i < count; i++) {
		sum[i] = bias ? bias[i % (size_t)c] : 0;
		for (int head = 0; head < net->config.heads; head++)
			sum[i] += seen->result[layer][head][i];
	}
	same &= near(sum, want, count);
	free(bias);
	free(want);
	free(sum);
	return same;
}

static bool feeds_forward(const struct seen *seen, int layer, int n)
{
	struct net *net = seen->net;
	const int c = net->config.width, f = gpt_inner(&net->config);
	double *pre = linear(net, "transformer.h.%d.mlp.c_fc", layer, seen->at[GPT_LN2][layer], n, c,
	                     f);
	double *out = linear(net, "transformer.h.%d.mlp.c_proj", layer, seen->at[GPT_MLP_POST][layer],
	                     n, f, c);
	double *post = must(malloc((size_t)(n * f) * sizeof *post));

	(net->config.activation == GPT_GELU ? ref_gelu : ref_gelu_tanh)(post,
	                                                                seen->at[GPT_MLP_PRE][layer],
	                                                                (size_t)(n * f));
	const bool same = near(seen->at[GPT_MLP_PRE][layer], pre, (size_t)(n * f)) &&
	                  near(seen->at[GPT_MLP_POST][layer], post, (size_t)(n * f)) &&
	                  near(seen->at[GPT_MLP_OUT][layer], out, (size_t)(n * c));
	free(pre);
	free(post);
	free(out);
	return same;
}

static bool adds_up(const struct seen *seen, int layer, int n)
{
	struct net *net = seen->net;
	const size_t count = (size_t)(n * net->config.width);
	const double *post = seen->at[GPT_RESID_POST][layer];
	const bool last = layer + 1 == net->config.layers;

	return is_sum(seen->at[GPT_RESID_MID][layer], seen->at[GPT_RESID_PRE][layer],
	              seen->at[GPT_ATTN_OUT][layer], count) &&
	       is_sum(post, seen->at[GPT_RESID_MID][layer], seen->at[GPT_MLP_OUT][layer], count) &&
	       (last || memcmp(post, seen->at[GPT_RESID_PRE][layer + 1], count * sizeof *post) == 0);
}

static bool unembeds(const struct seen *seen, const float *logits, int n)
{
	struct net *net = seen->net;
	const int c = net->config.width, v = net->config.vocab;
	const char *name = net->config.own_head ? "lm_head.weight" : "transformer.wte.weight";
	double *head = tensor(net, name, 0, (size_t)(v * c)), *have = wide(logits, (size_t)(n * v));
	double *want = must(malloc((size_t)(n * v) * sizeof *want));

	ref_unembed(want, seen->at[GPT_LN_FINAL][0], head, n, c, v);
	const bool same = near(have, want, (size_t)(n * v));
	free(head);
	free(have);
	free(want);
	return same;
}

/* ---- the checks ---- */

/* The places of a pass in order: those before the blocks, each block's, and that behind them. */
static bool in_order(const struct seen *seen)
{
	int want = 0;

	for (int place = 0; place < GPT_RESID_PRE; place++)
		if (seen->calls[want++] != place * 8)
			return false;
	for (int layer = 0; layer < seen->net->config.layers; layer++)
		for (int place = GPT_RESID_PRE; place <= GPT_RESID_POST; place++)
			if (seen->calls[want++] != place * 8 + layer)
				return false;
	return seen->calls[want++] == GPT_LN_FINAL * 8 && want == seen->count;
}

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	const uint32_t all = GPT_PLACE_BIT(GPT_PLACES) - 1;
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct seen seen = {.net = &net}, some = {.net = &net};
	struct gpt_hook hook = {.places = all, .call = look, .context = &seen};
	const int layers = config->layers, c = config->width;
	bool normalised = true, attention = true, projected = true, forward = true, sums = true;
	struct pass pass;
	char what[60];

	fill_pass(&pass, config, some_lengths, 13);
	pass.batch.target = NULL;
	const int n = pass.batch.count;
	const size_t floats = (size_t)n * (size_t)config->vocab;
	snprintf(what, sizeof what, "%d layers, %d heads, width %d", layers, config->heads, c);
	float *plain = pass_logits(&net, &pass);
	gpt_set_hook(net.gpt, &hook);
	float *hooked = pass_logits(&net, &pass);
	ok(memcmp(hooked, plain, floats * sizeof *plain) == 0,
	   "%s: looked at everywhere, the pass has the same bits", what);
	ok(in_order(&seen), "%s: all places, in their order", what);
	ok(embeds(&seen, &pass, n), "%s: the embeddings", what);
	for (int l = 0; l < layers; l++) {
		normalised &= is_normalised(&net, "transformer.h.%d.ln_1", l, seen.at[GPT_LN1][l],
		                            seen.at[GPT_RESID_PRE][l], n) &&
		              is_normalised(&net, "transformer.h.%d.ln_2", l, seen.at[GPT_LN2][l],
		                            seen.at[GPT_RESID_MID][l], n);
		attention &= attends(&seen, &pass, l, n);
		projected &= projects(&seen, l, n);
		forward &= feeds_forward(&seen, l, n);
		sums &= adds_up(&seen, l, n);
	}
	normalised &= is_normalised(&net, "transformer.ln_f", 0, seen.at[GPT_LN_FINAL][0],
	                            seen.at[GPT_RESID_POST][layers - 1], n);
	ok(normalised, "%s: layer norms, of the residual stream", what);
	ok(attention, "%s: q, k, v and z, of ln1", what);
	ok(projected, "%s: results and bias add up to attn_out, of z", what);
	ok(forward, "%s: mlp_pre, mlp_post and mlp_out, of ln2", what);
	ok(sums, "%s: what is added makes the residual stream", what);
	ok(unembeds(&seen, hooked, n), "%s: logits, of ln_final", what);
	hook.places = GPT_PLACE_BIT(GPT_Z) | GPT_PLACE_BIT(GPT_LN_FINAL);
	hook.context = &some;
	gpt_set_hook(net.gpt, &hook);
	free(hooked);
	hooked = pass_logits(&net, &pass);
	gpt_set_hook(net.gpt, NULL);
	free(hooked);
	hooked = pass_logits(&net, &pass);
	ok(some.count == layers + 1 && some.calls[layers] == GPT_LN_FINAL * 8,
	   "%s: some places, and none after the hook is taken away", what);
	free(hooked);
	free(plain);
	free_seen(&seen);
	free_seen(&some);
	free_net(&net);
}

/* ---- writing ---- */

struct written {
	struct seen seen;
	enum gpt_place place;
	int layer, row, column, count;
	float values[64];
	bool there; /* what was written was there when it was read again */
};

/* Write to one place, and then look at all. */
static void write_and_look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct written *written = context;
	const bool here = place == written->place && layer == written->layer;

	if (here)
		gpt_hook_write(gpt, place, layer, written->row, written->column, written->count,
		               written->values);
	look(&written->seen, gpt, place, layer);
	if (!here)
		return;
	const double *at = written->seen.at[place][layer] + written->column +
		(size_t)written->row * (numbers(&written->seen, place, ROWS) / ROWS);
	written->there = true;
	for (int i = 0; i < written->count; i++)
		written->there &= at[i] == written->values[i];
}

/* Do all places that come after the one that was written follow from those before them? */
static bool follows(const struct written *written, const struct pass *pass)
{
	const struct seen *seen = &written->seen;
	struct net *net = seen->net;
	const int n = pass->batch.count, at = written->place;
	bool same = true;

	for (int l = 0; l < net->config.layers; l++) {
		const bool here = l == written->layer;
		const bool next = l + 1 == written->layer; /* its stream is written to after it was seen */
		same &= (here && at == GPT_LN1) ||
		        is_normalised(net, "transformer.h.%d.ln_1", l, seen->at[GPT_LN1][l],
		                      seen->at[GPT_RESID_PRE][l], n);
		same &= (here && at == GPT_LN2) ||
		        is_normalised(net, "transformer.h.%d.ln_2", l, seen->at[GPT_LN2][l],
		                      seen->at[GPT_RESID_MID][l], n);
		if (!here || at == GPT_RESID_PRE || at == GPT_LN1 || at > GPT_Z)
			same &= attends(seen, pass, l, n);
		if (!here || at != GPT_ATTN_OUT)
			same &= projects(seen, l, n);
		if (!here || at < GPT_MLP_PRE || at > GPT_MLP_OUT)
			same &= feeds_forward(seen, l, n);
		if (!(here && (at == GPT_RESID_MID || at == GPT_RESID_POST)) &&
		    !(next && at == GPT_RESID_PRE))
			same &= adds_up(seen, l, n);
	}
	return same && is_normalised(net, "transformer.ln_f", 0, seen->at[GPT_LN_FINAL][0],
	                             seen->at[GPT_RESID_POST][net->config.layers - 1], n);
}

static void check_writing(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct pass pass;
	struct rng rng;
	bool there = true, follow = true;

	rng_init(&rng, 9, RNG_TEST, 0);
	fill_pass(&pass, config, some_lengths, 13);
	pass.batch.target = NULL;
	for (int place = GPT_RESID_PRE; place <= GPT_RESID_POST; place++) {
		struct written written = {.seen = {.net = &net}, .place = place};
		if (place == GPT_RESULT)
			continue;
		const int width = (int)(numbers(&written.seen, place, ROWS) / ROWS);
		written.layer = (int)rng_below(&rng, config->layers);
		written.row = (int)rng_below(&rng, pass.batch.count);
		written.column = (int)rng_below(&rng, width);
		written.count = width - written.column < 64 ? width - written.column : 64;
		for (int i = 0; i < written.count; i++)
			written.values[i] = (float)(3 * rng_normal(&rng));
		gpt_set_hook(net.gpt, &(struct gpt_hook){
			.places = GPT_PLACE_BIT(GPT_PLACES) - 1, .call = write_and_look,
			.context = &written, .writes = true});
		free(pass_logits(&net, &pass));
		there &= written.there;
		follow &= follows(&written, &pass);
		free_seen(&written.seen);
	}
	ok(there, "%d layers, width %d: what a hook writes to each place is there", config->layers,
	   config->width);
	ok(follow, "... and all that comes after it is computed from it");
	free_net(&net);
}

static void test_names(void)
{
	struct err err = {0};
	char name[GPT_HOOK_NAME_MAX];
	uint32_t places;

	ok(gpt_places_read("resid_pre,z,ln_final", &places, &err) == 0 &&
	   places == (GPT_PLACE_BIT(GPT_RESID_PRE) | GPT_PLACE_BIT(GPT_Z) |
	              GPT_PLACE_BIT(GPT_LN_FINAL)), "a list of places");
	for (int i = 0; i < GPT_PLACES; i++) {
		gpt_place_hook_name(i, GPT_LAYERS_MAX, name);
		ok(gpt_places_read(gpt_place_name(i), &places, &err) == 0 && places == GPT_PLACE_BIT(i) &&
		   strlen(name) < GPT_HOOK_NAME_MAX - 1, "%s is %s", gpt_place_name(i), name);
	}
	static const char *const wrong[] = {"", "resid", "z,", ",z", "z z", "Z", "resid_prex"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		err = (struct err){0};
		ok(gpt_places_read(wrong[i], &places, &err) < 0 && strstr(err.text, "is no place") &&
		   strstr(err.text, "ln_final"), "no list of places: '%s'", wrong[i]);
	}
}

int main(void)
{
	test_names();
	at_each_level(check_shape);
	at_each_level(check_writing);
	return done();
}
