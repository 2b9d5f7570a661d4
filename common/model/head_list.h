/* head_list.h - attention heads, as a command line names them.
 *
 * A list is parts with commas between them. A part is LAYER.HEAD, or LAYER for all its heads;
 * each number, from 0, may be a range: "0.3,1,2-3.0-1".
 */
#ifndef MEMOSCOPE_HEAD_LIST_H
#define MEMOSCOPE_HEAD_LIST_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"

struct head {
	int layer, head;
};

struct head_list {
	struct head *heads; /* [count], owned; in the order of the text, each head once */
	int count;
};

/* Read a list. option: what messages begin with, "--ablate". -1 with err set, status ERR_USAGE if
 * the text is wrong or names a head that the network does not have; then the list is empty. */
int head_list_parse(struct head_list *list, const char *option, const char *text,
                    const struct gpt_config *config, struct err *err);
void head_list_release(struct head_list *list); /* a zeroed one is allowed */

/* ["L.H", ...]. The caller owns the result. */
json_t *head_list_json(const struct head_list *list);

#endif
