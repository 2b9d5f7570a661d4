/* The map "attribution" of a step: its order and names, what is written comes back, what is none
 * gets a line. */
#include "common/stream/attribution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/stream/json.h"
#include "tests/tap.h"

static const struct attribution_shape plain = {2, 3, false}, biased = {2, 3, true};

static void check_names(const struct attribution_shape *shape, const char *want)
{
	char have[400] = "", name[ATTRIBUTION_NAME_MAX];

	for (size_t i = 0; i < attribution_count(shape); i++) {
		attribution_name(shape, i, name);
		snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", i > 0 ? " " : "", name);
	}
	is_string(have, want, "the names of all parts, in their order");
}

/* An object that msgpack-c unpacked; zone: to destroy. */
static msgpack_object unpack(const msgpack_sbuffer *buffer, msgpack_zone *zone)
{
	msgpack_object object;
	size_t at = 0;

	msgpack_zone_init(zone, 1024);
	if (msgpack_unpack(buffer->data, buffer->size, &at, zone, &object) != MSGPACK_UNPACK_SUCCESS)
		abort();
	return object;
}

/* Values 0.5, 1.5 … go out and come back behind those of another step. */
static void check_round_trip(const struct attribution_shape *shape, const char *json)
{
	const struct attribution in = {.against = {"\xf0\x9f", 2}, .difference = -2.5, .shape = *shape};
	const size_t count = attribution_count(shape);
	struct attribution_values all = {0};
	struct attribution out;
	double values[40];
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_zone zone;
	struct err err = {0};

	for (size_t i = 0; i < count; i++)
		values[i] = (double)i + 0.5;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	attribution_pack(&packer, &in, values);
	const msgpack_object map = unpack(&buffer, &zone);
	json_t *have = json_from_msgpack(&map, &err), *want = json_loads(json, 0, NULL);
	ok(have && want && json_equal(have, want), "what is written");
	bool good = attribution_read(&map, &out, &all, &err) == 0 &&
	            attribution_read(&map, &out, &all, &err) == 0;
	good = good && out.first == count && all.count == 2 * count &&
	       memcmp(all.at + out.first, values, count * sizeof *values) == 0;
	good = good && out.difference == -2.5 && out.against.size == 2 &&
	       memcmp(out.against.bytes, "\xf0\x9f", 2) == 0 &&
	       out.shape.layers == shape->layers && out.shape.heads == shape->heads &&
	       out.shape.biases == shape->biases;
	ok(good, "comes back: %s", err.text);
	json_decref(have);
	json_decref(want);
	free(all.at);
	msgpack_zone_destroy(&zone);
	msgpack_sbuffer_destroy(&buffer);
}

/* Read a map from its JSON: the error, or "". */
static void read_json(const char *json, char text[512])
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	struct attribution_values all = {0};
	struct attribution out;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_zone zone;
	struct err err = {0};

	if (!value)
		printf("Bail out! %s\n", json);
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	json_to_msgpack(value, &packer);
	const msgpack_object object = unpack(&buffer, &zone);
	attribution_read(&object, &out, &all, &err);
	snprintf(text, 512, "%s", err.text);
	free(all.at);
	json_decref(value);
	msgpack_zone_destroy(&zone);
	msgpack_sbuffer_destroy(&buffer);
}

#define BEGIN "{\"against\":\"b\",\"difference\":1,\"embed\":-1,\"pos_embed\":0.5,"
#define HEADS "\"heads\":[[1,2],[-3,4]],"

static void check_read(void)
{
	static const struct {
		const char *json, *error;
	} rows[] = {
		{BEGIN HEADS "\"mlp\":[1,2]}", ""},
		{BEGIN HEADS "\"mlp\":[1,2],\"attn_bias\":[1,2],\"mlp_bias\":[0,0],\"ln_final_bias\":0}",
		 ""},
		{BEGIN "\"heads\":[[]],\"mlp\":[1]}", ""},
		{"7", "expected a map"},
		{"{}", "\"against\": expected a piece of text"},
		{"{\"against\":5}", "\"against\": expected a piece of text"},
		{"{\"against\":\"b\"}", "\"difference\": expected a finite number"},
		{"{\"against\":\"b\",\"difference\":null}", "\"difference\": expected a finite number"},
		{"{\"against\":\"b\",\"difference\":1}", "\"heads\": expected an array for each layer"},
		{BEGIN "\"heads\":[],\"mlp\":[]}", "\"heads\": expected an array for each layer"},
		{BEGIN "\"heads\":[1,2],\"mlp\":[1,2]}",
		 "\"heads\": layer 0: expected as many numbers as layer 0 has"},
		{BEGIN "\"heads\":[[1,2],[3]],\"mlp\":[1,2]}",
		 "\"heads\": layer 1: expected as many numbers as layer 0 has"},
		{BEGIN "\"heads\":[[1,2],[3,\"4\"]],\"mlp\":[1,2]}",
		 "\"heads\": layer 1: expected finite numbers"},
		{BEGIN HEADS "\"mlp\":[1]}", "\"mlp\": expected a finite number for each of 2 layers"},
		{BEGIN HEADS "\"mlp\":[1,[]]}", "\"mlp\": expected a finite number for each of 2 layers"},
		{BEGIN HEADS "\"x\":[1,2]}", "\"mlp\": expected a finite number for each of 2 layers"},
		{BEGIN HEADS "\"mlp\":[1,2],\"mlp_bias\":[1,2],\"ln_final_bias\":0}",
		 "\"attn_bias\": expected a finite number for each of 2 layers"},
		{BEGIN HEADS "\"mlp\":[1,2],\"attn_bias\":[1,2],\"mlp_bias\":[0,0]}",
		 "\"ln_final_bias\": expected a finite number"},
		{"{\"against\":\"b\",\"difference\":1,\"pos_embed\":1," HEADS "\"mlp\":[1,2]}",
		 "\"embed\": expected a finite number"},
		{"{\"against\":\"b\",\"difference\":1,\"embed\":1,\"pos_embed\":\"\"," HEADS
		 "\"mlp\":[1,2]}",
		 "\"pos_embed\": expected a finite number"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		read_json(rows[i].json, text);
		is_string(text, rows[i].error, rows[i].error[0] ? "bad" : "good");
	}
}

int main(void)
{
	check_names(&plain, "embed pos_embed head:0.0 head:0.1 head:0.2 mlp:0 head:1.0 head:1.1 "
	            "head:1.2 mlp:1");
	check_names(&biased, "embed pos_embed head:0.0 head:0.1 head:0.2 attn_bias:0 mlp:0 mlp_bias:0 "
	            "head:1.0 head:1.1 head:1.2 attn_bias:1 mlp:1 mlp_bias:1 ln_final_bias");
	check_round_trip(&plain, "{\"against\":[240,159],\"difference\":-2.5,\"embed\":0.5,"
	                 "\"pos_embed\":1.5,\"heads\":[[2.5,3.5,4.5],[6.5,7.5,8.5]],"
	                 "\"mlp\":[5.5,9.5]}");
	check_round_trip(&biased, "{\"against\":[240,159],\"difference\":-2.5,\"embed\":0.5,"
	                 "\"pos_embed\":1.5,\"heads\":[[2.5,3.5,4.5],[8.5,9.5,10.5]],"
	                 "\"attn_bias\":[5.5,11.5],\"mlp\":[6.5,12.5],\"mlp_bias\":[7.5,13.5],"
	                 "\"ln_final_bias\":14.5}");
	check_read();
	return done();
}
