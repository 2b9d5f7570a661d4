/* generation.h - the stream of generations: what a model wrote, or how likely
 * it found what stands there, step by step.
 *
 * Header, beside what every header has:
 *
 *   "vocab"     the model's pieces in the order of their tokens (header_set_vocab())
 *   "model"     {"directory": str, "parameters", "layers", "heads", "width",
 *               "context": uint, "chain": [how the model came about]}
 *   "probs"     uint: how many candidates every step names
 *   "sampling"  of gpt-sample: {"temperature", "top_k", "top_p", "greedy", "seed",
 *               "samples", "max_tokens" (0: until the context is full), "slide" (tokens
 *               dropped if the context is full; 0: the text ends), "crop" (bool), "from"
 *               (null: none), "stop"}
 *   "scoring"   of gpt-score, in its place: {"from" (null: none), "kinds" (null:
 *               all), "lens" (bool), "slide" (bool)}
 *
 * Record:
 *
 *   "id"        uint: of the record that was asked about (0 for --prompt;
 *               for --prompt - the line, from 0)
 *   "sample"    uint: from 0
 *   "text"      str (bin if it is not UTF-8, as all texts and pieces here): what was given and
 *               what the model wrote after it
 *   "tokens"    bin: what the text was made of or read as, as in a stream of tokens; there only if
 *               they are not characters
 *   "prompt"    uint: how many code points of text were given (all, where scored)
 *   "reference" str: the whole text of the record asked about; there only where
 *               the model wrote and a record was the prompt
 *   "directory" str: of the record asked about (record.h); there only where that has it
 *   "spans"     the reference's spans; where there is none, text's
 *   "stop"      why text ends: "stop" (the stop string or token), "length" (--max-tokens),
 *               "context" (the model's context is full), "end" (scored: its end)
 *   "steps"     array of maps in order of "pos":
 *     "pos"       uint: which code point of text the token begins in, from 0
 *     "char"      str: the token's piece, most often that character
 *     "p"         float: its probability, before temperature and truncation
 *     "rank"      uint: how many tokens were likelier
 *     "entropy"   float: of the distribution, in nats
 *     "rest"      float: the probability of all that "top" leaves out
 *     "top"       array of [char, p], the likeliest first
 *     "lens"      array of maps of "p", "rank", "entropy", "rest" and "top": the
 *                 same, read off after 0, 1 … all layers (gpt_logit_lens() in gpt_inspect.h);
 *                 there only where it was asked for
 *     "attribution" map: what each part of the model adds to the logit (attribution.h); there only
 *                 where it was asked for
 */
#ifndef MEMOSCOPE_GENERATION_H
#define MEMOSCOPE_GENERATION_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/attribution.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/stream/vocab.h"

enum generation_stop {
	GENERATION_STOP, /* the stop string came */
	GENERATION_LENGTH, /* as many tokens as were wanted */
	GENERATION_CONTEXT, /* the model's context is full */
	GENERATION_END, /* of a text that was scored */
	GENERATION_STOPS
};

/* As the stream has it: "stop", "length", "context" or "end". */
const char *generation_stop_word(enum generation_stop stop);

struct generation_top {
	struct piece piece; /* of the token */
	double p;
};

struct generation_step {
	uint32_t position; /* the character of the text that the token begins in */
	uint32_t last; /* the one that it ends in; set by generation_read() */
	struct piece piece; /* of the token there */
	uint32_t rank;
	uint32_t top_count;
	size_t top; /* its candidates: tops[top …] of the generation */
	/* The same step after 0 … layers layers: lenses[lens …] of the generation, without
	 * lenses of their own. None: lens_count 0. */
	uint32_t lens_count;
	size_t lens;
	size_t attribution; /* attributions[attribution - 1] of the generation; 0: none */
	double p, entropy, rest;
};

struct generation {
	uint64_t id;
	uint32_t sample;
	const char *text; /* any bytes, most often UTF-8; not NUL-terminated */
	size_t size; /* bytes */
	uint32_t length; /* characters: code points, and bytes that are not UTF-8 */
	uint32_t prompt; /* characters that were given */
	/* What the text was made of, to be written; NULL: each token is a character. Who reads them has
	 * the vocabulary: see record_reader.h. */
	const uint16_t *tokens;
	uint32_t token_count;
	const struct vocab *vocab;
	const char *reference; /* NULL: none */
	size_t reference_size;
	uint32_t reference_length;
	struct piece directory; /* of the record asked about, as in record.h; bytes NULL: none */
	const struct span *spans; /* of the reference, or of the text where there is none */
	uint32_t span_count;
	/* The span of the reference that the model was to write, as the header's "from" says; NULL:
	 * none. The prompt ends where it begins or, where it begins within a token, before that
	 * token: the text between is then the model's to write, too. */
	const struct span *from;
	enum generation_stop stop;
	const struct generation_step *steps;
	uint32_t step_count;
	const struct generation_step *lenses;
	const struct generation_top *tops;
	const struct attribution *attributions;
	const double *attribution_values;
};

/* A header of such a stream, as header_new_of_model() makes one: settings (taken over)
 * stands under the key how, "sampling" or "scoring". Owned by the caller. */
json_t *generation_header(const json_t *from, const struct vocab *vocab, json_t *model,
                          int probs, const char *how, json_t *settings, int argc, char **argv);

/* About how many steps of tops candidates a record can have, so that readers take it. */
uint32_t generation_steps_max(int tops);

int generation_write(struct stream_writer *writer, const struct generation *generation,
                     const struct span_kinds *kinds, struct err *err);

/* Memory for one generation at a time. */
struct generation_buffer;
struct generation_buffer *generation_buffer_new(struct err *err);
void generation_buffer_free(struct generation_buffer *buffer); /* NULL is allowed */

/* Check and take over a record: positions rise and lie in the text, pieces
 * are those of the text, probabilities lie in 0 … 1. generation points into raw
 * and buffer. Kinds that are new are added. -1 with err set through stream_bad(). */
int generation_read(struct stream_reader *reader, const struct stream_record *raw,
                    struct span_kinds *kinds, struct generation_buffer *buffer,
                    struct generation *generation, struct err *err);

#endif
