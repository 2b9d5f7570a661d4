/* qamix - records of questions and of instructions, mixed by weight. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/options.h"
#include "common/quiz.h"

static int64_t count = -1; /* as many as there are items */
static int64_t first = 0;
static int64_t seed = 1;
static bool no_fact;

static const struct option options[] = {
	{"count", 'n', OPTION_INT, &count, "N", "How many records (as many as there are items)", 0,
	 1e18, NULL},
	{"first", 0, OPTION_INT, &first, "I", "Index of the first one (0)", 0, 1e18, NULL},
	{"seed", 's', OPTION_INT, &seed, "S", "Seed of all that is drawn (1)", 0, 0x1p63, NULL},
	{"no-fact", 0, OPTION_FLAG, &no_fact, NULL, "Leave the facts of questions out", 0, 0, NULL},
	{0},
};

static const struct program program = {
	.operands = "FILE[:WEIGHT]...",
	.text = "Mix records of questions and of instructions from files of JSON lines.",
	.options = options,
	.operands_min = 1,
	.operands_max = -1,
};

/* Take the weight off "FILE:WEIGHT": what follows the last colon, where it begins
 * as a number does. */
static double take_weight(char *operand)
{
	char *colon = strrchr(operand, ':');
	struct err err = {0};
	double weight = 1;

	if (!colon || !colon[1] || !strchr("+-.0123456789", colon[1]))
		return weight;
	if (option_real(operand, colon + 1, 1e-9, 1e9, &weight, &err) < 0)
		err_exit(&err);
	*colon = '\0';
	return weight;
}

static json_t *make_header(const struct quiz *quizzes, int files, int argc, char **argv)
{
	struct charset *set = calloc(1, sizeof *set);
	struct err err = {0};
	char *alphabet;

	if (!set)
		die("out of memory");
	for (int i = 0; i < files; i++)
		for (size_t j = 0; j < quizzes[i].count; j++)
			if (charset_add(set, quizzes[i].items[j].text, quizzes[i].items[j].size,
			                &err) < 0)
				err_exit(&err);
	alphabet = charset_text(set);
	json_t *header = header_new(STREAM_TEXT, NULL, argc, argv);
	if (!alphabet || json_object_set_new(header, "alphabet", json_string(alphabet)) < 0)
		die("out of memory");
	free(alphabet);
	free(set);
	return header;
}

static int mix(const struct quiz *quizzes, int files, struct stream_writer *writer,
               const struct span_kinds *kinds, struct err *err)
{
	struct record record;

	for (int64_t i = 0; i < count; i++) {
		quiz_draw(quizzes, files, (uint64_t)seed, (uint64_t)(first + i), &record);
		if (record_write_text(writer, &record, kinds, err) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct span_kinds kinds;
	int operand = options_parse(&program, argc, argv), files = argc - operand;
	struct quiz *quizzes = calloc((size_t)files, sizeof *quizzes);
	int64_t items = 0;

	if (!quizzes)
		die("out of memory");
	span_kinds_init(&kinds);
	for (int i = 0; i < files; i++) {
		char *path = strdup(argv[operand + i]); /* argv itself signs the header */
		if (!path)
			die("out of memory");
		quizzes[i].weight = take_weight(path);
		if (quiz_load(&quizzes[i], path, !no_fact, &kinds, &err) < 0)
			err_exit(&err);
		items += (int64_t)quizzes[i].count;
		free(path);
	}
	if (count < 0)
		count = items;
	json_t *header = make_header(quizzes, files, argc, argv);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	json_decref(header);
	if (!writer || mix(quizzes, files, writer, &kinds, &err) < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	for (int i = 0; i < files; i++)
		quiz_release(&quizzes[i]);
	free(quizzes);
	return 0;
}
