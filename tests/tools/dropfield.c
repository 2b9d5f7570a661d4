/* dropfield FIELD: a stream from stdin to stdout, without a field of its header. */
#include <unistd.h>

#include "common/stream/stream.h"

int main(int argc, char **argv)
{
	struct err err = {0};
	struct stream_reader *reader = stream_open("-", NULL, &err);
	struct stream_record record;
	int status = -1;

	if (!reader || argc != 2)
		err_exit(&err);
	json_t *header = json_copy((json_t *)stream_header(reader));
	if (json_object_del(header, argv[1]) < 0)
		die("the header has no \"%s\"", argv[1]);
	struct stream_writer *writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	while (writer && (status = stream_next(reader, &record, &err)) > 0)
		stream_copy(writer, record.bytes, record.size, &err);
	if (!writer || status < 0 || stream_end(writer, &err) < 0)
		err_exit(&err);
	json_decref(header);
	stream_close(reader);
	return 0;
}
