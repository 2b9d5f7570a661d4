#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Write all of size bytes. -1 with errno set. */
static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_parts(int fd, const struct file_content *file)
{
	for (int i = 0; i < file->count; i++) {
		if (write_all(fd, file->parts[i].iov_base, file->parts[i].iov_len) < 0)
			return -1;
	}
	return fsync(fd);
}

/* Open a temporary file that is not there yet; umask decides on its mode. */
static int open_temporary(const char *path)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = open(path, flags, 0666);

	/* left behind by a process of our number that was killed */
	if (fd < 0 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, flags, 0666);
	return fd;
}

static int write_temporary(const char *path, const struct file_content *file, struct err *err)
{
	int fd = open_temporary(path);

	if (fd < 0)
		return err_set(err, "%s: cannot create: %s", path, strerror(errno));
	if (write_parts(fd, file) < 0) {
		err_set(err, "%s: cannot write: %s", file->path, strerror(errno));
		close(fd);
		unlink(path);
		return -1;
	}
	if (close(fd) < 0) {
		err_set(err, "%s: cannot write: %s", file->path, strerror(errno));
		unlink(path);
		return -1;
	}
	return 0;
}

/* Make a rename in the directory of path last through a loss of power. */
static int sync_directory(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash == path ? strdup("/")
	                : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int rc = 0;

	if (directory == NULL)
		return err_set(err, "out of memory");
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: a file system that cannot sync a directory */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		rc = err_set(err, "%s: cannot sync: %s", directory, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(directory);
	return rc;
}

/* All temporary files, then all renames; on failure, the temporary files that
 * are left are removed. */
static int replace_all(const struct file_content *files, char *const *temporary, int count,
                       struct err *err)
{
	int written = 0, renamed = 0;

	while (written < count) {
		if (write_temporary(temporary[written], &files[written], err) < 0)
			break;
		written++;
	}
	while (written == count && renamed < count) {
		if (rename(temporary[renamed], files[renamed].path) < 0) {
			err_set(err, "%s: cannot replace: %s", files[renamed].path,
			        strerror(errno));
			break;
		}
		renamed++;
	}
	for (int i = renamed; i < written; i++)
		unlink(temporary[i]);
	if (renamed < count)
		return -1;
	for (int i = 0; i < count; i++) {
		if (sync_directory(files[i].path, err) < 0)
			return -1;
	}
	return 0;
}

int file_replace_all(const struct file_content *files, int count, struct err *err)
{
	char **temporary = calloc((size_t)count + 1, sizeof *temporary);
	int rc = 0;

	if (temporary == NULL)
		return err_set(err, "out of memory");
	for (int i = 0; i < count && rc == 0; i++) {
		if (asprintf(&temporary[i], "%s.%ld.tmp", files[i].path, (long)getpid()) < 0) {
			temporary[i] = NULL;
			rc = err_set(err, "out of memory");
		}
	}
	if (rc == 0)
		rc = replace_all(files, temporary, count, err);
	for (int i = 0; i < count; i++)
		free(temporary[i]);
	free(temporary);
	return rc;
}

int file_replace(const char *path, const void *data, size_t size, struct err *err)
{
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct file_content file = {path, &part, 1};

	return file_replace_all(&file, 1, err);
}

/* Read size bytes and no more. */
static int read_all(int fd, const char *path, char *data, size_t size, struct err *err)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, "%s: cannot read: %s", path, strerror(errno));
		if (n == 0)
			return err_set(err, "%s: ended after %zu bytes of %zu", path, done, size);
		done += (size_t)n;
	}
	return 0;
}

char *file_read(const char *path, size_t max, size_t *size, struct err *err)
{
	/* O_NONBLOCK: a FIFO in a file's place must not hang us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *data = NULL;

	if (fd < 0) {
		err_set(err, "%s: cannot open: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) < 0) {
		err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		err_set(err, "%s: not a regular file", path);
	} else if ((uintmax_t)status.st_size > max) {
		err_set(err, "%s: %jd bytes, expected at most %zu", path,
		        (intmax_t)status.st_size, max);
	} else if ((data = malloc((size_t)status.st_size + 1)) == NULL) {
		err_set(err, "%s: out of memory", path);
	} else if (read_all(fd, path, data, (size_t)status.st_size, err) < 0) {
		free(data);
		data = NULL;
	} else {
		*size = (size_t)status.st_size;
		data[*size] = 0;
	}
	close(fd);
	return data;
}

int directory_make(const char *path, struct err *err)
{
	char *partial = strdup(path);
	struct stat status;

	if (partial == NULL)
		return err_set(err, "out of memory");
	for (char *p = partial; *p; p++) {
		if (*p != '/' || p == partial)
			continue;
		*p = 0;
		mkdir(partial, 0777); /* the last mkdir tells what went wrong, if anything */
		*p = '/';
	}
	free(partial);
	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(err, "%s: cannot make directory: %s", path, strerror(errno));
	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return err_set(err, "%s: not a directory", path);
	return 0;
}
