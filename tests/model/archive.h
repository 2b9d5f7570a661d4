/* archive.h - archives as torch.save() writes them, for tests. */
#ifndef MEMOSCOPE_TESTS_ARCHIVE_H
#define MEMOSCOPE_TESTS_ARCHIVE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

/* An entry of an archive; text NULL: the floats 0 to 5 in size bytes, up to 24, or, if size is 0,
 * the pickle. */
struct entry {
	const char *name, *text;
	size_t size;
	bool deflate;
};

/* Make an archive of entries, of which the last one has no name. */
static void write_archive(const char *path, const struct entry *entries, const void *pickle,
                          size_t pickle_size)
{
	static char numbers[24];
	zip_t *zip;

	unlink(path);
	zip = zip_open(path, ZIP_CREATE, NULL);
	for (size_t i = 0; i < sizeof numbers / 4; i++)
		memcpy(numbers + 4 * i, &(float){(float)i}, 4);
	for (; entries->name; entries++) {
		const void *bytes = entries->text ? entries->text : entries->size ? numbers : pickle;
		const size_t size = entries->text ? strlen(entries->text)
		                                  : entries->size ? entries->size : pickle_size;
		const zip_int64_t index = zip_file_add(zip, entries->name,
			zip_source_buffer(zip, bytes, size, 0), ZIP_FL_ENC_UTF_8);
		zip_set_file_compression(zip, (zip_uint64_t)index,
		                         entries->deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
	}
	if (zip_close(zip) < 0)
		printf("# %s\n", zip_strerror(zip));
}

#endif
