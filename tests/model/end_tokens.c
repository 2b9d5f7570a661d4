/* The tokens that end a text are those that generate() of transformers 5.24.0 takes. */
#include "common/model/end_tokens.h"

#include <sys/stat.h>

#include "tests/model/directory.h"

/* "eos_token_id" of config.json and the whole of generation_config.json; NULL: no such field, no
 * such file. want: as end_tokens_json() has it, of a vocabulary of 6. */
static const struct {
	const char *config, *generation, *want;
} rows[] = {
	{"1", NULL, "1"},
	{NULL, NULL, "null"},
	{"null", NULL, "null"},
	{"[1, 2]", NULL, "[1,2]"},
	{"[2]", NULL, "2"},
	{"[2, 2, 5]", NULL, "[2,5]"},
	{"50256", NULL, "null"},
	{"[6, 0, -1]", NULL, "0"},
	{"1", "{}", "null"},
	{"1", "{\"eos_token_id\": 2}", "2"},
	{"1", "{\"eos_token_id\": null}", "null"},
	{"1", "{\"eos_token_id\": [2, 3]}", "[2,3]"},
	{"[1, 2]", "{\"_from_model_config\": true}", "null"},
	{NULL, "{\"eos_token_id\": 5, \"do_sample\": true}", "5"},
};

static json_t *config_of(const char *end)
{
	json_t *config = json_object();

	if (end)
		json_object_set_new(config, "eos_token_id", json_loads(end, JSON_DECODE_ANY, NULL));
	return config;
}

static void put_generation(const char *text)
{
	unlink(in_model("generation_config.json"));
	if (text)
		put("generation_config.json", text);
}

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct end_tokens ends;
		struct err err = {0};
		json_t *config = config_of(rows[i].config);

		put_generation(rows[i].generation);
		const int result = end_tokens_load(&ends, directory, config, 6, &err);
		json_t *json = result == 0 ? end_tokens_json(&ends) : NULL;
		char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		is_string(text ? text : err.text, rows[i].want, rows[i].generation ? rows[i].generation
		                                                                  : "config.json alone");
		free(text);
		json_decref(json);
		json_decref(config);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *config, *generation, *text;
	} lies[] = {
		{"\"1\"", NULL, "/config.json: \"eos_token_id\" is neither a token"},
		{"[1, null]", NULL, "/config.json: \"eos_token_id\" is neither a token"},
		{"1.0", NULL, "/config.json: \"eos_token_id\" is neither"},
		{"1", "{\"eos_token_id\": {}}", "/generation_config.json: \"eos_token_id\" is neither"},
		{"1", "", "/generation_config.json: line 1"},
		{"[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", NULL, "has more than 16 tokens"},
	};

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct end_tokens ends;
		struct err err = {0};
		json_t *config = config_of(lies[i].config);

		put_generation(lies[i].generation);
		if (!ok(end_tokens_load(&ends, directory, config, 20, &err) < 0 &&
		        strstr(err.text, lies[i].text), "refused: %s", lies[i].text))
			printf("# have \"%s\"\n", err.text);
		json_decref(config);
	}
}

int main(void)
{
	directory_begin();
	mkdir(directory, 0777);
	test_rows();
	test_refused();
	return directory_end();
}
