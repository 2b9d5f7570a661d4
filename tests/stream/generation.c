/* Generations: what is written comes back; what is not one gets a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/stream/generation.h"
#include "common/stream/json.h"
#include "common/stream/stream.h"
#include "tests/tap.h"

/* A stream of one record in a temporary file, from its JSON; from: what its header says of prompts,
 * or NULL. The name of the file, to unlink. */
static const char *write_stream(const char *json, const char *from, char path[32])
{
	struct err err = {0};
	json_error_t where;
	json_t *record = json_loads(json, JSON_REJECT_DUPLICATES, &where);
	json_t *header = header_new(STREAM_GENERATIONS, NULL, 0, (char *[]){NULL});
	int fd = mkstemp(strcpy(path, "/tmp/generation.XXXXXX"));

	if (!record)
		printf("Bail out! %s: %s\n", where.text, json);
	if (from)
		json_object_set_new(header, "sampling", json_pack("{s:s}", "from", from));
	struct stream_writer *writer = stream_create(fd, path, header, &err);
	json_to_msgpack(record, stream_record(writer));
	stream_commit(writer, &err);
	if (stream_end(writer, &err) < 0)
		printf("Bail out! %s\n", err.text);
	close(fd);
	json_decref(record);
	json_decref(header);
	return path;
}

/* Read it again: the error, or "" where it is a generation. */
static void read_back(const char *json, char text[512])
{
	struct err err = {0};
	char path[32];
	struct stream_reader *reader = stream_open(write_stream(json, NULL, path), NULL, &err);
	struct generation_buffer *buffer = generation_buffer_new(&err);
	struct generation generation;
	struct stream_record raw;
	struct span_kinds kinds;

	span_kinds_init(&kinds);
	if (reader && buffer && stream_next(reader, &raw, &err) == 1)
		generation_read(reader, &raw, &kinds, buffer, &generation, &err);
	snprintf(text, 512, "%s", err.text);
	generation_buffer_free(buffer);
	stream_close(reader);
	unlink(path);
}

#define STEP(pos, ch, p, rank, top) \
	"{\"pos\":" pos ",\"char\":\"" ch "\",\"p\":" p ",\"rank\":" rank \
	",\"entropy\":0.5,\"rest\":0.25,\"top\":" top "}"
#define RECORD(prompt, reference, spans, stop, steps) \
	"{\"id\":7,\"sample\":2,\"text\":\"aé\\nb\",\"prompt\":" prompt reference \
	",\"spans\":" spans ",\"stop\":\"" stop "\",\"steps\":" steps "}"
/* A step with a lens, and what stands in one. */
#define LENS_AT(pos, ch, lens) \
	"{\"lens\":" lens ",\"pos\":" pos ",\"char\":\"" ch "\",\"p\":0,\"rank\":0" \
	",\"entropy\":0.5,\"rest\":0.25,\"top\":[]}"
#define LENS(lens) LENS_AT("1", "é", lens)
#define LOOK(p, rank) \
	"{\"p\":" p ",\"rank\":" rank ",\"entropy\":0.5,\"rest\":0.25,\"top\":" TOP "}"
#define TOP "[[\"é\",0.5],[\"b\",0.25]]"

static void check_good(void)
{
	char text[512];

	read_back(RECORD("1", ",\"reference\":\"aéxyz\"", "[[4,5,\"answer\",0,1.5]]", "stop",
	                 "[" STEP("1", "é", "0.5", "0", TOP) "," STEP("3", "b", "1", "3", "[]") "]"),
	          text);
	is_string(text, "", "a generation with reference, span and steps");
	read_back(RECORD("4", "", "[]", "end", "[]"), text);
	is_string(text, "", "the shortest one");
	read_back(RECORD("4", "", "[]", "end", "[" LENS("[" LOOK("1e-9", "7") "," LOOK("1", "0") "]")
	                 "," LENS_AT("3", "b", "[]") "]"), text);
	is_string(text, "", "one with lenses");
}

/* Which span does a generation say that the model was to write? -1: none. */
static void check_from(void)
{
	static const struct {
		const char *from, *prompt, *reference;
		int want;
		const char *what;
	} rows[] = {
		{"answer", "2", ",\"reference\":\"aéxyz\"", 1, "the first span of the header's kind"},
		{"answer", "1", ",\"reference\":\"aéxyz\"", 1, "also if the prompt ends before it"},
		{"answer", "3", ",\"reference\":\"aéxyz\"", -1, "not if it ends within it"},
		{"rule", "1", ",\"reference\":\"aéxyz\"", -1, "no span of that kind"},
		{NULL, "2", ",\"reference\":\"aéxyz\"", -1, "prompts that end at no span"},
		{"answer", "2", "", -1, "a text without a reference"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[512], path[32];
		struct err err = {0};
		snprintf(json, sizeof json, "{\"id\":7,\"sample\":2,\"text\":\"aé\\nb\",\"prompt\":%s%s,"
		         "\"spans\":[[0,1,\"ask\",0,0],[2,3,\"answer\",0,0],[3,4,\"answer\",1,0]],"
		         "\"stop\":\"stop\",\"steps\":[]}", rows[i].prompt, rows[i].reference);
		struct stream_reader *reader =
			stream_open(write_stream(json, rows[i].from, path), NULL, &err);
		struct generation_buffer *buffer = generation_buffer_new(&err);
		struct generation generation = {0};
		struct stream_record raw;
		struct span_kinds kinds;
		span_kinds_init(&kinds);
		if (reader && buffer && stream_next(reader, &raw, &err) == 1)
			generation_read(reader, &raw, &kinds, buffer, &generation, &err);
		is_string(err.text, "", "a generation");
		is_int(generation.from ? generation.from - generation.spans : -1, rows[i].want,
		       rows[i].what);
		generation_buffer_free(buffer);
		stream_close(reader);
		unlink(path);
	}
}

static void check_bad(void)
{
	static const struct {
		const char *json, *error;
	} rows[] = {
		{RECORD("5", "", "[]", "stop", "[]"), "\"prompt\": expected a whole number from 0 to 4"},
		{RECORD("-1", "", "[]", "stop", "[]"), "\"prompt\": expected a whole number"},
		{RECORD("1.5", "", "[]", "stop", "[]"), "\"prompt\": expected a whole number"},
		{RECORD("1", ",\"reference\":5", "[]", "stop", "[]"), "\"reference\": expected a string"},
		{RECORD("1", ",\"directory\":5", "[]", "stop", "[]"),
		 "\"directory\" is not a string"},
		{RECORD("1", "", "[]", "tired", "[]"), "\"stop\": expected \"stop\", \"length\""},
		{RECORD("1", "", "5", "stop", "[]"), "\"spans\": expected an array"},
		{RECORD("1", "", "[[2,9,\"ask\",0,0]]", "stop", "[]"), "span"},
		{RECORD("1", ",\"reference\":\"a\"", "[[1,2,\"ask\",0,0]]", "stop", "[]"), "span"},
		{RECORD("1", "", "[]", "stop", "{}"), "\"steps\": expected an array"},
		{RECORD("1", "", "[]", "stop", "[7]"), "step 0: expected a map"},
		{RECORD("1", "", "[]", "stop", "[" STEP("4", "b", "0.5", "0", TOP) "]"),
		 "step 0: \"pos\": expected a whole number from 0 to 3"},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "b", "0.5", "0", TOP) "]"),
		 "step 0: \"char\": expected what the text has at"},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "éb", "0.5", "0", TOP) "]"), "\"char\""},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "1.5", "0", TOP) "]"),
		 "\"p\": expected a number from 0 to 1"},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "null", "0", TOP) "]"), "\"p\""},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "\"1\"", "0", TOP) "]"), "\"p\""},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "0.5", "99999", TOP) "]"), "\"rank\""},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "0.5", "0", "5") "]"),
		 "\"top\": expected an array"},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "0.5", "0", "[[\"b\"]]") "]"),
		 "\"top\": expected pairs"},
		{RECORD("1", "", "[]", "stop", "[" STEP("1", "é", "0.5", "0", "[[\"b\",2]]") "]"),
		 "\"top\": expected pairs"},
		{RECORD("1", "", "[]", "stop",
		        "[" STEP("3", "b", "0.5", "0", "[]") "," STEP("3", "b", "0.5", "0", "[]") "]"),
		 "step 1: \"pos\": expected a character behind"},
		{RECORD("4", "", "[]", "end", "[" LENS("7") "]"), "step 0: \"lens\": expected an array"},
		{RECORD("4", "", "[]", "end", "[" LENS("[" LOOK("1", "0") ",7]") "]"),
		 "step 0: lens 1: expected a map"},
		{RECORD("4", "", "[]", "end", "[" LENS("[" LOOK("1", "0") "," LOOK("2", "0") "]") "]"),
		 "step 0: lens 1: \"p\": expected a number from 0 to 1"},
		{RECORD("4", "", "[]", "end", "[" LENS("[" LOOK("1", "-1") "]") "]"),
		 "step 0: lens 0: \"rank\""},
		{RECORD("4", "", "[]", "end", "[" LENS("[{\"p\":1}]") "]"), "step 0: lens 0: \"rank\""},
		{RECORD("4", "", "[]", "end", "[" LENS("[]") "," LENS_AT("3", "b", "7") "]"),
		 "step 1: \"lens\": expected an array"},
		{RECORD("4", "", "[]", "end", "[{\"attribution\":7,\"pos\":1,\"char\":\"é\",\"p\":0,"
		        "\"rank\":0,\"entropy\":0.5,\"rest\":0.25,\"top\":[]}]"),
		 "step 0: attribution: expected a map"},
		{"{\"id\":1}", "\"sample\": expected a whole number"},
		{"{\"sample\":1}", "\"id\": expected a whole number"},
		{"{\"id\":1,\"sample\":1,\"text\":5}", "\"text\": expected a string"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		read_back(rows[i].json, text);
		if (!ok(strstr(text, rows[i].error) && strstr(text, "record 0"), "bad: %s",
		        rows[i].error))
			printf("# have \"%s\"\n", text);
	}
}

static bool same_piece(struct piece a, struct piece b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static bool same_step(const struct generation_step *a, const struct generation_step *b)
{
	return a->position == b->position && same_piece(a->piece, b->piece) && a->rank == b->rank &&
	       a->p == b->p && a->entropy == b->entropy && a->rest == b->rest &&
	       a->top_count == b->top_count && a->lens_count == b->lens_count;
}

/* Through the writer: every field as it went in. */
static void check_round_trip(void)
{
	static const struct generation_top tops[] = {{{"\303\251", 2}, 0.5}, {{"b", 1}, 0.25}};
	static const struct generation_step steps[] = {
		{.position = 1, .piece = {"\303\251", 2}, .rank = 0, .top_count = 2, .top = 0, .p = 0.5,
		 .entropy = 1.25, .rest = 0.25},
		{.position = 2, .piece = {"\n", 1}, .rank = 9, .top_count = 0, .top = 2, .p = 1e-300,
		 .entropy = 0, .rest = 1, .lens = 0, .lens_count = 2, .attribution = 2},
	};
	static const double values[] = {9, 9, 9, 9, 9, 1, -2, 0.5, 3.25};
	static const struct attribution attributions[] = {
		{.against = {"x", 1}, .shape = {1, 2, false}},
		{.against = {"b", 1}, .difference = 2.75, .shape = {1, 1, false}, .first = 5},
	};
	static const struct generation_step lenses[] = {
		{.position = 2, .piece = {"\n", 1}, .rank = 3, .top_count = 1, .top = 1, .p = 0.125,
		 .entropy = 2, .rest = 0.75},
		{.position = 2, .piece = {"\n", 1}, .rank = 9, .top_count = 0, .top = 2, .p = 1e-300,
		 .rest = 1},
	};
	static const struct span spans[] = {{1, 2, 1, -1, 0.5}};
	const struct generation in = {
		.id = UINT64_MAX, .sample = 3, .text = "a\303\251\nb", .size = 5, .length = 4,
		.prompt = 1, .reference = "a\303\251", .reference_size = 3, .reference_length = 2,
		.directory = {"b\303", 2},
		.spans = spans, .span_count = 1, .stop = GENERATION_CONTEXT, .steps = steps,
		.step_count = 2, .lenses = lenses, .tops = tops, .attributions = attributions,
		.attribution_values = values,
	};
	struct err err = {0};
	char path[32] = "/tmp/generation.XXXXXX";
	int fd = mkstemp(path);
	json_t *header = header_new(STREAM_GENERATIONS, NULL, 0, (char *[]){NULL});
	struct stream_writer *writer = stream_create(fd, path, header, &err);
	struct generation_buffer *buffer = generation_buffer_new(&err);
	struct stream_reader *reader;
	struct stream_record raw;
	struct span_kinds kinds;
	struct generation out;

	span_kinds_init(&kinds);
	span_kind(&kinds, "answer", 6);
	generation_write(writer, &in, &kinds, &err);
	stream_end(writer, &err);
	close(fd);
	span_kinds_init(&kinds);
	reader = stream_open(path, NULL, &err);
	if (!reader || stream_next(reader, &raw, &err) != 1 ||
	    generation_read(reader, &raw, &kinds, buffer, &out, &err) < 0)
		printf("Bail out! %s\n", err.text);
	ok(out.id == in.id && out.sample == in.sample && out.prompt == in.prompt &&
	   out.stop == in.stop && out.length == in.length, "the record's numbers");
	ok(out.size == in.size && memcmp(out.text, in.text, in.size) == 0 &&
	   out.reference_length == 2 && memcmp(out.reference, in.reference, 3) == 0 &&
	   same_piece(out.directory, in.directory), "its texts");
	ok(out.span_count == 1 && out.spans[0].begin == 1 && out.spans[0].entry == -1 &&
	   out.spans[0].nats == 0.5 && strcmp(kinds.word[out.spans[0].kind], "answer") == 0,
	   "its spans");
	ok(out.step_count == 2 && same_step(&out.steps[0], &steps[0]) &&
	   same_step(&out.steps[1], &steps[1]), "its steps");
	ok(same_piece(out.tops[0].piece, tops[0].piece) && out.tops[1].p == 0.25, "their candidates");
	const struct generation_step *lens = out.lenses + out.steps[1].lens;
	ok(same_step(&lens[0], &lenses[0]) && same_step(&lens[1], &lenses[1]), "their lenses");
	ok(same_piece(out.tops[lens[0].top].piece, tops[1].piece), "and what was likely there");
	const struct attribution *have = out.attributions + out.steps[1].attribution - 1;
	ok(out.steps[0].attribution == 0 && out.steps[1].attribution == 1 &&
	   same_piece(have->against, attributions[1].against) && have->difference == 2.75 &&
	   memcmp(out.attribution_values + have->first, values + 5, 4 * sizeof *values) == 0,
	   "an attribution of the second");
	generation_buffer_free(buffer);
	stream_close(reader);
	json_decref(header);
	unlink(path);
}

/* Pieces that are more than characters, or less, of a text that is not UTF-8. */
static void check_pieces(void)
{
	static const struct generation_top tops[] = {{{"\xf0\x9f", 2}, 0.5}, {{" the", 4}, 0.25}};
	static const struct generation_step steps[] = {
		{.position = 0, .piece = {"ab", 2}, .p = 0.5, .top = 0, .top_count = 2},
		{.position = 2, .piece = {"\xf0\x9f", 2}, .p = 0.25},
		{.position = 2, .piece = {"\x98\x80\xff", 3}, .p = 0.25},
		{.position = 4, .piece = {"", 0}, .p = 0.25},
		{.position = 4, .piece = {"c", 1}, .p = 0.125},
	};
	static const uint32_t last[] = {1, 2, 3, 4, 4};
	const struct generation in = {
		.text = "ab\U0001F600\xff" "c", .size = 8, .length = 5, .stop = GENERATION_END,
		.steps = steps, .step_count = 5, .tops = tops,
	};
	struct err err = {0};
	json_t *header = header_new(STREAM_GENERATIONS, NULL, 0, (char *[]){NULL});
	int fd = memfd_create("pieces", 0);
	char path[64];
	struct stream_writer *writer = stream_create(fd, "pieces", header, &err);
	struct generation_buffer *buffer = generation_buffer_new(&err);
	struct stream_record raw;
	struct span_kinds kinds;
	struct generation out;

	span_kinds_init(&kinds);
	generation_write(writer, &in, &kinds, &err);
	stream_end(writer, &err);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct stream_reader *reader = stream_open(path, NULL, &err);
	if (!reader || stream_next(reader, &raw, &err) != 1 ||
	    generation_read(reader, &raw, &kinds, buffer, &out, &err) < 0)
		printf("Bail out! %s\n", err.text);
	ok(out.size == 8 && memcmp(out.text, in.text, 8) == 0 && out.length == 5,
	   "a text of any bytes");
	bool good = out.step_count == 5;
	for (uint32_t i = 0; good && i < 5; i++)
		good = same_step(&out.steps[i], &steps[i]) && out.steps[i].last == last[i];
	ok(good, "its pieces, and the characters that they end in");
	ok(same_piece(out.tops[0].piece, tops[0].piece) && same_piece(out.tops[1].piece, tops[1].piece),
	   "candidates are pieces");
	generation_buffer_free(buffer);
	stream_close(reader);
	json_decref(header);
	close(fd);
}

int main(void)
{
	check_pieces();
	check_good();
	check_from();
	check_bad();
	check_round_trip();
	return done();
}
