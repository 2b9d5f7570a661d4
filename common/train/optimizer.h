/* optimizer.h - AdamW and Muon, whose work several workers share, in one process or several.
 *
 * The optimizer owns the parameters and their moments. Every worker has a network that
 * computes gradients of its own. A step has these stages:
 *
 *   optimizer_begin()    one thread: what is constant during the step
 *   optimizer_losses()   every worker, before its passes: where they sum their losses
 *   optimizer_final()    every worker, in its last pass, if it can: which gradients are final,
 *                        so that ranks exchange them meanwhile
 *   optimizer_update()   every worker, after its passes: the gradients are summed in the
 *                        order of the workers, and each worker steps its share of the
 *                        parameters; the result does not depend on who is faster
 *   optimizer_end()      one thread: losses and norm of the step
 *
 * A worker's share is a stretch of the parameter array, which it steps with AdamW, and, if
 * Muon is asked for, some of the hidden matrices (gpt_tensor.hidden). Each hidden matrix
 * belongs to one worker whole and is not stepped with AdamW. Between the stages nothing waits
 * for the device: clip() and the step read what they need from device memory.
 *
 * Workers are numbered over all ranks (comm.h), and each rank has as many. A function's `worker`
 * is a number within this rank. All ranks have all parameters; a rank steps those of its workers,
 * and then gets the others from the ranks that stepped them. The bits depend on the number of all
 * workers, not on the processes that they are in.
 */
#ifndef MEMOSCOPE_OPTIMIZER_H
#define MEMOSCOPE_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/threads.h"
#include "common/comm/comm.h"
#include "common/model/gpt.h"
#include "kernels/kernels.h"

enum optimizer_kind {
	OPTIMIZER_ADAMW,
	OPTIMIZER_MUON, /* for hidden matrices, with AdamW for all other tensors */
};

struct optimizer_options {
	enum optimizer_kind kind;
	double beta1, beta2; /* AdamW's decay of the first and of the second moment, each step */
	double momentum; /* Muon's decay of its moment, each step */
	double weight_decay; /* of both; only for tensors with gpt_tensor.decay */
	double clip; /* largest norm of the gradient; 0: no limit */
};

/* The optimizer that a user gets who asks for nothing else, and the rows of an option table
 * (options.h) that change it. */
#define OPTIMIZER_DEFAULT \
	{.kind = OPTIMIZER_ADAMW, .momentum = 0.95, .beta1 = 0.9, .beta2 = 0.99, \
	 .weight_decay = 0.1, .clip = 1}
#define OPTIMIZER_OPTIONS(optimizer) \
	{.name = "optimizer", .type = OPTION_WORD, .value = &(optimizer).kind, \
	 .argument = "adamw|muon", \
	 .text = "muon: Muon for the matrices of the blocks, AdamW for the rest (default adamw)"}, \
	{.name = "momentum", .type = OPTION_REAL, .value = &(optimizer).momentum, .argument = "M", \
	 .min = 0, .max = 0.9999, .text = "Muon's momentum (default 0.95)"}, \
	{.name = "beta1", .type = OPTION_REAL, .value = &(optimizer).beta1, .argument = "B", \
	 .min = 0, .max = 0.9999, .text = "AdamW's decay of the first moment (default 0.9)"}, \
	{.name = "beta2", .type = OPTION_REAL, .value = &(optimizer).beta2, .argument = "B", \
	 .min = 0, .max = 0.99999, .text = "AdamW's decay of the second moment (default 0.99)"}, \
	{.name = "weight-decay", .type = OPTION_REAL, .value = &(optimizer).weight_decay, \
	 .argument = "D", .min = 0, .max = 10, \
	 .text = "decoupled weight decay of matrices (default 0.1)"}, \
	{.name = "clip", .type = OPTION_REAL, .value = &(optimizer).clip, .argument = "NORM", \
	 .min = 0, .max = 1e6, .text = "largest gradient norm; 0: no limit (default 1)"}

struct optimizer; /* optimizer_new … optimizer_free */

/* devices: one for each of the workers, of which every rank has as many; they stay the caller's
 * and must outlive the optimizer, as comm must. params: gpt_parameter_count() floats of host
 * memory, copied, the same on all ranks; NULL is not allowed. The moments start at 0. NULL with err
 * set. */
struct optimizer *optimizer_new(const struct gpt_config *config,
                                const struct optimizer_options *options,
                                const struct kernels *kernels, struct device *const *devices,
                                int workers, const struct comm *comm, const float *params,
                                struct err *err);
void optimizer_free(struct optimizer *optimizer); /* NULL is allowed */
size_t optimizer_memory(const struct optimizer *optimizer); /* bytes */

/* The parameters: gpt_parameter_count() floats of device memory. They change in
 * optimizer_update() and optimizer_upload() alone. */
const float *optimizer_params(const struct optimizer *optimizer);

/* Begin a step, which optimizer_update() must end. number: of the step, from 1; steps that were not
 * taken do not count. lr: its learning rate. mean: the sum of all gradients times this is the
 * gradient to step by. */
void optimizer_begin(struct optimizer *optimizer, int64_t number, double lr, double mean);

/* The sum of a worker's losses in this step, set to 0: device memory, for
 * gpt_forward_backward(). */
double *optimizer_losses(struct optimizer *optimizer, int worker);

/* The first `sections` of the worker's gradients (gpt_sections()) will not change any more in this
 * step; never fewer than before. By the worker's own thread; it does not wait. That of worker 0
 * also sends what all workers of the rank are done with, and helps on what is on its way. A device
 * with memory of its own has only been asked for them by then: optimizer_update() sends them, as
 * it gets done.
 * gradients: as for optimizer_update(). */
void optimizer_final(struct optimizer *optimizer, int worker, float *const *gradients,
                     int sections);

/* Step the parameters. Collective: all workers call this at once, by threads_run() of these
 * threads. gradients: of each worker's network, device memory of gpt_parameter_count() floats;
 * those of worker 0 are overwritten, with the sum where this rank needs it. If a loss or the norm
 * is not finite, parameters and moments stay as they were. */
void optimizer_update(struct optimizer *optimizer, int worker, float *const *gradients,
                      struct threads *threads);

struct optimizer_result {
	double loss; /* sum over all workers */
	double norm; /* of the gradient, before clipping */
	bool taken; /* loss and norm are finite, so the parameters were stepped */
};

/* Wait for the step to end. */
struct optimizer_result optimizer_end(struct optimizer *optimizer);

/* Copies from and to host memory: parameters and moments, gpt_parameter_count() floats each.
 * Muon's moment takes the place of AdamW's first moment; the second is 0 there. For
 * optimizer_download() each of the three may be NULL: it is not copied then. With a moment it is
 * collective: ranks have moments of what they step alone. */
void optimizer_download(const struct optimizer *optimizer, float *params, float *moment1,
                        float *moment2);
void optimizer_upload(struct optimizer *optimizer, const float *params, const float *moment1,
                      const float *moment2);

/* Collective: each rank's parameters become those of the ranks that will step them. */
void optimizer_level(struct optimizer *optimizer);

#endif
