/* The model directory: what is saved is loaded, and a directory that lies is refused. */
#include "common/model/model.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/model/safetensors.h"
#include "tests/tap.h"

static char folder[64]; /* of this test */
static char directory[96]; /* the model in it */

static const char *in_model(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void put_bytes(const char *name, const char *data, size_t size)
{
	unlink(in_model(name)); /* some file systems sync what is written over */
	FILE *file = fopen(in_model(name), "w");
	fwrite(data, 1, size, file);
	fclose(file);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* ---- models ---- */

static struct model make_inner(bool bias, float deviation, int inner)
{
	const char characters[] = "b\naé😀";
	struct model model = {.config = {2, 2, 4, 5, 5, bias, inner}};
	size_t count = gpt_parameter_count(&model.config);
	struct err err = {0};
	struct rng rng;

	model.vocab = vocab_new(characters, sizeof characters - 1, &err);
	model.params = calloc(count, sizeof *model.params);
	model.about = json_pack("{s:[{s:s}], s:{s:i}}", "chain", "program", "phonegen", "training",
	                        "step", 7);
	rng_init(&rng, 3, RNG_TEST, bias);
	for (size_t i = 0; i < count; i++)
		model.params[i] = (float)(deviation * rng_normal(&rng));
	return model;
}

static struct model make(bool bias, float deviation)
{
	return make_inner(bias, deviation, 0);
}

static bool same_params(const struct model *a, const struct model *b)
{
	size_t count = gpt_parameter_count(&a->config);

	return count == gpt_parameter_count(&b->config) &&
	       memcmp(a->params, b->params, count * sizeof *a->params) == 0;
}

static bool saved(const struct model *model)
{
	struct err err = {0};
	bool good = model_save(directory, model, &err) == 0;

	if (!good)
		printf("# %s\n", err.text);
	return good;
}

static bool loaded(struct model *model)
{
	struct err err = {0};
	bool good = model_load(directory, model, &err) == 0;

	if (!good)
		printf("# %s\n", err.text);
	return good;
}

static void refused(const char *text, const char *what)
{
	struct model model;
	struct err err = {0};
	int rc = model_load(directory, &model, &err);

	if (!ok(rc < 0 && err.status == ERR_DATA && strstr(err.text, text) &&
	        strstr(err.text, directory), "refused: %s", what))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, text);
	ok(model.vocab == NULL && model.params == NULL && model.about == NULL,
	   "nothing is left of it: %s", what);
}

/* Files in the directory, temporary ones among them. */
static int files(void)
{
	DIR *dir = opendir(directory);
	int count = -2; /* . and .. */

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* ---- saving and loading ---- */

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
		struct model back, model = {.config = {presets[i].layers, presets[i].heads,
		                                       presets[i].width, 256, 70, false, 0}};
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
	   strstr(err.text, "a vocabulary of 5 characters for a network of 6"),
	   "save with another vocabulary");
	model_release(&old);
	model_release(&new);
}

static void test_parents(void)
{
	struct model model = make(false, 1), back;
	struct err err = {0};
	char path[128], command[256];

	snprintf(path, sizeof path, "%s/some/where//model/", folder);
	ok(model_save(path, &model, &err) == 0, "directories are made: %s", err.text);
	if (ok(model_load(path, &back, &err) == 0, "load from there"))
		model_release(&back);
	snprintf(command, sizeof command, "rm -r '%s/some'", folder);
	ok(system(command) == 0, "clean");
	model_release(&model);
}

/* ---- directories that lie ---- */

/* A good model, to be put back file by file after each lie: what model_save
 * writes it syncs to the disk, which takes a while. */
static struct good {
	const char *name;
	char *data;
	size_t size;
} goods[] = {{.name = "config.json"}, {.name = "vocab.json"}, {.name = "memoscope.json"},
             {.name = "model.safetensors"}};

#define GOODS (sizeof goods / sizeof *goods)

static void make_good(void)
{
	struct model model = make(false, 1);
	struct err err = {0};

	saved(&model);
	model_release(&model);
	for (size_t i = 0; i < GOODS; i++) {
		goods[i].data = file_read(in_model(goods[i].name), 1 << 20, &goods[i].size, &err);
		if (goods[i].data == NULL)
			printf("# %s\n", err.text);
	}
}

static void put_back(void)
{
	for (size_t i = 0; i < GOODS; i++)
		put_bytes(goods[i].name, goods[i].data, goods[i].size);
}

static void test_missing(void)
{
	static const char *const needed[] = {"config.json", "vocab.json", "model.safetensors"};
	char text[64];

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		put_back();
		unlink(in_model(needed[i]));
		snprintf(text, sizeof text, "%s: cannot open: No such file", needed[i]);
		refused(text, needed[i]);
		mkdir(in_model(needed[i]), 0777);
		snprintf(text, sizeof text, "%s: not a regular file", needed[i]);
		refused(text, needed[i]);
		rmdir(in_model(needed[i]));
	}
	put_back();
}

/* One field of config.json, set to a value or (NULL) taken out. */
static void test_config(void)
{
	static const struct {
		const char *field, *value, *text;
	} lies[] = {
		{"n_layer", "3", "\"transformer.h.2.ln_1.weight\" is missing"},
		{"n_layer", "1", "\"transformer.h.1.attn.c_attn.bias\" has no place"},
		{"n_layer", "0", "\"n_layer\" is 0"},
		{"n_layer", "4294967298", "\"n_layer\" is 4294967298"},
		{"n_layer", "100000", "number of layers is 100000"},
		{"n_layer", "2.0", "\"n_layer\" is something else"},
		{"n_layer", NULL, "\"n_layer\" is missing"},
		{"n_head", "3", "not a multiple"},
		{"n_head", "-2", "\"n_head\" is -2"},
		{"n_embd", "8", "\"transformer.wte.weight\" has shape [5, 4], expected [5, 8]"},
		{"n_positions", "6", "\"transformer.wpe.weight\" has shape [5, 4], expected [6"},
		{"vocab_size", "6", "vocab.json: 5 characters, but config.json has a"},
		{"model_type", "\"llama\"", "\"model_type\" is llama, expected gpt2"},
		{"model_type", NULL, "\"model_type\" is missing"},
		{"activation_function", "\"gelu_new\"", "\"activation_function\" is gelu_new"},
		{"activation_function", NULL, "\"activation_function\" is gelu_new by default"},
		{"layer_norm_epsilon", "1e-6", "\"layer_norm_epsilon\" is 1e-06"},
		{"n_inner", "8", "\"transformer.h.0.mlp.c_fc.weight\" has shape [4, 16], expected [4, 8]"},
		{"n_inner", "0", "\"n_inner\" is 0"},
		{"n_inner", "-16", "\"n_inner\" is -16"},
		{"n_inner", "\"16\"", "\"n_inner\" is something else"},
		{"n_inner", "65537", "width of the feed-forward part is 65537"},
		{"scale_attn_weights", "false", "\"scale_attn_weights\" is not true"},
		{"scale_attn_by_inverse_layer_idx", "true", "is not false"},
		{"add_cross_attention", "true", "\"add_cross_attention\" is not false"},
		{"tie_word_embeddings", "false", "\"tie_word_embeddings\" is not true"},
	};
	char what[96];

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		put_back();
		json_t *json = json_load_file(in_model("config.json"), 0, NULL);
		if (lies[i].value)
			json_object_set_new(json, lies[i].field,
			                    json_loads(lies[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(json, lies[i].field);
		json_dump_file(json, in_model("config.json"), 0);
		json_decref(json);
		snprintf(what, sizeof what, "%s %s", lies[i].field,
		         lies[i].value ? lies[i].value : "taken out");
		refused(lies[i].text, what);
	}
	put_back();
}

#define VOCAB_4 "{\"b\":0,\"a\":1,\"c\":2,\"d\":3"

/* Whole JSON files in place of one. */
static void test_json(void)
{
	static const struct {
		const char *file, *json, *text;
	} lies[] = {
		{"config.json", "", "config.json: line 1: "},
		{"config.json", "[]", "config.json: holds no JSON object"},
		{"config.json", "{\"n_layer\": 2, \"n_layer\": 2}", "duplicate"},
		{"config.json", "{\n\"n_layer\": 2,\n}", "config.json: line 3: "},
		{"vocab.json", VOCAB_4 "}", "vocab.json: 4 characters"},
		{"vocab.json", VOCAB_4 ",\"the\":4}",
		 "\"the\" is not one character"},
		{"vocab.json", VOCAB_4 ",\"\":4}", "\"\" is not one character"},
		{"vocab.json", VOCAB_4 ",\"e\":3}", "has no token of its own"},
		{"vocab.json", VOCAB_4 ",\"e\":5}",
		 "\"e\" has no token of its own in 0 to 4"},
		{"vocab.json", VOCAB_4 ",\"e\":-1}", "has no token of its own"},
		{"vocab.json", VOCAB_4 ",\"e\":\"4\"}", "no token of its own"},
		{"vocab.json", VOCAB_4 ",\"\\u0000\":4}", "vocab.json: line 1"},
		{"vocab.json", VOCAB_4 ",\"\\ud83d\":4}", "vocab.json: line 1"},
		{"vocab.json", "{}", "vocab.json: "},
		{"memoscope.json", "{\"bias\": true}", "memoscope.json: \"chain\" is no array"},
		{"memoscope.json", "{\"chain\": [], \"bias\": 1}", "neither true nor false"},
		{"memoscope.json", "nothing", "memoscope.json: line 1"},
	};
	char what[64];

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		put_back();
		put(lies[i].file, lies[i].json);
		snprintf(what, sizeof what, "%s number %zu", lies[i].file, i);
		refused(lies[i].text, what);
	}
	put_back();
}

/* Every prefix of a JSON file is refused, but for the newline at its end. */
static void test_prefixes(void)
{
	for (size_t i = 0; i < GOODS; i++) {
		int loads = 0;
		if (strstr(goods[i].name, ".json") == NULL)
			continue;
		for (size_t size = 0; size + 1 < goods[i].size; size++) {
			struct model model;
			struct err err = {0};
			put_bytes(goods[i].name, goods[i].data, size);
			if (model_load(directory, &model, &err) < 0)
				continue;
			loads++;
			model_release(&model);
		}
		is_int(loads, 0, goods[i].name);
		put_back();
	}
}

/* Write model.safetensors again: all its tensors but one, which is left out or
 * of another shape, and one more. */
static void rewrite(const char *without, const struct safetensor *more)
{
	struct model model;
	struct err err = {0};
	struct safetensor list[64];
	struct gpt_tensor tensors[64];
	float zeros[64] = {0};
	int count = 0;

	if (!loaded(&model))
		return;
	model.config.bias = true; /* the file has them all */
	gpt_tensors(&model.config, tensors);
	for (int i = 0; i < gpt_tensor_count(&model.config); i++) {
		if (without && strcmp(tensors[i].name, without) == 0)
			continue;
		size_t cols = (size_t)tensors[i].cols;
		size_t rows = (size_t)tensors[i].rows;
		struct safetensor matrix = {tensors[i].name, 2, {rows, cols}, zeros};
		struct safetensor vector = {tensors[i].name, 1, {cols}, zeros};
		list[count++] = rows ? matrix : vector;
	}
	if (more)
		list[count++] = *more;
	if (safetensors_write(in_model("model.safetensors"), list, count, NULL, &err) < 0)
		printf("# %s\n", err.text);
	model_release(&model);
}

/* Of two models whose tensors have the same shapes, each file is whole. */
static void test_mixed(void)
{
	static const char swapped[] = "\na\xC3\xA9" "b😀";
	struct model model = make(false, 1), other = make(false, 1), back;
	struct err err = {0};
	size_t size;

	other.config.heads = 4;
	vocab_free(other.vocab);
	other.vocab = vocab_new(swapped, sizeof swapped - 1, &err);
	saved(&model);
	char *config = file_read(in_model("config.json"), 1 << 20, &size, &err);
	char *vocab = file_read(in_model("vocab.json"), 1 << 20, &size, &err);
	ok(saved(&other), "another model in its place");
	put("config.json", config);
	refused("model.safetensors: of a network with \"n_head\" 4, config.json says 2",
	        "a config of another number of heads");
	saved(&other);
	put("vocab.json", vocab);
	refused("model.safetensors: of a network with another vocabulary than vocab.json's",
	        "a vocabulary in another order");
	saved(&other);
	if (ok(loaded(&back), "all of the other: loaded"))
		model_release(&back);
	free(config);
	free(vocab);
	model_release(&model);
	model_release(&other);
	put_back();
}

static void test_tensors(void)
{
	struct model back;
	float zeros[64] = {0}, other[64] = {0}, broken[64] = {0};
	struct safetensor extra = {"transformer.h.0.attn.masked_bias", 1, {1}, zeros};
	struct safetensor head = {"lm_head.weight", 2, {5, 4}, zeros};
	struct safetensor gain = {"transformer.ln_f.weight", 1, {4}, broken};

	put_back();
	rewrite(NULL, NULL);
	if (ok(loaded(&back), "tensors written by hand"))
		model_release(&back);
	rewrite("transformer.h.1.mlp.c_fc.bias", NULL);
	refused("tensor \"transformer.h.1.mlp.c_fc.bias\" is missing", "a tensor left out");
	put_back();
	rewrite(NULL, &extra);
	refused("\"transformer.h.0.attn.masked_bias\" has no place", "a tensor too many");
	put_back();
	rewrite(NULL, &head);
	if (ok(loaded(&back), "an output head equal to the embedding"))
		model_release(&back);
	other[19] = 1;
	head.data = other;
	put_back();
	rewrite(NULL, &head);
	refused("\"lm_head.weight\" differs from \"transformer.wte.weight\"", "an untied head");
	head.shape[0] = 4;
	put_back();
	rewrite(NULL, &head);
	refused("\"lm_head.weight\" has shape [4, 4], expected [5, 4]", "a head of another shape");
	broken[2] = NAN;
	put_back();
	rewrite("transformer.ln_f.weight", &gain);
	refused("tensor \"transformer.ln_f.weight\": element 2 is nan", "a gain that is no number");
	broken[2] = -INFINITY;
	put_back();
	rewrite("transformer.ln_f.weight", &gain);
	refused("element 2 is -inf", "a gain that is infinite");
	put("model.safetensors", "not tensors at all");
	refused("model.safetensors: header of", "a file of something else");
	put_back();
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char command[128];

	snprintf(folder, sizeof folder, "%.32s/memoscope.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(directory, sizeof directory, "%s/model", folder);
	refused("model/config.json: cannot open: No such file", "a directory that is not there");
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
	make_good();
	test_missing();
	test_config();
	test_json();
	test_prefixes();
	test_tensors();
	test_mixed();
	for (size_t i = 0; i < GOODS; i++)
		free(goods[i].data);
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	return system(command) != 0 || done();
}
