/* qamix - records of questions and of instructions, mixed from several files. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/data/mixture.h"
#include "common/data/quiz_file.h"
#include "common/stream/pack.h"

static int64_t count = -1; /* to the end of the epochs */
static int64_t total = -1; /* of all jobs together; -1: not said */
static int64_t first = 0, epochs = 1, seed = 1, longest = 0, nonces = 0;
static double held_out = 0;
static enum quiz_fact fact = QUIZ_FACT_KEEP;
static enum quiz_answer answer = QUIZ_ANSWER_TRUE;
static enum quiz_part part = QUIZ_TRAIN;
static bool quiet;

static const struct option options[] = {
	{.type = OPTION_GROUP, .text = "Records:"},
	{.name = "epochs", .key = 'e', .type = OPTION_INT, .value = &epochs, .argument = "N", .min = 1,
	 .max = 1e9, .text = "passes over the mixture (default 1)"},
	{.name = "count", .key = 'n', .type = OPTION_INT, .value = &count, .argument = "N", .min = 0,
	 .max = 1e18, .text = "records to write (default: to the end of the epochs)"},
	{.name = "first", .type = OPTION_INT, .value = &first, .argument = "I", .min = 0, .max = 1e18,
	 .text = "index of the first record (default 0)"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "S", .min = 0,
	 .max = 0x1p63, .text = "seed of everything drawn (default 1)"},
	{.name = "total", .type = OPTION_INT, .value = &total, .argument = "N", .min = 0, .max = 1e18,
	 .text = "records that all jobs write together: a reader fails if some are missing"},
	{.type = OPTION_GROUP, .text = "Items:"},
	{.name = "val", .type = OPTION_REAL, .value = &held_out, .argument = "F", .min = 0, .max = 1,
	 .text = "share of questions to hold out, by their hash (default 0)"},
	{.name = "part", .type = OPTION_WORD, .value = &part, .argument = "train|val",
	 .text = "questions that are not held out, or those that are (default train)"},
	{.name = "max-length", .key = 'l', .type = OPTION_INT, .value = &longest, .argument = "N",
	 .min = 0, .max = 1e9, .text = "longest record, in characters; 0: any (default 0)"},
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet,
	 .text = "do not report how many items were left out"},
	{.type = OPTION_GROUP, .text = "Facts and answers:"},
	{.name = "fact", .key = 'f', .type = OPTION_WORD, .value = &fact,
	 .argument = "keep|drop|wrong|other|nonce",
	 .text = "a question's fact: as it is, none, one with another answer, another question's, or "
	         "one with an invented answer (default keep)"},
	{.name = "answer", .key = 'a', .type = OPTION_WORD, .value = &answer, .argument = "true|stated",
	 .text = "a question's answer: the true one, or the one that a changed fact states (default "
	         "true; with an invented answer, stated)"},
	{.name = "nonces", .type = OPTION_INT, .value = &nonces, .argument = "K", .min = 0,
	 .max = 1e18,
	 .text = "invented answers of a question; 0: a new one in each record (default 0)"},
	{0},
};

static bool given[sizeof options / sizeof *options];

static const struct program program = {
	.operands = "FILE[:WEIGHT|=COUNT]...",
	.text = "Mix records of questions and of instructions from JSON files.",
	.options = options,
	.given = given,
	.operands_min = 1,
	.operands_max = MIXTURE_FILES,
};

/* A file, and how much of it is wanted. */
struct input {
	char *path;
	struct quiz_file *file;
	double weight;
	int64_t count; /* records of a pass */
	enum amount { ALL, WEIGHT, COUNT } amount;
};

/* Cut the number off "FILE:WEIGHT" or "FILE=COUNT": the text after the last ':' or '=',
 * if it begins like a number. */
static void take_number(struct input *input)
{
	char *colon = strrchr(input->path, ':'), *equals = strrchr(input->path, '=');
	char *mark = colon > equals ? colon : equals;
	struct err err = {0};

	if (!mark || !mark[1] || !strchr("+-.0123456789", mark[1]))
		return;
	input->amount = *mark == ':' ? WEIGHT : COUNT;
	if (input->amount == WEIGHT)
		option_real(input->path, mark + 1, 1e-9, 1e9, &input->weight, &err);
	else
		option_int(input->path, mark + 1, 0, (int64_t)1e12, &input->count, &err);
	if (err.status != ERR_NONE)
		err_exit(&err);
	*mark = '\0';
}

static struct input *take_operands(char **operands, int files)
{
	struct input *inputs = calloc((size_t)files, sizeof *inputs);
	enum amount amount = ALL;
	bool any = false;

	if (!inputs)
		die("out of memory");
	for (int i = 0; i < files; i++) {
		inputs[i] = (struct input){.path = strdup(operands[i]), .weight = 1};
		if (!inputs[i].path) /* a copy: the operands go into the header as they are */
			die("out of memory");
		take_number(&inputs[i]);
		if (inputs[i].amount != ALL && amount != ALL && inputs[i].amount != amount)
			die_usage("%s: some files have a weight, others a count: expected only one of the two",
			          operands[i]);
		if (inputs[i].amount != ALL)
			amount = inputs[i].amount;
		any |= inputs[i].amount != COUNT || inputs[i].count > 0;
	}
	if (!any)
		die_usage("all counts are 0: expected one of at least 1");
	return inputs;
}

/* ---- reading the files through ---- */

static const char *why(enum quiz_loss loss)
{
	static const char *const words[QUIZ_LOSSES] = {
		[QUIZ_EMPTY] = "without a question or an answer",
		[QUIZ_LONG] = "too long",
		[QUIZ_NO_FACT] = "without a fact",
		[QUIZ_NOT_STATED] = "whose fact does not state the answer",
		[QUIZ_NO_OTHER] = "for which there is no other fact",
		[QUIZ_NO_NONCE] = "for which no answer can be invented",
	};

	if (loss == QUIZ_PART)
		return part == QUIZ_TRAIN ? "held out" : "not held out";
	return words[loss];
}

/* One line: how many items of a file make records, and why others do not. */
static void describe(const struct input *input, char *text, size_t size)
{
	struct quiz_counts counts;
	uint64_t all = 0;
	size_t at;
	const char *mark = "; left out: ";

	quiz_file_counts(input->file, &counts);
	for (int loss = 0; loss < QUIZ_LOSSES; loss++)
		all += counts.item[loss];
	at = (size_t)snprintf(text, size, "%s: %ju of %ju items",
	                      err_path(input->path), (uintmax_t)counts.item[QUIZ_KEPT], (uintmax_t)all);
	if (counts.item[QUIZ_KEPT] > 0 && at < size)
		at += (size_t)snprintf(text + at, size - at, ", %u to %u characters, %.1f on average",
		                       counts.shortest, counts.longest, counts.mean);
	for (int loss = QUIZ_KEPT + 1; loss < QUIZ_LOSSES; loss++) {
		if (counts.item[loss] == 0 || at >= size)
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s%ju %s", mark,
		                       (uintmax_t)counts.item[loss], why((enum quiz_loss)loss));
		mark = ", ";
	}
}

static void open_all(struct input *inputs, int files, struct charset *set)
{
	const struct quiz_choice choice = {
		.fact = fact,
		.answer = answer,
		.part = part,
		.held_out = held_out,
		.longest = (uint32_t)longest,
		.nonces = (uint64_t)nonces,
		.seed = (uint64_t)seed,
	};
	struct err err = {0};
	char text[PATH_MAX + 400];

	for (int i = 0; i < files; i++) {
		inputs[i].file = quiz_file_open(inputs[i].path, &choice, set, &err);
		if (!inputs[i].file)
			err_exit(&err);
		describe(&inputs[i], text, sizeof text);
		if (quiz_file_count(inputs[i].file) == 0 &&
		    !(inputs[i].amount == COUNT && inputs[i].count == 0))
			die("%s: nothing to draw from", text);
		if (!quiet)
			err_say("%s", text);
	}
}

static json_t *make_header(const struct charset *set, int argc, char **argv)
{
	char *alphabet = charset_text(set);
	json_t *header = header_new(STREAM_TEXT, NULL, argc, argv);

	if (!alphabet || json_object_set_new(header, "alphabet", json_string(alphabet)) < 0)
		die("out of memory");
	free(alphabet);
	if (total >= 0)
		header_set_total(header, total);
	return header;
}

/* ---- mixing ---- */

static struct mixture make_mixture(const struct input *inputs, int files)
{
	struct mixture mixture = {.files = files, .seed = (uint64_t)seed};
	double *weight = calloc((size_t)files, sizeof *weight);
	bool weighted = false;

	mixture.file = calloc((size_t)files, sizeof *mixture.file);
	if (!mixture.file || !weight)
		die("out of memory");
	for (int i = 0; i < files; i++) {
		weight[i] = inputs[i].weight;
		weighted |= inputs[i].amount == WEIGHT;
		mixture.file[i].items = quiz_file_count(inputs[i].file);
		mixture.file[i].share = inputs[i].amount == COUNT ? (uint64_t)inputs[i].count :
		                                                    mixture.file[i].items;
	}
	if (weighted)
		mixture_weigh(&mixture, weight);
	else
		mixture_sum(&mixture);
	free(weight);
	return mixture;
}

/* The number of records from --first to the end of the epochs. */
static int64_t rest_of_epochs(const struct mixture *mixture)
{
	int64_t all;

	if (__builtin_mul_overflow((int64_t)mixture->pass, epochs, &all))
		die_usage("--epochs: %jd epochs of %ju records are more than can be counted",
		          (intmax_t)epochs, (uintmax_t)mixture->pass);
	return first < all ? all - first : 0;
}

static void pack_number(msgpack_packer *packer, const char *key, uint64_t value)
{
	pack_key(packer, key);
	msgpack_pack_uint64(packer, value);
}

/* Write a record of text with an "item" that says where it comes from. */
static int write_record(struct stream_writer *writer, const struct record *record,
                        const struct span_kinds *kinds, const char *path,
                        const struct quiz_origin *origin, struct err *err)
{
	msgpack_packer *packer = stream_record(writer);

	record_pack_text(packer, record, kinds, 1);
	pack_key(packer, "item");
	msgpack_pack_map(packer, (size_t)(2 + (origin->other > 0) + (origin->nonce >= 0) +
	                                  (origin->answer != NULL) + (origin->topic != NULL)));
	pack_key(packer, "file");
	pack_string(packer, path, strlen(path));
	pack_number(packer, "line", origin->line);
	if (origin->other > 0)
		pack_number(packer, "other", origin->other);
	if (origin->nonce >= 0)
		pack_number(packer, "nonce", (uint64_t)origin->nonce);
	if (origin->answer) {
		pack_key(packer, "answer");
		pack_string(packer, origin->answer, strlen(origin->answer));
	}
	if (origin->topic) {
		pack_key(packer, "topic");
		pack_string(packer, origin->topic, strlen(origin->topic));
	}
	return stream_commit(writer, err);
}

static int mix(const struct input *inputs, const struct mixture *mixture,
               struct stream_writer *writer, struct err *err)
{
	struct span_kinds kinds;
	struct quiz_origin origin;
	struct record record;
	struct mixture_place at;

	span_kinds_init(&kinds);
	for (int64_t i = first; i - first < count; i++) {
		mixture_at(mixture, (uint64_t)i, &at);
		const struct input *input = &inputs[at.file];
		if (quiz_file_record(input->file, at.item, at.round, (uint64_t)i, &kinds, &record,
		                     &origin, err) < 0 ||
		    write_record(writer, &record, &kinds, input->path, &origin, err) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	int operand = options_parse(&program, argc, argv), files = argc - operand;
	struct input *inputs = take_operands(argv + operand, files);
	struct charset *set = calloc(1, sizeof *set);

	if (!set)
		die("out of memory");
	if (option_given(&program, "nonces") && fact != QUIZ_FACT_NONCE)
		die_usage("--nonces: only --fact nonce invents answers");
	if (fact == QUIZ_FACT_NONCE && !option_given(&program, "answer"))
		answer = QUIZ_ANSWER_STATED; /* answers that are new each time are there to be looked up */
	open_all(inputs, files, set);
	struct mixture mixture = make_mixture(inputs, files);
	if (count < 0)
		count = rest_of_epochs(&mixture);
	if (total >= 0 && count > total)
		die_usage("--total: %jd is less than the %jd records of this job", (intmax_t)total,
		          (intmax_t)count);
	json_t *header = make_header(set, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	free(set);
	if (!writer || mix(inputs, &mixture, writer, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	for (int i = 0; i < files; i++) {
		quiz_file_close(inputs[i].file);
		free(inputs[i].path);
	}
	free(mixture.file);
	free(inputs);
	return 0;
}
