#include "common/page/head_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/lines.h"
#include "common/base/options.h"

#define TABLE_BYTES_MAX ((size_t)64 << 20)
#define COLUMNS_MAX 64
#define NUMBER_MAX 65535 /* of a layer or a head */

/* A table that is being read, a line at a time. */
struct table {
	const char *path;
	char *text; /* owned; lines and fields are cut out of it */
	char *next; /* the line after this one */
	char *field[COLUMNS_MAX]; /* of this line */
	int fields;
	long line;
	json_t *result; /* owned */
};

static int bad(const struct table *table, struct err *err, const char *what)
{
	return err_set(err, "%s: line %ld: %s", err_path(table->path), table->line, what);
}

/* Cut the next line into its fields: 1; at the end: 0; -1 with err set. */
static int next_line(struct table *table, struct err *err)
{
	char *line = table->next;
	size_t size = strcspn(line, "\n");
	const char *trimmed = line;

	if (*line == '\0')
		return 0;
	table->line++;
	table->next = line[size] ? line + size + 1 : line + size;
	line_trim(&trimmed, &size);
	line += trimmed - line;
	line[size] = '\0';
	for (table->fields = 0; line; table->fields++) {
		if (table->fields == COLUMNS_MAX)
			return bad(table, err, "more columns than a table of heads has");
		table->field[table->fields] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = '\0';
	}
	return 1;
}

/* Read the file and its first line, which begins with layer and head. -1 with err set. */
static int open_table(struct table *table, const char *path, const char *program, struct err *err)
{
	size_t size;

	table->path = path;
	table->result = json_pack("{s:[], s:{}}", "columns", "heads");
	table->text = file_read_any(path, TABLE_BYTES_MAX, &size, err);
	if (!table->text)
		return -1;
	table->next = table->text;
	if (!table->result)
		return err_set(err, "out of memory");
	if (memchr(table->text, '\0', size) || next_line(table, err) <= 0 || table->fields < 3 ||
	    strcmp(table->field[0], "layer") != 0 || strcmp(table->field[1], "head") != 0)
		return err_set(err, "%s: expected the table that %s prints, which begins with \"layer\" "
		               "and \"head\"", err_path(path), program);
	return 0;
}

/* The head that a line is of, as the page names it. -1 with err set. */
static int read_head(const struct table *table, char name[32], struct err *err)
{
	int64_t layer, head;
	struct err why = {0};

	if (option_int("layer", table->field[0], 0, NUMBER_MAX, &layer, &why) < 0 ||
	    option_int("head", table->field[1], 0, NUMBER_MAX, &head, &why) < 0)
		return bad(table, err, why.text);
	snprintf(name, 32, "%lld.%lld", (long long)layer, (long long)head);
	return 0;
}

/* A number, or null for "-". NULL with err set. */
static json_t *read_value(const struct table *table, int field, struct err *err)
{
	struct err why = {0};
	double value;

	if (strcmp(table->field[field], "-") == 0)
		return json_null();
	if (option_real("a score", table->field[field], -1e9, 1e9, &value, &why) < 0) {
		bad(table, err, why.text);
		return NULL;
	}
	return json_real(value);
}

/* Is a column the end of an interval: "x_low", "x_high"? */
static bool is_interval(const char *word)
{
	const char *end = strrchr(word, '_');

	return end && (strcmp(end, "_low") == 0 || strcmp(end, "_high") == 0);
}

static bool is_word(const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789_-";

	return *word && word[strspn(word, letters)] == '\0';
}

static json_t *end_table(struct table *table, int status)
{
	free(table->text);
	if (status == 0)
		return table->result;
	json_decref(table->result);
	return NULL;
}

/* ---- head-score ---- */

static int read_scores(struct table *table, struct err *err)
{
	bool take[COLUMNS_MAX] = {false};
	const int columns = table->fields;
	int more;

	for (int i = 2; i < columns; i++) {
		if (!is_word(table->field[i]))
			return bad(table, err, "a column's name is not a word");
		take[i] = !is_interval(table->field[i]);
		if (take[i])
			json_array_append_new(json_object_get(table->result, "columns"),
			                      json_string(table->field[i]));
	}
	while ((more = next_line(table, err)) > 0) {
		char name[32];
		json_t *row = json_array();
		const bool chance = table->fields == columns && strcmp(table->field[0], "-") == 0;
		if (table->fields != columns)
			bad(table, err, "not as many columns as the first line has");
		else if (chance)
			json_object_set(table->result, "chance", row);
		else if (read_head(table, name, err) == 0)
			json_object_set(json_object_get(table->result, "heads"), name, row);
		for (int i = 2; i < columns && err->status == ERR_NONE; i++)
			if (take[i])
				json_array_append_new(row, read_value(table, i, err));
		json_decref(row);
		if (err->status != ERR_NONE)
			return -1;
	}
	return more;
}

json_t *head_table_scores(const char *path, struct err *err)
{
	struct table table = {0};
	int status = open_table(&table, path, "head-score", err);

	if (status == 0)
		status = read_scores(&table, err);
	return end_table(&table, status);
}

/* ---- attn-dump --by-span ---- */

enum { PLACE = 2, TO = 3, MEAN = 4 }; /* its columns */

/* The column of an aim, which is added if it is new. */
static size_t column_of(json_t *columns, const char *word)
{
	size_t i;
	json_t *column;

	json_array_foreach (columns, i, column)
		if (strcmp(json_string_value(column), word) == 0)
			return i;
	json_array_append_new(columns, json_string(word));
	return i;
}

static int add_mean(struct table *table, struct err *err)
{
	json_t *heads = json_object_get(table->result, "heads"), *row, *value;
	char name[32];
	size_t column;

	if (read_head(table, name, err) < 0)
		return -1;
	if (!is_word(table->field[TO]))
		return bad(table, err, "what the attention goes to is not a word");
	value = read_value(table, MEAN, err);
	if (!value)
		return -1;
	if (json_is_null(value)) /* nothing of this kind in any record */
		return 0;
	row = json_object_get(heads, name);
	if (!row) {
		row = json_array();
		json_object_set_new(heads, name, row);
	}
	column = column_of(json_object_get(table->result, "columns"), table->field[TO]);
	while (json_array_size(row) <= column)
		if (json_array_append_new(row, json_null()) < 0)
			break;
	return json_array_set_new(row, column, value) < 0 ? err_set(err, "out of memory") : 0;
}

static int read_means(struct table *table, struct err *err)
{
	const int columns = table->fields;
	int more;

	if (columns <= MEAN || strcmp(table->field[PLACE], "place") != 0 ||
	    strcmp(table->field[TO], "to") != 0 || strcmp(table->field[MEAN], "mean") != 0)
		return bad(table, err, "expected the table that attn-dump --by-span prints");
	while ((more = next_line(table, err)) > 0) {
		if (table->fields != columns)
			return bad(table, err, "not as many columns as the first line has");
		if (strcmp(table->field[PLACE], "all") == 0 && add_mean(table, err) < 0)
			return -1;
	}
	return more;
}

json_t *head_table_by_span(const char *path, struct err *err)
{
	struct table table = {0};
	int status = open_table(&table, path, "attn-dump --by-span", err);

	if (status == 0)
		status = read_means(&table, err);
	return end_table(&table, status);
}

/* ---- the heads of a table ---- */

/* Is a name, as read_head() makes it, that of a head of such a model? */
static bool has_head(const char *name, int layers, int heads)
{
	char layer[16];
	const char *head = strchr(name, '.') + 1;
	int64_t number;
	struct err why = {0};

	snprintf(layer, sizeof layer, "%.*s", (int)(head - 1 - name), name);
	return option_int("layer", layer, 0, layers - 1, &number, &why) == 0 &&
	       option_int("head", head, 0, heads - 1, &number, &why) == 0;
}

int head_table_check(const json_t *table, const char *path, int layers, int heads, struct err *err)
{
	const char *name;
	json_t *row;

	json_object_foreach (json_object_get(table, "heads"), name, row)
		if (!has_head(name, layers, heads))
			return err_set(err, "%s: it has head %s, but the model has %d layer%s of %d head%s: "
			               "a table of the same model is expected", err_path(path), name, layers,
			               layers == 1 ? "" : "s", heads, heads == 1 ? "" : "s");
	return 0;
}
