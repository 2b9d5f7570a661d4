/* Lists of parts: what they name, and what is refused. */
#include "common/model/part_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/tap.h"

static const struct gpt_config config = {.layers = 3, .heads = 4, .width = 8};

#define HEADS GPT_PLACE_BIT(GPT_Z)
#define HALVES (HEADS | GPT_PLACE_BIT(GPT_MLP_OUT))
#define RESID (GPT_PLACE_BIT(GPT_RESID_PRE) | GPT_PLACE_BIT(GPT_RESID_POST))
#define ENDS (GPT_PLACE_BIT(GPT_EMBED) | GPT_PLACE_BIT(GPT_LN_FINAL))
#define ALL (GPT_PLACE_BIT(GPT_PLACES) - 1)
#define BLOCKS (ALL & ~(ENDS | GPT_PLACE_BIT(GPT_POS_EMBED)))

/* The names of its parts, and that the list has each of them. */
static void names(uint32_t places, const char *text, const char *want)
{
	struct part_list list;
	struct err err = {0};
	char have[256] = "", name[PART_NAME_MAX];
	size_t at = 0;

	if (part_list_parse(&list, "--parts", text, places, &config, &err) < 0) {
		ok(false, "%s: %s", text, err.text);
		return;
	}
	for (int i = 0; i < list.count; i++) {
		const struct part *part = &list.parts[i];
		part_name(part, &config, name);
		at += (size_t)snprintf(have + at, sizeof have - at, "%s%s", i > 0 ? " " : "", name);
		if (!part_list_has(&list, part->place, part->layer, part->head))
			ok(false, "the list has %s", name);
	}
	is_string(have, want, text);
	part_list_release(&list);
	part_list_release(&list); /* a zeroed one is allowed */
}

static void refused(uint32_t places, const char *text, const char *want)
{
	struct part_list list;
	struct err err = {0};

	if (!ok(part_list_parse(&list, "--parts", text, places, &config, &err) < 0 &&
	        err.status == ERR_USAGE && !list.parts && list.count == 0 &&
	        strncmp(err.text, "--parts: ", 9) == 0 && strstr(err.text, want),
	        "refused: '%s'", text))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, want);
}

static void check_heads(uint32_t places)
{
	names(places, "0.0", "head:0.0");
	names(places, "2.3,0.1", "head:2.3 head:0.1");
	names(places, "1", "head:1.0 head:1.1 head:1.2 head:1.3");
	names(places, "0-1.2-3", "head:0.2 head:0.3 head:1.2 head:1.3");
	names(places, "0-2.3", "head:0.3 head:1.3 head:2.3");
	names(places, "1-1.2-2,2.0", "head:1.2 head:2.0");
	names(places, "head:1.2,z:1.3,0.0", "head:1.2 head:1.3 head:0.0");
	refused(places, "", "expected layer.head, like 0.3, a layer, like 0, or ranges, like 0-1.2-3");
	refused(places, ",", "expected layer.head");
	refused(places, "0.1,", "expected layer.head");
	refused(places, "0.", "expected layer.head");
	refused(places, ".1", "expected layer.head");
	refused(places, "0.1.2", "expected layer.head");
	refused(places, "-1", "expected layer.head");
	refused(places, "0.1 ", "expected layer.head");
	refused(places, "0.1-", "expected layer.head");
	refused(places, "123456789012", "expected layer.head");
	refused(places, "head:", "like head:0.3, a layer, like head:0, or ranges, like head:0-1.2-3");
	refused(places, "3", "the model has no layer 3, only 0 to 2");
	refused(places, "0.4", "the model has no head 4, only 0 to 3");
	refused(places, "0.2-4", "the model has no head 4, only 0 to 3");
	refused(places, "99999999999", "the model has no layer 99999999999, only 0 to 2");
	refused(places, "2-1", "layers 2-1: expected the smaller number first");
	refused(places, "0.3-2", "heads 3-2: expected the smaller number first");
	refused(places, "1,1.2", "head:1.2 stands there twice");
	refused(places, "head:0.1,0.1", "head:0.1 stands there twice");
}

static void check_places(void)
{
	names(HALVES, "mlp:1,1.2,mlp:0,mlp_out:2", "mlp:1 head:1.2 mlp:0 mlp:2");
	names(HALVES, "mlp:0-2", "mlp:0 mlp:1 mlp:2");
	names(ALL, "attn:1,attn_out:0,q:2.0-1,k:0.3,v:1.1", "attn:1 attn:0 q:2.0 q:2.1 k:0.3 v:1.1");
	names(ALL, "ln1:0,ln2:1,resid_mid:2,mlp_pre:0,mlp_post:1,result:2.1",
	      "ln1:0 ln2:1 resid_mid:2 mlp_pre:0 mlp_post:1 result:2.1");
	names(ALL, "resid:0-3", "resid:0 resid:1 resid:2 resid:3");
	names(ALL, "resid_pre:2,resid_post:0-2", "resid:2 resid_post:0 resid_post:1 resid:3");
	refused(HALVES, "resid:1", "'resid': expected one of these places: head, mlp");
	refused(HALVES, "0.1,:1", "'': expected one of these places: head, mlp");
	refused(HALVES, "mlps:1", "'mlps': expected one of these places: head, mlp");
	refused(HALVES, "ml:1", "'ml': expected one of these places: head, mlp");
	refused(RESID, "2.0", "'2.0': expected a place and a colon before the layer; the places are "
	        "resid, resid_post");
	names(HALVES | ENDS, "embed,mlp:0,logits,1.0", "embed mlp:0 logits head:1.0");
	names(HALVES | ENDS, "ln_final", "logits");
	refused(HALVES | ENDS, ",embed", "expected layer.head");
	refused(HALVES | ENDS, "embed,,1.0", "expected layer.head");
	refused(HALVES | ENDS, "embed,", "expected layer.head");
	refused(HALVES | ENDS, "embed,1.0,embed", "embed stands there twice");
	refused(HALVES | ENDS, "embed:0", "'embed:0': expected 'embed' alone");
	refused(HALVES | ENDS, "resid:0", "expected one of these places: embed, head, mlp, logits");
	refused(BLOCKS, "embed:0", "'embed': expected one of these places: resid, ln1, q, k, v, head, "
	        "result, attn, resid_mid, ln2, mlp_pre, mlp_post, mlp, resid_post");
	refused(BLOCKS, "ln_final:0", "'ln_final': expected one of");
	refused(BLOCKS, "embed", "expected layer.head");
	refused(ALL, "0.1,mlp_out", "'mlp': expected its layer, too, like mlp:0");
	refused(RESID, "resid", "'resid': expected its layer, too, like resid:0");
	refused(ALL, "mlp:1.0", "'mlp' has no heads, expected it without .0");
	refused(ALL, "mlp:", "expected a layer, like mlp:0, or a range, like mlp:0-1,");
	refused(ALL, "mlp:1 ", "expected a layer, like mlp:0");
	refused(ALL, "mlp:mlp:1", "expected a layer, like mlp:0");
	refused(ALL, "mlp:3", "the model has no layer 3, only 0 to 2");
	refused(ALL, "mlp:2-1", "layers 2-1: expected the smaller number first");
	refused(ALL, "mlp:1,mlp_out:0-1", "mlp:1 stands there twice");
	refused(ALL, "resid:4", "the model has no residual stream 4, only 0 to 3");
	refused(ALL, "resid:2-1", "residual streams 2-1: expected the smaller number first");
	refused(ALL, "resid_pre:3", "the model has no layer 3, only 0 to 2");
	refused(GPT_PLACE_BIT(GPT_RESID_PRE), "resid:3", "the model has no layer 3, only 0 to 2");
	refused(ALL, "resid:3,resid_post:2", "resid:3 stands there twice");
}

static void check_has(void)
{
	struct part_list list;
	struct err err = {0};

	if (part_list_parse(&list, "--parts", "2.1,mlp:1,resid:3", ALL, &config, &err) < 0)
		printf("Bail out! %s\n", err.text);
	ok(part_list_has(&list, GPT_Z, 2, 1) && part_list_has(&list, GPT_MLP_OUT, 1, -1) &&
	   part_list_has(&list, GPT_RESID_POST, 2, -1), "the list has its parts");
	ok(!part_list_has(&list, GPT_Z, 1, 2) && !part_list_has(&list, GPT_Z, 2, 0) &&
	   !part_list_has(&list, GPT_MLP_OUT, 0, -1) && !part_list_has(&list, GPT_Q, 2, 1) &&
	   !part_list_has(&list, GPT_RESID_PRE, 2, -1), "and no others");
	part_list_release(&list);
}

static void check_json(void)
{
	struct part_list list;
	struct err err = {0};

	if (part_list_parse(&list, "--parts", "2.1,mlp:1,0.3,mlp:0", ALL, &config, &err) < 0)
		printf("Bail out! %s\n", err.text);
	json_t *have = json_pack("[o,o,o]", part_list_json(&list, GPT_Z),
	                         part_list_json(&list, GPT_MLP_OUT), part_list_json(&list, GPT_Q));
	json_t *want = json_pack("[[s,s],[i,i],[]]", "2.1", "0.3", 1, 0);
	ok(json_equal(have, want), "as JSON, place by place");
	json_decref(have);
	json_decref(want);
	part_list_release(&list);
}

static void check_words(void)
{
	enum gpt_place place;

	for (enum gpt_place p = 0; p < GPT_PLACES; p++) {
		if (part_place_read(part_place_word(p), &place) < 0 || place != p ||
		    part_place_read(gpt_place_name(p), &place) < 0 || place != p)
			ok(false, "the words of %s", gpt_place_name(p));
	}
	ok(part_place_read("resid", &place) == 0 && place == GPT_RESID_PRE, "resid is resid_pre");
	ok(part_place_read("heads", &place) < 0 && part_place_read("", &place) < 0 &&
	   part_place_read("resi", &place) < 0, "other words are no places");
}

int main(void)
{
	check_heads(HEADS);
	check_heads(HALVES);
	check_places();
	check_has();
	check_json();
	check_words();
	return done();
}
