#include "common/train/metrics_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/base/file.h"
#include "common/stream/map.h"
#include "common/stream/segment.h"
#include "common/train/metrics.h"

static const char *const kinds[] = {STREAM_METRICS, NULL};

static int failed(const struct metrics_output *output, const char *what, struct err *err)
{
	return err_set(err, "%s: cannot %s: %s", output->path, what, strerror(errno));
}

/* ---- repair ---- */

/* The step of a record; -1: none. */
static int64_t step_of(const struct stream_record *record)
{
	const msgpack_object *step = map_field(record->map, "step");

	return step && step->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? (int64_t)step->via.u64 : -1;
}

/* Does a header begin anywhere behind this place? Then somebody appended a stream to one that was
 * cut off, which must not be lost. */
static bool header_behind(int fd, uint64_t place)
{
	static const char mark[] = "\xa9memoscope"; /* the first key of a header */
	const size_t size = sizeof mark - 1;
	char bytes[1 << 16];
	ssize_t count;

	while ((count = TEMP_FAILURE_RETRY(pread(fd, bytes, sizeof bytes, (off_t)place))) >=
	       (ssize_t)size) {
		if (memmem(bytes, (size_t)count, mark, size))
			return true;
		place += (uint64_t)count - size + 1;
	}
	return false;
}

/* Find what is to be kept: all up to the first record behind the step, or up to the cut. The rest
 * must be readable, but for a cut end. *size becomes that of the whole file. */
static int find_end(struct metrics_output *output, struct stream_reader *reader, int64_t after,
                    struct stream_place *keep, struct err *err)
{
	struct stream_record record;
	struct err why = {0};
	int status;

	*keep = stream_place(reader);
	while ((status = stream_next(reader, &record, &why)) > 0) {
		if (output->again > 0 || step_of(&record) > after)
			output->again++;
		if (output->again == 0)
			*keep = stream_place(reader);
	}
	const struct stream_place last = stream_place(reader);
	if (output->again == 0)
		*keep = last;
	if (status == 0)
		return 0;
	const uint64_t rest = last.end + (last.inside ? 0 : 2); /* the header that was cut off itself */
	if (!last.cut || header_behind(output->fd, rest))
		return err_set(err, "%s; mpcat(1), Broken streams, says how to read the rest", why.text);
	const off_t size = lseek(output->fd, 0, SEEK_END);
	output->cut = size > (off_t)last.end ? (uint64_t)size - last.end : 0;
	return 0;
}

/* The checksum of the file's bytes from begin to end. */
static int checksum(const struct metrics_output *output, uint64_t begin, uint64_t end,
                    uint64_t *sum, struct err *err)
{
	XXH3_state_t *hash = XXH3_createState();
	char bytes[1 << 16];
	int result = hash ? 0 : err_set(err, "out of memory");

	if (hash)
		XXH3_64bits_reset(hash);
	while (result == 0 && begin < end) {
		const size_t wanted = end - begin < sizeof bytes ? (size_t)(end - begin) : sizeof bytes;
		ssize_t count = TEMP_FAILURE_RETRY(pread(output->fd, bytes, wanted, (off_t)begin));
		if (count <= 0) {
			result = failed(output, "read", err);
			break;
		}
		XXH3_64bits_update(hash, bytes, (size_t)count);
		begin += (uint64_t)count;
	}
	if (result == 0)
		*sum = XXH3_64bits_digest(hash);
	XXH3_freeState(hash);
	return result;
}

/* Cut the file off, and end its last segment. A run that is killed in between leaves a cut end. */
static int cut_off(const struct metrics_output *output, const struct stream_place *keep,
                   struct err *err)
{
	char end[SEGMENT_END_BYTES];
	uint64_t sum;

	if (keep->inside && checksum(output, keep->segment, keep->end, &sum, err) < 0)
		return -1;
	if (ftruncate(output->fd, (off_t)keep->end) < 0 || lseek(output->fd, 0, SEEK_END) < 0)
		return failed(output, "cut off its end", err);
	const size_t size = keep->inside ? segment_end(end, keep->records, sum) : 0;
	return file_write(output->fd, end, size) < 0 ? failed(output, "write", err) : 0;
}

/* The file is not empty: keep of it what belongs to the run. */
static int repair(struct metrics_output *output, int64_t after, struct err *err)
{
	struct stream_reader *reader = stream_open(output->path, kinds, err);
	struct stream_place keep;

	if (!reader)
		return -1;
	int result = after < 0 ? 0 : find_end(output, reader, after, &keep, err);
	stream_close(reader);
	if (result == 0 && after < 0)
		return ftruncate(output->fd, 0) < 0 ? failed(output, "empty it", err) : 0;
	return result == 0 ? cut_off(output, &keep, err) : -1;
}

/* ---- the output ---- */

/* Open a file, repaired. *holds: does it hold metrics then? */
static int open_file(struct metrics_output *output, int64_t after, bool *holds, struct err *err)
{
	struct stat status;

	/* A pipe must not be opened for reading, or its reader's end would not be noticed. */
	const bool device = stat(output->path, &status) == 0 && !S_ISREG(status.st_mode);
	output->fd = file_open(output->path, device ? O_WRONLY : O_RDWR | O_CREAT);
	if (output->fd < 0 || fstat(output->fd, &status) < 0)
		return failed(output, "open", err);
	if (device)
		return 0; /* nothing to repair */
	if (flock(output->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return err_set(err, "%s: another program is writing to it", output->path);
	*holds = status.st_size > 0 && after >= 0;
	return status.st_size > 0 ? repair(output, after, err) : 0;
}

int metrics_output_open(struct metrics_output *output, const char *path, int64_t after, bool due,
                        const json_t *header, struct err *err)
{
	bool holds = false;

	*output = (struct metrics_output){.path = path, .fd = STDOUT_FILENO};
	if (path && open_file(output, after, &holds, err) < 0) {
		if (output->fd >= 0)
			file_close(output->fd);
		return -1;
	}
	if (holds && !due)
		return 0;
	output->writer = stream_create(output->fd, path ? path : "standard output", header, err);
	return output->writer ? 0 : -1;
}

/* A write failed: that is no error if the reader is gone. */
static int unwritten(struct metrics_output *output, const struct err *why, struct err *err)
{
	output->unread = file_reader_gone(output->fd);
	return output->unread ? 0 : err_set(err, "%s", why->text);
}

int metrics_output_write(struct metrics_output *output, json_t *record, struct err *err)
{
	struct err why = {0};
	const int result = record ? metrics_write(output->writer, record, &why) : 0;

	json_decref(record);
	return result < 0 ? unwritten(output, &why, err) : 0;
}

int metrics_output_end(struct metrics_output *output, struct err *err)
{
	struct err why = {0};
	int result = output->writer ? stream_end(output->writer, &why) : 0;

	output->writer = NULL;
	result = result < 0 ? unwritten(output, &why, err) : 0;
	if (output->path && file_close(output->fd) < 0 && result == 0)
		result = failed(output, "write", err);
	return result;
}
