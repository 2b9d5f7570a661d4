#include "common/model/foreign_file.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAKE ": take the model as transformers saves it, with config.json and model.safetensors"
#define IMPORT "PyTorch's file is not read in place; model-import makes a model directory of it"
#define PART "is a part of a model, but the index that lists all parts is missing: fetch all files"

/* ---- by the first bytes ---- */

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t size, at; /* where they stand */
	const char *kind;
} kinds[] = {
	{BYTES("version https://git-lfs"), 0,
	 "a pointer of git-lfs, not the file itself: fetch that, as 'git lfs pull' does"},
	{BYTES("GGUF"), 0, "a GGUF file of llama.cpp" TAKE},
	{BYTES("tjgg"), 0, "a GGML file of llama.cpp" TAKE},
	{BYTES("fmgg"), 0, "a GGML file of llama.cpp" TAKE},
	{BYTES("lmgg"), 0, "a GGML file of llama.cpp" TAKE},
	{BYTES("\x89HDF\r\n\x1a\n"), 0, "an HDF5 file, as TensorFlow saves a model" TAKE},
	{BYTES("model_checkpoint_path:"), 0, "of a checkpoint of TensorFlow" TAKE},
	{BYTES("\xc6\xd7\x34\x01"), 0, "a checkpoint of llm.c" TAKE},
	{BYTES("\x80\x02\x8a\x0al\xfc\x9c"), 0,
	 "in the format of PyTorch before 1.6: load it and save it again by a later one"},
	{BYTES("\x93NUMPY"), 0, "an array of NumPy" TAKE},
	{BYTES("\x1f\x8b"), 0, "compressed by gzip: unpack it"},
	{BYTES("BZh"), 0, "compressed by bzip2: unpack it"},
	{BYTES("\xfd" "7zXZ"), 0, "compressed by xz: unpack it"},
	{BYTES("\x28\xb5\x2f\xfd"), 0, "compressed by zstd: unpack it"},
	{BYTES("ustar"), 257, "a tar archive: unpack it"},
	{BYTES("<!DOCTYPE"), 0, "a page of HTML in place of the file: fetch the file again"},
	{BYTES("<!doctype"), 0, "a page of HTML in place of the file: fetch the file again"},
	{BYTES("<html"), 0, "a page of HTML in place of the file: fetch the file again"},
	{BYTES("PK\3\4"), 0, "a zip archive, as torch.save() writes: model-import makes a model "
	 "directory of it"},
};

/* ModelProto's first two fields: ir_version, a small number, and producer_name, a text. */
static bool is_onnx(const unsigned char *bytes, size_t size)
{
	return size > 4 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 && bytes[2] == 0x12;
}

/* The size of a JSON object, and that object. */
static bool is_safetensors(const unsigned char *bytes, size_t size)
{
	uint64_t header;

	if (size < 10)
		return false;
	memcpy(&header, bytes, sizeof header);
	return header < (uint64_t)1 << 30 && bytes[8] == '{' && (bytes[9] == '"' || bytes[9] == '}');
}

const char *foreign_file_kind(const void *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (size >= kinds[i].at + kinds[i].size &&
		    memcmp((const char *)bytes + kinds[i].at, kinds[i].bytes, kinds[i].size) == 0)
			return kinds[i].kind;
	if (is_onnx(bytes, size))
		return "an ONNX file" TAKE;
	if (is_safetensors(bytes, size))
		return "a safetensors file, which needs no import: all programs open the directory that "
		       "has it, as model.safetensors, with its config.json";
	return NULL;
}

int foreign_file_check(const char *path, struct err *err)
{
	char bytes[512];
	FILE *file = fopen(path, "rb");
	const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
	const char *kind = foreign_file_kind(bytes, size);

	if (file)
		fclose(file);
	return kind ? err_set(err, "%s: %s", path, kind) : 0;
}

/* ---- by the name ---- */

/* Those that tell most come first. What a training of transformers leaves beside a model is none.
 */
static const struct {
	const char *pattern, *kind;
} names[] = {
	{"adapter_model.safetensors", "an adapter without its model: merge the two by "
	 "merge_and_unload() of peft, and save the model"},
	{"adapter_model.bin", "an adapter without its model: merge the two by merge_and_unload() of "
	 "peft, and save the model"},
	{"pytorch_model.bin", IMPORT},
	{"pytorch_model.bin.index.json", IMPORT},
	{"ckpt.pt", IMPORT},
	{"model-*-of-*.safetensors", PART},
	{"pytorch_model-*-of-*.bin", PART},
	{"model.safetensors", NULL},
	{"training.safetensors", NULL},
	{"*.safetensors", "expected the name model.safetensors, if these are the model's parameters"},
	{"tf_model*.h5", "a file of TensorFlow" TAKE},
	{"flax_model*.msgpack", "a file of Flax" TAKE},
	{"*.data-00000-of-*", "a checkpoint of TensorFlow, as OpenAI's" TAKE},
	{"rust_model.ot", "a file of rust-bert" TAKE},
	{"*.gguf", "a GGUF file of llama.cpp" TAKE},
	{"*.onnx", "an ONNX file" TAKE},
	{"optimizer.pt", NULL},
	{"scheduler.pt", NULL},
	{"scaler.pt", NULL},
	{"rng_state*.pth", NULL},
	{"*.pt", IMPORT},
	{"*.pth", IMPORT},
	{"*.ckpt", IMPORT},
};

#define NAMES (sizeof names / sizeof *names)

static size_t rank(const char *name)
{
	size_t i = 0;

	while (i < NAMES && fnmatch(names[i].pattern, name, 0) != 0)
		i++;
	return i < NAMES && names[i].kind ? i : NAMES;
}

int foreign_file_check_directory(const char *directory, struct err *err)
{
	DIR *list = opendir(directory);
	size_t best = NAMES;
	char found[256] = "";
	const struct dirent *entry;

	while (list && (entry = readdir(list))) {
		const size_t this = rank(entry->d_name);
		if (this > best || this == NAMES || (this == best && strcmp(entry->d_name, found) > 0))
			continue;
		best = this;
		snprintf(found, sizeof found, "%s", entry->d_name);
	}
	if (list)
		closedir(list);
	return best < NAMES ? err_set(err, "%s/%s: %s", directory, found, names[best].kind) : 0;
}
