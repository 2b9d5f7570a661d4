/* Files of JSON: one value after the other, and any of them again. */
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "common/base/jsonl.h"
#include "tests/tap.h"

/* A file that holds text, by a path. */
static const char *hold(const char *text, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("jsonl", 0);
	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

static uint64_t copy_max = 11; /* bytes of a pipe at most */

#define HOLD(text) hold(text, sizeof(text) - 1)

/* All values, as "{}@line+offset" with blanks between; err where it ends in one. */
static const char *read_all(const char *path, struct err *err)
{
	static char out[1 << 12];
	struct jsonl *file = jsonl_open(path, copy_max, err);
	struct jsonl_place place;
	json_t *value;
	size_t at = 0;
	bool again = true;

	out[0] = '\0';
	while (file && jsonl_next(file, &value, &place, err) > 0) {
		json_t *same = jsonl_at(file, place.offset, place.size, err);
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
		again = again && json_equal(value, same);
		at += (size_t)snprintf(out + at, sizeof out - at, "%s%s@%ju+%ju", at ? " " : "", text,
		                       (uintmax_t)place.line, (uintmax_t)place.offset);
		free(text);
		json_decref(value);
		json_decref(same);
	}
	jsonl_close(file);
	return again ? out : "another value when it is read again";
}

static void values(void)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{"nothing", "", ""},
		{"white space", " \n\t\r\n", ""},
		{"a line", "{\"a\":1}\n", "{\"a\":1}@1+0"},
		{"no newline at the end", "{}\n{}", "{}@1+0 {}@2+3"},
		{"CR LF", "{}\r\n{}\r\n", "{}@1+0 {}@2+4"},
		{"blank lines", "\n\n{}\n\n{}\n\n", "{}@3+2 {}@5+6"},
		{"a value over lines", "{\n\"a\":\n1}\n{}", "{\"a\":1}@1+0 {}@4+10"},
		{"values side by side", "{}{} {}", "{}@1+0 {}@1+2 {}@1+5"},
		{"an array", "[{\"a\":1},{\"b\":2}]", "{\"a\":1}@1+1 {\"b\":2}@1+9"},
		{"an array over lines", "[\n  {},\n  {}\n]\n", "{}@2+4 {}@3+10"},
		{"an empty array", " [ ] ", ""},
		{"arrays in an array", "[[1],[2]]", "[1]@1+1 [2]@1+5"},
		{"brackets and quotes in strings",
		 "{\"a\":\"]}\\\"{[\"}\n{}", "{\"a\":\"]}\\\"{[\"}@1+0 {}@2+15"},
		{"a byte order mark", "\xef\xbb\xbf{}\n{}", "{}@1+3 {}@2+6"},
		{"any character", "{\"a\":\"\xf0\x9d\x94\xbe\xc3\xa9\\u00e9\\ud835\\udd3e\"}",
		 "{\"a\":\"\\uD835\\uDD3E\\u00E9\\u00E9\\uD835\\uDD3E\"}@1+0"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		is_string(read_all(hold(rows[i].text, strlen(rows[i].text)), &err), rows[i].want,
		          rows[i].name);
		ok(err.status == ERR_NONE, "and no error");
	}
}

/* text, the values before the error, and what the error says behind the path */
static void errors(void)
{
	static const struct {
		const char *text, *before, *says;
	} rows[] = {
		{"{}\n{\"a\":", "{}@1+0", ":2: column 5: "},
		{"{}\n\n  {\"a\" 1}", "{}@1+0", ":3: column "},
		{"{\n\"a\":x}", "", ":2: column "},
		{"7", "", ":1: column 1: "},
		{"Q? yes", "", ":1: column 1: "},
		{"[1]", "", ":1: column 2: "},
		{"[{}", "{}@1+1", ":1: column 3: the array does not end"},
		{"[{} {}]", "{}@1+1", ":1: column 5: expected ',' or ']'"},
		{"[{},]", "{}@1+1", ":1: column "},
		{"[{}]\n{}", "{}@1+1", ":2: column 1: something stands behind the array"},
		{"{\"a\":1,\"a\":2}", "", ":1: column "},
		{"{\"a\":\"\\u0000\"}", "", ":1: column "},
		{"{\"a\":\"\\ud835\"}", "", ":1: column "},
		{"{\"a\":\"\xff\"}", "", ":1: column "},
		{"\xef\xbb{}", "", ":1: column "},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		const char *path = hold(rows[i].text, strlen(rows[i].text));
		const char *have = read_all(path, &err);
		is_string(have, rows[i].before, rows[i].text);
		ok(err.status == ERR_DATA && !strncmp(err.text, path, strlen(path)) &&
		   !strncmp(err.text + strlen(path), rows[i].says, strlen(rows[i].says)) &&
		   !strchr(err.text, '\n'), "and says: %s", err.text);
	}
	struct err err = {0};
	ok(!jsonl_open("/nonexistent/file", copy_max, &err) &&
	   strstr(err.text, "/nonexistent/file: cannot open"),
	   "a file that is not there");
}

/* A file that is written to meanwhile is noticed. */
static void changed(void)
{
	struct err err = {0};
	const char *path = HOLD("{\"a\":1}");
	struct jsonl *file = jsonl_open(path, copy_max, &err);
	struct jsonl_place place;
	json_t *value = NULL;

	ok(jsonl_next(file, &value, &place, &err) == 1, "a value");
	json_decref(value);
	if (truncate(path, 3) < 0)
		abort();
	ok(!jsonl_at(file, place.offset, place.size, &err) && strstr(err.text, "changed"),
	   "of a file that is shorter now: %s", err.text);
	jsonl_close(file);
}

/* What cannot be read twice: a pipe, filled behind the reader's back as cat would. */
static void piped(void)
{
	struct err err = {0};
	int ends[2], old = dup(STDIN_FILENO);

	for (copy_max = 11; copy_max >= 10; copy_max--) {
		if (pipe(ends) < 0 || write(ends[1], "{\"a\":1}\n{}\n", 11) != 11)
			abort();
		close(ends[1]);
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		is_string(read_all("-", &err), "{\"a\":1}@1+0 {}@2+8", "a pipe is read, and read again");
		if (copy_max == 11)
			ok(err.status == ERR_NONE, "and no error");
		else
			is_string(err.text, "standard input: more than 10 bytes, too many to copy from a "
			          "pipe: name a file", "but not beyond a limit");
	}
	err = (struct err){0};
	/* what is no JSON is noticed as it comes: this pipe has no end */
	if (pipe(ends) < 0 || write(ends[1], "Q? yes", 6) != 6)
		abort();
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	is_string(read_all("-", &err), "", "a pipe of something else");
	ok(strncmp(err.text, "standard input:1: column 1: ", 28) == 0, "and says: %s", err.text);
	close(ends[1]);
	err = (struct err){0};
	/* a file that was read up to its middle */
	int fd = memfd_create("jsonl", 0);
	if (write(fd, "{ }\n{ }\n{ }\n", 12) != 12 || lseek(fd, 4, SEEK_SET) != 4)
		abort();
	dup2(fd, STDIN_FILENO);
	close(fd);
	is_string(read_all("-", &err), "{}@1+4 {}@2+8", "standard input begins where it stands");
	dup2(old, STDIN_FILENO);
	close(old);
}

int main(void)
{
	values();
	errors();
	changed();
	piped();
	return done();
}
