/* head_table.h - tables that have numbers for each head, for a page: those that head-score and
 * attn-dump --by-span print.
 *
 * As JSON:
 *
 *   {"columns": [word, ...], "heads": {"1.0": [number or null, ...], ...}, "chance": [...]}
 *
 * "chance", the line that has "-" for layer and head, need not be there.
 */
#ifndef MEMOSCOPE_HEAD_TABLE_H
#define MEMOSCOPE_HEAD_TABLE_H

#include <jansson.h>

#include "common/base/err.h"

/* Read the table of head-score in a file ("-": standard input): columns without their intervals. A
 * new reference; NULL with err set if it is no such table. */
json_t *head_table_scores(const char *path, struct err *err);

/* Read the table of attn-dump --by-span: for each head the means over all places, a column for each
 * aim that has one. */
json_t *head_table_by_span(const char *path, struct err *err);

/* Does the model, of so many layers and heads a layer, have all heads of the table? NULL is a table
 * of none. -1 with err set. */
int head_table_check(const json_t *table, const char *path, int layers, int heads,
                     struct err *err);

#endif
