#include "common/sample/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text_buffer.h"
#include "common/model/gpt_inspect.h"
#include "common/model/kv_cache.h"
#include "common/model/unwritten.h"

struct slot {
	struct request *request; /* NULL: free */
	uint32_t begin; /* the first token of the text that the network still reads, at position 0 */
	uint32_t fed; /* tokens in the cache, from there on */
	struct rng rng;
};

struct decoder {
	const struct gpt_config *config;
	const struct vocab *vocab;
	const struct engine_settings *settings;
	struct kv_cache *cache;
	struct sampler *sampler;
	struct slot *slots;
	int slot_count, busy; /* slots in all, slots with a request */
	/* one pass: its rows, and those of them whose logits are wanted */
	int rows, rows_max, wanted;
	int32_t *token, *slot, *position; /* [rows_max] */
	uint8_t *ablated; /* [rows_max] */
	int32_t *want, *owner; /* [slot_count]: a row, and the slot it belongs to */
	float *logits; /* [slot_count, vocab] */
	struct text_buffer tail; /* of a text: where the stop string may be */
};

/* -1 with err set if memory is out. */
static int forbid_padding(struct decoder *decoder, struct err *err)
{
	bool *never = calloc((size_t)vocab_size(decoder->vocab), sizeof *never);
	int result;

	if (!never)
		return err_set(err, "out of memory");
	unwritten_tokens(decoder->vocab, &decoder->settings->ends, never);
	result = sampler_forbid(decoder->sampler, never, err);
	free(never);
	return result;
}

struct decoder *decoder_new(struct gpt *gpt, const struct gpt_config *config,
                            const struct vocab *vocab,
                            const struct engine_settings *settings, int slots,
                            struct err *err)
{
	struct decoder *decoder = calloc(1, sizeof *decoder);
	size_t rows = (size_t)slots + DECODER_PROMPT_ROWS;

	if (!decoder) {
		err_set(err, "out of memory");
		return NULL;
	}
	decoder->config = config;
	decoder->vocab = vocab;
	decoder->settings = settings;
	decoder->slot_count = slots;
	decoder->rows_max = (int)rows;
	decoder->slots = calloc((size_t)slots, sizeof *decoder->slots);
	decoder->token = malloc(rows * sizeof *decoder->token);
	decoder->slot = malloc(rows * sizeof *decoder->slot);
	decoder->position = malloc(rows * sizeof *decoder->position);
	decoder->ablated = malloc(rows * sizeof *decoder->ablated);
	decoder->want = malloc((size_t)slots * sizeof *decoder->want);
	decoder->owner = malloc((size_t)slots * sizeof *decoder->owner);
	decoder->logits = malloc((size_t)slots * (size_t)config->vocab * sizeof *decoder->logits);
	decoder->sampler = sampler_new(config->vocab, settings->probs, err);
	decoder->cache = kv_cache_new(gpt, slots, err);
	gpt_ablate_rows(gpt, decoder->ablated);
	if (decoder->slots && decoder->token && decoder->slot && decoder->position &&
	    decoder->ablated && decoder->want && decoder->owner && decoder->logits &&
	    decoder->sampler && decoder->cache && forbid_padding(decoder, err) == 0)
		return decoder;
	err_set(err, "out of memory for a batch of %d", slots);
	decoder_free(decoder);
	return NULL;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	kv_cache_free(decoder->cache);
	sampler_free(decoder->sampler);
	free(decoder->slots);
	free(decoder->token);
	free(decoder->slot);
	free(decoder->position);
	free(decoder->ablated);
	free(decoder->want);
	free(decoder->owner);
	free(decoder->logits);
	text_buffer_release(&decoder->tail);
	free(decoder);
}

/* Give every free slot a request; wait for one only where there is nothing to do. */
static void fill_slots(struct decoder *decoder, struct request_queue *queue)
{
	for (int i = 0; i < decoder->slot_count; i++) {
		struct slot *slot = &decoder->slots[i];
		if (slot->request)
			continue;
		slot->request = request_queue_take(queue, decoder->busy == 0);
		if (!slot->request)
			return;
		const struct generation *generation = &slot->request->generation;
		const uint32_t context = (uint32_t)decoder->config->context;
		slot->begin = generation->prompt > context ? generation->prompt - context : 0;
		slot->fed = 0;
		sampler_rng(&slot->rng, decoder->settings->seed, generation->id,
		            generation->sample);
		decoder->busy++;
	}
}

/* Rows for one slot: what its cache lacks, as far as *prompt_rows go. The logits
 * of the last one are wanted once the cache has all. */
static void add_rows(struct decoder *decoder, int index, uint32_t *prompt_rows)
{
	struct slot *slot = &decoder->slots[index];
	uint32_t length = slot->request->generation.length - slot->begin;
	uint32_t lacking = length - slot->fed;

	if (lacking > 1 + *prompt_rows)
		lacking = 1 + *prompt_rows;
	*prompt_rows -= lacking - 1;
	for (uint32_t i = 0; i < lacking; i++) {
		const uint32_t at = slot->begin + slot->fed;
		decoder->token[decoder->rows] = slot->request->tokens[at];
		decoder->ablated[decoder->rows] = request_ablated(slot->request, at);
		decoder->slot[decoder->rows] = index;
		decoder->position[decoder->rows++] = (int32_t)slot->fed++;
	}
	if (slot->fed == length) {
		decoder->want[decoder->wanted] = decoder->rows - 1;
		decoder->owner[decoder->wanted++] = index;
	}
}

/* Has the text one token more than the network can read? */
static bool context_full(const struct decoder *decoder, const struct slot *slot)
{
	return slot->request->generation.length - slot->begin > (uint32_t)decoder->config->context;
}

/* Did the model write the stop string, and end it with its last token? */
static bool stopped(struct decoder *decoder, const struct request *request)
{
	const struct piece *stop = &decoder->settings->stop;
	struct text_buffer *tail = &decoder->tail;
	uint32_t from = request->generation.length - 1;
	size_t before = 0;

	if (stop->size == 0 || vocab_piece(decoder->vocab, request->tokens[from]).size == 0)
		return false;
	/* The tokens that it may be in: the last one, and those with the bytes before it. */
	while (from > request->prompt && before + 1 < stop->size)
		before += vocab_piece(decoder->vocab, request->tokens[--from]).size;
	text_buffer_clear(tail);
	for (uint32_t i = from; i < request->generation.length; i++) {
		const struct piece piece = vocab_piece(decoder->vocab, request->tokens[i]);
		text_buffer_append(tail, piece.bytes, piece.size);
	}
	return !tail->failed && memmem(tail->text, tail->size, stop->bytes, stop->size) != NULL;
}

/* Is the text of a slot done, and why? The stop string counts only where the
 * model wrote all of it. */
static bool ended(struct decoder *decoder, const struct slot *slot, enum generation_stop *why)
{
	const struct engine_settings *settings = decoder->settings;
	const struct request *request = slot->request;
	uint32_t length = request->generation.length, written = length - request->generation.prompt;

	if (stopped(decoder, request) ||
	    end_tokens_have(&settings->ends, request->tokens[length - 1]))
		*why = GENERATION_STOP;
	else if (settings->max_tokens > 0 && written == settings->max_tokens)
		*why = GENERATION_LENGTH;
	else if (context_full(decoder, slot) && !engine_slides(settings))
		*why = GENERATION_CONTEXT;
	else
		return false;
	return true;
}

/* Drop the first tokens that the network reads. All others move to new positions, so that
 * nothing in the cache holds any more. */
static void slide(const struct decoder *decoder, struct slot *slot)
{
	slot->begin += decoder->settings->slide;
	slot->fed = 0;
}

/* Append one token to a request. True where that was its last. */
static bool write_token(struct decoder *decoder, struct slot *slot, const float *logits)
{
	struct request *request = slot->request;
	struct sampler_step step;
	enum generation_stop why;

	if (sampler_look(decoder->sampler, logits) < 0) {
		err_set(&request->err, "the model's logits are not finite");
		return true;
	}
	int token = sampler_pick(decoder->sampler, &decoder->settings->sampling, &slot->rng);
	sampler_step(decoder->sampler, token, &step);
	if (request_step(request, decoder->vocab, request->generation.length, &step) < 0)
		return true;
	request->tokens[request->generation.length++] = (uint16_t)token;
	if (!ended(decoder, slot, &why)) {
		if (context_full(decoder, slot))
			slide(decoder, slot);
		return false;
	}
	request_finish(request, decoder->vocab, why);
	return true;
}

void decoder_run(struct decoder *decoder, struct request_queue *queue)
{
	for (;;) {
		uint32_t prompt_rows = DECODER_PROMPT_ROWS;
		fill_slots(decoder, queue);
		if (decoder->busy == 0 || request_queue_closed(queue))
			return;
		decoder->rows = decoder->wanted = 0;
		for (int i = 0; i < decoder->slot_count; i++)
			if (decoder->slots[i].request)
				add_rows(decoder, i, &prompt_rows);
		kv_cache_decode(decoder->cache, decoder->rows, decoder->token, decoder->slot,
		                decoder->position, decoder->wanted, decoder->want, decoder->logits);
		for (int i = 0; i < decoder->wanted; i++) {
			struct slot *slot = &decoder->slots[decoder->owner[i]];
			const float *logits = decoder->logits + (size_t)i * (size_t)decoder->config->vocab;
			if (!write_token(decoder, slot, logits)) {
				request_queue_grown(queue, slot->request);
				continue;
			}
			request_queue_done(queue, slot->request);
			slot->request = NULL;
			decoder->busy--;
		}
	}
}
