/* foreign.h - the models of testdata/foreign: what the programs that saved them say of a text, and
 * what our network says. main() runs in the root of the repository. */
#ifndef MEMOSCOPE_TESTS_FOREIGN_H
#define MEMOSCOPE_TESTS_FOREIGN_H

#include <jansson.h>

#include "common/model/model.h"
#include "tests/model/network.h"

#define FOREIGN "testdata/foreign/"

/* The largest difference of a probability, of all tokens after each token of the text. */
UNUSED static double foreign_distance(const char *name, const struct model *model)
{
	char path[128];
	struct pass pass = {0};
	double worst = 0;

	snprintf(path, sizeof path, FOREIGN "%s/expected.json", name);
	json_t *json = json_load_file(path, 0, NULL);
	const json_t *tokens = json_object_get(json, "tokens");
	const json_t *probabilities = json_object_get(json, "probabilities");
	const int rows = (int)json_array_size(tokens), vocab = model->config.vocab;
	float *logits = must(calloc((size_t)rows * (size_t)vocab + 1, sizeof *logits));
	struct net net = new_net(&model->config, cpu(), GPT_KEEP_NOTHING);

	memcpy(net.params, model->params, net.count * sizeof *net.params);
	put_params(&net);
	const int lengths[] = {rows, 0};
	fill_pass(&pass, &model->config, lengths, 0);
	pass.batch.target = NULL;
	for (int i = 0; i < rows; i++)
		pass.token[i] = (int32_t)json_integer_value(json_array_get(tokens, (size_t)i));
	gpt_forward(net.gpt, &pass.batch, NULL);
	gpt_logits(net.gpt, 0, rows, logits);
	for (int i = 0; i < rows; i++) {
		const json_t *row = json_array_get(probabilities, (size_t)i);
		double sum = 0;
		if (json_array_size(row) != (size_t)vocab)
			worst = INFINITY;
		for (int k = 0; k < vocab; k++)
			sum += exp((double)logits[i * vocab + k]);
		for (int k = 0; k < vocab; k++)
			worst = fmax(worst, fabs(exp((double)logits[i * vocab + k]) / sum -
			                         json_number_value(json_array_get(row, (size_t)k))));
	}
	free_net(&net);
	free(logits);
	json_decref(json);
	return rows > 0 ? worst : INFINITY;
}

#endif
