#include "common/eval/recall_tally.h"

void recall_add(struct share *share, enum recall_truth truth)
{
	if (truth != RECALL_UNDEFINED)
		share_add(share, truth == RECALL_RIGHT);
}

static void count_follows(struct recall_tally *tally, const struct recall_verdict *verdict)
{
	enum recall_follows follows = verdict->follows;

	if (follows == RECALL_FOLLOWS_UNDEFINED)
		return;
	if (!verdict->conflict) {
		share_add(&tally->both, follows == RECALL_FOLLOWS_BOTH);
		return;
	}
	share_add(&tally->contextual, follows == RECALL_FOLLOWS_CONTEXT);
	share_add(&tally->parametric, follows == RECALL_FOLLOWS_WEIGHTS);
	share_add(&tally->neither, follows == RECALL_FOLLOWS_NEITHER);
	if (follows != RECALL_FOLLOWS_NEITHER)
		share_add(&tally->memorization, follows == RECALL_FOLLOWS_WEIGHTS);
}

/* Count the digits of a number, no more than most. Returns how many. */
static uint64_t count_digits(struct digit_frequency *frequency, struct slice number,
                             uint64_t most)
{
	uint64_t digits = 0;
	uint32_t before = 0;

	for (uint32_t i = 0; i < number.length && digits < most; i++) {
		if (!slice_is_digit(number.codes[i]))
			continue;
		digits++;
		frequency->digit[number.codes[i] - '0']++;
		frequency->digits++;
		frequency->pairs += before != 0;
		frequency->repeated += before == number.codes[i];
		before = number.codes[i];
	}
	return digits;
}

void recall_tally_add(struct recall_tally *tally, const struct recall_verdict *verdict)
{
	tally->records++;
	recall_add(&tally->exact, verdict->exact);
	recall_add(&tally->name, verdict->name);
	recall_add(&tally->number, verdict->number);
	recall_add(&tally->book, verdict->book);
	for (int i = 0; i < verdict->digits; i++)
		share_add(&tally->digit[i], verdict->digit[i]);
	recall_add(&tally->first_name, verdict->first_name);
	recall_add(&tally->last_name, verdict->last_name);
	recall_add(&tally->last_after_first, verdict->last_after_first);
	count_follows(tally, verdict);
	conflict_tally_add(&tally->conflict, verdict->given, &verdict->numbers);
	if (verdict->exact == RECALL_WRONG) {
		uint64_t digits = count_digits(&tally->reference, verdict->truth, UINT64_MAX);
		count_digits(&tally->wrong, verdict->given, digits);
	}
}
