/* Archives that lie: each change of a byte, and each prefix, of a small one is refused with one
 * line, or changes nothing; no lie about a size takes memory. */
#include "common/model/torch_archive.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/file.h"
#include "kernels/sanitizer.h"
#include "tests/model/archive.h"
#include "tests/tap.h"

#define PICKLE "\x80\2}X\1\0\0\0wK\1s."

static char path[64];

static void put(const char *bytes, size_t size)
{
	unlink(path); /* some file systems sync what is written over */
	FILE *file = fopen(path, "wb");
	fwrite(bytes, 1, size, file);
	fclose(file);
}

/* Read the entries that a good archive has into data, 24 bytes and the pickle. */
static int read_all(struct torch_archive *archive, char *data, struct err *err)
{
	static const char *const names[] = {"data/0", "data.pkl"};
	struct torch_entry entry;

	for (int i = 0; i < 2; i++) {
		if (torch_archive_find(archive, names[i], &entry, err) < 0)
			return -1;
		if (entry.size != (i ? sizeof PICKLE - 1 : 24))
			return err_set(err, "%s: another size", path);
		if (torch_archive_read(archive, &entry, data + 24 * i, err) < 0)
			return -1;
	}
	return 0;
}

static const struct entry good[] = {{.name = "a/data.pkl"},
                                    {.name = "a/byteorder", .text = "little"},
                                    {.name = "a/data/0", .size = 24}, {.name = NULL}};

/* 0: the file at path is refused with one line; 1: it has the good bytes; -1: else. */
static int outcome(void)
{
	char data[64] = {0}, want[64] = {0};
	struct err err = {0};
	struct torch_archive *archive = torch_archive_open(path, &err);
	const int result = archive ? read_all(archive, data, &err) : -1;

	for (int i = 0; i < 6; i++)
		memcpy(want + 4 * i, &(float){(float)i}, 4);
	memcpy(want + 24, PICKLE, sizeof PICKLE - 1);
	torch_archive_close(archive);
	if (result == 0)
		return memcmp(data, want, sizeof data) == 0 ? 1 : -1;
	const bool line = strncmp(err.text, path, strlen(path)) == 0 && !strchr(err.text, '\n') &&
	                  !strstr(err.text, "out of memory");
	if (!line)
		printf("# %s\n", err.text);
	return line ? 0 : -1;
}

static void test_damage(void)
{
	struct err err = {0};
	size_t size = 0, counts[3] = {0};

	write_archive(path, good, PICKLE, sizeof PICKLE - 1);
	ok(outcome() == 1, "a good archive");
	char *bytes = file_read(path, 1 << 20, &size, &err);
	for (size_t length = 0; length < size; length++) {
		put(bytes, length);
		counts[1 + outcome()]++;
	}
	is_int((long long)counts[1], (long long)size, "each prefix is refused");
	memset(counts, 0, sizeof counts);
	for (size_t bit = 0; bit < 9 * size; bit++) { /* the ninth: all of them */
		char *byte = &bytes[bit / 9];
		const char mask = (char)(bit % 9 == 8 ? 0xff : 1 << bit % 9);
		*byte ^= mask;
		put(bytes, size);
		*byte ^= mask;
		counts[1 + outcome()]++;
	}
	ok(counts[0] == 0 && counts[1] > 2000, "changes of a byte: %zu refused, %zu harmless, %zu "
	   "others", counts[1], counts[2], counts[0]);
	free(bytes);
}

/* The bytes at the place of a text, and `skip` behind it, become others. */
static void change(char *bytes, size_t size, const char *text, size_t text_size, size_t skip,
                   const char *to, size_t to_size)
{
	char *at = memmem(bytes, size, text, text_size);

	if (at && (size_t)(at - bytes) + skip + to_size <= size)
		memcpy(at + skip, to, to_size);
}

/* A header of the central directory: sizes at 20 and 24, the place of the entry at 42. */
static void test_lies(void)
{
	static const char central[] = "PK\1\2", end[] = "PK\5\6";
	static const char much[] = "\xfe\xff\xff\x7f\xfe\xff\xff\x7f";
	static const struct {
		size_t skip, size;
		const char *what, *of;
	} lies[] = {
		{20, 8, "an entry of 2 GiB", central}, {20, 4, "a compressed size of 2 GiB", central},
		{42, 4, "an entry behind the end", central}, {28, 2, "a long name", central},
		{30, 2, "a long extra field", central}, {10, 2, "many entries", end},
		{12, 4, "a directory of 2 GiB", end}, {16, 4, "a directory behind the end", end},
	};
	struct err err = {0};
	size_t size = 0;

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		write_archive(path, good, PICKLE, sizeof PICKLE - 1);
		char *bytes = file_read(path, 1 << 20, &size, &err);
		change(bytes, size, lies[i].of, 4, lies[i].skip, much, lies[i].size);
		put(bytes, size);
		free(bytes);
		ok(outcome() == 0, "refused: %s", lies[i].what);
	}
}

static void refused(const struct entry *entries, const char *text, const char *what)
{
	struct err err = {0};
	char data[64];

	write_archive(path, entries, PICKLE, sizeof PICKLE - 1);
	struct torch_archive *archive = torch_archive_open(path, &err);
	if (!ok((!archive || read_all(archive, data, &err) < 0) && strstr(err.text, text),
	        "refused: %s", what))
		printf("# have \"%s\"\n", err.text);
	torch_archive_close(archive);
}

/* libzip writes no two entries of a name: "a/data/1" becomes another "a/data/0". */
static void test_twice(void)
{
	static const struct entry two[] = {{.name = "a/data.pkl"}, {.name = "a/data/0", .size = 24},
	                                   {.name = "a/data/1", .size = 20}, {.name = NULL}};
	struct err err = {0};
	size_t size = 0;

	write_archive(path, two, PICKLE, sizeof PICKLE - 1);
	char *bytes = file_read(path, 1 << 20, &size, &err);
	for (int i = 0; i < 2; i++)
		change(bytes, size, "a/data/1", 8, 0, "a/data/0", 8);
	put(bytes, size);
	free(bytes);
	struct torch_archive *archive = torch_archive_open(path, &err);
	if (!ok(!archive && strstr(err.text, "no whole zip archive: File already exists"),
	        "refused: an entry twice"))
		printf("# have \"%s\"\n", err.text);
	torch_archive_close(archive);
}

static void test_others(void)
{
	static const struct entry above[] = {{.name = "a/../data.pkl"},
	                                     {.name = "a/data/0", .size = 24}, {.name = NULL}};
	static char zeros[(8 << 20) + 1];
	memset(zeros, 'a', sizeof zeros - 1);
	const struct entry bomb[] = {{.name = "a/data.pkl"}, {"a/data/0", zeros, 0, true},
	                             {.name = NULL}};

	refused(above, "a zip archive without data.pkl", "a name with ..");
	refused(bomb, "entry data/0 is compressed or encrypted", "eight million letters in some bytes");
}

int main(void)
{
	snprintf(path, sizeof path, "%s", P_tmpdir "/memoscope.XXXXXX");
	close(mkstemp(path));
#ifndef ADDRESS_SANITIZER /* which takes terabytes of addresses */
	setrlimit(RLIMIT_AS, &(struct rlimit){256 << 20, 256 << 20});
#endif
	test_damage();
	test_lies();
	test_twice();
	test_others();
	unlink(path);
	return done();
}
