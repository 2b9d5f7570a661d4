#include "common/model/head_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"

/* What is being read. */
struct parse {
	const char *option; /* for messages */
	const struct gpt_config *config;
	struct head_list *list;
	bool *named; /* [layers,heads] the heads that stand in the list already */
	struct err *err;
};

static int malformed(struct parse *parse)
{
	return err_usage(parse->err, "%s: expected layer.head, like 0.3, a layer, like 0, or ranges, "
	                 "like 0-1.2-3, with a comma between two of them", parse->option);
}

/* A whole number below limit, of size bytes. what: "layer" or "head". */
static int parse_number(struct parse *parse, const char *text, size_t size, const char *what,
                        int limit, int *number)
{
	char digits[12];
	int64_t value;

	if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size)
		return malformed(parse);
	memcpy(digits, text, size);
	digits[size] = '\0';
	if (option_int(parse->option, digits, 0, INT64_MAX, &value, parse->err) < 0)
		return -1;
	if (value >= limit)
		return err_usage(parse->err, "%s: the model has no %s %lld, only 0 to %d", parse->option,
		                 what, (long long)value, limit - 1);
	*number = (int)value;
	return 0;
}

struct range {
	int min, max;
};

/* "N" or "N-M", of size bytes. */
static int parse_range(struct parse *parse, const char *text, size_t size, const char *what,
                       int limit, struct range *range)
{
	const char *dash = memchr(text, '-', size);
	size_t first = dash ? (size_t)(dash - text) : size;

	if (parse_number(parse, text, first, what, limit, &range->min) < 0)
		return -1;
	range->max = range->min;
	if (dash && parse_number(parse, dash + 1, size - first - 1, what, limit, &range->max) < 0)
		return -1;
	if (range->max < range->min)
		return err_usage(parse->err, "%s: %ss %d-%d: expected the smaller number first",
		                 parse->option, what, range->min, range->max);
	return 0;
}

static int add_head(struct parse *parse, int layer, int head)
{
	bool *named = &parse->named[layer * parse->config->heads + head];

	if (*named)
		return err_usage(parse->err, "%s: %d.%d stands there twice", parse->option, layer, head);
	*named = true;
	parse->list->heads[parse->list->count++] = (struct head){layer, head};
	return 0;
}

/* One part of the list, of size bytes. */
static int parse_part(struct parse *parse, const char *text, size_t size)
{
	const struct gpt_config *config = parse->config;
	const char *dot = memchr(text, '.', size);
	size_t layer = dot ? (size_t)(dot - text) : size;
	struct range layers, heads = {0, config->heads - 1};

	if (parse_range(parse, text, layer, "layer", config->layers, &layers) < 0 ||
	    (dot && parse_range(parse, dot + 1, size - layer - 1, "head", config->heads, &heads) < 0))
		return -1;
	for (int l = layers.min; l <= layers.max; l++)
		for (int h = heads.min; h <= heads.max; h++)
			if (add_head(parse, l, h) < 0)
				return -1;
	return 0;
}

int head_list_parse(struct head_list *list, const char *option, const char *text,
                    const struct gpt_config *config, struct err *err)
{
	const size_t all = (size_t)config->layers * (size_t)config->heads;
	struct parse parse = {option, config, list, calloc(all, sizeof *parse.named), err};
	int result = 0;

	*list = (struct head_list){.heads = malloc(all * sizeof *list->heads)};
	if (!parse.named || !list->heads)
		result = err_set(err, "out of memory");
	for (const char *end; text && result == 0; text = *end ? end + 1 : NULL) {
		size_t size = strcspn(text, ",");
		end = text + size;
		result = parse_part(&parse, text, size);
	}
	free(parse.named);
	if (result < 0)
		head_list_release(list);
	return result;
}

void head_list_release(struct head_list *list)
{
	free(list->heads);
	*list = (struct head_list){0};
}

json_t *head_list_json(const struct head_list *list)
{
	json_t *json = json_array();

	for (int i = 0; i < list->count; i++)
		json_array_append_new(json, json_sprintf("%d.%d", list->heads[i].layer,
		                                         list->heads[i].head));
	return json;
}
