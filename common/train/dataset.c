#include "common/train/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/base/array.h"
#include "common/model/gpt_config.h"
#include "common/stream/record.h"
#include "common/stream/token_stream.h"

void example_kinds(const struct record *record, uint8_t *kind)
{
	memset(kind, SPAN_OTHER, record->length);
	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		memset(kind + span->begin, span->kind, span->end - span->begin);
	}
}

/* Room for one more record of so many tokens. Arrays of one room grow by the same factor. */
static int grow(struct dataset *dataset, size_t tokens, struct err *err)
{
	const size_t records = dataset->count + 2, all = dataset->token_count + tokens;
	size_t id_room = dataset->record_room, begin_room = dataset->record_room;
	size_t token_room = dataset->token_room, kind_room = dataset->token_room;
	size_t nats_room = dataset->token_room;

	if (array_reserve(&dataset->id, &id_room, records) < 0 ||
	    array_reserve(&dataset->begin, &begin_room, records) < 0)
		return err_set(err, "out of memory for %zu records", records);
	dataset->record_room = id_room;
	if (array_reserve(&dataset->token, &token_room, all) < 0 ||
	    array_reserve(&dataset->kind, &kind_room, all) < 0 ||
	    array_reserve(&dataset->nats, &nats_room, all) < 0)
		return err_set(err, "out of memory for %zu tokens", all);
	dataset->token_room = token_room;
	return 0;
}

static int add(struct dataset *dataset, const struct record *record, struct err *err)
{
	if (grow(dataset, record->length, err) < 0)
		return -1;
	dataset->id[dataset->count] = record->id;
	dataset->begin[dataset->count] = dataset->token_count;
	memcpy(dataset->token + dataset->token_count, record->tokens,
	       record->length * sizeof *dataset->token);
	example_kinds(record, dataset->kind + dataset->token_count);
	memset(dataset->nats + dataset->token_count, 0, record->length * sizeof *dataset->nats);
	for (uint32_t i = 0; i < record->span_count; i++)
		dataset->nats[dataset->token_count + record->spans[i].begin] = (float)record->spans[i].nats;
	dataset->token_count += record->length;
	dataset->begin[++dataset->count] = dataset->token_count;
	return 0;
}

/* Are more records to be kept? */
static bool has_room(const struct dataset *dataset)
{
	return (dataset->most_records == 0 || dataset->count < dataset->most_records) &&
	       (dataset->most_tokens == 0 || dataset->token_count < dataset->most_tokens);
}

/* May it be validated on? number: of the record in its file. */
static int check(const struct dataset *dataset, const char *path, const struct record *record,
                 uint64_t number, struct err *err)
{
	struct err why = {0};

	if (dataset->context == 0 || example_check_length(record->length, dataset->context, &why) == 0)
		return 0;
	return err_set(err, "%s: record %ju (id %ju) has %s", err_path(path), (uintmax_t)number,
	               (uintmax_t)record->id, why.text);
}

int dataset_load(struct dataset *dataset, const char *path, struct vocab **vocab,
                 struct span_kinds *kinds, json_t **header, struct err *err)
{
	struct stream_reader *reader = token_stream_open(path, vocab, dataset->model, err);
	struct record_buffer buffer = {0};
	struct stream_record raw;
	int more;

	if (!reader)
		return -1;
	if (header && *header == NULL)
		*header = json_incref((json_t *)stream_header(reader));
	while ((more = stream_next(reader, &raw, err)) > 0) {
		struct record record;
		if (record_read_tokens(reader, &raw, *vocab, kinds, &buffer, &record, err) < 0 ||
		    check(dataset, path, &record, raw.number, err) < 0 ||
		    (has_room(dataset) && add(dataset, &record, err) < 0)) {
			more = -1;
			break;
		}
	}
	record_buffer_release(&buffer);
	stream_close(reader);
	return more;
}

size_t dataset_memory(const struct dataset *dataset)
{
	const size_t record = sizeof *dataset->id + sizeof *dataset->begin;
	const size_t token = sizeof *dataset->token + sizeof *dataset->kind + sizeof *dataset->nats;

	return dataset->record_room * record + dataset->token_room * token;
}

void dataset_release(struct dataset *dataset)
{
	free(dataset->id);
	free(dataset->begin);
	free(dataset->token);
	free(dataset->kind);
	free(dataset->nats);
	*dataset = (struct dataset){0};
}

size_t dataset_record_at(const struct dataset *dataset, uint64_t token)
{
	size_t low = 0, high = dataset->count;

	/* begin[low] <= token < begin[high]; records without a token lie in between */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (dataset->begin[middle] <= token)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int dataset_cut(struct dataset *dataset, size_t length, struct err *err)
{
	const size_t rest = dataset->token_count % length;
	const size_t count = dataset->token_count / length + (rest > 1);
	uint64_t *id = malloc((count + 1) * sizeof *id);
	uint64_t *begin = malloc((count + 1) * sizeof *begin);

	if (!id || !begin) {
		free(id);
		free(begin);
		return err_set(err, "out of memory for %zu pieces", count);
	}
	dataset->token_count -= rest == 1;
	for (size_t i = 0; i < count; i++) {
		begin[i] = i * length;
		id[i] = dataset->id[dataset_record_at(dataset, begin[i])];
	}
	begin[count] = dataset->token_count;
	free(dataset->id);
	free(dataset->begin);
	dataset->id = id;
	dataset->begin = begin;
	dataset->count = count;
	dataset->record_room = count + 1;
	return 0;
}

void dataset_nats(const struct dataset *dataset, size_t count, double *nats)
{
	for (int i = 0; i < SPAN_KINDS; i++)
		nats[i] = 0;
	for (size_t r = 0; r < count; r++)
		for (uint64_t i = dataset->begin[r] + 1; i < dataset->begin[r + 1]; i++)
			nats[dataset->kind[i]] += dataset->nats[i];
}

bool dataset_weighted(const struct dataset *dataset, size_t count, const float *weight)
{
	for (size_t r = 0; r < count; r++)
		for (uint64_t i = dataset->begin[r] + 1; i < dataset->begin[r + 1]; i++)
			if (weight[dataset->kind[i]] > 0)
				return true;
	return false;
}

uint64_t dataset_digest(const struct dataset *dataset, size_t count)
{
	const uint64_t tokens = XXH3_64bits(dataset->token,
	                                    dataset->begin[count] * sizeof *dataset->token);

	return XXH3_64bits_withSeed(dataset->begin, (count + 1) * sizeof *dataset->begin, tokens);
}

struct example dataset_example(const struct dataset *dataset, size_t index)
{
	const uint64_t begin = dataset->begin[index];

	return (struct example){
		.id = dataset->id[index],
		.token = dataset->token + begin,
		.kind = dataset->kind + begin,
		.length = (int)(dataset->begin[index + 1] - begin),
	};
}

int example_check_length(uint32_t length, int context, struct err *err)
{
	if (length >= 2 && length <= (uint32_t)context)
		return 0;
	char longer[40] = "";
	if (length > (uint32_t)context && length <= GPT_CONTEXT_MAX)
		snprintf(longer, sizeof longer, "--context %u takes it, ", length);
	return err_set(err, "%u tokens, expected 2 to the context of %d; gpt-train %s--pack text "
	               "trains on records of any length", length, context, longer);
}
