/* pickle_machine.h - the machine that a pickle is a program for: its bytes, its stack and its memo.
 * For pickle.c.
 *
 * After an error, which they record, functions return -1 or NULL.
 */
#ifndef MEMOSCOPE_PICKLE_MACHINE_H
#define MEMOSCOPE_PICKLE_MACHINE_H

#include "common/model/pickle.h"

struct block; /* memory of values and items */

struct pickle {
	struct block *blocks;
	const struct pickle_value *root;
};

struct pickle_machine {
	const char *name; /* for messages */
	const unsigned char *bytes;
	size_t size, at; /* the next byte */
	size_t opcode; /* where the current one stands */
	const char *const *globals;
	struct pickle *pickle;
	size_t values, items; /* taken so far */
	struct pickle_value **stack;
	size_t depth, stack_room;
	size_t *marks; /* depths of the stack */
	size_t mark_count, mark_room;
	struct pickle_value **memo;
	size_t memo_count, memo_room;
	bool stopped;
	struct err *err;
};

/* Record an error in the current opcode. Returns -1. */
int pickle_fault(struct pickle_machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- bytes ---- */

/* The next size bytes. */
const unsigned char *pickle_next(struct pickle_machine *machine, size_t size);

/* A number of size bytes, at most 8, low byte first. */
int pickle_next_number(struct pickle_machine *machine, size_t size, uint64_t *number);

/* The bytes up to a newline, which is left out. */
const unsigned char *pickle_next_line(struct pickle_machine *machine, size_t *size);

/* ---- values ---- */

struct pickle_value *pickle_new(struct pickle_machine *machine, enum pickle_type type);

/* Add a value to the items of a tuple, list or dict. */
int pickle_append(struct pickle_machine *machine, struct pickle_value *to,
                  const struct pickle_value *value);

/* ---- stack and memo ---- */

int pickle_push(struct pickle_machine *machine, struct pickle_value *value); /* of NULL: -1 */
struct pickle_value *pickle_pop(struct pickle_machine *machine);
struct pickle_value *pickle_top(struct pickle_machine *machine);
int pickle_push_mark(struct pickle_machine *machine);

/* Take the upper values away, count of them or all that stand above the last mark, and that mark.
 * They are at the pointer until something is pushed. */
int pickle_pop_many(struct pickle_machine *machine, size_t count, struct pickle_value ***values);
int pickle_pop_mark(struct pickle_machine *machine, struct pickle_value ***values, size_t *count);

/* Remember the top of the stack. Indices come one after the other, so that a large one cannot ask
 * for memory; an old one may come again. */
int pickle_remember(struct pickle_machine *machine, uint64_t index);

/* Push what was remembered. */
int pickle_recall(struct pickle_machine *machine, uint64_t index);

#endif
