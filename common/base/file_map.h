/* file_map.h - a regular file, mapped into memory to read. */
#ifndef MEMOSCOPE_FILE_MAP_H
#define MEMOSCOPE_FILE_MAP_H

#include <stddef.h>

#include "common/base/err.h"

struct file_map {
	const char *bytes; /* NULL if the file is empty */
	size_t size;
};

/* Map the file at path. -1 with err set; then there is nothing to close. */
int file_map_open(struct file_map *map, const char *path, struct err *err);

/* Give back the memory of size bytes at offset, which were read. They may be read again. */
void file_map_drop(const struct file_map *map, size_t offset, size_t size);

void file_map_close(struct file_map *map); /* a zeroed one is allowed */

#endif
