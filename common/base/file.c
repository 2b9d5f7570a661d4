#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/array.h"

int file_write(int fd, const void *data, size_t size)
{
	const char *bytes = data;

	while (size > 0) {
		ssize_t written = write(fd, bytes, size);
		if (written < 0 && errno == EAGAIN) {
			struct pollfd ready = {.fd = fd, .events = POLLOUT};
			poll(&ready, 1, -1);
		} else if (written < 0 && errno != EINTR) {
			return -1;
		} else if (written > 0) {
			bytes += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

int file_open(const char *path, int flags)
{
	return TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, 0666));
}

int file_close(int fd)
{
	/* Linux closes it also if a signal interrupts that; a second try could close another file */
	return close(fd) < 0 && errno != EINTR ? -1 : 0;
}

int file_settle(int fd)
{
	int duplicate = dup(fd);

	return duplicate >= 0 ? file_close(duplicate) : 0;
}

bool file_reader_gone(int fd)
{
	struct pollfd out = {.fd = fd};

	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

int file_end_stdout(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout) && file_settle(STDOUT_FILENO) == 0)
		return 0;
	return err_set(err, "standard output: cannot write: %s", strerror(errno));
}

/* ---- writing ---- */

static int open_in(const struct directory *directory, const char *name, int flags)
{
	return TEMP_FAILURE_RETRY(openat(directory->fd, name, flags | O_CLOEXEC, 0666));
}

/* Open a temporary file that is not there yet; umask decides on its mode. */
static int open_temporary(const struct directory *directory, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL;
	int fd = open_in(directory, name, flags);

	/* left behind by a process of our number that was killed */
	if (fd < 0 && errno == EEXIST && TEMP_FAILURE_RETRY(unlinkat(directory->fd, name, 0)) == 0)
		fd = open_in(directory, name, flags);
	return fd;
}

int file_draft_open(struct file_draft *draft, const struct directory *directory,
                    const char *name, struct err *err)
{
	*draft = (struct file_draft){.directory = directory, .name = strdup(name), .fd = -1};
	if (asprintf(&draft->temporary, "%s.%ld.tmp", name, (long)getpid()) < 0)
		draft->temporary = NULL;
	if (!draft->name || !draft->temporary)
		err_set(err, "out of memory");
	else if ((draft->fd = open_temporary(directory, draft->temporary)) < 0)
		err_set(err, "%s/%s: cannot create: %s", directory->path, draft->temporary,
		        strerror(errno));
	if (draft->fd >= 0)
		return 0;
	free(draft->temporary);
	draft->temporary = NULL; /* nothing to unlink */
	file_draft_drop(draft);
	return -1;
}

void file_draft_unlink(const struct file_draft *draft)
{
	if (draft->temporary)
		(void)TEMP_FAILURE_RETRY(unlinkat(draft->directory->fd, draft->temporary, 0));
}

void file_draft_drop(struct file_draft *draft)
{
	if (draft->name && draft->fd >= 0)
		file_close(draft->fd);
	file_draft_unlink(draft);
	free(draft->temporary);
	free(draft->name);
	*draft = (struct file_draft){.fd = -1};
}

static int draft_failed(const struct file_draft *draft, const char *what, struct err *err)
{
	return err_set(err, "%s/%s: cannot %s: %s", draft->directory->path, draft->name, what,
	               strerror(errno));
}

static int close_draft(struct file_draft *draft, struct err *err)
{
	int fd = draft->fd;
	bool synced = TEMP_FAILURE_RETRY(fsync(fd)) == 0;

	draft->fd = -1;
	if (!synced)
		draft_failed(draft, "write", err);
	if (file_close(fd) < 0 && synced)
		draft_failed(draft, "write", err);
	return err->status == ERR_NONE ? 0 : -1;
}

static int keep_drafts(struct file_draft *drafts, int count, struct err *err)
{
	for (int i = 0; i < count; i++)
		if (close_draft(&drafts[i], err) < 0)
			return -1;
	for (int i = 0; i < count; i++) {
		const int fd = drafts[i].directory->fd;
		if (TEMP_FAILURE_RETRY(renameat(fd, drafts[i].temporary, fd, drafts[i].name)) < 0)
			return draft_failed(&drafts[i], "replace", err);
		char *renamed = drafts[i].temporary;
		drafts[i].temporary = NULL; /* nothing to unlink any more */
		free(renamed);
	}
	return count > 0 ? directory_sync(drafts[0].directory, err) : 0;
}

int file_drafts_keep(struct file_draft *drafts, int count, struct err *err)
{
	int result = keep_drafts(drafts, count, err);

	for (int i = 0; i < count; i++)
		file_draft_drop(&drafts[i]);
	return result;
}

static int write_parts(const struct file_draft *draft, const struct file_content *file,
                       struct err *err)
{
	for (int i = 0; i < file->count; i++)
		if (file_write(draft->fd, file->parts[i].iov_base, file->parts[i].iov_len) < 0)
			return draft_failed(draft, "write", err);
	return 0;
}

int file_replace_all(const struct directory *directory, const struct file_content *files,
                     int count, struct err *err)
{
	struct file_draft *drafts = calloc((size_t)count + 1, sizeof *drafts);
	int opened = 0, result = 0;

	if (!drafts)
		return err_set(err, "out of memory");
	while (opened < count && result == 0) {
		result = file_draft_open(&drafts[opened], directory, files[opened].name, err);
		if (result == 0)
			result = write_parts(&drafts[opened], &files[opened], err);
		opened++;
	}
	if (result == 0)
		result = file_drafts_keep(drafts, count, err);
	else
		for (int i = 0; i < opened; i++)
			file_draft_drop(&drafts[i]);
	free(drafts);
	return result;
}

/* ---- reading ---- */

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
	int fd = file_open(path, O_RDONLY | O_NONBLOCK);
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
	file_close(fd);
	return data;
}

/* Read to the end, of what tells no size. To free(). */
static char *read_on(int fd, const char *path, size_t max, size_t *size, struct err *err)
{
	size_t room = 0, done = 0;
	char *data = NULL;

	for (;;) {
		if (array_reserve(&data, &room, done + (64 << 10)) < 0) {
			err_set(err, "%s: out of memory", path);
			break;
		}
		ssize_t n = read(fd, data + done, room - done - 1); /* one for the NUL */
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set(err, "%s: cannot read: %s", path, strerror(errno));
			break;
		}
		done += (size_t)n;
		if (done > max) {
			err_set(err, "%s: more than %zu bytes, expected at most that", path, max);
			break;
		}
		if (n == 0) {
			*size = done;
			data[done] = 0;
			return data;
		}
	}
	free(data);
	return NULL;
}

bool file_inputs_standard(char **paths, int count)
{
	bool standard = count == 0;

	for (int i = 0; i < count; i++)
		standard |= strcmp(paths[i], "-") == 0;
	return standard;
}

char *file_read_any(const char *path, size_t max, size_t *size, struct err *err)
{
	const bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY);

	if (fd < 0) {
		err_set(err, "%s: cannot open: %s", err_path(path), strerror(errno));
		return NULL;
	}
	char *data = read_on(fd, err_path(path), max, size, err);
	if (!standard)
		file_close(fd);
	return data;
}

int file_spool(struct err *err)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];

	if (!directory || *directory == 0)
		directory = "/tmp";
	int fd;
	do { /* mkostemp() overwrites the template also if it fails */
		if (snprintf(path, sizeof path, "%s/memoscope.XXXXXX", directory) >= (int)sizeof path)
			return err_set(err, "TMPDIR: longer than %zu bytes", sizeof path);
		fd = mkostemp(path, O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0 && TEMP_FAILURE_RETRY(unlink(path)) == 0)
		return fd;
	err_set(err, "%s: cannot make a temporary file: %s", directory, strerror(errno));
	if (fd >= 0)
		file_close(fd);
	return -1;
}
