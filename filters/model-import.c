/* model-import - make a model directory of a checkpoint that PyTorch saved. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/directory.h"
#include "common/base/options.h"
#include "common/model/checkpoint.h"
#include "common/model/model_vocab.h"
#include "common/model/nanogpt_meta.h"
#include "common/stream/stream.h"

static const char *directory, *meta, *vocab_path;
static bool overwrite, quiet;
static enum { AS_IT_IS = -1, GELU = GPT_GELU, GELU_NEW = GPT_GELU_TANH } activation = AS_IT_IS;

static const struct option options[] = {
	{.name = "output", .key = 'o', .type = OPTION_TEXT, .value = &directory, .argument = "DIR",
	 .text = "model directory to write (required)"},
	{.name = "overwrite", .type = OPTION_FLAG, .value = &overwrite,
	 .text = "replace the model that DIR holds"},
	{.name = "meta", .type = OPTION_TEXT, .value = &meta, .argument = "FILE",
	 .text = "vocabulary of a nanoGPT checkpoint (default: meta.pkl beside it)"},
	{.name = "vocab", .type = OPTION_TEXT, .value = &vocab_path, .argument = "PATH",
	 .text = "vocabulary of a model's directory, or a file as its vocab.json"},
	{.name = "activation", .type = OPTION_WORD, .value = &activation, .argument = "gelu|gelu_new",
	 .text = "of a nanoGPT checkpoint: gelu_new if it is from before May 17, 2023 (default gelu)"},
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet,
	 .text = "do not say what was imported"},
	{0},
};

static const struct program program = {
	.operands = "CHECKPOINT",
	.text = "Make a model directory of a checkpoint of nanoGPT or of PyTorch and transformers.",
	.options = options,
	.operands_min = 1,
	.operands_max = 1,
};

/* nanoGPT's meta.pkl beside the checkpoint, to free(). */
static char *meta_beside(const char *checkpoint, const struct model *model, struct err *err)
{
	const json_t *config = json_object_get(json_object_get(model->about, "imported"), "config");
	const char *data = json_string_value(json_object_get(config, "dataset"));
	char *path = checkpoint_beside(checkpoint, "meta.pkl", err);

	if (path && access(path, F_OK) < 0)
		die_usage("%s: no meta.pkl with the vocabulary is beside it, expected --meta FILE (nanoGPT "
		          "keeps it in data/%s) or --vocab PATH", checkpoint, data ? data : "DATASET");
	return path;
}

/* transformers' vocabulary beside the checkpoint. */
static struct vocab *vocab_beside(const char *checkpoint, int size, struct err *err)
{
	char *folder = checkpoint_beside(checkpoint, ".", err);
	struct vocab *vocab = folder ? model_vocab_load_for(folder, size, err) : NULL;

	free(folder);
	return vocab;
}

/* That of a directory of a model, or of a file. */
static struct vocab *named_vocab(int size, struct err *err)
{
	struct stat status;

	if (stat(vocab_path, &status) == 0 && S_ISDIR(status.st_mode))
		return model_vocab_load_for(vocab_path, size, err);
	return vocab_load_any(vocab_path, err);
}

/* The vocabulary that the user names, or else the one beside the checkpoint. */
static struct vocab *load_vocab(const char *checkpoint, const struct model *model, bool nanogpt,
                                struct err *err)
{
	const int size = model->config.vocab;
	char *beside = NULL;

	if (vocab_path)
		return named_vocab(size, err);
	if (!meta && !nanogpt)
		return vocab_beside(checkpoint, size, err);
	if (!meta)
		beside = meta_beside(checkpoint, model, err);
	struct vocab *vocab = meta || beside ? nanogpt_meta_load(meta ? meta : beside, err) : NULL;
	free(beside);
	return vocab;
}

static void set_vocab(const char *checkpoint, struct model *model, bool nanogpt, struct err *err)
{
	struct vocab *vocab = load_vocab(checkpoint, model, nanogpt, err);
	const bool characters = vocab && vocab_is_characters(vocab);
	int padding;

	if (!vocab ||
	    checkpoint_set_vocab(checkpoint, model, vocab,
	                         nanogpt || characters ? VOCAB_PADDING : INT_MAX, &padding, err) < 0)
		err_exit(err);
	if (padding > 0 && !quiet)
		err_say("the network has %d tokens and the vocabulary %d; the others %s",
		        model->config.vocab, model->config.vocab - padding,
		        characters ? "become the characters from U+F0000 on" : "have no text");
}

/* This program is the first one that is known of the model. */
static void sign(json_t *about, int argc, char **argv)
{
	json_t *header = header_new(STREAM_TEXT, about, argc, argv);

	if (!header || json_object_set(about, "chain", json_object_get(header, "chain")) < 0)
		die("out of memory");
	json_decref(header);
}

/* A model may be the work of days, so none is replaced by mistake. */
static int check_free(const struct directory *output, struct err *err)
{
	const char *found = overwrite ? NULL : model_find_file(output);

	if (found)
		return err_usage(err, "%s: it holds %s already, expected --overwrite, which replaces it, "
		                 "or another DIR", directory, found);
	return 0;
}

/* Look before the work begins. */
static void check_directory(void)
{
	struct directory output;
	struct err err = {0};

	if (!directory)
		die_usage("-o: no DIR was given, expected the model directory to write");
	if (*directory == '\0')
		die_usage("-o: '' is no directory");
	if (access(directory, F_OK) < 0)
		return;
	if (directory_open(&output, directory, &err) < 0 || check_free(&output, &err) < 0)
		err_exit(&err);
	directory_close(&output);
}

/* Write it, while no other program writes into the directory. */
static int save(const struct model *model, struct err *err)
{
	struct directory output, above;
	int result = -1;

	if (directory_make(directory, err) < 0 || directory_open(&output, directory, err) < 0)
		return -1;
	if (model_directory_lock(&output, &above, "another program is writing into it", err) == 0 &&
	    directory_sweep(&output, model_has_file, err) == 0 && check_free(&output, err) == 0 &&
	    model_save_in(&output, model, NULL, err) == 0)
		result = directory_check(&output, err);
	directory_close(&above);
	directory_close(&output);
	return result;
}

int main(int argc, char **argv)
{
	const int first = options_parse(&program, argc, argv);
	const char *checkpoint = argv[first];
	struct model model;
	struct err err = {0};
	bool nanogpt;

	check_directory();
	if (meta && vocab_path)
		die_usage("--meta and --vocab: expected one of them at most");
	if (checkpoint_load(checkpoint, &model, &nanogpt, &err) < 0)
		err_exit(&err);
	if (meta && !nanogpt)
		die_usage("--meta: %s is no checkpoint of nanoGPT, expected --vocab", checkpoint);
	if (activation != AS_IT_IS && !nanogpt)
		die_usage("--activation: %s is no checkpoint of nanoGPT: its config.json says it",
		          checkpoint);
	if (activation != AS_IT_IS)
		model.config.activation = (enum gpt_activation)activation;
	set_vocab(checkpoint, &model, nanogpt, &err);
	sign(model.about, argc, argv);
	if (save(&model, &err) < 0)
		err_exit(&err);
	if (!quiet)
		err_say("%s: %d layers, %d heads, width %d, context %d, %d tokens, %zu parameters",
		        directory, model.config.layers, model.config.heads, model.config.width,
		        model.config.context, model.config.vocab, gpt_parameter_count(&model.config));
	model_release(&model);
	return 0;
}
