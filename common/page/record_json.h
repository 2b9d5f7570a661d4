/* record_json.h - the text of a record of attention, as a page reads it: see attention_page.h. */
#ifndef MEMOSCOPE_RECORD_JSON_H
#define MEMOSCOPE_RECORD_JSON_H

#include <jansson.h>

#include "common/stream/attention.h"

/* Memory for one text at a time. */
struct record_json; /* own */
struct record_json *record_json_new(struct err *err);
void record_json_free(struct record_json *memory); /* NULL is allowed */

/* A new reference. NULL if memory is out. */
json_t *record_json(struct record_json *memory, const struct attention_record *attention,
                    const struct span_kinds *kinds);

#endif
