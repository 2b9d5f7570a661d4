/* What each part of a network adds to the difference of two logits, against what hooks read: each
 * part as it is added to the residual stream, times the direction, in double. */
#include "common/model/gpt_attribution.h"

#include "common/model/gpt_hook.h"
#include "common/model/gpt_inspect.h"
#include "tests/model/network.h"
#include "tests/model/tensors.h"

#define PARTS_MAX 128
#define EVERY (GPT_PLACE_BIT(GPT_EMBED) | GPT_PLACE_BIT(GPT_POS_EMBED) | \
	GPT_PLACE_BIT(GPT_RESULT) | GPT_PLACE_BIT(GPT_MLP_OUT) | GPT_PLACE_BIT(GPT_RESID_POST))

/* ---- the parts as hooks read them ---- */

struct seen {
	struct net *net;
	struct attribution_shape shape;
	float *part[PARTS_MAX]; /* [ROWS,c] in the order of attribution.h; NULL: a bias */
	float *last; /* [ROWS,c] the residual stream */
	const uint8_t *without_mlp; /* [ROWS] where the last layer's feed-forward part is ablated; or
	                             * NULL */
};

static void look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct seen *seen = context;
	const struct gpt_config *config = &seen->net->config;
	const size_t floats = (size_t)ROWS * (size_t)config->width;
	const size_t first = attribution_layer(&seen->shape, layer);

	for (int h = 0; place == GPT_RESULT && h < config->heads; h++)
		gpt_hook_read_result(gpt, layer, h,
		                     seen->part[first + (size_t)h] = must(malloc(floats * sizeof(float))));
	if (place == GPT_RESULT)
		return;
	float *out = must(malloc(floats * sizeof *out));
	gpt_hook_read(gpt, place, layer, out);
	if (place == GPT_RESID_POST) {
		free(seen->last);
		seen->last = out;
	} else {
		seen->part[place == GPT_MLP_OUT ? first + (size_t)config->heads + seen->shape.biases :
		           place == GPT_EMBED ? 0 : 1] = out;
	}
}

static struct seen see(struct net *net, const struct pass *pass)
{
	struct seen seen = {.net = net, .shape = {net->config.layers, net->config.heads,
	                                          net->config.bias}};

	gpt_set_hook(net->gpt, &(struct gpt_hook){.places = EVERY, .call = look, .context = &seen});
	gpt_forward(net->gpt, &pass->batch, NULL);
	gpt_set_hook(net->gpt, NULL);
	return seen;
}

static void free_seen(struct seen *seen)
{
	for (int i = 0; i < PARTS_MAX; i++)
		free(seen->part[i]);
	free(seen->last);
}

/* ---- what they add ---- */

static const float *tensor_of(const struct net *net, const char *format, int layer)
{
	return tensor_at(&net->config, net->params, format, layer);
}

static double logit_part(const struct net *net, const float *part, double rstd, int token)
{
	const int c = net->config.width;
	const float *head = tensor_of(net, net->config.own_head ? "lm_head.weight" :
	                              "transformer.wte.weight", 0) + token * c;
	const float *gain = tensor_of(net, "transformer.ln_f.weight", 0);
	double mean = 0, sum = 0;

	for (int j = 0; j < c; j++)
		mean += (double)part[j] / c;
	for (int j = 0; j < c; j++)
		sum += (part[j] - mean) * rstd * gain[j] * head[j];
	return sum;
}

/* Of a row: what a part[c] adds. */
static double adds(const struct seen *seen, const float *part, int row, int a, int b)
{
	const struct net *net = seen->net;
	const int c = net->config.width;
	const float *x = seen->last + row * c;
	double mean = 0, variance = 0;

	for (int j = 0; j < c; j++)
		mean += (double)x[j] / c;
	for (int j = 0; j < c; j++)
		variance += (x[j] - mean) * (x[j] - mean) / c;
	const double rstd = 1 / sqrt(variance + gpt_epsilon(&net->config));
	return logit_part(net, part, rstd, a) - logit_part(net, part, rstd, b);
}

/* What the bias of the last norm adds: it is scaled by nothing. */
static double norm_adds(const struct net *net, int a, int b)
{
	const int c = net->config.width;
	const float *bias = tensor_of(net, "transformer.ln_f.bias", 0);
	const float *head = tensor_of(net, net->config.own_head ? "lm_head.weight" :
	                              "transformer.wte.weight", 0);
	double sum = 0;

	for (int j = 0; j < c; j++)
		sum += bias[j] * ((double)head[a * c + j] - head[b * c + j]);
	return sum;
}

/* All parts of a row. */
static void add_all(const struct seen *seen, int row, int a, int b, double *values)
{
	const struct net *net = seen->net;
	const struct attribution_shape *shape = &seen->shape;
	const size_t count = attribution_count(shape);
	const int at = row * net->config.width;

	for (size_t i = 0; i < count; i++)
		values[i] = seen->part[i] ? adds(seen, seen->part[i] + at, row, a, b) : 0;
	for (int l = 0; shape->biases && l < shape->layers; l++) {
		double *behind = values + attribution_layer(shape, l) + shape->heads;
		behind[0] = adds(seen, tensor_of(net, "transformer.h.%d.attn.c_proj.bias", l), row, a, b);
		behind[2] = adds(seen, tensor_of(net, "transformer.h.%d.mlp.c_proj.bias", l), row, a, b);
		if (l + 1 == shape->layers && seen->without_mlp && seen->without_mlp[row])
			behind[2] = 0;
		behind[1] -= behind[2];
	}
	if (shape->biases)
		values[count - 1] = norm_adds(net, a, b);
}

/* ---- the checks ---- */

/* Far more than rounding, far less than any part: the largest part is 1. */
static bool near(const double *have, const double *want, size_t count)
{
	double worst = 0, largest = 1;

	for (size_t i = 0; i < count; i++)
		largest = fmax(largest, fabs(want[i]));
	for (size_t i = 0; i < count; i++)
		if (!(fabs(have[i] - want[i]) <= worst))
			worst = fabs(have[i] - want[i]);
	if (worst <= 1e-5 * largest)
		return true;
	printf("# off by %g, of parts up to %g\n", worst, largest);
	return false;
}

static bool add_up(const double *values, size_t count, double difference)
{
	double sum = 0, size = 1;

	for (size_t i = 0; i < count; i++) {
		sum += values[i];
		size += fabs(values[i]);
	}
	if (fabs(sum - difference) <= 1e-5 * size)
		return true;
	printf("# the sum is %g, the difference %g\n", sum, difference);
	return false;
}

static int choose_rows(int n, int32_t *row)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		if (i % 3 != 1)
			row[count++] = i;
	return count;
}

enum ablated { NOTHING, HEAD, MLP }; /* of the last layer; the feed-forward part in some rows */

static void ablate(struct net *net, enum ablated what, const uint8_t *rows)
{
	const int last = net->config.layers - 1;
	struct err err = {0};
	float value[256];

	for (int j = 0; j < 256; j++)
		value[j] = (float)(j % 5) - 1.5f;
	if (what == HEAD && gpt_ablate_head(net->gpt, last, net->config.heads - 1, value, &err) < 0)
		abort();
	if (what != MLP)
		return;
	if (gpt_ablate_mlp(net->gpt, last, value, &err) < 0)
		abort();
	gpt_ablate_rows(net->gpt, rows);
}

/* Of all but a third of the rows, in two blocks. */
static void check_network(const struct gpt_config *config, const struct kernels *k,
                          enum ablated ablated)
{
	static const char *const names[] = {"", ", a head ablated", ", mlp ablated in some rows"};
	uint8_t in_rows[ROWS];
	struct net net = new_net(config, k, GPT_KEEP_NOTHING);
	struct gpt_attribution *attribution;
	int32_t row[ROWS], a[ROWS], b[ROWS];
	struct pass pass;
	struct err err = {0};
	bool parts = true, sums = true, alone = true;
	char what[120];

	for (int r = 0; r < ROWS; r++)
		in_rows[r] = r % 4 < 2;
	ablate(&net, ablated, in_rows);
	fill_pass(&pass, config, some_lengths, 17);
	pass.batch.target = NULL;
	const int v = config->vocab, count = choose_rows(pass.batch.count, row);
	struct seen seen = see(&net, &pass);
	seen.without_mlp = ablated == MLP ? in_rows : NULL;
	float *plain = pass_logits(&net, &pass);
	const size_t many = attribution_count(&seen.shape);
	for (int i = 0; i < count; i++) {
		a[i] = (row[i] * 5 + 2) % v;
		b[i] = (a[i] + 1 + row[i] % (v - 1)) % v;
	}

	attribution = must(gpt_attribution_new(net.gpt, config, net.params, ROWS, &err));
	const struct attribution_shape *shape = gpt_attribution_shape(attribution);
	if (gpt_attribution_watch(attribution, row, count, &err) < 0)
		abort();
	float *logits = pass_logits(&net, &pass);
	double *values = must(malloc((size_t)count * many * sizeof *values));
	double want[PARTS_MAX], again[PARTS_MAX];
	const int half = count / 2;
	gpt_attribution_find(attribution, 0, half, a, b, values);
	gpt_attribution_find(attribution, half, count - half, a + half, b + half,
	                     values + (size_t)half * many);
	for (int i = 0; i < count; i++) {
		const double *have = values + (size_t)i * many;
		add_all(&seen, row[i], a[i], b[i], want);
		parts &= near(have, want, many);
		sums &= add_up(have, many, (double)logits[row[i] * v + a[i]] - logits[row[i] * v + b[i]]);
		gpt_attribution_find(attribution, i, 1, a + i, b + i, again);
		alone &= memcmp(again, have, many * sizeof *again) == 0;
	}
	snprintf(what, sizeof what, "%d layers, %d heads, width %d%s", config->layers, config->heads,
	         config->width, names[ablated]);
	ok(memcmp(plain, logits, (size_t)pass.batch.count * (size_t)v * sizeof *plain) == 0,
	   "%s: the pass has the same bits", what);
	ok(shape->layers == config->layers && shape->heads == config->heads &&
	   shape->biases == config->bias, "%s: its shape", what);
	ok(parts, "%s: each part adds what it is times the direction", what);
	ok(sums, "%s: they add up to the difference of the logits", what);
	ok(alone, "%s: a row alone has the same bits", what);
	gpt_set_hook(net.gpt, NULL);
	gpt_attribution_free(attribution);
	free(values);
	free(logits);
	free(plain);
	free_seen(&seen);
	free_net(&net);
}

static void check_shape(const struct gpt_config *config, const struct kernels *k)
{
	check_network(config, k, NOTHING);
	check_network(config, k, HEAD);
	check_network(config, k, MLP);
}

/* What is watched is of the next pass: fewer rows, more, none. */
static void check_passes(void)
{
	struct net net = new_net(&other_kind, cpu(), GPT_KEEP_RESIDUAL);
	struct err err = {0};
	struct gpt_attribution *attribution =
		must(gpt_attribution_new(net.gpt, &net.config, net.params, ROWS, &err));
	static const int counts[] = {1, 20, 0, 2};
	const int v = net.config.vocab;
	bool sums = true;

	for (int i = 0; i < 4; i++) {
		int32_t row[ROWS], a[ROWS], b[ROWS];
		double values[ROWS * PARTS_MAX];
		struct pass pass;
		const size_t many = attribution_count(gpt_attribution_shape(attribution));
		fill_pass(&pass, &net.config, some_lengths, (uint64_t)i);
		pass.batch.target = NULL;
		for (int j = 0; j < counts[i]; j++) {
			row[j] = j + 3;
			a[j] = j % v;
			b[j] = (j + 1) % v;
		}
		sums &= gpt_attribution_watch(attribution, row, counts[i], &err) == 0;
		float *logits = pass_logits(&net, &pass);
		gpt_attribution_find(attribution, 0, counts[i], a, b, values);
		for (int j = 0; j < counts[i]; j++)
			sums &= add_up(values + (size_t)j * many, many,
			               (double)logits[row[j] * v + a[j]] - logits[row[j] * v + b[j]]);
		free(logits);
	}
	ok(sums, "pass after pass, of other rows");
	gpt_set_hook(net.gpt, NULL);
	gpt_attribution_free(attribution);
	free_net(&net);
}

int main(void)
{
	at_each_level(check_shape);
	check_passes();
	return done();
}
