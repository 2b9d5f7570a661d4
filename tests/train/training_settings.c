/* training_settings.c - may a run go on from a state, and what is different now? */
#include "common/train/training_settings.h"
#include "tests/tap.h"

/* Settings of a run, as training_settings() has them; what follows is another value for one. */
static json_t *settings_of(const char *key, const char *value)
{
	json_t *settings = json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "layers", "2", "heads", "4",
		"width", "32", "inner", "128", "context", "64", "bias", "false", "vocab-size", "70",
		"vocab-digest", "abc", "seed", "1", "batch", "8", "pack", "records", "steps", "100", "lr",
		"0.001", "data", "0123");

	if (value)
		json_object_set_new(settings, key, json_string(value));
	else
		json_object_del(settings, key);
	return settings;
}

static void test_follow_lr(void)
{
	static const struct {
		const char *lr, *min;
		bool follows;
	} cases[] = {{"0.001", "0.0001", true}, {"0.003", "0.0003", true}, {"0.07", "0.007", true},
	             {"0.001", "0.0001000001", false}, {"0.001", "0", false}, {"0.001", NULL, false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *saved = settings_of("lr", cases[i].lr);
		if (cases[i].min)
			json_object_set_new(saved, "min-lr", json_string(cases[i].min));
		training_settings_follow_lr(saved);
		ok((json_object_get(saved, "min-lr") != NULL) == (cases[i].min && !cases[i].follows) &&
		   json_object_get(saved, "lr"), "%s after lr %s %s", cases[i].min ? cases[i].min : "none",
		   cases[i].lr, cases[i].follows ? "is the default" : "was asked for");
		json_decref(saved);
	}
}

static void test_check(void)
{
	static const struct {
		const char *key, *value;
		enum err_status status;
		const char *text;
	} cases[] = {
		{"lr", "0.5", ERR_NONE, ""},
		{"steps", "7", ERR_NONE, ""},
		{"data", "4567", ERR_NONE, ""},
		{"layers", "3", ERR_USAGE, "DIR/last has layers 3, heads 4, width 32, inner 128, context "
		 "64, this command asks for 2, 4, 32, 128, 64"},
		{"heads", "8", ERR_USAGE, "heads 8, "},
		{"width", "8", ERR_USAGE, "width 8, "},
		{"inner", "8", ERR_USAGE, "inner 8, "},
		{"context", "8", ERR_USAGE, "context 8, "},
		{"bias", "true", ERR_USAGE,
		 "context 64 and biases, this command asks for 2, 4, 32, 128, 64"},
		{"vocab-digest", "abd", ERR_DATA, "DIR/last has a vocabulary of 70 tokens, the "
		 "training data have another one, of 70"},
		{"seed", "2", ERR_USAGE, "DIR/last is of seed 2 and 8 sequences a step, packed as records; "
		 "this command asks for 1, 8 and records; options that are not given are taken from the "
		 "state"},
		{"batch", "9", ERR_USAGE, "seed 1 and 9 sequences"},
		{"pack", "text", ERR_USAGE, "packed as text"},
		{"inner", NULL, ERR_NONE, ""}, /* older states do not have it */
		{"pack", NULL, ERR_NONE, ""},
		{"kind", "", ERR_NONE, ""},
		{"kind", "scale_attn_weights false", ERR_USAGE, "DIR/last has a network that is "
		 "scale_attn_weights false, this command asks for one that is of memoscope's own kind"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *saved = settings_of(cases[i].key, cases[i].value);
		json_t *settings = settings_of("", "");
		struct err err = {0};
		const int result = training_settings_check(saved, settings, "DIR/last", &err);
		ok(err.status == cases[i].status && result == (err.status ? -1 : 0) &&
		   strstr(err.text, cases[i].text), "a state of %s %s: %s", cases[i].key,
		   cases[i].value ? cases[i].value : "(none)", err.text[0] ? err.text : "goes on");
		json_decref(saved);
		json_decref(settings);
	}
}

static void test_network(void)
{
	const struct gpt_config config = {
		.layers = 2, .heads = 4, .width = 32, .context = 64, .vocab = 3,
	};
	struct err err = {0};
	struct vocab *abc = vocab_new("abc", 3, &err), *acb = vocab_new("acb", 3, &err);
	json_t *a = json_object(), *b = json_object();

	training_settings_network(a, &config, abc);
	training_settings_network(b, &config, abc);
	is_string(json_string_value(json_object_get(a, "inner")), "128",
	          "four times the width, where a network does not say");
	ok(json_equal(a, b) && json_object_size(a) == 9, "a network has nine settings");
	training_settings_network(b, &config, acb);
	ok(!json_equal(a, b), "  which tell an order of characters from another");
	json_decref(a);
	json_decref(b);
	vocab_free(abc);
	vocab_free(acb);
}

static void test_compare(void)
{
	struct training_changes changes;
	json_t *saved = settings_of("lr", "0.5"), *settings = settings_of("", "");

	training_settings_compare(saved, settings, &changes);
	is_string(changes.others, "lr 0.5 (now 0.001)", "a setting that differs");
	is_string(changes.steps, "", "  the steps do not");
	json_object_set_new(saved, "steps", json_string("50"));
	json_object_set_new(saved, "data", json_string("4567"));
	training_settings_compare(saved, settings, &changes);
	is_string(changes.others, "lr 0.5 (now 0.001), other data", "data are not shown as numbers");
	is_string(changes.steps, "50", "  and steps stand apart");
	static const char *const others[] = {"val", "val-records", "eval-every", "eval-records",
	                                     "checkpoint-every", "log-every"};
	json_object_clear(saved);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		json_object_set_new(saved, others[i], json_string("1"));
		json_object_set_new(settings, others[i], json_string("2"));
	}
	training_settings_compare(saved, settings, &changes);
	is_string(changes.others, "", "what decides no bit of the network is not told here");
	json_object_clear(saved);
	training_settings_compare(saved, settings, &changes);
	ok(!*changes.others && !*changes.steps, "what was not saved does not differ");
	char text[600];
	memset(text, '7', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	json_object_set_new(saved, "lr", json_string(text));
	json_object_set_new(saved, "data", json_string("4567"));
	training_settings_compare(saved, settings, &changes);
	is_int((long long)strlen(changes.others), sizeof changes.others - 1,
	       "cut off where it is full");
	json_decref(saved);
	json_decref(settings);
}

int main(void)
{
	test_follow_lr();
	test_check();
	test_network();
	test_compare();
	return done();
}
