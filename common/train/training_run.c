#include "common/train/training_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/train/training_run_private.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int make_trainer(struct training_run *run, struct err *err)
{
	const struct gpt_config *config = &run->model.config;
	const struct starting_model *start = run->options.start;
	const size_t count = gpt_parameter_count(config);

	if (start) {
		run->trainer = trainer_new(config, &run->options.trainer, start->model.params, err);
		return run->trainer ? 0 : -1;
	}
	float *params = malloc(count * sizeof *params);
	if (!params)
		return err_set(err, "out of memory for %zu parameters", count);
	gpt_init_parameters(config, run->options.trainer.seed, params);
	run->trainer = trainer_new(config, &run->options.trainer, params, err);
	free(params);
	return run->trainer ? 0 : -1;
}

void training_run_set_from(struct training_run *run, json_t *from)
{
	run->from = json_incref(from);
	json_object_set(run->model.about, "from", from);
}

/* All that needs no other process. */
static int begin(struct training_run *run, const struct training_run_options *options,
                 struct training_data *data, json_t *chain, struct err *err)
{
	*run = (struct training_run){
		.options = *options,
		.data = data,
		.at.best = INFINITY,
		.digest = data_loader_digest(data->loader),
		.val_count = options->eval_records < (int64_t)data->val.count
		                     ? (size_t)options->eval_records : data->val.count,
		.saved = -1,
		.directory = TRAINING_DIRECTORY_CLOSED,
	};
	run->best_set = validation_set_of(&data->val, run->val_count);
	run->options.network.vocab = vocab_size(data->vocab);
	if (gpt_config_check(&run->options.network, err) < 0)
		return -1;
	if (!training_data_weighted(data, options->trainer.weight))
		return err_usage(err, "no token of the training data has a weight above 0: there is "
		                 "nothing to train on");
	run->model = (struct model){
		.config = run->options.network,
		.vocab = data->vocab,
		.about = json_pack("{s:O}", "chain", chain),
	};
	if (options->start) {
		training_run_set_from(run, options->start->from);
		run->model.ends = options->start->model.ends;
	}
	if (batch_init(&run->batch, options->batch, options->network.context, err) < 0)
		return -1;
	return make_trainer(run, err);
}

static int open_directory(struct training_run *run, struct err *err)
{
	const struct training_run_options *options = &run->options;

	if (training_run_comm(run)->rank > 0)
		return training_directory_name(&run->directory, options->directory, err);
	return training_directory_open(&run->directory, options->directory,
	                               options->resume      ? TRAINING_RESUME
	                               : options->overwrite ? TRAINING_OVERWRITE
	                                                    : TRAINING_NEW,
	                               err);
}

int training_run_init(struct training_run *run, const struct training_run_options *options,
                      struct training_data *data, json_t *chain, struct err *err)
{
	const struct comm *comm;

	begin(run, options, data, chain, err);
	comm = training_run_comm(run);
	if (comm_settle(comm, err) < 0 || training_run_agree(run, NULL, err) < 0)
		return -1;
	run->options.start = NULL;
	trainer_level(run->trainer);
	open_directory(run, err); /* not before: this may remove an earlier run's state */
	return comm_settle(comm, err);
}

void training_run_release(struct training_run *run)
{
	trainer_free(run->trainer);
	batch_release(&run->batch);
	json_decref(run->from);
	run->model.vocab = NULL; /* the data's */
	model_release(&run->model);
	training_directory_release(&run->directory);
	*run = (struct training_run){.directory = TRAINING_DIRECTORY_CLOSED};
}

size_t training_run_memory(const struct training_run *run)
{
	const size_t params = gpt_parameter_count(&run->model.config) * sizeof(float);
	const size_t trainer = trainer_memory(run->trainer);

	if (run->options.trainer.kernels->single)
		return trainer;
	return trainer + 3 * params + training_data_memory(run->data) +
	       batch_memory(&run->batch, run->data->context);
}

/* ---- steps ---- */

const char *training_run_last_good(const struct training_run *run, char text[LAST_GOOD])
{
	if (run->saved < 0)
		return "no model was saved before";
	snprintf(text, LAST_GOOD, "the last good model is %s/last, of step %" PRId64,
	         run->options.directory, run->saved);
	return text;
}

int training_run_next(struct training_run *run, struct err *err)
{
	const double began = now();
	const int count = training_data_next(run->data, &run->batch, err);

	run->at.seconds += now() - began;
	return count;
}

/* A step met a number that is not finite: name the records it saw. */
static int not_finite(const struct training_run *run, const struct err *what, struct err *err)
{
	char ids[160] = "", good[LAST_GOOD];
	size_t used = 0;
	int shown = 0;

	for (; shown < run->batch.count && used < sizeof ids - 24; shown++)
		used += (size_t)snprintf(ids + used, sizeof ids - used, " %" PRIu64,
		                         run->batch.examples[shown].id);
	return err_set(err, "%s; the batch's record ids:%s%s; %s", what->text, ids,
	               shown < run->batch.count ? " ..." : "", training_run_last_good(run, good));
}

int training_run_step(struct training_run *run, struct step_result *result, struct err *err)
{
	const double began = now();
	struct err what = {0};

	if (trainer_step(run->trainer, run->batch.examples, run->batch.count, result, &what) < 0) {
		not_finite(run, &what, err);
		return comm_settle(training_run_comm(run), err);
	}
	run->at.step = trainer_steps(run->trainer);
	run->at.examples = data_loader_position(run->data->loader);
	run->digest = data_loader_digest(run->data->loader);
	run->at.tokens += result->tokens;
	run->at.unweighted += result->unweighted;
	run->at.flops += result->flops;
	run->at.seconds += now() - began;
	return 0;
}

json_t *training_run_validate(struct training_run *run, struct validation *total, struct err *err)
{
	const struct dataset *val = &run->data->val;
	struct evaluation evaluation;
	double nats[SPAN_KINDS];
	char good[LAST_GOOD];
	json_t *record;

	trainer_evaluate(run->trainer, val, run->val_count, &evaluation);
	dataset_nats(val, run->val_count, nats);
	record = metrics_validation(&run->at, &evaluation, nats, &run->data->kinds, total);
	if (isfinite(total->loss))
		return record;
	json_decref(record);
	err_set(err, "step %" PRId64 ": validation loss %g, expected a finite number; %s", run->at.step,
	        total->loss, training_run_last_good(run, good));
	comm_settle(training_run_comm(run), err);
	return NULL;
}
