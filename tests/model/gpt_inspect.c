/* Ablated parts, against parts that are cut out of the weights and activations that a hook writes,
 * and the logit lens, against networks of fewer layers. tests/model/inspector.c has attention,
 * tests/eval/head_score.c the logits of heads. */
#include "common/model/gpt_inspect.h"

#include "common/model/gpt_hook.h"
#include "tests/kernels/harness/ref.h"
#include "tests/model/network.h"
#include "tests/model/tensors.h"

/* ---- ablation ---- */

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

/* An ablated network is the one that a part is cut out of, and no longer the whole one. */
static void compare_with_cut(struct net *ablated, struct net *cut, const struct pass *pass,
                             const float *whole, const char *what)
{
	const size_t floats = (size_t)pass->batch.count * (size_t)ablated->config.vocab;
	float *have = pass_logits(ablated, pass), *want = pass_logits(cut, pass);

	ok_apart(have, want, floats, 2e-5, what);
	ok(apart(have, whole, floats) > 1e-3, "and it is missed");
	free(have);
	free(want);
}

static void check_ablation(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct net cut = new_net(config, k, GPT_KEEP_NOTHING);
	const int layer = config->layers - 1, head = config->heads - 1;
	struct err err = {0};
	float value[64];
	struct pass pass;
	char what[120];

	fill_pass(&pass, config, some_lengths, 11);
	pass.batch.target = NULL;
	float *whole = pass_logits(&net, &pass);
	for (int i = 0; i < config->width / config->heads; i++)
		value[i] = (float)i / 3 - 1;
	const float *last = config->bias ? value : NULL;
	gpt_ablate_head(net.gpt, layer, head, last, &err);
	gpt_ablate_head(net.gpt, 0, 0, NULL, &err);
	cut_head(&cut, layer, head, layer + head ? last : NULL);
	cut_head(&cut, 0, 0, NULL);
	snprintf(what, sizeof what, "%d layers, %d heads: an ablated head is one cut out of the "
	         "weights%s", config->layers, config->heads, last ? ", its value in the bias" : "");
	compare_with_cut(&net, &cut, &pass, whole, what);
	free(whole);
	free_net(&net);
	free_net(&cut);
}

/* The same for the feed-forward part: value is all that it adds. */
static void cut_mlp(struct net *net, int layer, const float *value)
{
	const int c = net->config.width, f = gpt_inner(&net->config);

	memset(tensor_of(net, "transformer.h.%d.mlp.c_proj.weight", layer), 0,
	       (size_t)f * (size_t)c * sizeof *value);
	for (int i = 0; net->config.bias && i < c; i++)
		tensor_of(net, "transformer.h.%d.mlp.c_proj.bias", layer)[i] = value ? value[i] : 0;
	put_params(net);
}

static void check_ablated_mlp(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct net cut = new_net(config, k, GPT_KEEP_NOTHING);
	const int layer = config->layers - 1;
	struct err err = {0};
	float value[256];
	struct pass pass;
	char what[120];

	fill_pass(&pass, config, some_lengths, 11);
	pass.batch.target = NULL;
	for (int i = 0; i < config->width; i++)
		value[i] = (float)(i % 7) / 3 - 1;
	const float *last = config->bias ? value : NULL;
	float *whole = pass_logits(&net, &pass);
	gpt_ablate_mlp(net.gpt, layer, last, &err);
	gpt_ablate_mlp(net.gpt, 0, NULL, &err);
	cut_mlp(&cut, layer, layer > 0 ? last : NULL);
	cut_mlp(&cut, 0, NULL);
	snprintf(what, sizeof what, "%d layers, width %d: an ablated feed-forward part is one cut out "
	         "of the weights%s", config->layers, config->width, last ? ", its value the bias" : "");
	compare_with_cut(&net, &cut, &pass, whole, what);
	free(whole);
	free_net(&net);
	free_net(&cut);
}

/* ---- ablation of some rows ---- */

/* What is ablated: a head of the last layer, and the feed-forward part of the first one. */
struct replaced {
	const struct gpt_config *config;
	const uint8_t *rows;
	float value[256];
	int n;
	bool there; /* a hook that reads saw the replacement, in these rows only */
};

/* The first column of what is replaced, and how many. 0: nothing. */
static int replaced_columns(const struct replaced *replaced, enum gpt_place place, int layer,
                            int *column)
{
	const int c = replaced->config->width, d = c / replaced->config->heads;

	*column = place == GPT_Z ? c - d : 0;
	return place == GPT_Z && layer == replaced->config->layers - 1 ? d :
	       place == GPT_MLP_OUT && layer == 0 ? c : 0;
}

/* A hook that puts it there itself. */
static void write_value(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct replaced *replaced = context;
	int column, count = replaced_columns(replaced, place, layer, &column);

	for (int r = 0; count > 0 && r < replaced->n; r++)
		if (replaced->rows[r])
			gpt_hook_write(gpt, place, layer, r, column, count, replaced->value);
}

/* A hook that looks if it is there. */
static void look_for_value(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct replaced *replaced = context;
	const int c = replaced->config->width;
	int column, count = replaced_columns(replaced, place, layer, &column);
	float *out;

	if (count == 0)
		return;
	out = must(malloc((size_t)ROWS * (size_t)c * sizeof *out));
	gpt_hook_read(gpt, place, layer, out);
	for (int r = 0; r < replaced->n; r++)
		replaced->there &= (memcmp(out + r * c + column, replaced->value,
		                           (size_t)count * sizeof *out) == 0) == (replaced->rows[r] != 0);
	free(out);
}

static void set_hook(struct net *net, struct replaced *replaced, bool writes)
{
	gpt_set_hook(net->gpt, &(struct gpt_hook){
		.places = GPT_PLACE_BIT(GPT_Z) | GPT_PLACE_BIT(GPT_MLP_OUT), .context = replaced,
		.call = writes ? write_value : look_for_value, .writes = writes});
}

static void check_rows(const struct gpt_config *config, const struct kernels *k)
{
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	const int v = config->vocab;
	uint8_t rows[ROWS];
	struct replaced replaced = {.config = config, .rows = rows, .there = true};
	struct err err = {0};
	struct pass pass;
	bool before = true;
	char what[120];

	fill_pass(&pass, config, some_lengths, 13);
	pass.batch.target = NULL;
	replaced.n = pass.batch.count;
	for (int i = 0; i < 256; i++)
		replaced.value[i] = (float)(i % 7) / 3 - 1;
	for (int r = 0; r < ROWS; r++) /* none in the second and the third sequence */
		rows[r] = r < pass.batch.count && pass.position[r] > 3 && r % 4 != 3;
	float *whole = pass_logits(&net, &pass);
	set_hook(&net, &replaced, true);
	float *want = pass_logits(&net, &pass);
	gpt_set_hook(net.gpt, NULL);
	gpt_ablate_head(net.gpt, config->layers - 1, config->heads - 1, replaced.value, &err);
	gpt_ablate_mlp(net.gpt, 0, replaced.value, &err);
	gpt_ablate_rows(net.gpt, rows);
	float *have = pass_logits(&net, &pass);
	snprintf(what, sizeof what, "%d layers, width %d: rows that are ablated are as if a hook had "
	         "written them", config->layers, config->width);
	ok_apart(have, want, (size_t)pass.batch.count * (size_t)v, 2e-5, what);
	for (int r = 0; r < pass.batch.count; r++)
		if (pass.position[r] < 4)
			before &= memcmp(have + (size_t)r * (size_t)v, whole + (size_t)r * (size_t)v,
			                 (size_t)v * sizeof *have) == 0;
	ok(before, "rows before them keep their bits");
	set_hook(&net, &replaced, false);
	float *again = pass_logits(&net, &pass);
	ok(replaced.there, "a hook reads the replacement in these rows, in no others");
	ok(memcmp(again, have, (size_t)pass.batch.count * (size_t)v * sizeof *have) == 0,
	   "and changes no bit");
	free(whole);
	free(want);
	free(have);
	free(again);
	free_net(&net);
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
	double *head = net->config.own_head ? wide(tensor_of(net, "lm_head.weight", 0),
	                                           (size_t)v * c) : NULL;
	double *wpe = wide(tensor_of(net, "transformer.wpe.weight", 0),
	                   (size_t)net->config.context * c);
	double *gain = wide(tensor_of(net, "transformer.ln_f.weight", 0), c), *bias = NULL;
	double *x = must(calloc((size_t)n * c, sizeof *x));
	double *ln = must(calloc((size_t)n * c, sizeof *ln));
	double *out = must(calloc((size_t)n * v, sizeof *out)), mean[ROWS], rstd[ROWS];

	if (net->config.bias)
		bias = wide(tensor_of(net, "transformer.ln_f.bias", 0), c);
	ref_embed(x, pass->token, pass->position, wte, wpe, n, c);
	ref_layernorm(ln, mean, rstd, x, gain, bias, n, c, gpt_epsilon(&net->config));
	ref_unembed(out, ln, head ? head : wte, n, c, v);
	for (int i = 0; i < n * v; i++)
		logits[i] = (float)out[i];
	free(wte);
	free(head);
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
		gpt_logit_lens(net.gpt, after, 0, pass.batch.count, lens);
		same &= memcmp(lens, want, floats * sizeof *lens) == 0;
		free(want);
		free_net(&cut);
	}
	ok(same, "the lens after 1 to %d layers is a network of so many, to the bit", config->layers);
	want = must(malloc(floats * sizeof *want));
	embedding_logits(&net, &pass, want);
	gpt_logit_lens(net.gpt, 0, 0, 1, lens);
	gpt_logit_lens(net.gpt, 0, 1, pass.batch.count - 1, lens + config->vocab);
	ok_apart(lens, want, floats, 2e-5, "after none it is the embedding, normed, unembedded");
	free(want);
	free(lens);
	free_net(&net);
	free_net(&whole);
}

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	check_ablation(config, k);
	check_ablated_mlp(config, k);
	check_rows(config, k);
	check_lens(config, k);
}

int main(void)
{
	at_each_level(check_shape);
	return done();
}
