/* metrics_output.h - where the metrics of a run go: the standard output, or a file that stays one
 * readable stream of the whole run, however often the run is killed and resumed.
 *
 * A file is repaired when a resumed run opens it. A killed run leaves it without its end, or with
 * half a record; and with records behind the last save, whose steps are made again. All of that
 * is cut away, the segment gets its end, and the resumed run appends a segment of its own.
 */
#ifndef MEMOSCOPE_METRICS_OUTPUT_H
#define MEMOSCOPE_METRICS_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/stream/stream.h"

struct metrics_output {
	const char *path; /* the caller's; NULL: the standard output */
	int fd;
	struct stream_writer *writer; /* NULL: nothing is written */
	bool unread; /* the reader is gone, and nothing more is written */
	uint64_t cut; /* bytes of a record that was cut off; they were removed */
	uint64_t again; /* records of steps that are made again; they were removed */
};

/* Open the output (path NULL: the standard output) and write the header. after: the step that a
 * resumed run goes on from; -1: a new run, which replaces the metrics in the file. due: are there
 * steps to make? If not, a file that has metrics is repaired only. -1 with err set: also if the
 * file holds anything but metrics, is damaged in other places than its end, or another run writes
 * to it; then it is left as it is. */
int metrics_output_open(struct metrics_output *output, const char *path, int64_t after, bool due,
                        const json_t *header, struct err *err);

/* Write a record (metrics.h), whose reference it takes; NULL: none. -1 with err set. If the reader
 * is gone, that is no error, but output->unread is set. */
int metrics_output_write(struct metrics_output *output, json_t *record, struct err *err);

/* End the stream. -1 with err set, as metrics_output_write(). */
int metrics_output_end(struct metrics_output *output, struct err *err);

#endif
