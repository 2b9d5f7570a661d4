/* checksum.h - what a checksum covers, and what it does not. */
#include "common/model/checksum.h"

#include "tests/tap.h"

static json_t *parsed(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	if (!json)
		printf("Bail out! %s\n", text);
	return json;
}

static void test_json(void)
{
	static const struct {
		const char *text, *what;
		bool same;
	} cases[] = {
		{"{\"b\":[1,2],\"a\":{\"x\":0.1}}", "the same", true},
		{" {\"a\" :{\"x\": 0.1}, \"b\": [1, 2]}", "other blanks and another order of keys", true},
		{"{\"b\":[1,2],\"a\":{\"x\":0.1},\"xxh3\":\"00\"}", "with a checksum", true},
		{"{\"b\":[2,1],\"a\":{\"x\":0.1}}", "another order in an array", false},
		{"{\"b\":[1,2],\"a\":{\"y\":0.1}}", "another key", false},
		{"{\"b\":[1,2],\"a\":{\"x\":0.10000000000000002}}", "another last digit", false},
		{"{\"b\":[1,2]}", "less", false},
		{"{\"b\":[1,2],\"a\":{\"x\":0.1},\"c\":\"\"}", "more", false},
		{"{\"b\":[1,2],\"a\":{\"x\":0.1,\"xxh3\":\"\"}}", "a checksum inside", false},
	};
	char first[CHECKSUM_SIZE], other[CHECKSUM_SIZE];
	struct err err = {0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *json = parsed(cases[i].text);
		is_int(checksum_of_json(json, i ? other : first, &err), 0, cases[i].what);
		if (i > 0)
			ok((strcmp(first, other) == 0) == cases[i].same, "  %s checksum",
			   cases[i].same ? "the same" : "another");
		json_decref(json);
	}
	is_int((long long)strspn(first, "0123456789abcdef"), 16, "16 digits");
}

/* The checksum of two tensors; each argument is a part of them. */
static void of_tensors(char digits[CHECKSUM_SIZE], const char *metadata, const char *name,
                       const char *entry, const char *bytes, bool swap)
{
	json_t *all = metadata ? parsed(metadata) : NULL, *first = parsed(entry);
	json_t *second = parsed("{\"dtype\":\"F32\",\"shape\":[2]}");
	struct checksum_tensor a = {name, first, bytes, strlen(bytes)};
	struct checksum_tensor b = {"wpe", second, "12345678", 8};
	struct checksum_tensor list[2] = {swap ? b : a, swap ? a : b};
	struct err err = {0};

	if (checksum_of_tensors(all, list, 2, digits, &err) < 0)
		snprintf(digits, CHECKSUM_SIZE, "failed");
	json_decref(all);
	json_decref(first);
	json_decref(second);
}

#define META "{\"seed\":\"1\",\"lr\":\"0.1\"}"
#define ENTRY "{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]}"

static void test_tensors(void)
{
	char first[CHECKSUM_SIZE], other[CHECKSUM_SIZE];
	struct err err = {0};

	of_tensors(first, META, "wte", ENTRY, "abcd", false);
	of_tensors(other, META, "wte", ENTRY, "abcd", true);
	is_string(other, first, "tensors in another order: the same checksum");
	of_tensors(other, "{\"lr\":\"0.1\",\"xxh3\":\"x\",\"seed\":\"1\"}", "wte", ENTRY, "abcd",
	           false);
	is_string(other, first, "metadata in another order, with a checksum: the same");
	of_tensors(other, META, "wte", "{\"shape\":[1,1],\"dtype\":\"F32\",\"data_offsets\":[8,12]}",
	           "abcd", false);
	is_string(other, first, "data in another place: the same");
	of_tensors(other, "{\"seed\":\"2\",\"lr\":\"0.1\"}", "wte", ENTRY, "abcd", false);
	ok(strcmp(other, first) != 0, "other metadata: another");
	of_tensors(other, NULL, "wte", ENTRY, "abcd", false);
	ok(strcmp(other, first) != 0, "no metadata: another");
	of_tensors(other, META, "wtf", ENTRY, "abcd", false);
	ok(strcmp(other, first) != 0, "another name: another");
	of_tensors(other, META, "wte", ENTRY, "abce", false);
	ok(strcmp(other, first) != 0, "other data: another");
	of_tensors(other, META, "wte", "{\"dtype\":\"I32\",\"shape\":[1,1]}", "abcd", false);
	ok(strcmp(other, first) != 0, "another type: another");
	of_tensors(other, META, "wte", "{\"dtype\":\"F32\",\"shape\":[1]}", "abcd", false);
	ok(strcmp(other, first) != 0, "another shape: another");
	is_int(checksum_of_tensors(NULL, NULL, 0, other, &err), 0, "no tensors and no metadata");
}

static void test_check(void)
{
	static const struct {
		const char *object, *what;
		int result;
	} cases[] = {
		{"{}", "no checksum", 0},
		{"{\"xxh3\":\"0123456789abcdef\"}", "the right one", 0},
		{"{\"xxh3\":\"0123456789abcdee\"}", "a wrong one", -1},
		{"{\"xxh3\":\"\"}", "an empty one", -1},
		{"{\"xxh3\":5}", "one that is no text", -1},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *json = parsed(cases[i].object);
		struct err err = {0};
		is_int(checksum_check(json, "0123456789abcdef", "a/file", &err), cases[i].result,
		       cases[i].what);
		const bool named = strncmp(err.text, "a/file: ", 8) == 0;
		ok(cases[i].result == 0 ? err.status == ERR_NONE : err.status == ERR_DATA && named,
		   "  %s", err.status ? err.text : "no error");
		json_decref(json);
	}
}

int main(void)
{
	test_json();
	test_tensors();
	test_check();
	return done();
}
