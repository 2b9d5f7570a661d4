/* training_state.c - the file that makes a resume exact: what is saved is loaded, a trainer goes
 * on from it to the bit, and files that no run can have written are refused. */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/train/trainer.h"
#include "common/train/training_state.h"
#include "tests/folder.h"
#include "tests/train/trainer.h"

/* A trainer that takes over another's state, by way of a file, goes on to the bit. */
static void test_resume(const struct data *data, enum optimizer_kind optimizer, double dropout)
{
	struct trainer_options options = options_of(2);
	char folder[FOLDER_SIZE];
	struct err err = {0};
	struct step_result a, b;
	struct training_progress got, progress = {
		.step = 5, .examples = 1234567890123, .tokens = 99, .unweighted = 7, .seconds = 0.1,
		.flops = 0x1.23456789abcdep60, .best = INFINITY,
	};
	json_t *settings = json_pack("{s:s, s:s}", "seed", "9000000000000000000", "weight", "a=2");
	json_t *back = json_pack("{s:s, s:s, s:s}", "weight", "", "unknown", "1", "seed", "0");
	bool same = true;

	options.dropout = dropout;
	options.optimizer.kind = optimizer;
	options.optimizer.momentum = 0.9;
	struct trainer *first = make_trainer(&options), *second = make_trainer(&options);
	folder_make(folder);
	for (int i = 0; i < 5; i++)
		trainer_step(first, data->example + i, 60, &a, &err);
	struct trainer_state state = state_of(first);
	is_int(save_state(folder, &state, &progress, settings, &err), 0,
	       "a state is saved");
	trainer_state_release(&state);
	state = state_of(second);
	is_int(training_state_load(folder, &config, &state, &got, &err), 0, "  and loaded");
	ok(memcmp(&got, &progress, sizeof got) == 0, "  with all that was known of the progress");
	ok(training_state_settings(folder, back, &err) == 0 && json_equal(back, settings),
	   "  and the settings that were saved and asked for");
	trainer_restore(second, &state);
	trainer_state_release(&state);
	for (int i = 5; i < 10; i++) {
		trainer_step(first, data->example + i, 60, &a, &err);
		trainer_step(second, data->example + i, 60, &b, &err);
		same &= same_result(&a, &b);
	}
	ok(same, "  losses, norms and rates go on to the bit");
	struct trainer_state s = state_of(first), t = state_of(second);
	ok(s.step == 10 && same_state(&s, &t), "  parameters and moments too");
	if (err.status != ERR_NONE)
		printf("# %s\n", err.text);

	struct gpt_config other = config;
	other.vocab++;
	is_int(training_state_load(folder, &other, &t, &got, &err), -1, "  of no other network");
	is_int(err.status, ERR_DATA, "  which is bad data");
	trainer_state_release(&s);
	trainer_state_release(&t);
	folder_remove(folder);
	json_decref(settings);
	json_decref(back);
	trainer_free(first);
	trainer_free(second);
}

/* What no run can have come to is not gone on from. */
static void test_spoilt_state(void)
{
	static const struct training_progress all[] = {
		{.step = 1000000001, .best = INFINITY},
		{.examples = INT64_MAX, .best = INFINITY},
		{.tokens = INT64_MAX, .best = INFINITY},
	};
	static const char *const names[] = {"step", "examples", "tokens"};
	static const char *const arrays[] = {"params", "moment1", "moment2"};
	const struct trainer_options options = options_of(1);
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer);
	float *const numbers[] = {state.params, state.moment1, state.moment2};
	struct training_progress got;
	json_t *settings = json_object();
	char folder[FOLDER_SIZE], want[80];

	folder_make(folder);
	for (int i = 0; i < 3; i++) {
		struct err err = {0};
		save_state(folder, &state, &all[i], settings, &err);
		snprintf(want, sizeof want, "training.safetensors: metadata: %s: ", names[i]);
		ok(training_state_load(folder, &config, &state, &got, &err) < 0 &&
		   strstr(err.text, want), "too many of \"%s\": %s", names[i], err.text);
	}
	for (int i = 0; i < 3; i++) {
		struct err err = {0};
		const struct training_progress progress = {.best = INFINITY};
		const float good = numbers[i][7];
		numbers[i][7] = i == 1 ? -INFINITY : NAN;
		save_state(folder, &state, &progress, settings, &err);
		numbers[i][7] = good;
		snprintf(want, sizeof want, "tensor \"%s\": element 7 is ", arrays[i]);
		ok(training_state_load(folder, &config, &state, &got, &err) < 0 &&
		   strstr(err.text, want), "not finite: %s", err.text);
	}
	json_decref(settings);
	folder_remove(folder);
	trainer_state_release(&state);
	trainer_free(trainer);
}

static void put(const char *path, const char *bytes, size_t size)
{
	unlink(path); /* some file systems sync what is written over */
	FILE *file = fopen(path, "wb");

	fwrite(bytes, 1, size, file);
	fclose(file);
}

/* Of a state with one changed byte: 1 if it is refused, by its name; 0 if it is the same state;
 * else -1. */
static int damage(const char *folder, const struct trainer_state *state, struct trainer_state *back,
                  const struct training_progress *progress, const json_t *settings)
{
	json_t *read = json_copy((json_t *)settings);
	struct training_progress got;
	struct err err = {0};
	int result = -1;

	if (training_state_settings(folder, read, &err) < 0 ||
	    training_state_load(folder, &config, back, &got, &err) < 0)
		result = strstr(err.text, MODEL_STATE) ? 1 : -1;
	else if (same_state(state, back) && memcmp(&got, progress, sizeof got) == 0 &&
	         json_equal(read, settings))
		result = 0;
	json_decref(read);
	return result;
}

/* A changed byte anywhere is noticed, or it changes nothing. */
static void test_damaged_state(void)
{
	const struct trainer_options options = options_of(1);
	const struct training_progress progress = {
		.step = 5, .examples = 1234567890123, .tokens = 99, .seconds = 0.1, .flops = 5e18,
		.best = 2.5,
	};
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer), back = state_of(trainer);
	json_t *settings = json_pack("{s:s, s:s, s:s}", "seed", "1", "lr", "0.001", "warmup", "100");
	int refused = 0, harmless = 0;
	char folder[FOLDER_SIZE], path[FOLDER_SIZE + 32];
	struct err err = {0};
	size_t size;

	folder_make(folder);
	state.step = progress.step;
	save_state(folder, &state, &progress, settings, &err);
	snprintf(path, sizeof path, "%s/" MODEL_STATE, folder);
	char *bytes = file_read(path, 1 << 20, &size, &err);
	for (size_t at = 0; bytes && at < size; at += at < 1000 ? 1 : 7) {
		for (int i = 0; i < 2; i++) {
			const char bit = i ? 1 : 0x20; /* a letter or a digit may become another one */
			bytes[at] ^= bit;
			put(path, bytes, size);
			bytes[at] ^= bit;
			const int result = damage(folder, &state, &back, &progress, settings);
			refused += result == 1;
			harmless += result == 0;
			if (result < 0)
				ok(false, "byte %zu of %zu, ^ %d: not noticed", at, size, bit);
		}
	}
	ok(refused > 5000 && harmless > 0, "changes of one byte: %d refused, %d harmless", refused,
	   harmless);
	free(bytes);
	json_decref(settings);
	folder_remove(folder);
	trainer_state_release(&state);
	trainer_state_release(&back);
	trainer_free(trainer);
}

/* What a file says of the scale is looked at. */
static void test_spoilt_scale(void)
{
	static const char *const scales[] = {"3", "0.5", "0", "x"};
	struct trainer_options options = options_of(1);
	struct trainer *trainer = make_trainer(&options);
	struct trainer_state state = state_of(trainer);
	char folder[FOLDER_SIZE];

	folder_make(folder);
	for (int i = 0; i < 4; i++) {
		json_t *settings = json_pack("{s:s, s:s, s:s}", "loss-scale", scales[i],
		                             "loss-scale-steps", "0", "skipped", "0");
		struct training_progress progress = {.best = INFINITY};
		struct err err = {0};
		state.loss_scale = (struct loss_scale){0};
		save_state(folder, &state, &progress, settings, &err);
		ok(training_state_load(folder, &config, &state, &progress, &err) < 0 &&
		   strstr(err.text, "training.safetensors: metadata: loss-scale: "),
		   "a scale of %s: %s", scales[i], err.text);
		json_decref(settings);
	}
	folder_remove(folder);
	trainer_state_release(&state);
	trainer_free(trainer);
}

int main(void)
{
	static struct data data;

	make_data(&data, 1);
	test_spoilt_state();
	test_spoilt_scale();
	test_damaged_state();
	test_resume(&data, OPTIMIZER_ADAMW, 0);
	test_resume(&data, OPTIMIZER_ADAMW, 0.1);
	test_resume(&data, OPTIMIZER_MUON, 0);
	return done();
}
