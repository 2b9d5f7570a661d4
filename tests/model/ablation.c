/* The means of heads and feed-forward parts over a stream, against sums made here of what the
 * network gives out; and what is said of options that are wrong. */
#include "common/model/ablation.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/model/gpt_hook.h"
#include "common/model/gpt_inspect.h"
#include "common/stream/record.h"
#include "common/stream/stream.h"
#include "tests/tap.h"

#define GOLDEN "testdata/golden/bias"
#define ROWS 64

static const int lengths[] = {5, 1, 17, 0};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* The model's network over its own device. */
struct net {
	struct model *model;
	const struct kernels *kernels;
	struct device *dev;
	float *params;
	struct gpt *gpt;
};

static struct net new_net(struct model *model)
{
	const size_t bytes = gpt_parameter_count(&model->config) * sizeof(float);
	struct err err = {0};
	struct net net = {.model = model, .kernels = kernels_find("cpu", &err)};

	net.dev = must(net.kernels->open(DTYPE_F32, &err));
	net.params = must(net.kernels->alloc(net.dev, bytes));
	net.kernels->upload(net.dev, net.params, model->params, bytes);
	net.gpt = must(gpt_new(&model->config, net.kernels, net.dev, net.params, ROWS,
	                       GPT_KEEP_NOTHING, &err));
	return net;
}

static void free_net(struct net *net)
{
	gpt_free(net->gpt);
	net->kernels->free(net->dev, net->params);
	net->kernels->close(net->dev);
}

/* Texts of these lengths, the same tokens always, as one packed pass. */
static void fill_batch(const struct model *model, struct gpt_batch *batch, int32_t *token,
                       int32_t *position, int32_t *begin)
{
	int n = 0, s = 0;

	for (; lengths[s]; s++) {
		begin[s] = n;
		for (int i = 0; i < lengths[s]; i++, n++) {
			token[n] = (n * n + 3 * s) % model->config.vocab;
			position[n] = i;
		}
	}
	begin[s] = n;
	*batch = (struct gpt_batch){
		.count = n,
		.sequences = {.count = s, .begin = begin, .longest = 17},
		.token = token,
		.position = position,
	};
}

/* How many of a text's n tokens are in its span of kind "in", from the first one on. */
static uint32_t in_tokens(int n)
{
	return (uint32_t)n / 3;
}

/* The same texts as a stream, written to path. */
static void write_texts(const struct model *model, const struct gpt_batch *batch, int from,
                        int to, char *path)
{
	struct err err = {0};
	json_t *header = header_new(STREAM_TEXT, NULL, 0, (char *[]){NULL});
	int fd = mkstemp(strcpy(path, "/tmp/ablation.XXXXXX"));
	struct stream_writer *writer = must(stream_create(fd, path, header, &err));
	struct span_kinds kinds;

	span_kinds_init(&kinds);
	const int in = span_kind(&kinds, "in", 2), out = span_kind(&kinds, "out", 3);
	for (int s = from; s < to; s++) {
		uint16_t tokens[ROWS];
		char text[4 * ROWS];
		int first = batch->sequences.begin[s], n = batch->sequences.begin[s + 1] - first;
		for (int i = 0; i < n; i++)
			tokens[i] = (uint16_t)batch->token[first + i];
		const struct span spans[] = {
			{.begin = 0, .end = in_tokens(n), .kind = in, .entry = -1},
			{.begin = in_tokens(n), .end = (uint32_t)n, .kind = out, .entry = -1},
		};
		struct record record = {.id = (uint64_t)s, .text = text, .length = (uint32_t)n,
		                        .spans = spans + (n < 3), .span_count = 2 - (n < 3)};
		record.size = vocab_decode(model->vocab, tokens, (size_t)n, text);
		record_write_text(writer, &record, &kinds, &err);
	}
	if (stream_end(writer, &err) < 0)
		printf("Bail out! %s\n", err.text);
	json_decref(header);
	close(fd);
}

static int ablate(const struct ablation_options *options, const struct model *model,
                  struct ablation **ablation, struct err *err)
{
	return ablation_new(options, model, kernels_find("cpu", err), ablation, err);
}

/* What the places of a pass gave out, [ROWS,width] of each layer. */
struct seen {
	float *at[2][2]; /* z, mlp_out */
};

static void look(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	struct seen *seen = context;

	gpt_hook_read(gpt, place, layer, seen->at[place == GPT_MLP_OUT][layer]);
}

static struct seen see(struct model *model, const struct gpt_batch *batch,
                       const struct ablation *ablation, const uint8_t *rows)
{
	const size_t floats = (size_t)ROWS * (size_t)model->config.width;
	struct net net = new_net(model);
	struct seen seen;
	struct err err = {0};

	for (int i = 0; i < 4; i++)
		seen.at[i / 2][i % 2] = must(malloc(floats * sizeof(float)));
	gpt_set_hook(net.gpt, &(struct gpt_hook){
		.places = GPT_PLACE_BIT(GPT_Z) | GPT_PLACE_BIT(GPT_MLP_OUT), .call = look,
		.context = &seen});
	gpt_ablate_rows(net.gpt, rows);
	if (ablation_apply(ablation, net.gpt, &err) < 0)
		printf("Bail out! %s\n", err.text);
	gpt_forward(net.gpt, batch, NULL);
	free_net(&net);
	return seen;
}

static void free_seen(struct seen *seen)
{
	for (int i = 0; i < 4; i++)
		free(seen->at[i / 2][i % 2]);
}

/* How far apart a part's column is in the rows that are ablated from its mean over them. */
static double off_mean(const float *own, const float *have, int c, int column, int count,
                       const uint8_t *rows)
{
	double sum = 0, worst = 0;
	int chosen = 0;

	for (int r = 0; r < count; r++)
		if (rows[r]) {
			sum += (double)own[r * c + column];
			chosen++;
		}
	for (int r = 0; r < count; r++)
		if (rows[r])
			worst = fmax(worst, fabs(sum / chosen - (double)have[r * c + column]));
	return worst;
}

/* Ablated to their mean, head 0 of the last layer, head 1 of the first one and both feed-forward
 * parts give out what the sums say in the rows concerned; the rest of the first layer's heads is as
 * it was. */
static void check_mean(struct model *model, const char *kind)
{
	const struct gpt_config *config = &model->config;
	const int c = config->width, d = c / config->heads;
	char path[32];
	int32_t token[ROWS], position[ROWS], begin[4];
	uint8_t rows[ROWS];
	struct gpt_batch batch;
	struct err err = {0};
	struct ablation *ablation;
	double worst = 0;
	bool others = true;

	fill_batch(model, &batch, token, position, begin);
	for (int s = 0; s < batch.sequences.count; s++)
		for (int r = begin[s]; r < begin[s + 1]; r++)
			rows[r] = !kind || (uint32_t)position[r] < in_tokens(begin[s + 1] - begin[s]);
	write_texts(model, &batch, 0, batch.sequences.count, path);
	struct ablation_options options = {.parts = "1.0,mlp:1,0.1,mlp:0", .to = "mean", .over = path,
	                                   .rows = kind};
	ok(ablate(&options, model, &ablation, &err) == 0 && ablation, "means are taken %s",
	   err.text);
	struct seen own = see(model, &batch, NULL, NULL), have = see(model, &batch, ablation, rows);
	for (int j = 0; j < c; j++) {
		for (int l = 0; l < 2; l++)
			worst = fmax(worst, off_mean(own.at[1][l], have.at[1][l], c, j, batch.count, rows));
		if (j < d)
			worst = fmax(worst, off_mean(own.at[0][1], have.at[0][1], c, j, batch.count, rows));
		if (j >= d && j < 2 * d)
			worst = fmax(worst, off_mean(own.at[0][0], have.at[0][0], c, j, batch.count, rows));
		for (int r = 0; r < batch.count; r++)
			others &= (rows[r] && j >= d && j < 2 * d) ||
			          own.at[0][0][r * c + j] == have.at[0][0][r * c + j];
	}
	is_near(worst, 0, 1e-6, kind ? "rows in spans of the kind have the mean over all such rows" :
	        "every row has the mean over all rows of the stream");
	ok(others, "all else of the first layer's heads is as it was");
	json_t *summary = ablation_summary(ablation);
	json_t *want = json_pack("{s:[s,s], s:[i,i], s:s, s:s*}", "heads", "1.0", "0.1", "mlp", 1, 0,
	                         "to", "mean", "rows", kind);
	ok(json_equal(summary, want), "the header's account of it");
	json_decref(summary);
	json_decref(want);
	free_seen(&own);
	free_seen(&have);
	ablation_free(ablation);
	unlink(path);
}

/* A model whose numbers are not, and a stream without a character. */
static void check_no_mean(struct model *model)
{
	int32_t token[ROWS], position[ROWS], begin[4];
	struct ablation *ablation;
	struct gpt_batch batch;
	struct err none = {0}, nan = {0};
	float kept = model->params[0];
	char path[32];
	struct ablation_options options = {.parts = "0.0", .to = "mean", .over = path};

	fill_batch(model, &batch, token, position, begin);
	write_texts(model, &batch, 0, 0, path);
	ok(ablate(&options, model, &ablation, &none) < 0 && none.status == ERR_DATA &&
	   strstr(none.text, "no token to take"), "an empty stream: %s", none.text);
	unlink(path);
	struct ablation_options other = {.parts = "mlp:0", .to = "mean", .over = path, .rows = "in"};
	write_texts(model, &batch, 1, 2, path); /* one token, which is not in it */
	none = (struct err){0};
	ok(ablate(&other, model, &ablation, &none) < 0 && none.status == ERR_DATA &&
	   strstr(none.text, "no token in a span of kind 'in'"), "no such span: %s", none.text);
	unlink(path);
	write_texts(model, &batch, 0, 1, path);
	model->params[0] = NAN; /* of token 0, the first of the first text */
	ok(ablate(&options, model, &ablation, &nan) < 0 && nan.status == ERR_DATA &&
	   strstr(nan.text, "the mean of head:0.0 over it is not finite"),
	   "a mean that is none: %s", nan.text);
	model->params[0] = kept;
	unlink(path);
}

static void check_options(const struct model *model)
{
	static const struct {
		struct ablation_options options;
		const char *error;
	} rows[] = {
		{{.parts = ""}, "': expected layer.head"},
		{{.parts = "-"}, "': expected layer.head"},
		{{.parts = "0-"}, "': expected layer.head"},
		{{.parts = "0.0-"}, "': expected layer.head"},
		{{.parts = "0-0-0"}, "': expected layer.head"},
		{{.parts = "0,"}, "': expected layer.head"},
		{{.parts = "1-0"}, "--ablate: layers 1-0: expected the smaller number first"},
		{{.parts = "0.1-0"}, "--ablate: heads 1-0: expected the smaller number first"},
		{{.parts = "0-2"}, "--ablate: the model has no layer 2, only 0 to 1"},
		{{.parts = "0,0.1"}, "--ablate: head:0.1 stands there twice"},
		{{.parts = "0-1.0,1.0-1"}, "--ablate: head:1.0 stands there twice"},
		{{.parts = "0."}, "': expected layer.head"},
		{{.parts = ".0"}, "': expected layer.head"},
		{{.parts = "0.0,"}, "': expected layer.head"},
		{{.parts = "0.0.0"}, "': expected layer.head"},
		{{.parts = "0.-1"}, "': expected layer.head"},
		{{.parts = "0.0;0.1"}, "': expected layer.head"},
		{{.parts = "0.99999999999999999999"}, "': expected layer.head"},
		{{.parts = "2.0"}, "--ablate: the model has no layer 2, only 0 to 1"},
		{{.parts = "0.0,1.4000000000"}, "no head 4000000000, only 0 to"},
		{{.parts = "1.0,0.1,1.0"}, "--ablate: head:1.0 stands there twice"},
		{{.parts = "0.0", .to = "nought"}, "--ablate-to: 'nought': expected zero or mean"},
		{{.to = "zero"}, "--ablate-to: no part is named"},
		{{.parts = "0.0", .to = "mean"}, "--mean-over FILE"},
		{{.parts = "0.0", .to = "zero", .over = "x"}, "--mean-over: only with --ablate-to mean"},
		{{.parts = "0.0", .over = "x"}, "--mean-over: only with --ablate-to mean"},
		{{.rows = "answer"}, "--rows: no part is named by --ablate"},
		{{.parts = "mlp:2"}, "--ablate: the model has no layer 2, only 0 to 1"},
		{{.parts = "mlp:0.0"}, "--ablate: 'mlp' has no heads, expected it without .0"},
		{{.parts = "mlp:0-1,0,mlp:1"}, "--ablate: mlp:1 stands there twice"},
		{{.parts = "resid:0"}, "--ablate: 'resid': expected one of these places: head, mlp"},
		{{.parts = "attn:0"}, "--ablate: 'attn': expected one of these places: head, mlp"},
	};
	struct ablation *ablation;
	struct err err = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err wrong = {0};
		if (!ok(ablate(&rows[i].options, model, &ablation, &wrong) < 0 && !ablation &&
		        wrong.status == ERR_USAGE && strstr(wrong.text, rows[i].error), "bad: %s",
		        rows[i].error))
			printf("# have \"%s\"\n", wrong.text);
	}
	ok(ablate(&(struct ablation_options){0}, model, &ablation, &err) == 0 && !ablation,
	   "no options, no ablation");
	ok(json_is_null(ablation_summary(NULL)) && ablation_apply(NULL, NULL, &err) == 0,
	   "which does nothing");
}

/* What a list means, as a header has it. */
static void check_lists(const struct model *model)
{
	static const char *const rows[][2] = {
		{"1.1", "1.1 "},
		{"1", "1.0 1.1 1.2 "},
		{"1,0", "1.0 1.1 1.2 0.0 0.1 0.2 "},
		{"0.1-2,1.0", "0.1 0.2 1.0 "},
		{"0-1.2", "0.2 1.2 "},
		{"0-1.0-1", "0.0 0.1 1.0 1.1 "},
		{"0-0.2-2", "0.2 "},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct ablation_options options = {.parts = rows[i][0]};
		struct ablation *ablation;
		struct err err = {0};
		char have[80] = "";
		json_t *heads, *head;
		size_t h, at = 0;
		if (ablate(&options, model, &ablation, &err) < 0)
			printf("# %s\n", err.text);
		json_t *summary = ablation_summary(ablation);
		heads = json_object_get(summary, "heads");
		json_array_foreach (heads, h, head)
			at += (size_t)snprintf(have + at, sizeof have - at, "%s ", json_string_value(head));
		is_string(have, rows[i][1], rows[i][0]);
		json_decref(summary);
		ablation_free(ablation);
	}
}

int main(void)
{
	struct model model;
	struct err err = {0};

	if (model_load(GOLDEN, &model, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	check_options(&model);
	check_lists(&model);
	check_mean(&model, NULL);
	check_mean(&model, "in");
	check_no_mean(&model);
	model_release(&model);
	return done();
}
