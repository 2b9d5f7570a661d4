/* mkmodel DIRECTORY ALPHABET LAYERS HEADS WIDTH CONTEXT SEED SCALE - write a
 * model as it is initialised, its matrices times SCALE: the larger, the further
 * from uniform what it predicts. ALPHABET is its characters, or @MODEL for the vocabulary of that
 * directory. For tests that need a model, not a good one. */
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

int main(int argc, char **argv)
{
	struct model model = {0};
	struct err err = {0};

	if (argc != 9)
		die_usage("usage: mkmodel DIRECTORY ALPHABET LAYERS HEADS WIDTH CONTEXT SEED SCALE");
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
	if (model_save(argv[1], &model, &err) < 0)
		err_exit(&err);
	model_release(&model);
	return 0;
}
