/* Lists of heads: what they name, and what is refused. */
#include "common/model/head_list.h"

#include <stdlib.h>

#include "tests/tap.h"

static const struct gpt_config config = {.layers = 3, .heads = 4, .width = 8};

static void names(const char *text, const char *want)
{
	struct head_list list;
	struct err err = {0};

	if (head_list_parse(&list, "--heads", text, &config, &err) < 0) {
		ok(false, "%s: %s", text, err.text);
		return;
	}
	json_t *json = head_list_json(&list);
	char *have = json_dumps(json, JSON_COMPACT);
	is_string(have, want, text);
	free(have);
	json_decref(json);
	head_list_release(&list);
	head_list_release(&list); /* a zeroed one is allowed */
}

static void refused(const char *text, const char *want)
{
	struct head_list list;
	struct err err = {0};

	if (!ok(head_list_parse(&list, "--heads", text, &config, &err) < 0 &&
	        err.status == ERR_USAGE && !list.heads && list.count == 0 &&
	        strncmp(err.text, "--heads: ", 9) == 0 && strstr(err.text, want),
	        "refused: '%s'", text))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, want);
}

int main(void)
{
	names("0.0", "[\"0.0\"]");
	names("2.3,0.1", "[\"2.3\",\"0.1\"]");
	names("1", "[\"1.0\",\"1.1\",\"1.2\",\"1.3\"]");
	names("0-1.2-3", "[\"0.2\",\"0.3\",\"1.2\",\"1.3\"]");
	names("0-2.3", "[\"0.3\",\"1.3\",\"2.3\"]");
	names("1-1.2-2,2.0", "[\"1.2\",\"2.0\"]");
	refused("", "expected layer.head");
	refused(",", "expected layer.head");
	refused("0.1,", "expected layer.head");
	refused("0.", "expected layer.head");
	refused(".1", "expected layer.head");
	refused("0.1.2", "expected layer.head");
	refused("-1", "expected layer.head");
	refused("0.1 ", "expected layer.head");
	refused("0.1-", "expected layer.head");
	refused("123456789012", "expected layer.head");
	refused("3", "the model has no layer 3, only 0 to 2");
	refused("0.4", "the model has no head 4, only 0 to 3");
	refused("0.2-4", "the model has no head 4, only 0 to 3");
	refused("99999999999", "the model has no layer 99999999999, only 0 to 2");
	refused("2-1", "layers 2-1: expected the smaller number first");
	refused("0.3-2", "heads 3-2: expected the smaller number first");
	refused("1,1.2", "1.2 stands there twice");
	refused("0.1,0.1", "0.1 stands there twice");
	return done();
}
