/* file_map.h - a regular file, mapped into memory to read. */
#ifndef MEMOSCOPE_FILE_MAP_H
#define MEMOSCOPE_FILE_MAP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct file_map {
	const char *bytes; /* NULL if the file is empty */
	size_t size;
};

/* Map the file at path. -1 with err set; then there is nothing to close. */
int file_map_open(struct file_map *map, const char *path, struct err *err);

/* The same of a file that is open for reading, and may be closed afterwards. path: for messages. */
int file_map_descriptor(struct file_map *map, int fd, const char *path, struct err *err);

/* Give back the memory of size bytes at offset, which were read. They may be read again. */
void file_map_drop(const struct file_map *map, size_t offset, size_t size);

/* A page of a map cannot be read if the file has become shorter, or if its disk fails. The process
 * then dies of SIGBUS. Between file_map_guard() and file_map_unguard(), which returns false, such
 * pages read as zeros instead. Both are of one thread, and cost a system call each. */
struct file_map_guard {
	struct sigaction before; /* private, as all */
	int error;
};
void file_map_guard(struct file_map_guard *guard);
bool file_map_unguard(const struct file_map_guard *guard);

void file_map_close(struct file_map *map); /* a zeroed one is allowed */

#endif
