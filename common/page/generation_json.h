/* generation_json.h - a generation, as a page reads it.
 *
 *   {"prompt", "length": characters; "scored": bool,
 *    "verdict": what the caller says, or null,
 *    "steps": [[pos, p, rank, entropy, rest, [[shown, p], ...], lens], ...]}
 *
 * shown is as page_text.h has it. lens is an array of [p, rank, entropy, rest, top] after 0, 1 ...
 * layers, or absent.
 */
#ifndef MEMOSCOPE_GENERATION_JSON_H
#define MEMOSCOPE_GENERATION_JSON_H

#include <jansson.h>

#include "common/stream/generation.h"

/* A new reference; verdict (NULL: none) is taken over. NULL if memory is out. */
json_t *generation_json(const struct generation *generation, json_t *verdict);

#endif
