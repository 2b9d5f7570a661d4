/* part_list.h - parts of a network, as a command line names them.
 *
 * A list has items with commas between them. An item is PLACE:LAYER or PLACE:LAYER.HEAD; without
 * "PLACE:", the place is "head". If the place has heads, PLACE:LAYER stands for all of them. Each
 * number, from 0, may be a range: "resid:1,head:2.0-3,mlp:0-1" or "0.3,1,2-3.0-1".
 *
 * PLACE is a name of gpt_place.h, or a short word: resid (resid_pre), head (z), attn (attn_out),
 * mlp (mlp_out) or logits (ln_final). "resid:L", with L the number of layers, is the stream after
 * the last block: resid_post of layer L - 1. A place outside blocks, of which there is one, is an
 * item without numbers: "embed".
 */
#ifndef MEMOSCOPE_PART_LIST_H
#define MEMOSCOPE_PART_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"
#include "common/model/gpt_place.h"

/* A place of one head, if the place has heads. */
struct part {
	enum gpt_place place;
	int layer; /* 0 outside blocks */
	int head; /* -1: the place has no heads */
};

struct part_list {
	struct part *parts; /* [count], owned; in the order of the text, each part once */
	int count;
};

/* Read a list. option: what messages begin with, "--ablate". places: a set of GPT_PLACE_BITs, the
 * places that the list may name. "resid:L" is there if resid_post is in the set, too. -1 with err
 * set, status ERR_USAGE if the text is wrong or names a part that the network does not have; then
 * the list is empty. */
int part_list_parse(struct part_list *list, const char *option, const char *text, uint32_t places,
                    const struct gpt_config *config, struct err *err);
void part_list_release(struct part_list *list); /* a zeroed one is allowed */

/* head -1: of a place without heads. */
bool part_list_has(const struct part_list *list, enum gpt_place place, int layer, int head);

/* The list's parts of one place: ["L.H", ...] if it has heads, else [L, ...]. The caller owns the
 * result. */
json_t *part_list_json(const struct part_list *list, enum gpt_place place);

/* A part as a list names it: "head:2.1", "mlp:0", "q:1.0", "mlp_post:2", "embed"; "resid:L" for the
 * stream after the last block. */
#define PART_NAME_MAX 32
void part_name(const struct part *part, const struct gpt_config *config, char name[PART_NAME_MAX]);

/* The word of a list for a place: "head", "mlp_post". */
const char *part_place_word(enum gpt_place place);

/* The inverse, which takes gpt_place.h's names, too. -1 if there is no place of this name. */
int part_place_read(const char *word, enum gpt_place *place);

/* The words for the places of a set, with commas between them. */
#define PART_WORDS_MAX 192
void part_words(uint32_t places, char words[PART_WORDS_MAX]);

#endif
