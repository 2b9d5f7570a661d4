/* Headers: what a program signs, the vocabulary they name, and what is wrong with bad ones. */
#include <errno.h>

#include "common/base/options.h"
#include "tests/stream/samples.h"

static char program[] = "test", option[] = "--seed", seed[] = "7\xff", empty[] = "";
static char *arguments[] = {program, option, seed, empty, NULL};

static struct err err; /* of the call that came last */

static struct err *fresh(void)
{
	err = (struct err){0};
	return &err;
}

/* ---- making ---- */

static void signing(void)
{
	json_t *first = header_new(STREAM_TEXT, NULL, 4, arguments);
	json_t *second = header_new(STREAM_TOKENS, first, 1, arguments);
	const json_t *chain = json_object_get(second, "chain");
	const json_t *link = json_array_get(chain, 0);
	const json_t *args = json_object_get(link, "args");

	ok(header_check(first, NULL, fresh()) == 0 && header_check(second, NULL, fresh()) == 0,
	   "what is made is a header");
	is_string(header_string(second, "stream"), "tokens", "it has its kind");
	is_int((long long)json_array_size(chain), 2, "a chain goes on");
	is_string(header_string(link, "program"), program_invocation_short_name, "the program");
	is_string(header_string(link, "version"), MEMOSCOPE_VERSION, "its version");
	ok(json_array_size(args) == 3, "its arguments, without its name");
	is_string(json_string_value(json_array_get(args, 0)), "--seed", "as they were");
	is_string(json_string_value(json_array_get(args, 1)), "7\uFFFD", "but not UTF-8: U+FFFD");
	is_string(json_string_value(json_array_get(args, 2)), "", "an empty one, too");
	is_int((long long)json_array_size(json_object_get(first, "chain")), 1,
	       "the input's header stays as it is");
	json_object_set_new(first, "x", json_stringn("a\0b", 3));
	ok(!header_string(first, "x") && !header_string(first, "none") &&
	   !header_string(first, "memoscope"), "no string: U+0000 in it, no field, a number");
	json_decref(first);
	json_decref(second);
}

/* The bytes of a header begin with "memoscope", whatever order its fields were set in. */
static void packing(void)
{
	json_t *header = json_object(), *back;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_unpacked unpacked;

	json_object_set_new(header, "alphabet", json_string("ab"));
	json_object_set_new(header, "chain", json_array());
	json_object_set_new(header, "stream", json_string("text"));
	json_object_set_new(header, "memoscope", json_integer(STREAM_FORMAT));
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	header_pack(header, &packer);
	ok(buffer.size > 11 && memcmp(buffer.data, "\x84\xa9memoscope\x01\xa6stream", 19) == 0,
	   "\"memoscope\" comes first");
	msgpack_unpacked_init(&unpacked);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data, &err);
	ok(back && json_equal(header, back), "and every field once");
	json_decref(back);
	json_decref(header);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&buffer);
}

/* ---- the vocabulary ---- */

static void vocabulary(void)
{
	struct vocab *vocab = vocab_new("abæ", 4, fresh()), *back;
	json_t *header = header_new(STREAM_TOKENS, NULL, 1, arguments);

	ok(!header_vocab(header, fresh()) && strstr(err.text, "no \"vocab\""), "none: %s", err.text);
	json_object_set_new(header, "bin", json_pack("{s:s}", "more", "f32"));
	header_set_vocab(header, vocab);
	back = header_vocab(header, fresh());
	ok(back && vocab_equal(vocab, back), "the one that was set");
	vocab_free(back);
	is_string(header_string(json_object_get(header, "bin"), "more"), "f32",
	          "other fields of \"bin\" stay");
	json_object_set_new(json_object_get(header, "bin"), "tokens", json_string("u16"));
	ok(!header_vocab(header, fresh()) &&
	   strstr(err.text, "tokens are \"u16\", expected \"u8\" where the \"vocab\" has 3"),
	   "another width in \"bin\": %s", err.text);
	json_object_del(json_object_get(header, "bin"), "tokens");
	ok(!header_vocab(header, fresh()) && strstr(err.text, "tokens are of no type"),
	   "no width: %s", err.text);
	json_object_set_new(header, "stream", json_string("generations"));
	back = header_vocab(header, fresh());
	ok(back != NULL, "which only token streams have");
	vocab_free(back);
	json_object_set_new(header, "vocab", json_string("aa"));
	ok(!header_vocab(header, fresh()), "a character twice: %s", err.text);
	json_decref(header);
	vocab_free(vocab);
}

/* ---- checks ---- */

static void same(void)
{
	json_t *first = header_new(STREAM_TEXT, NULL, 1, arguments);
	json_t *later = header_new(STREAM_TEXT, first, 2, arguments);

	ok(header_check_same(later, first, fresh()) == 0, "chains may differ");
	json_object_set_new(later, "alphabet", json_string("ab"));
	ok(header_check_same(later, first, fresh()) < 0 && strstr(err.text, "\"alphabet\" differs"),
	   "a field that the first lacks: %s", err.text);
	ok(header_check_same(first, later, fresh()) < 0 && strstr(err.text, "\"alphabet\" differs"),
	   "a field that the first has: %s", err.text);
	json_object_set_new(first, "alphabet", json_string("abc"));
	ok(header_check_same(later, first, fresh()) < 0, "another value");
	json_object_set_new(first, "alphabet", json_string("ab"));
	ok(header_check_same(later, first, fresh()) == 0, "the same value");
	json_object_set_new(later, "stream", json_string("metrics"));
	ok(header_check_same(later, first, fresh()) < 0 &&
	   strstr(err.text, "kind 'metrics' in a stream of kind 'text'"), "another kind: %s",
	   err.text);
	json_decref(first);
	json_decref(later);
}

static void kinds(void)
{
	static const char *const tokens[] = {STREAM_TOKENS, NULL};
	static const char *const text[] = {STREAM_TEXT, NULL};
	static const char *const attention[] = {STREAM_ATTENTION, NULL};
	static const char *const generations[] = {STREAM_GENERATIONS, NULL};
	static const char *const two[] = {STREAM_METRICS, STREAM_TEXT, NULL};
	json_t *header = header_new(STREAM_TEXT, NULL, 1, arguments);

	ok(header_check(header, two, fresh()) == 0, "one of the kinds that are wanted");
	ok(header_check(header, tokens, fresh()) < 0 &&
	   strstr(err.text, "of kind 'text', expected 'tokens'; tokenize makes them"),
	   "text for tokens: %s", err.text);
	ok(header_check(header, attention, fresh()) < 0 &&
	   strstr(err.text, "'text', expected 'attention'; attn-dump makes it of a model and such"),
	   "text for attention: %s", err.text);
	ok(header_check(header, generations, fresh()) < 0 &&
	   strstr(err.text, "'text', expected 'generations'; gpt-sample or gpt-score makes them"),
	   "text for generations: %s", err.text);
	json_object_set_new(header, "stream", json_string(STREAM_TOKENS));
	ok(header_check(header, text, fresh()) < 0 &&
	   strstr(err.text, "of kind 'tokens', expected 'text'; tokenize -d makes it"),
	   "tokens for text: %s", err.text);
	json_object_set_new(header, "stream", json_string("attention"));
	ok(header_check(header, two, fresh()) < 0 &&
	   strstr(err.text, "of kind 'attention', expected 'metrics' or 'text'"), "neither: %s",
	   err.text);
	ok(header_check(header, generations, fresh()) < 0 &&
	   strstr(err.text, "of kind 'attention', expected 'generations'") &&
	   err.text[strlen(err.text) - 1] == '\'',
	   "nothing makes one of the other: %s", err.text);
	json_decref(header);
}

/* Headers in JSON, and the error of a stream that begins with one; "": none. */
static const struct {
	const char *name, *header, *pattern;
} bad_headers[] = {
	{"no error in a good one", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": []}", ""},
	{"another format", "{\"memoscope\": 2, \"stream\": \"text\", \"chain\": []}",
	 "byte 0, header: \"memoscope\" is not 1"},
	{"a format that is a word", "{\"memoscope\": \"1\", \"stream\": \"text\", \"chain\": []}",
	 "header: \"memoscope\" is not 1"},
	{"a total below 0", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": [], \"total\": -1}",
	 "header: \"total\" is not a number of records"},
	{"a total that is a word",
	 "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": [], \"total\": \"1\"}",
	 "header: \"total\" is not a number of records"},
	{"no kind", "{\"memoscope\": 1, \"chain\": []}", "header: no \"stream\""},
	{"no chain", "{\"memoscope\": 1, \"stream\": \"text\"}", "header: no \"chain\""},
	{"a link without a program", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": "
	 "[{\"version\": \"1\", \"args\": []}]}", "link 0 of the chain has no program"},
	{"a link that is a word", "{\"memoscope\": 1, \"stream\": \"text\", \"chain\": [\"x\"]}",
	 "link 0 of the chain has no program"},
	{"a record first", "{\"id\": 1}", "header: expected a header"},
	{"an empty map", "{}", "header: expected a header"},
	{"a word", "[]", "not a memoscope stream"},
};

static void refused(void)
{
	for (size_t i = 0; i < sizeof bad_headers / sizeof *bad_headers; i++) {
		json_t *json = json_loads(bad_headers[i].header, 0, NULL);
		msgpack_sbuffer header, none;
		msgpack_packer packer;
		int fd = -1;
		msgpack_sbuffer_init(&header);
		msgpack_sbuffer_init(&none);
		msgpack_packer_init(&packer, &header, msgpack_sbuffer_write);
		json_to_msgpack(json, &packer);
		struct bytes bytes = segment(&header, &none, 0);
		const char *path = hold(&fd, bytes.data, bytes.size);
		bool good = bad_headers[i].pattern[0]
			? fails(path, false, fresh()) && matches(err.text, bad_headers[i].pattern)
			: read_stream(path, false, fresh()) == 0;
		ok(good, "a header with %s: %s", bad_headers[i].name, err.text);
		free(bytes.data);
		json_decref(json);
		msgpack_sbuffer_destroy(&header);
		close(fd);
	}
}

int main(void)
{
	signing();
	packing();
	vocabulary();
	same();
	kinds();
	refused();
	return done();
}
