/* JSON becomes msgpack and comes back as it was. */
#include <stdlib.h>

#include "common/stream/json.h"
#include "tests/tap.h"

static void json(void)
{
	const char *document = "{\"a\": [1, -2, 2.5, true, false, null, "
	                       "\"x\\ny\", {}, [], \"\"], "
	                       "\"b\": {\"c\": 9007199254740993, \"d\": -9223372036854775808}}";
	json_t *value = json_loads(document, 0, NULL), *back;
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	msgpack_unpacked unpacked;

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	json_to_msgpack(value, &packer);
	msgpack_unpacked_init(&unpacked);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data);
	ok(back && json_equal(value, back), "JSON comes back from msgpack as it was");
	json_decref(back);
	json_decref(value);

	buffer.size = 0;
	msgpack_pack_array(&packer, 4);
	msgpack_pack_double(&packer, NAN);
	msgpack_pack_float(&packer, -INFINITY);
	msgpack_pack_bin(&packer, 2);
	msgpack_pack_bin_body(&packer, "\x00\xff", 2);
	msgpack_pack_uint64(&packer, UINT64_MAX);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data);
	char *dumped = back ? json_dumps(back, JSON_COMPACT | JSON_REAL_PRECISION(3)) : NULL;
	is_string(dumped, "[null,null,[0,255],1.84e19]", "what JSON has no word for");
	free(dumped);
	json_decref(back);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&buffer);
}

int main(void)
{
	json();
	return done();
}
