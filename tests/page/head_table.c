/* Tables of heads: those of head-score and of attn-dump --by-span, and what is neither. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/page/head_table.h"
#include "tests/stream/streams.h"
#include "tests/tap.h"

#define SCORES "layer\thead\tprevious\tcopying\tprevious_low\tprevious_high\n"
#define SPANS "layer\thead\tplace\tto\tmean\tlow\thigh\trecords\n"

static const struct {
	const char *name;
	json_t *(*read)(const char *path, struct err *err);
	const char *text;
	const char *want; /* JSON, or what a message has */
} rows[] = {
	{"scores, without their intervals", head_table_scores,
	 SCORES "0\t0\t0.5\t-\t0.4\t0.6\n1\t2\t1\t0.25\t-\t-\n-\t-\t0.125\t0.5\t-\t-\n",
	 "{\"chance\":[0.125,0.5],\"columns\":[\"previous\",\"copying\"],"
	 "\"heads\":{\"0.0\":[0.5,null],\"1.2\":[1.0,0.25]}}"},
	{"lines of Windows", head_table_scores,
	 "\xef\xbb\xbflayer\thead\tprevious\r\n0\t0\t0.5\r\n",
	 "{\"columns\":[\"previous\"],\"heads\":{\"0.0\":[0.5]}}"},
	{"no head", head_table_scores, SCORES,
	 "{\"columns\":[\"previous\",\"copying\"],\"heads\":{}}"},
	{"means over all places", head_table_by_span,
	 SPANS "0\t1\tall\tsame\t0.5\t0\t1\t3\n0\t1\tall\tfact\t-\t-\t-\t0\n"
	 "0\t1\t0\tsame\t0.9\t0\t1\t3\n0\t2\tall\tnext\t0.25\t-\t-\t1\n",
	 "{\"columns\":[\"same\",\"next\"],\"heads\":{\"0.1\":[0.5],\"0.2\":[null,0.25]}}"},
	{"nothing", head_table_scores, "", "expected the table that head-score prints"},
	{"another table", head_table_scores, "step\tloss\n1\t2\n",
	 "expected the table that head-score prints"},
	{"no number", head_table_scores, SCORES "0\t0\tx\t0\t0\t0\n", "line 2: a score: 'x'"},
	{"a head below 0", head_table_scores, SCORES "0\t-1\t0\t0\t0\t0\n",
	 "line 2: head: '-1' is not"},
	{"a short line", head_table_scores, SCORES "0\t0\t0\n", "line 2: not as many columns"},
	{"markup for a column", head_table_scores, "layer\thead\t<b>\n", "line 1: a column's name"},
	{"scores for means", head_table_by_span, SCORES, "line 1: expected the table that attn-dump"},
	{"markup for an aim", head_table_by_span, SPANS "0\t0\tall\t<b>\t1\t-\t-\t1\n",
	 "line 2: what the attention goes to"},
	{"a short line of means", head_table_by_span, SPANS "0\t0\n", "line 2: not as many columns"},
};

int main(void)
{
	int fd = -1;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		json_t *table = rows[i].read(hold(&fd, rows[i].text, strlen(rows[i].text)), &err);
		char *have = table ? json_dumps(table, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		if (*rows[i].want == '{')
			is_string(have, rows[i].want, rows[i].name);
		else if (!ok(!table && strstr(err.text, rows[i].want), "refused: %s", rows[i].name))
			printf("# %s\n", err.text);
		free(have);
		json_decref(table);
	}
	close(fd);
	return done();
}
