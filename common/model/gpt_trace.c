#include "common/model/gpt_trace.h"

#include <assert.h>
#include <stdlib.h>

struct gpt_trace {
	struct gpt_config config;
	uint32_t places;
	float **at; /* [GPT_PLACES,layers]; NULL: not asked for */
};

struct gpt_trace *gpt_trace_new(const struct gpt_config *config, int rows_max, uint32_t places,
                                struct err *err)
{
	struct gpt_trace *trace = calloc(1, sizeof *trace);
	const size_t layers = (size_t)config->layers;

	if (trace)
		trace->at = calloc(GPT_PLACES * layers, sizeof *trace->at);
	if (!trace || !trace->at) {
		gpt_trace_free(trace);
		err_set(err, "out of memory");
		return NULL;
	}
	trace->config = *config;
	trace->places = places;
	for (size_t i = 0; i < GPT_PLACES * layers; i++) {
		const enum gpt_place place = (enum gpt_place)(i / layers);
		if (!(places & GPT_PLACE_BIT(place)))
			continue;
		assert(gpt_place_in_block(place) && place != GPT_RESULT);
		trace->at[i] = malloc((size_t)rows_max * gpt_trace_width(trace, place) *
		                      sizeof **trace->at);
		if (!trace->at[i]) {
			gpt_trace_free(trace);
			err_set(err, "out of memory for the activations of %d tokens", rows_max);
			return NULL;
		}
	}
	return trace;
}

void gpt_trace_free(struct gpt_trace *trace)
{
	if (!trace)
		return;
	for (int i = 0; trace->at && i < GPT_PLACES * trace->config.layers; i++)
		free(trace->at[i]);
	free(trace->at);
	free(trace);
}

size_t gpt_trace_width(const struct gpt_trace *trace, enum gpt_place place)
{
	const size_t heads = gpt_place_of_heads(place) ? (size_t)trace->config.heads : 1;

	return heads * (size_t)gpt_place_width(place, &trace->config);
}

static float *trace_at(const struct gpt_trace *trace, enum gpt_place place, int layer)
{
	return trace->at[(int)place * trace->config.layers + layer];
}

const float *gpt_trace_row(const struct gpt_trace *trace, enum gpt_place place, int layer, int r)
{
	return trace_at(trace, place, layer) + (size_t)r * gpt_trace_width(trace, place);
}

static void keep(void *context, struct gpt *gpt, enum gpt_place place, int layer)
{
	gpt_hook_read(gpt, place, layer, trace_at(context, place, layer));
}

struct gpt_hook gpt_trace_hook(struct gpt_trace *trace)
{
	return (struct gpt_hook){.places = trace->places, .call = keep, .context = trace};
}
