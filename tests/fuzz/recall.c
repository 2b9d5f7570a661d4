/* Any bytes as a generation over four characters, with any spans that a reader
 * would let through: a judgement is made, or one line says why not. Then where the
 * answer came from, what chance makes of it, and what lint says of the reference. */
#include <string.h>

#include "common/base/utf8.h"
#include "common/data/perturb.h"
#include "common/eval/answer_origin.h"
#include "common/eval/chance_baseline.h"
#include "common/eval/lint.h"
#include "common/eval/recall_tally.h"

#define EXPECT(condition) ((condition) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct slice slice, uint32_t most)
{
	return !slice.codes || slice.length <= most;
}

/* Spans in order, not empty, within length: steps of a byte each. Kinds 1 to 4, and 5
 * (contextual) where the high bits are set. */
static uint32_t make_spans(const uint8_t *data, size_t size, uint32_t length, struct span *spans)
{
	uint32_t count = 0, at = 0;

	for (size_t i = 0; i + 1 < size && count < 32; i += 2) {
		uint32_t begin = at + (data[i] & 7), end = begin + 1 + (data[i] >> 3 & 7);
		if (end > length)
			break;
		spans[count++] = (struct span){begin, end,
		                               data[i + 1] >> 6 == 3 ? 5 : 1 + data[i + 1] % 4,
		                               (data[i + 1] >> 2) % 4 - 1, 0};
		at = end;
	}
	return count;
}

/* The answer against its own book, and against itself in another's place. */
static void look_for_origin(const struct recall_verdict *verdict)
{
	struct err err = {0};
	struct chance_baseline *chance = chance_baseline_new(1, &err);
	const struct chance_rates *rates;

	if (verdict->entries > 0) {
		struct answer_origin origin =
			answer_origin_find(verdict->given, verdict->entry, verdict->entries);
		EXPECT((origin.kind == ORIGIN_ASKED) == (verdict->book == RECALL_RIGHT));
		EXPECT((origin.kind == ORIGIN_WEIGHTS) == (origin.line < 0));
		EXPECT((origin.kind == ORIGIN_STITCHED) == (origin.second >= 0));
		EXPECT(origin.place >= 0 && origin.place <= SLICE_DIGITS);
	}
	EXPECT(chance_baseline_add(chance, 0, verdict, &err) == 0);
	EXPECT(chance_baseline_add(chance, 1, verdict, &err) == 0);
	rates = chance_baseline_end(chance);
	EXPECT(rates->exact.of == 2 && rates->exact.right % 2 == 0);
	EXPECT(rates->from[0].of == (verdict->entries > 0 ? 2 : 0));
	chance_baseline_free(chance);
}

/* What the context states is compared where there is something, and adds up. */
static void look_for_context(const struct recall_verdict *verdict,
                             const struct recall_tally *tally)
{
	enum recall_follows follows = verdict->follows;
	bool given_true = follows == RECALL_FOLLOWS_WEIGHTS || follows == RECALL_FOLLOWS_BOTH;

	EXPECT((follows == RECALL_FOLLOWS_UNDEFINED) == !verdict->contextual.codes);
	EXPECT(tally->both.of + tally->contextual.of == (follows != RECALL_FOLLOWS_UNDEFINED));
	EXPECT(tally->contextual.right + tally->parametric.right + tally->neither.right ==
	       tally->contextual.of);
	EXPECT(tally->memorization.of == tally->contextual.right + tally->parametric.right);
	if (follows == RECALL_FOLLOWS_UNDEFINED)
		return;
	EXPECT(!verdict->chose && given_true == (verdict->exact == RECALL_RIGHT));
	EXPECT(!(verdict->conflict && follows == RECALL_FOLLOWS_BOTH));
	EXPECT(verdict->conflict || follows != RECALL_FOLLOWS_WEIGHTS);
}

/* A conflict is a book's number beside another one of the directory, and has one answer. */
static void look_for_conflict(const struct recall_verdict *verdict,
                              const struct recall_tally *tally)
{
	const struct conflict *numbers = &verdict->numbers;
	uint64_t sides = 0;

	for (int i = 0; i < CONFLICT_SIDES; i++)
		sides += tally->conflict.side[i].right;
	EXPECT(sides == (numbers->book.codes != NULL));
	if (!numbers->book.codes)
		return;
	EXPECT(!verdict->chose && verdict->book != RECALL_UNDEFINED);
	EXPECT(!slice_equal(numbers->book, numbers->directory));
	EXPECT(slice_equal(numbers->directory, verdict->directory));
	EXPECT(tally->conflict.side[CONFLICT_BOOK].right == (verdict->book == RECALL_RIGHT));
}

static struct record reference_record(const struct generation *generation)
{
	return (struct record){
		.text = generation->reference,
		.size = generation->reference_size,
		.length = generation->reference_length,
		.spans = generation->spans,
		.span_count = generation->span_count,
		.text_length = generation->reference_length,
		.text_spans = generation->spans,
		.text_span_count = generation->span_count,
		.directory = generation->directory,
	};
}

/* What comes out is a record like any other, or one line says why it cannot be. */
static void perturb_reference(const struct generation *generation, const struct span_kinds *kinds,
                              struct perturb_options options)
{
	struct record record = reference_record(generation), out;
	struct perturb_change change;
	struct err err = {0};
	struct perturb *perturb = perturb_new(&options, &err);
	uint32_t at = 0;

	if (perturb_record(perturb, &record, kinds, &out, &change, &err) < 0) {
		EXPECT(err.status == ERR_DATA && err.text[0] != '\0');
	} else {
		EXPECT(utf8_length(out.text, out.size) == (long)out.length);
		EXPECT(options.what == PERTURB_DROP ? out.span_count + 2 <= record.span_count :
		       out.span_count == record.span_count);
		EXPECT(options.what != PERTURB_REDRAW || out.length == record.length);
		for (uint32_t i = 0; i < out.span_count; i++) {
			EXPECT(out.spans[i].begin >= at && out.spans[i].begin < out.spans[i].end);
			EXPECT(out.spans[i].end <= out.length && out.spans[i].entry >= -1);
			EXPECT(out.spans[i].nats >= 0);
			at = out.spans[i].end;
		}
	}
	perturb_free(perturb);
}

static void lint_reference(const struct generation *generation, const struct span_kinds *kinds)
{
	struct err err = {0};
	struct lint *lint = lint_new(20, &err);
	struct record record = reference_record(generation);

	lint_people(lint);
	EXPECT(lint_hold(lint, &record, &err) == 0);
	EXPECT(lint_record(lint, &record, NULL, kinds, &err) == 0);
	const struct lint_counts *counts = lint_counts(lint);
	EXPECT(counts->records == 1 && counts->both_sides.right == 1);
	EXPECT(counts->in_context.right >= counts->derived.right);
	EXPECT(counts->known.of == counts->derived.of - counts->derived.right);
	EXPECT(counts->facts.all >= counts->book_names.all + counts->asked_names.all);
	EXPECT(counts->window_lost.right <= counts->window_lost.of);
	lint_free(lint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256], reference[256];
	struct span spans[32];
	struct span_kinds kinds;
	struct recall_verdict verdict;
	struct recall_tally tally = {0};
	struct err err = {0};

	if (size < 4)
		return 0;
	uint32_t prompt = data[0], shared = data[1] % 64, lengths = data[2] % 64;
	const bool known = data[2] & 64;
	struct generation generation = {
		.text = text, .reference = reference, .spans = spans, .prompt = prompt,
	};
	span_kinds_init(&kinds);
	span_kind(&kinds, "name", 4);
	span_kind(&kinds, "number", 6);
	span_kind(&kinds, "ask", 3);
	span_kind(&kinds, "answer", 6);
	span_kind(&kinds, "contextual", 10);
	data += 3;
	size -= 3;
	for (uint32_t i = 0; i < 2 * lengths && i < size; i++) {
		char c = "1a:\n"[data[i] % 4];
		if (i < lengths + shared)
			reference[generation.reference_length++] = c;
		text[generation.length++] = i < shared ? c : "1a:\n"[data[i] / 4 % 4];
	}
	generation.size = generation.length;
	generation.reference_size = generation.reference_length;
	if (generation.prompt > generation.length)
		generation.prompt = generation.length;
	if (known)
		generation.directory = (struct piece){
			reference, generation.reference_length < 3 ? generation.reference_length : 3,
		};
	generation.span_count = make_spans(data, size, generation.reference_length, spans);

	struct recall *recall = recall_new(&err);
	if (recall_judge(recall, &generation, &kinds, &verdict, &err) < 0) {
		EXPECT(err.status == ERR_DATA && err.text[0] != '\0');
	} else {
		EXPECT(within(verdict.given, generation.length));
		EXPECT(within(verdict.want, generation.reference_length));
		EXPECT(within(verdict.asked, 256));
		EXPECT(verdict.exact != RECALL_UNDEFINED);
		EXPECT((verdict.distance == 0) ==
		       (!verdict.want.codes || verdict.number == RECALL_RIGHT));
		recall_tally_add(&tally, &verdict);
		EXPECT(tally.exact.of == 1);
		look_for_origin(&verdict);
		look_for_context(&verdict, &tally);
		look_for_conflict(&verdict, &tally);
	}
	lint_reference(&generation, &kinds);
	for (int i = 0; i < 4 * PERTURB_COUNT; i++)
		perturb_reference(&generation, &kinds, (struct perturb_options){
			.what = (enum perturb_what)(i / 4), .other = i & 1, .keep = i & 2, .digit_max = 9,
		});
	recall_free(recall);
	return 0;
}
