/* mkcircuit DIRECTORY ALPHABET CONTEXT - write a model of two layers and two heads each, made by
 * hand, that knows one thing: which character follows. It finds the last character of the text
 * earlier in the text, and answers with the one behind it there, but not if it is the first.
 *
 *   head 0.0  attends to the position before, and writes its token into a place for it
 *   head 1.1  looks for its own token in that place, attends there, and writes that token to where
 *             the output head reads it (an induction head; Olsson et al. 2022)
 *   head 0.1  attends to all alike, and head 1.0 to the position before; they write where nobody
 *             reads, but for the scale of layer norms, which that changes a little
 *
 * Feed-forward parts add nothing. So the circuit is known: tokens are read by 0.0 as values, and by
 * 1.1 as queries and values; what 0.0 writes is read by 1.1 as keys; and the output reads 1.1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/stream/vocab.h"
#include "tests/model/tensors.h"

#define SHARP 25 /* by how much a score exceeds the others: attention is at one place */
#define ASIDE 0.2f /* what the other heads write, beside the 1 of these */

/* The residual stream: one number for each token, or position, in each place. */
static int token_place, position, previous, output, aside;

static struct model model;

static float *tensor(const char *format, int layer)
{
	return tensor_at(&model.config, model.params, format, layer);
}

/* Layer norm takes x, which has so many ones, to scale * (x - mean). */
static float scale_of(double ones)
{
	const double mean = ones / model.config.width;

	return (float)(1 / sqrt(mean - mean * mean + gpt_epsilon(&model.config)));
}

enum column { Q, K, V };

/* A head's query, key or value: number i + shift of it is weight times number i of a place, for
 * count of them. */
static void read_place(int layer, int head, enum column column, int place, int count, int shift,
                       float weight)
{
	const int c = model.config.width, d = c / model.config.heads;
	float *w = tensor("transformer.h.%d.attn.c_attn.weight", layer);

	for (int i = 0; i < count; i++) {
		const int to = i + shift < 0 ? 0 : i + shift;
		w[(place + i) * 3 * c + (int)column * c + head * d + to] = weight;
	}
}

/* A head's output goes into a place. */
static void write_place(int layer, int head, int place, int count, float weight)
{
	const int c = model.config.width, d = c / model.config.heads;
	float *w = tensor("transformer.h.%d.attn.c_proj.weight", layer);

	for (int i = 0; i < count; i++)
		w[(head * d + i) * c + place + i] = weight;
}

/* Biases take away what the mean of layer norm adds: queries, keys and values are then of x. */
static void take_mean_away(int layer, double ones)
{
	const int c = model.config.width;
	const float *w = tensor("transformer.h.%d.attn.c_attn.weight", layer);
	float *b = tensor("transformer.h.%d.attn.c_attn.bias", layer);

	for (int i = 0; i < c; i++)
		for (int j = 0; j < 3 * c; j++)
			b[j] += scale_of(ones) * (float)(ones / c) * w[i * 3 * c + j];
}

static void make(int tokens, int context)
{
	const int c = model.config.width, d = c / model.config.heads;
	const float scale_0 = scale_of(2), scale_1 = scale_of(3 + ASIDE);
	const float sharp_0 = SHARP * sqrtf((float)d) / (scale_0 * scale_0);
	const float sharp_1 = SHARP * sqrtf((float)d) / (scale_1 * scale_1);

	for (int i = 0; i < tokens; i++) {
		tensor("transformer.wte.weight", 0)[i * c + token_place + i] = 1;
		tensor("lm_head.weight", 0)[i * c + output + i] = 10 / scale_of(4 + ASIDE);
	}
	for (int i = 0; i < context; i++)
		tensor("transformer.wpe.weight", 0)[i * c + position + i] = 1;
	for (int i = 0; i < c; i++) {
		tensor("transformer.ln_f.weight", 0)[i] = 1;
		for (int layer = 0; layer < 2; layer++)
			tensor("transformer.h.%d.ln_1.weight", layer)[i] =
				tensor("transformer.h.%d.ln_2.weight", layer)[i] = 1;
	}

	read_place(0, 0, Q, position, context, -1, sharp_0);
	read_place(0, 0, K, position, context, 0, 1);
	read_place(0, 0, V, token_place, tokens, 0, 1 / scale_0);
	write_place(0, 0, previous, tokens, 1);
	read_place(0, 1, V, token_place, tokens, 0, 1 / scale_0);
	write_place(0, 1, aside, tokens, ASIDE);
	take_mean_away(0, 2);

	read_place(1, 1, Q, token_place, tokens, 0, sharp_1);
	read_place(1, 1, K, previous, tokens, 0, 1);
	read_place(1, 1, V, token_place, tokens, 0, 1 / scale_1);
	write_place(1, 1, output, tokens, 1);
	read_place(1, 0, Q, position, context, -1, sharp_1);
	read_place(1, 0, K, position, context, 0, 1);
	read_place(1, 0, V, token_place, tokens, 0, 1 / scale_1);
	write_place(1, 0, aside, tokens, ASIDE);
	take_mean_away(1, 3 + ASIDE);
}

int main(int argc, char **argv)
{
	struct err err = {0};

	if (argc != 4)
		die_usage("usage: mkcircuit DIRECTORY ALPHABET CONTEXT");
	model.vocab = vocab_new(argv[2], strlen(argv[2]), &err);
	if (!model.vocab)
		err_exit(&err);
	const int tokens = vocab_size(model.vocab), context = (int)strtol(argv[3], NULL, 10);
	const int all = 4 * tokens + context, even = all + all % 2;
	position = token_place + tokens;
	previous = position + context;
	output = previous + tokens;
	aside = output + tokens;
	model.config = (struct gpt_config){
		.vocab = tokens, .layers = 2, .heads = 2, .context = context, .bias = true,
		.own_head = true, .width = even / 2 < context ? 2 * context : even,
	};
	if (gpt_config_check(&model.config, &err) < 0)
		err_exit(&err);
	model.params = calloc(gpt_parameter_count(&model.config), sizeof(float));
	model.about = json_pack("{s:[], s:b}", "chain", "bias", 1);
	if (!model.params || !model.about)
		die("out of memory");
	make(tokens, context);
	if (model_save(argv[1], &model, &err) < 0)
		err_exit(&err);
	model_release(&model);
	return 0;
}
