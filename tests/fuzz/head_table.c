/* Any bytes as a table of heads: the first says if of head-score or of attn-dump --by-span. What is
 * read has words for columns, and numbers; else an error is one line. */
#include "common/page/head_table.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const json_t *row)
{
	json_t *value;
	size_t i;

	EXPECT(json_is_array(row));
	json_array_foreach (row, i, value)
		EXPECT(json_is_null(value) || json_is_real(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	const char *path, *name;
	json_t *table, *value;
	int fd = -1;
	size_t i;

	if (size == 0)
		return 0;
	path = hold(&fd, (const char *)data + 1, size - 1);
	table = *data == 's' ? head_table_scores(path, &err) : head_table_by_span(path, &err);
	if (!table)
		check_error(&err);
	json_array_foreach (json_object_get(table, "columns"), i, value)
		EXPECT(json_string_value(value)[strspn(json_string_value(value),
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0');
	json_object_foreach (json_object_get(table, "heads"), name, value) {
		EXPECT(name[strspn(name, "0123456789.")] == '\0');
		check_row(value);
	}
	json_decref(table);
	close(fd);
	return 0;
}
