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

static int save_model(struct training_run *run, const struct directory *where, const float *params,
                      struct err *err)
{
	const struct model model = model_of(run, params);

	return model_save_in(where, &model, NULL, err);
}

static int save_last(struct training_run *run, const struct trainer_state *state, struct err *err)
{
	const struct model model = model_of(run, state->params);
	json_t *settings = training_settings(run);
	int result = training_state_save(&run->directory.last, &model, state, &run->at, settings,
	                                 err);

	json_decref(settings);
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
	const struct directory *last = &run->directory.last;

	if (is_of_state(run, last->path))
		return 0;
	const int result = save_model(run, last, state->params, err);
	run->mended = result == 0;
	return result;
}

/* ---- the place ---- */

static int check_place(const struct training_run *run, struct err *err)
{
	struct err what = {0};

	if (training_directory_check(&run->directory, &what) == 0)
		return 0;
	if (training_directory_removed(&run->directory))
		return err_set(err, "%s: step %" PRId64 " is not saved", what.text, run->at.step);
	return err_set(err, "%s; the model of step %" PRId64 " is there", what.text, run->saved);
}

int training_run_check_place(const struct training_run *run, struct err *err)
{
	const struct comm *comm = training_run_comm(run);

	if (comm->rank == 0)
		check_place(run, err);
	return comm_settle(comm, err);
}

/* In a directory that was removed nothing can be made any more. */
static int check_removed(const struct training_run *run, struct err *err)
{
	return training_directory_removed(&run->directory) ? check_place(run, err) : 0;
}

/* ---- saves ---- */

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

/* Does DIR get the model? Before the first validation it holds that of DIR/last, so that it never
 * holds one of an earlier run. */
static bool is_best(const struct training_run *run, double loss)
{
	if (run->keeps_best)
		return false;
	return isnan(loss) ? isinf(run->at.best) : loss < run->at.best;
}

static int write_save(struct training_run *run, const struct trainer_state *state, bool best,
                      struct err *err)
{
	if (check_removed(run, err) < 0 || check_finite(run, "", state->params, err) < 0 ||
	    check_finite(run, "first moment of ", state->moment1, err) < 0 ||
	    check_finite(run, "second moment of ", state->moment2, err) < 0 ||
	    training_directory_clear(&run->directory, err) < 0)
		return -1;
	if (best && save_model(run, &run->directory.top, state->params, err) < 0)
		return -1;
	return save_last(run, state, err) < 0 ? -1 : check_place(run, err);
}

int training_run_save(struct training_run *run, double loss, struct err *err)
{
	const struct comm *comm = training_run_comm(run);
	const bool best = is_best(run, loss);
	const double before = run->at.best;
	struct trainer_state state;

	if (trainer_state(run->trainer, &state, err) < 0)
		return -1;
	if (best && isfinite(loss))
		run->at.best = loss;
	if (comm->rank == 0)
		write_save(run, &state, best, err);
	trainer_state_release(&state);
	if (comm_settle(comm, err) < 0) {
		run->at.best = before;
		return -1;
	}
	run->saved = run->at.step;
	return 0;
}

static int write_checkpoint(struct training_run *run, const float *params, struct err *err)
{
	struct directory checkpoint = DIRECTORY_CLOSED;

	if (check_removed(run, err) < 0 || check_finite(run, "", params, err) < 0 ||
	    training_directory_clear(&run->directory, err) < 0 ||
	    training_directory_checkpoint(&run->directory, run->at.step, &checkpoint, err) < 0)
		return -1;
	if (save_model(run, &checkpoint, params, err) == 0)
		check_place(run, err);
	directory_close(&checkpoint);
	return err->status == ERR_NONE ? 0 : -1;
}

int training_run_checkpoint(struct training_run *run, struct err *err)
{
	const struct comm *comm = training_run_comm(run);
	const size_t count = gpt_parameter_count(&run->model.config);
	float *params = comm->rank == 0 ? malloc(count * sizeof *params) : NULL;

	if (params) {
		trainer_params(run->trainer, params);
		write_checkpoint(run, params, err);
	} else if (comm->rank == 0)
		err_set(err, "out of memory for %zu parameters", count);
	free(params);
	return comm_settle(comm, err);
}
