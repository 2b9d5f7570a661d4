/* gpt-train - train a network on token streams; metrics go to stdout or to a file. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/interrupt.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/comm/devices.h"
#include "common/model/backend.h"
#include "common/stream/stream.h"
#include "common/train/metrics.h"
#include "common/train/metrics_output.h"
#include "common/train/training_data.h"
#include "common/train/training_messages.h"
#include "common/train/training_run.h"
#include "common/train/training_state.h"

#define WORKERS_MAX 1024

static struct gpt_config network = GPT_CONFIG_DEFAULT;
static struct trainer_options trainer = {.lr = LEARNING_RATE_DEFAULT,
                                         .optimizer = OPTIMIZER_DEFAULT};
static int batch = 32, accumulate = 1;
static int64_t memory;
static int64_t saved_val_records; /* that the state of a resumed run was validated on */
static int64_t seed = 1, eval_every = 250, eval_records = 1000, log_every = 10, checkpoint_every;
static enum pack pack = PACK_RECORDS;
static int dtype = DTYPE_AUTO;
static const char *directory, *val_path, *metrics_path, *from, *weights = "";
static bool resume, overwrite, new_best, quiet;
static enum backend backend;
static enum comm_kind comm_kind;
static struct comm comm; /* of the processes of this run */
static char identity[BACKEND_IDENTITY]; /* of the GPU that this one computes on */

static const char *set_preset(const char *argument, void *value)
{
	return gpt_preset(argument, value) ? NULL : "not 1.7k, 30k, 207k or 63m";
}

static const struct option options[] = {
	{.type = OPTION_GROUP, .text = "Files:"},
	{.name = "output", .key = 'o', .type = OPTION_TEXT, .value = &directory, .argument = "DIR",
	 .text = "model directory to write (required)"},
	{.name = "val", .type = OPTION_TEXT, .value = &val_path, .argument = "FILE",
	 .text = "token stream to validate on"},
	{.name = "from", .type = OPTION_TEXT, .value = &from, .argument = "MODEL",
	 .text = "begin with the parameters of this model, and with its network"},
	{.name = "resume", .type = OPTION_FLAG, .value = &resume,
	 .text = "continue from the state in DIR/last"},
	{.name = "overwrite", .type = OPTION_FLAG, .value = &overwrite,
	 .text = "replace the run that DIR holds"},
	{.name = "metrics", .type = OPTION_TEXT, .value = &metrics_path, .argument = "FILE",
	 .text = "write metrics to FILE, not to stdout; a resume appends to it, and repairs its end"},
	{.name = "new-best", .type = OPTION_FLAG, .value = &new_best,
	 .text = "with --resume: forget the best loss so far, and replace the best model"},
	{.type = OPTION_GROUP, .text = "Network:"},
	{.name = "preset", .type = OPTION_CALL, .argument = "NAME", .call = set_preset,
	 .value = &network, .text = "shape of a network of the article: 1.7k, 30k, 207k or 63m"},
	GPT_CONFIG_OPTIONS(network),
	{.name = "dropout", .type = OPTION_REAL, .value = &trainer.dropout, .argument = "RATE",
	 .min = 0, .max = 0.95, .text = "dropout rate (default 0)"},
	{.type = OPTION_GROUP, .text = "Training:"},
	{.name = "steps", .type = OPTION_INT, .value = &trainer.lr.steps, .argument = "N", .min = 1,
	 .max = 1e9, .text = "optimizer steps (default 5000)"},
	{.name = "batch", .type = OPTION_INT32, .value = &batch, .argument = "N", .min = 1,
	 .max = 65536, .text = "sequences in a batch (default 32)"},
	{.name = "accumulate", .type = OPTION_INT32, .value = &accumulate, .argument = "N", .min = 1,
	 .max = 4096, .text = "batches whose gradients make one step (default 1)"},
	{.name = "pack", .type = OPTION_WORD, .value = &pack, .argument = "records|text",
	 .text = "a sequence is a whole record, or a window of the running text (default records)"},
	{.name = "weight", .type = OPTION_TEXT, .value = &weights, .argument = "KIND=W[,KIND=W...]",
	 .text = "weight of the loss on tokens in spans of this kind (default 1)"},
	LEARNING_RATE_OPTIONS(trainer.lr),
	OPTIMIZER_OPTIONS(trainer.optimizer),
	{.name = "seed", .type = OPTION_INT, .value = &seed, .argument = "N", .min = 0,
	 .max = 9e18, .text = "seed of initialisation, order and dropout (default 1)"},
	{.type = OPTION_GROUP, .text = "Running:"},
	{.name = "eval-every", .type = OPTION_INT, .value = &eval_every, .argument = "N", .min = 1,
	 .max = 1e9, .text = "steps between validations and saves (default 250)"},
	{.name = "eval-records", .type = OPTION_INT, .value = &eval_records, .argument = "N",
	 .min = 1, .max = 1e9, .text = "validation records used, from the first (default 1000)"},
	{.name = "checkpoint-every", .type = OPTION_INT, .value = &checkpoint_every,
	 .argument = "N", .min = 0, .max = 1e9,
	 .text = "steps between models that are kept as DIR/step-N (default 0: none)"},
	{.name = "log-every", .type = OPTION_INT, .value = &log_every, .argument = "N", .min = 1,
	 .max = 1e9, .text = "steps between metrics records (default 10)"},
	BACKEND_OPTION(backend),
	{.name = "threads", .type = OPTION_INT32, .value = &trainer.workers, .argument = "N", .min = 0,
	 .max = WORKERS_MAX,
	 .text = "workers of a process; a GPU is one (default 0: one for each processor)"},
	{.name = "pass-rows", .type = OPTION_INT32, .value = &trainer.pass_rows, .argument = "N",
	 .min = 1, .max = 1 << 20,
	 .text = "tokens that a worker takes at a time (default: what suits the device)"},
	DTYPE_OPTION(dtype),
	{.name = "memory", .type = OPTION_SIZE, .value = &memory, .argument = "SIZE", .min = 4 << 20,
	 .max = 0x1p50, .text = "larger training files are read in blocks that this has room for, "
	 "such as 500M or 2G (default: no limit)"},
	COMM_OPTION(comm_kind),
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet,
	 .text = "show no progress"},
	{0},
};

static bool given[sizeof options / sizeof *options];

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Train a GPT on token streams (default: standard input); write metrics to stdout.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
	.given = given,
};

/* Options that the command line does not give are taken from the state. dtype, device, threads
 * and pass-rows are not: they belong to the machine, which may be another one. */
static int take_over(struct err *err)
{
	static const char *const names[] = {
		"layers", "heads", "width", "inner", "context", "bias", "dropout", "steps", "batch", "pack",
		"weight", "lr", "min-lr", "schedule", "warmup", "optimizer", "momentum", "beta1", "beta2",
		"weight-decay", "clip", "seed", "memory", "eval-every", "eval-records", "checkpoint-every",
		"log-every",
	};
	const char *kind;
	static json_t *saved; /* for good: options point to its strings */
	char last[PATH_MAX];
	struct err bad = {0};

	saved = json_object();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		json_object_set_new(saved, names[i], json_string(""));
	json_object_set_new(saved, "kind", json_string(""));
	json_object_set_new(saved, "val-records", json_string(""));
	snprintf(last, sizeof last, "%s/last", directory);
	if (access(last, F_OK) < 0) /* of rank 0, training_run_init() reports it */
		return comm.rank == 0 ? 0 : err_set(err, "%s: there is no such directory here", last);
	if (training_state_settings(last, saved, err) < 0)
		return -1;
	kind = json_string_value(json_object_get(saved, "kind"));
	if (kind && gpt_kind_set(&network, kind, &bad) < 0)
		return err_set(err, "%s: its state: %s", last, bad.text);
	const char *records = json_string_value(json_object_get(saved, "val-records"));
	struct err ignored = {0}; /* training_run_init() reports it */
	if (records)
		option_int("val-records", records, 0, INT64_MAX / 2, &saved_val_records, &ignored);
	if (option_given(&program, "lr"))
		training_settings_follow_lr(saved);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *text = json_string_value(json_object_get(saved, names[i]));
		const bool shape = i < 5 && option_given(&program, "preset");
		const bool shared = strcmp(names[i], "batch") == 0 && option_given(&program, "accumulate");
		if (!text || shape || shared || strcmp(text, "none") == 0)
			continue;
		if (option_take(&program, names[i], text, &bad) < 0)
			return err_set(err, "%s: its state: %s", last, bad.text);
	}
	return 0;
}

/* The network is that of the model to begin with; only its context may be shorter. */
static int take_network(struct starting_model *start, struct err *err)
{
	static const char *const names[] = {"preset", "layers", "heads", "width", "inner", "bias"};
	const int context = network.context;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (option_given(&program, names[i]))
			return err_usage(err, "--%s: not with --from, because the network is that of the "
			                 "model; only --context and --dropout may be given", names[i]);
	if (starting_model_load(start, from, err) < 0)
		return -1;
	network = start->model.config;
	if (!option_given(&program, "context"))
		return 0;
	if (context > network.context)
		return err_usage(err, "--context %d: expected at most %d, the context of %s", context,
		                 network.context, from);
	starting_model_shorten(start, context);
	network.context = context;
	return 0;
}

/* A model may be the work of days, so none is replaced by mistake. */
static int check_directory(struct err *err)
{
	char found[TRAINING_FOUND];

	if (!directory)
		return err_usage(err, "--output: no DIR was given, expected the model directory to write");
	if (*directory == '\0')
		return err_usage(err, "--output: '' is no directory");
	if (metrics_path && *metrics_path == '\0')
		return err_usage(err, "--metrics: '' is no file");
	if (resume && overwrite)
		return err_usage(err, "--resume and --overwrite: expected one of them at most");
	if (resume && from)
		return err_usage(err, "--from: not with --resume, because the state in DIR has parameters "
		                 "of its own");
	if (new_best && !resume)
		return err_usage(err, "--new-best: it goes with --resume; a new run has no best model yet");
	if (resume || overwrite || comm.rank > 0) /* rank 0 makes it */
		return 0;
	if (training_directory_find(directory, found, err) < 0)
		return -1;
	if (*found)
		return err_usage(err, "%s: it holds %s already, expected --resume, which goes on with "
		                 "the run there, or --overwrite, which replaces it", directory, found);
	return 0;
}

/* What the command line asks for. Errors that do not depend on the data end the program before
 * any data are read. processors: of this process. */
static int run_options(const struct starting_model *start, int processors,
                       struct training_run_options *wanted, struct err *err)
{
	struct learning_rate *lr = &trainer.lr;
	const bool silent = quiet || comm.rank > 0;
	struct err bad = {0};

	learning_rate_complete(lr);
	const bool taken = resume && !option_given(&program, "min-lr");
	if (lr->min > lr->peak)
		return err_usage(err, "--lr %g is below --min-lr %g%s: give a smaller --min-lr, too",
		                 lr->peak, lr->min, taken ? ", which is that of the saved state" : "");
	if (comm.size > batch * accumulate)
		return err_usage(err, "--batch %d: expected at least one sequence for each of the %d "
		                 "processes", batch * accumulate, comm.size);
	if (!from)
		network.vocab = 2; /* until the data are known */
	if (gpt_config_check(&network, &bad) < 0)
		return err_usage(err, "%s", bad.text);
	trainer.kernels = backend_find(backend, &network, silent, err);
	if (!trainer.kernels ||
	    backend_share(trainer.kernels, comm.local_rank, comm.local_size, identity, err) < 0 ||
	    backend_dtype_find(trainer.kernels, dtype, &trainer.dtype, err) < 0)
		return -1;
	if (trainer.workers == 0 && comm.size > 1)
		trainer.workers = processors < WORKERS_MAX ? processors : WORKERS_MAX;
	trainer.workers = backend_threads(trainer.kernels, trainer.workers, WORKERS_MAX, silent);
	trainer.comm = &comm;
	trainer.seed = (uint64_t)seed;
	*wanted = (struct training_run_options){
		.directory = directory,
		.network = network,
		.trainer = trainer,
		.batch = batch * accumulate,
		.eval_records = eval_records,
		.eval_every = eval_every,
		.checkpoint_every = checkpoint_every,
		.log_every = log_every,
		.start = from ? start : NULL,
		.resume = resume,
		.overwrite = overwrite,
		.new_best = new_best,
	};
	return 0;
}

/* ---- interrupts and metrics ---- */

static struct interrupt interrupt;
static struct progress progress;
static struct metrics_output metrics;

/* If only the reader is gone, the run still saves before it ends. */
static void write_metrics(json_t *record)
{
	struct err err = {0};

	if (comm.rank > 0)
		json_decref(record);
	else if (metrics_output_write(&metrics, record, &err) < 0)
		err_exit(&err);
	interrupt.unread |= metrics.unread;
}

/* after: the step that the run goes on from; -1: a new run. due: are there steps to make? */
static void open_metrics(const json_t *header, int64_t after, bool due)
{
	struct err err = {0};

	if (comm.rank == 0)
		metrics_output_open(&metrics, metrics_path, after, due, header, &err);
	if (comm_settle(&comm, &err) < 0)
		comm_fail(&comm, &err);
	training_say_repair(&progress, &metrics, after);
}

/* ---- the run ---- */

/* Resume. Are there steps left to do? */
static bool resume_last(struct training_run *run)
{
	struct training_changes changes;
	struct err err = {0};

	if (training_run_resume(run, &changes, &err) < 0)
		comm_fail(&comm, &err);
	training_say_resume(&progress, run, &changes);
	return run->at.step < trainer.lr.steps;
}

static void report(const struct training_run *run, const struct step_result *result)
{
	const struct training_progress *at = &run->at;

	write_metrics(metrics_step(at, trainer.lr.steps, result));
	if (progress.terminal || at->step % (10 * log_every) == 0)
		progress_show(&progress, "step %" PRId64 "/%" PRId64 ": loss %.4f, %.0f tokens/s, %.0f s "
		              "left", at->step, trainer.lr.steps, result->loss,
		              (double)at->tokens / at->seconds,
		              at->seconds / (double)at->step * (double)(trainer.lr.steps - at->step));
}

/* Validate, if `validate`, save, and write the metrics. These come last if their reader may be
 * gone; in a file they come first, so that it holds all of what led to the state. */
static void milestone(struct training_run *run, bool validate)
{
	const char *unseen = training_data_unseen(run->data);
	struct validation validation = {.loss = run->val_count > 0 ? NAN : -INFINITY};
	json_t *record = NULL;
	struct err err = {0};

	if (run->val_count > 0 && validate) {
		if ((record = training_run_validate(run, &validation, &err)) == NULL)
			comm_fail(&comm, &err);
		char floor[40] = ""; /* unknown if the spans hold no nats */
		if (validation.floor > 0)
			snprintf(floor, sizeof floor, ", floor %.4f", validation.floor);
		progress_say(&progress, "step %" PRId64 ": validation loss %.4f%s", run->at.step,
		             validation.loss, floor);
	}
	if (run->at.step == trainer.lr.steps)
		training_say_unlearned(&progress, run, &validation);
	if (run->saved < 0 && run->at.examples > 0 && unseen)
		progress_warn(&progress, "--weight: none of the first %" PRIu64 " sequences has a span "
		              "of kind '%s'", run->at.examples, unseen);
	if (metrics_path)
		write_metrics(json_incref(record));
	if (training_run_save(run, validation.loss, &err) < 0)
		comm_fail(&comm, &err);
	if (!metrics_path)
		write_metrics(json_incref(record));
	json_decref(record);
}

/* No step was ever done, so there is nothing to save: a model that the directory holds is
 * better. */
_Noreturn static void die_untrained(const struct training_run *run)
{
	struct err err = {0};

	training_untrained(run, interrupt.signal, &err);
	comm_settle(&comm, &err);
	comm_leave(&comm);
	interrupt_end(&interrupt);
	comm_fail(&comm, &err);
}

/* Must the run end before its work is done? If one process must, all do, at the same step. */
static bool ends_early(void)
{
	const bool due = comm_largest(&comm, interrupt_due(&interrupt));

	if (due && !interrupt_due(&interrupt))
		interrupt.signal = SIGTERM; /* that another process got */
	return due;
}

/* Make the steps that are left to do, validate and save at their milestones. */
static void take_steps(struct training_run *run)
{
	bool early = false;
	struct err err = {0};

	while (run->at.step < trainer.lr.steps && !(early = ends_early())) {
		struct step_result result;
		const int count = training_run_next(run, &err);
		if (!resume && !option_given(&program, "pack") && training_data_lines(run->data))
			training_say_lines(&progress, run->data);
		if ((early = interrupt.signal && run->batch.count < run->batch.room))
			break; /* a resume takes the whole batch */
		if (comm_settle(&comm, &err) < 0)
			comm_fail(&comm, &err);
		if (count > 0 && training_run_step(run, &result, &err) < 0)
			comm_fail(&comm, &err);
		if (count == 0)
			break;
		if (!result.taken) {
			training_say_skipped(&progress, run, &result);
			continue;
		}
		const int64_t step = run->at.step;
		if (step % log_every == 0 || step == trainer.lr.steps)
			report(run, &result);
		if (checkpoint_every > 0 && step % checkpoint_every == 0 &&
		    training_run_checkpoint(run, &err) < 0)
			comm_fail(&comm, &err);
		if (step % eval_every == 0 && step < trainer.lr.steps)
			milestone(run, true);
	}
	if (run->at.step == 0)
		die_untrained(run);
	/* An interrupt must not change which model is the best: another step than those of an
	 * undisturbed run is not validated. */
	const bool whole = !early || run->at.step >= trainer.lr.steps;
	if (whole || run->at.step > run->saved)
		milestone(run, whole);
	training_say_end(&progress, run, &interrupt);
}

/* Train, or go on with training; write the metrics. */
static void train(struct training_run *run, const json_t *header)
{
	struct err err = {0};

	progress_start(&progress, NULL, NULL, quiet || comm.rank > 0);
	progress.mute = comm.rank > 0;
	training_say_network(&progress, run);
	training_say_processes(&progress, run, metrics_path);
	training_say_start(&progress, run);
	training_say_unweighted(&progress, run);
	const bool due = !resume || resume_last(run);
	if (due)
		training_say_warmup(&progress, run, option_given(&program, "warmup"));
	/* not before: if the resume fails, nothing may be appended to the earlier metrics */
	open_metrics(header, resume ? run->at.step : -1, due);
	if (due) {
		if (interrupt_catch(&interrupt, &err) < 0)
			err_exit(&err);
		take_steps(run);
	}
	if (training_run_check_place(run, &err) < 0)
		comm_fail(&comm, &err);
	if (comm.rank == 0 && metrics_output_end(&metrics, &err) < 0)
		err_exit(&err);
	interrupt.unread |= metrics.unread;
	comm_leave(&comm);
	interrupt_end(&interrupt);
}

/* All that is done before the network is made: options, files. */
static int prepare(struct training_data *data, struct starting_model *start, char **paths,
                   int count, int processors, struct training_run_options *wanted, struct err *err)
{
	struct err bad = {0};
	if (check_directory(err) < 0 || (resume && take_over(err) < 0) ||
	    (from && take_network(start, err) < 0))
		return -1;
	training_data_init(data, pack, network.context);
	data->vocab = start->model.vocab; /* NULL: whatever the data have */
	data->model = from;
	data->memory = (uint64_t)memory;
	/* as many as are validated on, and those whose digest a resume compares */
	const int64_t most = eval_records > saved_val_records ? eval_records : saved_val_records;
	data->val_most = (uint64_t)most;
	start->model.vocab = NULL;
	if (span_weights_parse(weights, 1e6, &data->kinds, trainer.weight, &bad) < 0)
		return err_usage(err, "--weight: %s", bad.text);
	if (run_options(start, processors, wanted, err) < 0)
		return -1;
	if (comm.size > 1 && training_data_shared(paths, count, val_path, err) < 0)
		return -1;
	return training_data_open(data, paths, count, val_path, trainer.seed, err);
}

int main(int argc, char **argv)
{
	struct starting_model start = {0};
	struct training_data data = {0};
	struct training_run_options wanted;
	struct training_run run;
	struct err err = {0};

	const int first = options_read(&program, argc, argv, &err); /* an error is told to all ranks */
	comm_join(comm_kind, &comm);
	const int processors = comm_processors(&comm);
	if (first >= 0)
		prepare(&data, &start, argv + first, argc - first, processors, &wanted, &err);
	if (comm_settle(&comm, &err) < 0 || comm_use_devices(&comm, comm_kind, identity, &err) < 0)
		comm_fail(&comm, &err);
	json_t *header = header_new(STREAM_METRICS, data.header, argc, argv);
	if (training_run_init(&run, &wanted, &data, json_object_get(header, "chain"), &err) < 0)
		comm_fail(&comm, &err);
	starting_model_release(&start);
	train(&run, header);
	training_run_release(&run);
	training_data_release(&data);
	json_decref(header);
	return 0;
}
