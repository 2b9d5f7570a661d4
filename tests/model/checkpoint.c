/* Checkpoints of PyTorch become the models that they are: testdata/foreign; and damage to them is
 * refused with one line, or does not matter. */
#include "common/model/checkpoint.h"

#include <sys/resource.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/model/nanogpt_meta.h"
#include "tests/model/archive.h"
#include "tests/model/foreign.h"

static char path[64]; /* of a file that is damaged */

static bool same_params(const struct model *a, const struct model *b)
{
	const size_t count = gpt_parameter_count(&a->config);

	return count == gpt_parameter_count(&b->config) &&
	       memcmp(a->params, b->params, count * sizeof *a->params) == 0;
}

static const struct {
	const char *name;
	bool nanogpt, bias;
	int layers, vocab;
} rows[] = {
	{"nanogpt", true, false, 1, 6},
	{"nanogpt-compiled", true, true, 1, 6},
	{"nanogpt-buffers", true, true, 1, 8},
	{"nanogpt-tanh", true, false, 1, 6},
	{"pytorch-bin", false, true, 2, 6},
	{"pytorch-shards", false, true, 2, 6},
};

static void test_models(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *name = rows[i].name;
		char directory[96];
		struct model model;
		struct err err = {0};
		bool nanogpt = false;

		snprintf(directory, sizeof directory, FOREIGN "%s", name);
		if (!ok(checkpoint_load(directory, &model, &nanogpt, &err) == 0, "%s: loads", name)) {
			printf("# %s\n", err.text);
			continue;
		}
		ok(nanogpt == rows[i].nanogpt && model.config.bias == rows[i].bias &&
		   model.config.layers == rows[i].layers && model.config.vocab == rows[i].vocab &&
		   model.config.heads == 2 && model.config.width == 8 && model.config.context == 8,
		   "%s: its network", name);
		if (strstr(name, "tanh")) { /* the file does not tell */
			ok(foreign_distance(name, &model) > 1e-4, "%s: not by the exact GELU", name);
			model.config.activation = GPT_GELU_TANH;
		}
		const double off = foreign_distance(name, &model);
		if (!ok(off < 1e-5, "%s: probabilities", name))
			printf("# off by %g\n", off);
		model_release(&model);
	}
}

/* What is known of a nanoGPT checkpoint. */
static void test_about(void)
{
	struct model model;
	struct err err = {0};
	bool nanogpt;

	if (!ok(checkpoint_load(FOREIGN "nanogpt/ckpt.pt", &model, &nanogpt, &err) == 0, "a file")) {
		printf("# %s\n", err.text);
		return;
	}
	const json_t *about = json_object_get(model.about, "imported");
	const json_t *config = json_object_get(about, "config");
	const json_t *file = json_array_get(json_object_get(about, "files"), 0);
	const char *digest = json_string_value(json_object_get(file, "xxh3"));
	is_string(json_string_value(json_object_get(about, "from")), "nanoGPT", "the program");
	is_string(json_string_value(json_object_get(file, "name")), "ckpt.pt", "the file");
	ok(digest && strlen(digest) == 16, "its checksum");
	is_int(json_integer_value(json_object_get(about, "iter_num")), 3, "the steps");
	ok(json_real_value(json_object_get(about, "best_val_loss")) > 1, "the loss, which is a tensor");
	is_string(json_string_value(json_object_get(config, "dataset")), "foreign", "an option");
	ok(json_is_true(json_object_get(config, "decay_lr")) &&
	   json_real_value(json_object_get(config, "beta2")) == 0.95, "options of other types");
	model_release(&model);
}

/* ---- vocabularies ---- */

static void test_vocab(void)
{
	struct err err = {0};
	struct vocab *vocab = nanogpt_meta_load(FOREIGN "nanogpt/meta.pkl", &err);
	struct vocab *old = nanogpt_meta_load(FOREIGN "nanogpt-buffers/meta.pkl", &err);
	struct model model = {.config.vocab = 8};
	int padding;

	is_string(vocab ? vocab_text(vocab) : err.text, "\nabcé😀", "meta.pkl of protocol 4");
	ok(old && vocab_equal(vocab, old), "meta.pkl of protocol 2");
	ok(checkpoint_set_vocab("x", &model, vocab, 1, &padding, &err) < 0 &&
	   strstr(err.text, "x: a vocabulary of 6 tokens, but the network has 8: it is padded with 1 "),
	   "more padding than there may be");
	err = (struct err){0};
	ok(checkpoint_set_vocab("x", &model, vocab, 2, &padding, &err) == 0,
	   "a network with more tokens");
	is_int(padding, 2, "two more");
	is_string(vocab_text(model.vocab), "\nabcé😀\U000f0000\U000f0001",
	          "they are of private use");
	model.config.vocab = 5;
	ok(checkpoint_set_vocab("x", &model, old, 2, &padding, &err) < 0 &&
	   strstr(err.text, "x: a vocabulary of 6 tokens, but the network has 5"),
	   "a network with fewer tokens");
	vocab_free(model.vocab);
	vocab_free(old);

	static const char taken[] = "\U000f0000a\U000f0002";
	struct err none = {0};
	struct vocab *used = vocab_new(taken, sizeof taken - 1, &none);
	model = (struct model){.config.vocab = 5};
	checkpoint_set_vocab("x", &model, used, 2, &padding, &none);
	is_string(model.vocab ? vocab_text(model.vocab) : "",
	          "\U000f0000a\U000f0002\U000f0001\U000f0003", "characters that are taken stay");
	vocab_free(model.vocab);
}

#define BYTES(text) (text), sizeof(text) - 1

/* Pickles that are no meta.pkl of characters. */
static void test_meta_lies(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *text;
	} lies[] = {
		{BYTES("\x80\4N."), "no \"vocab_size\", \"itos\" and \"stoi\""},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\1\x8c\4itos}\x8c\4stoi]u."), "no \"vocab_size\""},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\0\x8c\4itos}\x8c\4stoi}u."), "\"vocab_size\" is 0"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeJ\0\0\1\0\x8c\4itos}\x8c\4stoi}u."),
		 "\"vocab_size\" is 65536"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\1\x8c\4itos}\x8c\4stoi}u."), "0 pairs, expected"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\1\x8c\4itos}K\0\x8c\2abs\x8c\4stoi}u."),
		 "a text of one character"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\1\x8c\4itos}K\1\x8c\1as\x8c\4stoi}u."),
		 "a token of its own in 0 to 0"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\1\x8c\4itos}K\0\x8c\1as\x8c\4stoi}\x8c\1bK\0su."),
		 "\"itos\" and \"stoi\" differ for token 0"},
		{BYTES("\x80\4}(\x8c\12vocab_sizeK\2\x8c\4itos}(K\0\x8c\1aK\1\x8c\1au"
		       "\x8c\4stoi}(\x8c\1aK\0\x8c\1aK\1uu."), "stands in it twice"},
	};

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct err err = {0};
		struct vocab *vocab = nanogpt_meta_read("m.pkl", lies[i].bytes, lies[i].size, &err);
		if (!ok(!vocab && strstr(err.text, lies[i].text) && strncmp(err.text, "m.pkl: ", 7) == 0,
		        "refused: %s", lies[i].text))
			printf("# have \"%s\"\n", err.text);
		vocab_free(vocab);
	}
}

/* ---- files that hold something else ---- */

#define ARGUMENTS "X\12\0\0\0model_args}("
#define INT(key, value) key "K" value
#define SHAPE_OF(layers, heads, context) \
	INT("X\7\0\0\0n_layer", layers) INT("X\6\0\0\0n_head", heads) \
	INT("X\6\0\0\0n_embd", "\10") INT("X\12\0\0\0block_size", context) \
	INT("X\12\0\0\0vocab_size", "\6")
#define GOOD_SHAPE SHAPE_OF("\1", "\2", "\10")
/* _rebuild_tensor_v2(storage of 6 floats, 0, (6,), (1,), False, OrderedDict()) */
#define TENSOR_0 "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n" \
	"X\1\0\0\0" "0X\3\0\0\0cpuK\6tQK\0K\6\x85K\1\x85\x89" "ccollections\nOrderedDict\n)RtR"

static void test_others(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *text;
	} lies[] = {
		{BYTES("\x80\2]."), "holds a list, expected a dict of tensors"},
		{BYTES("\x80\2K\1."), "holds a number or nothing"},
		{BYTES("\x80\2" TENSOR_0 "."), "holds a tensor, expected a dict of tensors"},
		{BYTES("\x80\2}X\1\0\0\0w" TENSOR_0 "s."), "no config.json is beside it, which tells"},
		{BYTES("\x80\2}X\12\0\0\0state_dict}s."), "has \"state_dict\", but not \"model_args\""},
		{BYTES("\x80\2}X\5\0\0\0model}s."), "has \"model\", but not \"model_args\" of nanoGPT"},
		{BYTES("\x80\2}X\12\0\0\0model_argsNs."), "\"model_args\" is no dict"},
		{BYTES("\x80\2}" ARGUMENTS SHAPE_OF("\0", "\2", "\10") "us."), "\"n_layer\" is 0"},
		{BYTES("\x80\2}" ARGUMENTS SHAPE_OF("\1", "\3", "\10") "us."),
		 "model_args: \"n_head\" is 3, expected a divisor of \"n_embd\", which is 8"},
		{BYTES("\x80\2}" ARGUMENTS GOOD_SHAPE "X\12\0\0\0block_sizeM\x88\x13us."),
		 "model_args: \"block_size\" (the context) is 5000, expected 1 to 4096"},
		{BYTES("\x80\2}" ARGUMENTS GOOD_SHAPE "X\4\0\0\0ropeK\1us."),
		 "model_args: \"rope\" is no argument of nanoGPT's network"},
		{BYTES("\x80\2}" ARGUMENTS GOOD_SHAPE "X\4\0\0\0rope\x89X\4\0\0\0biasK\1us."),
		 "\"bias\" is neither True nor False"},
		{BYTES("\x80\2}" ARGUMENTS GOOD_SHAPE "us."), "\"model\" is no dict of tensors"},
		{BYTES("\x80\2}(" ARGUMENTS GOOD_SHAPE "uX\5\0\0\0model}u."), "there are no tensors"},
		{BYTES("\x80\2}(" ARGUMENTS GOOD_SHAPE "uX\5\0\0\0model}X\10\0\0\0a.weight" TENSOR_0
		       "su."), "tensor \"transformer.wte.weight\" is missing, but there is \"a.weight\""},
		{BYTES("\x80\2}(" ARGUMENTS GOOD_SHAPE "uX\5\0\0\0model}(X\1\0\0\0a" TENSOR_0
		       "X\14\0\0\0x.wte.weight" TENSOR_0 "uu."), "there is \"x.wte.weight\": these are"},
	};
	static const struct entry entries[] = {{.name = "a/data.pkl"},
	                                       {.name = "a/data/0", .size = 24}, {.name = NULL}};

	snprintf(path, sizeof path, "%s.memoscope", P_tmpdir "/XXXXXX");
	close(mkstemps(path, (int)strlen(".memoscope")));
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct model model;
		struct err err = {0};
		bool nanogpt;
		write_archive(path, entries, lies[i].bytes, lies[i].size);
		if (!ok(checkpoint_load(path, &model, &nanogpt, &err) < 0 &&
		        strstr(err.text, lies[i].text) &&
		        strncmp(err.text, path, strlen(path)) == 0, "refused: %s", lies[i].text))
			printf("# have \"%s\"\n", err.text);
	}
	unlink(path);
}

/* ---- damage ---- */

static void put(const char *bytes, size_t size)
{
	unlink(path); /* some file systems sync what is written over */
	FILE *file = fopen(path, "wb");
	fwrite(bytes, 1, size, file);
	fclose(file);
}

/* Is the file refused with one line? Then 0; 1: it is the same model; else -1. */
static int outcome(const struct model *whole)
{
	struct model model;
	struct err err = {0};
	bool nanogpt;

	if (checkpoint_load(path, &model, &nanogpt, &err) < 0) {
		const bool good = err.status == ERR_DATA && strncmp(err.text, path, strlen(path)) == 0 &&
		                  !strchr(err.text, '\n') && !model.params && !model.about;
		if (!good)
			printf("# %s\n", err.text);
		return good ? 0 : -1;
	}
	const bool same = gpt_config_equal(&model.config, &whole->config) &&
	                  model.config.vocab == whole->config.vocab && same_params(&model, whole);
	model_release(&model);
	return same ? 1 : -1;
}

static void test_damage(const char *name)
{
	struct err err = {0};
	struct model whole;
	size_t size = 0, counts[3] = {0};
	bool nanogpt;

	snprintf(path, sizeof path, FOREIGN "%s", name);
	char *bytes = file_read(path, 1 << 20, &size, &err);
	if (!bytes || checkpoint_load(path, &whole, &nanogpt, &err) < 0) {
		ok(false, "%s: %s", name, err.text);
		return;
	}
	snprintf(path, sizeof path, "%s.memoscope", P_tmpdir "/XXXXXX");
	const int fd = mkstemps(path, (int)strlen(".memoscope"));
	close(fd);
	for (size_t length = 0; length < size; length += length < size - 200 ? 13 : 1) {
		put(bytes, length);
		counts[1 + outcome(&whole)]++;
	}
	ok(counts[1] > 500 && counts[0] == 0 && counts[2] == 0, "%s: prefixes: %zu refused, %zu load",
	   name, counts[1], counts[2]);
	memset(counts, 0, sizeof counts);
	for (size_t at = 0; at < size; at += at < 3000 || at + 1500 > size ? 1 : 3) {
		const char old = bytes[at];
		bytes[at] = (char)(old ^ 1 << at % 8);
		put(bytes, size);
		counts[1 + outcome(&whole)]++;
		bytes[at] = old;
	}
	ok(counts[0] == 0 && counts[1] > 3000, "%s: single bytes: %zu refused, %zu the same model, %zu "
	   "another one", name, counts[1], counts[2], counts[0]);
	unlink(path);
	free(bytes);
	model_release(&whole);
}

int main(void)
{
	test_models();
	test_about();
	test_vocab();
	test_meta_lies();
	test_others();
	test_damage("nanogpt-buffers/ckpt.pt");
	return done();
}
