#include "common/model/part_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"
#include "common/base/options.h"

/* ---- the words for places ---- */

static const struct {
	const char *word;
	enum gpt_place place;
} short_words[] = {
	{"resid", GPT_RESID_PRE},
	{"head", GPT_Z},
	{"attn", GPT_ATTN_OUT},
	{"mlp", GPT_MLP_OUT},
	{"logits", GPT_LN_FINAL},
};

#define SHORT_WORDS (sizeof short_words / sizeof *short_words)

const char *part_place_word(enum gpt_place place)
{
	for (size_t i = 0; i < SHORT_WORDS; i++)
		if (short_words[i].place == place)
			return short_words[i].word;
	return gpt_place_name(place);
}

/* A word of size bytes. */
static int read_place(const char *word, size_t size, enum gpt_place *place)
{
	for (size_t i = 0; i < SHORT_WORDS; i++)
		if (strlen(short_words[i].word) == size && memcmp(short_words[i].word, word, size) == 0) {
			*place = short_words[i].place;
			return 0;
		}
	return gpt_place_find(word, size, place) ? 0 : -1;
}

int part_place_read(const char *word, enum gpt_place *place)
{
	return read_place(word, strlen(word), place);
}

void part_words(uint32_t places, char words[PART_WORDS_MAX])
{
	size_t at = 0;

	words[0] = '\0';
	for (enum gpt_place place = 0; place < GPT_PLACES; place++)
		if (places & GPT_PLACE_BIT(place))
			at += (size_t)snprintf(words + at, PART_WORDS_MAX - at, "%s%s", at > 0 ? ", " : "",
			                       part_place_word(place));
}

void part_name(const struct part *part, const struct gpt_config *config, char name[PART_NAME_MAX])
{
	if (part->place == GPT_RESID_POST && part->layer + 1 == config->layers)
		snprintf(name, PART_NAME_MAX, "%s:%d", part_place_word(GPT_RESID_PRE), config->layers);
	else if (!gpt_place_in_block(part->place))
		snprintf(name, PART_NAME_MAX, "%s", part_place_word(part->place));
	else if (part->head < 0)
		snprintf(name, PART_NAME_MAX, "%s:%d", part_place_word(part->place), part->layer);
	else
		snprintf(name, PART_NAME_MAX, "%s:%d.%d", part_place_word(part->place), part->layer,
		         part->head);
}

/* ---- reading ---- */

/* What is being read. */
struct parse {
	const char *option; /* for messages */
	uint32_t places;
	const struct gpt_config *config;
	struct part_list *list;
	size_t room; /* of its parts */
	bool *named; /* [GPT_PLACES,layers,heads] the parts that stand in the list already */
	struct err *err;
};

/* An item of the list, of which the place is known. */
struct item {
	const char *text; /* all of it, of size bytes */
	int size;
	enum gpt_place place;
	const char *prefix; /* what stands before its numbers: "mlp:", or "" */
	int prefix_size;
	const char *layer; /* what an error calls the place of its layer's number */
	int layers; /* how many there are */
	int heads; /* of the place; 0: none */
};

static int malformed(struct parse *parse, const struct item *item)
{
	const int size = item->prefix_size;
	const char *prefix = item->prefix;

	if (item->heads == 0)
		return err_usage(parse->err, "%s: '%.*s': expected a layer, like %.*s0, or a range, like "
		                 "%.*s0-1, with a comma between two of them", parse->option, item->size,
		                 item->text, size, prefix, size, prefix);
	return err_usage(parse->err, "%s: '%.*s': expected layer.head, like %.*s0.3, a layer, like "
	                 "%.*s0, or ranges, like %.*s0-1.2-3, with a comma between two of them",
	                 parse->option, item->size, item->text, size, prefix, size, prefix, size,
	                 prefix);
}

/* A whole number below limit, of size bytes. what: it counts, "layer" or "head". */
static int parse_number(struct parse *parse, const struct item *item, const char *text, size_t size,
                        const char *what, int limit, int *number)
{
	char digits[12];
	int64_t value;

	if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size)
		return malformed(parse, item);
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
static int parse_range(struct parse *parse, const struct item *item, const char *text, size_t size,
                       const char *what, int limit, struct range *range)
{
	const char *dash = memchr(text, '-', size);
	size_t first = dash ? (size_t)(dash - text) : size;

	if (parse_number(parse, item, text, first, what, limit, &range->min) < 0)
		return -1;
	range->max = range->min;
	if (dash && parse_number(parse, item, dash + 1, size - first - 1, what, limit,
	                         &range->max) < 0)
		return -1;
	if (range->max < range->min)
		return err_usage(parse->err, "%s: %ss %d-%d: expected the smaller number first",
		                 parse->option, what, range->min, range->max);
	return 0;
}

static int add_part(struct parse *parse, struct part part)
{
	const struct gpt_config *config = parse->config;
	struct part_list *list = parse->list;
	char name[PART_NAME_MAX];

	if (part.place == GPT_RESID_PRE && part.layer == config->layers)
		part = (struct part){GPT_RESID_POST, config->layers - 1, -1};
	bool *named = &parse->named[((size_t)part.place * (size_t)config->layers +
	                             (size_t)part.layer) * (size_t)config->heads +
	                            (size_t)(part.head < 0 ? 0 : part.head)];
	part_name(&part, config, name);
	if (*named)
		return err_usage(parse->err, "%s: %s stands there twice", parse->option, name);
	if (array_reserve(&list->parts, &parse->room, (size_t)list->count + 1) < 0)
		return err_set(parse->err, "out of memory");
	*named = true;
	list->parts[list->count++] = part;
	return 0;
}

/* Is a word of size bytes a place that the list may name? */
static bool has_place(const struct parse *parse, const char *word, size_t size,
                      enum gpt_place *place)
{
	return read_place(word, size, place) == 0 && parse->places & GPT_PLACE_BIT(*place);
}

/* An item that is a place alone. */
static int parse_whole(struct parse *parse, enum gpt_place place)
{
	if (!gpt_place_in_block(place))
		return add_part(parse, (struct part){place, 0, -1});
	return err_usage(parse->err, "%s: '%s': expected its layer, too, like %s:0", parse->option,
	                 part_place_word(place), part_place_word(place));
}

/* The place of an item, and where its numbers begin. */
static int parse_place(struct parse *parse, const char *text, size_t size, struct item *item)
{
	const char *colon = memchr(text, ':', size);
	const size_t word = colon ? (size_t)(colon - text) : 0;
	const int layers = parse->config->layers;
	char words[PART_WORDS_MAX];

	part_words(parse->places, words);
	if (!colon && !(parse->places & GPT_PLACE_BIT(GPT_Z)))
		return err_usage(parse->err, "%s: '%.*s': expected a place and a colon before the layer; "
		                 "the places are %s", parse->option, (int)(size < 40 ? size : 40), text,
		                 words);
	*item = (struct item){
		.text = text, .size = (int)(size < 40 ? size : 40), .place = GPT_Z, .prefix = text,
		.layer = "layer", .layers = layers,
	};
	if (colon && !has_place(parse, text, word, &item->place))
		return err_usage(parse->err, "%s: '%.*s': expected one of these places: %s", parse->option,
		                 (int)(word < 40 ? word : 40), text, words);
	if (!gpt_place_in_block(item->place))
		return err_usage(parse->err, "%s: '%.*s': expected '%s' alone", parse->option,
		                 (int)(size < 40 ? size : 40), text, part_place_word(item->place));
	item->prefix_size = colon ? (int)word + 1 : 0;
	item->heads = gpt_place_of_heads(item->place) ? parse->config->heads : 0;
	if (item->place == GPT_RESID_PRE && parse->places & GPT_PLACE_BIT(GPT_RESID_POST) &&
	    word == strlen(part_place_word(GPT_RESID_PRE))) {
		item->layer = "residual stream";
		item->layers = layers + 1;
	}
	return 0;
}

/* One item of the list, of size bytes. */
static int parse_item(struct parse *parse, const char *text, size_t size)
{
	struct item item;
	struct range layers, heads = {-1, -1};
	enum gpt_place place;

	if (has_place(parse, text, size, &place))
		return parse_whole(parse, place);
	if (parse_place(parse, text, size, &item) < 0)
		return -1;
	const char *numbers = text + item.prefix_size;
	size -= (size_t)item.prefix_size;
	const char *dot = memchr(numbers, '.', size);
	const size_t layer = dot ? (size_t)(dot - numbers) : size;
	if (dot && item.heads == 0)
		return err_usage(parse->err, "%s: '%.*s' has no heads, expected it without .%.*s",
		                 parse->option, item.prefix_size - 1, text,
		                 (int)(size - layer - 1 < 12 ? size - layer - 1 : 12), dot + 1);
	if (item.heads > 0)
		heads = (struct range){0, item.heads - 1};
	if (parse_range(parse, &item, numbers, layer, item.layer, item.layers, &layers) < 0 ||
	    (dot && parse_range(parse, &item, dot + 1, size - layer - 1, "head", item.heads,
	                        &heads) < 0))
		return -1;
	for (int l = layers.min; l <= layers.max; l++)
		for (int h = heads.min; h <= heads.max; h++)
			if (add_part(parse, (struct part){item.place, l, h}) < 0)
				return -1;
	return 0;
}

int part_list_parse(struct part_list *list, const char *option, const char *text, uint32_t places,
                    const struct gpt_config *config, struct err *err)
{
	const size_t all = GPT_PLACES * (size_t)config->layers * (size_t)config->heads;
	struct parse parse = {
		.option = option, .places = places, .config = config, .list = list,
		.named = calloc(all, sizeof *parse.named), .err = err,
	};
	int result = 0;

	*list = (struct part_list){0};
	if (!parse.named)
		result = err_set(err, "out of memory");
	for (const char *end; text && result == 0; text = *end ? end + 1 : NULL) {
		size_t size = strcspn(text, ",");
		end = text + size;
		result = parse_item(&parse, text, size);
	}
	free(parse.named);
	if (result < 0)
		part_list_release(list);
	return result;
}

void part_list_release(struct part_list *list)
{
	free(list->parts);
	*list = (struct part_list){0};
}

/* ---- what is in it ---- */

bool part_list_has(const struct part_list *list, enum gpt_place place, int layer, int head)
{
	for (int i = 0; i < list->count; i++) {
		const struct part *part = &list->parts[i];
		if (part->place == place && part->layer == layer && part->head == head)
			return true;
	}
	return false;
}

json_t *part_list_json(const struct part_list *list, enum gpt_place place)
{
	json_t *json = json_array();

	for (int i = 0; i < list->count; i++) {
		const struct part *part = &list->parts[i];
		if (part->place != place)
			continue;
		json_array_append_new(json, part->head < 0 ? json_integer(part->layer) :
		                      json_sprintf("%d.%d", part->layer, part->head));
	}
	return json;
}
