/* perturb - change one thing in each phone book. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/base/utf8.h"
#include "common/data/perturb.h"
#include "common/stream/charset.h"
#include "common/stream/pack.h"

static int what = -1; /* an enum perturb_what; -1: not given */
static enum { ASKED, OTHER } entry = ASKED;
static bool keep;
static int64_t place; /* 0: drawn */
static struct option_range digits = {0, 9};
static int64_t seed = 1;

static const char *parse_what(const char *argument, void *value)
{
	int *chosen = value;

	for (*chosen = 0; *chosen < PERTURB_COUNT; ++*chosen)
		if (strcmp(argument, perturb_words[*chosen]) == 0)
			return NULL;
	return "expected digit, drop, name, numbers, lines, redraw or ask";
}

static const struct option options[] = {
	{.name = "change", .key = 'c', .type = OPTION_CALL, .value = &what, .argument = "WHAT",
	 .call = parse_what,
	 .text = "digit: change a digit of the entry's number; drop: remove the entry; name: give its "
	         "name to another entry; numbers, lines: exchange these with another entry; "
	         "redraw: draw all numbers afresh; ask: ask for another entry (required)"},
	{.name = "entry", .key = 'e', .type = OPTION_WORD, .value = &entry, .argument = "asked|other",
	 .text = "the entry that is asked for, or any other (default asked); with redraw, all entries "
	         "or all others"},
	{.name = "keep-answer", .key = 'k', .type = OPTION_FLAG, .value = &keep,
	 .text = "leave the answer as it is, even if the book then says something else"},
	{.name = "place", .type = OPTION_INT, .value = &place, .argument = "N", .min = 1, .max = 1000,
	 .text = "which digit to change, from 1 (default: drawn)"},
	{.name = "digits", .type = OPTION_RANGE, .value = &digits, .argument = "N|MIN-MAX", .min = 0,
	 .max = 9, .text = "what a digit may become (default 0-9)"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "S", .min = 0,
	 .max = 0x1p63, .text = "seed of everything drawn (default 1)"},
	{0},
};

static const struct program program = {
	.operands = "",
	.text = "Change one thing in each phone book of a stream of text.",
	.options = options,
};

static bool draws_digits(void)
{
	return what == PERTURB_DIGIT || what == PERTURB_REDRAW;
}

static json_t *make_header(const struct stream_reader *reader, int argc, char **argv)
{
	const json_t *alphabet = json_object_get(stream_header(reader), "alphabet");
	json_t *header = header_new(STREAM_TEXT, stream_header(reader), argc, argv);
	struct charset *set = calloc(1, sizeof *set);
	struct err err = {0};
	char *text = NULL;

	if (!header || !set)
		die("out of memory");
	if (json_is_string(alphabet)) {
		if (charset_add(set, json_string_value(alphabet), json_string_length(alphabet),
		                &err) < 0)
			die("standard input: header: \"alphabet\": %s", err.text);
		for (char digit = (char)('0' + digits.min);
		     draws_digits() && digit <= (char)('0' + digits.max); digit++)
			charset_add(set, &digit, 1, &err);
		text = charset_text(set);
		if (!text || json_object_set_new(header, "alphabet", json_string(text)) < 0)
			die("out of memory");
	}
	free(text);
	free(set);
	return header;
}

static void pack_number(msgpack_packer *packer, const char *key, int value)
{
	pack_key(packer, key);
	msgpack_pack_int(packer, value);
}

static void pack_character(msgpack_packer *packer, const char *key, uint32_t code)
{
	char text[UTF8_MAX];

	pack_key(packer, key);
	pack_string(packer, text, utf8_encode(code, text));
}

/* Write a record of text with a "change" that says what was changed. */
static int write_record(struct stream_writer *writer, const struct record *record,
                        const struct span_kinds *kinds, const struct perturb_change *change,
                        struct err *err)
{
	msgpack_packer *packer = stream_record(writer);

	record_pack_text(packer, record, kinds, 1);
	pack_key(packer, "change");
	msgpack_pack_map(packer, (size_t)(1 + (change->entry >= 0) + (change->with >= 0) +
	                                  3 * (change->place > 0)));
	pack_key(packer, "what");
	pack_string(packer, perturb_words[what], strlen(perturb_words[what]));
	if (change->entry >= 0)
		pack_number(packer, "entry", change->entry);
	if (change->with >= 0)
		pack_number(packer, "with", change->with);
	if (change->place > 0) {
		pack_number(packer, "place", change->place);
		pack_character(packer, "from", change->from);
		pack_character(packer, "to", change->to);
	}
	return stream_commit(writer, err);
}

static int change_all(struct stream_reader *reader, struct stream_writer *writer,
                      struct perturb *perturb, struct err *err)
{
	struct record_buffer buffer = {0};
	struct perturb_change change;
	struct record record, changed;
	struct span_kinds kinds;
	struct stream_record raw;
	struct err why = {0};
	int status;

	span_kinds_init(&kinds);
	while ((status = stream_next(reader, &raw, err)) > 0) {
		if (record_read_text(reader, &raw, &kinds, &buffer, &record, err) < 0)
			status = -1;
		else if (perturb_record(perturb, &record, &kinds, &changed, &change, &why) < 0)
			status = stream_bad(reader, err, "%s", why.text);
		else
			status = write_record(writer, &changed, &kinds, &change, err);
		if (status < 0)
			break;
	}
	record_buffer_release(&buffer);
	return status;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {STREAM_TEXT, NULL};
	struct err err = {0};

	options_parse(&program, argc, argv);
	if (what < 0)
		die_usage("--change: expected one of digit, drop, name, numbers, lines, redraw and ask");
	if (place > 0 && what != PERTURB_DIGIT)
		die_usage("--place: only with --change digit");
	if ((digits.min > 0 || digits.max < 9) && !draws_digits())
		die_usage("--digits: only with --change digit or redraw");
	if (entry == OTHER && what == PERTURB_ASK)
		die_usage("--entry other: not with --change ask, which changes the question");
	struct perturb *perturb = perturb_new(&(struct perturb_options){
		.what = (enum perturb_what)what,
		.other = entry == OTHER,
		.keep = keep,
		.place = (int)place,
		.digit_min = (int)digits.min,
		.digit_max = (int)digits.max,
		.seed = (uint64_t)seed,
	}, &err);
	struct stream_reader *reader = perturb ? stream_open("-", kinds, &err) : NULL;
	if (!reader)
		err_exit(&err);
	json_t *header = make_header(reader, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	if (!writer || change_all(reader, writer, perturb, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	stream_close(reader);
	perturb_free(perturb);
	return 0;
}
