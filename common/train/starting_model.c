#include "common/train/starting_model.h"

#include <inttypes.h>
#include <xxhash.h>

/* Where the parameters come from: the model's summary, what else its memoscope.json says of their
 * origin, and a checksum of them. NULL: out of memory. */
static json_t *origin(const struct model *model, const char *directory)
{
	static const char *const keys[] = {"training", "averaged", "imported"};
	const size_t bytes = gpt_parameter_count(&model->config) * sizeof *model->params;
	json_t *from = model_summary(model, directory);

	for (size_t i = 0; from && i < sizeof keys / sizeof *keys; i++)
		if (json_object_get(model->about, keys[i]))
			json_object_set(from, keys[i], json_object_get(model->about, keys[i]));
	if (from)
		json_object_set_new(from, "digest",
		                    json_sprintf("%016" PRIx64, XXH3_64bits(model->params, bytes)));
	return from;
}

int starting_model_load(struct starting_model *start, const char *directory, struct err *err)
{
	*start = (struct starting_model){0};
	if (model_load(directory, &start->model, err) < 0)
		return -1;
	start->from = origin(&start->model, directory);
	if (start->from)
		return 0;
	starting_model_release(start);
	return err_set(err, "out of memory");
}

void starting_model_release(struct starting_model *start)
{
	model_release(&start->model);
	json_decref(start->from);
	*start = (struct starting_model){0};
}

void starting_model_shorten(struct starting_model *start, int context)
{
	gpt_shorten_context(&start->model.config, start->model.params, context);
	start->model.config.context = context;
}
