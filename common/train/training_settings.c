#include "common/train/training_settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/train/training_run.h"

struct setting {
	const char *key;
	json_t *value; /* new reference; NULL: the run has no such setting */
};

static void set_all(json_t *settings, const struct setting *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].value)
			json_object_set_new(settings, all[i].key, all[i].value);
}

void training_settings_network(json_t *settings, const struct gpt_config *config,
                               const struct vocab *vocab)
{
	char digest[VOCAB_DIGEST_SIZE], kind[GPT_KIND];

	vocab_digest(vocab, digest);
	gpt_kind(config, kind);
	const struct setting all[] = {
		{"layers", json_sprintf("%d", config->layers)},
		{"heads", json_sprintf("%d", config->heads)},
		{"width", json_sprintf("%d", config->width)},
		{"inner", json_sprintf("%d", gpt_inner(config))},
		{"context", json_sprintf("%d", config->context)},
		{"bias", json_string(config->bias ? "true" : "false")},
		{"kind", json_string(kind)},
		{"vocab-size", json_sprintf("%d", config->vocab)},
		{"vocab-digest", json_string(digest)},
	};
	set_all(settings, all, sizeof all / sizeof *all);
}

/* NULL: there are none. */
static json_t *ends_text(const struct end_tokens *ends)
{
	json_t *json = end_tokens_json(ends);
	char *text = ends->count ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_t *result = text ? json_string(text) : NULL;

	json_decref(json);
	free(text);
	return result;
}

json_t *training_settings(const struct training_run *run)
{
	const struct trainer_options *options = &run->options.trainer;
	const struct learning_rate *lr = &options->lr;
	const struct optimizer_options *optimizer = &options->optimizer;
	const bool muon = optimizer->kind == OPTIMIZER_MUON;
	const bool linear = lr->schedule == SCHEDULE_LINEAR;
	const int ranks = options->comm ? options->comm->size : 1;
	const int pass_rows = options->pass_rows ? options->pass_rows : options->kernels->pass_rows;
	json_t *settings = json_object();
	char weights[512];
	char *text = run->from ? json_dumps(run->from, JSON_COMPACT) : NULL;
	json_t *from = text ? json_string(text) : NULL;
	json_t *memory = training_data_in_blocks(run->data)
		? json_sprintf("%" PRIu64, run->data->memory) : json_string("none");

	free(text);
	training_settings_network(settings, &run->model.config, run->model.vocab);
	span_weights_format(&run->data->kinds, options->weight, weights, sizeof weights);
	const struct setting all[] = {
		{"seed", json_sprintf("%" PRIu64, options->seed)},
		{"batch", json_sprintf("%d", run->options.batch)},
		{"pack", json_string(run->data->pack == PACK_TEXT ? "text" : "records")},
		{"memory", memory},
		{"steps", json_sprintf("%" PRId64, lr->steps)},
		{"lr", json_sprintf("%.15g", lr->peak)},
		{"min-lr", json_sprintf("%.15g", lr->min)},
		{"schedule", json_string(linear ? "linear" : "cosine")},
		{"warmup", json_sprintf("%" PRId64, lr->warmup)},
		{"optimizer", json_string(muon ? "muon" : "adamw")},
		{"momentum", muon ? json_sprintf("%.15g", optimizer->momentum) : NULL},
		{"beta1", json_sprintf("%.15g", optimizer->beta1)},
		{"beta2", json_sprintf("%.15g", optimizer->beta2)},
		{"weight-decay", json_sprintf("%.15g", optimizer->weight_decay)},
		{"clip", json_sprintf("%.15g", optimizer->clip)},
		{"dropout", json_sprintf("%.15g", options->dropout)},
		{"weight", json_string(*weights ? weights : "none")},
		{"dtype", json_string(dtype_name(options->dtype))},
		{"device", json_string(options->kernels->name)},
		{"threads", json_sprintf("%d", options->workers * ranks)},
		{"pass-rows", json_sprintf("%d", pass_rows)},
		{"data", json_sprintf("%016" PRIx64, run->digest)},
		{"from", from},
		{"end", ends_text(&run->model.ends)},
		{"eval-every", json_sprintf("%" PRId64, run->options.eval_every)},
		{"eval-records", json_sprintf("%" PRId64, run->options.eval_records)},
		{"checkpoint-every", json_sprintf("%" PRId64, run->options.checkpoint_every)},
		{"log-every", json_sprintf("%" PRId64, run->options.log_every)},
	};
	set_all(settings, all, sizeof all / sizeof *all);
	validation_set_save(&run->best_set, settings);
	return settings;
}

/* A saved setting; if it was not saved, that of this run. */
static const char *saved_or(const json_t *saved, const json_t *settings, const char *key)
{
	const char *text = json_string_value(json_object_get(saved, key));

	return text ? text : json_string_value(json_object_get(settings, key));
}

/* have[count] and want[count] become the settings that were saved and those of this run.
 * False if any differ. */
static bool same(const json_t *saved, const json_t *settings, const char *const *keys, int count,
                 const char **have, const char **want)
{
	bool result = true;

	for (int i = 0; i < count; i++) {
		have[i] = saved_or(saved, settings, keys[i]);
		want[i] = json_string_value(json_object_get(settings, keys[i]));
		result &= strcmp(have[i], want[i]) == 0;
	}
	return result;
}

static const char *and_biases(const char *bias)
{
	return strcmp(bias, "true") == 0 ? " and biases" : "";
}

/* What gpt_kind() says of a network. States of memoscope's own networks do not hold it. */
static const char *kind_of(const json_t *settings)
{
	const char *kind = json_string_value(json_object_get(settings, "kind"));

	return kind && *kind ? kind : "of memoscope's own kind";
}

static int check_network(const json_t *saved, const json_t *settings, const char *state,
                         struct err *err)
{
	static const char *const shape[] = {"layers", "heads", "width", "inner", "context", "bias"};
	static const char *const vocab[] = {"vocab-size", "vocab-digest"};
	const char *have[6], *want[6];

	if (!same(saved, settings, shape, 6, have, want))
		return err_usage(err, "%s has layers %s, heads %s, width %s, inner %s, context %s%s, "
		                 "this command asks for %s, %s, %s, %s, %s%s; options that are not given "
		                 "are taken from the state", state, have[0], have[1], have[2], have[3],
		                 have[4], and_biases(have[5]), want[0], want[1], want[2], want[3], want[4],
		                 and_biases(want[5]));
	if (strcmp(kind_of(saved), kind_of(settings)) != 0)
		return err_usage(err, "%s has a network that is %s, this command asks for one that is %s",
		                 state, kind_of(saved), kind_of(settings));
	if (same(saved, settings, vocab, 2, have, want))
		return 0;
	return err_set(err, "%s has a vocabulary of %s tokens, the training data have another "
	               "one, of %s; tokenize --vocab %s makes tokens that fit", state, have[0],
	               want[0], state);
}

/* The sequences that a resume skips must be those that the run was trained on. */
static int check_sequences(const json_t *saved, const json_t *settings, const char *state,
                           struct err *err)
{
	static const char *const keys[] = {"seed", "batch", "pack"};
	const char *have[3], *want[3];

	if (same(saved, settings, keys, 3, have, want))
		return 0;
	return err_usage(err, "%s is of seed %s and %s sequences a step, packed as %s; this command "
	                 "asks for %s, %s and %s; options that are not given are taken from the state",
	                 state, have[0], have[1], have[2], want[0], want[1],
	                 want[2]);
}

int training_settings_check(const json_t *saved, const json_t *settings, const char *state,
                            struct err *err)
{
	if (check_network(saved, settings, state, err) < 0)
		return -1;
	return check_sequences(saved, settings, state, err);
}

void training_settings_follow_lr(json_t *saved)
{
	const char *peak = json_string_value(json_object_get(saved, "lr"));
	const char *least = json_string_value(json_object_get(saved, "min-lr"));
	struct err none = {0};
	double lr, min;

	if (peak && least && option_real("lr", peak, 0, 10, &lr, &none) == 0 &&
	    option_real("min-lr", least, 0, 10, &min, &none) == 0 && fabs(min - lr / 10) <= 1e-14 * lr)
		json_object_del(saved, "min-lr");
}

/* What decides which models are kept and what is told, but not what the network becomes. */
static bool decides_bits(const char *key)
{
	static const char *const others[] = {"val", "val-records", "eval-every", "eval-records",
	                                     "checkpoint-every", "log-every", "from", "end"};
	const size_t count = sizeof others / sizeof *others;
	size_t i = 0;

	while (i < count && strcmp(key, others[i]) != 0)
		i++;
	return i == count;
}

void training_settings_compare(const json_t *saved, json_t *settings,
                               struct training_changes *changes)
{
	char *others = changes->others;
	const size_t size = sizeof changes->others;
	size_t used = 0;
	const char *key;
	json_t *value;

	const char *memory = json_string_value(json_object_get(settings, "memory"));
	const bool other_memory = memory && strcmp(saved_or(saved, settings, "memory"), memory) != 0;

	*changes = (struct training_changes){0};
	json_object_foreach(settings, key, value) {
		const char *have = saved_or(saved, settings, key), *want = json_string_value(value);
		const char *comma = used ? ", " : "";
		if (!decides_bits(key) || strcmp(have, want) == 0 || used >= size)
			continue;
		if (strcmp(key, "data") == 0 && other_memory)
			continue; /* the digest of data that are read in blocks is another one */
		if (strcmp(key, "steps") == 0)
			snprintf(changes->steps, sizeof changes->steps, "%s", have);
		else if (strcmp(key, "data") == 0)
			used += (size_t)snprintf(others + used, size - used, "%sother data", comma);
		else
			used += (size_t)snprintf(others + used, size - used, "%s%s %s (now %s)", comma, key,
			                         have, want);
	}
}
