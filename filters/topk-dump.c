/* topk-dump - print the probabilities of every step of generations, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/options.h"
#include "common/stream/generation.h"
#include "common/stream/stream.h"

static bool lens; /* for each step, a line after each layer */
static bool attribution; /* for each step, a line for each part of the network */
static bool tuples; /* the article's form instead of the table */

static const struct option options[] = {
	{.name = "lens", .key = 'l', .type = OPTION_FLAG, .value = &lens,
	 .text = "print for each step a line after each layer, from gpt-score --lens"},
	{.name = "attribute", .key = 'a', .type = OPTION_FLAG, .value = &attribution,
	 .text = "print for each step a line for each part of the network, from gpt-score --attribute"},
	{.name = "tuples", .key = 't', .type = OPTION_FLAG, .value = &tuples,
	 .text = "print Python tuples: ([p, ...], ['c', ...], 'picked')"},
	{0},
};

static const struct program program = {
	.operands = "[FILE...]",
	.text = "Print the probabilities of every step of generations, a line each.",
	.options = options,
	.operands_min = 0,
	.operands_max = -1,
};

static void print_header(int probs)
{
	if (attribution) {
		printf("record\tsample\tpos\tspan\tchar\tagainst\tdifference\tpart\tvalue\n");
		return;
	}
	printf("record\tsample\tpos\tspan\tchar\tp\trank\tentropy%s", lens ? "\tafter" : "");
	for (int i = 1; i <= probs; i++)
		printf("\tc%d\tp%d", i, i);
	putchar('\n');
}

/* The kind of the span at a character of the reference, or "-" past its end.
 * *at: the first span that may reach that far; it only rises within a record. */
static const char *span_at(const struct generation *generation, const struct span_kinds *kinds,
                           uint32_t position, uint32_t *at)
{
	if (generation->reference ? position >= generation->reference_length :
	    position >= generation->length || generation->stop != GENERATION_END)
		return "-";
	while (*at < generation->span_count && generation->spans[*at].end <= position)
		++*at;
	if (*at < generation->span_count && generation->spans[*at].begin <= position)
		return kinds->word[generation->spans[*at].kind];
	return kinds->word[SPAN_OTHER];
}

/* A token without text must be a field, too, for readers that split at blanks. */
static void print_piece(enum escape how, struct piece piece)
{
	if (piece.size == 0 && how == ESCAPE_WORD)
		fputs("\\-", stdout);
	escape_print_text(how, piece.bytes, piece.size, stdout);
}

/* What lines of a step begin with. */
static void print_place(const struct generation *generation, const struct generation_step *step,
                        const char *span)
{
	printf("%llu\t%u\t%u\t%s\t", (unsigned long long)generation->id, generation->sample,
	       step->position, span);
	print_piece(ESCAPE_WORD, step->piece);
}

/* The lines of a step, one for each part of the network. */
static void print_attribution(const struct generation *generation,
                              const struct generation_step *step, const char *span)
{
	const struct attribution *of = &generation->attributions[step->attribution - 1];
	const double *values = generation->attribution_values + of->first;
	const size_t count = attribution_count(&of->shape);
	char part[ATTRIBUTION_NAME_MAX];

	for (size_t i = 0; i < count; i++) {
		attribution_name(&of->shape, i, part);
		print_place(generation, step, span);
		putchar('\t');
		print_piece(ESCAPE_WORD, of->against);
		printf("\t%.6g\t%s\t%.6g\n", of->difference, part, values[i]);
	}
}

/* One line: a step, or with --lens what it would be after so many layers. */
static void print_step(const struct generation *generation, const struct generation_step *step,
                       const char *span, uint32_t after, int probs)
{
	print_place(generation, step, span);
	printf("\t%.6g\t%u\t%.6g", step->p, step->rank, step->entropy);
	if (lens)
		printf("\t%u", after);
	for (int j = 0; j < probs; j++) {
		const struct generation_top *top = &generation->tops[step->top + (size_t)j];
		if ((uint32_t)j >= step->top_count) {
			printf("\t-\t0"); /* another program may name fewer */
			continue;
		}
		putchar('\t');
		print_piece(ESCAPE_WORD, top->piece);
		printf("\t%.6g", top->p);
	}
	putchar('\n');
}

/* -1 with err set if --lens or --attribute is asked for and a step has none. */
static int print_table(struct stream_reader *reader, const struct generation *generation,
                       const struct span_kinds *kinds, int probs, struct err *err)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < generation->step_count; i++) {
		const struct generation_step *step = &generation->steps[i];
		const char *span = span_at(generation, kinds, step->last, &at);
		if (attribution && step->attribution == 0)
			return stream_bad(reader, err, "step %u: no \"attribution\"; gpt-score --attribute "
			                  "writes it", i);
		if (attribution)
			print_attribution(generation, step, span);
		else if (!lens)
			print_step(generation, step, span, 0, probs);
		else if (step->lens_count == 0)
			return stream_bad(reader, err, "step %u: no \"lens\"; gpt-score --lens writes it",
			                  i);
		for (uint32_t j = 0; lens && j < step->lens_count; j++)
			print_step(generation, &generation->lenses[step->lens + j], span, j, probs);
	}
	return 0;
}

/* A number of four decimals as Python prints it: 0.5, 1.0, 0.0298. */
static void print_rounded(double p)
{
	char text[16];
	size_t length = (size_t)snprintf(text, sizeof text, "%.4f", p);

	while (text[length - 1] == '0' && text[length - 2] != '.')
		length--;
	printf("%.*s", (int)length, text);
}

/* The bytes of UTF-8 sort as its code points do. */
static int by_piece(const void *a, const void *b)
{
	const struct piece *left = &((const struct generation_top *)a)->piece;
	const struct piece *right = &((const struct generation_top *)b)->piece;
	const int order = memcmp(left->bytes, right->bytes,
	                         left->size < right->size ? left->size : right->size);

	return order ? order : (left->size > right->size) - (left->size < right->size);
}

/* The article's form: candidates in the order of their code points. sorted has
 * room for all candidates of a step. */
static void print_tuple(const struct generation *generation, const struct generation_step *step,
                        struct generation_top *sorted)
{
	if (step->top_count > 0)
		memcpy(sorted, generation->tops + step->top, step->top_count * sizeof *sorted);
	qsort(sorted, step->top_count, sizeof *sorted, by_piece);
	printf("([");
	for (uint32_t i = 0; i < step->top_count; i++) {
		printf("%s", i > 0 ? ", " : "");
		print_rounded(sorted[i].p);
	}
	printf("], [");
	for (uint32_t i = 0; i < step->top_count; i++) {
		printf("%s'", i > 0 ? ", " : "");
		print_piece(ESCAPE_PYTHON, sorted[i].piece);
		putchar('\'');
	}
	printf("], '");
	print_piece(ESCAPE_PYTHON, step->piece);
	printf("')\n");
}

static int print_tuples(const struct generation *generation, struct err *err)
{
	struct generation_top *sorted;
	size_t most = 1;

	for (uint32_t i = 0; i < generation->step_count; i++)
		if (generation->steps[i].top_count > most)
			most = generation->steps[i].top_count;
	sorted = malloc(most * sizeof *sorted);
	if (!sorted)
		return err_set(err, "out of memory");
	for (uint32_t i = 0; i < generation->step_count; i++)
		print_tuple(generation, &generation->steps[i], sorted);
	free(sorted);
	return 0;
}

/* How many candidates the header promises for every step. */
static int read_probs(struct stream_reader *reader, const char *path, struct err *err)
{
	const json_t *probs = json_object_get(stream_header(reader), "probs");

	if (!json_is_integer(probs) || json_integer_value(probs) < 0 ||
	    json_integer_value(probs) > VOCAB_MAX)
		return err_set(err, "%s: the header's \"probs\": expected a whole number from 0 to %d",
		               err_path(path), VOCAB_MAX);
	return (int)json_integer_value(probs);
}

/* One file; *probs is that of the first file, -1 to begin with. */
static int dump(const char *path, int *probs, struct err *err)
{
	static const char *const kind[] = {STREAM_GENERATIONS, NULL};
	struct stream_reader *reader = stream_open(path, kind, err);
	struct generation_buffer *buffer = generation_buffer_new(err);
	struct generation generation;
	struct stream_record raw;
	struct span_kinds kinds;
	int more = -1, own;

	span_kinds_init(&kinds);
	if (!reader || !buffer || (own = read_probs(reader, path, err)) < 0)
		goto out;
	if (*probs < 0 && !tuples)
		print_header(own);
	if (*probs >= 0 && *probs != own && !tuples && !attribution) {
		err_set(err, "%s: %d candidates a step, but %d in the file before", err_path(path),
		        own, *probs);
		goto out;
	}
	*probs = own;
	while ((more = stream_next(reader, &raw, err)) > 0) {
		if (generation_read(reader, &raw, &kinds, buffer, &generation, err) < 0 ||
		    (tuples ? print_tuples(&generation, err) :
		     print_table(reader, &generation, &kinds, own, err)) < 0) {
			more = -1;
			break;
		}
	}
out:
	generation_buffer_free(buffer);
	stream_close(reader);
	return more;
}

int main(int argc, char **argv)
{
	int operand = options_parse(&program, argc, argv), probs = -1;
	struct err err = {0};

	if (lens && tuples)
		die_usage("--lens and --tuples exclude one another");
	if (attribution && (lens || tuples))
		die_usage("--attribute and --%s exclude one another", lens ? "lens" : "tuples");
	do {
		if (dump(operand < argc ? argv[operand] : "-", &probs, &err) < 0)
			err_exit(&err);
	} while (++operand < argc);
	if (file_end_stdout(&err) < 0)
		err_exit(&err);
	return 0;
}
