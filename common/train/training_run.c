#include "common/train/training_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A path in the run's directory, to free(). NULL with err set. */
static char *path_in(const struct training_run *run, const char *name, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", run->options.directory, name) >= 0)
		return path;
	err_set(err, "out of memory");
	return NULL;
}

/* ---- making and freeing ---- */

/* Two runs that save into one directory would leave a mixture. The lock goes with the
 * process, however that ends. A file system that has none does without. */
static int lock_directory(struct training_run *run, struct err *err)
{
	const char *directory = run->options.directory;

	run->lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock < 0)
		return err_set(err, "%s: cannot open: %s", directory, strerror(errno));
	if (flock(run->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return err_set(err, "%s: another gpt-train is training into it", directory);
	return 0;
}

/* The directory and "last" in it. A resume makes neither: what it goes on from must
 * stand there. */
static int open_directory(struct training_run *run, struct err *err)
{
	const char *directory = run->options.directory;
	char *last = path_in(run, "last", err);
	int result = last ? 0 : -1;

	if (result == 0 && run->options.resume && access(last, F_OK) < 0)
		result = err_set(err, "%s: cannot go on from it: %s", last, strerror(errno));
	else if (result == 0)
		result = directory_make(last, err);
	if (result == 0 && (access(directory, W_OK | X_OK) < 0 || access(last, W_OK | X_OK) < 0))
		result = err_set(err, "%s: cannot write: %s", directory, strerror(errno));
	free(last);
	return result == 0 ? lock_directory(run, err) : -1;
}

static int make_trainer(struct training_run *run, struct err *err)
{
	const struct gpt_config *config = &run->model.config;
	const size_t count = gpt_parameter_count(config);
	float *params = malloc(count * sizeof *params);

	if (params == NULL)
		return err_set(err, "out of memory for %zu parameters", count);
	gpt_init_parameters(config, run->options.trainer.seed, params);
	run->trainer = trainer_new(config, &run->options.trainer, params, err);
	free(params);
	return run->trainer ? 0 : -1;
}

int training_run_init(struct training_run *run, const struct training_run_options *options,
                      struct training_data *data,
                      json_t *chain, struct err *err)
{
	*run = (struct training_run){
		.options = *options,
		.data = data,
		.at.best = INFINITY,
		.digest = data_loader_digest(data->loader),
		.saved = -1,
		.alone = options->resume,
		.lock = -1,
	};
	run->options.network.vocab = vocab_size(data->vocab);
	if (gpt_config_check(&run->options.network, err) < 0)
		return -1;
	run->model = (struct model){
		.config = run->options.network,
		.vocab = data->vocab,
		.about = json_pack("{s:O}", "chain", chain),
	};
	if (batch_init(&run->batch, options->batch, options->network.context, err) < 0 ||
	    make_trainer(run, err) < 0)
		return -1;
	return open_directory(run, err);
}

void training_run_release(struct training_run *run)
{
	trainer_free(run->trainer);
	batch_release(&run->batch);
	run->model.vocab = NULL; /* the data's */
	model_release(&run->model);
	if (run->lock >= 0)
		close(run->lock);
	*run = (struct training_run){0};
}

/* ---- steps ---- */

struct training_clock training_run_clock(const struct training_run *run)
{
	return (struct training_clock){
		.step = run->at.step,
		.tokens = run->at.tokens,
		.seconds = run->at.seconds,
		.flops = run->at.flops,
	};
}

/* For the end of a message. */
static const char *last_good(const struct training_run *run, char text[PATH_MAX + 64])
{
	if (run->saved < 0)
		return "no model was saved before";
	snprintf(text, PATH_MAX + 64, "the last good model is %s/last, of step %" PRId64,
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
	char ids[160] = "", good[PATH_MAX + 64];
	size_t used = 0;
	int shown = 0;

	for (; shown < run->batch.count && used < sizeof ids - 24; shown++)
		used += (size_t)snprintf(ids + used, sizeof ids - used, " %" PRIu64,
		                         run->batch.examples[shown].id);
	return err_set(err, "%s; the batch's record ids:%s%s; %s", what->text, ids,
	               shown < run->batch.count ? " ..." : "", last_good(run, good));
}

int training_run_step(struct training_run *run, struct step_result *result, struct err *err)
{
	const double began = now();
	struct err what = {0};

	if (trainer_step(run->trainer, run->batch.examples, run->batch.count, result, &what) < 0)
		return not_finite(run, &what, err);
	run->at.step = trainer_steps(run->trainer);
	run->at.examples = data_loader_position(run->data->loader);
	run->digest = data_loader_digest(run->data->loader);
	run->at.tokens += result->tokens;
	run->at.flops += result->flops;
	run->at.seconds += now() - began;
	return 0;
}

json_t *training_run_validate(struct training_run *run, struct validation *total, struct err *err)
{
	const struct dataset *val = &run->data->val;
	const size_t most = (size_t)run->options.eval_records;
	const size_t count = most < val->count ? most : val->count;
	const struct training_clock at = training_run_clock(run);
	struct evaluation evaluation;
	double nats[SPAN_KINDS];
	char good[PATH_MAX + 64];
	json_t *record;

	trainer_evaluate(run->trainer, val, count, &evaluation);
	dataset_nats(val, count, nats);
	record = metrics_validation(&at, &evaluation, nats, &run->data->kinds, total);
	if (isfinite(total->loss))
		return record;
	json_decref(record);
	err_set(err, "step %" PRId64 ": validation loss %g, expected a finite number; %s", at.step,
	        total->loss, last_good(run, good));
	return NULL;
}

/* ---- settings ---- */

/* All that decides the bits of a run: the options of gpt-train by their names, and what
 * tells its vocabulary and data. New reference; an object of strings, in this order. */
static json_t *settings_of(const struct training_run *run)
{
	const struct gpt_config *config = &run->model.config;
	const struct trainer_options *options = &run->options.trainer;
	const struct learning_rate *lr = &options->lr;
	const struct optimizer_options *optimizer = &options->optimizer;
	const bool muon = optimizer->kind == OPTIMIZER_MUON;
	const bool linear = lr->schedule == SCHEDULE_LINEAR;
	const int pass_rows = options->pass_rows ? options->pass_rows : options->kernels->pass_rows;
	json_t *settings = json_object();
	char weights[512], vocab[VOCAB_DIGEST_SIZE];

	vocab_digest(run->model.vocab, vocab);
	span_weights_text(&run->data->kinds, options->weight, weights, sizeof weights);
	const struct {
		const char *key;
		json_t *value; /* NULL: not among this run's */
	} all[] = {
		{"layers", json_sprintf("%d", config->layers)},
		{"heads", json_sprintf("%d", config->heads)},
		{"width", json_sprintf("%d", config->width)},
		{"inner", json_sprintf("%d", gpt_inner(config))},
		{"context", json_sprintf("%d", config->context)},
		{"bias", json_string(config->bias ? "true" : "false")},
		{"vocab-size", json_sprintf("%d", config->vocab)},
		{"vocab-digest", json_string(vocab)},
		{"seed", json_sprintf("%" PRIu64, options->seed)},
		{"batch", json_sprintf("%d", run->options.batch)},
		{"pack", json_string(run->data->pack == PACK_TEXT ? "text" : "records")},
		{"steps", json_sprintf("%" PRId64, lr->steps)},
		{"lr", json_sprintf("%.15g", lr->peak)},
		{"min-lr", json_sprintf("%.15g", lr->min)},
		{"schedule", json_string(linear ? "linear" : "cosine")},
		{"warmup", json_sprintf("%" PRId64, lr->warmup)},
		{"optimizer", json_string(muon ? "muon" : "adamw")},
		{"momentum", muon ? json_sprintf("%.15g", optimizer->momentum) : NULL},
		{"beta1", json_sprintf("%.15g", optimizer->beta1)},
		{"beta2", json_sprintf("%.15g", optimizer->beta2)},
		{"weight-decay", json_sprintf("%.15g", optimizer->weight_decay)},
		{"clip", json_sprintf("%.15g", optimizer->clip)},
		{"dropout", json_sprintf("%.15g", options->dropout)},
		{"weight", json_string(*weights ? weights : "none")},
		{"dtype", json_string(dtype_name(options->dtype))},
		{"device", json_string(options->kernels->name)},
		{"threads", json_sprintf("%d", options->workers)},
		{"pass-rows", json_sprintf("%d", pass_rows)},
		{"data", json_sprintf("%016" PRIx64, run->digest)},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value)
			json_object_set_new(settings, all[i].key, all[i].value);
	return settings;
}

/* ---- what is kept on disk ---- */

/* The run's model to be saved, with parameters of the trainer's, in host memory. All of it
 * stays the run's and the caller's. */
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
	char *last = path_in(run, "last", err);
	json_t *settings = settings_of(run);
	int result = -1;

	if (last)
		result = training_state_save(last, &model, state, &run->at, settings, err);
	json_decref(settings);
	free(last);
	if (result == 0)
		run->saved = run->at.step;
	return result;
}

static void kept_name(int64_t step, char name[32])
{
	snprintf(name, 32, "step-%06" PRId64, step);
}

/* Is it the name of a model that is kept for good? */
static bool is_kept(const char *name)
{
	const size_t size = strlen(name);

	return strncmp(name, "step-", 5) == 0 && size >= 11 &&
	       strspn(name + 5, "0123456789") == size - 5;
}

/* Models that an earlier run kept would pass for this one's. All go but own, which may be
 * NULL. */
static int remove_kept(struct training_run *run, const char *own, struct err *err)
{
	DIR *directory = run->alone ? NULL : opendir(run->options.directory);
	const struct dirent *entry;
	int result = 0;

	if (run->alone)
		return 0;
	if (!directory)
		return err_set(err, "%s: cannot open: %s", run->options.directory, strerror(errno));
	while (result == 0 && (entry = readdir(directory))) {
		if (!is_kept(entry->d_name) || (own && strcmp(entry->d_name, own) == 0))
			continue;
		char *path = path_in(run, entry->d_name, err);
		result = path ? model_remove(path, err) : -1;
		free(path);
	}
	closedir(directory);
	run->alone = result == 0;
	return result;
}

/* The tensor that holds a parameter. */
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

/* A number that is not finite spoils all that is computed with it, and a step can end in
 * one. It must not replace what is good. what: "" or whose numbers they are, with a space. */
static int check_finite(const struct training_run *run, const char *what, const float *numbers,
                        struct err *err)
{
	const size_t count = gpt_parameter_count(&run->model.config);
	char name[80], good[PATH_MAX + 64];
	size_t i = 0;

	while (i < count && isfinite(numbers[i]))
		i++;
	if (i == count)
		return 0;
	name_parameter(run, i, name);
	return err_set(err, "step %" PRId64 ": %s%s is %g, expected finite numbers; %s", run->at.step,
	               what, name, (double)numbers[i], last_good(run, good));
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
		result = remove_kept(run, NULL, err);
	trainer_state_release(&state);
	return result;
}

int training_run_checkpoint(struct training_run *run, struct err *err)
{
	const size_t count = gpt_parameter_count(&run->model.config);
	float *params = malloc(count * sizeof *params);
	char name[32], *path;
	int result = -1;

	kept_name(run->at.step, name);
	path = path_in(run, name, err);
	if (params == NULL)
		err_set(err, "out of memory for %zu parameters", count);
	else if (path) {
		trainer_params(run->trainer, params);
		if (check_finite(run, "", params, err) == 0)
			result = save_model(run, path, params, err);
		if (result == 0)
			result = remove_kept(run, name, err);
	}
	free(params);
	free(path);
	return result;
}

/* ---- resuming ---- */

/* A setting of a state: what was saved, or what this run has where nothing was. */
static const char *saved_or(const json_t *saved, const json_t *settings, const char *key)
{
	const char *text = json_string_value(json_object_get(saved, key));

	return text ? text : json_string_value(json_object_get(settings, key));
}

/* The network that is to go on must be the one that was left: some that differ
 * have equally many parameters. */
static int compare_network(const json_t *saved, const json_t *settings, const char *last,
                           struct err *err)
{
	const char *const keys[] = {"layers", "heads", "width", "context", "bias", "inner"};
	const char *have[6], *want[6];
	bool same = true;

	for (int i = 0; i < 6; i++) {
		have[i] = saved_or(saved, settings, keys[i]);
		want[i] = json_string_value(json_object_get(settings, keys[i]));
		same &= strcmp(have[i], want[i]) == 0;
	}
	if (!same)
		return err_usage(err, "%s has layers %s, heads %s, width %s, inner %s, context %s%s, "
		                 "this command asks for %s, %s, %s, %s, %s%s", last, have[0], have[1],
		                 have[2], have[5], have[3],
		                 strcmp(have[4], "true") ? "" : " and biases", want[0], want[1],
		                 want[2], want[5], want[3],
		                 strcmp(want[4], "true") ? "" : " and biases");
	if (!strcmp(saved_or(saved, settings, "vocab-digest"),
	            json_string_value(json_object_get(settings, "vocab-digest"))))
		return 0;
	return err_set(err, "%s has a vocabulary of %s characters, the training data have another "
	               "one, of %s", last, saved_or(saved, settings, "vocab-size"),
	               json_string_value(json_object_get(settings, "vocab-size")));
}

/* The same for a state that does not say what network it is of: it is taken to be that of
 * the model beside it. */
static int compare_model(const struct training_run *run, const char *last, struct err *err)
{
	const struct gpt_config *want = &run->model.config, *have;
	struct model model;
	int result = 0;

	if (model_load(last, &model, err) < 0)
		return -1;
	have = &model.config;
	if (!gpt_config_equal(have, want))
		result = err_usage(err, "%s has layers %d, heads %d, width %d, inner %d, context %d%s, "
		                   "this command asks for %d, %d, %d, %d, %d%s", last, have->layers,
		                   have->heads, have->width, gpt_inner(have), have->context,
		                   have->bias ? " and biases" : "", want->layers, want->heads,
		                   want->width, gpt_inner(want), want->context,
		                   want->bias ? " and biases" : "");
	else if (!vocab_equal(model.vocab, run->model.vocab))
		result = err_set(err, "%s has a vocabulary of %d characters, the training data "
		                 "have another one, of %d", last, have->vocab, want->vocab);
	model_release(&model);
	return result;
}

/* The sequences that are passed over must be those that were trained on. */
static int compare_sequences(const json_t *saved, const json_t *settings, const char *last,
                             struct err *err)
{
	const char *const keys[3] = {"seed", "batch", "pack"};
	const char *have[3], *want[3];
	bool same = true;

	for (int i = 0; i < 3; i++) {
		have[i] = saved_or(saved, settings, keys[i]);
		want[i] = json_string_value(json_object_get(settings, keys[i]));
		same &= strcmp(have[i], want[i]) == 0;
	}
	return same ? 0 : err_usage(err, "%s is of seed %s and %s sequences a step, packed as %s; "
	                            "this command asks for %s, %s and %s", last, have[0], have[1],
	                            have[2], want[0], want[1], want[2]);
}

static void compare_settings(const json_t *saved, json_t *settings, struct training_run_past *past)
{
	size_t used = 0;
	const char *key;
	json_t *value;

	*past = (struct training_run_past){0};
	json_object_foreach(settings, key, value) {
		const char *have = saved_or(saved, settings, key), *want = json_string_value(value);
		const char *comma = used ? ", " : "";
		if (strcmp(have, want) == 0 || used >= sizeof past->differs)
			continue;
		if (strcmp(key, "steps") == 0)
			snprintf(past->steps, sizeof past->steps, "%s", have);
		else if (strcmp(key, "data") == 0)
			used += (size_t)snprintf(past->differs + used, sizeof past->differs - used,
			                         "%sother data", comma);
		else
			used += (size_t)snprintf(past->differs + used, sizeof past->differs - used,
			                         "%s%s %s (now %s)", comma, key, have, want);
	}
}

/* Read the state into the run; saved becomes the settings of the run it is of. */
static int load_last(struct training_run *run, json_t *saved, struct err *err)
{
	struct trainer_state state = {0};
	struct training_progress at;
	json_t *settings = settings_of(run);
	char *last = path_in(run, "last", err);
	int result = -1;

	if (last && training_state_settings(last, saved, err) == 0)
		result = json_object_get(saved, "heads")
		                 ? compare_network(saved, settings, last, err)
		                 : compare_model(run, last, err);
	if (result == 0)
		result = compare_sequences(saved, settings, last, err);
	if (result == 0)
		result = trainer_state(run->trainer, &state, err);
	if (result == 0)
		result = training_state_load(last, &run->model.config, &state, &at, err);
	if (result == 0) {
		trainer_restore(run->trainer, &state);
		run->at = at;
		run->saved = at.step;
	}
	trainer_state_release(&state);
	json_decref(settings);
	free(last);
	return result;
}

int training_run_resume(struct training_run *run, struct training_run_past *past, struct err *err)
{
	struct data_loader *loader = run->data->loader;
	json_t *saved = settings_of(run);
	int result = load_last(run, saved, err);

	if (result == 0)
		result = data_loader_skip(loader, run->at.examples, err);
	if (result == 0) {
		run->digest = data_loader_digest(loader);
		json_t *settings = settings_of(run);
		compare_settings(saved, settings, past);
		json_decref(settings);
	}
	json_decref(saved);
	return result;
}
