/* training_run_ranks.c - a run of several processes: do all of them run the same? */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/options.h"
#include "common/train/training_run_private.h"

const struct comm *training_run_comm(const struct training_run *run)
{
	return run->options.trainer.comm ? run->options.trainer.comm : &comm_alone;
}

/* What all ranks must have alike, as text. New reference. */
static json_t *own_settings(const struct training_run *run, const char *digest)
{
	const struct training_run_options *options = &run->options;
	json_t *settings = training_settings(run);
	const char *begins = options->resume ? "resume" : options->overwrite ? "overwrite" : "new";

	json_object_set_new(settings, "version", json_string(MEMOSCOPE_VERSION));
	json_object_set_new(settings, "threads", json_sprintf("%d", options->trainer.workers));
	json_object_set_new(settings, "begins", json_string(begins));
	json_object_set_new(settings, "new-best", json_string(options->new_best ? "true" : "false"));
	json_object_set_new(settings, "memory", json_sprintf("%" PRIu64, run->data->memory));
	json_object_set_new(settings, "step", json_sprintf("%" PRId64, run->at.step));
	json_object_set_new(settings, "state", json_string(digest));
	return settings;
}

static const char *text_of(const json_t *settings, const char *key)
{
	const char *text = json_string_value(json_object_get(settings, key));

	return text ? text : "none";
}

/* The first setting that is not that of rank 0. */
static int compare(json_t *own, json_t *first, struct err *err)
{
	json_t *keys = json_copy(first);
	const char *key;
	json_t *value;

	json_object_update_missing(keys, own);
	json_object_foreach(keys, key, value) {
		const char *here = text_of(own, key), *there = text_of(first, key);
		if (strcmp(here, there) != 0)
			err_usage(err, "%s is %s, but %s on rank 0: all processes need the same options, files "
			          "and memoscope", key, here, there);
	}
	json_decref(keys);
	return err->status == ERR_NONE ? 0 : -1;
}

/* Compare with rank 0, whose text of settings goes to all. */
static int compare_with_first(const struct comm *comm, json_t *own, struct err *err)
{
	char *text = json_dumps(own, JSON_COMPACT);
	const int size = comm_largest(comm, text ? (int)strlen(text) + 1 : 1);
	char *first = calloc((size_t)size, 1);
	json_t *settings = NULL;

	if (!text || !first)
		comm->abort(comm, ERR_DATA);
	strcpy(first, text);
	comm_text_of_first(comm, first, (size_t)size);
	settings = json_loads(first, 0, NULL);
	compare(own, settings, err);
	json_decref(settings);
	free(first);
	free(text);
	return comm_settle(comm, err);
}

int training_run_agree(const struct training_run *run, const struct trainer_state *state,
                       struct err *err)
{
	const struct comm *comm = training_run_comm(run);
	const size_t bytes = gpt_parameter_count(&run->model.config) * sizeof(float);
	char digest[40] = "none";

	if (comm->size == 1)
		return 0;
	if (state)
		snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64,
		         XXH3_64bits_withSeed(state->params, bytes, XXH3_64bits(state->moment1, bytes)),
		         (uint64_t)XXH3_64bits(state->moment2, bytes));
	json_t *own = own_settings(run, digest);
	const int result = compare_with_first(comm, own, err);
	json_decref(own);
	return result;
}
