/* The losses of a run, record by record: what a resumed run makes again is forgotten. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/stream/json.h"
#include "common/train/loss_history.h"
#include "tests/tap.h"

/* Add a record that JSON describes; fields that every record has are added to it, from its step. */
static int add(struct loss_history *history, const char *text, struct err *err)
{
	json_t *record = json_loads(text, 0, NULL);
	const json_int_t step = json_integer_value(json_object_get(record, "step"));
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_unpacked unpacked;

	if (!json_object_get(record, "tokens"))
		json_object_set_new(record, "tokens", json_integer(100 * step));
	if (!json_object_get(record, "seconds"))
		json_object_set_new(record, "seconds", json_real(0.5 * (double)step));
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	json_to_msgpack(record, &packer);
	msgpack_unpacked_init(&unpacked);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	const int status = loss_history_add(history, &unpacked.data, err);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&buffer);
	json_decref(record);
	return status;
}

static void adds(struct loss_history *history, const char *text)
{
	struct err err = {0};

	if (add(history, text, &err) < 0)
		ok(false, "%s: %s", text, err.text);
}

/* Steps and losses of a curve: "10:2.5 20:nan". */
static void has(const struct loss_curve *curve, const char *want, const char *what)
{
	char have[400] = "";

	for (size_t i = 0; i < curve->count; i++)
		sprintf(have + strlen(have), "%s%g:%g", i ? " " : "", curve->points[i].at[LOSS_STEPS],
		        curve->points[i].loss);
	is_string(have, want, what);
}

#define VAL(step, all, floor, answer, rest) \
	"{\"step\": " #step ", \"val\": {\"loss\": " #all ", \"floor\": " #floor \
	", \"kinds\": {\"answer\": {\"loss\": " #answer ", \"floor\": 0}" rest "}}}"

static void curves(void)
{
	struct loss_history history;

	loss_history_init(&history);
	ok(!loss_history_any(&history) && isnan(history.steps), "at first there is nothing");
	adds(&history, "{\"step\": 5}");
	ok(!loss_history_any(&history), "a record may have no loss");
	adds(&history, "{\"step\": 10, \"steps\": 90, \"loss\": 3}");
	adds(&history, "{\"step\": 20, \"loss\": 2.5}");
	adds(&history, VAL(20, 2, 1.5, 4, ));
	adds(&history, "{\"step\": 30, \"loss\": null}");
	adds(&history, VAL(30, 2, 1.25, 3, ", \"ask\": {\"loss\": 1, \"floor\": 0.5}"));
	has(&history.training, "10:3 20:2.5 30:nan", "training; nil is no number");
	has(&history.validation, "20:2 30:2", "validation");
	const int answer = span_kind_find(&history.kinds, "answer");
	const int ask = span_kind_find(&history.kinds, "ask");
	has(&history.kind[answer], "20:4 30:3", "by kind");
	has(&history.kind[ask], "30:1", "of a kind that came later");
	is_near(history.validation.floor, 1.25, 0, "the last floor counts");
	ok(history.kind[answer].floor == 0 && history.kind[ask].floor == 0.5 &&
	   isnan(history.training.floor), "floors by kind; training has none");
	is_near(history.steps, 90, 0, "the steps of the run are those that were said last");
	is_near(history.validation.points[1].at[LOSS_TOKENS], 3000, 0, "tokens");
	is_near(history.validation.points[1].at[LOSS_SECONDS], 15, 0, "seconds");

	adds(&history, "{\"step\": 40, \"loss\": 9}");
	adds(&history, "{\"step\": 30, \"loss\": 2.25}");
	has(&history.training, "10:3 20:2.5 30:2.25", "a resumed run makes steps again");
	has(&history.kind[answer], "20:4", "of which the validations are forgotten, too");
	adds(&history, VAL(30, 1, 1.5, 2, ));
	adds(&history, VAL(30, 1.75, 1.5, 2.5, ));
	has(&history.validation, "20:2 30:1.75", "of two validations of a step the last one counts");
	has(&history.training, "10:3 20:2.5 30:2.25", "and training stays as it is");
	adds(&history, "{\"step\": 1, \"loss\": 5}");
	has(&history.training, "1:5", "another run replaces all");
	has(&history.validation, "", "in every curve");
	loss_history_release(&history);
	loss_history_release(&history);
}

static void without_nats(void)
{
	struct loss_history history;

	loss_history_init(&history);
	adds(&history, VAL(10, 2, 0, 4, ));
	ok(isnan(history.validation.floor) &&
	   isnan(history.kind[span_kind_find(&history.kinds, "answer")].floor),
	   "spans without nats have no floors");
	loss_history_release(&history);
}

static void speeds(void)
{
	struct loss_history history;
	double tokens, steps;
	char record[100];

	loss_history_init(&history);
	loss_history_speed(&history, &tokens, &steps);
	ok(isnan(tokens) && isnan(steps), "no record, no speed");
	adds(&history, "{\"step\": 10, \"loss\": 1, \"tokens\": 300, \"seconds\": 2}");
	loss_history_speed(&history, &tokens, &steps);
	ok(tokens == 150 && steps == 5, "one record: from the beginning");
	/* 40 records of a second, then 20 of two seconds */
	for (int i = 0; i < 60; i++) {
		sprintf(record, "{\"step\": %d, \"loss\": 1, \"tokens\": %d, \"seconds\": %d}", 20 + 10 * i,
		        600 + 300 * i, i < 40 ? 3 + i : 42 + 2 * (i - 39));
		adds(&history, record);
	}
	loss_history_speed(&history, &tokens, &steps);
	ok(tokens == 150 && steps == 5, "many: the last ones (%g, %g)", tokens, steps);
	loss_history_release(&history);
	loss_history_init(&history);
	adds(&history, "{\"step\": 10, \"loss\": 1}");
	adds(&history, "{\"step\": 20, \"loss\": 1, \"seconds\": 0}");
	loss_history_speed(&history, &tokens, &steps);
	ok(isnan(tokens) && isnan(steps), "a clock that goes back: none");
	loss_history_release(&history);
}

static void refusals(void)
{
	static const struct {
		const char *record, *want;
	} rows[] = {
		{"{\"loss\": 1}", "no \"step\", a number"},
		{"{\"step\": \"1\", \"loss\": 1}", "no \"step\", a number"},
		{"{\"step\": -1, \"loss\": 1}", "\"step\" is not from 0 on"},
		{"{\"step\": null}", "\"step\" is not from 0 on"},
		{"{\"step\": 1, \"tokens\": []}", "no \"tokens\", a number"},
		{"{\"step\": 1, \"loss\": \"high\"}", "no \"loss\", a number"},
		{"{\"step\": 1, \"val\": 3}", "\"val\" is not a map of losses"},
		{"{\"step\": 1, \"val\": {\"loss\": 3}}", "no \"floor\", a number"},
		{"{\"step\": 1, \"val\": {\"loss\": 3, \"floor\": 1, \"kinds\": []}}",
		 "\"kinds\" is not a map"},
		{"{\"step\": 1, \"val\": {\"loss\": 3, \"floor\": 1, \"kinds\": {\"a b\": {}}}}",
		 "kind 'a b' is not a word of 1 to 31 letters, digits, '_' and '-'"},
		{"{\"step\": 1, \"val\": {\"loss\": 3, \"floor\": 1, \"kinds\": {\"a\": 1}}}",
		 "kind 'a' is not a map of losses"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct loss_history history;
		struct err err = {0};
		loss_history_init(&history);
		const int status = add(&history, rows[i].record, &err);
		is_string(status < 0 ? err.text : "", rows[i].want, rows[i].record);
		loss_history_release(&history);
	}
}

int main(void)
{
	curves();
	without_nats();
	speeds();
	refusals();
	return done();
}
