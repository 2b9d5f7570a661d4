#include "common/stream/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/stream/generation.h"

enum kind { TEXT, TOKENS, GENERATIONS };

struct source {
	char **paths;
	int count, opened; /* files in all, files opened so far */
	const struct vocab *vocab;
	struct stream_reader *reader; /* of the file that is being read */
	json_t *header; /* the first one */
	enum kind kind;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct generation_buffer *generation;
	uint32_t sample; /* of the record read last */
};

/* Tokens mean the same to both vocabularies, or an error names one that does not. */
static int compare_vocab(const struct source *source, const char *path, struct err *err)
{
	struct err why = {0};
	struct vocab *vocab = header_vocab(stream_header(source->reader), &why);
	int result = 0, have, want;

	if (!vocab)
		return err_set(err, "%s: header: %s", path, why.text);
	have = vocab_size(vocab);
	want = vocab_size(source->vocab);
	for (int i = 0; result == 0 && i < have && i < want; i++)
		if (vocab_code(vocab, i) != vocab_code(source->vocab, i))
			result = err_set(err, "%s: the tokens are not the model's: token %d is "
			                 "U+%04X '%s' here, but U+%04X '%s' in the model; "
			                 "tokenize -d makes text of them, which fits any model that "
			                 "has its characters", path, i, vocab_code(vocab, i),
			                 vocab_char(vocab, i), vocab_code(source->vocab, i),
			                 vocab_char(source->vocab, i));
	if (result == 0 && have != want)
		result = err_set(err, "%s: the tokens are not the model's: a vocabulary of %d "
		                 "characters here, but of %d in the model; token %d is U+%04X '%s'",
		                 path, have, want, have < want ? have : want,
		                 have < want ? vocab_code(source->vocab, have) :
		                 vocab_code(vocab, want),
		                 have < want ? vocab_char(source->vocab, have) :
		                 vocab_char(vocab, want));
	vocab_free(vocab);
	return result;
}

static int open_next(struct source *source, struct err *err)
{
	static const char *const kinds[] = {STREAM_TEXT, STREAM_TOKENS, STREAM_GENERATIONS, NULL};
	const char *path = source->count > 0 ? source->paths[source->opened] : "-";
	const char *kind;

	source->opened++;
	stream_close(source->reader);
	source->reader = stream_open(path, kinds, err);
	if (!source->reader)
		return -1;
	if (!source->header)
		source->header = json_deep_copy(stream_header(source->reader));
	kind = header_string(stream_header(source->reader), "stream");
	source->kind = strcmp(kind, STREAM_TEXT) == 0 ? TEXT :
	               strcmp(kind, STREAM_TOKENS) == 0 ? TOKENS : GENERATIONS;
	if (source->kind == TOKENS)
		return compare_vocab(source, err_path(path), err);
	return 0;
}

struct source *source_open(char **paths, int count, const struct vocab *vocab,
                           struct err *err)
{
	struct source *source = calloc(1, sizeof *source);

	if (!source) {
		err_set(err, "out of memory");
		return NULL;
	}
	source->paths = paths;
	source->count = count;
	source->vocab = vocab;
	span_kinds_init(&source->kinds);
	source->generation = generation_buffer_new(err);
	if (source->generation && open_next(source, err) == 0)
		return source;
	source_close(source);
	return NULL;
}

const json_t *source_header(const struct source *source)
{
	return source->header;
}

const struct span_kinds *source_kinds(const struct source *source)
{
	return &source->kinds;
}

uint32_t source_sample(const struct source *source)
{
	return source->sample;
}

/* How many code points a generation has in common with its reference, from the
 * start: the prompt, and what the model wrote of it. */
static uint32_t same_as_reference(const struct generation *generation)
{
	size_t same = 0;
	uint32_t codes = 0;

	while (same < generation->size && same < generation->reference_size &&
	       generation->text[same] == generation->reference[same])
		same++;
	for (size_t at = 0, bytes; at < same; at += bytes, codes++) {
		uint32_t code;
		bytes = utf8_decode(generation->text + at, generation->size - at, &code);
		if (bytes == 0 || at + bytes > same)
			break; /* only a part of this one is the same */
	}
	return codes;
}

/* The text of a generation, with those spans of its reference that hold in it. */
static int read_generation(struct source *source, const struct stream_record *raw,
                           struct record *record, struct err *err)
{
	struct generation generation;

	if (generation_read(source->reader, raw, &source->kinds, source->generation,
	                    &generation, err) < 0)
		return -1;
	source->sample = generation.sample;
	*record = (struct record){
		.id = generation.id,
		.text = generation.text,
		.size = generation.size,
		.length = generation.length,
		.spans = generation.spans,
		.span_count = generation.span_count,
	};
	if (!generation.reference)
		return 0;
	const uint32_t same = same_as_reference(&generation);
	while (record->span_count > 0 && record->spans[record->span_count - 1].end > same)
		record->span_count--;
	return 0;
}

/* A record as it stands in the stream. */
static int read_record(struct source *source, const struct stream_record *raw,
                       struct record *record, struct err *err)
{
	switch (source->kind) {
	case TEXT:
		return record_read_text(source->reader, raw, &source->kinds, &source->buffer, record,
		                        err);
	case TOKENS:
		return record_read_tokens(source->reader, raw, source->vocab, &source->kinds,
		                          &source->buffer, record, err);
	default:
		return read_generation(source, raw, record, err);
	}
}

int source_next(struct source *source, struct record *record, struct err *err)
{
	struct err why = {0};
	struct stream_record raw;
	int more;

	while ((more = stream_next(source->reader, &raw, err)) == 0 &&
	       source->opened < source->count)
		if (open_next(source, err) < 0)
			return -1;
	if (more <= 0)
		return more;
	source->sample = 0;
	if (read_record(source, &raw, record, err) < 0)
		return -1;
	if (source->kind == TOKENS)
		record_decode(source->vocab, &source->buffer, record, &why);
	else
		record_encode(source->vocab, &source->buffer, record, &why);
	return why.status ? source_bad(source, err, "%s", why.text) : 1;
}

bool source_ready(struct source *source)
{
	return stream_ready(source->reader);
}

/* The kinds of a record's spans as a list for people. */
static void list_kinds(const struct source *source, const struct record *record, char *text,
                       size_t size)
{
	uint64_t seen = 0;
	size_t at = 0;

	snprintf(text, size, "none");
	for (uint32_t i = 0; i < record->span_count && at < size; i++) {
		int kind = record->spans[i].kind;
		if (!(seen >> kind & 1))
			at += (size_t)snprintf(text + at, size - at, "%s%s", seen ? ", " : "",
			                       source->kinds.word[kind]);
		seen |= UINT64_C(1) << kind;
	}
}

long source_find(struct source *source, const struct record *record, const char *kind,
                 struct err *err)
{
	int wanted = span_kind_find(&source->kinds, kind);
	char have[200];

	for (uint32_t i = 0; wanted >= 0 && i < record->span_count; i++)
		if (record->spans[i].kind == wanted)
			return i;
	list_kinds(source, record, have, sizeof have);
	return source_bad(source, err, "no span of kind '%s'; the record has: %s", kind, have);
}

long source_prompt(struct source *source, const struct record *record, const char *kind,
                   struct err *err)
{
	long first = source_find(source, record, kind, err);

	if (first < 0)
		return -1;
	if (record->spans[first].begin > 0)
		return record->spans[first].begin;
	return source_bad(source, err, "nothing stands before the first '%s' span", kind);
}

int source_bad(struct source *source, struct err *err, const char *format, ...)
{
	char text[sizeof err->text];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return stream_bad(source->reader, err, "%s", text);
}

void source_close(struct source *source)
{
	if (!source)
		return;
	stream_close(source->reader);
	json_decref(source->header);
	record_buffer_release(&source->buffer);
	generation_buffer_free(source->generation);
	free(source);
}
