#include "common/sample/engine.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/sample/decoder.h"
#include "common/sample/scorer.h"

/* A thread with its own device and network over the shared parameters. */
struct worker {
	struct engine *engine;
	pthread_t thread;
	int slots;
	struct device *dev;
	struct gpt *gpt;
	struct decoder *decoder; /* one of the two */
	struct scorer *scorer;
	struct err err; /* why it could not begin */
};

struct engine {
	const struct model *model;
	const struct engine_settings *settings;
	const struct kernels *kernels; /* of the settings */
	struct device *dev; /* holds the parameters */
	const float *params; /* on the device, or the model's */
	struct request_queue *queue;
	sem_t ready; /* posted by every worker that has begun or failed */
	int workers, started;
	struct worker worker[];
};

/* Everything a thread needs. It opens its own device: some keep settings by thread. */
static int begin(struct worker *worker)
{
	const struct engine *engine = worker->engine;
	const struct engine_settings *settings = engine->settings;
	const struct gpt_config *config = &engine->model->config;
	const struct vocab *vocab = engine->model->vocab;
	struct err *err = &worker->err;
	int rows = settings->score ? config->context : worker->slots + DECODER_PROMPT_ROWS;

	worker->dev = engine->kernels->open(DTYPE_F32, err);
	if (!worker->dev)
		return -1;
	worker->gpt = gpt_new(config, engine->kernels, worker->dev, engine->params, rows,
	                      settings->lens ? GPT_KEEP_RESIDUAL : GPT_KEEP_NOTHING, err);
	if (!worker->gpt || ablation_apply(settings->ablation, worker->gpt, err) < 0)
		return -1;
	gpt_hold_parameters(worker->gpt, true);
	if (settings->score)
		worker->scorer = scorer_new(worker->gpt, engine->model, settings, err);
	else
		worker->decoder = decoder_new(worker->gpt, config, vocab, settings,
		                              worker->slots, err);
	return worker->scorer || worker->decoder ? 0 : -1;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct engine *engine = worker->engine;
	int result = begin(worker);

	sem_post(&engine->ready);
	if (result == 0 && worker->scorer)
		scorer_run(worker->scorer, engine->queue);
	else if (result == 0)
		decoder_run(worker->decoder, engine->queue);
	decoder_free(worker->decoder);
	scorer_free(worker->scorer);
	gpt_free(worker->gpt);
	engine->kernels->close(worker->dev);
	return NULL;
}

/* The parameters into device memory. */
static int place_parameters(struct engine *engine, struct err *err)
{
	engine->dev = engine->kernels->open(DTYPE_F32, err);
	if (!engine->dev)
		return -1;
	engine->params = gpt_upload_parameters(&engine->model->config, engine->kernels, engine->dev,
	                                       engine->model->params, err);
	if (!engine->params)
		return -1;
	engine->kernels->wait(engine->dev);
	return 0;
}

static int start_workers(struct engine *engine, struct err *err)
{
	int batch = engine->settings->batch, result = 0;

	for (int i = 0; i < engine->workers; i++) {
		struct worker *worker = &engine->worker[i];
		worker->engine = engine;
		worker->slots = (batch + i) / engine->workers; /* they sum to batch */
		if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
			result = err_set(err, "cannot start thread %d", i + 1);
			break;
		}
		engine->started++;
	}
	for (int i = 0; i < engine->started; i++)
		while (sem_wait(&engine->ready) < 0)
			continue; /* a signal came */
	for (int i = 0; i < engine->started; i++)
		if (engine->worker[i].err.status != ERR_NONE)
			result = err_set(err, "%s", engine->worker[i].err.text);
	return result;
}

struct engine *engine_new(const struct model *model,
                          const struct engine_settings *settings, struct err *err)
{
	int workers = settings->threads, room = 8 * settings->threads;
	struct engine *engine;

	if (!settings->score) {
		workers = workers < settings->batch ? workers : settings->batch;
		room = 4 * settings->batch;
	}
	engine = calloc(1, sizeof *engine + (size_t)workers * sizeof *engine->worker);
	if (!engine) {
		err_set(err, "out of memory");
		return NULL;
	}
	engine->model = model;
	engine->settings = settings;
	engine->workers = workers;
	sem_init(&engine->ready, 0, 0);
	engine->queue = request_queue_new(room, settings->watch, err);
	engine->kernels = settings->kernels;
	if (engine->queue && place_parameters(engine, err) == 0 &&
	    start_workers(engine, err) == 0)
		return engine;
	engine_free(engine);
	return NULL;
}

bool engine_wants(struct engine *engine, bool come)
{
	return come ? !request_queue_full(engine->queue) : request_queue_empty(engine->queue);
}

bool engine_ready(struct engine *engine)
{
	return request_queue_ready(engine->queue);
}

int engine_write(struct engine *engine, const struct record *record, uint32_t prompt,
                 uint32_t sample, bool refer, const uint8_t *ablated, struct err *err)
{
	const struct engine_settings *settings = engine->settings;
	const uint32_t context = (uint32_t)engine->model->config.context;
	uint32_t room = (prompt > context ? prompt : context) + 1;
	struct request *request;

	if (!settings->crop && gpt_check_prompt(&engine->model->config, prompt, err) < 0)
		return -1;
	if (engine_slides(settings) ||
	    (settings->max_tokens > 0 && room - prompt > settings->max_tokens))
		room = prompt + settings->max_tokens;
	request = request_new(record, prompt, sample, room, refer, err);
	if (!request)
		return -1;
	if (request_masks(request, NULL, ablated, err) < 0 ||
	    (settings->watch && request_reserve(request, err) < 0)) {
		request_free(request);
		return -1;
	}
	request_queue_give(engine->queue, request);
	return 0;
}

int engine_score(struct engine *engine, const struct record *record, uint32_t sample,
                 const uint8_t *wanted, const uint8_t *ablated, struct err *err)
{
	struct request *request;

	if (engine->settings->slide == 0 &&
	    gpt_check_text(&engine->model->config, record->length, err) < 0)
		return -1;
	request = request_new(record, record->length, sample, record->length, false, err);
	if (!request)
		return -1;
	if (request_masks(request, wanted, ablated, err) < 0) {
		request_free(request);
		return -1;
	}
	request_queue_give(engine->queue, request);
	return 0;
}

const struct request *engine_watch(struct engine *engine, uint32_t wanted,
                                   uint32_t *count)
{
	return request_queue_watch(engine->queue, wanted, count);
}

int engine_take(struct engine *engine, struct request **request, struct err *err)
{
	*request = request_queue_collect(engine->queue);
	if (!*request)
		return 0;
	if ((*request)->err.status == ERR_NONE)
		return 1;
	err_set(err, "record of id %llu, sample %u: %s",
	        (unsigned long long)(*request)->generation.id, (*request)->generation.sample,
	        (*request)->err.text);
	request_free(*request);
	*request = NULL;
	return -1;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	if (engine->queue)
		request_queue_close(engine->queue);
	for (int i = 0; i < engine->started; i++)
		pthread_join(engine->worker[i].thread, NULL);
	request_queue_free(engine->queue);
	sem_destroy(&engine->ready);
	if (engine->dev)
		gpt_free_uploaded(engine->kernels, engine->dev, engine->params, engine->model->params);
	engine->kernels->close(engine->dev);
	free(engine);
}
