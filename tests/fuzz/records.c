/* Any bytes as records, behind a header and before an end that are right: the
 * first byte says of which kind. So what lies behind a checksum is reached. */
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The header of a kind, packed once. */
static const msgpack_sbuffer *header_of(unsigned kind)
{
	static const char *const headers[] = {
		"{\"memoscope\": 1, \"stream\": \"text\", \"chain\": []}",
		"{\"memoscope\": 1, \"stream\": \"tokens\", \"chain\": [], \"vocab\": \"\\n 0123:AB\"}",
		"{\"memoscope\": 1, \"stream\": \"generations\", \"chain\": [], \"vocab\": \"AB\"}",
		"{\"memoscope\": 1, \"stream\": \"metrics\", \"chain\": []}",
		("{\"memoscope\": 1, \"stream\": \"attention\", \"chain\": [], "
		 "\"bin\": {\"p\": \"f32\", \"q\": \"u16\"}, \"vocab\": \"AB\", "
		 "\"model\": {\"layers\": 2, \"heads\": 2}}"),
	};
	enum { KINDS = sizeof headers / sizeof *headers };
	static msgpack_sbuffer packed[KINDS];
	msgpack_packer packer;

	kind %= KINDS;
	if (packed[kind].size == 0) {
		json_t *header = json_loads(headers[kind], 0, NULL);
		msgpack_packer_init(&packer, &packed[kind], msgpack_sbuffer_write);
		json_to_msgpack(header, &packer);
		json_decref(header);
	}
	return &packed[kind];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = -1;

	if (size == 0)
		return 0;
	/* How many records the bytes are is not known: two counts are tried. */
	for (uint64_t count = 1; count <= 2; count++) {
		char *bytes = malloc(size);
		memcpy(bytes, data + 1, size - 1);
		const msgpack_sbuffer records = {.data = bytes, .size = size - 1};
		struct bytes stream = segment(header_of(data[0]), &records, count);
		read_all(hold(&fd, stream.data, stream.size));
		free(stream.data);
		free(bytes);
	}
	close(fd);
	return 0;
}
