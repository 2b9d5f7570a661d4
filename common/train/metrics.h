/* metrics.h - the records of a metrics stream (man/stream.5), as JSON objects.
 * New references, the caller's. */
#ifndef MEMOSCOPE_METRICS_H
#define MEMOSCOPE_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "common/stream/span.h"
#include "common/train/trainer.h"

/* How far a training has come. */
struct training_clock {
	int64_t step, tokens; /* steps done, tokens predicted in them */
	double seconds; /* of training */
	double flops; /* gpt_training_flops() of them; NAN: not known */
};

/* {"step", "tokens", "seconds", "loss", "lr", "grad_norm", "flops"}, and where the loss is
 * scaled {"loss_scale", "skipped"}. "flops" is left out where it is not known. */
json_t *metrics_step(const struct training_clock *at, const struct step_result *result);

/* A validation by kind of span, and in total: sums and means in nats a token. */
struct validation {
	double loss, floor; /* means over all tokens */
	int64_t tokens;
};

/* {"step", "tokens", "seconds", "val": {"loss", "floor", "tokens", "kinds":
 * {KIND: {"loss", "floor", "tokens"}, …}}, "flops"}; nats[SPAN_KINDS] is the information
 * by kind (dataset_nats()). Kinds without a token are left out. */
json_t *metrics_validation(const struct training_clock *at, const struct evaluation *evaluation,
                           const double *nats, const struct span_kinds *kinds,
                           struct validation *total);

#endif
