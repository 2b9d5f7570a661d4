/* msgpack objects as text: numbers read back as they were, JSON is JSON, paths find fields. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/stream/json.h"
#include "common/stream/pack.h"
#include "common/stream/text_format.h"
#include "tests/tap.h"

/* An object that a test packs, and its text. */
static msgpack_sbuffer packed;
static msgpack_packer packer;
static msgpack_unpacked unpacked;
static struct text_buffer out;

static const msgpack_object *object(void)
{
	msgpack_unpack_next(&unpacked, packed.data, packed.size, NULL);
	packed.size = 0;
	text_buffer_clear(&out);
	return &unpacked.data;
}

static void pack_json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	json_to_msgpack(value, &packer);
	json_decref(value);
}

static const char *text(void)
{
	text_buffer_append(&out, "", 1);
	return out.text;
}

/* ---- numbers ---- */

/* The text of a number reads back as it, and one digit less does not. */
static bool is_shortest(double value, bool single)
{
	struct err err = {0};
	char shorter[400];
	int digits = 0;

	if (single)
		msgpack_pack_float(&packer, (float)value);
	else
		msgpack_pack_double(&packer, value);
	text_format_json(&out, object(), NULL, NULL, &err);
	const double back = strtod(text(), NULL);
	const char *end = strpbrk(out.text, "e");
	for (const char *at = out.text; *at && at != end; at++)
		digits += *at >= '0' && *at <= '9' && (digits > 0 || *at > '0');
	snprintf(shorter, sizeof shorter, "%.*g", digits - 1, value);
	const double less = strtod(shorter, NULL);
	if (single)
		return (float)back == (float)value && (digits <= 6 || (float)less != (float)value);
	return back == value && (digits <= 15 || less != value);
}

/* Integers that jq rounds are strings in JSON, and digits in a table. */
static void integers(void)
{
	static const char *const rows[][2] = {
		{"9007199254740991", "9007199254740991"}, {"9007199254740992", "\"9007199254740992\""},
		{"-9007199254740991", "-9007199254740991"}, {"-9007199254740992", "\"-9007199254740992\""},
		{"-9223372036854775808", "\"-9223372036854775808\""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		pack_json(rows[i][0]);
		text_format_json(&out, object(), NULL, NULL, &err);
		is_string(text(), rows[i][1], "an integer in JSON");
		pack_json(rows[i][0]);
		text_format_field(&out, object(), NULL, NULL, &err);
		is_string(text(), rows[i][0], "and in a table");
	}
}

static void numbers(void)
{
	static const double edges[] = {0, 1, -1, 0.1, 1.0 / 3, 1e300, DBL_MAX, DBL_MIN,
	                               DBL_TRUE_MIN, 123456789012345680, 5e-324, FLT_MAX};
	struct rng rng;
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
		bool shortest = is_shortest(edges[i], false); /* which may move out.text */
		ok(shortest, "%.17g: %s", edges[i], out.text);
	}
	rng_init(&rng, 1, RNG_TEST, 0);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = rng_u64(&rng);
		double value;
		memcpy(&value, &bits, sizeof value);
		if (isfinite(value))
			wrong += !is_shortest(value, false);
		if (isfinite((float)value))
			wrong += !is_shortest((float)value, true);
	}
	is_int((long long)wrong, 0, "random numbers, double and single, in the fewest digits");
}

/* ---- JSON ---- */

/* What is printed is what jansson makes of the same object. */
static void same_as_jansson(void)
{
	static const char *const documents[] = {
		"{}", "[]", "null", "true", "false", "\"\"", "-9007199254740991",
		"9007199254740991", "[[[]], {}, [{}]]",
		"{\"a\": {\"b\": [1, 2.5, \"c\"], \"d\": null}, \"\": \"\"}",
		"\"quotation \\\" backslash \\\\ newline \\n tab \\t return \\r bell \\u0007\"",
		"\"U+0000 \\u0000, U+2028 \\u2028, \u00e6, \U0001F600\"",
	};

	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		struct err err = {0};
		json_t *want = json_loads(documents[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		json_to_msgpack(want, &packer);
		const int status = text_format_json(&out, object(), NULL, NULL, &err);
		json_t *have = json_loadb(out.text, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		ok(status == 0 && have && json_equal(have, want), "%s", documents[i]);
		json_decref(have);
		json_decref(want);
	}
}

static void not_utf8(void)
{
	struct err err = {0};

	pack_string(&packer, "a\xff", 2);
	ok(text_format_json(&out, object(), NULL, NULL, &err) < 0 && strstr(err.text, "not UTF-8"),
	   "a string that is not UTF-8 is not printed: %s", err.text);
	err = (struct err){0};
	pack_string(&packer, "a\xff", 2);
	ok(text_format_field(&out, object(), NULL, NULL, &err) < 0, "nor as a field");
}

/* ---- binary data ---- */

static void pack_data(const char *bytes, size_t size)
{
	msgpack_pack_map(&packer, 1);
	pack_key(&packer, "data");
	msgpack_pack_bin(&packer, size);
	msgpack_pack_bin_body(&packer, bytes, size);
}

static void binary(void)
{
	static const struct {
		const char *type, *bytes;
		size_t size;
		const char *json, *third; /* all as JSON; data.2 as a field */
	} rows[] = {
		{NULL, "\x00\x7f\x80\xff", 4, "{\"data\":[0,127,128,255]}", "128"},
		{"u8", "\x00\x7f\x80\xff", 4, "{\"data\":[0,127,128,255]}", "128"},
		{"u16", "\x00\x01\xff\xff\x01\x00", 6, "{\"data\":[256,65535,1]}", "1"},
		{"u32", "\xff\xff\xff\xff", 4, "{\"data\":[4294967295]}", ""},
		{"f32", "\x00\x00\x00\x3f\xcd\xcc\xcc\x3d\x00\x00\x80\xff\x00\x00\xc0\x7f", 16,
		 "{\"data\":[0.5,0.1,null,null]}", "-inf"},
		{"f32", "", 0, "{\"data\":[]}", ""},
	};
	struct err err = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *bin = rows[i].type ? json_pack("{s:s}", "data", rows[i].type) : NULL;
		ok(text_format_check_bin(bin, &err) == 0, "%s: a type that is known",
		   rows[i].type ? rows[i].type : "none");
		pack_data(rows[i].bytes, rows[i].size);
		text_format_json(&out, object(), NULL, bin, &err);
		is_string(text(), rows[i].json, "as JSON");
		text_buffer_clear(&out);
		is_int(text_format_path(&out, &unpacked.data, "data.2", bin, &err),
		       rows[i].third[0] != '\0', "an element, if there are three");
		is_string(text(), rows[i].third, "as a field");
		json_decref(bin);
	}
	pack_data("a\xff\n \xc3\xa9", 6);
	object();
	text_format_path(&out, &unpacked.data, "data", NULL, &err);
	is_string(text(), "a\\xff\\n é", "a field of bytes without a type is a text");
	json_t *bin = json_pack("{s:s}", "data", "u16");
	text_buffer_clear(&out);
	text_format_path(&out, &unpacked.data, "data", bin, &err);
	is_string(text(), "[65377,8202,43459]", "one with a type is JSON");
	pack_data("abc", 3);
	ok(text_format_json(&out, object(), NULL, bin, &err) < 0 &&
	   strstr(err.text, "\"data\" has 3 bytes, which are not u16"), "half a number: %s", err.text);
	err = (struct err){0};
	json_object_set_new(bin, "data", json_string("u64"));
	ok(text_format_check_bin(bin, &err) < 0 && strstr(err.text, "the type of 'data'"),
	   "a type that is not known: %s", err.text);
	err = (struct err){0};
	json_object_set_new(bin, "data", json_integer(8));
	ok(text_format_check_bin(bin, &err) < 0, "a number for a type: %s", err.text);
	json_t *word = json_string("u8");
	ok(text_format_check_bin(word, &err) < 0, "a word for the map");
	json_decref(word);
	json_decref(bin);
}

/* ---- fields of a table ---- */

static void fields(void)
{
	static const struct {
		const char *path, *want; /* NULL: nothing there */
	} rows[] = {
		{"a", "1"}, {"b.c", "x\\ty\\n\\r\\\\z"}, {"b.d", "[1,[2,{\"e\":\"\\t\"}]]"},
		{"b.d.0", "1"}, {"b.d.1.1.e", "\\t"}, {"b", "{\"c\":\"x\\ty\\n\\u000d\\\\z\","
		"\"d\":[1,[2,{\"e\":\"\\t\"}]],\"n\":null}"}, {"b.n", ""}, {"", "empty"},
		{"b.d.2", NULL}, {"b.d.-1", NULL}, {"b.d.00", "1"}, {"b.d.x", NULL}, {"b.d.", NULL},
		{"b.d.18446744073709551616", NULL}, {"a.b", NULL}, {"b.", NULL}, {".", NULL},
		{"none", NULL}, {"b.none", NULL},
	};
	struct err err = {0};

	pack_json("{\"a\": 1, \"b\": {\"c\": \"x\\ty\\n\\r\\\\z\", \"d\": [1, [2, {\"e\": \"\\t\"}]], "
	          "\"n\": null}, \"\": \"empty\"}");
	const msgpack_object *map = object();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		text_buffer_clear(&out);
		int there = text_format_path(&out, map, rows[i].path, NULL, &err);
		ok(there == (rows[i].want != NULL), "'%s' is %s", rows[i].path,
		   rows[i].want ? "there" : "not there");
		is_string(text(), rows[i].want ? rows[i].want : "", "as a field");
	}
	text_buffer_clear(&out);
	text_format_paths(&out, map);
	is_string(text(), "a,b.c,b.n,", "all paths, without those of arrays");
	text_buffer_clear(&out);
	ok(text_format_field(&out, NULL, NULL, NULL, &err) == 0 && out.size == 0,
	   "no object is an empty field");
}

int main(void)
{
	msgpack_sbuffer_init(&packed);
	msgpack_packer_init(&packer, &packed, msgpack_sbuffer_write);
	msgpack_unpacked_init(&unpacked);
	integers();
	numbers();
	same_as_jansson();
	not_utf8();
	binary();
	fields();
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&packed);
	text_buffer_release(&out);
	return done();
}
