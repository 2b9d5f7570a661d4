/* A model directory whose files are missing, broken or of two models is refused, with a message
 * that names the file and the fault. */
#include "common/model/model.h"

#include <sys/stat.h>

#include "common/model/safetensors.h"
#include "tests/model/directory.h"
#include "tests/model/tensors.h"

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
	unlink(in_model("tokenizer.json")); /* it would notice each change of vocab.json first */
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
		{"n_layer", "4294967298", "\"n_layer\" is 4294967298, expected a smaller"},
		{"n_layer", "100000", "config.json: \"n_layer\" is 100000, expected 1 to 512"},
		{"n_layer", "2.0", "\"n_layer\" is something else"},
		{"n_layer", NULL, "\"n_layer\" is missing"},
		{"n_head", "3", "\"n_head\" is 3, expected a divisor of \"n_embd\", which is 4"},
		{"n_head", "8", "\"n_head\" is 8, expected 1 to 4"},
		{"num_attention_heads", "4", "\"n_head\" and \"num_attention_heads\" differ"},
		{"num_hidden_layers", "3", "\"n_layer\" and \"num_hidden_layers\" differ"},
		{"hidden_size", "8", "\"n_embd\" and \"hidden_size\" differ"},
		{"max_position_embeddings", "9", "\"n_positions\" and \"max_position_embeddings\" differ"},
		{"n_head", "-2", "\"n_head\" is -2"},
		{"n_embd", "8", "\"transformer.wte.weight\" has shape [5, 4], expected [5, 8]"},
		{"n_embd", "16386", "\"n_embd\" is 16386, expected 1 to 16384"},
		{"n_positions", "8192", "\"n_positions\" (the context) is 8192, expected 1 to 4096"},
		{"n_positions", "6", "\"transformer.wpe.weight\" has shape [5, 4], expected [6"},
		{"vocab_size", "4", "vocab.json: 5 tokens, but config.json has a"},
		{"vocab_size", "6", "another vocabulary than vocab.json's"}, /* padded, it fits */
		{"vocab_size", "69", "5 tokens, but config.json has a \"vocab_size\" of 69, and a voc"},
		{"model_type", "\"llama\"", "\"model_type\" is llama, expected gpt2"},
		{"vocab_size", "65536", "\"vocab_size\" is 65536, expected 1 to 65535"},
		{"model_type", NULL, "\"model_type\" is missing, expected gpt2: add it if"},
		{"architectures", "[\"GPT2DoubleHeadsModel\"]", "\"architectures\" is "
		 "GPT2DoubleHeadsModel, expected GPT2LMHeadModel or GPT2Model: if"},
		{"architectures", "[\"GPT2ForSequenceClassification\"]",
		 "is GPT2ForSequenceClassification"},
		{"architectures", "[\"GPT2Model\", \"GPT2LMHeadModel\"]", "not an array of one name"},
		{"architectures", "\"GPT2LMHeadModel\"", "not an array of one name"},
		{"activation_function", "\"relu\"", "\"activation_function\" is relu, expected gelu"},
		{"activation_function", "\"gelu_10\"", "\"activation_function\" is gelu_10, expected"},
		{"activation_function", "null", "\"activation_function\" is no text"},
		{"activation_function", "\"gelu_new\"", "of a network with memoscope's own settings, "
		 "config.json says activation_function gelu_new: files of two models are mixed"},
		{"activation_function", NULL, "config.json says activation_function gelu_new"},
		{"layer_norm_epsilon", "1e-6", "config.json says layer_norm_epsilon 1e-06"},
		{"layer_norm_epsilon", "0", "\"layer_norm_epsilon\" is 0, expected a number above 0"},
		{"layer_norm_epsilon", "1.0", "\"layer_norm_epsilon\" is 1, expected"},
		{"layer_norm_epsilon", "\"1e-5\"", "\"layer_norm_epsilon\" is no number"},
		{"n_inner", "8", "\"transformer.h.0.mlp.c_fc.weight\" has shape [4, 16], expected [4, 8]"},
		{"n_inner", "0", "\"n_inner\" is 0"},
		{"n_inner", "-16", "\"n_inner\" is -16"},
		{"n_inner", "\"16\"", "\"n_inner\" is something else"},
		{"n_inner", "65537", "\"n_inner\" is 65537, expected 1 to 65536"},
		{"scale_attn_weights", "false", "config.json says scale_attn_weights false"},
		{"scale_attn_weights", "1", "\"scale_attn_weights\" is neither true nor false"},
		{"scale_attn_by_inverse_layer_idx", "true",
		 "config.json says scale_attn_by_inverse_layer_idx true"},
		{"add_cross_attention", "true", "\"add_cross_attention\" is true"},
		{"pruned_heads", "{\"0\": [1]}", "\"pruned_heads\" is not empty"},
		{"pruned_heads", "\"none\"", "\"pruned_heads\" is not empty"},
		{"quantization_config", "\"int8\"", "there is a \"quantization_config\""},
		{"quantization_config", "{\"bits\": 8}", "there is a \"quantization_config\""},
		{"tie_word_embeddings", "false", "config.json says tie_word_embeddings false"},
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
		{"vocab.json", VOCAB_4 "}", "another vocabulary than vocab.json's"},
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

static bool same_model(const struct model *a, const struct model *b)
{
	return gpt_config_equal(&a->config, &b->config) && same_params(a, b) &&
	       vocab_equal(a->vocab, b->vocab) &&
	       json_equal(json_object_get(a->about, "chain"), json_object_get(b->about, "chain")) &&
	       json_equal(json_object_get(a->about, "training"), json_object_get(b->about, "training"));
}

/* A changed byte in any file is noticed, or it changes nothing that the programs use. */
static void test_damage(void)
{
	struct model model, back;
	int refusals, harmless;

	put_back();
	if (!loaded(&model))
		return;
	for (size_t i = 0; i < GOODS; i++) {
		refusals = harmless = 0;
		for (size_t at = 0; at < 2 * goods[i].size; at++) {
			char *byte = &goods[i].data[at / 2];
			const char bit = at % 2 ? 1 : 0x20; /* a letter or a digit may become another one */
			struct err err = {0};
			*byte ^= bit;
			put_bytes(goods[i].name, goods[i].data, goods[i].size);
			*byte ^= bit;
			if (model_load(directory, &back, &err) < 0) {
				refusals++;
				continue;
			}
			if (same_model(&model, &back))
				harmless++;
			else
				ok(false, "%s: byte %zu ^ %d: not noticed", goods[i].name, at / 2, bit);
			model_release(&back);
		}
		ok(refusals > 100 && refusals + harmless == (int)(2 * goods[i].size),
		   "%s, changes of one byte: %d refused, %d harmless", goods[i].name, refusals, harmless);
		put_back();
	}
	model_release(&model);
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
	if (write_tensors(in_model("model.safetensors"), list, count, NULL, &err) < 0)
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
	refused("tokenizer.json: \"model\" has another number for", "a tokenizer of another order");
	unlink(in_model("tokenizer.json"));
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
	struct safetensor extra = {"transformer.h.0.attn.other_bias", 1, {1}, zeros};
	struct safetensor buffer = {"transformer.h.1.attn.masked_bias", 1, {1}, zeros};
	struct safetensor beyond = {"transformer.h.2.attn.masked_bias", 1, {1}, zeros};
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
	refused("\"transformer.h.0.attn.other_bias\" has no place", "a tensor too many");
	put_back();
	rewrite(NULL, &buffer);
	if (ok(loaded(&back), "a buffer of old versions"))
		model_release(&back);
	put_back();
	rewrite(NULL, &beyond);
	refused("\"transformer.h.2.attn.masked_bias\" has no place", "a buffer of no layer");
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

/* A directory that PyTorch or nanoGPT wrote. */
static void test_foreign(void)
{
	static const char *const names[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
	                                    "ckpt.pt"};
	char text[96];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		put_back();
		put(names[i], "");
		struct model model;
		if (ok(loaded(&model), "%s beside a whole model does not matter", names[i]))
			model_release(&model);
		unlink(in_model("model.safetensors"));
		snprintf(text, sizeof text, "%s: PyTorch's file is not read in place; model-import makes",
		         names[i]);
		refused(text, names[i]);
		put_back();
		unlink(in_model("config.json"));
		refused("config.json: cannot open: No such file", "it is not what is missing");
		unlink(in_model(names[i]));
	}
	put_back();
	char *whole = strdup(directory);
	snprintf(directory, sizeof directory, "%s/config.json", whole);
	refused("is a file, expected a model directory", "a file in place of a directory");
	strcpy(directory, whole);
	free(whole);
}

int main(void)
{
	directory_begin();
	refused("model/config.json: cannot open: No such file", "a directory that is not there");
	make_good();
	test_missing();
	test_config();
	test_json();
	test_prefixes();
	test_damage();
	test_tensors();
	test_foreign();
	test_mixed();
	for (size_t i = 0; i < GOODS; i++)
		free(goods[i].data);
	return directory_end();
}
