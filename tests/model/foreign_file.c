/* Files of other programs are told by their first bytes, those of a directory by their names. */
#include "common/model/foreign_file.h"

#include <sys/stat.h>

#include "tests/model/directory.h"

#define BYTES(text) (text), sizeof(text) - 1

static void test_bytes(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *kind;
	} rows[] = {
		{BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:"), "a pointer of git-lfs"},
		{BYTES("GGUF\3\0\0\0"), "a GGUF file of llama.cpp: take the model as transformers"},
		{BYTES("tjgg\3\0\0\0"), "a GGML file of llama.cpp"},
		{BYTES("\x89HDF\r\n\x1a\n\0"), "an HDF5 file"},
		{BYTES("model_checkpoint_path: \"model.ckpt\""), "of a checkpoint of TensorFlow"},
		{BYTES("\xc6\xd7\x34\x01\3\0\0\0"), "a checkpoint of llm.c"},
		{BYTES("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9"), "in the format of PyTorch before 1.6"},
		{BYTES("\x93NUMPY\1\0"), "an array of NumPy"},
		{BYTES("\x1f\x8b\x08"), "compressed by gzip: unpack it"},
		{BYTES("<!DOCTYPE html>"), "a page of HTML"},
		{BYTES("PK\3\4"), "a zip archive, as torch.save() writes: model-import"},
		{BYTES("\x08\x08\x12\x07pytorch"), "an ONNX file"},
		{BYTES("\x40\0\0\0\0\0\0\0{\"a\":"), "a safetensors file, which needs no import"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *kind = foreign_file_kind(rows[i].bytes, rows[i].size);
		ok(kind && strncmp(kind, rows[i].kind, strlen(rows[i].kind)) == 0, "%s", rows[i].kind);
	}
	ok(!foreign_file_kind("GGU", 3) && !foreign_file_kind("{\"a\": 1}", 8) &&
	   !foreign_file_kind("", 0) && !foreign_file_kind("\x80\4N.", 4), "others are not known");
}

static void test_names(void)
{
	/* In this order each goes before those that came earlier. */
	static const struct {
		const char *name, *text;
	} rows[] = {
		{"a.pth", "a.pth: PyTorch's file is not read in place; model-import makes"},
		{"model.onnx", "model.onnx: an ONNX file"},
		{"gpt2.Q4_0.gguf", "gpt2.Q4_0.gguf: a GGUF file of llama.cpp"},
		{"model.ckpt.data-00000-of-00001", "a checkpoint of TensorFlow, as OpenAI's"},
		{"flax_model.msgpack", "a file of Flax"},
		{"tf_model.h5", "a file of TensorFlow"},
		{"gpt2.safetensors", "gpt2.safetensors: expected the name model.safetensors"},
		{"pytorch_model-00001-of-00002.bin", "the index that lists all parts is missing"},
		{"model-00001-of-00002.safetensors", "model-00001-of-00002.safetensors: is a part"},
		{"ckpt.pt", "ckpt.pt: PyTorch's file is not read in place"},
		{"adapter_model.safetensors", "an adapter without its model: merge the two"},
	};
	struct err none = {0};

	put("optimizer.pt", "");
	put("rng_state_0.pth", "");
	put("training_args.bin", "");
	put("README.md", "");
	ok(foreign_file_check_directory(directory, &none) == 0 &&
	   foreign_file_check_directory("/nowhere", &none) == 0, "what a training leaves is no model");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		put(rows[i].name, "");
		if (!ok(foreign_file_check_directory(directory, &err) < 0 &&
		        strstr(err.text, rows[i].text) && strstr(err.text, directory), "%s", rows[i].name))
			printf("# have \"%s\"\n", err.text);
	}
}

/* What model_load() says of a whole directory, or of a file. */
static void test_load(void)
{
	static const char pointer[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
	static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json",
	                                    "tokenizer_config.json", "generation_config.json"};
	struct model model = make(false, 0.5f);
	char what[160];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		folder_remove(directory);
		if (!saved(&model))
			printf("# not saved\n");
		put(names[i], pointer);
		snprintf(what, sizeof what, "%s: a pointer of git-lfs, not the file itself", names[i]);
		refused(what, names[i]);
	}
	unlink(in_model("tokenizer.json"));
	unlink(in_model("generation_config.json"));
	put("merges.txt", pointer);
	refused("merges.txt: a pointer of git-lfs", "merges.txt");
	folder_remove(directory);
	mkdir(directory, 0777);
	put("model.gguf", "GGUF");
	refused("model.gguf: a GGUF file", "a directory with another file alone");
	put("config.json", "{\"model_type\": \"llama\"}");
	refused("config.json: \"model_type\" is llama, expected gpt2", "files of another network");
	put("config.json", "{\"model_type\": \"gpt2\", \"n_layer\": 1, \"n_head\": 1, \"n_embd\": 4, "
	    "\"n_positions\": 4, \"vocab_size\": 2}");
	refused("model.gguf: a GGUF file", "a directory without parameters that are read");
	snprintf(what, sizeof what, "%s", in_model("model.gguf"));
	struct model none;
	struct err err = {0};
	ok(model_load(what, &none, &err) < 0 && strstr(err.text, "model.gguf: a GGUF file"),
	   "a file in place of a directory");
	model_release(&model);
}

int main(void)
{
	directory_begin();
	mkdir(directory, 0777);
	test_bytes();
	test_names();
	test_load();
	return directory_end();
}
