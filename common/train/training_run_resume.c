/* training_run_resume.c - going on from the state of a run. */
#include <math.h>

#include "common/train/training_run_private.h"
#include "common/train/training_state.h"

/* An old state does not say what network it is of. It is that of the model beside it. */
static int add_network(json_t *saved, const char *last, struct err *err)
{
	struct model model;

	if (model_load(last, &model, err) < 0)
		return -1;
	training_settings_network(saved, &model.config, model.vocab);
	model_release(&model);
	return 0;
}

/* The tokens that end a text, as the text of JSON. */
static int take_ends(struct training_run *run, const char *text, const char *last, struct err *err)
{
	struct err bad = {0};
	json_t *ends = text ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();

	if (!ends || end_tokens_read(&run->model.ends, ends, run->model.config.vocab, &bad) < 0)
		err_set(err, "%s/" MODEL_STATE ": metadata: end: expected a token or an array of tokens, "
		        "not %.40s", last, text);
	json_decref(ends);
	return err->status == ERR_NONE ? 0 : -1;
}

/* What the run has of the model that it began with, if it began with one. */
static int take_from(struct training_run *run, const json_t *saved, const char *last,
                     struct err *err)
{
	const char *text = json_string_value(json_object_get(saved, "from"));
	json_t *from = text ? json_loads(text, 0, NULL) : NULL;

	if (text && !json_is_object(from)) {
		json_decref(from);
		return err_set(err, "%s/" MODEL_STATE ": metadata: from: expected a JSON object", last);
	}
	if (from)
		training_run_set_from(run, from);
	json_decref(from);
	return take_ends(run, json_string_value(json_object_get(saved, "end")), last, err);
}

/* Read the state in DIR/last; *saved becomes the settings that it holds. */
static int load_last(struct training_run *run, json_t *saved, struct trainer_state *state,
                     struct training_progress *at, struct err *err)
{
	json_t *settings = training_settings(run);
	const char *last = run->directory.last.path;

	json_object_set_new(saved, "from", json_string(""));
	json_object_set_new(saved, "end", json_string(""));
	int result = training_state_settings(last, saved, err);
	if (result == 0 && !json_object_get(saved, "heads"))
		result = add_network(saved, last, err);
	if (result == 0)
		result = training_settings_check(saved, settings, last, err);
	if (result == 0)
		result = take_from(run, saved, last, err);
	if (result == 0)
		result = trainer_state_new(run->trainer, state, err);
	if (result == 0)
		result = training_state_load(last, &run->model.config, state, at, err);
	json_decref(settings);
	return result;
}

/* Go on from that state, if all ranks have read the same one. */
static int take_last(struct training_run *run, json_t *saved, struct err *err)
{
	const struct comm *comm = training_run_comm(run);
	struct trainer_state state = {0};
	struct training_progress at;
	int result;

	load_last(run, saved, &state, &at, err);
	result = comm_settle(comm, err);
	if (result == 0) {
		trainer_restore(run->trainer, &state);
		run->at = at;
		run->saved = at.step;
		result = training_run_agree(run, &state, err);
	}
	if (result == 0 && comm->rank == 0)
		training_run_mend(run, &state, err);
	trainer_state_release(&state);
	return result == 0 ? comm_settle(comm, err) : -1;
}

/* The best loss so far goes on if it was measured on this run's validation set. Losses on two sets
 * cannot be compared: if it was another one, DIR's model stays, and the state says so on. */
static int take_best(struct training_run *run, const json_t *saved,
                     struct training_changes *changes, struct err *err)
{
	struct validation_set set;
	struct err bad = {0};

	if (validation_set_read(&set, saved, &bad) < 0)
		return err_set(err, "%s/" MODEL_STATE ": metadata: %s", run->directory.last.path, bad.text);
	changes->val_records = set.records;
	if (run->options.new_best) {
		run->at.best = INFINITY;
		return 0;
	}
	changes->validation = validation_set_compare(&set, &run->best_set, &run->data->val);
	run->keeps_best = isfinite(run->at.best) && changes->validation != VALIDATION_SAME;
	if (run->keeps_best)
		run->best_set = set;
	return 0;
}

int training_run_resume(struct training_run *run, struct training_changes *changes,
                        struct err *err)
{
	struct data_loader *loader = run->data->loader;
	json_t *saved = training_settings(run);
	const int result = take_last(run, saved, err);

	if (result == 0 && data_loader_skip(loader, run->at.examples, err) == 0) {
		run->digest = data_loader_digest(loader);
		json_t *settings = training_settings(run);
		training_settings_compare(saved, settings, changes);
		json_decref(settings);
		take_best(run, saved, changes, err);
	}
	json_decref(saved);
	return result == 0 ? comm_settle(training_run_comm(run), err) : -1;
}
