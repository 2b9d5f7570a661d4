/* stream_spool.h - a stream that is read twice, though it comes through a pipe.
 *
 * While the records are read for the first time, they are copied to a file without a name
 * (file_spool()). The copy then takes the place of the standard input, and is read as that.
 */
#ifndef MEMOSCOPE_STREAM_SPOOL_H
#define MEMOSCOPE_STREAM_SPOOL_H

#include "common/base/err.h"
#include "common/stream/stream.h"

struct stream_spool {
	int fd; /* private, as all; -1: none */
	struct stream_writer *writer;
};

/* Begin a copy of a stream with this header. -1 with err set; then there is nothing to drop. */
int stream_spool_open(struct stream_spool *spool, const json_t *header, struct err *err);

/* Copy one record. -1 with err set. */
int stream_spool_add(struct stream_spool *spool, const struct stream_record *record,
                     struct err *err);

/* All records are copied: read them from the beginning, from what is now the standard input. kinds
 * as in stream_open(). The spool is gone in any case. NULL with err set. */
struct stream_reader *stream_spool_read(struct stream_spool *spool, const char *const *kinds,
                                        struct err *err);

void stream_spool_drop(struct stream_spool *spool); /* one that is gone is allowed */

#endif
