#include "common/eval/patch_pair.h"

#include <stdlib.h>

void patch_pair_release(struct patch_pair *pair)
{
	free(pair->token);
	free(pair->partner_token);
	free(pair->row);
	free(pair->from);
	free(pair->group);
	free(pair->place);
	free(pair->answer);
	free(pair->effects);
	*pair = (struct patch_pair){0};
}

/* The records that become a pair. */
struct reading {
	struct record_pairs *pairs;
	const struct patch_selection *selection;
	struct record text, partner;
	int32_t *selected, *fellow; /* [length of the text] scratch */
};

/* ---- the answer ---- */

/* Find its tokens and the partner's, and so which rows matter. */
static int find_answer(struct reading *reading, struct patch_pair *pair, struct err *err)
{
	const struct record *text = &reading->text, *partner = &reading->partner;
	const int count = record_reader_select(record_pairs_reader(reading->pairs), text,
	                                       reading->selection->answer, (int)text->length,
	                                       reading->selected, err);

	if (count < 0 || record_pairs_align(reading->pairs, text, partner, reading->selected, count,
	                                    reading->fellow, err) < 0)
		return -1;
	if (count == 0)
		return record_pairs_bad(reading->pairs, err, "no token is in a span of kind '%s'",
		                        reading->selection->answer);
	if (reading->selected[0] == 0 || reading->fellow[0] == 0)
		return record_pairs_bad(reading->pairs, err, "the answer has the first token of a text, "
		                        "and nothing stands before that to predict it from");
	pair->answer = malloc((size_t)count * sizeof *pair->answer);
	if (!pair->answer)
		return err_set(err, "out of memory");
	for (int i = 0; i < count; i++) {
		const int32_t at = reading->selected[i], fellow = reading->fellow[i];
		pair->answer[i] = (struct patch_answer){
			.row = at - 1, .partner_row = fellow - 1,
			.token = text->tokens[at], .partner_token = partner->tokens[fellow],
		};
		pair->differs |= text->tokens[at] != partner->tokens[fellow];
	}
	pair->answers = count;
	pair->rows = reading->selected[count - 1];
	pair->partner_rows = reading->fellow[count - 1];
	return 0;
}

/* ---- rows that may be patched ---- */

static int find_rows(struct reading *reading, int context, struct patch_pair *pair,
                     struct err *err)
{
	pair->row = malloc((size_t)pair->rows * sizeof *pair->row);
	pair->from = malloc((size_t)pair->rows * sizeof *pair->from);
	if (!pair->row || !pair->from)
		return err_set(err, "out of memory");
	pair->patched = record_reader_select(record_pairs_reader(reading->pairs), &reading->text,
	                                     reading->selection->rows, pair->rows, pair->row, err);
	if (pair->patched < 0)
		return -1;
	if (pair->patched == 0)
		return record_pairs_bad(reading->pairs, err, "no token in a span of kind '%s' is before "
		                        "the last one of the answer", reading->selection->rows);
	if (record_pairs_align(reading->pairs, &reading->text, &reading->partner, pair->row,
	                       pair->patched, pair->from, err) < 0)
		return -1;
	for (int i = 0; i < pair->patched; i++)
		if (pair->from[i] >= pair->partner_rows)
			pair->partner_rows = pair->from[i] + 1;
	if (pair->partner_rows > context) /* its last token, which the context does not hold */
		return record_pairs_bad(reading->pairs, err, "token %d of the partner is behind the "
		                        "context of the model, so it has no activations to patch with",
		                        pair->partner_rows - 1);
	return 0;
}

/* Does a row begin a new group? last: the row before it in the list. */
static bool begins_group(const struct row_place *place, const struct row_place *last,
                         enum patch_each each)
{
	if (each == PATCH_SPAN)
		return place->span != last->span || place->kind != last->kind;
	return each == PATCH_ROW;
}

static int find_groups(struct reading *reading, struct patch_pair *pair, struct err *err)
{
	struct row_place last = {0};

	pair->group = malloc(((size_t)pair->patched + 1) * sizeof *pair->group);
	pair->place = malloc((size_t)pair->patched * sizeof *pair->place);
	if (!pair->group || !pair->place)
		return err_set(err, "out of memory");
	for (int i = 0; i < pair->patched; i++) {
		const struct row_place place = row_place(&reading->text, (uint32_t)pair->row[i]);
		if (i == 0 || begins_group(&place, &last, reading->selection->each)) {
			pair->group[pair->groups] = i;
			pair->place[pair->groups++] = place;
		}
		last = place;
	}
	pair->group[pair->groups] = pair->patched;
	return 0;
}

/* ---- the pair ---- */

static int copy_tokens(const struct record *record, int rows, int32_t **tokens, struct err *err)
{
	*tokens = malloc((size_t)rows * sizeof **tokens);
	if (!*tokens)
		return err_set(err, "out of memory");
	for (int i = 0; i < rows; i++)
		(*tokens)[i] = record->tokens[i];
	return 0;
}

static int check_lengths(struct reading *reading, const struct gpt_config *config, struct err *err)
{
	struct err why = {0};

	if (gpt_check_text(config, reading->text.length, &why) < 0)
		return record_pairs_bad(reading->pairs, err, "the text: %s", why.text);
	if (gpt_check_text(config, reading->partner.length, &why) < 0)
		return record_pairs_bad(reading->pairs, err, "the partner: %s", why.text);
	return 0;
}

static int make_pair(struct reading *reading, const struct gpt_config *config,
                     struct patch_pair *pair, struct err *err)
{
	const size_t length = (size_t)reading->text.length + 1; /* none has no memory */

	pair->id = reading->text.id;
	reading->selected = malloc(length * sizeof *reading->selected);
	reading->fellow = malloc(length * sizeof *reading->fellow);
	if (!reading->selected || !reading->fellow)
		return err_set(err, "out of memory");
	if (check_lengths(reading, config, err) < 0 || find_answer(reading, pair, err) < 0 ||
	    find_rows(reading, config->context, pair, err) < 0 || find_groups(reading, pair, err) < 0 ||
	    copy_tokens(&reading->text, pair->rows, &pair->token, err) < 0 ||
	    copy_tokens(&reading->partner, pair->partner_rows, &pair->partner_token, err) < 0)
		return -1;
	return 1;
}

int patch_pair_read(struct record_pairs *pairs, const struct patch_selection *selection,
                    const struct gpt_config *config, struct patch_pair *pair, struct err *err)
{
	struct reading reading = {.pairs = pairs, .selection = selection};
	int more;

	*pair = (struct patch_pair){0};
	more = record_pairs_next(pairs, &reading.text, &reading.partner, err);
	if (more > 0)
		more = make_pair(&reading, config, pair, err);
	free(reading.selected);
	free(reading.fellow);
	return more;
}
