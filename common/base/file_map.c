#include "common/base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"

int file_map_open(struct file_map *map, const char *path, struct err *err)
{
	/* O_NONBLOCK: a FIFO in place of the file must not block */
	int fd = file_open(path, O_RDONLY | O_NONBLOCK);
	struct stat status;
	int result = 0;

	*map = (struct file_map){0};
	if (fd < 0)
		return err_set(err, "%s: cannot open: %s", path, strerror(errno));
	if (fstat(fd, &status) < 0) {
		result = err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		result = err_set(err, "%s: not a regular file", path);
	} else if (status.st_size > 0) {
		const size_t size = (size_t)status.st_size;
		void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			result = err_set(err, "%s: cannot map: %s", path, strerror(errno));
		else
			*map = (struct file_map){bytes, size};
	}
	file_close(fd);
	return result;
}

void file_map_drop(const struct file_map *map, size_t offset, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = offset / page * page;

	if (size > 0)
		madvise((void *)(map->bytes + begin), offset + size - begin, MADV_DONTNEED);
}

void file_map_close(struct file_map *map)
{
	if (map->bytes)
		munmap((void *)map->bytes, map->size);
	*map = (struct file_map){0};
}
