/* gpt_place.h - the places of a network at which activations can be seen.
 *
 * Their names are those of TransformerLens (its "activation names", Nanda & Bloom 2022), and each
 * stands for the hook point of that name there: "z" is "blocks.L.attn.hook_z".
 *
 * c = width, h = heads, d = c / h, f = gpt_inner().
 */
#ifndef MEMOSCOPE_GPT_PLACE_H
#define MEMOSCOPE_GPT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/model/gpt_config.h"

enum gpt_place {
	GPT_EMBED, /* [c] of the token */
	GPT_POS_EMBED, /* [c] of its position */
	GPT_RESID_PRE, /* [c] the residual stream before the block */
	GPT_LN1, /* [c] normalised, with gain and bias: what attention reads */
	GPT_Q, /* [h,d] queries, before all scaling */
	GPT_K, /* [h,d] keys */
	GPT_V, /* [h,d] values */
	GPT_Z, /* [h,d] the heads' outputs, before the projection */
	GPT_RESULT, /* [h,c] what each head adds to the residual stream, without the bias */
	GPT_ATTN_OUT, /* [c] what all heads and the bias add */
	GPT_RESID_MID, /* [c] the residual stream between attention and feed-forward part */
	GPT_LN2, /* [c] normalised: what the feed-forward part reads */
	GPT_MLP_PRE, /* [f] before GELU */
	GPT_MLP_POST, /* [f] after GELU */
	GPT_MLP_OUT, /* [c] what the feed-forward part adds */
	GPT_RESID_POST, /* [c] the residual stream after the block */
	GPT_LN_FINAL, /* [c] normalised: what the output head reads */
	GPT_PLACES
};

/* Sets of places, a bit for each. */
#define GPT_PLACE_BIT(place) (UINT32_C(1) << (place))

/* "resid_pre" */
const char *gpt_place_name(enum gpt_place place);

/* The place of this name, of size bytes. False if there is none. */
bool gpt_place_find(const char *name, size_t size, enum gpt_place *place);

/* Is there one in each block? The other places are there once. */
bool gpt_place_in_block(enum gpt_place place);

/* Has each head a part of its own? */
bool gpt_place_of_heads(enum gpt_place place);

/* Numbers of a row: of one head, if heads have parts of their own. */
int gpt_place_width(enum gpt_place place, const struct gpt_config *config);

/* The name of the hook point, as "blocks.1.attn.hook_z", into name. */
#define GPT_HOOK_NAME_MAX 48
void gpt_place_hook_name(enum gpt_place place, int layer, char name[GPT_HOOK_NAME_MAX]);

/* Read a list of names with commas between them into a set. -1 with err set, which lists the
 * names there are. */
int gpt_places_read(const char *list, uint32_t *places, struct err *err);

#endif
