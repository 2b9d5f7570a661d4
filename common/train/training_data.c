#include "common/train/training_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void training_data_init(struct training_data *data, enum pack pack, int context)
{
	*data = (struct training_data){.pack = pack, .context = context};
	span_kinds_init(&data->kinds);
}

void training_data_release(struct training_data *data)
{
	data_loader_free(data->loader);
	corpus_free(data->train);
	dataset_release(&data->val);
	json_decref(data->header);
	vocab_free(data->vocab);
	*data = (struct training_data){0};
}

/* ---- lines of one text ---- */

#define RECORDS_TO_JUDGE 200 /* by fewer, nobody can tell */

static void add_shape(struct training_data *data, const uint8_t *kind, int length)
{
	struct record_shape *shape = &data->shape;
	bool bare = length <= data->context / 3; /* prose has lines of 80, of 256 */

	for (int i = 0; i < length && bare; i++)
		bare = kind[i] == SPAN_OTHER;
	shape->records++;
	shape->bare += bare;
	if (length > shape->longest)
		shape->longest = length;
}

bool training_data_lines(struct training_data *data)
{
	struct record_shape *shape = &data->shape;

	if (shape->told || shape->records < RECORDS_TO_JUDGE || shape->bare < shape->records / 10 * 9)
		return false;
	return shape->told = true;
}

/* ---- reading ---- */

static int open_stream(struct training_data *data, struct err *err)
{
	data->loader = data_loader_of_stream("-", data->pack, data->context, &data->vocab, data->model,
	                                     &data->kinds, &data->header, err);
	return data->loader ? 0 : -1;
}

/* Files have no token of an expected kind: say which kinds they have. */
static int unseen_kind(const struct training_data *data, struct err *err)
{
	char have[200] = "none";
	size_t used = 0;

	for (int i = SPAN_OTHER + 1; i < data->kinds.count && used < sizeof have; i++)
		if (data->seen[i])
			used += (size_t)snprintf(have + used, sizeof have - used, "%s%s", used ? ", " : "",
			                         data->kinds.word[i]);
	return err_usage(err, "no record of the training data has a span of kind '%s'; their kinds: %s",
	                 training_data_unseen(data), have);
}

static int read_files(struct training_data *data, char **paths, int count, uint64_t seed,
                      struct err *err)
{
	const struct corpus_options options = {
		.pack = data->pack, .context = data->context, .model = data->model, .memory = data->memory,
	};

	data->train = corpus_open(paths, count, &options, &data->vocab, &data->kinds, &data->header,
	                          err);
	if (!data->train)
		return -1;
	const struct corpus_facts *facts = corpus_facts(data->train);
	memcpy(data->seen, facts->seen, sizeof data->seen);
	if (data->pack == PACK_RECORDS)
		data->shape = (struct record_shape){
			.records = facts->count, .bare = facts->bare, .longest = (int)facts->longest,
		};
	data->loader = data_loader_of_corpus(data->train, seed, err);
	if (data->loader && training_data_unseen(data))
		return unseen_kind(data, err);
	return data->loader ? 0 : -1;
}

/* It is cut into sequences as the training data are. */
static int read_validation(struct training_data *data, const char *path, struct err *err)
{
	struct dataset *val = &data->val;

	val->model = data->model;
	if (data->pack == PACK_TEXT) {
		val->most_tokens = data->val_most * ((uint64_t)data->context + 1);
	} else {
		val->most_records = data->val_most;
		val->context = data->context;
	}
	if (dataset_load(val, path, &data->vocab, &data->kinds, NULL, err) < 0)
		return -1;
	if (data->pack == PACK_TEXT && dataset_cut(val, (size_t)data->context + 1, err) < 0)
		return -1;
	if (val->count == 0)
		return err_set(err, "%s: no record to validate on", err_path(path));
	return 0;
}

static int check_shared(const char *path, struct err *err)
{
	struct stat status;
	const bool standard = strcmp(path, "-") == 0;

	if (!standard &&
	    (stat(path, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
		return 0; /* what is wrong with it is found when it is opened */
	return err_usage(err, "%s%s has one reader, and here are several processes: expected a file",
	                 standard ? "the standard input" : path, standard ? "" : ": a pipe");
}

int training_data_shared(char **paths, int count, const char *val_path, struct err *err)
{
	if (count == 0 && check_shared("-", err) < 0)
		return -1;
	for (int i = 0; i < count; i++)
		if (check_shared(paths[i], err) < 0)
			return -1;
	return val_path ? check_shared(val_path, err) : 0;
}

int training_data_open(struct training_data *data, char **paths, int count,
                       const char *val_path, uint64_t seed, struct err *err)
{
	data->expected = data->kinds.count;
	data->streaming = count == 0 || (count == 1 && strcmp(paths[0], "-") == 0);
	if (data->streaming && val_path && strcmp(val_path, "-") == 0)
		return err_usage(err, "the standard input is what is trained on, expected a file to "
		                 "validate on");
	if ((data->streaming ? open_stream(data, err)
	                     : read_files(data, paths, count, seed, err)) < 0)
		return -1;
	return val_path ? read_validation(data, val_path, err) : 0;
}

bool training_data_in_blocks(const struct training_data *data)
{
	size_t count;

	return data->train && corpus_blocks(data->train, &count) != NULL;
}

size_t training_data_memory(const struct training_data *data)
{
	return (data->train ? corpus_memory(data->train) : 0) + data_loader_memory(data->loader) +
	       dataset_memory(&data->val);
}

const char *training_data_unseen(const struct training_data *data)
{
	for (int i = SPAN_OTHER + 1; i < data->expected; i++)
		if (!data->seen[i])
			return data->kinds.word[i];
	return NULL;
}

bool training_data_weighted(const struct training_data *data, const float *weight)
{
	for (int i = 0; i < SPAN_KINDS && !data->streaming; i++)
		if (corpus_facts(data->train)->predicted[i] && weight[i] > 0)
			return true;
	return data->streaming;
}

/* ---- batches ---- */

int batch_init(struct batch *batch, int room, int context, struct err *err)
{
	const size_t tokens = (size_t)room * (size_t)(context + 1);

	*batch = (struct batch){
		.room = room,
		.examples = calloc((size_t)room, sizeof *batch->examples),
		.token = malloc(tokens * sizeof *batch->token),
		.kind = malloc(tokens),
	};
	if (batch->examples && batch->token && batch->kind)
		return 0;
	batch_release(batch);
	return err_set(err, "out of memory for batches of %d sequences", room);
}

size_t batch_memory(const struct batch *batch, int context)
{
	const size_t token = sizeof *batch->token + sizeof *batch->kind;

	return (size_t)batch->room * (sizeof *batch->examples + (size_t)(context + 1) * token);
}

void batch_release(struct batch *batch)
{
	free(batch->examples);
	free(batch->token);
	free(batch->kind);
	*batch = (struct batch){0};
}

int training_data_next(struct training_data *data, struct batch *batch, struct err *err)
{
	const size_t most = (size_t)data->context + 1; /* tokens of a sequence */

	for (batch->count = 0; batch->count < batch->room; batch->count++) {
		const size_t at = (size_t)batch->count * most;
		struct example *example = &batch->examples[batch->count];
		int more = data_loader_next(data->loader, batch->token + at, batch->kind + at, example,
		                            err);
		if (more < 0)
			return -1;
		if (more == 0)
			break;
		for (int i = 0; i < example->length; i++)
			data->seen[example->kind[i]] = true;
		if (data->streaming && data->pack == PACK_RECORDS)
			add_shape(data, example->kind, example->length);
	}
	return batch->count;
}
