/* faults.c - system calls that fail: a shared object for LD_PRELOAD. No program is linked with it.
 *
 *   FAULT=KIND:N:WHAT   The N-th call of this kind, from 1, goes wrong. If N is "each", each call
 *                       goes wrong; if WHAT is EINTR then, every other one, so that a second try
 *                       succeeds.
 *   FAULT_LOG=FILE      Append a line "KIND N PATH" for each call, also for one that goes wrong.
 *                       So a test knows how many calls of a kind there are, and of which files.
 *
 * KIND is a name of the table "kinds" below. WHAT is
 *   ENOSPC, EIO, EINTR  The call fails with this error and does nothing. But a close does close,
 *                       as it does on Linux. A close or sync that fails with ENOSPC or EIO loses
 *                       what was written to the file, as over a network.
 *   short               Read and write do half of what they were asked for.
 *   before, after       SIGKILL ends the program before the call, or after it.
 *
 * A test must not depend on a clock or wait for a disk: CLOCK_MONOTONIC stands still, and fsync
 * does nothing.
 *
 * Calls within libc do not come here. So stdio's functions that open a file count as "open", and
 * stdout becomes a stream that writes by the write() of this file. It does what glibc's stream of
 * a file does: it goes on after a short write, and fails after EINTR.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* A fortified libc makes macros and inline functions of some. */
#undef read
#undef pread

enum kind { READ, WRITE, OPEN, CLOSE, SYNC, RENAME, MKDIR, RMDIR, UNLINK, TRUNCATE, FLOCK, KINDS };

static const char *const kinds[KINDS] = {
	[READ] = "read", /* and pread, readv */
	[WRITE] = "write", /* and pwrite, writev */
	[OPEN] = "open", /* and openat, creat, mkostemp, fopen, opendir */
	[CLOSE] = "close",
	[SYNC] = "sync", /* fsync, fdatasync */
	[RENAME] = "rename", /* and renameat, renameat2 */
	[MKDIR] = "mkdir", /* and mkdirat */
	[RMDIR] = "rmdir",
	[UNLINK] = "unlink", /* and unlinkat */
	[TRUNCATE] = "truncate", /* ftruncate */
	[FLOCK] = "flock",
};

enum what { NOTHING, ERROR, SHORT, BEFORE, AFTER };

static struct {
	enum kind kind;
	int number; /* 0: each */
	enum what what;
	int error; /* of ERROR */
	int log; /* a descriptor; -1: none */
} fault = {.kind = KINDS, .log = -1};
static int counts[KINDS];

static void killed(void)
{
	kill(getpid(), SIGKILL);
}

static void log_call(enum kind kind, int number, const char *path)
{
	char line[4096 + 64];
	int size = snprintf(line, sizeof line, "%s %d %s\n", kinds[kind], number, path);

	if (size > 0 && (size_t)size < sizeof line)
		syscall(SYS_write, fault.log, line, (size_t)size);
}

/* What a call is about: the path of the file fd (path NULL), or path, in the directory fd if that
 * is one. What is below the working directory is told from there, as if by a path. */
static void tell_path(const char *path, int fd, char text[4096])
{
	char link[64], folder[2048] = "", here[2048] = "";
	const size_t size = getcwd(here, sizeof here) ? strlen(here) : 0;

	if (path && (fd < 0 || *path == '/')) {
		snprintf(text, 4096, "%s", path);
		return;
	}
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	const ssize_t got = readlink(link, folder, sizeof folder - 1);
	folder[got < 0 ? 0 : got] = '\0';
	const bool below = path && strncmp(folder, here, size) == 0 && folder[size] == '/';
	snprintf(text, 4096, "%s%s%s", folder + (below ? size + 1 : 0), path ? "/" : "",
	         path ? path : "");
}

/* Count a call and say what becomes of it. errno is set for ERROR. path, fd: as tell_path() takes
 * them. */
static enum what begin(enum kind kind, const char *path, int fd)
{
	const int number = __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
	char text[4096];

	if (fault.log >= 0) {
		tell_path(path, fd, text);
		log_call(kind, number, text);
	}
	if (fault.kind != kind || (fault.number > 0 && fault.number != number))
		return NOTHING;
	/* the second try of an interrupted call */
	if (fault.number == 0 && fault.error == EINTR && number % 2 == 0)
		return NOTHING;
	if (fault.what == BEFORE)
		killed();
	if (fault.what == ERROR)
		errno = fault.error;
	return fault.what;
}

/* The result of a call that was made. */
static long finish(enum what what, long result)
{
	if (what == AFTER)
		killed();
	return result;
}

/* A call of libc's: declares real, a pointer to it. */
#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* All that a function does: count, then fail or make the call. path, fd: as begin() takes them. */
#define CALL(kind, path, fd, name, ...) \
	do { \
		REAL(name); \
		const enum what what = begin(kind, path, fd); \
		return what == ERROR ? -1 : (int)finish(what, real(__VA_ARGS__)); \
	} while (0)

/* ---- reading and writing ---- */

static size_t part(enum what what, size_t size)
{
	return what == SHORT && size > 1 ? size / 2 : size;
}

#define TRANSFER(kind, name, fd, data, size, ...) \
	do { \
		REAL(name); \
		const enum what what = begin(kind, NULL, fd); \
		if (what == ERROR) \
			return -1; \
		return finish(what, real(fd, data, part(what, size), ##__VA_ARGS__)); \
	} while (0)

ssize_t read(int fd, void *data, size_t size)
{
	TRANSFER(READ, read, fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
	TRANSFER(READ, pread, fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
	TRANSFER(WRITE, write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	TRANSFER(WRITE, pwrite, fd, data, size, at);
}

/* What a fortified libc calls. */
ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
ssize_t __read_chk(int fd, void *data, size_t size, size_t room)
{
	return size <= room ? read(fd, data, size) : (abort(), -1);
}

ssize_t __pread_chk(int fd, void *data, size_t size, off_t at, size_t room);
ssize_t __pread_chk(int fd, void *data, size_t size, off_t at, size_t room)
{
	return size <= room ? pread(fd, data, size, at) : (abort(), -1);
}

/* A short one does half of the parts. */
ssize_t readv(int fd, const struct iovec *parts, int count)
{
	TRANSFER(READ, readv, fd, parts, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	TRANSFER(WRITE, writev, fd, parts, count);
}

/* As glibc's own stream of a file does. */
static ssize_t write_stdout(void *cookie, const char *data, size_t size)
{
	size_t done = 0;

	(void)cookie;
	while (done < size) {
		const ssize_t count = write(STDOUT_FILENO, data + done, size - done);
		if (count < 0)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

/* ---- opening and closing ---- */

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN_BY(name, path, ...) \
	do { \
		va_list args; \
		va_start(args, flags); \
		const mode_t mode = mode_of(flags, args); \
		va_end(args); \
		CALL(OPEN, path, -1, name, __VA_ARGS__, mode); \
	} while (0)

int open(const char *path, int flags, ...)
{
	OPEN_BY(open, path, path, flags);
}

int open64(const char *path, int flags, ...)
{
	OPEN_BY(open64, path, path, flags);
}

int openat(int directory, const char *path, int flags, ...)
{
	OPEN_BY(openat, path, directory, path, flags);
}

int openat64(int directory, const char *path, int flags, ...)
{
	OPEN_BY(openat64, path, directory, path, flags);
}

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
	return open(path, flags);
}

int creat(const char *path, mode_t mode)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int mkostemp(char *path, int flags)
{
	CALL(OPEN, path, -1, mkostemp, path, flags);
}

FILE *fopen(const char *path, const char *mode)
{
	REAL(fopen);
	const enum what what = begin(OPEN, path, -1);

	return what == ERROR ? NULL : (FILE *)finish(what, (long)real(path, mode));
}

DIR *opendir(const char *path)
{
	REAL(opendir);
	const enum what what = begin(OPEN, path, -1);

	return what == ERROR ? NULL : (DIR *)finish(what, (long)real(path));
}

static void lose_data(int fd)
{
	const int error = errno, flags = fcntl(fd, F_GETFL);

	if (error != EINTR && flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		syscall(SYS_ftruncate, fd, 0L);
	errno = error;
}

int close(int fd)
{
	REAL(close);
	const enum what what = begin(CLOSE, NULL, fd);

	if (what == ERROR)
		lose_data(fd);
	const int error = errno, result = real(fd);
	if (what == ERROR)
		errno = error;
	return what == ERROR ? -1 : (int)finish(what, result);
}

/* ---- files ---- */

static int sync_nothing(int fd)
{
	const enum what what = begin(SYNC, NULL, fd);

	if (what == ERROR)
		lose_data(fd);
	return what == ERROR ? -1 : (int)finish(what, fcntl(fd, F_GETFD) < 0 ? -1 : 0);
}

int fsync(int fd)
{
	return sync_nothing(fd);
}

int fdatasync(int fd)
{
	return sync_nothing(fd);
}

int rename(const char *from, const char *to)
{
	CALL(RENAME, to, -1, rename, from, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	CALL(RENAME, to, to_directory, renameat, from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
	CALL(RENAME, to, to_directory, renameat2, from_directory, from, to_directory, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
	CALL(MKDIR, path, -1, mkdir, path, mode);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
	CALL(MKDIR, path, directory, mkdirat, directory, path, mode);
}

int rmdir(const char *path)
{
	CALL(RMDIR, path, -1, rmdir, path);
}

int unlink(const char *path)
{
	CALL(UNLINK, path, -1, unlink, path);
}

int unlinkat(int directory, const char *path, int flags)
{
	CALL(UNLINK, path, directory, unlinkat, directory, path, flags);
}

int ftruncate(int fd, off_t size)
{
	CALL(TRUNCATE, NULL, fd, ftruncate, fd, size);
}

int flock(int fd, int operation)
{
	CALL(FLOCK, NULL, fd, flock, fd, operation);
}

/* ---- time ---- */

int clock_gettime(clockid_t clock, struct timespec *time)
{
	REAL(clock_gettime);

	if (clock != CLOCK_MONOTONIC)
		return real(clock, time);
	*time = (struct timespec){.tv_sec = 1};
	return 0;
}

/* ---- what goes wrong ---- */

static bool wrong_word(const char *word)
{
	static const struct {
		const char *word;
		enum what what;
		int error;
	} words[] = {
		{"ENOSPC", ERROR, ENOSPC}, {"EIO", ERROR, EIO}, {"EINTR", ERROR, EINTR},
		{"short", SHORT, 0}, {"before", BEFORE, 0}, {"after", AFTER, 0},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i].word) == 0) {
			fault.what = words[i].what;
			fault.error = words[i].error;
			return false;
		}
	return true;
}

/* -1: it is no such text */
static int read_fault(const char *text)
{
	char kind[16], number[16], what[16], *end;

	if (sscanf(text, "%15[a-z]:%15[a-z0-9]:%15[A-Za-z]", kind, number, what) != 3)
		return -1;
	for (fault.kind = 0; fault.kind < KINDS && strcmp(kinds[fault.kind], kind) != 0;)
		fault.kind++;
	fault.number = strcmp(number, "each") == 0 ? 0 : (int)strtol(number, &end, 10);
	if (strcmp(number, "each") != 0 && (*end != '\0' || fault.number < 1))
		return -1;
	return fault.kind == KINDS || wrong_word(what) ? -1 : 0;
}

__attribute__((constructor)) static void prepare(void)
{
	const char *text = getenv("FAULT"), *log = getenv("FAULT_LOG");
	const cookie_io_functions_t by_write = {.write = write_stdout};
	static char buffer[BUFSIZ];

	/* a process that this one starts is no part of the test */
	unsetenv("LD_PRELOAD");
	if (text != NULL && read_fault(text) < 0) {
		fprintf(stderr, "FAULT=%s: expected KIND:N:WHAT\n", text);
		_exit(99);
	}
	if (log != NULL)
		fault.log = (int)syscall(SYS_openat, AT_FDCWD, log,
		                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (log != NULL && fault.log < 0) {
		fprintf(stderr, "FAULT_LOG=%s: cannot open\n", log);
		_exit(99);
	}
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		return;
	stdout = fopencookie(NULL, "w", by_write);
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}
