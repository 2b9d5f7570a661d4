#include "common/sample/engine.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/threads.h"
#include "common/sample/decoder.h"
#include "common/sample/scorer.h"

/* A thread with its own device and network over the shared parameters. */
struct worker {
	struct generator *generator;
	pthread_t thread;
	int slots;
	struct device *dev;
	struct gpt *gpt;
	struct decoder *decoder; /* one of the two */
	struct scorer *scorer;
	struct err err; /* why it could not begin */
};

struct generator {
	const struct model *model;
	const struct generator_settings *settings;
	const struct kernels *kernels; /* of the settings */
	struct device *dev; /* holds the parameters */
	float *params;
	struct job_queue *queue;
	sem_t ready; /* posted by every worker that has begun or failed */
	int workers, started;
	struct worker worker[];
};

int generator_threads(const struct kernels *kernels, int asked)
{
	if (kernels->single || asked > 0)
		return kernels->single ? 1 : asked;
	int processors = team_processors();
	return processors > GENERATOR_THREADS_MAX ? GENERATOR_THREADS_MAX : processors;
}

/* Everything a thread needs. It opens its own device: some keep settings by thread. */
static int begin(struct worker *worker)
{
	const struct generator *generator = worker->generator;
	const struct generator_settings *settings = generator->settings;
	const struct gpt_config *config = &generator->model->config;
	const struct vocab *vocab = generator->model->vocab;
	struct err *err = &worker->err;
	int rows = settings->score ? config->context : worker->slots + DECODER_PROMPT_ROWS;

	worker->dev = generator->kernels->open(DTYPE_F32, err);
	if (!worker->dev)
		return -1;
	worker->gpt = gpt_new(config, generator->kernels, worker->dev, generator->params, rows,
	                      settings->lens ? GPT_KEEP_RESIDUAL : GPT_KEEP_NOTHING, err);
	if (!worker->gpt || ablation_apply(settings->ablation, worker->gpt, err) < 0)
		return -1;
	gpt_hold(worker->gpt, true);
	if (settings->score)
		worker->scorer = scorer_new(worker->gpt, config, vocab, settings->probs,
		                            settings->lens, err);
	else
		worker->decoder = decoder_new(worker->gpt, config, vocab, settings,
		                              worker->slots, err);
	return worker->scorer || worker->decoder ? 0 : -1;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct generator *generator = worker->generator;
	int result = begin(worker);

	sem_post(&generator->ready);
	if (result == 0 && worker->scorer)
		scorer_run(worker->scorer, generator->queue);
	else if (result == 0)
		decoder_run(worker->decoder, generator->queue);
	decoder_free(worker->decoder);
	scorer_free(worker->scorer);
	gpt_free(worker->gpt);
	generator->kernels->close(worker->dev);
	return NULL;
}

/* The parameters into device memory. */
static int place_parameters(struct generator *generator, struct err *err)
{
	size_t bytes = gpt_parameter_count(&generator->model->config) * sizeof(float);

	generator->dev = generator->kernels->open(DTYPE_F32, err);
	if (!generator->dev)
		return -1;
	generator->params = generator->kernels->alloc(generator->dev, bytes);
	if (!generator->params)
		return err_set(err, "out of memory for %zu bytes of parameters", bytes);
	generator->kernels->upload(generator->dev, generator->params, generator->model->params,
	                           bytes);
	generator->kernels->wait(generator->dev);
	return 0;
}

static int start_workers(struct generator *generator, struct err *err)
{
	int batch = generator->settings->batch, result = 0;

	for (int i = 0; i < generator->workers; i++) {
		struct worker *worker = &generator->worker[i];
		worker->generator = generator;
		worker->slots = (batch + i) / generator->workers; /* they sum to batch */
		if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
			result = err_set(err, "cannot start thread %d", i + 1);
			break;
		}
		generator->started++;
	}
	for (int i = 0; i < generator->started; i++)
		while (sem_wait(&generator->ready) < 0)
			continue; /* a signal came */
	for (int i = 0; i < generator->started; i++)
		if (generator->worker[i].err.status != ERR_NONE)
			result = err_set(err, "%s", generator->worker[i].err.text);
	return result;
}

struct generator *generator_new(const struct model *model,
                                const struct generator_settings *settings, struct err *err)
{
	int workers = settings->threads, room = 8 * settings->threads;
	struct generator *generator;

	if (!settings->score) {
		workers = workers < settings->batch ? workers : settings->batch;
		room = 4 * settings->batch;
	}
	generator = calloc(1, sizeof *generator + (size_t)workers * sizeof *generator->worker);
	if (!generator) {
		err_set(err, "out of memory");
		return NULL;
	}
	generator->model = model;
	generator->settings = settings;
	generator->workers = workers;
	sem_init(&generator->ready, 0, 0);
	generator->queue = job_queue_new(room, settings->watch, err);
	generator->kernels = settings->kernels;
	if (generator->queue && place_parameters(generator, err) == 0 &&
	    start_workers(generator, err) == 0)
		return generator;
	generator_free(generator);
	return NULL;
}

bool generator_wants(struct generator *generator, bool come)
{
	return come ? !job_queue_full(generator->queue) : job_queue_empty(generator->queue);
}

bool generator_ready(struct generator *generator)
{
	return job_queue_ready(generator->queue);
}

int generator_write(struct generator *generator, const struct record *record,
                    uint32_t prompt, uint32_t sample, bool refer, struct err *err)
{
	uint32_t context = (uint32_t)generator->model->config.context, room = context + 1;
	struct job *job;

	if (prompt > context)
		return err_set(err, "a prompt of %u characters, but the model's context is %u",
		               prompt, context);
	if (generator->settings->max_tokens > 0 &&
	    room - prompt > generator->settings->max_tokens)
		room = prompt + generator->settings->max_tokens;
	job = job_new(record, prompt, sample, room, refer, err);
	if (!job)
		return -1;
	if (generator->settings->watch && job_reserve(job, err) < 0) {
		job_free(job);
		return -1;
	}
	job_queue_give(generator->queue, job);
	return 0;
}

int generator_score(struct generator *generator, const struct record *record,
                    uint32_t sample, const uint8_t *wanted, struct err *err)
{
	uint32_t context = (uint32_t)generator->model->config.context;
	struct job *job;

	if (record->length > context + 1)
		return err_set(err, "a text of %u characters, but the model's context of %u "
		               "reaches %u", record->length, context, context + 1);
	job = job_new(record, record->length, sample, record->length, false, err);
	if (!job)
		return -1;
	if (wanted) {
		job->wanted = malloc((size_t)record->length + 1);
		if (!job->wanted) {
			job_free(job);
			return err_set(err, "out of memory");
		}
		memcpy(job->wanted, wanted, record->length);
	}
	job_queue_give(generator->queue, job);
	return 0;
}

const struct job *generator_watch(struct generator *generator, uint32_t wanted,
                                  uint32_t *count)
{
	return job_queue_watch(generator->queue, wanted, count);
}

int generator_take(struct generator *generator, struct job **job, struct err *err)
{
	*job = job_queue_collect(generator->queue);
	if (!*job)
		return 0;
	if ((*job)->err.status == ERR_NONE)
		return 1;
	err_set(err, "record of id %llu, sample %u: %s",
	        (unsigned long long)(*job)->generation.id, (*job)->generation.sample,
	        (*job)->err.text);
	job_free(*job);
	*job = NULL;
	return -1;
}

void generator_free(struct generator *generator)
{
	if (!generator)
		return;
	if (generator->queue)
		job_queue_close(generator->queue);
	for (int i = 0; i < generator->started; i++)
		pthread_join(generator->worker[i].thread, NULL);
	job_queue_free(generator->queue);
	sem_destroy(&generator->ready);
	if (generator->dev)
		generator->kernels->free(generator->dev, generator->params);
	generator->kernels->close(generator->dev);
	free(generator);
}
