/* metrics.h - the records of a metrics stream (man/stream.5). As JSON objects they are new
 * references, the caller's. */
#ifndef MEMOSCOPE_METRICS_H
#define MEMOSCOPE_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/span.h"
#include "common/stream/stream.h"
#include "common/train/trainer.h"
#include "common/train/training_progress.h"

/* {"step", "steps", "tokens", "seconds", "loss", "lr", "grad_norm", "flops"}, and "loss_scale" and
 * "skipped" if the loss is scaled. "flops" is absent if at->flops is NAN. at: the progress
 * after the step. steps: how many the run is to make. */
json_t *metrics_step(const struct training_progress *at, int64_t steps,
                     const struct step_result *result);

/* The result of a validation, over all kinds of tokens and for each. */
struct validation {
	double loss, floor; /* means over the tokens, in nats */
	int64_t tokens;
	struct kind_loss {
		double loss, floor; /* sums over the tokens of a kind */
		int64_t tokens;
	} kind[SPAN_KINDS];
};

/* {"step", "tokens", "seconds", "val": {"loss", "floor", "tokens", "kinds":
 * {KIND: {"loss", "floor", "tokens"}, …}}, "flops"}, where losses and floors are means in
 * nats, and kinds without a token are absent. floor_nats[SPAN_KINDS]: the information by kind,
 * a sum over the evaluated records (dataset_nats()). kinds: the words of the kinds. *total
 * becomes the result over all kinds. */
json_t *metrics_validation(const struct training_progress *at,
                           const struct evaluation *evaluation, const double *floor_nats,
                           const struct span_kinds *kinds, struct validation *total);

/* Write a record at once, so that a reader sees it while training goes on. -1 with err set. */
int metrics_write(struct stream_writer *metrics, const json_t *record, struct err *err);

#endif
