/* gpt-sample - let a model continue prompts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/base/terminal.h"
#include "common/model/ablation.h"
#include "common/model/backend.h"
#include "common/model/model.h"
#include "common/sample/engine.h"
#include "common/sample/prompts.h"
#include "common/sample/transcript.h"
#include "common/stream/generation.h"
#include "common/stream/span_mask.h"
#include "common/stream/stream.h"

static const char *prompt_text; /* NULL: records are the prompts; "-": lines of stdin are */
static const char *from; /* a prompt ends before a span of this kind; NULL: all is prompt */
static struct ablation_options ablating;
static double temperature = 1, top_p = 1;
static int64_t top_k, samples = 1, max_tokens, seed = 1, probs = 5;
static int64_t slide; /* 0: not given, which is 1 */
static bool no_slide, crop;
static int64_t batch; /* 0: BATCH for each thread */
static int64_t threads; /* 0: one for each processor */
static const char *stop_text; /* NULL: the default */
static bool greedy, quiet;
static enum backend backend;
static enum { FORM_AUTO, FORM_TEXT, FORM_RECORDS } form; /* of the output */
static enum { COLOR_AUTO, COLOR_P, COLOR_NEVER } color;
static const char output_name[] = "standard output";

/* Few enough that the keys and values of a small model stay in a core's cache. */
#define BATCH 8
/* A GPU reads all weights for each step, for one text as for many. */
#define BATCH_SINGLE 128

/* The end of the records of phonegen and qamix. */
static const char default_stop[] = "{E}";

static const struct option options[] = {
	{.type = OPTION_GROUP, .text = "Prompts:"},
	{.name = "prompt", .key = 'p', .type = OPTION_TEXT, .value = &prompt_text, .argument = "TEXT",
	 .text = "continue TEXT as it is; -: each line of the standard input"},
	{.name = "from", .key = 'f', .type = OPTION_TEXT, .value = &from, .argument = "KIND",
	 .text = "a record's prompt ends before its first span of this kind (default: at its end)"},
	{.name = "crop", .type = OPTION_FLAG, .value = &crop,
	 .text = "of a prompt longer than the context, read the end (default: an error)"},
	{.type = OPTION_GROUP, .text = "Sampling:"},
	{.name = "temperature", .key = 't', .type = OPTION_REAL, .value = &temperature, .argument = "T",
	 .min = 0, .max = 1000, .text = "divide logits by T; 0: greedy (default 1)"},
	{.name = "top-k", .key = 'k', .type = OPTION_INT, .value = &top_k, .argument = "K", .min = 0,
	 .max = VOCAB_MAX, .text = "draw from the K likeliest tokens (default 0: all)"},
	{.name = "top-p", .type = OPTION_REAL, .value = &top_p, .argument = "P", .min = 0, .max = 1,
	 .text = "draw from the fewest tokens that make up the probability P (default 1)"},
	{.name = "greedy", .key = 'g', .type = OPTION_FLAG, .value = &greedy,
	 .text = "always take the likeliest token"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "N", .min = 0,
	 .max = 0x1p53, .text = "seed of the random numbers (default 1)"},
	{.name = "samples", .key = 'n', .type = OPTION_INT, .value = &samples, .argument = "N",
	 .min = 1, .max = 1e6, .text = "texts for each prompt (default 1)"},
	{.name = "max-tokens", .key = 'm', .type = OPTION_INT, .value = &max_tokens, .argument = "N",
	 .min = 0, .max = 1e6,
	 .text = "write at most N tokens (default 0: until the context is full)"},
	{.name = "slide", .type = OPTION_INT, .value = &slide, .argument = "N", .min = 1,
	 .max = GPT_CONTEXT_MAX,
	 .text = "if --max-tokens asks for more than the context holds, drop its first N tokens "
	         "whenever it is full, and go on (default 1)"},
	{.name = "no-slide", .type = OPTION_FLAG, .value = &no_slide,
	 .text = "end a text when the context is full"},
	{.name = "stop", .type = OPTION_TEXT, .value = &stop_text, .argument = "TEXT",
	 .text = "end a text when the model has written TEXT; empty: never (default: {E}, or the "
	         "model's token for the end of a text)"},
	{.type = OPTION_GROUP, .text = "The model:"},
	ABLATION_OPTIONS(ablating),
	{.type = OPTION_GROUP, .text = "Output and speed:"},
	{.name = "output", .type = OPTION_WORD, .value = &form, .argument = "auto|text|records",
	 .text = "what to write (default auto: text on a terminal, records elsewhere)"},
	{.name = "color", .type = OPTION_WORD, .value = &color, .argument = "auto|p|never",
	 .text = "p: text with each token in the colour of its probability (default auto: a dim "
	         "prompt on a terminal)"},
	{.name = "probs", .type = OPTION_INT, .value = &probs, .argument = "K", .min = 0,
	 .max = VOCAB_MAX, .text = "tokens named in each step (default 5)"},
	BACKEND_OPTION(backend),
	{.name = "batch", .key = 'b', .type = OPTION_INT, .value = &batch, .argument = "N", .min = 1,
	 .max = 65536,
	 .text = "texts written at once (default: 8 for each thread, 128 on a GPU; if the output is "
	         "text, 1 for each thread)"},
	{.name = "threads", .type = OPTION_INT, .value = &threads, .argument = "N", .min = 0,
	 .max = ENGINE_THREADS_MAX,
	 .text = "threads that share the work (default 0: one for each processor)"},
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Let a model continue prompts: records of text or tokens, or --prompt.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* Put the stop string into settings. There is none if it is the default one and the model lacks
 * its characters: it could never come. */
static int set_stop(const struct model *model, struct engine_settings *settings, struct err *err)
{
	const char *text = stop_text ? stop_text : default_stop;
	uint16_t *tokens = malloc((strlen(text) + 1) * sizeof *tokens);
	struct err why = {0};

	if (!tokens)
		die("out of memory");
	if (vocab_encode(model->vocab, text, strlen(text), tokens, &why) >= 0)
		settings->stop = (struct piece){text, strlen(text)};
	else if (stop_text)
		err_usage(err, "--stop: %s", why.text);
	if (!stop_text)
		settings->ends = model->ends;
	stop_text = settings->stop.size > 0 ? text : "";
	free(tokens);
	return err->status == ERR_NONE ? 0 : -1;
}

static json_t *settings_header(const struct engine_settings *settings)
{
	const struct sampling *sampling = &settings->sampling;

	return json_pack("{s:f, s:i, s:f, s:b, s:I, s:I, s:I, s:i, s:b, s:s?, s:s, s:o}",
	                 "temperature", sampling->temperature, "top_k", sampling->top_k,
	                 "top_p", sampling->top_p, "greedy", sampling->greedy,
	                 "seed", (json_int_t)settings->seed, "samples", (json_int_t)samples,
	                 "max_tokens", (json_int_t)settings->max_tokens,
	                 "slide", engine_slides(settings) ? (int)settings->slide : 0,
	                 "crop", settings->crop, "from", from, "stop", stop_text,
	                 "ablation", ablation_summary(settings->ablation));
}

static struct prompts *open_prompts(const struct model *model, char **paths, int count,
                                    struct err *err)
{
	if (!prompt_text)
		return prompts_of_records(paths, count, from, model->vocab, samples, err);
	if (strcmp(prompt_text, "-") == 0)
		return prompts_of_lines(model->vocab, samples, err);
	return prompts_of_text(prompt_text, model->vocab, samples, err);
}

/* Where texts come from. */
struct input {
	struct prompts *prompts;
	uint32_t context; /* of the model */
	struct span_mask ablated; /* the last prompt's tokens at which the model is */
};

/* Give the engine as many prompts as it takes. */
static int give(struct engine *engine, struct input *input, struct err *err)
{
	struct prompts *prompts = input->prompts;
	struct err why = {0};
	char what[sizeof why.text + 64];
	struct prompt prompt;
	int more = 1;

	while (engine_wants(engine, prompts_ready(prompts)) &&
	       (more = prompts_next(prompts, &prompt, err)) > 0) {
		if (ablating.rows && span_mask_find(&input->ablated, &prompt.record, prompt.length,
		                                    prompts_kinds(prompts), err) < 0)
			return -1;
		if (engine_write(engine, &prompt.record, prompt.length, prompt.sample, prompt.refer,
		                 input->ablated.in, &why) < 0) {
			snprintf(what, sizeof what, "%s%s", why.text, prompt.length > input->context ?
			         "; with --crop the model reads its end" : "");
			return prompts_bad(prompts, err, what);
		}
	}
	return more < 0 ? -1 : 0;
}

/* Where texts go: one of the two is NULL. */
struct output {
	struct stream_writer *writer;
	struct transcript *transcript;
};

/* Write the oldest text as it comes. */
static int tell(struct transcript *transcript, struct engine *engine, struct err *err)
{
	uint32_t told = 0, count;
	const struct request *request = engine_watch(engine, 0, &count);

	if (!request)
		return 0;
	if (transcript_prompt(transcript, request->tokens, request->prompt, err) < 0)
		return -1;
	while (engine_watch(engine, told + 1, &count) && count > told) {
		if (transcript_steps(transcript, request->steps + told, count - told, err) < 0)
			return -1;
		told = count;
	}
	return transcript_close(transcript, err);
}

/* Tell the user of texts that ended before anything else ended them. */
static void tell_full(uint64_t full, uint64_t texts, uint32_t context)
{
	if (full > 0 && !quiet)
		fprintf(stderr, "gpt-sample: %ju of %ju texts ended because the context of %u tokens "
		        "is full%s\n", (uintmax_t)full, (uintmax_t)texts, context,
		        max_tokens == 0 ? "; with --max-tokens a text can be longer" : "");
}

/* Tell the user of prompts that end before --from says, because a token has more than a character.
 * */
static void tell_split(const struct prompts *prompts, uint64_t texts)
{
	const uint64_t split = prompts_split(prompts) * (uint64_t)samples;

	if (split > 0 && !quiet)
		fprintf(stderr, "gpt-sample: %ju of %ju prompts end before the %s span begins, because it "
		        "begins within a token\n", (uintmax_t)split, (uintmax_t)texts, from);
}

/* The loop: prompts in, generations out. A bad prompt ends it after the texts for earlier prompts
 * are written. */
static int run(struct engine *engine, struct input *input, const struct output *output,
               struct err *err)
{
	struct progress progress;
	uint64_t records = 0, written = 0, full = 0;
	struct request *request;
	int more = 1, fed = 0;

	progress_start(&progress, "texts", "tokens", quiet || output->transcript);
	while (more > 0) {
		/* a reader that waits gets all texts that are done */
		if (output->writer && !engine_ready(engine) &&
		    stream_flush(output->writer, err) < 0)
			return -1;
		if (fed == 0)
			fed = give(engine, input, err);
		if (output->transcript && tell(output->transcript, engine, err) < 0)
			return -1;
		if ((more = engine_take(engine, &request, err)) <= 0)
			break;
		if (output->writer && generation_write(output->writer, &request->generation,
		                                       prompts_kinds(input->prompts), err) < 0)
			more = -1;
		written += request->generation.step_count;
		full += request->generation.stop == GENERATION_CONTEXT;
		request_free(request);
		progress_update(&progress, ++records, written);
	}
	progress_end(&progress);
	if (fed == 0 && more == 0) {
		tell_full(full, records, input->context);
		tell_split(input->prompts, records);
		if (records > 0 && ablating.rows && !input->ablated.met)
			more = err_set(err, "--rows: no prompt has a token in a span of kind '%s'; tokens that "
			               "the model writes are in no span", ablating.rows);
	}
	return fed < 0 ? fed : more;
}

/* Someone who reads a text as it comes waits for this one, not for the others. */
static int default_batch(const struct engine_settings *settings)
{
	return settings->watch ? settings->threads :
	       settings->kernels->single ? BATCH_SINGLE : BATCH * settings->threads;
}

static void check_options(char **paths, int files)
{
	const bool lines = prompt_text && strcmp(prompt_text, "-") == 0;

	if (prompt_text && files > 0)
		die_usage("--prompt: not with input files, expected none");
	if (prompt_text && ablating.rows)
		die_usage("--rows: not with --prompt, a text without spans");
	if (prompt_text && from)
		die_usage("--from: not with --prompt, it says where the prompt ends in a record");
	if (lines && ablating.over && strcmp(ablating.over, "-") == 0)
		die_usage("--prompt - and --mean-over - both want the standard input");
	if (!prompt_text && ablating.over && strcmp(ablating.over, "-") == 0 &&
	    file_inputs_standard(paths, files))
		die_usage("--mean-over -: the prompts, too, come from the standard input: name a file for "
		          "one of them");
	if (color == COLOR_P && form == FORM_RECORDS)
		die_usage("--color p: not with --output records, it colours text");
	if (slide && no_slide)
		die_usage("--slide: not with --no-slide");
}

/* The same, if the model has to be known. */
static void check_settings(const struct engine_settings *settings, const struct model *model)
{
	const int vocab = model->config.vocab, tops = settings->probs < vocab ? settings->probs : vocab;
	const uint32_t most = generation_steps_max(tops);

	if (settings->slide > (uint32_t)model->config.context)
		die_usage("--slide: expected at most %d, the model's context", model->config.context);
	if (!settings->watch && engine_slides(settings) && settings->max_tokens > most)
		die_usage("--max-tokens: expected at most %u with --probs %d: no stream has larger records",
		          most, tops);
}

/* Is the output text, not records? Colours are for text, so they ask for it. */
static bool for_people(void)
{
	return form == FORM_TEXT || color == COLOR_P ||
	       (form == FORM_AUTO && isatty(STDOUT_FILENO));
}

/* The header is used if the output is records. */
static int open_output(struct output *output, const struct model *model, const json_t *header,
                       struct err *err)
{
	enum transcript_style style = color == COLOR_P ? TRANSCRIPT_P :
	                              color == COLOR_AUTO && terminal_styles(STDOUT_FILENO) ?
	                              TRANSCRIPT_DIM : TRANSCRIPT_PLAIN;
	struct text_buffer legend = {0};

	if (!for_people()) {
		output->writer = stream_create(STDOUT_FILENO, output_name, header, err);
		return output->writer ? 0 : -1;
	}
	if (style == TRANSCRIPT_P && !quiet && isatty(STDERR_FILENO)) {
		transcript_legend(&legend);
		fwrite(legend.text, 1, legend.size, stderr);
		text_buffer_release(&legend);
	}
	output->transcript = transcript_new(STDOUT_FILENO, output_name, style, model->vocab, err);
	return output->transcript ? 0 : -1;
}

static int close_output(struct output *output, struct err *err)
{
	return output->writer ? stream_end(output->writer, err) :
	       transcript_end(output->transcript, err);
}

int main(int argc, char **argv)
{
	int operands = options_parse(&program, argc, argv), files = argc - operands - 1;
	struct engine_settings settings;
	const struct kernels *kernels;
	struct ablation *ablation;
	struct output output = {0};
	struct engine *engine;
	struct input input = {.ablated = {.kind = ablating.rows}};
	struct model model;
	struct err err = {0};

	check_options(argv + operands + 1, files);
	if (model_load(argv[operands], &model, &err) < 0)
		err_exit(&err);
	kernels = backend_choose(backend, &model.config, quiet);
	if (ablation_new(&ablating, &model, kernels, &ablation, &err) < 0)
		err_exit(&err);
	settings = (struct engine_settings){
		.kernels = kernels,
		.sampling = {temperature, (int)top_k, top_p, greedy},
		.ablation = ablation,
		.seed = (uint64_t)seed,
		.probs = (int)probs,
		.max_tokens = (uint32_t)max_tokens,
		.slide = no_slide ? 0 : slide ? (uint32_t)slide : 1,
		.crop = crop,
		.watch = for_people(),
		.threads = backend_threads(kernels, (int)threads, ENGINE_THREADS_MAX, quiet),
	};
	settings.batch = batch ? (int)batch : default_batch(&settings);
	check_settings(&settings, &model);
	if (set_stop(&model, &settings, &err) < 0 ||
	    !(input.prompts = open_prompts(&model, argv + operands + 1, files, &err)))
		err_exit(&err);
	input.context = (uint32_t)model.config.context;
	engine = engine_new(&model, &settings, &err);
	json_t *header = generation_header(prompts_header(input.prompts), model.vocab,
	                                   model_summary(&model, argv[operands]), (int)probs,
	                                   "sampling", settings_header(&settings), argc, argv);
	int result = engine && open_output(&output, &model, header, &err) == 0 ?
	             run(engine, &input, &output, &err) : -1;
	engine_free(engine); /* before an exit: threads must not outlive what they use */
	if (result < 0 || close_output(&output, &err) < 0)
		err_exit(&err);
	json_decref(header);
	prompts_free(input.prompts);
	span_mask_release(&input.ablated);
	ablation_free(ablation);
	model_release(&model);
	return 0;
}
