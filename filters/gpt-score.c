/* gpt-score - how likely a model finds texts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/model/ablation.h"
#include "common/model/backend.h"
#include "common/model/model.h"
#include "common/sample/engine.h"
#include "common/stream/generation.h"
#include "common/stream/record_reader.h"
#include "common/stream/span_mask.h"
#include "common/stream/stream.h"

static const char *from; /* steps begin at the first span of this kind; NULL: at the start */
static const char *kinds_text; /* steps in spans of these kinds only; NULL: everywhere */
static struct ablation_options ablating;
static int64_t probs = 5;
static int64_t threads; /* 0: one for each processor */
static bool lens; /* add to each step what the model would say after each layer */
static bool attribute; /* add to each step what each part of the network adds to its logit */
static bool slide; /* each token of a text longer than the context is given all that fits */
static int64_t stride; /* of a longer text: tokens between windows; 0: no windows */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	{.name = "from", .key = 'f', .type = OPTION_TEXT, .value = &from, .argument = "KIND",
	 .text = "score from the first span of this kind on (default: all)"},
	{.name = "kinds", .key = 'k', .type = OPTION_TEXT, .value = &kinds_text, .argument = "KIND,...",
	 .text = "score spans of these kinds only (default: all)"},
	{.name = "lens", .key = 'l', .type = OPTION_FLAG, .value = &lens,
	 .text = "add to each step what the model would say after each layer"},
	{.name = "attribute", .key = 'a', .type = OPTION_FLAG, .value = &attribute,
	 .text = "add to each step what each head and each other part of the network adds to the "
	         "token's logit against the runner-up's"},
	{.name = "slide", .type = OPTION_FLAG, .value = &slide,
	 .text = "texts may be longer than the context: score each token given as many before it "
	         "as the context holds (default: an error)"},
	{.name = "stride", .type = OPTION_INT, .value = &stride, .argument = "N", .min = 1,
	 .max = GPT_CONTEXT_MAX,
	 .text = "texts may be longer than the context: score them by windows as long as the context, "
	         "each N tokens after the one before, at most the context (default: an error)"},
	ABLATION_OPTIONS(ablating),
	{.name = "probs", .type = OPTION_INT, .value = &probs, .argument = "K", .min = 0,
	 .max = VOCAB_MAX, .text = "tokens named in each step (default 5)"},
	BACKEND_OPTION(backend),
	{.name = "threads", .type = OPTION_INT, .value = &threads, .argument = "N", .min = 0,
	 .max = ENGINE_THREADS_MAX,
	 .text = "threads that share the work (default 0: one for each processor)"},
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL [FILE...]",
	.text = "Score texts: the model's probability of each token, given those before it.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* Which tokens get a step, and at which ones the model is ablated. */
struct wanted {
	json_t *words; /* of --kinds: array of strings; NULL: all kinds */
	bool *met; /* [words] has a span of that kind come? */
	uint8_t *mask; /* [room] of one record: is a step wanted for this position? */
	size_t room;
	struct span_mask ablated;
};

static void split_kinds(struct wanted *wanted)
{
	const char *word = kinds_text, *end;

	if (!kinds_text)
		return;
	wanted->words = json_array();
	for (; word; word = *end ? end + 1 : NULL) {
		end = word + strcspn(word, ",");
		if (end == word)
			die_usage("--kinds: expected words with a comma between them: %s", kinds_text);
		json_array_append_new(wanted->words, json_stringn(word, (size_t)(end - word)));
	}
	wanted->met = calloc(json_array_size(wanted->words), sizeof *wanted->met);
	if (!wanted->met)
		die("out of memory");
}

/* Did --kinds ask for this kind? */
static bool kind_wanted(struct wanted *wanted, const char *kind)
{
	size_t count = json_array_size(wanted->words);

	for (size_t i = 0; i < count; i++)
		if (strcmp(json_string_value(json_array_get(wanted->words, i)), kind) == 0)
			return wanted->met[i] = true;
	return wanted->words == NULL;
}

/* Mark the positions of a record that get a step, and those that are ablated. */
static int mark(struct wanted *wanted, struct record_reader *records, const struct record *record,
                struct err *err)
{
	const struct span_kinds *kinds = record_reader_kinds(records);
	long first = from ? record_reader_prompt_length(records, record, from, err) : 0;

	if (first < 0)
		return -1;
	if (array_reserve(&wanted->mask, &wanted->room, record->length) < 0)
		return err_set(err, "out of memory");
	memset(wanted->mask, wanted->words == NULL, record->length);
	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		if (kind_wanted(wanted, kinds->word[span->kind]))
			memset(wanted->mask + span->begin, 1, span->end - span->begin);
	}
	if (first > 0)
		memset(wanted->mask, 0, (size_t)first);
	if (!ablating.rows)
		return 0;
	return span_mask_find(&wanted->ablated, record, record->length, kinds, err);
}

/* Give the engine as many records as it takes. */
static int give(struct engine *engine, struct record_reader *records, struct wanted *wanted,
                struct err *err)
{
	struct record record;
	struct err why = {0};
	int more = 1;

	while (engine_wants(engine, record_reader_ready(records)) &&
	       (more = record_reader_next(records, &record, err)) > 0) {
		if (mark(wanted, records, &record, err) < 0)
			return -1;
		if (engine_score(engine, &record, record_reader_sample(records), wanted->mask,
		                 wanted->ablated.in, &why) < 0)
			return record_reader_bad(records, err, "%s%s", why.text, slide || stride ? "" :
			                         "; --stride scores it by windows");
	}
	return more < 0 ? -1 : 0;
}

/* The loop: texts in, scores out. */
static int run(struct engine *engine, struct record_reader *records, struct wanted *wanted,
               struct stream_writer *writer, struct err *err)
{
	struct progress progress;
	uint64_t texts = 0, scored = 0;
	struct request *request;
	int more = 1;

	progress_start(&progress, "texts", "tokens", quiet);
	while (more > 0) {
		/* a reader that waits gets all texts that are done */
		if (!engine_ready(engine) && stream_flush(writer, err) < 0)
			return -1;
		if (give(engine, records, wanted, err) < 0)
			return -1;
		if ((more = engine_take(engine, &request, err)) <= 0)
			break;
		if (generation_write(writer, &request->generation, record_reader_kinds(records), err) < 0)
			more = -1;
		scored += request->generation.length;
		request_free(request);
		progress_update(&progress, ++texts, scored);
	}
	progress_end(&progress);
	if (more == 0 && record_reader_split(records) > 0 && !quiet)
		fprintf(stderr, "gpt-score: in %ju of %ju texts the %s span begins within a token; that "
		        "token is scored, too\n", (uintmax_t)record_reader_split(records),
		        (uintmax_t)texts, from);
	for (size_t i = 0; more == 0 && texts > 0 && i < json_array_size(wanted->words); i++)
		if (!wanted->met[i])
			return err_set(err, "--kinds: no record has a span of kind '%s'",
			               json_string_value(json_array_get(wanted->words, i)));
	if (more == 0 && texts > 0 && ablating.rows && !wanted->ablated.met)
		return err_set(err, "--rows: no record has a token in a span of kind '%s'", ablating.rows);
	return more;
}

/* How texts longer than the context are scored. */
static void set_windows(struct engine_settings *settings, int context)
{
	if (stride > context)
		die_usage("--stride: expected at most %d, the model's context", context);
	settings->slide = stride ? (uint32_t)stride : slide;
	settings->window = stride ? (uint32_t)context : (uint32_t)context + 1;
}

/* What the header says about it. */
static json_t *scoring(const struct wanted *wanted, const struct ablation *ablation)
{
	return json_pack("{s:s?, s:O?, s:b, s:o*, s:b, s:o, s:o}", "from", from, "kinds",
	                 wanted->words, "lens", lens, "attribution", attribute ? json_true() : NULL,
	                 "slide", slide, "stride", stride ? json_integer(stride) : json_null(),
	                 "ablation", ablation_summary(ablation));
}

int main(int argc, char **argv)
{
	int operands = options_parse(&program, argc, argv);
	struct engine_settings settings = {.score = true, .lens = lens, .attribution = attribute,
	                                   .probs = (int)probs};
	struct wanted wanted = {.ablated = {.kind = ablating.rows}};
	struct ablation *ablation;
	struct stream_writer *writer;
	struct engine *engine;
	struct record_reader *records;
	struct model model;
	struct err err = {0};

	if (slide && stride)
		die_usage("--slide and --stride: expected one of them at most");
	if (ablating.over && strcmp(ablating.over, "-") == 0 &&
	    file_inputs_standard(argv + operands + 1, argc - operands - 1))
		die_usage("--mean-over -: the texts, too, come from the standard input: name a file for "
		          "one of them");
	split_kinds(&wanted);
	if (model_load(argv[operands], &model, &err) < 0)
		err_exit(&err);
	set_windows(&settings, model.config.context);
	settings.kernels = backend_choose(backend, &model.config, quiet);
	settings.threads = backend_threads(settings.kernels, (int)threads, ENGINE_THREADS_MAX, quiet);
	if (ablation_new(&ablating, &model, settings.kernels, &ablation, &err) < 0)
		err_exit(&err);
	settings.ablation = ablation;
	records = record_reader_open(argv + operands + 1, argc - operands - 1, model.vocab, &err);
	if (!records)
		err_exit(&err);
	engine = engine_new(&model, &settings, &err);
	json_t *header = generation_header(record_reader_header(records), model.vocab,
	                                   model_summary(&model, argv[operands]), (int)probs,
	                                   "scoring",
	                                   scoring(&wanted, ablation), argc, argv);
	writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	int result = engine && writer ? run(engine, records, &wanted, writer, &err) : -1;
	engine_free(engine); /* before an exit: threads must not outlive what they use */
	if (result < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	json_decref(header);
	record_reader_close(records);
	json_decref(wanted.words);
	free(wanted.met);
	free(wanted.mask);
	span_mask_release(&wanted.ablated);
	ablation_free(ablation);
	model_release(&model);
	return 0;
}
