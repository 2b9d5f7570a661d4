#include "common/train/training_state.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/model/safetensors.h"

#define STEPS_MAX 1000000000 /* as of gpt-train --steps */
#define COUNT_MAX (INT64_MAX / 2) /* of all else, so that there is room to count on */

static char *state_path(const char *directory, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/" MODEL_STATE, directory) >= 0)
		return path;
	err_set(err, "out of memory");
	return NULL;
}

/* New reference. */
static json_t *metadata_of(const struct trainer_state *state,
                           const struct training_progress *progress, const json_t *settings)
{
	const struct loss_scale *scale = &state->loss_scale;
	json_t *metadata = json_object();

	json_object_set_new(metadata, "step", json_sprintf("%" PRId64, progress->step));
	json_object_set_new(metadata, "examples", json_sprintf("%" PRIu64, progress->examples));
	json_object_set_new(metadata, "tokens", json_sprintf("%" PRId64, progress->tokens));
	if (progress->unweighted > 0) /* absent: there was none */
		json_object_set_new(metadata, "unweighted",
		                    json_sprintf("%" PRId64, progress->unweighted));
	json_object_set_new(metadata, "seconds", json_sprintf("%.17g", progress->seconds));
	if (isfinite(progress->flops)) /* absent: not known */
		json_object_set_new(metadata, "flops", json_sprintf("%.17g", progress->flops));
	if (progress->best < 1e300) /* absent: there was none */
		json_object_set_new(metadata, "best", json_sprintf("%.17g", progress->best));
	if (scale->scale > 0) { /* absent: the loss is not scaled */
		json_object_set_new(metadata, "loss-scale", json_sprintf("%.17g", scale->scale));
		json_object_set_new(metadata, "loss-scale-steps",
		                    json_sprintf("%" PRId64, scale->steps));
		json_object_set_new(metadata, "skipped", json_sprintf("%" PRId64, scale->skipped));
	}
	json_object_update_missing(metadata, (json_t *)settings);
	const char *kind = json_string_value(json_object_get(metadata, "kind"));
	if (kind && *kind == '\0') /* absent: memoscope's own */
		json_object_del(metadata, "kind");
	return metadata;
}

int training_state_save(const struct directory *directory, const struct model *model,
                        const struct trainer_state *state,
                        const struct training_progress *progress, const json_t *settings,
                        struct err *err)
{
	const size_t count = gpt_parameter_count(&model->config);
	const struct safetensor tensors[] = {
		{.name = "params", .dims = 1, .shape = {count}, .data = state->params},
		{.name = "moment1", .dims = 1, .shape = {count}, .data = state->moment1},
		{.name = "moment2", .dims = 1, .shape = {count}, .data = state->moment2},
	};
	json_t *metadata = metadata_of(state, progress, settings);
	struct safetensors_image image;
	int result = -1;

	if (safetensors_image(&image, tensors, 3, metadata, err) == 0) {
		const struct file_content file = {MODEL_STATE, image.parts, image.count};
		result = model_save_in(directory, model, &file, err);
		safetensors_image_release(&image);
	}
	json_decref(metadata);
	return result;
}

/* A value of the metadata, or NULL with err set. */
static const char *get(const struct safetensors *file, const char *path, const char *key,
                       struct err *err)
{
	const char *text = safetensors_metadata(file, key);

	if (!text)
		err_set(err, "%s: no \"%s\" in its metadata", path, key);
	return text;
}

static void get_int(const struct safetensors *file, const char *path, const char *key,
                    int64_t max, int64_t *value, struct err *err)
{
	const char *text = get(file, path, key, err);
	struct err bad = {0};

	if (text && option_int(key, text, 0, max, value, &bad) < 0)
		err_set(err, "%s: metadata: %s", path, bad.text);
}

static void get_real(const struct safetensors *file, const char *path, const char *key,
                     double *value, struct err *err)
{
	const char *text = get(file, path, key, err);
	struct err bad = {0};

	if (text && option_real(key, text, 0, 1e300, value, &bad) < 0)
		err_set(err, "%s: metadata: %s", path, bad.text);
}

static void get_loss_scale(const struct safetensors *file, const char *path,
                        struct loss_scale *scale, struct err *err)
{
	int exponent;

	*scale = (struct loss_scale){0};
	if (safetensors_metadata(file, "loss-scale") == NULL)
		return;
	get_real(file, path, "loss-scale", &scale->scale, err);
	get_int(file, path, "loss-scale-steps", COUNT_MAX, &scale->steps, err);
	get_int(file, path, "skipped", COUNT_MAX, &scale->skipped, err);
	if (scale->scale < 1 || frexp(scale->scale, &exponent) != 0.5)
		err_set(err, "%s: metadata: loss-scale: %g, expected a power of two from 1 on", path,
		        scale->scale);
}

static void get_array(const struct safetensors *file, const char *path, const char *name,
                      size_t count, float *array, struct err *err)
{
	const float *data = safetensors_find(file, name, 1, &count, err);

	for (size_t i = 0; data && i < count; i++) {
		if (!isfinite(data[i])) {
			err_set(err, "%s: tensor \"%s\": element %zu is %f", path, name, i,
			        (double)data[i]);
			return;
		}
		array[i] = data[i];
	}
}

static struct safetensors *open_state(const char *directory, const char *path, struct err *err)
{
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return safetensors_open(path, err);
	err_set(err, "%s: no " MODEL_STATE ": the run ended before it saved a state; begin it "
	        "again", directory);
	return NULL;
}

int training_state_settings(const char *directory, json_t *settings, struct err *err)
{
	char *path = state_path(directory, err);
	struct safetensors *file = path ? open_state(directory, path, err) : NULL;
	const char *key, *text;
	json_t *value;
	void *next;

	free(path);
	if (!file)
		return -1;
	json_object_foreach_safe(settings, next, key, value) {
		if ((text = safetensors_metadata(file, key)))
			json_object_set_new(settings, key, json_string(text));
		else
			json_object_del(settings, key);
	}
	safetensors_close(file);
	return 0;
}

int training_state_load(const char *directory, const struct gpt_config *config,
                        struct trainer_state *state, struct training_progress *progress,
                        struct err *err)
{
	const size_t count = gpt_parameter_count(config);
	char *path = state_path(directory, err);
	struct safetensors *file = path ? open_state(directory, path, err) : NULL;
	int64_t examples = 0;

	if (!file) {
		free(path);
		return -1;
	}
	*progress = (struct training_progress){.flops = NAN, .best = 1.0 / 0.0};
	get_int(file, path, "step", STEPS_MAX, &progress->step, err);
	get_int(file, path, "examples", COUNT_MAX, &examples, err);
	get_int(file, path, "tokens", COUNT_MAX, &progress->tokens, err);
	if (safetensors_metadata(file, "unweighted"))
		get_int(file, path, "unweighted", COUNT_MAX, &progress->unweighted, err);
	get_real(file, path, "seconds", &progress->seconds, err);
	if (safetensors_metadata(file, "flops"))
		get_real(file, path, "flops", &progress->flops, err);
	if (safetensors_metadata(file, "best"))
		get_real(file, path, "best", &progress->best, err);
	get_loss_scale(file, path, &state->loss_scale, err);
	progress->examples = (uint64_t)examples;
	get_array(file, path, "params", count, state->params, err);
	get_array(file, path, "moment1", count, state->moment1, err);
	get_array(file, path, "moment2", count, state->moment2, err);
	state->step = progress->step;
	safetensors_close(file);
	free(path);
	return err->status == ERR_NONE ? 0 : -1;
}
