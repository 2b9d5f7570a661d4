/* mkstream KIND [FIELDS] - write a stream of a kind, whose header has FIELDS (a
 * JSON object) too and whose records are the JSON objects on stdin, one a line.
 * {"!hex": "c0…"} stands for an object that is packed as these bytes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/stream/json.h"
#include "common/stream/pack.h"
#include "common/stream/stream.h"

static void pack_hex(const char *hex, msgpack_packer *packer)
{
	for (; hex[0] && hex[1]; hex += 2) {
		const char digits[3] = {hex[0], hex[1], '\0'};
		char byte = (char)strtol(digits, NULL, 16);
		packer->callback(packer->data, &byte, 1);
	}
}

static void pack(json_t *value, msgpack_packer *packer)
{
	const char *hex = json_string_value(json_object_get(value, "!hex")), *key;
	json_t *part;
	size_t i;

	if (hex) {
		pack_hex(hex, packer);
	} else if (json_is_object(value)) {
		msgpack_pack_map(packer, json_object_size(value));
		json_object_foreach (value, key, part) {
			pack_key(packer, key);
			pack(part, packer);
		}
	} else if (json_is_array(value)) {
		msgpack_pack_array(packer, json_array_size(value));
		json_array_foreach (value, i, part)
			pack(part, packer);
	} else {
		json_to_msgpack(value, packer);
	}
}

int main(int argc, char **argv)
{
	struct err err = {0};
	char *line = NULL;
	size_t room = 0;

	if (argc < 2)
		die_usage("expected KIND [FIELDS]");
	json_t *header = header_new(argv[1], NULL, argc, argv);
	json_t *fields = argc > 2 ? json_loads(argv[2], JSON_ALLOW_NUL, NULL) : json_object();
	if (json_object_update(header, fields) < 0)
		die("'%s' is not a JSON object", argv[2]);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "stdout", header, &err);
	if (!writer)
		err_exit(&err);
	while (getline(&line, &room, stdin) > 0) {
		json_t *record = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		if (!record)
			die("not JSON: %s", line);
		pack(record, stream_record(writer));
		json_decref(record);
		stream_commit(writer, &err);
	}
	if (stream_end(writer, &err) < 0)
		err_exit(&err);
	json_decref(fields);
	json_decref(header);
	free(line);
	return 0;
}
