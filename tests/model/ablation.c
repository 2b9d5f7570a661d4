/* Heads' means over a stream, against sums made here of what the network gives out;
 * and what is said of options that are wrong. */
#include "common/model/ablation.h"

#include <stdlib.h>
#include <unistd.h>

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

/* The model's network over its own device, with the attention kept. */
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
	                       GPT_KEEP_ATTENTION, &err));
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
	for (int s = from; s < to; s++) {
		uint16_t tokens[ROWS];
		char text[4 * ROWS];
		int first = batch->sequences.begin[s], n = batch->sequences.begin[s + 1] - first;
		for (int i = 0; i < n; i++)
			tokens[i] = (uint16_t)batch->token[first + i];
		struct record record = {.id = (uint64_t)s, .text = text, .length = (uint32_t)n};
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

/* Ablated to their mean, these heads give out in every row what the sums say; the
 * others of the first layer what they did. */
static void check_mean(struct model *model)
{
	const struct gpt_config *config = &model->config;
	const int c = config->width, d = c / config->heads, last = config->layers - 1;
	char heads[40], path[32];
	int32_t token[ROWS], position[ROWS], begin[4];
	struct gpt_batch batch;
	struct err err = {0};
	struct ablation *ablation;
	float *out[2][2];
	double worst = 0, others = 0;

	fill_batch(model, &batch, token, position, begin);
	write_texts(model, &batch, 0, batch.sequences.count, path);
	snprintf(heads, sizeof heads, "%d.0,0.1", last);
	struct ablation_options options = {heads, "mean", path};
	ok(ablate(&options, model, &ablation, &err) == 0 && ablation, "means are taken %s",
	   err.text);
	for (int ablated = 0; ablated < 2; ablated++) {
		struct net net = new_net(model);
		if (ablated && ablation_apply(ablation, net.gpt, &err) < 0)
			printf("Bail out! %s\n", err.text);
		gpt_forward(net.gpt, &batch, NULL);
		for (int l = 0; l < 2; l++) {
			out[ablated][l] = must(malloc((size_t)ROWS * (size_t)c * sizeof(float)));
			gpt_head_outputs(net.gpt, l ? last : 0, out[ablated][l]);
		}
		free_net(&net);
	}
	for (int j = 0; j < c; j++) {
		double sum[2] = {0};
		for (int r = 0; r < batch.count; r++)
			for (int l = 0; l < 2; l++)
				sum[l] += (double)out[0][l][r * c + j] / batch.count;
		for (int r = 0; r < batch.count; r++) {
			if (j < d)
				worst = fmax(worst, fabs(sum[1] - (double)out[1][1][r * c + j]));
			if (j >= d && j < 2 * d)
				worst = fmax(worst, fabs(sum[0] - (double)out[1][0][r * c + j]));
			else
				others = fmax(others, fabs((double)out[0][0][r * c + j] -
				                           (double)out[1][0][r * c + j]));
		}
	}
	is_near(worst, 0, 1e-6, "every row has the mean over all rows of the stream");
	ok(others == 0, "other heads of the first layer are as they were");
	json_t *summary = ablation_summary(ablation);
	json_t *want = json_pack("{s:[s,s], s:s}", "heads", "1.0", "0.1", "to", "mean");
	ok(json_equal(summary, want), "the header's account of it");
	json_decref(summary);
	json_decref(want);
	for (int i = 0; i < 4; i++)
		free(out[i / 2][i % 2]);
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
	struct ablation_options options = {"0.0", "mean", path};

	fill_batch(model, &batch, token, position, begin);
	write_texts(model, &batch, 0, 0, path);
	ok(ablate(&options, model, &ablation, &none) < 0 && none.status == ERR_DATA &&
	   strstr(none.text, "no token to take"), "an empty stream: %s", none.text);
	unlink(path);
	write_texts(model, &batch, 0, 1, path);
	model->params[0] = NAN; /* of token 0, the first of the first text */
	ok(ablate(&options, model, &ablation, &nan) < 0 && nan.status == ERR_DATA &&
	   strstr(nan.text, "not finite"), "a mean that is none: %s", nan.text);
	model->params[0] = kept;
	unlink(path);
}

static void check_options(const struct model *model)
{
	static const struct {
		struct ablation_options options;
		const char *error;
	} rows[] = {
		{{"", NULL, NULL}, "--ablate: expected layer.head"},
		{{"-", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0-", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.0-", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0-0-0", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0,", NULL, NULL}, "--ablate: expected layer.head"},
		{{"1-0", NULL, NULL}, "--ablate: layers 1-0: expected the smaller number first"},
		{{"0.1-0", NULL, NULL}, "--ablate: heads 1-0: expected the smaller number first"},
		{{"0-2", NULL, NULL}, "--ablate: the model has no layer 2, only 0 to 1"},
		{{"0,0.1", NULL, NULL}, "--ablate: head:0.1 stands there twice"},
		{{"0-1.0,1.0-1", NULL, NULL}, "--ablate: head:1.0 stands there twice"},
		{{"0.", NULL, NULL}, "--ablate: expected layer.head"},
		{{".0", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.0,", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.0.0", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.-1", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.0;0.1", NULL, NULL}, "--ablate: expected layer.head"},
		{{"0.99999999999999999999", NULL, NULL}, "--ablate: expected layer.head"},
		{{"2.0", NULL, NULL}, "--ablate: the model has no layer 2, only 0 to 1"},
		{{"0.0,1.4000000000", NULL, NULL}, "no head 4000000000, only 0 to"},
		{{"1.0,0.1,1.0", NULL, NULL}, "--ablate: head:1.0 stands there twice"},
		{{"0.0", "nought", NULL}, "--ablate-to: 'nought': expected zero or mean"},
		{{NULL, "zero", NULL}, "--ablate-to: no head is named"},
		{{"0.0", "mean", NULL}, "--mean-over FILE"},
		{{"0.0", "zero", "x"}, "--mean-over: only with --ablate-to mean"},
		{{"0.0", NULL, "x"}, "--mean-over: only with --ablate-to mean"},
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
		const struct ablation_options options = {rows[i][0], NULL, NULL};
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
	check_mean(&model);
	check_no_mean(&model);
	model_release(&model);
	return done();
}
