#include "common/train/training_messages.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/train/unlearned.h"

void training_say_network(struct progress *progress, const struct training_run *run)
{
	const struct gpt_config *config = &run->model.config;
	const double bytes = (double)training_run_memory(run);
	const struct comm *comm = run->options.trainer.comm;
	const int processes = comm ? comm->size : 1;
	char workers[40] = "on the GPU", spread[128] = "";

	if (!run->options.trainer.kernels->single)
		snprintf(workers, sizeof workers, "%d thread%s", run->options.trainer.workers,
		         run->options.trainer.workers == 1 ? "" : "s");
	if (processes > 1)
		snprintf(spread, sizeof spread, "%d processes joined by %s, each %s", processes,
		         comm->name, run->options.trainer.kernels->single ? "" : "with ");
	progress_say(progress, "%zu parameters, a vocabulary of %d, %s%s, %s, about %.*f %s of %s%s",
	             gpt_parameter_count(config), config->vocab, spread, workers,
	             dtype_name(run->options.trainer.dtype), bytes < 0x1p30 ? 0 : 1,
	             bytes < 0x1p30 ? ceil(bytes / 0x1p20) : bytes / 0x1p30,
	             bytes < 0x1p30 ? "MiB" : "GiB",
	             run->options.trainer.kernels->single ? "its memory" : "memory",
	             processes > 1 ? " each" : "");
}

/* Where a process is. */
struct process {
	int host, id;
	char name[64]; /* of the host */
};

static void say_host(struct progress *progress, const struct process *all, int size, int host)
{
	char list[400] = "";
	size_t used = 0;

	for (int r = host; r < size && used < sizeof list; r++)
		if (all[r].host == host)
			used += (size_t)snprintf(list + used, sizeof list - used, "%s rank %d is %d",
			                         used ? "," : "", r, all[r].id);
	progress_say(progress, "processes on %s:%s", all[host].name, list);
}

/* Of several processes. */
static void say_unseen_metrics(struct progress *progress)
{
	progress_say(progress, "no metrics are written, because the standard output is a terminal, "
	             "which Open MPI gives to each process, also if its own output is a file: "
	             "--metrics FILE writes them");
}

void training_say_processes(struct progress *progress, const struct training_run *run,
                            const char *metrics)
{
	const struct comm *comm = run->options.trainer.comm;
	struct process own = {.id = getpid()}, *all;

	if (!comm || comm->size == 1)
		return;
	own.host = comm->host;
	gethostname(own.name, sizeof own.name - 1);
	if (!(all = calloc((size_t)comm->size, sizeof *all)))
		comm->abort(comm, ERR_DATA);
	comm->gather(comm, &own, all, sizeof own);
	for (int r = 0; r < comm->size; r++)
		if (all[r].host == r)
			say_host(progress, all, comm->size, r);
	free(all);
	if (comm->device_users > 0 && !comm->device_memory)
		progress_say(progress, "gradients go through the host's memory: this MPI does not say that "
		             "it takes a GPU's; if it does, MEMOSCOPE_MPI_DEVICE_MEMORY=1 says so");
	if (comm->devices < comm->device_users)
		progress_say(progress, "%d processes share %d GPU%s", comm->device_users, comm->devices,
		             comm->devices == 1 ? "" : "s");
	if (!metrics && isatty(STDOUT_FILENO))
		say_unseen_metrics(progress);
}

void training_say_start(struct progress *progress, const struct training_run *run)
{
	const struct gpt_config *config = &run->model.config;
	const char *directory = json_string_value(json_object_get(run->from, "directory"));
	char kind[GPT_KIND];

	if (!directory || run->options.resume)
		return;
	gpt_kind(config, kind);
	progress_say(progress, "training on from the parameters of %s: %d layers, %d heads, width %d, "
	             "context %d%s%s", directory, config->layers, config->heads, config->width,
	             config->context, *kind ? ", " : "", kind);
}

/* A run that is shorter than a warm-up never reaches its learning rate. */
void training_say_warmup(struct progress *progress, const struct training_run *run, bool chosen)
{
	const struct learning_rate *lr = &run->options.trainer.lr;

	if (lr->warmup >= lr->steps && lr->warmup > 0)
		progress_warn(progress, "--warmup %" PRId64 ": the run ends after %" PRId64 " steps, "
		              "before the learning rate reaches --lr %g", lr->warmup, lr->steps, lr->peak);
	else if (!run->options.resume && !chosen && lr->warmup > 0 &&
	         lr->warmup < LEARNING_RATE_WARMUP)
		progress_say(progress, "the warm-up takes %" PRId64 " of the %" PRId64 " steps; --warmup "
		             "takes another number", lr->warmup, lr->steps);
}

/* The loss of a validation counts all tokens alike, whatever their weight. */
void training_say_unweighted(struct progress *progress, const struct training_run *run)
{
	const float *weight = run->options.trainer.weight;

	if (run->val_count > 0 && !dataset_weighted(&run->data->val, run->val_count, weight))
		progress_warn(progress, "--val: none of the %zu records used has a token with a weight "
		              "above 0: their loss says nothing about what is trained", run->val_count);
}

/* A resume has another validation set than the run had, or none; and what becomes of the best
 * model. */
static void say_validation_set(struct progress *progress, const struct training_run *run,
                               const struct training_changes *changes)
{
	const char *directory = run->options.directory;
	char cure[80] = "--val with the same FILE";

	if (changes->validation == VALIDATION_SAME)
		return;
	if (changes->validation == VALIDATION_ADDED) {
		if (run->at.step < run->options.trainer.lr.steps)
			progress_say(progress, "from now on %s holds the model of the lowest validation loss",
			             directory);
		return;
	}
	if (changes->validation == VALIDATION_COUNT)
		snprintf(cure, sizeof cure, "--eval-records %" PRId64, changes->val_records);
	const char *why = changes->validation == VALIDATION_MISSING ? "no validation set is given"
	                  : changes->validation == VALIDATION_COUNT ? "more or fewer records are used"
	                  : "another validation set is given";
	if (run->keeps_best)
		progress_warn(progress, "%s keeps its best model, because %s now: give %s to compare with "
		              "it, or --new-best to replace it", directory, why, cure);
	else
		progress_warn(progress, "%s: %s now: give %s to go on as before", directory, why, cure);
}

void training_say_resume(struct progress *progress, const struct training_run *run,
                         const struct training_changes *changes)
{
	const char *directory = run->options.directory;
	const int64_t steps = run->options.trainer.lr.steps;
	const bool due = run->at.step < steps;

	if (run->mended)
		progress_say(progress, "%s/last: its last save was cut short; it is complete now",
		             directory);
	if (changes->others[0])
		progress_warn(progress, "%s/last was made with %s%s", directory, changes->others,
		              due ? ": bits will differ" : "");
	say_validation_set(progress, run, changes);
	if (!due) {
		progress_say(progress, "nothing to do: %" PRId64 " of %" PRId64 " steps are done",
		             run->at.step, steps);
		return;
	}
	progress_say(progress, "going on from step %" PRId64, run->at.step);
	if (changes->steps[0])
		progress_say(progress, "the schedule of the learning rate was for %s steps and is for "
		             "%" PRId64 " now", changes->steps, steps);
}

void training_say_repair(struct progress *progress, const struct metrics_output *metrics,
                         int64_t after)
{
	const bool one = metrics->again == 1;

	if (metrics->cut > 0)
		progress_say(progress, "%s: its end was cut off; the last whole record is kept",
		             metrics->path);
	if (metrics->again > 0)
		progress_say(progress, "%s: %" PRIu64 " record%s behind step %" PRId64 " %s removed, "
		             "because these steps are made again", metrics->path, metrics->again,
		             one ? "" : "s", after, one ? "is" : "are");
}

void training_untrained(const struct training_run *run, bool interrupted, struct err *err)
{
	if (interrupted)
		err_set(err, "interrupted before the first step: nothing is saved");
	else if (run->at.examples == 0)
		err_set(err, "standard input: no sequence to train on: the stream ends before %s",
		        run->data->pack == PACK_TEXT ? "one context and a token" : "its first record");
	else
		err_set(err, "standard input: it ends before any batch had %s: nothing is saved",
		        run->at.unweighted > 0 ? "a token with a weight above 0" : "a finite gradient");
}

void training_say_skipped(struct progress *progress, const struct training_run *run,
                          const struct step_result *result)
{
	const int64_t unweighted = run->at.unweighted;

	if (result->unweighted && unweighted % 1000 == 1)
		progress_say(progress, "step %" PRId64 ": no token of the batch has a weight above 0, so "
		             "the next one is taken (%" PRId64 " such batch%s so far)", run->at.step + 1,
		             unweighted, unweighted == 1 ? "" : "es");
	if (result->unweighted)
		return;
	progress_say(progress, "step %" PRId64 " was not taken: a gradient is not finite with the "
	             "loss scaled by %g; for the next batch it is scaled by %g", run->at.step + 1,
	             result->loss_scale, trainer_loss_scale(run->trainer).scale);
}

void training_say_unlearned(struct progress *progress, const struct training_run *run,
                            const struct validation *validation)
{
	struct unlearned unlearned;

	if (unlearned_find(validation, &run->data->kinds, run->options.trainer.weight, &unlearned))
		progress_say(progress, "the loss of answers is %.2f nats a token above its floor: they are "
		             "not learned yet. %.0f%% of the weighted loss is floor, which nobody can "
		             "predict; try --weight %s (gpt-train(1), RECIPES)", unlearned.excess,
		             100 * unlearned.floor_share, unlearned.weights);
}

void training_say_lines(struct progress *progress, const struct training_data *data)
{
	progress_warn(progress, "most records are far shorter than the context of %d and have no "
	              "spans: if they are lines of one text, --pack text trains on the text as a "
	              "whole, and shard --split tail holds out its end; else a shorter --context does, "
	              "because the longest has %d tokens (--pack records silences this)",
	              data->context, data->shape.longest);
}

void training_say_end(struct progress *progress, const struct training_run *run,
                      struct interrupt *interrupt)
{
	const struct training_progress *at = &run->at;
	const struct loss_scale scale = trainer_loss_scale(run->trainer);

	if (scale.skipped > 0)
		progress_say(progress, "%" PRId64 " batch%s skipped because the gradient was not finite; "
		             "the loss is scaled by %g", scale.skipped,
		             scale.skipped == 1 ? " was" : "es were", scale.scale);
	if (at->unweighted > 0)
		progress_say(progress, "%" PRId64 " batch%s passed over because no token had a weight "
		             "above 0", at->unweighted, at->unweighted == 1 ? " was" : "es were");
	if (interrupt_due(interrupt) && at->step < run->options.trainer.lr.steps)
		progress_say(progress, "%s at step %" PRId64 "%s and saved; --resume goes on",
		             interrupt->signal ? "interrupted" : "nobody reads the metrics any more: ended",
		             at->step, run->val_count > 0 && isinf(at->best) ?
		             ", before its first validation," : "");
	else if (at->step < run->options.trainer.lr.steps)
		progress_warn(progress, "the standard input ends after %" PRIu64 " sequences: %" PRId64
		              " of %" PRId64 " steps are done, and the learning rate has not come down "
		              "to --min-lr", at->examples, at->step, run->options.trainer.lr.steps);
	else
		progress_say(progress, "%" PRId64 " steps, %" PRId64 " tokens in %.1f s", at->step,
		             at->tokens, at->seconds);
}
