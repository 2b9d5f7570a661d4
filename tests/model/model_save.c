/* What is saved is loaded again; what was proven with the real library is what is written; a
 * save that fails leaves the old model. */
#include "common/model/model.h"

#include <signal.h>
#include <sys/resource.h>

#include "tests/model/directory.h"

static void test_round_trip(bool bias)
{
	struct model model = make(bias, 1), back;

	ok(saved(&model), "save, bias %d", bias);
	is_int(files(), 6, "six files and nothing else");
	if (ok(loaded(&back), "load, bias %d", bias)) {
		ok(back.config.layers == 2 && back.config.heads == 2 && back.config.width == 4 &&
		   back.config.context == 5 && back.config.vocab == 5 && back.config.bias == bias,
		   "the same config, bias %d", bias);
		ok(same_params(&model, &back), "the same parameters, bias %d", bias);
		ok(vocab_equal(model.vocab, back.vocab), "the same vocabulary");
		ok(json_equal(json_object_get(model.about, "chain"),
		              json_object_get(back.about, "chain")) &&
		   json_equal(json_object_get(model.about, "training"),
		              json_object_get(back.about, "training")), "the same account");
		model_release(&back);
	}

	/* without memoscope.json, the biases themselves tell */
	unlink(in_model("memoscope.json"));
	if (ok(loaded(&back), "load without memoscope.json, bias %d", bias)) {
		ok(back.config.bias == bias && same_params(&model, &back),
		   "the same parameters without memoscope.json, bias %d", bias);
		ok(json_is_array(json_object_get(back.about, "chain")), "an empty chain");
		model_release(&back);
	}
	model_release(&model);
	model_release(&model); /* a zeroed one is allowed */
}

/* config.json says how wide the feed-forward part is, in the words of GPT2Config. */
static void test_inner(int inner, bool bias)
{
	struct model model = make_inner(bias, 1, inner), back;

	ok(saved(&model), "save with a feed-forward part of %d", inner);
	json_t *json = json_load_file(in_model("config.json"), 0, NULL);
	const json_t *n_inner = json_object_get(json, "n_inner");
	ok(inner == 16 ? json_is_null(n_inner) : json_integer_value(n_inner) == inner,
	   "n_inner is %s", inner == 16 ? "null: four times the width" : "that");
	json_decref(json);
	if (ok(loaded(&back), "load with a feed-forward part of %d", inner)) {
		ok(gpt_config_equal(&model.config, &back.config) && same_params(&model, &back),
		   "the same network and parameters");
		model_release(&back);
	}
	model_release(&model);
}

/* The default in so many words. */
static void test_inner_told(void)
{
	struct model model = make(false, 1), back;

	saved(&model);
	json_t *json = json_load_file(in_model("config.json"), 0, NULL);
	json_object_set_new(json, "n_inner", json_integer(16));
	json_dump_file(json, in_model("config.json"), 0);
	json_decref(json);
	if (ok(loaded(&back), "load with an n_inner of four times n_embd")) {
		ok(gpt_config_equal(&model.config, &back.config) && same_params(&model, &back),
		   "the network without");
		model_release(&back);
	}
	model_release(&model);
}

/* Biases that are zero so far: memoscope.json says that they are there. And one
 * that somebody trained in a model that had none: it counts. */
static void test_zero_biases(void)
{
	struct model model = make(true, 0), back;

	saved(&model);
	if (ok(loaded(&back), "load biases that are zero")) {
		ok(back.config.bias && same_params(&model, &back), "they are still there");
		model_release(&back);
	}
	model.params[gpt_parameter_count(&model.config) - 1] = 0.5f;
	saved(&model);
	put("memoscope.json", "{\"chain\": [], \"bias\": false}");
	if (ok(loaded(&back), "load a bias that memoscope.json does not know")) {
		ok(back.config.bias && same_params(&model, &back), "it is there");
		model_release(&back);
	}
	model_release(&model);
}

/* Of a safetensors file, what follows the header; its size goes in and comes back. */
static const char *data_of(const char *file, size_t *size)
{
	uint64_t header;

	memcpy(&header, file, sizeof header);
	*size -= sizeof header + (size_t)header;
	return file + sizeof header + (size_t)header;
}

/* What was proven with the real library (testdata/golden) is what is written now. */
static void test_as_proven(void)
{
	static const char *const names[] = {"config.json", "vocab.json", "tokenizer.json",
	                                    "tokenizer_config.json", "memoscope.json"};
	struct model model;
	struct err err = {0};
	char path[128];

	if (!ok(model_load("testdata/golden/bias", &model, &err) == 0, "load a golden model")) {
		printf("# %s\n", err.text);
		return;
	}
	saved(&model);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "testdata/golden/bias/%s", names[i]);
		json_t *want = json_load_file(path, 0, NULL);
		json_t *have = json_load_file(in_model(names[i]), 0, NULL);
		json_object_del(have, "xxh3"); /* it came later */
		ok(want && json_equal(have, want), "%s as the real library read it", names[i]);
		json_decref(want);
		json_decref(have);
	}
	size_t want_size = 0, have_size = 0;
	char *want = file_read("testdata/golden/bias/model.safetensors", 1 << 20, &want_size, &err);
	char *have = file_read(in_model("model.safetensors"), 1 << 20, &have_size, &err);
	/* but for the metadata, which say more by now */
	const char *want_data = data_of(want, &want_size), *have_data = data_of(have, &have_size);
	ok(want_size == have_size && memcmp(want_data, have_data, want_size) == 0,
	   "model.safetensors as the real library read it");
	free(want);
	free(have);
	model_release(&model);
}

static void test_presets(void)
{
	static const struct {
		int layers, heads, width;
		long long count;
	} presets[] = {{2, 2, 4, 1708}, {8, 8, 16, 30064}, {16, 16, 32, 208096}};
	char characters[71];

	for (int i = 0; i < 70; i++)
		characters[i] = (char)('!' + i);
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
		struct model back, model = {.config = SHAPE(presets[i].layers, presets[i].heads,
		                                            presets[i].width, 256, 70, false, 0)};
		struct err err = {0};
		model.vocab = vocab_new(characters, 70, &err);
		model.params = calloc(gpt_parameter_count(&model.config), sizeof *model.params);
		gpt_init_parameters(&model.config, 1, model.params);
		saved(&model);
		if (ok(loaded(&back), "a model of %lld", presets[i].count)) {
			is_int((long long)gpt_parameter_count(&back.config), presets[i].count,
			       "its parameters");
			ok(same_params(&model, &back), "are those that were saved");
			model_release(&back);
		}
		model_release(&model);
	}
}

/* ---- failing to save ---- */

static void test_failing_save(void)
{
	struct model old = make(false, 1), new = make(true, 1), back;
	struct rlimit limit, tight;
	struct err err = {0};
	char path[128];

	saved(&old);
	getrlimit(RLIMIT_FSIZE, &limit);
	tight = limit;
	tight.rlim_cur = 1500; /* the JSON files fit, the parameters do not */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &tight);
	int rc = model_save(directory, &new, &err);
	setrlimit(RLIMIT_FSIZE, &limit);
	ok(rc < 0 && strstr(err.text, "model.safetensors: cannot write: File too large"),
	   "a disk that is full");
	is_int(files(), 6, "no temporary file is left");
	if (ok(loaded(&back), "the old model is whole")) {
		ok(!back.config.bias && same_params(&old, &back), "and the old one in every part");
		model_release(&back);
	}
	saved(&new);
	if (ok(loaded(&back), "the new one in its place")) {
		ok(back.config.bias && same_params(&new, &back), "and in every part");
		model_release(&back);
	}

	err = (struct err){0};
	snprintf(path, sizeof path, "%s/config.json", directory);
	ok(model_save(path, &new, &err) < 0 && strstr(err.text, "config.json: not a directory"),
	   "save in place of a file");
	err = (struct err){0};
	ok(model_save("/dev/null/model", &new, &err) < 0 &&
	   strstr(err.text, "/dev/null: not a directory"),
	   "save below a file");
	new.config.vocab = 6;
	err = (struct err){0};
	ok(model_save(directory, &new, &err) < 0 &&
	   strstr(err.text, "a vocabulary of 5 tokens for a network of 6"),
	   "save with another vocabulary");
	model_release(&old);
	model_release(&new);
}

static void test_parents(void)
{
	struct model model = make(false, 1), back;
	struct err err = {0};
	char path[128];

	snprintf(path, sizeof path, "%s/some/where//model/", folder);
	ok(model_save(path, &model, &err) == 0, "directories are made: %s", err.text);
	if (ok(model_load(path, &back, &err) == 0, "load from there"))
		model_release(&back);
	snprintf(path, sizeof path, "%s/some", folder);
	ok(folder_remove(path) == 0, "clean");
	model_release(&model);
}

int main(void)
{
	directory_begin();
	test_round_trip(false);
	test_round_trip(true);
	test_inner(3, true);
	test_inner(7, false);
	test_inner(16, true);
	test_inner(40, true);
	test_inner_told();
	test_zero_biases();
	test_as_proven();
	test_presets();
	test_failing_save();
	test_parents();
	return directory_end();
}
