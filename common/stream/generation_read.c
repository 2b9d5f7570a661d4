/* generation_read.c - checks generations, and takes them over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/utf8.h"
#include "common/stream/generation.h"
#include "common/stream/map.h"
#include "common/stream/record.h"
#include "common/stream/text_field.h"

struct generation_buffer {
	struct record_buffer spans;
	uint32_t *offset; /* [length + 1] the byte that each character of the text begins at */
	size_t offset_room;
	struct generation_step *steps, *lenses;
	size_t step_room, lens_room, lens_count;
	struct generation_top *tops;
	size_t top_room, top_count;
	struct attribution *attributions;
	size_t attribution_room, attribution_count;
	struct attribution_values values;
};

struct generation_buffer *generation_buffer_new(struct err *err)
{
	struct generation_buffer *buffer = calloc(1, sizeof *buffer);

	if (!buffer)
		err_set(err, "out of memory");
	return buffer;
}

void generation_buffer_free(struct generation_buffer *buffer)
{
	if (!buffer)
		return;
	record_buffer_release(&buffer->spans);
	free(buffer->offset);
	free(buffer->steps);
	free(buffer->lenses);
	free(buffer->tops);
	free(buffer->attributions);
	free(buffer->values.at);
	free(buffer);
}

/* One field of a record or of a step, and the place it stands in. */
struct place {
	struct stream_reader *reader;
	struct err *err;
	long step; /* -1: the record itself */
	long lens; /* of that step; -1: the step itself */
};

static int bad_field(const struct place *place, const char *key, const char *wanted)
{
	if (place->step < 0)
		return stream_bad(place->reader, place->err, "\"%s\": expected %s", key, wanted);
	if (place->lens >= 0)
		return stream_bad(place->reader, place->err, "step %ld: lens %ld: \"%s\": expected %s",
		                  place->step, place->lens, key, wanted);
	return stream_bad(place->reader, place->err, "step %ld: \"%s\": expected %s",
	                  place->step, key, wanted);
}

static const msgpack_object *field(const struct place *place, const msgpack_object *map,
                                   const char *key, msgpack_object_type type,
                                   const char *wanted)
{
	const msgpack_object *value = map_field(map, key);

	if (value && value->type == type)
		return value;
	bad_field(place, key, wanted);
	return NULL;
}

/* A whole number of at most max. */
static int read_count(const struct place *place, const msgpack_object *map, const char *key,
                      uint64_t max, uint64_t *value)
{
	const msgpack_object *object = map_field(map, key);

	if (!object || object->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    object->via.u64 > max) {
		char wanted[64];
		snprintf(wanted, sizeof wanted, "a whole number from 0 to %llu",
		         (unsigned long long)max);
		return bad_field(place, key, wanted);
	}
	*value = object->via.u64;
	return 0;
}

/* A number from 0 to max; a writer may have made a whole one an integer. */
static bool number(const msgpack_object *object, double max, double *value)
{
	if (!object)
		return false;
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		*value = (double)object->via.u64;
	else if (object->type == MSGPACK_OBJECT_FLOAT32 || object->type == MSGPACK_OBJECT_FLOAT64)
		*value = object->via.f64;
	else
		return false;
	return *value >= 0 && *value <= max; /* false for NaN */
}

static int read_number(const struct place *place, const msgpack_object *map, const char *key,
                       double max, double *value)
{
	if (!number(map_field(map, key), max, value))
		return bad_field(place, key, max == 1 ? "a number from 0 to 1" :
		                 "a finite number of at least 0");
	return 0;
}

static int read_top(const struct place *place, const msgpack_object *map,
                    struct generation_buffer *buffer, struct generation_step *step)
{
	const msgpack_object *array = field(place, map, "top", MSGPACK_OBJECT_ARRAY, "an array");

	if (!array)
		return -1;
	step->top = buffer->top_count;
	step->top_count = array->via.array.size;
	if (array_reserve(&buffer->tops, &buffer->top_room, step->top + step->top_count) < 0)
		return stream_bad(place->reader, place->err, "out of memory");
	for (uint32_t i = 0; i < step->top_count; i++) {
		const msgpack_object *pair = &array->via.array.ptr[i];
		struct generation_top *top = &buffer->tops[buffer->top_count++];
		if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2 ||
		    !text_field_read(&pair->via.array.ptr[0], &top->piece) ||
		    !number(&pair->via.array.ptr[1], 1, &top->p))
			return bad_field(place, "top", "pairs of a piece of text and a number from 0 to 1");
	}
	return 0;
}

/* What a step and each lens of it have in common. */
static int read_distribution(const struct place *place, const msgpack_object *map,
                             struct generation_buffer *buffer, struct generation_step *step)
{
	uint64_t rank;

	if (read_count(place, map, "rank", VOCAB_MAX, &rank) < 0 ||
	    read_number(place, map, "p", 1, &step->p) < 0 ||
	    read_number(place, map, "entropy", 1e9, &step->entropy) < 0 ||
	    read_number(place, map, "rest", 1 + 1e-9, &step->rest) < 0)
		return -1;
	step->rank = (uint32_t)rank;
	return read_top(place, map, buffer, step);
}

static int read_lenses(struct place *place, const msgpack_object *map,
                       struct generation_buffer *buffer, struct generation_step *step)
{
	const msgpack_object *array = map_field(map, "lens");

	step->lens = buffer->lens_count;
	step->lens_count = 0;
	if (!array)
		return 0;
	if (array->type != MSGPACK_OBJECT_ARRAY)
		return bad_field(place, "lens", "an array");
	step->lens_count = array->via.array.size;
	if (array_reserve(&buffer->lenses, &buffer->lens_room, step->lens + step->lens_count) < 0)
		return stream_bad(place->reader, place->err, "out of memory");
	for (uint32_t i = 0; i < step->lens_count; i++) {
		struct generation_step *lens = &buffer->lenses[buffer->lens_count++];
		*lens = (struct generation_step){.position = step->position, .piece = step->piece};
		if (array->via.array.ptr[i].type != MSGPACK_OBJECT_MAP)
			return stream_bad(place->reader, place->err, "step %ld: lens %u: expected a map",
			                  place->step, i);
		place->lens = i;
		if (read_distribution(place, &array->via.array.ptr[i], buffer, lens) < 0)
			return -1;
	}
	place->lens = -1;
	return 0;
}

static int read_attribution(const struct place *place, const msgpack_object *map,
                            struct generation_buffer *buffer, struct generation_step *step)
{
	const msgpack_object *attribution = map_field(map, "attribution");
	struct err why = {0};

	step->attribution = 0;
	if (!attribution)
		return 0;
	if (array_reserve(&buffer->attributions, &buffer->attribution_room,
	                  buffer->attribution_count + 1) < 0)
		return stream_bad(place->reader, place->err, "out of memory");
	if (attribution_read(attribution, &buffer->attributions[buffer->attribution_count],
	                     &buffer->values, &why) < 0)
		return stream_bad(place->reader, place->err, "step %ld: attribution: %s", place->step,
		                  why.text);
	step->attribution = ++buffer->attribution_count;
	return 0;
}

/* Find the piece of a step in the text: within the character at its position, from the byte
 * `from` on. Returns where it ends; 0 if it is not there. */
static size_t find_piece(const struct generation *generation,
                         const struct generation_buffer *buffer,
                         const struct generation_step *step, size_t from)
{
	const struct piece *piece = &step->piece;
	const uint32_t *offset = buffer->offset + step->position;
	size_t at = from > offset[0] ? from : offset[0];

	for (; at < offset[1] && piece->size > 0 && piece->size <= generation->size - at; at++)
		if (memcmp(generation->text + at, piece->bytes, piece->size) == 0)
			return at + piece->size;
	return 0;
}

/* The character of the text that has the byte before `end`, from the character `from` on. */
static uint32_t character_before(const struct generation_buffer *buffer, size_t end, uint32_t from)
{
	while (buffer->offset[from + 1] < end)
		from++;
	return from;
}

/* *end: where the piece of the step before ends in the text, and then of this one. */
static int read_step(struct place *place, const msgpack_object *map,
                     struct generation_buffer *buffer, const struct generation *generation,
                     struct generation_step *step, size_t *end)
{
	uint64_t position;

	if (map->type != MSGPACK_OBJECT_MAP)
		return stream_bad(place->reader, place->err, "step %ld: expected a map", place->step);
	if (generation->length == 0)
		return stream_bad(place->reader, place->err, "steps without a text");
	if (read_count(place, map, "pos", generation->length - 1, &position) < 0 ||
	    read_distribution(place, map, buffer, step) < 0)
		return -1;
	step->position = step->last = (uint32_t)position;
	if (!text_field_read(map_field(map, "char"), &step->piece))
		return bad_field(place, "char", "a piece of text");
	if (buffer->offset[position + 1] <= *end && step->piece.size > 0)
		return bad_field(place, "pos", "a character behind the piece of the step before");
	if (step->piece.size > 0) {
		*end = find_piece(generation, buffer, step, *end);
		if (*end == 0)
			return bad_field(place, "char", "what the text has at \"pos\"");
		step->last = character_before(buffer, *end, step->position);
	}
	if (read_lenses(place, map, buffer, step) < 0)
		return -1;
	return read_attribution(place, map, buffer, step);
}

static int read_steps(struct place *place, const msgpack_object *map,
                      struct generation_buffer *buffer, struct generation *generation)
{
	const msgpack_object *array = field(place, map, "steps", MSGPACK_OBJECT_ARRAY, "an array");

	if (!array)
		return -1;
	generation->step_count = array->via.array.size;
	if (array_reserve(&buffer->steps, &buffer->step_room, generation->step_count) < 0)
		return stream_bad(place->reader, place->err, "out of memory");
	size_t end = 0;
	buffer->top_count = buffer->lens_count = buffer->attribution_count = buffer->values.count = 0;
	for (uint32_t i = 0; i < generation->step_count; i++) {
		place->step = i;
		if (read_step(place, &array->via.array.ptr[i], buffer, generation,
		              &buffer->steps[i], &end) < 0)
			return -1;
	}
	place->step = -1;
	generation->steps = buffer->steps;
	generation->lenses = buffer->lenses;
	generation->tops = buffer->tops;
	generation->attributions = buffer->attributions;
	generation->attribution_values = buffer->values.at;
	return 0;
}

/* A field with a text. */
static int read_field(const struct place *place, const msgpack_object *map, const char *key,
                      struct piece *text)
{
	const msgpack_object *value = map_field(map, key);

	text->bytes = NULL;
	if (text_field_read(value, text))
		return 0;
	return bad_field(place, key, value && value->type == MSGPACK_OBJECT_STR ? "UTF-8" : "a string");
}

/* The text, and in buffer where its characters begin. */
static int read_text(const struct place *place, const msgpack_object *map,
                     struct generation_buffer *buffer, struct generation *generation)
{
	struct piece text;
	uint32_t code;
	size_t at = 0;

	if (read_field(place, map, "text", &text) < 0)
		return -1;
	generation->text = text.bytes;
	generation->size = text.size;
	generation->length = (uint32_t)text_length(text.bytes, text.size);
	if (array_reserve(&buffer->offset, &buffer->offset_room, (size_t)generation->length + 1) < 0)
		return stream_bad(place->reader, place->err, "out of memory");
	for (uint32_t i = 0; i < generation->length; i++) {
		buffer->offset[i] = (uint32_t)at;
		at += text_decode(text.bytes + at, text.size - at, &code);
	}
	buffer->offset[generation->length] = (uint32_t)at;
	return 0;
}

static int read_reference(const struct place *place, const msgpack_object *map,
                          struct generation *generation)
{
	struct piece text;

	if (!map_field(map, "reference"))
		return 0;
	if (read_field(place, map, "reference", &text) < 0)
		return -1;
	generation->reference = text.bytes;
	generation->reference_size = text.size;
	generation->reference_length = (uint32_t)text_length(text.bytes, text.size);
	return 0;
}

static int read_stop(const struct place *place, const msgpack_object *map,
                     enum generation_stop *stop)
{
	const msgpack_object *word = map_field(map, "stop");

	for (*stop = 0; *stop < GENERATION_STOPS; ++*stop) {
		const char *known = generation_stop_word(*stop);
		if (word && word->type == MSGPACK_OBJECT_STR && word->via.str.size == strlen(known) &&
		    memcmp(word->via.str.ptr, known, word->via.str.size) == 0)
			return 0;
	}
	return bad_field(place, "stop", "\"stop\", \"length\", \"context\" or \"end\"");
}

/* The first span of the kind that prompts end before, if this prompt does. */
static const struct span *find_from(struct stream_reader *reader, const struct span_kinds *kinds,
                                    const struct generation *generation)
{
	const json_t *sampling = json_object_get(stream_header(reader), "sampling");
	const char *word = json_string_value(json_object_get(sampling, "from"));
	const int kind = word && generation->reference ? span_kind_find(kinds, word) : -1;

	for (uint32_t i = 0; kind >= 0 && i < generation->span_count; i++)
		if (generation->spans[i].kind == kind)
			return generation->spans[i].begin >= generation->prompt ? &generation->spans[i] : NULL;
	return NULL;
}

int generation_read(struct stream_reader *reader, const struct stream_record *raw,
                    struct span_kinds *kinds, struct generation_buffer *buffer,
                    struct generation *generation, struct err *err)
{
	struct place place = {reader, err, -1, -1};
	const msgpack_object *spans;
	uint64_t sample, prompt;
	uint32_t length;
	long count;

	*generation = (struct generation){0};
	if (read_count(&place, raw->map, "id", UINT64_MAX, &generation->id) < 0 ||
	    read_count(&place, raw->map, "sample", UINT32_MAX, &sample) < 0 ||
	    read_text(&place, raw->map, buffer, generation) < 0 ||
	    read_count(&place, raw->map, "prompt", generation->length, &prompt) < 0 ||
	    read_reference(&place, raw->map, generation) < 0 ||
	    record_read_directory(reader, raw, &generation->directory, err) < 0 ||
	    read_stop(&place, raw->map, &generation->stop) < 0 ||
	    read_steps(&place, raw->map, buffer, generation) < 0)
		return -1;
	generation->sample = (uint32_t)sample;
	generation->prompt = (uint32_t)prompt;
	spans = field(&place, raw->map, "spans", MSGPACK_OBJECT_ARRAY, "an array");
	if (!spans)
		return -1;
	length = generation->reference ? generation->reference_length : generation->length;
	count = record_read_spans(reader, spans, length, kinds, &buffer->spans, err);
	if (count < 0)
		return -1;
	generation->spans = buffer->spans.spans;
	generation->span_count = (uint32_t)count;
	generation->from = find_from(reader, kinds, generation);
	return 0;
}
