/* pickle.h - the values that Python's pickle wrote, read without doing anything that they say.
 *
 * The format is that of Lib/pickletools.py. Known are the opcodes that torch.save() and nanoGPT's
 * prepare.py write, in protocols 2 to 5. A pickle may ask its reader to call Python functions:
 * here such a call is a value, PICKLE_CALL, with the function's name and its arguments. Which names
 * may stand in the pickle is the caller's to say. Nothing is called. The only call that becomes
 * what it would give is that of collections.OrderedDict without arguments: an empty PICKLE_DICT.
 *
 * The reader does not recurse, and its memory is bounded: a value takes at least one byte of the
 * pickle, and there are at most PICKLE_VALUES_MAX.
 */
#ifndef MEMOSCOPE_PICKLE_H
#define MEMOSCOPE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define PICKLE_SIZE_MAX ((size_t)64 << 20) /* bytes of a pickle */
#define PICKLE_VALUES_MAX (1 << 20)

enum pickle_type {
	PICKLE_NONE,
	PICKLE_BOOL,
	PICKLE_INT,
	PICKLE_REAL,
	PICKLE_TEXT, /* UTF-8 */
	PICKLE_TUPLE,
	PICKLE_LIST,
	PICKLE_DICT,
	PICKLE_GLOBAL, /* a name of Python's: text is "module name" */
	PICKLE_CALL, /* of a global */
	PICKLE_REFERENCE, /* to something outside the pickle (a persistent id) */
};

struct pickle_value {
	enum pickle_type type;
	uint32_t count; /* items of a tuple, list or dict; a dict's keys and values are two each */
	size_t at; /* its opcode, in bytes from the beginning, for messages */
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct {
			const char *bytes; /* in the pickle, or NUL-terminated */
			size_t size;
		} text; /* of PICKLE_TEXT and PICKLE_GLOBAL */
		struct {
			struct pickle_item *first, *last;
		} items;
		struct {
			const struct pickle_value *function, *arguments;
		} call;
		const struct pickle_value *id; /* of PICKLE_REFERENCE */
	};
};

struct pickle_item {
	const struct pickle_value *value;
	struct pickle_item *next;
};

struct pickle; /* own */

/* Read a pickle, whose bytes must outlive the result. name is for messages. globals: the names
 * "module name" that it may hold, NULL-terminated; they outlive the result, too. NULL with err set,
 * which tells name, byte and what is wrong. */
struct pickle *pickle_read(const char *name, const void *bytes, size_t size,
                           const char *const *globals, struct err *err);
void pickle_free(struct pickle *pickle); /* NULL is allowed */

/* What the pickle holds. All values are the pickle's. */
const struct pickle_value *pickle_root(const struct pickle *pickle);

/* ---- values; NULL is allowed, and has no type ---- */

bool pickle_is(const struct pickle_value *value, enum pickle_type type);

/* A text or a global of exactly this text? */
bool pickle_is_text(const struct pickle_value *value, enum pickle_type type, const char *text);

/* Item i of a tuple or list (of a dict: 2k is a key, 2k+1 its value). NULL: there is none. */
const struct pickle_value *pickle_item(const struct pickle_value *value, uint32_t i);

/* The value of a dict's key, the last one if it comes twice. NULL: there is none, or no dict. */
const struct pickle_value *pickle_get(const struct pickle_value *dict, const char *key);

/* The arguments of a call of this global, or NULL. */
const struct pickle_value *pickle_call_of(const struct pickle_value *value, const char *global);

#endif
