/* file_map.c - mapped files, and what happens if a file becomes shorter under its map. */
#include "common/base/file_map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"

enum { PAGES = 5 };

/* The sum of one byte of each page from `first` on. */
static long sum(const struct file_map *map, size_t page, size_t first)
{
	long result = 0;

	for (size_t i = first; i < PAGES; i++)
		result += *(volatile const char *)(map->bytes + i * page + 7);
	return result;
}

int main(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct file_map_guard guard;
	struct file_map map, again;
	struct err err = {0};
	char path[64];
	int status = 0, fd = memfd_create("file", 0);

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < PAGES * page; i++)
		if (write(fd, &(char){1}, 1) != 1)
			printf("# cannot write\n");
	is_int(file_map_open(&map, path, &err), 0, "a file is mapped by its path");
	ok(map.size == PAGES * page && sum(&map, page, 0) == PAGES, "  whole");
	ok(file_map_descriptor(&again, fd, path, &err) == 0 && sum(&again, page, 0) == PAGES,
	   "and by its descriptor");
	errno = EDOM;
	file_map_guard(&guard);
	long read = sum(&map, page, 0);
	ok(file_map_unguard(&guard) && read == PAGES, "guarded, it reads as it is");
	is_int(errno, EDOM, "  and errno stays");

	if (ftruncate(fd, (off_t)(2 * page)) < 0)
		printf("# cannot cut\n");
	file_map_guard(&guard);
	read = sum(&map, page, 0);
	ok(!file_map_unguard(&guard) && read == 2,
	   "pages that are gone read as zeros, and that is told");
	is_int(errno, EDOM, "  and errno stays");
	file_map_guard(&guard);
	read = sum(&again, page, 0);
	ok(!file_map_unguard(&guard) && read == 2, "a second time, of another map");

	file_map_close(&again);
	file_map_open(&again, path, &err);
	fflush(stdout);
	if (fork() == 0) {
		signal(SIGBUS, SIG_DFL); /* not a sanitizer's */
		if (ftruncate(fd, 0) < 0)
			_exit(2);
		_exit(*(volatile const char *)again.bytes);
	}
	wait(&status);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "without a guard it kills");
	file_map_close(&map);
	file_map_close(&again);

	is_int(file_map_open(&map, "/nowhere", &err), -1, "no such file");
	is_string(err.text, "/nowhere: cannot open: No such file or directory", "  which is said");
	err = (struct err){0};
	is_int(file_map_open(&map, "/dev/null", &err), -1, "a device");
	ok(strstr(err.text, "/dev/null: not a regular file") != NULL, "  which is said");
	return done();
}
