#include "common/stream/record_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/stream/generation.h"
#include "common/stream/map.h"

enum kind { TEXT, TOKENS, GENERATIONS };

struct record_reader {
	char **paths;
	int count, opened; /* files in all, files opened so far */
	const struct vocab *vocab;
	struct stream_reader *stream; /* of the file that is being read */
	json_t *header; /* the first one */
	enum kind kind;
	struct span_kinds kinds;
	struct record_buffer buffer;
	struct generation_buffer *generation;
	bool own; /* of generations: is their vocabulary that of the model, and are tokens pieces? */
	uint32_t sample; /* of the record read last */
	uint64_t split; /* prompts that end before their span */
};

/* Each token of the stream that was opened must be the same piece in the model. */
static int check_vocab(const struct record_reader *reader, const char *path, struct err *err)
{
	struct vocab *vocab = stream_vocab(reader->stream, err);
	char difference[VOCAB_DIFFERENCE];
	int result = 0;

	if (!vocab)
		return -1;
	if (!vocab_equal(vocab, reader->vocab))
		result = err_set(err, "%s: its vocabulary is not the model's: %s; tokenize -d makes text "
		                 "of the tokens, which fits any model that has its characters", path,
		                 vocab_difference(vocab, reader->vocab, "the model", difference));
	vocab_free(vocab);
	return result;
}

/* Do the tokens of the generations that were opened mean to the model what they meant to theirs? */
static int check_own(struct record_reader *reader, struct err *err)
{
	struct vocab *vocab = NULL;

	reader->own = false;
	if (vocab_is_characters(reader->vocab) ||
	    !json_object_get(stream_header(reader->stream), "vocab"))
		return 0;
	if (!(vocab = stream_vocab(reader->stream, err)))
		return -1;
	reader->own = vocab_equal(vocab, reader->vocab);
	vocab_free(vocab);
	return 0;
}

static int open_next(struct record_reader *reader, struct err *err)
{
	static const char *const kinds[] = {STREAM_TEXT, STREAM_TOKENS, STREAM_GENERATIONS, NULL};
	const char *path = reader->count > 0 ? reader->paths[reader->opened] : "-";
	const char *kind;

	reader->opened++;
	stream_close(reader->stream);
	reader->stream = stream_open(path, kinds, err);
	if (!reader->stream)
		return -1;
	if (!reader->header)
		reader->header = json_deep_copy(stream_header(reader->stream));
	kind = header_string(stream_header(reader->stream), "stream");
	reader->kind = strcmp(kind, STREAM_TEXT) == 0 ? TEXT :
	               strcmp(kind, STREAM_TOKENS) == 0 ? TOKENS : GENERATIONS;
	if (reader->kind == TOKENS)
		return check_vocab(reader, err_path(path), err);
	return reader->kind == GENERATIONS ? check_own(reader, err) : 0;
}

struct record_reader *record_reader_open(char **paths, int count, const struct vocab *vocab,
                                         struct err *err)
{
	struct record_reader *reader = calloc(1, sizeof *reader);

	if (!reader) {
		err_set(err, "out of memory");
		return NULL;
	}
	reader->paths = paths;
	reader->count = count;
	reader->vocab = vocab;
	span_kinds_init(&reader->kinds);
	reader->generation = generation_buffer_new(err);
	if (reader->generation && open_next(reader, err) == 0)
		return reader;
	record_reader_close(reader);
	return NULL;
}

const json_t *record_reader_header(const struct record_reader *reader)
{
	return reader->header;
}

const struct span_kinds *record_reader_kinds(const struct record_reader *reader)
{
	return &reader->kinds;
}

uint32_t record_reader_sample(const struct record_reader *reader)
{
	return reader->sample;
}

/* How many code points the text of a generation shares with its reference, from the start:
 * the prompt, and as much of the reference as the model wrote. */
static uint32_t same_as_reference(const struct generation *generation)
{
	size_t same = 0;
	while (same < generation->size && same < generation->reference_size &&
	       generation->text[same] == generation->reference[same])
		same++;
	uint32_t codes = (uint32_t)text_length(generation->text, same);
	while (text_offset(generation->text, generation->size, codes) > same)
		codes--; /* of the last character, only some bytes are the same */
	return codes;
}

/* The text of a generation. Of its spans, which are the reference's, those that end within
 * what text and reference share. */
static int read_generation(struct record_reader *reader, const struct stream_record *raw,
                           struct record *record, struct err *err)
{
	struct generation generation;

	if (generation_read(reader->stream, raw, &reader->kinds, reader->generation,
	                    &generation, err) < 0)
		return -1;
	reader->sample = generation.sample;
	*record = (struct record){
		.id = generation.id,
		.text = generation.text,
		.size = generation.size,
		.length = generation.length,
		.spans = generation.spans,
		.span_count = generation.span_count,
		.text_length = generation.length,
		.text_spans = generation.spans,
		.text_span_count = generation.span_count,
		.directory = generation.directory,
	};
	if (!generation.reference)
		return 0;
	const uint32_t same = same_as_reference(&generation);
	while (record->span_count > 0 && record->spans[record->span_count - 1].end > same)
		record->span_count--;
	record->text_span_count = record->span_count;
	return 0;
}

/* The tokens of a text, and spans over them. A generation of this model or of another with its
 * vocabulary keeps the tokens that it was written in, which need not be those of its text. */
static int read_tokens(struct record_reader *reader, const struct stream_record *raw,
                       struct record *record, struct err *err)
{
	struct text_buffer *text = &reader->buffer.text;
	struct err why = {0};

	if (reader->kind != GENERATIONS || !reader->own || !map_field(raw->map, "tokens"))
		return record_encode(reader->vocab, &reader->buffer, record, &why) < 0 ?
		       record_reader_bad(reader, err, "%s", why.text) : 0;
	if (record_read_token_field(reader->stream, raw, reader->vocab, &reader->buffer, record,
	                            err) < 0)
		return -1;
	text_buffer_clear(text);
	if (!text_buffer_reserve(text, vocab_decoded_size(reader->vocab, record->tokens,
	                                                  record->length)))
		return err_set(err, "out of memory");
	text->size = vocab_decode(reader->vocab, record->tokens, record->length, text->text);
	if (text->size != record->size || memcmp(text->text, record->text, text->size) != 0)
		return record_reader_bad(reader, err, "\"tokens\" are not those of the text");
	return record_place_spans(reader->vocab, &reader->buffer, record, err);
}

/* The text of a record of any kind of stream; of tokens, the tokens too. */
static int read_text(struct record_reader *reader, const struct stream_record *raw,
                     struct record *record, struct err *err)
{
	struct err why = {0};

	if (reader->kind == GENERATIONS)
		return read_generation(reader, raw, record, err);
	if (reader->kind == TEXT)
		return record_read_text(reader->stream, raw, &reader->kinds, &reader->buffer, record, err);
	if (record_read_tokens(reader->stream, raw, reader->vocab, &reader->kinds, &reader->buffer,
	                       record, err) < 0)
		return -1;
	if (record_decode(reader->vocab, &reader->buffer, record, &why) < 0)
		return record_reader_bad(reader, err, "%s", why.text);
	return 0;
}

int record_reader_next(struct record_reader *reader, struct record *record, struct err *err)
{
	struct stream_record raw;
	int more;

	while ((more = stream_next(reader->stream, &raw, err)) == 0 &&
	       reader->opened < reader->count)
		if (open_next(reader, err) < 0)
			return -1;
	if (more <= 0)
		return more;
	reader->sample = 0;
	if (read_text(reader, &raw, record, err) < 0)
		return -1;
	return reader->kind == TOKENS || read_tokens(reader, &raw, record, err) == 0 ? 1 : -1;
}

bool record_reader_ready(struct record_reader *reader)
{
	return stream_ready(reader->stream);
}

/* The kinds of a record's spans as a list, each once. */
static void list_kinds(const struct record_reader *reader, const struct record *record,
                       char *text, size_t size)
{
	uint64_t seen = 0;
	size_t at = 0;

	snprintf(text, size, "none");
	for (uint32_t i = 0; i < record->span_count && at < size; i++) {
		int kind = record->spans[i].kind;
		if (!(seen >> kind & 1))
			at += (size_t)snprintf(text + at, size - at, "%s%s", seen ? ", " : "",
			                       reader->kinds.word[kind]);
		seen |= UINT64_C(1) << kind;
	}
}

long record_reader_find_span(struct record_reader *reader, const struct record *record,
                             const char *kind, struct err *err)
{
	int wanted = span_kind_find(&reader->kinds, kind);
	char have[200];

	for (uint32_t i = 0; wanted >= 0 && i < record->span_count; i++)
		if (record->spans[i].kind == wanted)
			return i;
	for (uint32_t i = 0; wanted >= 0 && i < record->text_span_count; i++)
		if (record->text_spans[i].kind == wanted)
			return record_reader_bad(reader, err, "the span of kind '%s' has no token of its own: "
			                         "it stands within a token that ends behind it", kind);
	list_kinds(reader, record, have, sizeof have);
	return record_reader_bad(reader, err, "no span of kind '%s'; the record has: %s", kind, have);
}

int record_reader_select(struct record_reader *reader, const struct record *record,
                         const char *kind, int rows, int32_t *token, struct err *err)
{
	const long first = kind ? record_reader_find_span(reader, record, kind, err) : 0;
	int count = 0;

	if (first < 0)
		return -1;
	if (!kind)
		for (; count < rows; count++)
			token[count] = count;
	for (uint32_t i = (uint32_t)first; kind && i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		if (span->kind != record->spans[first].kind)
			continue;
		for (uint32_t at = span->begin; at < span->end && at < (uint32_t)rows; at++)
			token[count++] = (int32_t)at;
	}
	return count;
}

/* Does the first span of a kind begin where its first token does? */
static bool begins_at_token(const struct record_reader *reader, const struct record *record,
                            const struct span *span)
{
	uint32_t i = 0;
	size_t bytes = 0;

	if (vocab_is_characters(reader->vocab))
		return true;
	while (i < record->text_span_count && record->text_spans[i].kind != span->kind)
		i++;
	for (uint32_t k = 0; k < span->begin; k++)
		bytes += vocab_piece(reader->vocab, record->tokens[k]).size;
	return i < record->text_span_count &&
	       text_offset(record->text, record->size, record->text_spans[i].begin) == bytes;
}

uint64_t record_reader_split(const struct record_reader *reader)
{
	return reader->split;
}

long record_reader_prompt_length(struct record_reader *reader, const struct record *record,
                                 const char *kind, struct err *err)
{
	long first = record_reader_find_span(reader, record, kind, err);

	if (first < 0)
		return -1;
	if (record->spans[first].begin > 0) {
		reader->split += !begins_at_token(reader, record, &record->spans[first]);
		return record->spans[first].begin;
	}
	return record_reader_bad(reader, err, "nothing stands before the first '%s' span", kind);
}

int record_reader_bad(struct record_reader *reader, struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	stream_vbad(reader->stream, err, format, args);
	va_end(args);
	return -1;
}

void record_reader_close(struct record_reader *reader)
{
	if (!reader)
		return;
	stream_close(reader->stream);
	json_decref(reader->header);
	record_buffer_release(&reader->buffer);
	generation_buffer_free(reader->generation);
	free(reader);
}
