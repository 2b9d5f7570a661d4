/* file.h - files read whole, and written whole or not at all; temporary files; descriptors.
 *
 * A file is written to a temporary file beside it, which is synced to disk and renamed over the
 * old one; then the directory is synced. Whatever fails, and whenever, the name holds the old
 * file or the new one, whole. A process that is killed leaves its temporary file, NAME.PID.tmp:
 * directory_sweep() removes such files. All this is done by the descriptor of the directory, so
 * that no file comes into another one that has taken its path.
 *
 * A call that a signal interrupts (EINTR) is made again.
 */
#ifndef MEMOSCOPE_FILE_H
#define MEMOSCOPE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "common/base/directory.h"
#include "common/base/err.h"

/* A file to write: its name in a directory and its bytes, in parts. */
struct file_content {
	const char *name;
	const struct iovec *parts;
	int count; /* parts */
};

/* Write several files into a directory: none is renamed before all of them are on the disk, and
 * they are renamed in the order given. -1 with err set. */
int file_replace_all(const struct directory *directory, const struct file_content *files,
                     int count, struct err *err);

/* A file that is written piece by piece: the caller writes to fd, a temporary file's. */
struct file_draft {
	const struct directory *directory; /* the caller's, open until the draft is gone */
	char *name, *temporary; /* owned; NULL: none */
	int fd;
};

/* Begin a draft. -1 with err set; then there is nothing to drop. */
int file_draft_open(struct file_draft *draft, const struct directory *directory,
                    const char *name, struct err *err);

/* Sync and close all drafts, which are in one directory; then rename each to its name, in order;
 * then sync the directory. The drafts are gone in any case. -1 with err set. */
int file_drafts_keep(struct file_draft *drafts, int count, struct err *err);

/* Remove a draft. A zeroed draft, or one that was kept, is allowed. */
void file_draft_drop(struct file_draft *draft);

/* Remove its temporary file only. A signal handler may do this. */
void file_draft_unlink(const struct file_draft *draft);

/* Is the standard input one of the inputs that paths name? It is if count is 0 or one is "-". */
bool file_inputs_standard(char **paths, int count);

/* Read a regular file of at most max bytes. The memory is the caller's to
 * free(); a NUL follows the last byte. NULL with err set. */
char *file_read(const char *path, size_t max, size_t *size, struct err *err);

/* The same of anything that can be read to its end, also a pipe or a terminal. "-" is the standard
 * input. */
char *file_read_any(const char *path, size_t max, size_t *size, struct err *err);

/* A new empty file without a name, in TMPDIR (/tmp if that is not set): a descriptor to read
 * and write. The file is gone when it is closed. -1 with err set. */
int file_spool(struct err *err);

/* Open a file, with O_CLOEXEC; a new one gets mode 0666, less umask. -1 with errno set. */
int file_open(const char *path, int flags);

/* Close a descriptor. -1 with errno set: what was written may be lost. */
int file_close(int fd);

/* Write all of size bytes, also to a descriptor that does not block. -1 with errno set. */
int file_write(int fd, const void *data, size_t size);

/* Report errors that some file systems report only at the close: closes a duplicate; fd stays
 * open. -1 with errno set. */
int file_settle(int fd);

/* Is the reader of a pipe or terminal gone, so that writes to the descriptor fail? */
bool file_reader_gone(int fd);

/* End what was printed to stdout: flush it, and report what was lost, at last by file_settle().
 * -1 with err set. */
int file_end_stdout(struct err *err);

#endif
