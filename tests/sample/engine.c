/* engine.c - the engine: texts come back in the order they were given, with the same bits for each
 * batch and number of threads; and it says when it wants more. */
#include "common/sample/engine.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "tests/tap.h"

#define TEXTS 23
#define CONTEXT 24

static struct model model;
static const struct kernels *kernels;
static uint16_t tokens[TEXTS][CONTEXT + 2];

static void make_model(void)
{
	struct err err = {0};

	model.vocab = vocab_new("abcdefg", 7, &err);
	model.config = (struct gpt_config){.layers = 2, .heads = 2, .width = 16, .context = CONTEXT,
	                                   .vocab = vocab_size(model.vocab)};
	model.params = malloc(gpt_parameter_count(&model.config) * sizeof(float));
	gpt_init_parameters(&model.config, 1, model.params);
	for (size_t i = 0; i < gpt_parameter_count(&model.config); i++)
		model.params[i] *= 4; /* further from uniform */
	for (int i = 0; i < TEXTS; i++)
		for (int j = 0; j < CONTEXT + 2; j++)
			tokens[i][j] = (uint16_t)((i * 5 + j * (i % 3 + 1)) % 7);
}

static struct engine *start(const struct engine_settings *settings)
{
	struct err err = {0};
	struct engine *engine = engine_new(&model, settings, &err);

	if (!engine) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return engine;
}

static const struct engine_settings writing = {
	.sampling = {.temperature = 1, .top_p = 1}, .seed = 5, .probs = 3, .max_tokens = 9,
};

/* Give all texts, text i with a prompt of i % 9 + 1 tokens (or to score), and take them back. */
static struct request **all(const struct engine_settings *settings, int *bad)
{
	struct request **out = calloc(TEXTS, sizeof(struct request *));
	struct engine *engine = start(settings);
	struct err err = {0};
	int given = 0, taken = 0;

	while (taken < TEXTS) {
		while (given < TEXTS && engine_wants(engine, true)) {
			struct record record = {.id = (uint64_t)given, .tokens = tokens[given],
			                        .length = (uint32_t)(given % 9 + 1)};
			if (settings->score)
				engine_score(engine, &record, 0, NULL, NULL, &err);
			else
				engine_write(engine, &record, record.length, 0, false, NULL, &err);
			given++;
		}
		*bad += engine_take(engine, &out[taken], &err) != 1 ||
		        out[taken]->generation.id != (uint64_t)taken;
		taken++;
	}
	struct request *none = NULL;
	*bad += engine_take(engine, &none, &err) != 0 || none || err.status != ERR_NONE;
	engine_free(engine);
	return out;
}

static void free_all(struct request **requests)
{
	for (int i = 0; i < TEXTS; i++)
		request_free(requests[i]);
	free(requests);
}

/* Are text, tokens and the bits of all steps the same? */
static bool same(const struct request *a, const struct request *b)
{
	const struct generation *x = &a->generation, *y = &b->generation;

	if (x->length != y->length || x->step_count != y->step_count || x->stop != y->stop ||
	    memcmp(a->tokens, b->tokens, x->length * sizeof *a->tokens) != 0)
		return false;
	for (uint32_t i = 0; i < x->step_count; i++)
		if (memcmp(&a->steps[i].p, &b->steps[i].p, sizeof(double)) != 0 ||
		    memcmp(&a->steps[i].entropy, &b->steps[i].entropy, sizeof(double)) != 0 ||
		    a->steps[i].rank != b->steps[i].rank || a->steps[i].position != b->steps[i].position)
			return false;
	return true;
}

static void same_bits(bool score)
{
	static const struct { int batch, threads; } rows[] = {{1, 1}, {2, 1}, {64, 1}, {2, 2}, {7, 3}};
	struct engine_settings settings = writing;
	struct request **want = NULL;

	settings.kernels = kernels;
	settings.score = score;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int bad = 0;
		settings.batch = rows[i].batch;
		settings.threads = rows[i].threads;
		struct request **have = all(&settings, &bad);
		is_int(bad, 0, "texts come back in the order they were given");
		if (!want) {
			want = have;
			continue;
		}
		for (int t = 0; t < TEXTS; t++)
			bad += !same(have[t], want[t]);
		ok(bad == 0, "%s, batch %d, threads %d: the same bits", score ? "scored" : "written",
		   settings.batch, settings.threads);
		free_all(have);
	}
	int short_of = 0;
	for (int t = 0; t < TEXTS; t++)
		short_of += want[t]->generation.step_count != (score ? (uint32_t)(t % 9) : 9);
	is_int(short_of, 0, score ? "a step for each token but the first"
	                         : "as many tokens as asked for");
	free_all(want);
}

/* A text that fills the context ends there; one that does not fit is an error, of that text. */
static void limits(void)
{
	struct engine_settings settings = writing;
	struct record record = {.id = 3, .tokens = tokens[0], .length = CONTEXT + 2};
	struct request *request = NULL;
	struct err err = {0};

	settings.kernels = kernels;
	settings.batch = settings.threads = 1;
	settings.max_tokens = 0;
	struct engine *engine = start(&settings);
	ok(engine_write(engine, &record, CONTEXT + 1, 0, false, NULL, &err) == -1 &&
	   strstr(err.text, "context is 24"), "a prompt longer than the context: %s", err.text);
	err = (struct err){0};
	engine_write(engine, &record, CONTEXT, 0, false, NULL, &err);
	ok(engine_take(engine, &request, &err) == 1 && request->generation.length == CONTEXT + 1 &&
	   request->generation.stop == GENERATION_CONTEXT, "a text ends where the context is full");
	request_free(request);
	engine_free(engine);

	settings.score = true;
	engine = start(&settings);
	ok(engine_score(engine, &record, 0, NULL, NULL, &err) == -1 &&
	   strstr(err.text, "at most 25: the model's context is 24"),
	   "a text to score that is longer: %s", err.text);
	err = (struct err){0};
	record.length = CONTEXT + 1;
	uint8_t wanted[CONTEXT + 1] = {[0] = 1, [4] = 1, [CONTEXT] = 1};
	engine_score(engine, &record, 2, wanted, NULL, &err);
	ok(engine_take(engine, &request, &err) == 1 && request->generation.step_count == 2 &&
	   request->steps[0].position == 4 && request->steps[1].position == CONTEXT &&
	   request->generation.sample == 2, "steps at the wanted positions, and never at the first");
	request_free(request);
	engine_free(engine);
}

/* One step over a window of a text: the model writes one token after it, or scores the last. */
static struct request *window_step(const struct engine_settings *settings, const uint16_t *text,
                                   uint32_t begin, uint32_t end)
{
	struct record record = {.tokens = text + begin, .length = end - begin + settings->score};
	struct engine *engine = start(settings);
	struct request *request = NULL;
	struct err err = {0};

	if (settings->score)
		engine_score(engine, &record, 0, NULL, NULL, &err);
	else
		engine_write(engine, &record, record.length, 0, false, NULL, &err);
	engine_take(engine, &request, &err);
	engine_free(engine);
	return request;
}

/* Do all steps of a text have the probabilities of a window of it, which moves by slide tokens
 * whenever the context is full? To the bit of a cache that holds nothing else, and nearly of a
 * plain forward pass. begin: where the first window begins. */
static int compare_windows(const struct request *text, uint32_t slide, uint32_t begin)
{
	struct engine_settings settings = writing;
	int bad = 0;

	settings.kernels = kernels;
	settings.batch = settings.threads = settings.max_tokens = 1;
	for (uint32_t i = 0; i < text->generation.step_count; i++) {
		const struct generation_step *step = &text->steps[i];
		const uint32_t end = step->position;
		if (end - begin > CONTEXT)
			begin += slide;
		bad += end - begin > CONTEXT;
		settings.score = false;
		struct request *fresh = window_step(&settings, text->tokens, begin, end);
		bad += memcmp(&fresh->steps[0].entropy, &step->entropy, sizeof step->entropy) != 0 ||
		       memcmp(&fresh->tops[0].p, &text->tops[step->top].p, sizeof(double)) != 0;
		settings.score = true;
		struct request *plain = window_step(&settings, text->tokens, begin, end);
		const struct generation_step *last = &plain->steps[plain->generation.step_count - 1];
		bad += fabs(last->p - step->p) > 1e-6 || fabs(last->entropy - step->entropy) > 1e-5;
		request_free(fresh);
		request_free(plain);
	}
	return bad;
}

/* A text goes on when the context is full. */
static void slides(void)
{
	static const struct { int batch, threads; } rows[] = {{1, 1}, {64, 1}, {7, 3}};
	static const uint32_t by[] = {1, 7, CONTEXT};
	struct engine_settings settings = writing;

	settings.kernels = kernels;
	settings.max_tokens = 2 * CONTEXT + 5;
	for (size_t s = 0; s < sizeof by / sizeof *by; s++) {
		struct request **want = NULL;
		settings.slide = by[s];
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			int bad = 0;
			settings.batch = rows[i].batch;
			settings.threads = rows[i].threads;
			struct request **have = all(&settings, &bad);
			for (int t = 0; t < TEXTS; t++)
				bad += have[t]->generation.stop != GENERATION_LENGTH ||
				       have[t]->generation.step_count != settings.max_tokens ||
				       (want && !same(have[t], want[t]));
			ok(bad == 0, "slide by %u, batch %d, threads %d: as long as asked for, the same bits",
			   by[s], settings.batch, settings.threads);
			if (want)
				free_all(have);
			else
				want = have;
		}
		ok(compare_windows(want[2], by[s], 0) + compare_windows(want[20], by[s], 0) == 0,
		   "slide by %u: each step is that of the window alone", by[s]);
		free_all(want);
	}
	settings.max_tokens = 0;
	int bad = 0;
	struct request **have = all(&settings, &bad);
	for (int t = 0; t < TEXTS; t++)
		bad += have[t]->generation.stop != GENERATION_CONTEXT ||
		       have[t]->generation.length != CONTEXT + 1;
	is_int(bad, 0, "without a number of tokens to write, texts end when the context is full");
	free_all(have);
}

/* Of a prompt longer than the context, the end is read. */
static void crops(void)
{
	static uint16_t prompt[3 * CONTEXT];
	struct engine_settings settings = writing;
	struct record record = {.tokens = prompt, .length = 3 * CONTEXT};
	struct request *request = NULL;
	struct err err = {0};

	for (int i = 0; i < 3 * CONTEXT; i++)
		prompt[i] = (uint16_t)(i * i % 7);
	settings.kernels = kernels;
	settings.batch = settings.threads = settings.slide = 1;
	settings.crop = true;
	for (settings.max_tokens = 0; settings.max_tokens < 20; settings.max_tokens += 9) {
		struct engine *engine = start(&settings);
		engine_write(engine, &record, record.length, 0, false, NULL, &err);
		engine_take(engine, &request, &err);
		uint32_t written = settings.max_tokens > 0 ? settings.max_tokens : 1;
		ok(request && request->generation.prompt == record.length &&
		   request->generation.length == record.length + written &&
		   request->steps[0].position == record.length &&
		   memcmp(request->tokens, prompt, sizeof prompt) == 0 &&
		   compare_windows(request, 1, 2 * CONTEXT) == 0,
		   "a long prompt stays whole, and its end is read: %u tokens more", written);
		request_free(request);
		engine_free(engine);
	}
}

/* A number that is not finite fails the text that meets it, with its id. */
static void not_finite(void)
{
	struct engine_settings settings = writing;
	struct record record = {.id = 42, .tokens = tokens[0], .length = 3};
	struct request *request = NULL;
	struct err err = {0};
	float kept = model.params[0];

	settings.kernels = kernels;
	settings.batch = settings.threads = 1;
	model.params[0] = NAN; /* of the first token's embedding, which is also its logit's weights */
	struct engine *engine = start(&settings);
	engine_write(engine, &record, 3, 0, false, NULL, &err);
	ok(engine_take(engine, &request, &err) == -1 && !request && strstr(err.text, "id 42"),
	   "a model that is not finite: %s", err.text);
	engine_free(engine);
	model.params[0] = kept;
}

/* Who brings texts slowly gets each back before the next. */
static void wants(void)
{
	struct engine_settings settings = writing;
	struct record record = {.tokens = tokens[0], .length = 3};
	struct request *request = NULL;
	struct err err = {0};
	int given = 0;

	settings.kernels = kernels;
	settings.batch = 2;
	settings.threads = 1;
	settings.watch = true;
	struct engine *engine = start(&settings);
	ok(engine_wants(engine, true) && engine_wants(engine, false), "an empty engine wants a text");
	for (; engine_wants(engine, true) && given < 1000; given++)
		engine_write(engine, &record, 3, (uint32_t)given, false, NULL, &err);
	ok(given >= 2 && given < 1000, "a full one does not");
	ok(!engine_wants(engine, false), "nor one with texts under way, if input has to be waited for");
	uint32_t count = 0;
	const struct request *oldest = engine_watch(engine, 4, &count);
	ok(oldest && oldest->generation.sample == 0 && count >= 4,
	   "four steps of the oldest, as they come");
	engine_watch(engine, 99, &count);
	ok(count == 9 && engine_ready(engine), "all steps, when it is done");
	engine_take(engine, &request, &err);
	ok(engine_wants(engine, true), "one was taken: there is room");
	request_free(request);
	engine_free(engine); /* with texts under way */

	settings.watch = false;
	engine = start(&settings);
	engine_write(engine, &record, 3, 0, false, NULL, &err);
	engine_take(engine, &request, &err);
	ok(engine_wants(engine, false), "nothing under way: it waits for input");
	request_free(request);
	engine_free(engine);
}

#define LONG 291
#define MANY 65535

/* Score a long text, from a token on. lens: after each layer, too. */
static struct request *score_from(const uint16_t *text, uint32_t first, bool lens)
{
	struct engine_settings settings = {.score = true, .kernels = kernels, .batch = 1,
	                                   .threads = 1, .probs = 2, .lens = lens};
	const struct record record = {.id = 1, .tokens = text, .length = LONG};
	struct engine *engine = start(&settings);
	struct err err = {0};
	struct request *request = NULL;
	uint8_t wanted[LONG];

	for (uint32_t i = 0; i < LONG; i++)
		wanted[i] = i >= first;
	if (engine_score(engine, &record, 0, wanted, NULL, &err) < 0 ||
	    engine_take(engine, &request, &err) != 1)
		printf("# %s\n", err.text);
	engine_free(engine);
	return request;
}

/* Do the last steps of a have the bits of all steps of b, with their lenses? */
static bool same_end(const struct request *a, const struct request *b)
{
	const uint32_t skip = a->generation.step_count - b->generation.step_count;

	for (uint32_t i = 0; i < b->generation.step_count; i++) {
		const struct generation_step *x = &a->steps[skip + i], *y = &b->steps[i];
		if (x->position != y->position || memcmp(&x->p, &y->p, sizeof x->p) != 0 ||
		    x->rank != y->rank || x->lens_count != y->lens_count)
			return false;
		for (uint32_t k = 0; k < x->lens_count; k++)
			if (memcmp(&a->lenses[x->lens + k].p, &b->lenses[y->lens + k].p, sizeof x->p) != 0)
				return false;
	}
	return true;
}

/* The logits of a large vocabulary come in blocks of rows, which begin with the first token that is
 * wanted. Where they begin changes no bit. */
static void blocks(void)
{
	const struct model narrow = model;
	uint16_t text[LONG];
	char *characters = malloc(4 * MANY);
	struct err err = {0};
	size_t size = 0;

	for (uint32_t code = 0x10000; code < 0x10000 + MANY; code++)
		size += utf8_encode(code, characters + size);
	for (int i = 0; i < LONG; i++)
		text[i] = (uint16_t)(i * 211);
	model = (struct model){
		.config = {.layers = 1, .heads = 1, .width = 2, .context = LONG, .vocab = MANY},
		.vocab = vocab_new(characters, size, &err),
	};
	model.params = malloc(gpt_parameter_count(&model.config) * sizeof(float));
	gpt_init_parameters(&model.config, 1, model.params);
	for (int lens = 0; lens < 2; lens++) {
		struct request *all = score_from(text, 1, lens), *end = score_from(text, 77, lens);
		ok(all && end && all->generation.step_count == LONG - 1 &&
		   end->generation.step_count == LONG - 77 && same_end(all, end),
		   "%s a large vocabulary: the same bits from token 77 on", lens ? "lenses over" : "over");
		request_free(all);
		request_free(end);
	}
	free(characters);
	model_release(&model);
	model = narrow;
}

int main(void)
{
	struct err err = {0};

	alarm(120); /* a test that waits for ever shall fail */
	kernels = kernels_find("cpu", &err);
	make_model();
	same_bits(false);
	same_bits(true);
	limits();
	slides();
	crops();
	not_finite();
	wants();
	blocks();
	model_release(&model);
	return done();
}
