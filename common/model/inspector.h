/* inspector.h - a model that is run over one record at a time, to look inside it.
 *
 * rows: the tokens of the record that the network reads, what inspector_run() returned. All
 * results belong to the inspector and stay valid until its next call. Layers and heads count
 * from 0.
 */
#ifndef MEMOSCOPE_INSPECTOR_H
#define MEMOSCOPE_INSPECTOR_H

#include "common/base/err.h"
#include "common/model/gpt_hook.h"
#include "common/model/model.h"
#include "common/stream/record.h"
#include "kernels/kernels.h"

struct inspector;

/* Place the model's network on a device of kernels. The model must outlive the inspector, and its
 * parameters stay as they are: they may be used in place. NULL with err set. */
struct inspector *inspector_new(const struct model *model, const struct kernels *kernels,
                                struct err *err);

/* The same, without attention: inspector_run() calls hook, which is copied, for the places that
 * it asks for, and the other functions below must not be called. */
struct inspector *inspector_new_hooked(const struct model *model, const struct kernels *kernels,
                                       const struct gpt_hook *hook, struct err *err);
void inspector_free(struct inspector *inspector); /* NULL is allowed */

/* Run the model over a record that has tokens. Returns rows: one a token, but at most the
 * context. (A text that a model wrote until its context was full is one character longer; that
 * character has no row.) -1 with err set if the record is longer than that, see
 * gpt_check_text(). */
int inspector_run(struct inspector *inspector, const struct record *record, struct err *err);

/* The attention matrix of a head over the last record: [rows,rows]; row: query, column: key.
 * NULL with err set if it is not finite. */
const float *inspector_attention(struct inspector *inspector, int layer, int head,
                                 struct err *err);

/* The logits that a head writes for count rows of the last record, from row first on, if each
 * attends to itself alone, as gpt_head_logits(): [count,vocab]. At most inspector_logit_rows() at
 * a time. NULL with err set if memory is out. */
const float *inspector_head_logits(struct inspector *inspector, int layer, int head, int first,
                                   int count, struct err *err);
int inspector_logit_rows(const struct inspector *inspector);

#endif
