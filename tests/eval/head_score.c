/* Scores of heads that are known: a model of two layers whose weights are written
 * here by hand. And the logits that heads add, against doubles. */
#include "common/eval/head_score.h"

#include <stdlib.h>

#include "common/base/rng.h"
#include "common/model/gpt_inspect.h"
#include "common/model/inspector.h"
#include "tests/tap.h"
#include "tests/model/tensors.h"

enum {
	VOCAB = 8,
	PERIOD = VOCAB,
	COPIES = 3,
	CONTEXT = PERIOD * COPIES,
	HEADS = 2,
	WIDTH = 2 * (VOCAB + CONTEXT),
	HEAD = WIDTH / HEADS, /* VOCAB + CONTEXT: room for a token and a place */
};

/* Where things stand in the residual stream: which token, which place, and which
 * token stands before. Each is one 1 among zeros, so that what the layer norms take
 * off and divide by is the same for every row. */
enum { TOKEN = 0, PLACE = VOCAB, BEFORE = VOCAB + CONTEXT };

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* ---- a model by hand ---- */

static float *tensor(struct model *model, const char *format, int layer)
{
	return tensor_at(&model->config, model->params, format, layer);
}

static void ones(float *gain)
{
	for (int i = 0; i < WIDTH; i++)
		gain[i] = 1;
}

enum part { QUERY, KEY, VALUE };

/* count channels of the stream from channel on go into those of a head from to on. */
static void read_stream(struct model *model, int layer, int head, enum part part, int channel,
                        int to, int count, float weight)
{
	float *w = tensor(model, "transformer.h.%d.attn.c_attn.weight", layer);

	for (int i = 0; i < count; i++)
		w[(channel + i) * 3 * WIDTH + (int)part * WIDTH + head * HEAD + to + i] = weight;
}

static void write_stream(struct model *model, int layer, int head, int from, int channel, int count,
                         float weight)
{
	float *w = tensor(model, "transformer.h.%d.attn.c_proj.weight", layer);

	for (int i = 0; i < count; i++)
		w[(head * HEAD + from + i) * WIDTH + channel + i] = weight;
}

/* 0.0: the place before, and writes which token stands there. */
static void make_previous_token_head(struct model *model)
{
	read_stream(model, 0, 0, QUERY, PLACE, 0, CONTEXT, 3);
	read_stream(model, 0, 0, KEY, PLACE, 1, CONTEXT - 1, 3);
	read_stream(model, 0, 0, VALUE, TOKEN, 0, VOCAB, 1);
	write_stream(model, 0, 0, 0, BEFORE, VOCAB, 0.2f);
}

/* 0.1: the same token, but not itself, which is in the same place. Writes nothing. */
static void make_duplicate_token_head(struct model *model)
{
	read_stream(model, 0, 1, QUERY, TOKEN, 0, VOCAB, 3);
	read_stream(model, 0, 1, KEY, TOKEN, 0, VOCAB, 3);
	read_stream(model, 0, 1, QUERY, PLACE, VOCAB, CONTEXT, 3);
	read_stream(model, 0, 1, KEY, PLACE, VOCAB, CONTEXT, -6);
}

/* 1.0: what stands after a token like this one, and writes that token. Before the
 * first place stands nothing, but head 0.0 has to look somewhere: at itself. So the
 * first place is kept out, by a query that is the same in all rows. */
static void make_induction_head(struct model *model)
{
	read_stream(model, 1, 0, QUERY, TOKEN, 0, VOCAB, 4);
	read_stream(model, 1, 0, KEY, BEFORE, 0, VOCAB, 4);
	tensor(model, "transformer.h.%d.attn.c_attn.bias", 1)[VOCAB] = 20;
	read_stream(model, 1, 0, KEY, PLACE, VOCAB, 1, -10);
	read_stream(model, 1, 0, VALUE, TOKEN, 0, VOCAB, 1);
	write_stream(model, 1, 0, 0, TOKEN, VOCAB, 1);
}

/* 1.1 stays all zeros: it attends to everything alike. */
static void make_model(struct model *model)
{
	struct err err = {0};

	*model = (struct model){.config = {
		.layers = 2, .heads = HEADS, .width = WIDTH, .context = CONTEXT, .vocab = VOCAB,
		.bias = true,
	}};
	model->vocab = must(vocab_new("abcdefgh", VOCAB, &err));
	model->params = must(calloc(gpt_parameter_count(&model->config), sizeof(float)));
	for (int t = 0; t < VOCAB; t++)
		tensor(model, "transformer.wte.weight", 0)[t * WIDTH + TOKEN + t] = 1;
	for (int p = 0; p < CONTEXT; p++)
		tensor(model, "transformer.wpe.weight", 0)[p * WIDTH + PLACE + p] = 1;
	for (int l = 0; l < 2; l++) {
		ones(tensor(model, "transformer.h.%d.ln_1.weight", l));
		ones(tensor(model, "transformer.h.%d.ln_2.weight", l));
	}
	ones(tensor(model, "transformer.ln_f.weight", 0));
	make_previous_token_head(model);
	make_duplicate_token_head(model);
	make_induction_head(model);
}

/* ---- the scores of that model ---- */

static void expect(const struct head_scores *scores, int layer, int head, enum head_score what)
{
	for (int i = 0; i < HEAD_SCORES; i++) {
		double have = head_scores_mean(scores, layer, head, (enum head_score)i).mean;
		double chance = head_scores_chance(scores, (enum head_score)i).mean;
		bool high = i == (int)what || (what == HEAD_INDUCTION && i == HEAD_COPYING);
		if (!ok(high ? have > 0.99 && have < 1 + 1e-6 : have > -1e-9 && have < chance + 0.02,
		        "head %d.%d: %s is %s", layer, head, head_score_words[i],
		        high ? "1" : "chance, or below"))
			printf("# have %g, chance %g\n", have, chance);
	}
}

static void check_known_heads(void)
{
	struct err err = {0};
	struct model model;
	uint16_t tokens[CONTEXT];
	struct record record = {.tokens = tokens, .length = CONTEXT};

	make_model(&model);
	struct head_scores *scores = must(head_scores_new(&model, kernels_find("cpu", &err), &err));
	for (uint64_t i = 0; i < 20; i++) {
		head_sequence(1, i, VOCAB, PERIOD, COPIES, tokens);
		if (head_scores_add(scores, &record, &err) < 0)
			printf("Bail out! %s\n", err.text);
	}
	expect(scores, 0, 0, HEAD_PREVIOUS);
	expect(scores, 0, 1, HEAD_DUPLICATE);
	expect(scores, 1, 0, HEAD_INDUCTION);
	expect(scores, 1, 1, HEAD_SCORES);
	/* 1.1 is what chance is said to be: 1 / (q + 1) for each key of query q. */
	double previous = 0, matching = 0;
	for (int q = 1; q < CONTEXT; q++) {
		previous += 1.0 / (q + 1) / (CONTEXT - 1);
		matching += (double)(q / PERIOD) / (q + 1) / (CONTEXT - PERIOD);
	}
	is_near(head_scores_mean(scores, 1, 1, HEAD_PREVIOUS).mean, previous, 1e-6,
	        "a head that looks everywhere: previous");
	is_near(head_scores_mean(scores, 1, 1, HEAD_DUPLICATE).mean, matching, 1e-6, "duplicate");
	is_near(head_scores_mean(scores, 1, 1, HEAD_INDUCTION).mean, matching, 1e-6, "induction");
	is_near(head_scores_chance(scores, HEAD_PREVIOUS).mean, previous, 1e-6, "chance: previous");
	is_near(head_scores_chance(scores, HEAD_DUPLICATE).mean, matching, 1e-6, "duplicate");
	is_near(head_scores_chance(scores, HEAD_INDUCTION).mean, matching, 1e-6, "induction");
	is_near(head_scores_chance(scores, HEAD_COPYING).mean, 1.0 / VOCAB, 1e-9, "copying");
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_PREVIOUS).count, 20, "of 20 sequences");
	head_scores_free(scores);
	/* What the model is for: it goes on with the sequence. */
	struct inspector *inspector = must(inspector_new(&model, kernels_find("cpu", &err), &err));
	inspector_run(inspector, &record, &err);
	int right = 0;
	for (int q = PERIOD; q < CONTEXT; q++) {
		const float *row = inspector_attention(inspector, 1, 0, &err) + q * CONTEXT;
		double copied[VOCAB] = {0};
		int best = 0;
		for (int k = 0; k <= q; k++)
			copied[tokens[k]] += (double)row[k];
		for (int t = 1; t < VOCAB; t++)
			best = copied[t] > copied[best] ? t : best;
		right += best == tokens[q - PERIOD + 1];
	}
	is_int(right, CONTEXT - PERIOD, "the induction head looks at what comes next");
	inspector_free(inspector);
	model_release(&model);
}

/* ---- records that have no score ---- */

static void check_counts(void)
{
	static const uint16_t tokens[] = {0, 1, 2, 3, 3, 3};
	struct err err = {0};
	struct model model;
	struct record record = {.tokens = tokens};

	make_model(&model);
	struct head_scores *scores = must(head_scores_new(&model, kernels_find("cpu", &err), &err));
	head_scores_add(scores, &record, &err);
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_COPYING).count, 0,
	       "an empty text counts for nothing");
	record.length = 1;
	head_scores_add(scores, &record, &err);
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_PREVIOUS).count, 0,
	       "one token has none before it");
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_COPYING).count, 1, "but can be copied");
	record.length = 4;
	head_scores_add(scores, &record, &err);
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_PREVIOUS).count, 1, "four have");
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_DUPLICATE).count, 0,
	       "without a duplicate there is no such score");
	is_int((long long)head_scores_mean(scores, 0, 0, HEAD_INDUCTION).count, 0, "nor of induction");
	record.length = 6;
	head_scores_add(scores, &record, &err);
	/* Row 4 has a duplicate at 3, row 5 at 3 and 4; what follows one is 4, and 4 and 5. */
	is_near(head_scores_mean(scores, 1, 1, HEAD_DUPLICATE).mean, (1.0 / 5 + 2.0 / 6) / 2, 1e-6,
	        "duplicates beside each other");
	is_near(head_scores_mean(scores, 1, 1, HEAD_INDUCTION).mean, (1.0 / 5 + 2.0 / 6) / 2, 1e-6,
	        "a token after its like may be the query itself");
	record.length = CONTEXT + 2;
	ok(head_scores_add(scores, &record, &err) < 0 && strstr(err.text, "context"), "too long: %s",
	   err.text);
	head_scores_free(scores);
	model_release(&model);
}

/* ---- sequences ---- */

static void check_sequences(void)
{
	uint16_t a[60], b[60];
	unsigned seen = 0;
	bool distinct = true, repeats = true;

	for (uint64_t i = 0; i < 200; i++) {
		head_sequence(7, i, 30, 20, 3, a);
		for (int j = 0; j < 20; j++)
			for (int k = 0; k < j; k++)
				distinct &= a[j] != a[k];
		for (int j = 20; j < 60; j++)
			repeats &= a[j] == a[j - 20];
		for (int j = 0; j < 20; j++)
			seen |= 1u << a[j];
	}
	ok(distinct, "characters of a period are different");
	ok(repeats, "and come again");
	is_int(seen, (1u << 30) - 1, "all of the vocabulary is used, and nothing else");
	head_sequence(7, 199, 30, 20, 3, b);
	ok(memcmp(a, b, sizeof a) == 0, "a sequence is a function of seed and index");
	head_sequence(8, 199, 30, 20, 3, b);
	ok(memcmp(a, b, sizeof a) != 0, "another seed, another sequence");
	head_sequence(1, 1, 20, 20, 2, a);
	ok(a[0] != a[19], "a period may take the whole vocabulary");
}

/* ---- the logits of heads ---- */

/* z[u] for one row, from its values v[d], in double. */
static void head_logits(struct model *model, int layer, int head, const float *v, double *z)
{
	const int c = model->config.width, d = c / model->config.heads;
	const float *proj = tensor(model, "transformer.h.%d.attn.c_proj.weight", layer);
	const float *gain = tensor(model, "transformer.ln_f.weight", 0);
	const float *wte = tensor(model, "transformer.wte.weight", 0);
	double *o = must(calloc((size_t)c, sizeof *o)), mean = 0;

	for (int j = 0; j < c; j++) {
		for (int i = 0; i < d; i++)
			o[j] += (double)v[i] * (double)proj[(head * d + i) * c + j];
		mean += o[j] / c;
	}
	for (int u = 0; u < model->config.vocab; u++) {
		z[u] = 0;
		for (int j = 0; j < c; j++)
			z[u] += (o[j] - mean) * (double)gain[j] * (double)wte[u * c + j];
	}
	free(o);
}

/* The share of what is raised, by these. */
static double share(const double *z, int vocab, int token)
{
	double mean = 0, raised = 0;

	for (int u = 0; u < vocab; u++)
		mean += z[u] / vocab;
	for (int u = 0; u < vocab; u++)
		raised += z[u] > mean ? z[u] - mean : 0;
	return z[token] > mean ? (z[token] - mean) / raised : 0;
}

static void check_copying(const char *path)
{
	uint16_t tokens[12] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
	struct record record = {.tokens = tokens, .length = 12};
	struct err err = {0};
	struct model model;
	double worst = 0;

	if (model_load(path, &model, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return;
	}
	const int c = model.config.width, d = c / model.config.heads, v = model.config.vocab;
	struct head_scores *scores = must(head_scores_new(&model, kernels_find("cpu", &err), &err));
	const struct kernels *k = kernels_find("cpu", &err);
	struct device *dev = k->open(DTYPE_F32, &err);
	struct gpt *gpt = must(gpt_new(&model.config, k, dev, model.params, 12, GPT_KEEP_ATTENTION,
	                               &err));
	int32_t token[12], position[12], begin[2] = {0, 12};
	struct gpt_batch batch = {.count = 12, .sequences = {1, begin, 12}, .token = token,
	                          .position = position};
	float *qkv = must(calloc(12 * 3 * (size_t)c, sizeof *qkv));
	double *z = must(calloc((size_t)v, sizeof *z));

	for (int i = 0; i < 12; i++) {
		token[i] = tokens[i];
		position[i] = i;
	}
	gpt_forward(gpt, &batch, NULL);
	head_scores_add(scores, &record, &err);
	for (int layer = 0; layer < model.config.layers; layer++) {
		gpt_attention_qkv(gpt, layer, qkv);
		for (int head = 0; head < model.config.heads; head++) {
			double want = 0;
			for (int row = 0; row < 12; row++) {
				head_logits(&model, layer, head, qkv + row * 3 * c + 2 * c + head * d, z);
				want += share(z, v, tokens[row]) / 12;
			}
			double have = head_scores_mean(scores, layer, head, HEAD_COPYING).mean;
			worst = fmax(worst, fabs(have - want));
		}
	}
	is_near(worst, 0, 1e-5, "copying, from the weights in double");
	free(qkv);
	free(z);
	gpt_free(gpt);
	k->close(dev);
	head_scores_free(scores);
	model_release(&model);
}

int main(void)
{
	check_known_heads();
	check_counts();
	check_sequences();
	check_copying("testdata/golden/plain");
	check_copying("testdata/golden/bias");
	check_copying("testdata/golden/narrow-heads");
	return done();
}
