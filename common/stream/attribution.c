#include "common/stream/attribution.h"

#include <math.h>
#include <stdio.h>

#include "common/base/array.h"
#include "common/stream/map.h"
#include "common/stream/pack.h"
#include "common/stream/text_field.h"

#define EMBEDDINGS 2

/* ---- the order ---- */

static size_t layer_parts(const struct attribution_shape *shape)
{
	return (size_t)shape->heads + (shape->biases ? 3 : 1);
}

size_t attribution_count(const struct attribution_shape *shape)
{
	return attribution_layer(shape, shape->layers) + shape->biases;
}

size_t attribution_layer(const struct attribution_shape *shape, int layer)
{
	return EMBEDDINGS + (size_t)layer * layer_parts(shape);
}

void attribution_name(const struct attribution_shape *shape, size_t part,
                      char name[ATTRIBUTION_NAME_MAX])
{
	static const char *const biased[] = {"attn_bias", "mlp", "mlp_bias"};
	const size_t heads = (size_t)shape->heads;

	if (part < EMBEDDINGS || part == attribution_layer(shape, shape->layers)) {
		snprintf(name, ATTRIBUTION_NAME_MAX, "%s", part == 0 ? "embed" :
		         part == 1 ? "pos_embed" : "ln_final_bias");
		return;
	}
	const size_t layer = (part - EMBEDDINGS) / layer_parts(shape);
	const size_t at = (part - EMBEDDINGS) % layer_parts(shape);
	if (at < heads)
		snprintf(name, ATTRIBUTION_NAME_MAX, "head:%zu.%zu", layer, at);
	else
		snprintf(name, ATTRIBUTION_NAME_MAX, "%s:%zu", biased[at - heads + !shape->biases], layer);
}

/* ---- writing ---- */

static void pack_number(msgpack_packer *packer, const char *key, double value)
{
	pack_key(packer, key);
	msgpack_pack_double(packer, value);
}

/* One number of each layer. values: of the first layer. */
static void pack_by_layer(msgpack_packer *packer, const char *key, const double *values,
                          const struct attribution_shape *shape)
{
	pack_key(packer, key);
	msgpack_pack_array(packer, (size_t)shape->layers);
	for (int l = 0; l < shape->layers; l++)
		msgpack_pack_double(packer, values[(size_t)l * layer_parts(shape)]);
}

static void pack_heads(msgpack_packer *packer, const double *values,
                       const struct attribution_shape *shape)
{
	pack_key(packer, "heads");
	msgpack_pack_array(packer, (size_t)shape->layers);
	for (int l = 0; l < shape->layers; l++) {
		msgpack_pack_array(packer, (size_t)shape->heads);
		for (int h = 0; h < shape->heads; h++)
			msgpack_pack_double(packer, values[attribution_layer(shape, l) + (size_t)h]);
	}
}

void attribution_pack(msgpack_packer *packer, const struct attribution *attribution,
                      const double *values)
{
	const struct attribution_shape *shape = &attribution->shape;
	const double *behind_heads = values + EMBEDDINGS + shape->heads;

	msgpack_pack_map(packer, shape->biases ? 9 : 6);
	pack_key(packer, "against");
	text_field_pack(packer, attribution->against.bytes, attribution->against.size);
	pack_number(packer, "difference", attribution->difference);
	pack_number(packer, "embed", values[0]);
	pack_number(packer, "pos_embed", values[1]);
	pack_heads(packer, values, shape);
	if (shape->biases)
		pack_by_layer(packer, "attn_bias", behind_heads, shape);
	pack_by_layer(packer, "mlp", behind_heads + shape->biases, shape);
	if (!shape->biases)
		return;
	pack_by_layer(packer, "mlp_bias", behind_heads + 2, shape);
	pack_number(packer, "ln_final_bias", values[attribution_count(shape) - 1]);
}

/* ---- reading ---- */

/* A finite number; a writer may have made a whole one an integer. */
static bool number(const msgpack_object *object, double *value)
{
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
		*value = (double)object->via.u64;
	else if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		*value = (double)object->via.i64;
	else if (object->type == MSGPACK_OBJECT_FLOAT32 || object->type == MSGPACK_OBJECT_FLOAT64)
		*value = object->via.f64;
	else
		return false;
	return isfinite(*value);
}

static int read_number(const msgpack_object *map, const char *key, double *value, struct err *err)
{
	const msgpack_object *object = map_field(map, key);

	if (!object || !number(object, value))
		return err_set(err, "\"%s\": expected a finite number", key);
	return 0;
}

/* An array with one number for each of count; they go to every step-th place from to on. */
static bool read_list(const msgpack_object *array, int count, double *to, size_t step)
{
	if (!array || array->type != MSGPACK_OBJECT_ARRAY || array->via.array.size != (uint32_t)count)
		return false;
	for (int i = 0; i < count; i++)
		if (!number(&array->via.array.ptr[i], &to[(size_t)i * step]))
			return false;
	return true;
}

static int read_by_layer(const msgpack_object *map, const char *key, double *to,
                         const struct attribution_shape *shape, struct err *err)
{
	if (!read_list(map_field(map, key), shape->layers, to, layer_parts(shape)))
		return err_set(err, "\"%s\": expected a finite number for each of %d layers", key,
		               shape->layers);
	return 0;
}

static int read_heads(const msgpack_object *map, double *values,
                      const struct attribution_shape *shape, struct err *err)
{
	const msgpack_object *layer = map_field(map, "heads")->via.array.ptr;

	for (int l = 0; l < shape->layers; l++)
		if (!read_list(&layer[l], shape->heads, values + attribution_layer(shape, l), 1))
			return err_set(err, "\"heads\": layer %d: expected finite numbers", l);
	return 0;
}

/* How many layers and heads there are, and if there are biases. Values take memory only after
 * that. */
static int read_shape(const msgpack_object *map, struct attribution_shape *shape, struct err *err)
{
	const msgpack_object *heads = map_field(map, "heads");

	if (!heads || heads->type != MSGPACK_OBJECT_ARRAY || heads->via.array.size == 0)
		return err_set(err, "\"heads\": expected an array for each layer");
	const msgpack_object *layer = heads->via.array.ptr;
	shape->layers = (int)heads->via.array.size;
	for (int l = 0; l < shape->layers; l++)
		if (layer[l].type != MSGPACK_OBJECT_ARRAY ||
		    layer[l].via.array.size != layer[0].via.array.size)
			return err_set(err, "\"heads\": layer %d: expected as many numbers as layer 0 has", l);
	shape->heads = (int)layer[0].via.array.size;
	shape->biases = map_field(map, "attn_bias") || map_field(map, "mlp_bias") ||
	                map_field(map, "ln_final_bias");
	return 0;
}

static int read_values(const msgpack_object *map, const struct attribution_shape *shape,
                       double *values, struct err *err)
{
	double *behind_heads = values + EMBEDDINGS + shape->heads;

	if (read_number(map, "embed", &values[0], err) < 0 ||
	    read_number(map, "pos_embed", &values[1], err) < 0 ||
	    read_heads(map, values, shape, err) < 0 ||
	    read_by_layer(map, "mlp", behind_heads + shape->biases, shape, err) < 0)
		return -1;
	if (!shape->biases)
		return 0;
	if (read_by_layer(map, "attn_bias", behind_heads, shape, err) < 0 ||
	    read_by_layer(map, "mlp_bias", behind_heads + 2, shape, err) < 0)
		return -1;
	return read_number(map, "ln_final_bias", &values[attribution_count(shape) - 1], err);
}

int attribution_read(const msgpack_object *map, struct attribution *attribution,
                     struct attribution_values *values, struct err *err)
{
	const struct attribution_shape *shape = &attribution->shape;

	if (map->type != MSGPACK_OBJECT_MAP)
		return err_set(err, "expected a map");
	if (!text_field_read(map_field(map, "against"), &attribution->against))
		return err_set(err, "\"against\": expected a piece of text");
	if (read_number(map, "difference", &attribution->difference, err) < 0 ||
	    read_shape(map, &attribution->shape, err) < 0)
		return -1;
	attribution->first = values->count;
	if (array_reserve(&values->at, &values->room, values->count + attribution_count(shape)) < 0)
		return err_set(err, "out of memory");
	values->count += attribution_count(shape);
	return read_values(map, shape, values->at + attribution->first, err);
}
