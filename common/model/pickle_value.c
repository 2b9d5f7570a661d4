/* pickle_value.c - the values of a pickle. */
#include <stdlib.h>
#include <string.h>

#include "common/model/pickle_machine.h"

const struct pickle_value *pickle_root(const struct pickle *pickle)
{
	return pickle->root;
}

/* ---- values ---- */

bool pickle_is(const struct pickle_value *value, enum pickle_type type)
{
	return value && value->type == type;
}

bool pickle_is_text(const struct pickle_value *value, enum pickle_type type, const char *text)
{
	const size_t size = strlen(text);

	return pickle_is(value, type) && value->text.size == size &&
	       memcmp(value->text.bytes, text, size) == 0;
}

static bool has_items(const struct pickle_value *value)
{
	return pickle_is(value, PICKLE_TUPLE) || pickle_is(value, PICKLE_LIST) ||
	       pickle_is(value, PICKLE_DICT);
}

const struct pickle_value *pickle_item(const struct pickle_value *value, uint32_t i)
{
	const struct pickle_item *item = has_items(value) ? value->items.first : NULL;

	while (item && i-- > 0)
		item = item->next;
	return item ? item->value : NULL;
}

const struct pickle_value *pickle_get(const struct pickle_value *dict, const char *key)
{
	const struct pickle_value *found = NULL;

	if (!pickle_is(dict, PICKLE_DICT))
		return NULL;
	for (const struct pickle_item *item = dict->items.first; item; item = item->next->next)
		if (pickle_is_text(item->value, PICKLE_TEXT, key))
			found = item->next->value;
	return found;
}

const struct pickle_value *pickle_call_of(const struct pickle_value *value, const char *global)
{
	if (!pickle_is(value, PICKLE_CALL) ||
	    !pickle_is_text(value->call.function, PICKLE_GLOBAL, global))
		return NULL;
	return value->call.arguments;
}
