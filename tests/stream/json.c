/* JSON becomes msgpack and comes back as it was. */
#include <stdlib.h>
#include <string.h>

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
	struct err err = {0};

	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	json_to_msgpack(value, &packer);
	msgpack_unpacked_init(&unpacked);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data, &err);
	ok(back && json_equal(value, back), "JSON comes back from msgpack as it was");
	json_decref(back);
	json_decref(value);

	buffer.size = 0;
	msgpack_pack_array(&packer, 3);
	msgpack_pack_double(&packer, NAN);
	msgpack_pack_float(&packer, -INFINITY);
	msgpack_pack_bin(&packer, 2);
	msgpack_pack_bin_body(&packer, "\x00\xff", 2);
	msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
	back = json_from_msgpack(&unpacked.data, &err);
	char *dumped = back ? json_dumps(back, JSON_COMPACT | JSON_REAL_PRECISION(3)) : NULL;
	is_string(dumped, "[null,null,[0,255]]", "what JSON has no word for");
	free(dumped);
	json_decref(back);
	msgpack_unpacked_destroy(&unpacked);
	msgpack_sbuffer_destroy(&buffer);
}

/* What has no JSON form: why. */
static void refused(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *why;
	} rows[] = {
#define ROW(bytes, why) {bytes, sizeof(bytes) - 1, why}
		ROW("\x81\xa1" "a\xa2\xc3(", "text that is not UTF-8"),
		ROW("\x81\xa2\xc3(\x01", "a key that is not UTF-8"),
		ROW("\x81\xa2" "a\0\x01", "U+0000 in a key"),
		ROW("\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		    "the integer 18446744073709551615 is above 2^63 - 1"),
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows + 1; i++) {
		bool last = i == sizeof rows / sizeof *rows;
		msgpack_unpacked unpacked;
		struct err err = {0};
		msgpack_unpacked_init(&unpacked);
		if (last) {
			char object[4 + 256 + 1] = "\x81\xda\x01\x00";
			memset(object + 4, 'k', 256);
			object[4 + 256] = 1;
			msgpack_unpack_next(&unpacked, object, sizeof object, NULL);
		} else {
			msgpack_unpack_next(&unpacked, rows[i].bytes, rows[i].size, NULL);
		}
		ok(!json_from_msgpack(&unpacked.data, &err), "no JSON");
		is_string(err.text, last ? "a key of 256 bytes: at most 255 are allowed" : rows[i].why,
		          "and why");
		msgpack_unpacked_destroy(&unpacked);
	}
}

int main(void)
{
	json();
	refused();
	return done();
}
