/* config_json.h - config.json: the configuration of a network as transformers' GPT2Config. */
#ifndef MEMOSCOPE_CONFIG_JSON_H
#define MEMOSCOPE_CONFIG_JSON_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"

/* config.json for a network, with every field that decides what is computed. bias is not among
 * them: GPT2Config has no such field. The caller owns the result. NULL: out of memory. */
json_t *config_json_new(const struct gpt_config *config);

/* Read config.json; path: for messages. Sets all of config but bias. -1 with err set if a field
 * is missing or out of range, or if memoscope does not compute such a network. */
int config_json_read(const char *path, const json_t *json, struct gpt_config *config,
                     struct err *err);

#endif
