#include "common/train/loss_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/stream/map.h"

#define RECENT 20 /* records that the speed is a mean over */

void loss_history_init(struct loss_history *history)
{
	*history = (struct loss_history){.steps = NAN, .training.floor = NAN, .validation.floor = NAN};
	span_kinds_init(&history->kinds);
	for (int i = 0; i < SPAN_KINDS; i++)
		history->kind[i].floor = NAN;
}

void loss_history_release(struct loss_history *history)
{
	free(history->training.points);
	free(history->validation.points);
	for (int i = 0; i < SPAN_KINDS; i++)
		free(history->kind[i].points);
	memset(history, 0, sizeof *history);
}

bool loss_history_any(const struct loss_history *history)
{
	return history->training.count > 0 || history->validation.count > 0;
}

/* ---- fields ---- */

/* A number of any type; nil, as JSON has it for one that is not finite, is NAN. */
static bool number(const msgpack_object *object, double *value)
{
	if (!object)
		return false;
	switch (object->type) {
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		*value = (double)object->via.u64;
		return true;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		*value = (double)object->via.i64;
		return true;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		*value = object->via.f64;
		return true;
	case MSGPACK_OBJECT_NIL:
		*value = NAN;
		return true;
	default:
		return false;
	}
}

static int need(const msgpack_object *map, const char *field, double *value, struct err *err)
{
	if (number(map_field(map, field), value))
		return 0;
	return err_set(err, "no \"%s\", a number", field);
}

/* How far the run is: a finite number of at least 0. */
static int need_place(const msgpack_object *map, const char *field, double *value,
                      struct err *err)
{
	if (need(map, field, value, err) < 0)
		return -1;
	return isfinite(*value) && *value >= 0 ? 0 : err_set(err, "\"%s\" is not from 0 on", field);
}

/* ---- curves ---- */

/* Forget the points from this step on. */
static void cut(struct loss_curve *curve, double step)
{
	while (curve->count > 0 && curve->points[curve->count - 1].at[LOSS_STEPS] >= step)
		curve->count--;
}

static int add(struct loss_curve *curve, const struct loss_point *at, double loss,
               struct err *err)
{
	cut(curve, at->at[LOSS_STEPS]);
	if (array_reserve(&curve->points, &curve->room, curve->count + 1) < 0)
		return err_set(err, "out of memory");
	curve->points[curve->count] = *at;
	curve->points[curve->count++].loss = loss;
	return 0;
}

/* A map of "loss" and "floor". what names it in messages. */
static int add_validation(struct loss_curve *curve, const struct loss_point *at,
                          const msgpack_object *map, const char *what, struct err *err)
{
	double loss;

	if (map->type != MSGPACK_OBJECT_MAP)
		return err_set(err, "%s is not a map of losses", what);
	if (need(map, "loss", &loss, err) < 0 || need(map, "floor", &curve->floor, err) < 0)
		return -1;
	return add(curve, at, loss, err);
}

static int add_kinds(struct loss_history *history, const struct loss_point *at,
                     const msgpack_object *kinds, struct err *err)
{
	if (!kinds)
		return 0;
	if (kinds->type != MSGPACK_OBJECT_MAP)
		return err_set(err, "\"kinds\" is not a map");
	for (uint32_t i = 0; i < kinds->via.map.size; i++) {
		const msgpack_object_kv *pair = &kinds->via.map.ptr[i];
		const msgpack_object_str *word = &pair->key.via.str;
		const int kind = span_kind(&history->kinds, word->ptr, word->size);
		if (kind < 0)
			return err_set(err, "kind '%.*s' %s", word->size < 40 ? (int)word->size : 40, word->ptr,
			               span_kind_refusal(word->ptr, word->size));
		char what[SPAN_KIND_BYTES + 8];
		snprintf(what, sizeof what, "kind '%s'", history->kinds.word[kind]);
		if (add_validation(&history->kind[kind], at, &pair->val, what, err) < 0)
			return -1;
	}
	return 0;
}

/* Spans that hold no nats have floors of 0, which say nothing. */
static void drop_floors(struct loss_history *history)
{
	if (history->validation.floor > 0)
		return;
	history->validation.floor = NAN;
	for (int i = 0; i < SPAN_KINDS; i++)
		history->kind[i].floor = NAN;
}

int loss_history_add(struct loss_history *history, const msgpack_object *record,
                     struct err *err)
{
	static const char *const fields[] = {"step", "tokens", "seconds"};
	const msgpack_object *loss = map_field(record, "loss"), *val = map_field(record, "val");
	struct loss_point at = {.loss = NAN};
	double value;

	for (int i = 0; i < 3; i++)
		if (need_place(record, fields[i], &at.at[i], err) < 0)
			return -1;
	if (history->begun && at.at[LOSS_STEPS] < history->last.at[LOSS_STEPS]) {
		cut(&history->training, at.at[LOSS_STEPS]);
		cut(&history->validation, at.at[LOSS_STEPS]);
		for (int i = 0; i < history->kinds.count; i++)
			cut(&history->kind[i], at.at[LOSS_STEPS]);
	}
	history->last = at;
	history->begun = true;
	if (number(map_field(record, "steps"), &value) && isfinite(value))
		history->steps = value;
	if (loss && (need(record, "loss", &value, err) < 0 ||
	             add(&history->training, &at, value, err) < 0))
		return -1;
	if (!val)
		return 0;
	if (add_validation(&history->validation, &at, val, "\"val\"", err) < 0 ||
	    add_kinds(history, &at, map_field(val, "kinds"), err) < 0)
		return -1;
	drop_floors(history);
	return 0;
}

void loss_history_speed(const struct loss_history *history, double *tokens, double *steps)
{
	const struct loss_curve *curve = history->training.count >= history->validation.count ?
	                                 &history->training : &history->validation;
	const struct loss_point start = {.at = {0, 0, 0}};
	const struct loss_point *from = &start, *to = &history->last;

	*tokens = *steps = NAN;
	if (curve->count > 1) {
		to = &curve->points[curve->count - 1];
		from = &curve->points[curve->count > RECENT ? curve->count - 1 - RECENT : 0];
	}
	const double seconds = to->at[LOSS_SECONDS] - from->at[LOSS_SECONDS];
	if (!(seconds > 0) || to->at[LOSS_STEPS] <= from->at[LOSS_STEPS])
		return;
	*tokens = (to->at[LOSS_TOKENS] - from->at[LOSS_TOKENS]) / seconds;
	*steps = (to->at[LOSS_STEPS] - from->at[LOSS_STEPS]) / seconds;
}
