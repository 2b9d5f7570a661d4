#include "common/eval/patching.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/threads.h"
#include "common/eval/patching_private.h"

struct patching {
	const struct patch_plan *plan;
	struct threads *threads;
	struct patch_worker *workers; /* [count] */
	int count;

	/* of a run */
	struct patch_pair *pairs;
	int pair_count;
	int shares; /* of a pair's effects: if there are fewer pairs than workers, they divide them */
	atomic_int next; /* the share that no worker has yet, of all pairs' shares */
	int *failed; /* [count] the pair at which a worker stopped; -1: none */
};

size_t patching_effects(const struct patch_plan *plan, const struct patch_pair *pair)
{
	if (plan->kept)
		return 1;
	return plan->edge_count > 0 ? (size_t)plan->edge_count :
	       (size_t)plan->site_count * (size_t)pair->groups;
}

/* Each thread opens its own device: some keep settings by thread. */
static void begin(int worker, void *data)
{
	struct patching *patching = data;

	patch_worker_begin(&patching->workers[worker]);
}

struct patching *patching_new(const struct model *model, const struct kernels *kernels,
                              const struct patch_plan *plan, int threads, struct err *err)
{
	struct patching *patching = calloc(1, sizeof *patching);

	if (!patching) {
		err_set(err, "out of memory");
		return NULL;
	}
	patching->plan = plan;
	patching->workers = calloc((size_t)threads, sizeof *patching->workers);
	patching->failed = calloc((size_t)threads, sizeof *patching->failed);
	if (!patching->workers || !patching->failed) {
		err_set(err, "out of memory");
		patching_free(patching);
		return NULL;
	}
	patching->count = threads;
	for (int i = 0; i < threads; i++) {
		patching->workers[i].model = model;
		patching->workers[i].kernels = kernels;
		patching->workers[i].plan = plan;
	}
	patching->threads = threads_new(threads, err);
	if (patching->threads)
		threads_run(patching->threads, begin, patching);
	for (int i = 0; i < threads; i++)
		if (patching->workers[i].err.status != ERR_NONE)
			err_set(err, "%s", patching->workers[i].err.text);
	if (patching->threads && err->status == ERR_NONE)
		return patching;
	patching_free(patching);
	return NULL;
}

static void end(int worker, void *data)
{
	struct patching *patching = data;

	patch_worker_end(&patching->workers[worker]);
}

void patching_free(struct patching *patching)
{
	if (!patching)
		return;
	if (patching->threads)
		threads_run(patching->threads, end, patching);
	threads_free(patching->threads);
	free(patching->workers);
	free(patching->failed);
	free(patching);
}

static void work(int worker, void *data)
{
	struct patching *patching = data;
	int i;

	patching->failed[worker] = -1;
	while ((i = atomic_fetch_add(&patching->next, 1)) < patching->pair_count * patching->shares) {
		const int pair = i / patching->shares, share = i % patching->shares;
		const size_t count = patching_effects(patching->plan, &patching->pairs[pair]);
		const size_t first = count * (size_t)share / (size_t)patching->shares;
		const size_t end = count * ((size_t)share + 1) / (size_t)patching->shares;
		if (first < end && patch_worker_run(&patching->workers[worker], &patching->pairs[pair],
		                                    first, end) < 0) {
			patching->failed[worker] = pair;
			return;
		}
	}
}

int patching_run(struct patching *patching, struct patch_pair *pairs, int count, struct err *err)
{
	int first = -1; /* worker with the first pair that failed */

	for (int i = 0; i < count; i++) {
		free(pairs[i].effects);
		pairs[i].effects = calloc(patching_effects(patching->plan, &pairs[i]),
		                          sizeof *pairs[i].effects);
		if (!pairs[i].effects)
			return err_set(err, "out of memory for the effects of a text");
	}
	patching->pairs = pairs;
	patching->pair_count = count;
	patching->shares = count < patching->count && count > 0 ?
	                   (patching->count + count - 1) / count : 1;
	atomic_store(&patching->next, 0);
	threads_run(patching->threads, work, patching);
	for (int i = 0; i < patching->count; i++)
		if (patching->failed[i] >= 0 &&
		    (first < 0 || patching->failed[i] < patching->failed[first]))
			first = i;
	if (first < 0)
		return 0;
	return err_set(err, "record of id %llu: %s",
	               (unsigned long long)pairs[patching->failed[first]].id,
	               patching->workers[first].err.text);
}
