#include "common/base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"

/* ---- making and opening ---- */

/* One directory, whose parent stands. */
static int make_one(const char *path, struct err *err)
{
	struct stat status;

	if (TEMP_FAILURE_RETRY(mkdir(path, 0777)) == 0)
		return 0;
	const int error = errno;
	/* one that stands may be in a place where none could be made */
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return 0;
	if (error == EEXIST)
		return err_set(err, "%s: not a directory", path);
	return err_set(err, "%s: cannot make directory: %s", path, strerror(error));
}

int directory_make(const char *path, struct err *err)
{
	char *partial = strdup(path);
	int result = 0;

	if (!partial)
		return err_set(err, "out of memory");
	for (char *p = partial; *p && result == 0; p++) {
		if (*p != '/' || p == partial)
			continue;
		*p = 0;
		result = make_one(partial, err);
		*p = '/';
	}
	free(partial);
	return result == 0 ? make_one(path, err) : -1;
}

int directory_open(struct directory *directory, const char *path, struct err *err)
{
	*directory = (struct directory){.path = strdup(path), .fd = -1};
	if (!directory->path)
		return err_set(err, "out of memory");
	directory->fd = file_open(path, O_RDONLY | O_DIRECTORY);
	if (directory->fd >= 0)
		return 0;
	err_set(err, "%s: cannot open: %s", path, strerror(errno));
	directory_close(directory);
	return -1;
}

int directory_open_in(struct directory *directory, const struct directory *parent,
                      const char *name, bool links, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (links ? 0 : O_NOFOLLOW);
	const char *what = "open";
	struct stat status;

	*directory = DIRECTORY_CLOSED;
	if (asprintf(&directory->path, "%s/%s", parent->path, name) < 0) {
		directory->path = NULL;
		return err_set(err, "out of memory");
	}
	directory->fd = TEMP_FAILURE_RETRY(openat(parent->fd, name, flags));
	if (directory->fd < 0 && errno == ENOENT) {
		what = "make directory";
		if (TEMP_FAILURE_RETRY(mkdirat(parent->fd, name, 0777)) == 0)
			directory->fd = TEMP_FAILURE_RETRY(openat(parent->fd, name, flags));
	}
	if (directory->fd >= 0)
		return 0;
	const int error = errno;
	if (!links && fstatat(parent->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(status.st_mode))
		err_set(err, "%s: a symbolic link, expected a directory; nothing is written through it",
		        directory->path);
	else if (error == ENOTDIR || error == EEXIST)
		err_set(err, "%s: not a directory", directory->path);
	else
		err_set(err, "%s: cannot %s: %s", directory->path, what, strerror(error));
	directory_close(directory);
	return -1;
}

void directory_close(struct directory *directory)
{
	if (directory->fd >= 0)
		file_close(directory->fd);
	free(directory->path);
	*directory = DIRECTORY_CLOSED;
}

DIR *directory_list(const struct directory *directory, struct err *err)
{
	int fd = TEMP_FAILURE_RETRY(openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (list)
		return list;
	err_set(err, "%s: cannot open: %s", directory->path, strerror(errno));
	if (fd >= 0)
		file_close(fd);
	return NULL;
}

/* ---- whose it is, and where ---- */

int directory_lock(const struct directory *directory, bool shared, const char *busy,
                   struct err *err)
{
	const int operation = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;

	if (TEMP_FAILURE_RETRY(flock(directory->fd, operation)) == 0 || errno != EWOULDBLOCK)
		return 0;
	return err_set(err, "%s: %s", directory->path, busy);
}

bool directory_removed(const struct directory *directory)
{
	struct stat own;

	return fstat(directory->fd, &own) == 0 && own.st_nlink == 0;
}

int directory_check(const struct directory *directory, struct err *err)
{
	char link[64], now[PATH_MAX];
	struct stat own, there;

	if (fstat(directory->fd, &own) < 0)
		return err_set(err, "%s: %s", directory->path, strerror(errno));
	if (stat(directory->path, &there) == 0 && there.st_dev == own.st_dev &&
	    there.st_ino == own.st_ino)
		return 0;
	if (own.st_nlink == 0)
		return err_set(err, "%s: it was removed meanwhile", directory->path);
	snprintf(link, sizeof link, "/proc/self/fd/%d", directory->fd);
	const ssize_t size = readlink(link, now, sizeof now - 1);
	now[size < 0 ? 0 : size] = '\0';
	return err_set(err, "%s: it was renamed or replaced meanwhile%s%s", directory->path,
	               size < 0 ? "" : "; it is now ", now);
}

/* ---- what is in it ---- */

int directory_unlink(const struct directory *directory, const char *name, struct err *err)
{
	if (TEMP_FAILURE_RETRY(unlinkat(directory->fd, name, 0)) == 0 || errno == ENOENT)
		return 0;
	return err_set(err, "%s/%s: cannot remove: %s", directory->path, name, strerror(errno));
}

/* The size of NAME if this is the name of a draft, NAME.PID.tmp; else 0. */
static size_t draft_name(const char *name)
{
	static const char ending[] = ".tmp";
	size_t size = strlen(name), digits = 0;

	if (size < sizeof ending || strcmp(name + size - (sizeof ending - 1), ending) != 0)
		return 0;
	size -= sizeof ending - 1;
	for (; size > 0 && name[size - 1] >= '0' && name[size - 1] <= '9'; size--)
		digits++;
	return digits > 0 && size > 1 && name[size - 1] == '.' ? size - 1 : 0;
}

int directory_sweep(const struct directory *directory, bool (*ours)(const char *name),
                    struct err *err)
{
	DIR *list = directory_list(directory, err);
	const struct dirent *entry;
	int result = 0;

	if (!list)
		return -1;
	while (result == 0 && (entry = readdir(list)) != NULL) {
		char name[sizeof entry->d_name];
		snprintf(name, sizeof name, "%.*s", (int)draft_name(entry->d_name), entry->d_name);
		if (*name && ours(name))
			result = directory_unlink(directory, entry->d_name, err);
	}
	closedir(list);
	return result;
}

int directory_sync(const struct directory *directory, struct err *err)
{
	/* EINVAL: a file system that cannot sync a directory */
	if (TEMP_FAILURE_RETRY(fsync(directory->fd)) == 0 || errno == EINVAL)
		return 0;
	return err_set(err, "%s: cannot sync: %s", directory->path, strerror(errno));
}
