#include "common/eval/path_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/base/lines.h"

#define GRAPH_BYTES_MAX ((size_t)64 << 20)

/* A list of parts names a head that receives as one that sends. */
static void end_name(const struct part *part, const struct gpt_config *config,
                     char name[PART_NAME_MAX])
{
	struct part named = *part;

	if (part->head >= 0)
		named.place = GPT_Z;
	part_name(&named, config, name);
}

void path_name(const struct patch_edge *edge, const struct gpt_config *config,
               struct path_name *name)
{
	end_name(&edge->from, config, name->from);
	end_name(&edge->to, config, name->to);
	name->through = edge->to.head >= 0 ? gpt_place_name(edge->to.place) : "-";
}

/* An edge by its name. */
struct named_edge {
	struct path_name name;
	int edge;
};

/* A graph that is being read. */
struct graph {
	const char *path;
	struct named_edge *named; /* [count] all edges, sorted: a file may name each of very many */
	int count;
	bool *kept;
	long line;
	bool ids; /* an id stands before each path */
	struct err *err;
};

/* Compare two names, word by word. */
static int compare_words(const char *const a[3], const char *const b[3])
{
	int result = 0;

	for (int i = 0; i < 3 && result == 0; i++)
		result = strcmp(a[i], b[i]);
	return result;
}

static int compare_with_edge(const void *words, const void *edge)
{
	const struct path_name *name = &((const struct named_edge *)edge)->name;

	return compare_words(words, (const char *const[3]){name->from, name->to, name->through});
}

static int compare_edges(const void *one, const void *other)
{
	const struct path_name *name = &((const struct named_edge *)one)->name;

	return compare_with_edge((const char *const[3]){name->from, name->to, name->through}, other);
}

static struct named_edge *name_edges(const struct gpt_config *config,
                                     const struct patch_edge *edges, int count)
{
	struct named_edge *named = malloc((size_t)count * sizeof *named);

	for (int i = 0; named && i < count; i++) {
		path_name(&edges[i], config, &named[i].name);
		named[i].edge = i;
	}
	if (named)
		qsort(named, (size_t)count, sizeof *named, compare_edges);
	return named;
}

/* Cut a line into its first three fields. False: it has fewer. */
static bool cut(char *line, const char *field[3])
{
	for (int i = 0; i < 3; i++) {
		const size_t size = strcspn(line, "\t");
		const bool last = line[size] == '\0';
		if (last && i < 2)
			return false;
		field[i] = line;
		line[size] = '\0';
		line += last ? size : size + 1;
	}
	return true;
}

static int read_line(struct graph *graph, char *line)
{
	const char *field[3];

	if (graph->line == 1)
		graph->ids = strncmp(line, "id\tfrom\t", 8) == 0;
	if (graph->ids && strchr(line, '\t'))
		line = strchr(line, '\t') + 1;
	if (!cut(line, field))
		return err_set(graph->err, "%s: line %ld: expected a sender, a receiver and through what, "
		               "with tabs between them", err_path(graph->path), graph->line);
	if (graph->line == 1 && strcmp(field[0], "from") == 0 && strcmp(field[1], "to") == 0)
		return 0;
	const struct named_edge *found = bsearch(field, graph->named, (size_t)graph->count,
	                                         sizeof *graph->named, compare_with_edge);
	if (!found)
		return err_set(graph->err, "%s: line %ld: the model has no path from '%.40s' to '%.40s' "
		               "through '%.40s'", err_path(graph->path), graph->line, field[0], field[1],
		               field[2]);
	graph->kept[found->edge] = true;
	return 0;
}

int path_graph_read(const char *path, const struct gpt_config *config,
                    const struct patch_edge *edges, int count, bool *kept, struct err *err)
{
	struct graph graph = {.path = path, .count = count, .kept = kept, .err = err};
	size_t size;
	char *text = file_read_any(path, GRAPH_BYTES_MAX, &size, err), *end;
	int result = 0;
	bool any = false;

	memset(kept, 0, (size_t)count * sizeof *kept);
	if (!text)
		return -1;
	graph.named = name_edges(config, edges, count);
	if (!graph.named)
		result = err_set(err, "out of memory for the names of %d paths", count);
	else if (memchr(text, '\0', size))
		result = err_set(err, "%s: not a text: expected a path in each line", err_path(path));
	for (char *next = text; result == 0 && *next; next = end) {
		const char *line = next;
		size_t length = strcspn(next, "\n");
		end = next + length + (next[length] != '\0');
		line_trim(&line, &length);
		graph.line++;
		next[line - next + (long)length] = '\0';
		if (length > 0)
			result = read_line(&graph, next + (line - next));
	}
	for (int i = 0; i < count; i++)
		any |= kept[i];
	if (result == 0 && !any)
		result = err_set(err, "%s: no path: expected one in each line", err_path(path));
	free(graph.named);
	free(text);
	return result;
}

/* Parts by number in the order of the network; a head that receives is one that sends. */
static int part_number(const struct gpt_config *config, const struct part *part)
{
	const int of_layer = config->heads + 1;

	if (part->place == GPT_EMBED)
		return 0;
	return 1 + part->layer * of_layer + (part->head >= 0 ? part->head : config->heads);
}

int path_graph_connects(const struct gpt_config *config, const struct patch_edge *edges, int count,
                        const bool *kept)
{
	const size_t parts = 1 + (size_t)config->layers * ((size_t)config->heads + 1);
	bool *reached = calloc(parts, sizeof *reached), logits = false;

	if (!reached)
		return -1;
	reached[0] = true;
	for (int i = 0; i < count && !logits; i++) { /* a sender comes after all that lead to it */
		if (!kept[i] || !reached[part_number(config, &edges[i].from)])
			continue;
		if (edges[i].to.place == GPT_LN_FINAL)
			logits = true;
		else
			reached[part_number(config, &edges[i].to)] = true;
	}
	free(reached);
	return logits;
}
