/* model-average - write a model whose parameters are the mean of those of several models. */
#include <stdlib.h>
#include <string.h>

#include "common/base/directory.h"
#include "common/base/options.h"
#include "common/model/model.h"
#include "common/stream/stream.h"

static const char *directory;

static const struct option options[] = {
	{.name = "output", .key = 'o', .type = OPTION_TEXT, .value = &directory, .argument = "DIR",
	 .text = "model directory to write (required)"},
	{0},
};

static const struct program program = {
	.operands = "MODEL...",
	.text = "Write a model whose parameters are the mean of those of several models.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* Add a model's parameters to sum. It must have the network and vocabulary of the last one. */
static int add(double *sum, const struct model *last, const char *path, struct err *err)
{
	char difference[VOCAB_DIFFERENCE];
	struct model model;
	int result = 0;

	if (model_load(path, &model, err) < 0)
		return -1;
	if (!gpt_config_equal(&model.config, &last->config))
		result = err_set(err, "%s: its network has another shape than that of the last model",
		                 path);
	else if (!vocab_equal(model.vocab, last->vocab))
		result = err_set(err, "%s: its vocabulary is not that of the last model: %s", path,
		                 vocab_difference(model.vocab, last->vocab, "that", difference));
	for (size_t i = 0, n = gpt_parameter_count(&last->config); result == 0 && i < n; i++)
		sum[i] += (double)model.params[i];
	model_release(&model);
	return result;
}

/* memoscope.json of the mean: that of the last model, with this program in the chain and the
 * number of models. */
static void sign(json_t *about, int count, int argc, char **argv)
{
	json_t *header = header_new(STREAM_TEXT, about, argc, argv);

	if (!header || json_object_set(about, "chain", json_object_get(header, "chain")) < 0 ||
	    json_object_set_new(about, "averaged", json_integer(count)) < 0)
		die("out of memory");
	json_decref(header);
}

/* Write it, while no other program writes into the directory. */
static int save(const struct model *mean, struct err *err)
{
	struct directory output, above;
	int result = -1;

	if (directory_make(directory, err) < 0 || directory_open(&output, directory, err) < 0)
		return -1;
	if (model_directory_lock(&output, &above, "another program is writing into it", err) == 0 &&
	    directory_sweep(&output, model_has_file, err) == 0 &&
	    model_save_in(&output, mean, NULL, err) == 0)
		result = directory_check(&output, err);
	directory_close(&above);
	directory_close(&output);
	return result;
}

int main(int argc, char **argv)
{
	const int first = options_parse(&program, argc, argv), count = argc - first;
	struct model mean;
	struct err err = {0};

	if (!directory)
		die_usage("-o: no DIR was given, expected the model directory to write");
	if (*directory == '\0')
		die_usage("-o: '' is no directory");
	if (model_load(argv[argc - 1], &mean, &err) < 0)
		err_exit(&err);
	const size_t parameters = gpt_parameter_count(&mean.config);
	double *sum = calloc(parameters, sizeof *sum);
	if (!sum)
		die("out of memory for %zu parameters", parameters);
	for (int i = first; i < argc; i++)
		if (add(sum, &mean, argv[i], &err) < 0)
			err_exit(&err);
	for (size_t i = 0; i < parameters; i++)
		mean.params[i] = (float)(sum[i] / count);
	free(sum);
	sign(mean.about, count, argc, argv);
	if (save(&mean, &err) < 0)
		err_exit(&err);
	model_release(&mean);
	return 0;
}
