/* training_run.c - a run's steps, saves and resumes: what is on disk, and the same bits. */
#include <sys/stat.h>
#include <unistd.h>

#include "common/train/training_run.h"
#include "tests/folder.h"
#include "tests/train/token_set.h"
#include "tests/train/trainer.h"

static char folder[FOLDER_SIZE];
static struct set set, others;

/* A run with its data and the place that it writes to. */
struct trial {
	char place[FOLDER_SIZE + 16];
	struct training_data data;
	struct training_run run;
	struct training_changes changes; /* of a resume */
	struct err err;
};

static struct training_run_options usual(void)
{
	struct training_run_options options = {
		.network = config,
		.trainer = options_of(2),
		.batch = 4,
		.eval_records = 5,
	};

	options.trainer.dropout = 0.1;
	return options;
}

/* Begin a run in folder/name, or go on with the one there. */
static int start(struct trial *trial, const char *name, const struct set *data, bool resume,
                 const struct training_run_options *options)
{
	struct training_run_options own = *options;
	json_t *chain = json_pack("[{s:s}]", "program", "test");
	char *paths[] = {(char *)data->path};
	int result;

	*trial = (struct trial){0};
	snprintf(trial->place, sizeof trial->place, "%s/%s", folder, name);
	own.directory = trial->place;
	own.resume = resume;
	training_data_init(&trial->data, PACK_RECORDS, CONTEXT);
	result = training_data_open(&trial->data, paths, 1, set.path, own.trainer.seed, &trial->err);
	if (result == 0)
		result = training_run_init(&trial->run, &own, &trial->data, chain, &trial->err);
	if (result == 0 && resume)
		result = training_run_resume(&trial->run, &trial->changes, &trial->err);
	json_decref(chain);
	return result;
}

static void end(struct trial *trial)
{
	training_run_release(&trial->run);
	training_data_release(&trial->data);
}

static void steps(struct trial *trial, int count)
{
	struct step_result result;

	for (int i = 0; i < count; i++)
		if (training_run_next(&trial->run, &trial->err) != 4 ||
		    training_run_step(&trial->run, &result, &trial->err) < 0)
			printf("# %s\n", trial->err.text);
}

/* The step that the model in a folder of the place is of; -1: there is none. */
static int64_t step_in(const struct trial *trial, const char *name)
{
	char path[FOLDER_SIZE + 64];
	struct model model;
	struct err err = {0};

	snprintf(path, sizeof path, "%s/%s", trial->place, name);
	if (model_load(path, &model, &err) < 0)
		return -1;
	const json_t *training = json_object_get(model.about, "training");
	const int64_t step = json_integer_value(json_object_get(training, "step"));
	model_release(&model);
	return step;
}

static void test_resume(void)
{
	const struct training_run_options options = usual();
	struct trial straight, parts;

	start(&straight, "straight", &set, false, &options);
	steps(&straight, 10);
	is_int(start(&parts, "parts", &set, false, &options), 0, "a run begins");
	steps(&parts, 4);
	ok(parts.run.at.step == 4 && parts.run.at.examples == 16 && parts.run.at.tokens > 16 &&
	   parts.run.at.flops > 0 && parts.run.at.seconds > 0, "  its progress counts 4 steps");
	is_int(training_run_save(&parts.run, 2.5, &parts.err), 0, "  it is saved");
	const struct training_progress saved = parts.run.at;
	end(&parts);
	is_int(start(&parts, "parts", &set, true, &options), 0, "  resumed");
	const struct training_progress at = parts.run.at;
	ok(at.step == saved.step && at.examples == saved.examples && at.tokens == saved.tokens &&
	   at.seconds == saved.seconds && at.flops == saved.flops && at.best == saved.best,
	   "  with the progress that was saved");
	ok(!*parts.changes.others && !*parts.changes.steps, "  nothing is different");
	is_int(parts.run.saved, 4, "  and the model in DIR/last is known");
	steps(&parts, 6);
	struct trainer_state a = state_of(straight.run.trainer), b = state_of(parts.run.trainer);
	ok(same_state(&a, &b), "  6 steps on: the bits of the run that made 10 at once");
	ok(parts.run.at.tokens == straight.run.at.tokens && parts.run.at.flops == straight.run.at.flops,
	   "  and its counts");
	trainer_state_release(&a);
	trainer_state_release(&b);
	end(&straight);
	end(&parts);
}

static void test_changes(void)
{
	struct training_run_options options = usual();
	struct trial trial;

	options.trainer.lr.peak = 0.5;
	options.trainer.lr.steps = 200;
	is_int(start(&trial, "parts", &others, true, &options), 0,
	       "resumed with other data and options");
	is_string(trial.changes.others, "lr 0.01 (now 0.5), other data", "  which are told");
	is_string(trial.changes.steps, "100", "  and the steps of its schedule");
	end(&trial);
	options.network.heads = 4;
	is_int(start(&trial, "parts", &set, true, &options), -1, "with other heads");
	is_int(trial.err.status, ERR_USAGE, "  that is refused");
	end(&trial);
	is_int(start(&trial, "nowhere", &set, true, &options), -1, "where there is no run");
	end(&trial);
}

static void test_saves(void)
{
	struct training_run_options options = usual();
	struct trial trial;

	start(&trial, "saves", &set, false, &options);
	steps(&trial, 1);
	training_run_checkpoint(&trial.run, &trial.err);
	steps(&trial, 1);
	training_run_save(&trial.run, 3.5, &trial.err);
	ok(step_in(&trial, "") == 2 && step_in(&trial, "last") == 2 && trial.run.saved == 2,
	   "the first save: DIR and DIR/last have its model");
	steps(&trial, 1);
	training_run_save(&trial.run, 4, &trial.err);
	ok(step_in(&trial, "") == 2 && step_in(&trial, "last") == 3, "a higher loss: DIR/last alone");
	steps(&trial, 1);
	training_run_save(&trial.run, 3, &trial.err);
	ok(step_in(&trial, "") == 4 && step_in(&trial, "last") == 4, "a lower one: both");
	is_near(trial.run.at.best, 3, 0, "  which is the best so far");
	steps(&trial, 1);
	training_run_save(&trial.run, NAN, &trial.err);
	ok(step_in(&trial, "") == 4 && step_in(&trial, "last") == 5 && trial.run.at.best == 3,
	   "one that was not validated: DIR/last alone");
	is_int(step_in(&trial, "step-000001"), 1, "the checkpoint stays");
	end(&trial);

	is_int(start(&trial, "saves", &set, false, &options), -1, "another run into it fails");
	end(&trial);
	options.overwrite = true;
	is_int(start(&trial, "saves", &set, false, &options), 0, "  unless it is to overwrite it");
	steps(&trial, 1);
	ok(step_in(&trial, "step-000001") == 1 && step_in(&trial, "") == 4,
	   "  its models stay until the first save");
	training_run_save(&trial.run, -INFINITY, &trial.err);
	ok(step_in(&trial, "step-000001") == -1 && step_in(&trial, "") == 1 &&
	   step_in(&trial, "last") == 1, "  then the first one's checkpoint is gone");
	ok(isinf(trial.run.at.best), "  and without a validation no loss is the best");
	end(&trial);
	is_int(start(&trial, "saves", &set, false, &options), 0, "one that ends before its first save");
	steps(&trial, 1);
	end(&trial);
	is_int(start(&trial, "saves", &set, true, &options), -1, "  cannot be resumed");
	end(&trial);
}

/* The best model so far stays if the run goes on with another validation set. */
static void test_best(void)
{
	struct training_run_options options = usual();
	struct trial trial;

	start(&trial, "best", &set, false, &options);
	steps(&trial, 1);
	training_run_save(&trial.run, NAN, &trial.err);
	ok(step_in(&trial, "") == 1 && isinf(trial.run.at.best),
	   "not validated, and no model is the best yet: DIR gets it");
	end(&trial);
	options.eval_records = 4;
	start(&trial, "best", &set, true, &options);
	ok(!trial.run.keeps_best && trial.changes.validation == VALIDATION_COUNT,
	   "resumed with fewer records, before a model is the best: nothing to keep");
	steps(&trial, 1);
	training_run_save(&trial.run, 5, &trial.err);
	end(&trial);
	for (int set_again = 0; set_again < 2; set_again++) {
		options.eval_records = 3;
		start(&trial, "best", &set, true, &options);
		ok(trial.run.keeps_best && trial.changes.validation == VALIDATION_COUNT &&
		   trial.changes.val_records == 4, "and behind: it is kept, and told of how many records");
		steps(&trial, 1);
		training_run_save(&trial.run, 1, &trial.err);
		ok(step_in(&trial, "") == 2 && step_in(&trial, "last") == 3 + set_again &&
		   trial.run.at.best == 5, "  a lower loss does not replace it");
		end(&trial);
	}
	options.eval_records = 4;
	start(&trial, "best", &set, true, &options);
	ok(!trial.run.keeps_best && trial.run.at.best == 5, "with the records of the best loss again");
	end(&trial);
	options.eval_records = 3;
	options.new_best = true;
	start(&trial, "best", &set, true, &options);
	ok(!trial.run.keeps_best && isinf(trial.run.at.best), "told to forget the best loss");
	steps(&trial, 1);
	training_run_save(&trial.run, 9, &trial.err);
	ok(step_in(&trial, "") == 5 && trial.run.at.best == 9, "  any loss is lower then");
	end(&trial);
}

static void test_validation(void)
{
	const struct training_run_options options = usual();
	struct validation total;
	struct trial trial;

	start(&trial, "validated", &set, false, &options);
	steps(&trial, 2);
	json_t *record = training_run_validate(&trial.run, &total, &trial.err);
	const json_t *val = json_object_get(record, "val");
	is_int(json_integer_value(json_object_get(record, "step")), 2, "a validation after two steps");
	is_int(total.tokens, (long long)set.begin[5] - 5, "  of as many records as asked for");
	ok(total.loss > 0 && total.loss == json_real_value(json_object_get(val, "loss")) &&
	   total.floor == json_real_value(json_object_get(val, "floor")) && total.floor > 0,
	   "  its loss and floor are those of the record");
	json_decref(record);
	end(&trial);
}

/* A number that is not finite ends in an error that names records and the last good model,
 * and is not saved. */
static void test_not_finite(void)
{
	const struct training_run_options options = usual();
	struct step_result result;
	struct validation total;
	struct trial trial;
	char ids[64];

	start(&trial, "spoilt", &set, false, &options);
	steps(&trial, 2);
	training_run_save(&trial.run, -INFINITY, &trial.err);
	struct trainer_state state = state_of(trial.run.trainer);
	state.params[config.vocab * config.width] = NAN;
	trainer_restore(trial.run.trainer, &state);
	trainer_state_release(&state);
	is_int(training_run_save(&trial.run, -INFINITY, &trial.err), -1, "a parameter: not saved");
	ok(strstr(trial.err.text, "step 2: transformer.wpe.weight, element 0 is nan") &&
	   strstr(trial.err.text, "/spoilt/last, of step 2"), "  %s", trial.err.text);
	trial.err = (struct err){0};
	is_int(training_run_checkpoint(&trial.run, &trial.err), -1, "  nor kept");
	is_int(step_in(&trial, "step-000002"), -1, "  no checkpoint is there");
	trial.err = (struct err){0};
	training_run_next(&trial.run, &trial.err);
	snprintf(ids, sizeof ids, "record ids: %llu %llu ",
	         (unsigned long long)trial.run.batch.examples[0].id,
	         (unsigned long long)trial.run.batch.examples[1].id);
	is_int(training_run_step(&trial.run, &result, &trial.err), -1, "a step");
	ok(strstr(trial.err.text, ids) && strstr(trial.err.text, "the last good model is "),
	   "  %s", trial.err.text);
	is_int(trial.run.at.step, 2, "  is not counted");
	trial.err = (struct err){0};
	ok(!training_run_validate(&trial.run, &total, &trial.err), "a validation");
	ok(strstr(trial.err.text, "step 2: validation loss ") &&
	   strstr(trial.err.text, "nan, expected a finite number"), "  %s", trial.err.text);
	end(&trial);
	is_int(start(&trial, "spoilt", &set, true, &options), 0, "the last good one is resumed");
	end(&trial);
}

/* Records with as many characters as config.vocab. */
static void make_set(struct set *made, uint64_t seed)
{
	int length[30];

	for (int i = 0; i < 30; i++)
		length[i] = 3 + i * 7 % (CONTEXT - 2);
	set_make(made, seed, 30, length, "abcdefghijk");
}

int main(void)
{
	folder_make(folder);
	make_set(&set, 1);
	make_set(&others, 2);
	test_resume();
	test_changes();
	test_saves();
	test_best();
	test_validation();
	test_not_finite();
	folder_remove(folder);
	return done();
}
