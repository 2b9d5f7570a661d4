/* head-score - which heads of a model attend to the previous token, to duplicates or to what
 * followed them, and which copy what they attend to. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/base/progress.h"
#include "common/eval/head_score.h"
#include "common/model/backend.h"
#include "common/model/model.h"
#include "common/stream/record_reader.h"

/* The defaults are those of Olsson et al. 2022, or less if a model cannot hold as much. */
#define PERIOD 25
#define COPIES 4
#define SEQUENCES 100
#define SEED 1

static const char *over; /* the path of a stream of texts; NULL: random sequences */
static int64_t sequences; /* 0: SEQUENCES */
static int64_t seed = -1; /* -1: SEED */
static int64_t period, copies; /* 0: PERIOD and COPIES, or as many as the model can hold */
static bool quiet;
static enum backend backend;

static const struct option options[] = {
	{.name = "sequences", .key = 'n', .type = OPTION_INT, .value = &sequences, .argument = "N",
	 .min = 1, .max = 1e6, .text = "random sequences (default 100)"},
	{.name = "period", .type = OPTION_INT, .value = &period, .argument = "N", .min = 2,
	 .max = GPT_CONTEXT_MAX,
	 .text = "tokens until a sequence repeats (default 25, or fewer if the model cannot hold "
	         "that)"},
	{.name = "copies", .type = OPTION_INT, .value = &copies, .argument = "N", .min = 2,
	 .max = GPT_CONTEXT_MAX,
	 .text = "copies of the period in a sequence (default 4, or fewer if the model cannot hold "
	         "that)"},
	{.name = "seed", .key = 's', .type = OPTION_INT, .value = &seed, .argument = "N", .min = 0,
	 .max = 0x1p53, .text = "seed of the random numbers (default 1)"},
	{.name = "over", .type = OPTION_TEXT, .value = &over, .argument = "FILE",
	 .text = "score over these texts, not over random sequences"},
	BACKEND_OPTION(backend),
	{.name = "quiet", .key = 'q', .type = OPTION_FLAG, .value = &quiet, .text = "show no progress"},
	{0},
};

static const struct program program = {
	.operands = "MODEL",
	.text = "Score each head of a model: previous-token, duplicate-token, induction, copying.",
	.options = options,
	.operands_min = 1,
	.operands_max = 1,
};

/* Tokens that the model has seen, as far as is known: none of padding. */
static int known_tokens(const struct model *model)
{
	return vocab_size(model->vocab) - vocab_padding(model->vocab);
}

/* --period and --copies, against what the model can hold. */
static void check_sizes(const struct model *model)
{
	const int64_t context = model->config.context, vocab = known_tokens(model);

	if (period > vocab)
		die_usage("--period: %lld different tokens, but the model knows %lld",
		          (long long)period, (long long)vocab);
	if (copies > context / 2 && context >= 4)
		die_usage("--copies: %lld of two tokens or more do not fit a context of %lld, "
		          "expected at most %lld", (long long)copies, (long long)context,
		          (long long)context / 2);
	if (period == 0) {
		period = context / (copies ? copies : 2);
		period = period > vocab ? vocab : period;
		period = period > PERIOD ? PERIOD : period;
	}
	if (copies == 0 && 2 * period > context && context >= 4)
		die_usage("--period: %lld tokens do not fit twice into a context of %lld, "
		          "expected at most %lld", (long long)period, (long long)context,
		          (long long)context / 2);
	if (copies == 0 && period > 0)
		copies = context / period > COPIES ? COPIES : context / period;
	if (period < 2 || copies < 2 || period * copies > context)
		die_usage("%lld copies of %lld tokens: the model has only a context of %lld and "
		          "%lld different tokens", (long long)copies,
		          (long long)period, (long long)context, (long long)vocab);
}

/* Score the heads over random sequences. */
static int score_random(struct head_scores *scores, const struct model *model, struct err *err)
{
	uint16_t *tokens = malloc((size_t)(period * copies) * sizeof *tokens);
	struct record record = {.tokens = tokens, .length = (uint32_t)(period * copies)};
	struct progress progress;
	int result = tokens ? 0 : err_set(err, "out of memory");

	progress_start(&progress, "sequences", "tokens", quiet);
	for (int64_t i = 0; result == 0 && i < sequences; i++) {
		head_sequence((uint64_t)seed, (uint64_t)i, known_tokens(model), (int)period, (int)copies,
		              tokens);
		result = head_scores_add(scores, &record, err);
		progress_update(&progress, (uint64_t)i + 1, (uint64_t)((i + 1) * period * copies));
	}
	progress_end(&progress);
	free(tokens);
	return result;
}

/* Score the heads over the texts of a stream. */
static int score_texts(struct head_scores *scores, struct record_reader *records, struct err *err)
{
	uint64_t texts = 0, tokens = 0;
	struct progress progress;
	struct record record;
	struct err why = {0};
	int more;

	progress_start(&progress, "texts", "tokens", quiet);
	while ((more = record_reader_next(records, &record, err)) > 0) {
		if (head_scores_add(scores, &record, &why) < 0)
			return record_reader_bad(records, err, "%s", why.text);
		tokens += record.length;
		progress_update(&progress, ++texts, tokens);
	}
	progress_end(&progress);
	return more;
}

/* One number of the table, or "-" if there are too few values for it. */
static void print_value(double value, bool has)
{
	if (has)
		printf("\t%.6f", value);
	else
		printf("\t-");
}

static void print_means(const struct mean mean[HEAD_SCORES])
{
	for (int i = 0; i < HEAD_SCORES; i++)
		print_value(mean[i].mean, mean[i].count > 0);
	for (int i = 0; i < HEAD_SCORES; i++) {
		print_value(mean[i].low, mean[i].count > 1);
		print_value(mean[i].high, mean[i].count > 1);
	}
	putchar('\n');
}

static void print_table(const struct head_scores *scores, const struct gpt_config *config)
{
	struct mean mean[HEAD_SCORES];

	printf("layer\thead");
	for (int i = 0; i < HEAD_SCORES; i++)
		printf("\t%s", head_score_words[i]);
	for (int i = 0; i < HEAD_SCORES; i++)
		printf("\t%s_low\t%s_high", head_score_words[i], head_score_words[i]);
	putchar('\n');
	for (int layer = 0; layer < config->layers; layer++)
		for (int head = 0; head < config->heads; head++) {
			for (int i = 0; i < HEAD_SCORES; i++)
				mean[i] = head_scores_mean(scores, layer, head, (enum head_score)i);
			printf("%d\t%d", layer, head);
			print_means(mean);
		}
	for (int i = 0; i < HEAD_SCORES; i++)
		mean[i] = head_scores_chance(scores, (enum head_score)i);
	printf("-\t-");
	print_means(mean);
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv), result;
	struct head_scores *scores;
	struct record_reader *records = NULL;
	struct model model;
	struct err err = {0};

	if (over && (period || copies))
		die_usage("--over: not with --period or --copies, which are for random sequences");
	if (over && (sequences || seed >= 0))
		die_usage("--over: not with --sequences or --seed, which are for random sequences");
	sequences = sequences ? sequences : SEQUENCES;
	seed = seed < 0 ? SEED : seed;
	if (model_load(argv[operand], &model, &err) < 0)
		err_exit(&err);
	if (over)
		records = record_reader_open((char *[]){(char *)over}, 1, model.vocab, &err);
	else
		check_sizes(&model);
	if (err.status != ERR_NONE)
		err_exit(&err);
	scores = head_scores_new(&model, backend_choose(backend, &model.config, quiet), &err);
	if (!scores)
		err_exit(&err);
	result = records ? score_texts(scores, records, &err) : score_random(scores, &model, &err);
	if (result < 0)
		err_exit(&err);
	print_table(scores, &model.config);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	head_scores_free(scores);
	record_reader_close(records);
	model_release(&model);
	return 0;
}
