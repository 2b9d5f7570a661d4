#include "common/model/pickle_machine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/array.h"

#define BLOCK_BYTES (16 << 10)

struct block {
	struct block *next;
	size_t used;
	_Alignas(max_align_t) char bytes[BLOCK_BYTES];
};

int pickle_fault(struct pickle_machine *machine, const char *format, ...)
{
	va_list args;
	char text[256];

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_set(machine->err, "%s: byte %zu: %s", machine->name, machine->opcode, text);
}

/* ---- values ---- */

static void *take(struct pickle_machine *machine, size_t size)
{
	struct block *block = machine->pickle->blocks;

	size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
	if (!block || size > BLOCK_BYTES - block->used) {
		block = malloc(sizeof *block);
		if (!block) {
			pickle_fault(machine, "out of memory");
			return NULL;
		}
		block->next = machine->pickle->blocks;
		block->used = 0;
		machine->pickle->blocks = block;
	}
	void *memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

struct pickle_value *pickle_new(struct pickle_machine *machine, enum pickle_type type)
{
	struct pickle_value *value;

	if (machine->values++ >= PICKLE_VALUES_MAX) {
		pickle_fault(machine, "more than %d values", PICKLE_VALUES_MAX);
		return NULL;
	}
	value = take(machine, sizeof *value);
	if (value)
		*value = (struct pickle_value){.type = type, .at = machine->opcode};
	return value;
}

int pickle_append(struct pickle_machine *machine, struct pickle_value *to,
                  const struct pickle_value *value)
{
	struct pickle_item *item;

	if (machine->items++ >= 2 * PICKLE_VALUES_MAX)
		return pickle_fault(machine, "more than %d items", 2 * PICKLE_VALUES_MAX);
	item = take(machine, sizeof *item);
	if (!item)
		return -1;
	*item = (struct pickle_item){.value = value};
	if (to->items.last)
		to->items.last->next = item;
	else
		to->items.first = item;
	to->items.last = item;
	to->count++;
	return 0;
}

/* ---- bytes ---- */

const unsigned char *pickle_next(struct pickle_machine *machine, size_t size)
{
	const unsigned char *bytes = machine->bytes + machine->at;

	if (size > machine->size - machine->at) {
		pickle_fault(machine, "the pickle ends within an opcode");
		return NULL;
	}
	machine->at += size;
	return bytes;
}

int pickle_next_number(struct pickle_machine *machine, size_t size, uint64_t *number)
{
	const unsigned char *bytes = pickle_next(machine, size);

	*number = 0;
	for (size_t i = 0; bytes && i < size; i++)
		*number |= (uint64_t)bytes[i] << 8 * i;
	return bytes ? 0 : -1;
}

const unsigned char *pickle_next_line(struct pickle_machine *machine, size_t *size)
{
	const unsigned char *bytes = machine->bytes + machine->at;
	const unsigned char *end = memchr(bytes, '\n', machine->size - machine->at);

	if (!end) {
		pickle_fault(machine, "the pickle ends within an opcode");
		return NULL;
	}
	*size = (size_t)(end - bytes);
	machine->at += *size + 1;
	return bytes;
}

/* ---- stack and memo ---- */

int pickle_push(struct pickle_machine *machine, struct pickle_value *value)
{
	if (!value)
		return -1;
	if (machine->depth >= PICKLE_VALUES_MAX)
		return pickle_fault(machine, "more than %d values on the stack", PICKLE_VALUES_MAX);
	if (array_reserve(&machine->stack, &machine->stack_room, machine->depth + 1) < 0)
		return pickle_fault(machine, "out of memory");
	machine->stack[machine->depth++] = value;
	return 0;
}

/* Values above the last mark. */
static size_t above(const struct pickle_machine *machine)
{
	return machine->depth - (machine->mark_count ? machine->marks[machine->mark_count - 1] : 0);
}

struct pickle_value *pickle_pop(struct pickle_machine *machine)
{
	if (above(machine) == 0) {
		pickle_fault(machine, "nothing is on the stack");
		return NULL;
	}
	return machine->stack[--machine->depth];
}

struct pickle_value *pickle_top(struct pickle_machine *machine)
{
	struct pickle_value *value = pickle_pop(machine);

	machine->depth += value != NULL;
	return value;
}

int pickle_push_mark(struct pickle_machine *machine)
{
	if (machine->mark_count >= PICKLE_VALUES_MAX)
		return pickle_fault(machine, "more than %d marks", PICKLE_VALUES_MAX);
	if (array_reserve(&machine->marks, &machine->mark_room, machine->mark_count + 1) < 0)
		return pickle_fault(machine, "out of memory");
	machine->marks[machine->mark_count++] = machine->depth;
	return 0;
}

int pickle_pop_many(struct pickle_machine *machine, size_t count, struct pickle_value ***values)
{
	if (above(machine) < count)
		return pickle_fault(machine, "too few values are on the stack");
	if (array_reserve(&machine->stack, &machine->stack_room, machine->depth) < 0)
		return pickle_fault(machine, "out of memory");
	machine->depth -= count;
	*values = machine->stack + machine->depth;
	return 0;
}

int pickle_pop_mark(struct pickle_machine *machine, struct pickle_value ***values, size_t *count)
{
	if (machine->mark_count == 0)
		return pickle_fault(machine, "no mark is on the stack");
	*count = above(machine);
	machine->mark_count--;
	return pickle_pop_many(machine, *count, values);
}

int pickle_remember(struct pickle_machine *machine, uint64_t index)
{
	struct pickle_value *value = pickle_top(machine);

	if (!value)
		return -1;
	if (index > machine->memo_count || index >= PICKLE_VALUES_MAX)
		return pickle_fault(machine, "memo %llu after %zu", (unsigned long long)index,
		                    machine->memo_count);
	if (array_reserve(&machine->memo, &machine->memo_room, (size_t)index + 1) < 0)
		return pickle_fault(machine, "out of memory");
	machine->memo_count += index == machine->memo_count;
	machine->memo[index] = value;
	return 0;
}

int pickle_recall(struct pickle_machine *machine, uint64_t index)
{
	if (index >= machine->memo_count)
		return pickle_fault(machine, "memo %llu of %zu", (unsigned long long)index,
		                    machine->memo_count);
	return pickle_push(machine, machine->memo[index]);
}

void pickle_free(struct pickle *pickle)
{
	struct block *next;

	if (!pickle)
		return;
	for (struct block *block = pickle->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(pickle);
}
