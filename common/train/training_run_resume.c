/* training_run_resume.c - going on from the state of a run. */
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

/* Read the state in DIR/last into the run; *saved becomes the settings that it holds. */
static int load_last(struct training_run *run, json_t *saved, struct err *err)
{
	struct trainer_state state = {0};
	struct training_progress at;
	json_t *settings = training_settings(run);
	const char *last = run->directory.last.path;
	int result = training_state_settings(last, saved, err);

	if (result == 0 && !json_object_get(saved, "heads"))
		result = add_network(saved, last, err);
	if (result == 0)
		result = training_settings_check(saved, settings, last, err);
	if (result == 0)
		result = trainer_state(run->trainer, &state, err);
	if (result == 0)
		result = training_state_load(last, &run->model.config, &state, &at, err);
	if (result == 0) {
		trainer_restore(run->trainer, &state);
		run->at = at;
		run->saved = at.step;
		result = training_run_mend(run, &state, err);
	}
	trainer_state_release(&state);
	json_decref(settings);
	return result;
}

int training_run_resume(struct training_run *run, struct training_changes *changes,
                        struct err *err)
{
	struct data_loader *loader = run->data->loader;
	json_t *saved = training_settings(run);
	int result = load_last(run, saved, err);

	if (result == 0)
		result = data_loader_skip(loader, run->at.examples, err);
	if (result == 0) {
		run->digest = data_loader_digest(loader);
		json_t *settings = training_settings(run);
		training_settings_compare(saved, settings, changes);
		json_decref(settings);
	}
	json_decref(saved);
	return result;
}
