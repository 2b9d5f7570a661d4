#include "common/train/optimizer_private.h"

#include <math.h>
#include <stdlib.h>

/* ---- shares ---- */

/* Work is that of count groups of `each` workers: the group that has the least to do so far. */
static int least_work(const double *work, int count, int each)
{
	double least_sum = INFINITY;
	int least = 0;

	for (int i = 0; i < count; i++) {
		double sum = 0;
		for (int w = 0; w < each; w++)
			sum += work[i * each + w];
		if (sum < least_sum) {
			least_sum = sum;
			least = i;
		}
	}
	return least;
}

/* List the matrices for Muon. Each goes to the worker that has the least to do so far,
 * by the multiplications of the product of a matrix and its transpose; those that stand side by
 * side in one tensor go to workers of one rank, the one that has the least to do. */
static int list_matrices(struct optimizer *optimizer, const struct gpt_tensor *tensors,
                         int tensor_count, struct err *err)
{
	double *work = calloc((size_t)optimizer->workers, sizeof *work);
	int count = 0;

	for (int i = 0; i < tensor_count; i++)
		count += tensors[i].hidden;
	optimizer->matrices = calloc((size_t)count, sizeof *optimizer->matrices);
	if (!work || !optimizer->matrices) {
		free(work);
		return err_set(err, "out of memory");
	}
	for (int i = 0; i < tensor_count; i++) {
		const struct gpt_tensor *tensor = &tensors[i];
		const int own = optimizer->own;
		const int from = own * least_work(work, optimizer->workers / own, own);
		for (int part = 0; part < tensor->hidden; part++) {
			const int rows = tensor->rows, cols = tensor->cols / tensor->hidden;
			const int least = from + least_work(work + from, own, 1);
			work[least] += (double)rows * cols * (rows < cols ? rows : cols);
			optimizer->matrices[optimizer->matrix_count++] = (struct muon_matrix){
				.offset = tensor->offset + (size_t)(part * cols),
				.rows = rows, .cols = cols, .stride = tensor->cols, .worker = least,
			};
		}
	}
	free(work);
	return 0;
}

/* List what AdamW steps of a stretch. Tensors that stand side by side make one range if
 * weight decay applies to all of them, or to none. */
static int list_ranges(struct optimizer *optimizer, struct share *share,
                       const struct gpt_tensor *tensors, int tensor_count, struct err *err)
{
	const bool muon = optimizer->options.kind == OPTIMIZER_MUON;
	struct adamw_range *ranges = calloc((size_t)tensor_count, sizeof *ranges);
	struct adamw_range *last = NULL;
	int count = 0;

	if (!ranges)
		return err_set(err, "out of memory");
	for (int i = 0; i < tensor_count; i++) {
		const struct gpt_tensor *tensor = &tensors[i];
		const size_t from = tensor->offset > share->begin ? tensor->offset : share->begin;
		const size_t behind = tensor->offset + tensor->count;
		const size_t to = behind < share->end ? behind : share->end;
		if (from >= to || (muon && tensor->hidden))
			continue;
		if (last && last->end == from - share->begin && last->decay == tensor->decay) {
			last->end = to - share->begin;
			continue;
		}
		last = &ranges[count++];
		*last = (struct adamw_range){from - share->begin, to - share->begin, tensor->decay};
	}
	const size_t bytes = (size_t)count * sizeof *ranges;
	share->ranges = optimizer->k->alloc(share->dev, bytes);
	share->range_count = count;
	if (share->ranges)
		optimizer->k->upload(share->dev, share->ranges, ranges, bytes);
	free(ranges);
	return share->ranges ? 0 : err_set(err, "out of memory");
}

/* Stretches of equal length but for the last ones, in whole vectors of 16 floats. */
static void divide(struct optimizer *optimizer)
{
	const size_t count = optimizer->count;
	const size_t part = (count / (size_t)optimizer->workers + 15) / 16 * 16 + 16;

	for (int w = 0; w < optimizer->workers; w++) {
		struct share *share = &optimizer->shares[w];
		share->begin = (size_t)w * part < count ? (size_t)w * part : count;
		share->end = share->begin + part < count ? share->begin + part : count;
	}
}

/* ---- making and freeing ---- */

static int make_update(struct optimizer *optimizer, struct err *err)
{
	const size_t workers = (size_t)optimizer->workers;
	struct tally *tallies;

	optimizer->update = optimizer->k->alloc(optimizer->dev, sizeof *optimizer->update +
	                                        workers * sizeof *tallies);
	if (!optimizer->update)
		return err_set(err, "out of memory");
	tallies = (struct tally *)(optimizer->update + 1);
	for (int w = 0; w < optimizer->workers; w++)
		optimizer->shares[w].tally = &tallies[w];
	return 0;
}

static int make_arrays(struct optimizer *optimizer, const float *params, struct err *err)
{
	const size_t bytes = optimizer->count * sizeof *params;
	const struct kernels *k = optimizer->k;
	struct device *first = optimizer->dev;

	optimizer->params = k->alloc(first, bytes);
	optimizer->moment1 = k->alloc(first, bytes);
	optimizer->moment2 = k->alloc(first, bytes);
	if (!optimizer->params || !optimizer->moment1 || !optimizer->moment2)
		return err_set(err, "out of memory for %zu parameters", optimizer->count);
	k->upload(first, optimizer->params, params, bytes);
	k->zero(first, optimizer->moment1, bytes);
	k->zero(first, optimizer->moment2, bytes);
	k->wait(first);
	return 0;
}

static int make_shares(struct optimizer *optimizer, const struct gpt_config *config,
                       const struct comm *comm, struct err *err)
{
	const int tensor_count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)tensor_count, sizeof *tensors);
	int result = 0;

	if (!tensors)
		return err_set(err, "out of memory");
	gpt_tensors(config, tensors);
	divide(optimizer);
	if (optimizer->options.kind == OPTIMIZER_MUON)
		result = list_matrices(optimizer, tensors, tensor_count, err);
	for (int w = 0; w < optimizer->own && result == 0; w++)
		result = list_ranges(optimizer, &optimizer->shares[optimizer->first + w], tensors,
		                     tensor_count, err);
	if (result == 0 && comm->size > 1)
		result = rank_exchange_new(optimizer, config, comm, tensors, tensor_count, err);
	free(tensors);
	return result;
}

struct optimizer *optimizer_new(const struct gpt_config *config,
                                const struct optimizer_options *options,
                                const struct kernels *kernels, struct device *const *devices,
                                int workers, const struct comm *comm, const float *params,
                                struct err *err)
{
	const int all = workers * comm->size, first = workers * comm->rank;
	struct optimizer *optimizer = calloc(1, sizeof *optimizer);
	struct share *shares = calloc((size_t)all, sizeof *shares);

	if (!optimizer || !shares) {
		free(optimizer);
		free(shares);
		err_set(err, "out of memory");
		return NULL;
	}
	for (int w = 0; w < workers; w++)
		shares[first + w].dev = devices[w];
	*optimizer = (struct optimizer){
		.options = *options,
		.k = kernels,
		.count = gpt_parameter_count(config),
		.workers = all,
		.first = first,
		.own = workers,
		.dev = devices[0],
		.shares = shares,
	};
	if (make_arrays(optimizer, params, err) < 0 || make_update(optimizer, err) < 0 ||
	    make_shares(optimizer, config, comm, err) < 0) {
		optimizer_free(optimizer);
		return NULL;
	}
	return optimizer;
}

void optimizer_free(struct optimizer *optimizer)
{
	if (!optimizer)
		return;
	const struct kernels *k = optimizer->k;

	rank_exchange_free(optimizer);
	for (int w = optimizer->first; w < optimizer->first + optimizer->own; w++)
		k->free(optimizer->shares[w].dev, optimizer->shares[w].ranges);
	k->free(optimizer->dev, optimizer->params);
	k->free(optimizer->dev, optimizer->moment1);
	k->free(optimizer->dev, optimizer->moment2);
	k->free(optimizer->dev, optimizer->update);
	free(optimizer->shares);
	free(optimizer->matrices);
	free(optimizer);
}

size_t optimizer_memory(const struct optimizer *optimizer)
{
	return 3 * optimizer->count * sizeof(float) + rank_exchange_memory(optimizer);
}

/* ---- a step ---- */

const float *optimizer_params(const struct optimizer *optimizer)
{
	return optimizer->params;
}

/* AdamW's correction of a moment that started at 0, in step n: 1 / (1 - betaⁿ). */
static float correction(double beta, int64_t n)
{
	return (float)(1.0 / (1.0 - pow((float)beta, (double)n)));
}

void optimizer_begin(struct optimizer *optimizer, int64_t number, double lr, double mean)
{
	const struct optimizer_options *options = &optimizer->options;
	const struct update update = {
		.lr = (float)lr,
		.correct1 = correction(options->beta1, number),
		.correct2 = correction(options->beta2, number),
		.norm_max = options->clip,
		.mean = mean,
	};

	optimizer->k->upload(optimizer->dev, optimizer->update, &update, sizeof update);
	if (optimizer->ranks)
		rank_exchange_begin(optimizer);
}

double *optimizer_losses(struct optimizer *optimizer, int worker)
{
	const struct share *share = &optimizer->shares[optimizer->first + worker];

	optimizer->k->zero(share->dev, share->tally, sizeof *share->tally);
	return &share->tally->loss;
}

void optimizer_final(struct optimizer *optimizer, int worker, float *const *gradients, int sections)
{
	if (optimizer->ranks)
		rank_exchange_final(optimizer, worker, gradients, sections);
}

/* Sum the stretch's gradients of all workers into gradients[0]. */
static void sum_gradients(const struct optimizer *optimizer, const struct share *share,
                          float *const *gradients)
{
	const size_t begin = share->begin, count = share->end - share->begin;
	float *sum = rank_exchange_gradient(optimizer, 0, gradients, begin);

	for (int w = 1; w < optimizer->workers; w++)
		optimizer->k->add(share->dev, sum,
		                  rank_exchange_gradient(optimizer, w, gradients, begin), count);
	optimizer->k->norm2(share->dev, &share->tally->norm2, sum, count);
	if (sum != gradients[0] + begin)
		optimizer->k->copy(share->dev, gradients[0] + begin, sum, count * sizeof *sum);
}

static void step_share(const struct optimizer *optimizer, int worker, const float *gradient)
{
	const struct optimizer_options *options = &optimizer->options;
	const int number = optimizer->first + worker;
	const struct share *share = &optimizer->shares[number];
	const size_t begin = share->begin;
	const struct muon muon = {
		.momentum = (float)options->momentum,
		.weight_decay = (float)options->weight_decay,
	};
	const struct adamw adamw = {
		.beta1 = (float)options->beta1,
		.beta2 = (float)options->beta2,
		.epsilon = 1e-8f,
		.weight_decay = (float)options->weight_decay,
	};

	for (int i = 0; i < optimizer->matrix_count; i++) {
		const struct muon_matrix *matrix = &optimizer->matrices[i];
		const size_t at = matrix->offset;
		if (matrix->worker == number)
			optimizer->k->muon(share->dev, optimizer->params + at, gradient + at,
			                   optimizer->moment1 + at, matrix->rows, matrix->cols,
			                   matrix->stride, &muon, optimizer->update);
	}
	optimizer->k->adamw(share->dev, optimizer->params + begin, gradient + begin,
	                    optimizer->moment1 + begin, optimizer->moment2 + begin,
	                    share->end - begin, share->ranges, share->range_count, &adamw,
	                    optimizer->update);
}

/* Other ranks' gradients, by one thread for all: no worker computes meanwhile. */
static void get_gradients(struct optimizer *optimizer, int worker, float *const *gradients,
                          struct threads *threads)
{
	if (!optimizer->ranks)
		return;
	threads_barrier(threads);
	if (worker == 0)
		rank_exchange_gradients(optimizer, gradients);
	threads_barrier(threads);
}

/* The tallies of all workers make the norm; worker 0 calls this. */
static void clip(struct optimizer *optimizer, float *const *gradients)
{
	if (optimizer->ranks)
		rank_exchange_tallies(optimizer);
	optimizer->k->clip(optimizer->dev, optimizer->update, optimizer->shares[0].tally,
	                   optimizer->workers);
	if (optimizer->ranks)
		rank_exchange_sums(optimizer, gradients);
}

/* What other ranks have stepped. */
static void get_params(struct optimizer *optimizer, int worker, struct threads *threads)
{
	if (!optimizer->ranks)
		return;
	optimizer->k->wait(optimizer->shares[optimizer->first + worker].dev);
	threads_barrier(threads);
	if (worker == 0)
		rank_exchange_params(optimizer);
}

void optimizer_update(struct optimizer *optimizer, int worker, float *const *gradients,
                      struct threads *threads)
{
	const struct kernels *k = optimizer->k;
	const struct share *share = &optimizer->shares[optimizer->first + worker];
	const bool replayed = k->replay && optimizer->workers == 1;

	threads_barrier(threads);
	get_gradients(optimizer, worker, gradients, threads);
	do {
		if (replayed && k->replay(share->dev, NULL, (uintptr_t)optimizer->update))
			return;
		sum_gradients(optimizer, share, gradients);
		threads_barrier(threads);
		if (worker == 0)
			clip(optimizer, gradients);
		threads_barrier(threads);
		step_share(optimizer, worker, gradients[0]);
	} while (replayed && !k->recorded(share->dev));
	get_params(optimizer, worker, threads);
}

struct optimizer_result optimizer_end(struct optimizer *optimizer)
{
	struct update update;

	optimizer->k->download(optimizer->dev, &update, optimizer->update, sizeof update);
	return (struct optimizer_result){
		.loss = update.loss,
		.norm = update.norm,
		.taken = update.finite,
	};
}

/* ---- state ---- */

static void download(const struct optimizer *optimizer, float *to, const float *array)
{
	optimizer->k->download(optimizer->dev, to, array, optimizer->count * sizeof *to);
}

void optimizer_download(const struct optimizer *optimizer, float *params, float *moment1,
                        float *moment2)
{
	if (params)
		download(optimizer, params, optimizer->params);
	if (moment1)
		download(optimizer, moment1, optimizer->moment1);
	if (moment2)
		download(optimizer, moment2, optimizer->moment2);
	if (moment1 && optimizer->ranks)
		rank_exchange_gather(optimizer, moment1);
	if (moment2 && optimizer->ranks)
		rank_exchange_gather(optimizer, moment2);
}

void optimizer_upload(struct optimizer *optimizer, const float *params, const float *moment1,
                      const float *moment2)
{
	const size_t bytes = optimizer->count * sizeof *params;
	struct device *first = optimizer->dev;

	optimizer->k->upload(first, optimizer->params, params, bytes);
	optimizer->k->upload(first, optimizer->moment1, moment1, bytes);
	optimizer->k->upload(first, optimizer->moment2, moment2, bytes);
}

void optimizer_level(struct optimizer *optimizer)
{
	if (optimizer->ranks)
		rank_exchange_params(optimizer);
}
