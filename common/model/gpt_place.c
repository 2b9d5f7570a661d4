#include "common/model/gpt_place.h"

#include <stdio.h>
#include <string.h>

/* hook: behind "blocks.L." if the place is in a block */
static const struct {
	const char *name, *hook;
	bool once, heads;
} place_table[GPT_PLACES] = {
	[GPT_EMBED] = {.name = "embed", .hook = "hook_embed", .once = true},
	[GPT_POS_EMBED] = {.name = "pos_embed", .hook = "hook_pos_embed", .once = true},
	[GPT_RESID_PRE] = {.name = "resid_pre", .hook = "hook_resid_pre"},
	[GPT_LN1] = {.name = "ln1", .hook = "ln1.hook_normalized"},
	[GPT_Q] = {.name = "q", .hook = "attn.hook_q", .heads = true},
	[GPT_K] = {.name = "k", .hook = "attn.hook_k", .heads = true},
	[GPT_V] = {.name = "v", .hook = "attn.hook_v", .heads = true},
	[GPT_Z] = {.name = "z", .hook = "attn.hook_z", .heads = true},
	[GPT_RESULT] = {.name = "result", .hook = "attn.hook_result", .heads = true},
	[GPT_ATTN_OUT] = {.name = "attn_out", .hook = "hook_attn_out"},
	[GPT_RESID_MID] = {.name = "resid_mid", .hook = "hook_resid_mid"},
	[GPT_LN2] = {.name = "ln2", .hook = "ln2.hook_normalized"},
	[GPT_MLP_PRE] = {.name = "mlp_pre", .hook = "mlp.hook_pre"},
	[GPT_MLP_POST] = {.name = "mlp_post", .hook = "mlp.hook_post"},
	[GPT_MLP_OUT] = {.name = "mlp_out", .hook = "hook_mlp_out"},
	[GPT_RESID_POST] = {.name = "resid_post", .hook = "hook_resid_post"},
	[GPT_LN_FINAL] = {.name = "ln_final", .hook = "ln_final.hook_normalized", .once = true},
};

const char *gpt_place_name(enum gpt_place place)
{
	return place_table[place].name;
}

bool gpt_place_find(const char *name, size_t size, enum gpt_place *place)
{
	for (enum gpt_place p = 0; p < GPT_PLACES; p++)
		if (strlen(place_table[p].name) == size && memcmp(place_table[p].name, name, size) == 0) {
			*place = p;
			return true;
		}
	return false;
}

bool gpt_place_in_block(enum gpt_place place)
{
	return !place_table[place].once;
}

bool gpt_place_of_heads(enum gpt_place place)
{
	return place_table[place].heads;
}

int gpt_place_width(enum gpt_place place, const struct gpt_config *config)
{
	if (place == GPT_MLP_PRE || place == GPT_MLP_POST)
		return gpt_inner(config);
	if (place_table[place].heads && place != GPT_RESULT)
		return config->width / config->heads;
	return config->width;
}

void gpt_place_hook_name(enum gpt_place place, int layer, char name[GPT_HOOK_NAME_MAX])
{
	if (place_table[place].once)
		snprintf(name, GPT_HOOK_NAME_MAX, "%s", place_table[place].hook);
	else
		snprintf(name, GPT_HOOK_NAME_MAX, "blocks.%d.%s", layer, place_table[place].hook);
}

static int no_place(const char *name, size_t size, struct err *err)
{
	char list[256];
	size_t at = 0;

	for (int i = 0; i < GPT_PLACES; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "",
		                       place_table[i].name);
	return err_set(err, "'%.*s' is no place of a network, expected some of %s",
	               (int)(size < 60 ? size : 60), name, list);
}

int gpt_places_read(const char *list, uint32_t *places, struct err *err)
{
	*places = 0;
	for (const char *name = list;; name++) {
		const size_t size = strcspn(name, ",");
		enum gpt_place place;
		if (!gpt_place_find(name, size, &place))
			return no_place(name, size, err);
		*places |= GPT_PLACE_BIT(place);
		name += size;
		if (*name == '\0')
			return 0;
	}
}
