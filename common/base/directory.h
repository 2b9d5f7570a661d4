/* directory.h - directories that are written to: made, opened, locked, swept.
 *
 * An open directory stays the same one, also if it is renamed and another one is made at its path:
 * what is done in it by the descriptor never reaches the other one. directory_check() tells if
 * that has happened. A call that a signal interrupts (EINTR) is made again.
 */
#ifndef MEMOSCOPE_DIRECTORY_H
#define MEMOSCOPE_DIRECTORY_H

#include <dirent.h>
#include <stdbool.h>

#include "common/base/err.h"

/* A directory that is open. */
struct directory {
	char *path; /* owned: where it was opened, for messages */
	int fd; /* -1: not open */
};

#define DIRECTORY_CLOSED ((struct directory){.fd = -1})

/* Make a directory and its parents, if they are not there. -1 with err set, which names the one
 * that cannot be made. */
int directory_make(const char *path, struct err *err);

/* Open a directory; path may end in a symbolic link to one. -1 with err set; then it is closed. */
int directory_open(struct directory *directory, const char *path, struct err *err);

/* Make a directory in another one if it is not there, and open it. If the name is that of a
 * symbolic link, that is an error unless links is set. -1 with err set; then it is closed. */
int directory_open_in(struct directory *directory, const struct directory *parent,
                      const char *name, bool links, struct err *err);

/* Close it; a lock on it ends. One that is not open is allowed. */
void directory_close(struct directory *directory);

/* List its names; to closedir(). NULL with err set. */
DIR *directory_list(const struct directory *directory, struct err *err);

/* Lock a directory against other programs that lock it; or, shared, against those that lock it
 * not shared. The lock ends when the directory is closed, also if the process is killed. A file
 * system that has no locks does without. -1 with err set: to busy, if another program has it. */
int directory_lock(const struct directory *directory, bool shared, const char *busy,
                   struct err *err);

/* Does its path still lead to it? -1 with err set if it was removed, or renamed: then err says
 * where it is now, if that can be known. */
int directory_check(const struct directory *directory, struct err *err);

/* Was it removed? */
bool directory_removed(const struct directory *directory);

/* Remove a file in it; it is no error if there is none. -1 with err set. */
int directory_unlink(const struct directory *directory, const char *name, struct err *err);

/* Remove the temporary files (file.h) NAME.PID.tmp of names that are ours. The caller holds a
 * lock: nobody is writing them. -1 with err set. */
int directory_sweep(const struct directory *directory, bool (*ours)(const char *name),
                    struct err *err);

/* Make the names in it last through a loss of power. -1 with err set. */
int directory_sync(const struct directory *directory, struct err *err);

#endif
