#include "common/stream/generation.h"

#include <string.h>

#include "common/stream/pack.h"
#include "common/stream/record.h"
#include "common/stream/stream_limits.h"
#include "common/stream/text_field.h"

static const char *const stop_words[] = {
	[GENERATION_STOP] = "stop",
	[GENERATION_LENGTH] = "length",
	[GENERATION_CONTEXT] = "context",
	[GENERATION_END] = "end",
};

const char *generation_stop_word(enum generation_stop stop)
{
	return stop_words[stop];
}

json_t *generation_header(const json_t *from, const struct vocab *vocab, json_t *model,
                          int probs, const char *how, json_t *settings, int argc, char **argv)
{
	json_t *header = header_new_of_model(STREAM_GENERATIONS, from, vocab, model, argc, argv);
	int size = vocab_size(vocab);

	json_object_set_new(header, "probs", json_integer(probs < size ? probs : size));
	json_object_set_new(header, how, settings);
	if (!vocab_is_characters(vocab))
		json_object_set_new(header, "bin", json_pack("{s:s}", "tokens", header_token_type(vocab)));
	return header;
}

uint32_t generation_steps_max(int tops)
{
	const uint64_t objects = 1 + 2 * 7 + 1 + 3 * (uint64_t)tops; /* of pack_step() */

	/* An object takes 5 bytes at most, so objects come to their limit before bytes do. A tenth is
	 * for the spans. */
	return (uint32_t)(stream_record_limits(STREAM_GENERATIONS)->objects * 9 / 10 / objects);
}

static void pack_distribution(msgpack_packer *packer, const struct generation_step *step,
                              const struct generation_top *top)
{
	pack_key(packer, "p");
	msgpack_pack_double(packer, step->p);
	pack_key(packer, "rank");
	msgpack_pack_uint32(packer, step->rank);
	pack_key(packer, "entropy");
	msgpack_pack_double(packer, step->entropy);
	pack_key(packer, "rest");
	msgpack_pack_double(packer, step->rest);
	pack_key(packer, "top");
	msgpack_pack_array(packer, step->top_count);
	for (uint32_t i = 0; i < step->top_count; i++) {
		msgpack_pack_array(packer, 2);
		text_field_pack(packer, top[i].piece.bytes, top[i].piece.size);
		msgpack_pack_double(packer, top[i].p);
	}
}

static void pack_lenses(msgpack_packer *packer, const struct generation *generation,
                        const struct generation_step *step)
{
	pack_key(packer, "lens");
	msgpack_pack_array(packer, step->lens_count);
	for (uint32_t i = 0; i < step->lens_count; i++) {
		const struct generation_step *lens = &generation->lenses[step->lens + i];
		msgpack_pack_map(packer, 5);
		pack_distribution(packer, lens, generation->tops + lens->top);
	}
}

static void pack_attribution(msgpack_packer *packer, const struct generation *generation,
                             const struct generation_step *step)
{
	const struct attribution *attribution = &generation->attributions[step->attribution - 1];

	pack_key(packer, "attribution");
	attribution_pack(packer, attribution, generation->attribution_values + attribution->first);
}

static void pack_step(msgpack_packer *packer, const struct generation *generation,
                      const struct generation_step *step)
{
	msgpack_pack_map(packer, 7 + (step->lens_count > 0) + (step->attribution > 0));
	pack_key(packer, "pos");
	msgpack_pack_uint32(packer, step->position);
	pack_key(packer, "char");
	text_field_pack(packer, step->piece.bytes, step->piece.size);
	pack_distribution(packer, step, generation->tops + step->top);
	if (step->lens_count > 0)
		pack_lenses(packer, generation, step);
	if (step->attribution > 0)
		pack_attribution(packer, generation, step);
}

int generation_write(struct stream_writer *writer, const struct generation *generation,
                     const struct span_kinds *kinds, struct err *err)
{
	const char *stop = generation_stop_word(generation->stop);
	msgpack_packer *packer = stream_record(writer);

	msgpack_pack_map(packer, 7 + !!generation->reference + !!generation->directory.bytes +
	                         !!generation->tokens);
	pack_key(packer, "id");
	msgpack_pack_uint64(packer, generation->id);
	pack_key(packer, "sample");
	msgpack_pack_uint32(packer, generation->sample);
	pack_key(packer, "text");
	text_field_pack(packer, generation->text, generation->size);
	if (generation->tokens) {
		const struct record tokens = {
			.tokens = generation->tokens, .length = generation->token_count,
		};
		pack_key(packer, "tokens");
		record_pack_tokens(packer, &tokens, generation->vocab);
	}
	pack_key(packer, "prompt");
	msgpack_pack_uint32(packer, generation->prompt);
	if (generation->reference) {
		pack_key(packer, "reference");
		text_field_pack(packer, generation->reference, generation->reference_size);
	}
	record_pack_directory(packer, &generation->directory);
	pack_key(packer, "spans");
	record_pack_spans(packer, generation->spans, generation->span_count, kinds);
	pack_key(packer, "stop");
	pack_string(packer, stop, strlen(stop));
	pack_key(packer, "steps");
	msgpack_pack_array(packer, generation->step_count);
	for (uint32_t i = 0; i < generation->step_count; i++)
		pack_step(packer, generation, &generation->steps[i]);
	return stream_commit(writer, err);
}
