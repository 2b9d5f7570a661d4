/* model_attention.h - the attention of a model over records, one head after the other. */
#ifndef MEMOSCOPE_MODEL_ATTENTION_H
#define MEMOSCOPE_MODEL_ATTENTION_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/model/model.h"
#include "common/stream/attention.h"
#include "common/stream/record_reader.h"
#include "kernels/kernels.h"

/* Which layers, heads and rows. All ends are within the model. */
struct attention_choice {
	int first_layer, last_layer, first_head, last_head;
	const char *rows_kind; /* only rows of tokens in spans of this kind; NULL: all */
};

/* The choice of everything. */
struct attention_choice attention_choice_all(const struct model *model);

struct model_attention; /* own: model_attention_new … model_attention_free */

/* model and records outlive it, and are only used by it. NULL with err set. */
struct model_attention *model_attention_new(const struct model *model,
                                            const struct kernels *kernels,
                                            struct record_reader *records,
                                            const struct attention_choice *choice,
                                            struct err *err);
void model_attention_free(struct model_attention *attention); /* NULL is allowed */

/* The next head: of the record read last or, after the choice's last one, the first of the next
 * record. It is valid until the next call: 1; after the last record: 0; -1 with err naming the
 * record. */
int model_attention_next(struct model_attention *attention, struct attention_record *head,
                         struct err *err);

/* The whole matrix of that head, [rows,rows], and rows. */
const float *model_attention_matrix(const struct model_attention *attention, int *rows);

/* How many records have begun, and how many tokens they have. */
uint64_t model_attention_records(const struct model_attention *attention);
uint64_t model_attention_tokens(const struct model_attention *attention);

#endif
