/* Archives of torch.save(): tensors are read from wherever they stand, and archives that lie are
 * refused. The archives are made here, by libzip. */
#include "common/model/torch_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/model/gpt_parameters.h"
#include "tests/model/archive.h"
#include "tests/tap.h"

static char path[64];

/* ---- archives ---- */

struct tensor {
	const char *type; /* of the storage */
	int count; /* numbers that the storage is said to have */
	int offset;
	int shape[3], stride[3]; /* 0 ends the shape */
};

static char pickle[4096];
static size_t pickle_size;

static void add(const void *bytes, size_t size)
{
	memcpy(pickle + pickle_size, bytes, size);
	pickle_size += size;
}

static void add_text(const char *text)
{
	const unsigned char head[] = {'X', (unsigned char)strlen(text), 0, 0, 0};

	add(head, sizeof head);
	add(text, strlen(text));
}

static void add_int(int number)
{
	add("J", 1);
	add(&number, 4);
}

static void add_tuple(const int *numbers, const int *shape)
{
	add("(", 1);
	for (int i = 0; i < 3 && shape[i]; i++)
		add_int(numbers[i]);
	add("t", 1);
}

/* {"w": tensor} */
static void make_pickle(const struct tensor *tensor)
{
	static const char call[] = "ctorch._utils\n_rebuild_tensor_v2\n((", torch[] = "ctorch\n";
	static const char end[] = "\x89" "ccollections\nOrderedDict\n)RtRs.";

	pickle_size = 0;
	add("\x80\2}", 3);
	add_text("w");
	add(call, sizeof call - 1);
	add_text("storage");
	add(torch, sizeof torch - 1);
	add(tensor->type, strlen(tensor->type));
	add("\n", 1);
	add_text("0");
	add_text("cpu");
	add_int(tensor->count);
	add("tQ", 2);
	add_int(tensor->offset);
	add_tuple(tensor->shape, tensor->shape);
	add_tuple(tensor->stride, tensor->shape);
	add(end, sizeof end - 1);
}

static const struct entry good_entries[] = {{.name = "a/data.pkl"},
                                            {.name = "a/byteorder", .text = "little"},
                                            {.name = "a/data/0", .size = 24}, {.name = NULL}};

/* The state dict of the file at path; *file is to be closed in any case. */
static int read_state(struct torch_file **file, struct state_dict *dict, struct err *err)
{
	*dict = (struct state_dict){.path = path};
	*file = torch_file_open(path, err);
	if (!*file || torch_file_state(*file, torch_file_root(*file), "the file", dict, err) < 0)
		return -1;
	return state_dict_sort(dict, err);
}

static void refused(const char *text, const char *what)
{
	struct torch_file *file;
	struct state_dict dict;
	struct err err = {0};

	if (!ok(read_state(&file, &dict, &err) < 0 && err.status == ERR_DATA &&
	        strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, text),
	        "refused: %s", what))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, text);
	state_dict_release(&dict);
	torch_file_close(file);
}

/* ---- tensors ---- */

static const struct {
	struct tensor tensor;
	float want[6];
	const char *what;
} rows[] = {
	{{"FloatStorage", 6, 0, {2, 3}, {3, 1}}, {0, 1, 2, 3, 4, 5}, "a matrix"},
	{{"FloatStorage", 6, 0, {2, 3}, {1, 2}}, {0, 2, 4, 1, 3, 5}, "a matrix that stands transposed"},
	{{"FloatStorage", 6, 1, {2, 2}, {3, 1}}, {1, 2, 4, 5}, "a part of a matrix"},
	{{"FloatStorage", 6, 5, {0}, {0}}, {5}, "a scalar"},
	{{"FloatStorage", 6, 2, {1, 4}, {99, 1}}, {2, 3, 4, 5}, "a stride of one row does not matter"},
	{{"FloatStorage", 6, 3, {3}, {0}}, {3, 3, 3}, "a number that is expanded"},
	{{"FloatStorage", 6, 0, {3, 1, 2}, {1, 7, 3}}, {0, 3, 1, 4, 2, 5}, "three dimensions"},
	{{"BFloat16Storage", 12, 1, {5}, {2}}, {0, 1, 2, 3, 4}, "bfloat16, every other number"},
};

static void test_tensors(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torch_file *file;
		struct state_dict dict;
		struct err err = {0};
		float have[6] = {0};

		make_pickle(&rows[i].tensor);
		write_archive(path, good_entries, pickle, pickle_size);
		const bool good = read_state(&file, &dict, &err) == 0 && dict.count == 1 &&
		                  strcmp(dict.entries[0].tensor->name, "w") == 0 &&
		                  dict.read(&dict.entries[0], have, &err) == 0 &&
		                  memcmp(have, rows[i].want, sizeof have) == 0;
		if (!ok(good, "%s", rows[i].what))
			printf("# %s; %g %g %g %g %g %g\n", err.text, (double)have[0], (double)have[1],
			       (double)have[2], (double)have[3], (double)have[4], (double)have[5]);
		state_dict_release(&dict);
		torch_file_close(file);
	}
}

static void test_lies(void)
{
	static const struct {
		struct tensor tensor;
		const char *text, *what;
	} lies[] = {
		{{"FloatStorage", 7, 0, {6}, {1}}, "another size than its entry", "a storage of 28 bytes"},
		{{"HalfStorage", 6, 0, {6}, {1}}, "another size than its entry", "a storage of 12 bytes"},
		{{"FloatStorage", 6, 0, {7}, {1}}, "not within its storage", "a number too many"},
		{{"FloatStorage", 6, 1, {6}, {1}}, "not within its storage", "an offset too far"},
		{{"FloatStorage", 6, 6, {0}, {0}}, "not within its storage", "a scalar at the end"},
		{{"FloatStorage", 6, 0, {2, 3}, {4, 1}}, "not within its storage", "rows too far apart"},
		{{"FloatStorage", 6, 0, {2}, {INT32_MAX}}, "not within its storage", "a long stride"},
		{{"FloatStorage", 6, 0, {INT32_MAX, INT32_MAX, INT32_MAX}, {0}}, "not within its storage",
		 "2^93 numbers"},
		{{"FloatStorage", 6, -1, {2}, {1}}, "expected a tensor", "an offset before the storage"},
		{{"FloatStorage", 6, 0, {-2}, {1}}, "without a shape and strides", "a negative shape"},
		{{"FloatStorage", 6, 0, {2}, {-1}}, "without a shape and strides", "a negative stride"},
		{{"FloatStorage", -6, 0, {2}, {1}}, "a tensor without a storage", "a negative storage"},
	};

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		make_pickle(&lies[i].tensor);
		write_archive(path, good_entries, pickle, pickle_size);
		refused(lies[i].text, lies[i].what);
	}
}

static void test_archives(void)
{
	static const struct {
		struct entry entries[4];
		const char *text, *what;
	} lies[] = {
		{{{.name = "a/data/0", .size = 24}}, "without data.pkl", "no pickle"},
		{{{.name = "data.pkl"}, {.name = "data/0", .size = 24}}, "without data.pkl", "no folder"},
		{{{.name = "a/data.pkl"}, {.name = "b/data.pkl"}, {.name = "a/data/0", .size = 24}},
		 "two data.pkl", "two pickles"},
		{{{.name = "a/data.pkl"}}, "entry data/0 is missing", "no storage"},
		{{{.name = "a/data.pkl"}, {.name = "b/data/0", .size = 24}}, "entry data/0 is missing",
		 "a storage elsewhere"},
		{{{.name = "a/data.pkl", .deflate = true}, {.name = "a/data/0", .size = 24}},
		 "data.pkl is compressed or encrypted", "a compressed pickle"},
		{{{.name = "a/data.pkl"}, {.name = "a/data/0", .size = 24},
		  {.name = "a/byteorder", .text = "big"}}, "byte order is not little", "another order"},
		{{{.name = "a/data.pkl"}, {.name = "a/data/0", .size = 24},
		  {.name = "a/byteorder", .text = "Little"}}, "byte order is not little", "no byte order"},
		{{{.name = "a/data.pkl"}, {.name = "a/constants.pkl", .text = "\x80\2)."},
		  {.name = "a/data/0", .size = 24}}, "a program of torch.jit.save()", "a program"},
		{{{.name = "a/data.pkl", .text = "\x80\2N."}}, "the file is no dict of tensors", "None"},
		{{{.name = "a/data.pkl", .text = "\x80\2}NNs."}}, "a tensor without a name", "no name"},
		{{{.name = "a/data.pkl", .text = "\x80\2}X"}}, "data.pkl: byte 3: the pickle ends",
		 "half a pickle"},
		{{{.name = "a/data.pkl", .text = "\x80\2cbuiltins\neval\n."}},
		 "data.pkl: byte 2: it asks for builtins.eval", "a function"},
	};

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		make_pickle(&rows[0].tensor);
		write_archive(path, lies[i].entries, pickle, pickle_size);
		refused(lies[i].text, lies[i].what);
	}
}

/* Six numbers are no network, however often they are counted. */
static void test_shared(void)
{
	struct gpt_config config = {.layers = 1, .heads = 1, .width = 1000, .context = 1000,
	                            .vocab = 60000};
	struct torch_file *file;
	struct state_dict dict, many;
	struct err err = {0};
	struct gpt_tensor tensors[32];
	struct stored_tensor shapes[32];

	make_pickle(&rows[0].tensor);
	write_archive(path, good_entries, pickle, pickle_size);
	if (!ok(read_state(&file, &dict, &err) == 0, "a file of six numbers"))
		return;
	many = (struct state_dict){.path = path, .read = dict.read, .size = dict.size};
	gpt_tensors(&config, tensors);
	for (int i = 0; i < gpt_tensor_count(&config); i++) {
		const size_t rows_of = (size_t)tensors[i].rows, cols = (size_t)tensors[i].cols;
		shapes[i] = (struct stored_tensor){.name = tensors[i].name, .dtype = STORED_F32,
		                                   .dims = rows_of ? 2 : 1,
		                                   .shape = {rows_of ? rows_of : cols, rows_of ? cols : 0}};
		if (state_dict_add(&many, &shapes[i], path, file, &err) < 0)
			printf("# %s\n", err.text);
	}
	ok(state_dict_sort(&many, &err) == 0 && !state_dict_parameters(&many, &config, &err) &&
	   strstr(err.text, "they share numbers"), "a network of 73 million parameters in it");
	state_dict_release(&many);
	state_dict_release(&dict);
	torch_file_close(file);
}

int main(void)
{
	snprintf(path, sizeof path, "%s", P_tmpdir "/memoscope.XXXXXX");
	close(mkstemp(path));
	test_tensors();
	test_lies();
	test_archives();
	test_shared();
	unlink(path);
	return done();
}
