/* training_run_save.c - saving a run: its best model, its last one with the state, checkpoints. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/train/training_run_private.h"
#include "common/train/training_state.h"

/* The model to save: the run's, with these parameters (host memory). It owns nothing. */
static struct model model_of(struct training_run *run, const float *params)
{
	struct model model = run->model;

	json_object_set_new(run->model.about, "training",
	                    json_pack("{s:I,s:I,s:f}", "step", (json_int_t)run->at.step, "tokens",
	                              (json_int_t)run->at.tokens, "seconds", run->at.seconds));
	model.params = (float *)params; /* it is only read */
	return model;
}

static int save_model(struct training_run *run, const char *where, const float *params,
                      struct err *err)
{
	const struct model model = model_of(run, params);

	return model_save(where, &model, err);
}

static int save_last(struct training_run *run, const struct trainer_state *state, struct err *err)
{
	const struct model model = model_of(run, state->params);
	char *last = training_directory_last(&run->directory, err);
	json_t *settings = training_settings(run);
	int result = -1;

	if (last)
		result = training_state_save(last, &model, state, &run->at, settings, err);
	json_decref(settings);
	free(last);
	if (result == 0)
		run->saved = run->at.step;
	return result;
}

/* Was the model in a directory saved with the state that the run goes on from? memoscope.json is
 * renamed last: if it is of the state's save, all files are. */
static bool is_of_state(const struct training_run *run, const char *where)
{
	struct model model;
	struct err err = {0};

	if (model_load(where, &model, &err) < 0)
		return false;
	const json_t *at = json_object_get(model.about, "training");
	const bool same = json_integer_value(json_object_get(at, "step")) == run->at.step &&
	                  json_integer_value(json_object_get(at, "tokens")) == run->at.tokens &&
	                  json_number_value(json_object_get(at, "seconds")) == run->at.seconds;
	model_release(&model);
	return same;
}

int training_run_mend(struct training_run *run, const struct trainer_state *state,
                      struct err *err)
{
	char *last = training_directory_last(&run->directory, err);
	int result = last ? 0 : -1;

	if (last && !is_of_state(run, last)) {
		result = save_model(run, last, state->params, err);
		run->mended = result == 0;
	}
	free(last);
	return result;
}

/* The name of parameter `at`: its tensor and its place in there. */
static void name_parameter(const struct training_run *run, size_t at, char name[80])
{
	const struct gpt_config *config = &run->model.config;
	const int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);

	snprintf(name, 80, "parameter %zu", at);
	if (tensors)
		gpt_tensors(config, tensors);
	for (int i = 0; i < count && tensors; i++)
		if (at >= tensors[i].offset && at - tensors[i].offset < tensors[i].count)
			snprintf(name, 80, "%s, element %zu", tensors[i].name, at - tensors[i].offset);
	free(tensors);
}

/* -1 with err set if a number is not finite: a step can overflow, and such a model must not
 * replace a good one. what: "", or what the numbers are of the parameters, and a space. */
static int check_finite(const struct training_run *run, const char *what, const float *numbers,
                        struct err *err)
{
	const size_t count = gpt_parameter_count(&run->model.config);
	char name[80], good[LAST_GOOD];
	size_t i = 0;

	while (i < count && isfinite(numbers[i]))
		i++;
	if (i == count)
		return 0;
	name_parameter(run, i, name);
	return err_set(err, "step %" PRId64 ": %s%s is %g, expected finite numbers; %s", run->at.step,
	               what, name, (double)numbers[i], training_run_last_good(run, good));
}

int training_run_save(struct training_run *run, double loss, struct err *err)
{
	struct trainer_state state;
	int result = 0;

	if (trainer_state(run->trainer, &state, err) < 0)
		return -1;
	if (check_finite(run, "", state.params, err) < 0 ||
	    check_finite(run, "first moment of ", state.moment1, err) < 0 ||
	    check_finite(run, "second moment of ", state.moment2, err) < 0)
		result = -1;
	else if (loss < run->at.best) {
		if (isfinite(loss))
			run->at.best = loss;
		result = save_model(run, run->options.directory, state.params, err);
	}
	if (result == 0)
		result = save_last(run, &state, err);
	if (result == 0)
		result = training_directory_clean(&run->directory, -1, err);
	trainer_state_release(&state);
	return result;
}

int training_run_checkpoint(struct training_run *run, struct err *err)
{
	const size_t count = gpt_parameter_count(&run->model.config);
	float *params = malloc(count * sizeof *params);
	char *path = training_directory_checkpoint(&run->directory, run->at.step, err);
	int result = -1;

	if (!params)
		err_set(err, "out of memory for %zu parameters", count);
	else if (path) {
		trainer_params(run->trainer, params);
		if (check_finite(run, "", params, err) == 0)
			result = save_model(run, path, params, err);
		if (result == 0)
			result = training_directory_clean(&run->directory, run->at.step, err);
	}
	free(params);
	free(path);
	return result;
}
