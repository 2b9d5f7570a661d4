/* mkmodel DIRECTORY ALPHABET LAYERS HEADS WIDTH CONTEXT SEED SCALE [TOKEN] - write a
 * model as it is initialised, its matrices times SCALE: the larger, the further
 * from uniform what it predicts. ALPHABET is its characters, or @MODEL for the vocabulary of that
 * directory. With TOKEN, the model is certain that this token comes next, whatever it reads; WIDTH
 * is even then. For tests that need a model, not a good one. */
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/model/gpt.h"
#include "common/model/model.h"
#include "common/model/model_vocab.h"
#include "common/stream/vocab.h"

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static void scale(struct model *model, float factor)
{
	int count = gpt_tensor_count(&model->config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);

	if (!tensors)
		die("out of memory");
	gpt_tensors(&model->config, tensors);
	for (int i = 0; i < count; i++)
		for (size_t j = 0; tensors[i].rows > 0 && j < tensors[i].count; j++)
			model->params[tensors[i].offset + j] *= factor;
	free(tensors);
}

/* All matrices become 0, but for two embeddings: each position's is v = (1, ..., 1, -1, ..., -1),
 * and the token's is 4v. So the last norm gives v for each text. The token's logit is 4 times the
 * width, and the others' are 0. */
static void be_certain(struct model *model, int token)
{
	const int width = model->config.width;
	struct gpt_tensor *tensors = calloc((size_t)gpt_tensor_count(&model->config), sizeof *tensors);

	if (!tensors || token < 0 || token >= model->config.vocab)
		die("no such token");
	scale(model, 0);
	gpt_tensors(&model->config, tensors);
	for (int i = 0; i < width; i++) {
		const float one = i < width / 2 ? 1 : -1;
		model->params[tensors[0].offset + (size_t)(token * width + i)] = 4 * one;
		for (int k = 0; k < model->config.context; k++)
			model->params[tensors[1].offset + (size_t)(k * width + i)] = one;
	}
	free(tensors);
}

int main(int argc, char **argv)
{
	struct model model = {0};
	struct err err = {0};

	if (argc != 9 && argc != 10)
		die_usage("usage: mkmodel DIRECTORY ALPHABET LAYERS HEADS WIDTH CONTEXT SEED SCALE "
		          "[TOKEN]");
	model.vocab = *argv[2] == '@' ? model_vocab_load(argv[2] + 1, &err) :
	              vocab_new(argv[2], strlen(argv[2]), &err);
	if (!model.vocab)
		err_exit(&err);
	model.config = (struct gpt_config){
		.vocab = vocab_size(model.vocab), .layers = number(argv[3]), .heads = number(argv[4]),
		.width = number(argv[5]), .context = number(argv[6]),
	};
	if (gpt_config_check(&model.config, &err) < 0)
		err_exit(&err);
	model.params = malloc(gpt_parameter_count(&model.config) * sizeof(float));
	model.about = json_pack("{s:[], s:b}", "chain", "bias", 0);
	if (!model.params || !model.about)
		die("out of memory");
	gpt_init_parameters(&model.config, (uint64_t)number(argv[7]), model.params);
	scale(&model, strtof(argv[8], NULL));
	if (argc == 10)
		be_certain(&model, number(argv[9]));
	if (model_save(argv[1], &model, &err) < 0)
		err_exit(&err);
	model_release(&model);
	return 0;
}
