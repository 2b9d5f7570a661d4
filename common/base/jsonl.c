#include "common/base/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/array.h"
#include "common/base/file.h"

struct jsonl {
	char *path;
	FILE *file; /* read from begin to end by jsonl_next() */
	FILE *copy; /* of what was taken from a file that cannot be read again; else NULL */
	uint64_t copy_max; /* its bytes at most */
	int copy_error; /* an errno; EOVERFLOW: copy_max bytes were not enough */
	uint64_t offset, line, column; /* of the next byte; column counts code points before it */
	enum { UNKNOWN, LINES, ARRAY, ENDED } form;
	bool any; /* a value of the array has come */
	uint32_t size; /* of the value under way */
	char *bytes; /* of the value that is read again */
	size_t room;
};

/* ---- opening ---- */

/* A file without a name to copy to. */
static FILE *open_copy(const char *path, struct err *err)
{
	int fd = file_spool(err);
	FILE *copy = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!copy) {
		if (fd >= 0)
			file_close(fd);
		err_set(err, "%s: out of memory", path);
	}
	return copy;
}

/* A file open for reading, at a place that is not offset 0 where standard input was read
 * from before. */
static FILE *open_file(const char *path, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? dup(STDIN_FILENO) : file_open(path, O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file) {
		/* a standard input that was closed is one that nothing can be read from */
		err_set(err, "%s: cannot %s: %s", err_path(path), standard ? "read" : "open",
		        strerror(standard && errno == EINVAL ? EBADF : errno));
		if (fd >= 0)
			file_close(fd);
	}
	return file;
}

static bool is_regular(FILE *file)
{
	struct stat status;

	return fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
}

struct jsonl *jsonl_open(const char *path, uint64_t copy_max, struct err *err)
{
	struct jsonl *file = calloc(1, sizeof *file);

	if (!file || !(file->path = strdup(err_path(path))))
		err_set(err, "%s: out of memory", err_path(path));
	else
		file->file = open_file(path, err);
	if (file && file->file && !is_regular(file->file))
		file->copy = open_copy(err_path(path), err);
	if (err->status) {
		jsonl_close(file);
		return NULL;
	}
	file->copy_max = copy_max;
	off_t at = ftello(file->file);
	file->offset = at > 0 ? (uint64_t)at : 0;
	file->line = 1;
	return file;
}

void jsonl_close(struct jsonl *file)
{
	if (!file)
		return;
	if (file->file)
		fclose(file->file);
	if (file->copy)
		fclose(file->copy);
	free(file->path);
	free(file->bytes);
	free(file);
}

const char *jsonl_name(const struct jsonl *file)
{
	return file->path;
}

/* ---- one value after the other ---- */

/* Put a byte that was taken into the copy. */
static int put_copy(struct jsonl *file, int c)
{
	if (file->offset == file->copy_max)
		file->copy_error = EOVERFLOW;
	else if (putc_unlocked(c, file->copy) == EOF)
		file->copy_error = errno;
	return file->copy_error ? EOF : c;
}

static int take(struct jsonl *file)
{
	int c = file->copy_error ? EOF : getc_unlocked(file->file);

	if (c == EOF || (file->copy && put_copy(file, c) == EOF))
		return EOF;
	file->offset++;
	if (c == '\n') {
		file->line++;
		file->column = 0;
	} else if ((c & 0xc0) != 0x80) {
		file->column++;
	}
	return c;
}

static int peek(struct jsonl *file)
{
	int c = file->copy_error ? EOF : getc_unlocked(file->file);

	if (c != EOF)
		ungetc(c, file->file);
	return c;
}

/* The next character that is no whitespace, not yet taken. */
static int peek_past_blanks(struct jsonl *file)
{
	int c;

	while ((c = peek(file)) == ' ' || c == '\t' || c == '\r' || c == '\n')
		take(file);
	return c;
}

/* Has reading or copying failed? Then -1 with err set. */
static int check_io(const struct jsonl *file, struct err *err)
{
	if (file->copy_error == EOVERFLOW)
		return err_set(err, "%s: more than %ju bytes, too many to copy from a pipe: name a file",
		               file->path, (uintmax_t)file->copy_max);
	if (file->copy_error)
		return err_set(err, "%s: cannot copy to a temporary file: %s", file->path,
		               strerror(file->copy_error));
	if (ferror(file->file))
		return err_set(err, "%s: cannot read: %s", file->path, strerror(errno));
	return 0;
}

static int bad(const struct jsonl *file, struct err *err, const char *what)
{
	if (check_io(file, err) < 0)
		return -1;
	return err_set(err, "%s:%ju: column %ju: %s", file->path, (uintmax_t)file->line,
	               (uintmax_t)file->column, what);
}

/* Give jansson a byte: by one at a time it does not take more than its value. */
static size_t give(void *buffer, size_t size, void *data)
{
	struct jsonl *file = data;
	int c = size == 0 || file->size == JSONL_VALUE_MAX ? EOF : take(file);

	if (c == EOF)
		return 0;
	*(char *)buffer = (char)c;
	file->size++;
	return 1;
}

static int read_value(struct jsonl *file, json_t **value, struct jsonl_place *place,
                      struct err *err)
{
	uint64_t column = file->column;
	json_error_t error;

	*place = (struct jsonl_place){.offset = file->offset, .line = file->line};
	file->size = 0;
	*value = json_load_callback(give, file, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK,
	                            &error);
	place->size = file->size;
	if (*value)
		return 1;
	if (file->size == JSONL_VALUE_MAX)
		return err_set(err, "%s:%ju: a value of more than %d bytes", file->path,
		               (uintmax_t)place->line, JSONL_VALUE_MAX);
	if (check_io(file, err) < 0)
		return -1;
	return err_set(err, "%s:%ju: column %ju: %s", file->path,
	               (uintmax_t)place->line + (uintmax_t)(error.line > 0 ? error.line - 1 : 0),
	               (uintmax_t)error.column + (error.line > 1 ? 0 : column), error.text);
}

/* To the next value of the array: 1; past its end: 0. */
static int next_of_array(struct jsonl *file, struct err *err)
{
	int c = peek_past_blanks(file);

	if (c == ']') {
		take(file);
		file->form = ENDED;
		if (peek_past_blanks(file) == EOF)
			return check_io(file, err);
		take(file);
		return bad(file, err, "something stands behind the array");
	}
	if (file->any && c != ',') {
		take(file);
		return bad(file, err, c == EOF ? "the array does not end" : "expected ',' or ']'");
	}
	if (file->any) {
		take(file);
		peek_past_blanks(file);
	}
	file->any = true;
	return 1;
}

/* A byte order mark, which some programs write, is none of the data. */
static int pass_mark(struct jsonl *file, struct err *err)
{
	if (peek(file) != 0xef)
		return 0;
	if (take(file) != 0xef || take(file) != 0xbb || take(file) != 0xbf)
		return bad(file, err, "neither JSON nor a byte order mark");
	file->column--; /* it is no character of the line */
	return 0;
}

static int begin(struct jsonl *file, struct err *err)
{
	if (pass_mark(file, err) < 0)
		return -1;
	file->form = LINES;
	if (peek_past_blanks(file) != '[')
		return 0;
	take(file);
	file->form = ARRAY;
	return 0;
}

int jsonl_next(struct jsonl *file, json_t **value, struct jsonl_place *place, struct err *err)
{
	if (file->form == UNKNOWN && begin(file, err) < 0)
		return -1;
	if (file->form == ENDED)
		return 0;
	if (file->form == ARRAY) {
		int more = next_of_array(file, err);
		if (more <= 0)
			return more;
	} else {
		peek_past_blanks(file);
		if (pass_mark(file, err) < 0) /* of a file that was appended */
			return -1;
		if (peek_past_blanks(file) == EOF)
			return check_io(file, err);
	}
	return read_value(file, value, place, err);
}

/* ---- a value again ---- */

json_t *jsonl_at(struct jsonl *file, uint64_t offset, uint32_t size, struct err *err)
{
	size_t done = 0;

	if (array_reserve(&file->bytes, &file->room, size) < 0) {
		err_set(err, "%s: out of memory", file->path);
		return NULL;
	}
	if (file->copy && fflush(file->copy) == EOF)
		file->copy_error = errno;
	if (check_io(file, err) < 0)
		return NULL;
	const int fd = fileno(file->copy ? file->copy : file->file);
	while (done < size) {
		ssize_t count = pread(fd, file->bytes + done, size - done, (off_t)(offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			err_set(err, "%s: cannot read: %s", file->path, strerror(errno));
		if (count <= 0)
			break;
		done += (size_t)count;
	}
	json_t *value = done < size ? NULL : json_loadb(file->bytes, size, JSON_REJECT_DUPLICATES,
	                                                NULL);
	if (!value)
		err_set(err, "%s: changed while it was read", file->path);
	return value;
}
