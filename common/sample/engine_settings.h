/* engine_settings.h - how texts are written on, or scored: what an engine and its workers share.
 * */
#ifndef MEMOSCOPE_ENGINE_SETTINGS_H
#define MEMOSCOPE_ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/ablation.h"
#include "common/model/end_tokens.h"
#include "common/sample/sampler.h"
#include "common/stream/vocab.h"
#include "kernels/kernels.h"

struct engine_settings {
	/* Score texts instead of writing; then only kernels, lens, attribution, ablation, probs,
	 * threads, slide and window are used. slide, above 0: texts may be longer than the context
	 * (scorer.h). */
	bool score;
	const struct kernels *kernels; /* what the threads compute on */
	bool lens; /* of a score: each step after each layer, too */
	bool attribution; /* of a score: what each part adds to the logit, too (gpt_attribution.h) */
	struct sampling sampling;
	const struct ablation *ablation; /* NULL: none */
	uint64_t seed;
	int probs; /* candidates that each step keeps */
	uint32_t max_tokens; /* tokens to write; 0: until the context is full */
	uint32_t slide; /* if the context is full and more is to be written: tokens to drop from its
	                 * beginning, at most the context; 0: none, the text ends */
	uint32_t window; /* of a score that slides: tokens of a window, 2 to the context and one more */
	bool crop; /* of a prompt longer than the context, read the end; else it is an error */
	struct piece stop; /* a text ends with the token that completes this; empty: none */
	struct end_tokens ends; /* a text ends with one of these, too */
	bool watch; /* engine_watch() will be called; costs each step a lock */
	int batch; /* texts at once, over all threads */
	int threads;
};

/* Does a text go on when the context is full? */
static inline bool engine_slides(const struct engine_settings *settings)
{
	return settings->slide > 0 && settings->max_tokens > 0;
}

#endif
