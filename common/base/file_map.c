#include "common/base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"

int file_map_open(struct file_map *map, const char *path, struct err *err)
{
	/* O_NONBLOCK: a FIFO in place of the file must not block */
	int fd = file_open(path, O_RDONLY | O_NONBLOCK);

	*map = (struct file_map){0};
	if (fd < 0)
		return err_set(err, "%s: cannot open: %s", path, strerror(errno));
	int result = file_map_descriptor(map, fd, path, err);
	file_close(fd);
	return result;
}

int file_map_descriptor(struct file_map *map, int fd, const char *path, struct err *err)
{
	struct stat status;
	int result = 0;

	*map = (struct file_map){0};
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
	return result;
}

void file_map_drop(const struct file_map *map, size_t offset, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = offset / page * page;

	if (size > 0)
		madvise((void *)(map->bytes + begin), offset + size - begin, MADV_DONTNEED);
}

/* errno is the thread's own, so it can tell file_map_unguard() what happened: nothing that a
 * guarded thread does sets it to this. */
#define PAGE_LOST ENOTRECOVERABLE

/* Zeros come in place of the page that cannot be read, and the instruction is repeated. */
static void replace_page(int number, siginfo_t *info, void *context)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *at = (void *)((uintptr_t)info->si_addr / page * page);

	(void)context;
	if (info->si_code == BUS_ADRERR &&
	    mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at)
		errno = PAGE_LOST;
	else
		signal(number, SIG_DFL); /* repeated, it kills */
}

void file_map_guard(struct file_map_guard *guard)
{
	struct sigaction action = {.sa_sigaction = replace_page, .sa_flags = SA_SIGINFO};

	guard->error = errno;
	errno = 0;
	sigaction(SIGBUS, &action, &guard->before);
}

bool file_map_unguard(const struct file_map_guard *guard)
{
	const bool lost = errno == PAGE_LOST;

	sigaction(SIGBUS, &guard->before, NULL);
	errno = guard->error;
	return !lost;
}

void file_map_close(struct file_map *map)
{
	if (map->bytes)
		munmap((void *)map->bytes, map->size);
	*map = (struct file_map){0};
}
