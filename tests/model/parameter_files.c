/* Shards: index and files must say the same. */
#include "common/model/parameter_files.h"

#include <sys/stat.h>

#include "tests/model/directory.h"
#include "tests/model/tensors.h"

static float numbers[4] = {1, 2, 3, 4};

/* A file of tensors with these one-letter names, each of two numbers. */
static void put_file(const char *name, const char *letters)
{
	struct safetensor tensors[8];
	char names[8][2];
	struct err err = {0};
	int count = 0;

	for (; letters[count]; count++) {
		names[count][0] = letters[count];
		names[count][1] = 0;
		tensors[count] = (struct safetensor){names[count], 1, {2}, numbers + count % 2};
	}
	if (write_tensors(in_model(name), tensors, count, NULL, &err) < 0)
		printf("# %s\n", err.text);
}

static const struct {
	const char *what, *map, *text; /* text NULL: it opens */
} rows[] = {
	{"as it should be", "{\"a\":\"1\",\"b\":\"1\",\"c\":\"2\"}", NULL},
	{"no shard", "{}", NULL},
	{"a tensor too many in the index", "{\"a\":\"1\",\"b\":\"1\",\"c\":\"2\",\"d\":\"2\"}",
	 "json: tensor \"d\" is not in 2"},
	{"a tensor too few in the index",
	 "{\"a\":\"1\",\"c\":\"2\"}", "1: tensor \"b\" is not listed in "},
	{"another file than the index says", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"2\"}",
	 "json: tensor \"b\" is not in 2, but in 1"},
	{"a tensor in two files", "{\"a\":\"1\",\"b\":\"1\",\"c\":\"2\",\"e\":\"3\"}",
	 "3: tensor \"a\" comes twice, also in "},
	{"a file that is not there", "{\"a\":\"4\"}", "4: cannot open: No such file"},
	{"a file elsewhere",
	 "{\"a\":\"../1\"}", "is in \"../1\", expected the name of a file in the same"},
	{"the directory itself", "{\"a\":\"..\"}", "is in \"..\", expected the name"},
	{"a file without a name", "{\"a\":\"\"}", "is in \"\", expected the name"},
	{"a number for a file", "{\"a\":1}", "the file of tensor \"a\" is no string"},
	{"an array", "[]", "\"weight_map\" is no JSON object"},
};

static void test_index(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parameter_files files;
		struct state_dict dict = {0};
		struct err err = {0};
		char json[256];

		snprintf(json, sizeof json, "{\"metadata\":{},\"weight_map\":%s}", rows[i].map);
		put("model.safetensors.index.json", json);
		const int opened = parameter_files_open(&files, in_model("model.safetensors"), &err);
		const int result = opened < 0 ? -1 : parameter_files_state(&files, &dict, &err);
		if (!ok(rows[i].text ? result < 0 && strstr(err.text, rows[i].text) : result == 0,
		        "an index: %s", rows[i].what))
			printf("# have \"%s\"\n# want \"%s\"\n", err.text, rows[i].text ? rows[i].text : "");
		state_dict_release(&dict);
		if (opened == 0)
			parameter_files_close(&files);
	}
}

/* 0: refused with one line; 1: it opens; -1: else. */
static int outcome(void)
{
	struct parameter_files files;
	struct state_dict dict = {0};
	struct err err = {0};
	const int opened = parameter_files_open(&files, in_model("model.safetensors"), &err);
	const int result = opened < 0 ? -1 : parameter_files_state(&files, &dict, &err);
	const bool all = dict.count == 3;

	state_dict_release(&dict);
	if (opened == 0)
		parameter_files_close(&files);
	if (result == 0)
		return all ? 1 : -1;
	return err.status == ERR_DATA && !strchr(err.text, '\n') ? 0 : -1;
}

/* An index with a byte changed, or cut, is refused, or lists the same. */
static void test_damage(void)
{
	char json[] = "{\"metadata\":{\"total_size\":24},\"weight_map\":"
	              "{\"a\":\"1\",\"b\":\"1\",\"c\":\"2\"}}";
	const size_t size = sizeof json - 1;
	size_t counts[3] = {0};

	for (size_t length = 0; length < size; length++) {
		put_bytes("model.safetensors.index.json", json, length);
		counts[1 + outcome()]++;
	}
	is_int((long long)counts[1], (long long)size, "each prefix of an index is refused");
	memset(counts, 0, sizeof counts);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		json[bit / 8] ^= (char)(1 << bit % 8);
		put_bytes("model.safetensors.index.json", json, size);
		json[bit / 8] ^= (char)(1 << bit % 8);
		counts[1 + outcome()]++;
	}
	ok(counts[0] == 0 && counts[1] > 300, "changes of a bit: %zu refused, %zu harmless, %zu others",
	   counts[1], counts[2], counts[0]);
}

static void test_state(void)
{
	struct parameter_files files;
	struct state_dict dict;
	struct err err = {0};
	float have[2] = {0};

	put("model.safetensors.index.json", "{\"weight_map\":{\"c\":\"2\",\"a\":\"1\",\"b\":\"1\"}}");
	if (!ok(parameter_files_open(&files, in_model("model.safetensors"), &err) == 0 &&
	        parameter_files_state(&files, &dict, &err) == 0, "two shards"))
		return;
	is_int((long long)dict.count, 3, "tensors of both");
	const struct state_entry *entry = state_dict_find(&dict, "b");
	ok(entry && dict.read(entry, have, &err) == 0 && have[0] == 2 && have[1] == 3, "one of them");
	ok(state_dict_find(&dict, "d") == NULL, "one that is not there");
	state_dict_release(&dict);
	parameter_files_close(&files);

	put_file("model.safetensors", "x");
	ok(parameter_files_open(&files, in_model("model.safetensors"), &err) == 0 && files.count == 1 &&
	   safetensors_named(files.files[0], "x"), "model.safetensors goes before the index");
	parameter_files_close(&files);
}

/* A name that comes twice, and one file that has a tensor of a state dict's other file. */
static void test_twice(void)
{
	const struct stored_tensor tensors[] = {{.name = "b"}, {.name = "a"}, {.name = "b"}};
	struct state_dict dict = {0};
	struct err err = {0};

	for (int i = 0; i < 3; i++)
		if (state_dict_add(&dict, &tensors[i], i == 2 ? "two" : "one", NULL, &err) < 0)
			printf("# %s\n", err.text);
	ok(state_dict_sort(&dict, &err) < 0 && strstr(err.text, "tensor \"b\" comes twice, also in"),
	   "a name twice");
	state_dict_release(&dict);
}

int main(void)
{
	directory_begin();
	mkdir(directory, 0777);
	put_file("1", "ab");
	put_file("2", "c");
	put_file("3", "ea");
	test_index();
	test_damage();
	test_state();
	test_twice();
	return directory_end();
}
