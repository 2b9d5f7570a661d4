/* optimizer_private.h - what the files of the optimizer share: optimizer*.c. */
#ifndef MEMOSCOPE_OPTIMIZER_PRIVATE_H
#define MEMOSCOPE_OPTIMIZER_PRIVATE_H

#include <stdatomic.h>

#include "common/train/optimizer.h"

/* A matrix that one worker steps with Muon. */
struct muon_matrix {
	size_t offset; /* of its first element in the parameters */
	int rows, cols, stride; /* stride: elements from one row to the next */
	int worker;
};

/* What one worker sums and steps. */
struct share {
	struct device *dev; /* the caller's; NULL: of a worker in another process */
	size_t begin, end; /* of its stretch, in the parameters */
	struct adamw_range *ranges; /* [range_count], device memory: of the stretch, from its begin */
	int range_count;
	struct tally *tally; /* of this step; device memory behind optimizer.update */
};

/* A stretch of the parameters that the workers of one rank step. */
struct piece {
	size_t begin, end;
	int rank;
	bool whole; /* a tensor that is stepped with Muon: its owner needs the sum of all of it */
};

/* What ranks exchange in a step (optimizer_ranks.c). If the device's memory is the host's, or if
 * the comm takes that of a device, messages are of the device's arrays. Else they are of copies in
 * the host's memory. */
struct rank_exchange {
	const struct comm *comm; /* the caller's */
	struct piece *pieces; /* [piece_count]: all parameters, in ascending order */
	int piece_count;
	float *received; /* [workers of others][stretch of this rank], device memory: their gradients */
	bool copies, device; /* messages are of the host's copies; of a device's own memory */
	/* The copies, in memory from host_alloc(). Without: the device's arrays, and gradients are
	 * NULL. */
	float *host_received, *host_gradients, *host_params; /* [own workers][count], [count] */
	struct tally *tallies; /* [workers], host memory */
	struct comm_message *messages; /* [room] */
	int count, room;
	size_t *sections; /* [section_count] of gradients: gpt_sections() */
	int section_count;
	/* of this step */
	atomic_int *final; /* [own workers]: so many sections will not change any more */
	int begun; /* so many sections of all own workers are on their way */
};

struct optimizer {
	struct optimizer_options options;
	const struct kernels *k;
	size_t count; /* parameters */
	int workers; /* of all ranks */
	int first, own; /* this rank's workers: first ... first + own - 1 */
	struct device *dev; /* of the first one */
	struct share *shares; /* [workers] */
	struct muon_matrix *matrices; /* [matrix_count]; none without Muon */
	int matrix_count;
	/* device memory of the first worker, as is the tallies' */
	float *params, *moment1, *moment2; /* [count] */
	struct update *update; /* what the step is taken with, and its result */
	struct rank_exchange *ranks; /* NULL: one process */
};

/* The stretch of a rank: that of all its workers. */
size_t optimizer_rank_begin(const struct optimizer *optimizer, int rank);
size_t optimizer_rank_end(const struct optimizer *optimizer, int rank);

/* Make optimizer->ranks, when the shares and matrices are known. -1 with err set. */
int rank_exchange_new(struct optimizer *optimizer, const struct gpt_config *config,
                      const struct comm *comm, const struct gpt_tensor *tensors, int tensor_count,
                      struct err *err);
void rank_exchange_free(struct optimizer *optimizer); /* none is allowed */
size_t rank_exchange_memory(const struct optimizer *optimizer);

/* Begin to receive the gradients that other ranks' workers have of this rank's stretch; those of a
 * device with memory of its own are received section by section, when they are sent. */
void rank_exchange_begin(struct optimizer *optimizer);

/* What optimizer_final() does. */
void rank_exchange_final(struct optimizer *optimizer, int worker, float *const *gradients,
                         int sections);

/* Collective, by one thread of each rank: end what rank_exchange_begin() began; get the tallies of
 * all; of tensors that this rank steps with Muon, the sums that
 * other ranks have made in gradients[0]; the parameters that other ranks have stepped. */
void rank_exchange_gradients(struct optimizer *optimizer, float *const *gradients);
void rank_exchange_tallies(struct optimizer *optimizer);
void rank_exchange_sums(struct optimizer *optimizer, float *const *gradients);
void rank_exchange_params(struct optimizer *optimizer);

/* Collective: fill in what other ranks have stepped of an array of the host, [count]. */
void rank_exchange_gather(const struct optimizer *optimizer, float *array);

/* A worker's gradient of a stretch that is this rank's. */
float *rank_exchange_gradient(const struct optimizer *optimizer, int worker,
                              float *const *gradients, size_t begin);

#endif
