#include "common/stream/stream_spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file.h"

int stream_spool_open(struct stream_spool *spool, const json_t *header, struct err *err)
{
	*spool = (struct stream_spool){.fd = file_spool(err)};
	if (spool->fd < 0)
		return -1;
	spool->writer = stream_create(spool->fd, "temporary file", header, err);
	if (spool->writer)
		return 0;
	stream_spool_drop(spool);
	return -1;
}

int stream_spool_add(struct stream_spool *spool, const struct stream_record *record,
                     struct err *err)
{
	return stream_copy(spool->writer, record->bytes, record->size, err);
}

struct stream_reader *stream_spool_read(struct stream_spool *spool, const char *const *kinds,
                                        struct err *err)
{
	struct stream_writer *writer = spool->writer;

	spool->writer = NULL;
	int result = stream_end(writer, err);
	if (result == 0 && (lseek(spool->fd, 0, SEEK_SET) < 0 ||
	                    TEMP_FAILURE_RETRY(dup2(spool->fd, STDIN_FILENO)) < 0))
		result = err_set(err, "temporary file: %s", strerror(errno));
	stream_spool_drop(spool);
	return result == 0 ? stream_open("-", kinds, err) : NULL;
}

void stream_spool_drop(struct stream_spool *spool)
{
	stream_abandon(spool->writer);
	if (spool->fd >= 0)
		file_close(spool->fd);
	*spool = (struct stream_spool){.fd = -1};
}
