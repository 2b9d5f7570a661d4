#include "common/train/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "common/stream/record.h"
#include "common/stream/tokens.h"

void example_kinds(const struct record *record, uint8_t *kind)
{
	memset(kind, SPAN_OTHER, record->length);
	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		memset(kind + span->begin, span->kind, span->end - span->begin);
	}
}

/* Room for one more record of so many tokens. */
static int grow(struct corpus *corpus, size_t tokens, struct err *err)
{
	if (corpus->count + 2 > corpus->counted) {
		size_t room = corpus->counted ? 2 * corpus->counted : 1024;
		uint64_t *id = realloc(corpus->id, room * sizeof *id);
		if (id)
			corpus->id = id;
		uint64_t *begin = realloc(corpus->begin, room * sizeof *begin);
		if (begin)
			corpus->begin = begin;
		if (id == NULL || begin == NULL)
			return err_set(err, "out of memory for %zu records", room);
		corpus->counted = room;
	}
	if (corpus->token_count + tokens >= corpus->token_room) { /* not NULL, even for none */
		size_t room = 2 * corpus->token_room + tokens + 1;
		uint16_t *token = realloc(corpus->token, room * sizeof *token);
		if (token)
			corpus->token = token;
		uint8_t *kind = realloc(corpus->kind, room);
		if (kind)
			corpus->kind = kind;
		float *nats = realloc(corpus->nats, room * sizeof *nats);
		if (nats)
			corpus->nats = nats;
		if (token == NULL || kind == NULL || nats == NULL)
			return err_set(err, "out of memory for %zu tokens", room);
		corpus->token_room = room;
	}
	return 0;
}

static int add(struct corpus *corpus, const struct record *record, struct err *err)
{
	if (grow(corpus, record->length, err) < 0)
		return -1;
	corpus->id[corpus->count] = record->id;
	corpus->begin[corpus->count] = corpus->token_count;
	memcpy(corpus->token + corpus->token_count, record->tokens,
	       record->length * sizeof *corpus->token);
	example_kinds(record, corpus->kind + corpus->token_count);
	memset(corpus->nats + corpus->token_count, 0, record->length * sizeof *corpus->nats);
	for (uint32_t i = 0; i < record->span_count; i++)
		corpus->nats[corpus->token_count + record->spans[i].begin] = (float)record->spans[i].nats;
	corpus->token_count += record->length;
	corpus->begin[++corpus->count] = corpus->token_count;
	return 0;
}

int corpus_load(struct corpus *corpus, const char *path, struct vocab **vocab,
                struct span_kinds *kinds, json_t **header, struct err *err)
{
	struct stream_reader *reader = token_stream_open(path, vocab, err);
	struct record_buffer buffer = {0};
	struct stream_record raw;
	int more;

	if (reader == NULL)
		return -1;
	if (header && *header == NULL)
		*header = json_incref((json_t *)stream_header(reader));
	while ((more = stream_next(reader, &raw, err)) > 0) {
		struct record record;
		if (record_read_tokens(reader, &raw, *vocab, kinds, &buffer, &record, err) < 0 ||
		    add(corpus, &record, err) < 0) {
			more = -1;
			break;
		}
	}
	record_buffer_release(&buffer);
	stream_close(reader);
	return more;
}

void corpus_release(struct corpus *corpus)
{
	free(corpus->id);
	free(corpus->begin);
	free(corpus->token);
	free(corpus->kind);
	free(corpus->nats);
	*corpus = (struct corpus){0};
}

size_t corpus_record_at(const struct corpus *corpus, uint64_t token)
{
	size_t low = 0, high = corpus->count;

	/* begin[low] <= token < begin[high]; records without a token lie in between */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (corpus->begin[middle] <= token)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int corpus_cut(struct corpus *corpus, size_t length, struct err *err)
{
	const size_t rest = corpus->token_count % length;
	const size_t count = corpus->token_count / length + (rest > 1);
	uint64_t *id = malloc((count + 1) * sizeof *id);
	uint64_t *begin = malloc((count + 1) * sizeof *begin);

	if (id == NULL || begin == NULL) {
		free(id);
		free(begin);
		return err_set(err, "out of memory for %zu pieces", count);
	}
	corpus->token_count -= rest == 1;
	for (size_t i = 0; i < count; i++) {
		begin[i] = i * length;
		id[i] = corpus->id[corpus_record_at(corpus, begin[i])];
	}
	begin[count] = corpus->token_count;
	free(corpus->id);
	free(corpus->begin);
	corpus->id = id;
	corpus->begin = begin;
	corpus->count = count;
	corpus->counted = count + 1;
	return 0;
}

void corpus_nats(const struct corpus *corpus, size_t count, double *nats)
{
	for (int i = 0; i < SPAN_KINDS; i++)
		nats[i] = 0;
	for (size_t r = 0; r < count; r++)
		for (uint64_t i = corpus->begin[r] + 1; i < corpus->begin[r + 1]; i++)
			nats[corpus->kind[i]] += corpus->nats[i];
}

struct example corpus_example(const struct corpus *corpus, size_t index)
{
	const uint64_t begin = corpus->begin[index];

	return (struct example){
		.id = corpus->id[index],
		.token = corpus->token + begin,
		.kind = corpus->kind + begin,
		.length = (int)(corpus->begin[index + 1] - begin),
	};
}
