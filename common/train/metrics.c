#include "common/train/metrics.h"

#include <math.h>

#include "common/stream/json.h"

static void add_flops(json_t *record, const struct training_progress *at)
{
	if (isfinite(at->flops))
		json_object_set_new(record, "flops", json_real(at->flops));
}

json_t *metrics_step(const struct training_progress *at, int64_t steps,
                     const struct step_result *result)
{
	json_t *record = json_pack("{s:I,s:I,s:I,s:f,s:f,s:f,s:f}", "step", (json_int_t)at->step,
	                           "steps", (json_int_t)steps, "tokens", (json_int_t)at->tokens,
	                           "seconds", at->seconds, "loss", result->loss, "lr", result->lr,
	                           "grad_norm", result->grad_norm);

	add_flops(record, at);
	if (result->loss_scale > 0) {
		json_object_set_new(record, "loss_scale", json_real(result->loss_scale));
		json_object_set_new(record, "skipped", json_integer(result->skipped));
	}
	return record;
}

/* {"loss", "floor", "tokens"} of sums over the tokens. */
static json_t *loss_and_floor(double loss, double floor, int64_t tokens)
{
	const double count = tokens > 0 ? (double)tokens : 1;

	return json_pack("{s:f,s:f,s:I}", "loss", loss / count, "floor", floor / count, "tokens",
	                 (json_int_t)tokens);
}

json_t *metrics_validation(const struct training_progress *at,
                           const struct evaluation *evaluation, const double *floor_nats,
                           const struct span_kinds *kinds, struct validation *total)
{
	json_t *by_kind = json_object(), *val;

	*total = (struct validation){0};
	for (int i = 0; i < kinds->count; i++) {
		if (evaluation->tokens[i] == 0)
			continue;
		total->loss += evaluation->loss[i];
		total->floor += floor_nats[i];
		total->tokens += evaluation->tokens[i];
		total->kind[i] = (struct kind_loss){evaluation->loss[i], floor_nats[i],
		                                    evaluation->tokens[i]};
		json_object_set_new(by_kind, kinds->word[i],
		                    loss_and_floor(evaluation->loss[i], floor_nats[i],
		                                   evaluation->tokens[i]));
	}
	val = loss_and_floor(total->loss, total->floor, total->tokens);
	json_object_set_new(val, "kinds", by_kind);
	if (total->tokens > 0) {
		total->loss /= (double)total->tokens;
		total->floor /= (double)total->tokens;
	}
	json_t *record = json_pack("{s:I,s:I,s:f,s:o}", "step", (json_int_t)at->step, "tokens",
	                           (json_int_t)at->tokens, "seconds", at->seconds, "val", val);
	add_flops(record, at);
	return record;
}

int metrics_write(struct stream_writer *metrics, const json_t *record, struct err *err)
{
	json_to_msgpack(record, stream_record(metrics));
	if (stream_commit(metrics, err) < 0)
		return -1;
	return stream_flush(metrics, err);
}
