#include "common/model/model_attention.h"

#include <stdlib.h>

#include "common/model/inspector.h"

struct model_attention {
	struct record_reader *records_of;
	struct inspector *inspector;
	const struct vocab *vocab; /* NULL: each token is a character */
	struct attention_choice choice;
	struct record record;
	int layer, head; /* that come next; a layer above the choice's: a new record does */
	int rows, count;
	const float *matrix;
	int32_t *query; /* [context] the rows that are chosen */
	const float **row; /* [context] where they are in the matrix */
	uint64_t records, tokens;
};

struct attention_choice attention_choice_all(const struct model *model)
{
	return (struct attention_choice){.last_layer = model->config.layers - 1,
	                                 .last_head = model->config.heads - 1};
}

struct model_attention *model_attention_new(const struct model *model,
                                            const struct kernels *kernels,
                                            struct record_reader *records,
                                            const struct attention_choice *choice,
                                            struct err *err)
{
	struct model_attention *attention = calloc(1, sizeof *attention);
	const size_t context = (size_t)model->config.context;

	if (!attention) {
		err_set(err, "out of memory");
		return NULL;
	}
	attention->records_of = records;
	attention->vocab = vocab_is_characters(model->vocab) ? NULL : model->vocab;
	attention->choice = *choice;
	attention->layer = choice->last_layer + 1;
	attention->query = malloc(context * sizeof *attention->query);
	attention->row = malloc(context * sizeof *attention->row);
	attention->inspector = inspector_new(model, kernels, err);
	if (!attention->query || !attention->row)
		err_set(err, "out of memory");
	if (attention->query && attention->row && attention->inspector)
		return attention;
	model_attention_free(attention);
	return NULL;
}

void model_attention_free(struct model_attention *attention)
{
	if (!attention)
		return;
	inspector_free(attention->inspector);
	free(attention->query);
	free(attention->row);
	free(attention);
}

/* Read the next record, and run the model over it. As model_attention_next(). */
static int next_record(struct model_attention *attention, struct err *err)
{
	const struct attention_choice *choice = &attention->choice;
	struct err why = {0};
	const int more = record_reader_next(attention->records_of, &attention->record, err);

	if (more <= 0)
		return more;
	attention->rows = inspector_run(attention->inspector, &attention->record, &why);
	if (attention->rows < 0)
		return record_reader_bad(attention->records_of, err, "%s", why.text);
	attention->count = record_reader_select(attention->records_of, &attention->record,
	                                        choice->rows_kind, attention->rows,
	                                        attention->query, err);
	if (attention->count < 0)
		return -1;
	attention->layer = choice->first_layer;
	attention->head = choice->first_head;
	attention->records++;
	attention->tokens += attention->record.length;
	return 1;
}

int model_attention_next(struct model_attention *attention, struct attention_record *head,
                         struct err *err)
{
	struct err why = {0};

	if (attention->layer > attention->choice.last_layer) {
		const int more = next_record(attention, err);
		if (more <= 0)
			return more;
	}
	attention->matrix = inspector_attention(attention->inspector, attention->layer,
	                                        attention->head, &why);
	if (!attention->matrix)
		return record_reader_bad(attention->records_of, err, "%s", why.text);
	for (int i = 0; i < attention->count; i++)
		attention->row[i] = attention->matrix +
		                    (size_t)attention->query[i] * (size_t)attention->rows;
	*head = (struct attention_record){
		.record = &attention->record,
		.vocab = attention->vocab,
		.sample = record_reader_sample(attention->records_of),
		.layer = attention->layer,
		.head = attention->head,
		.query = attention->query,
		.row = attention->row,
		.count = attention->count,
	};
	if (attention->head++ == attention->choice.last_head) {
		attention->head = attention->choice.first_head;
		attention->layer++;
	}
	return 1;
}

const float *model_attention_matrix(const struct model_attention *attention, int *rows)
{
	*rows = attention->rows;
	return attention->matrix;
}

uint64_t model_attention_records(const struct model_attention *attention)
{
	return attention->records;
}

uint64_t model_attention_tokens(const struct model_attention *attention)
{
	return attention->tokens;
}
