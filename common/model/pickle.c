#include "common/model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/model/pickle_machine.h"

#define PROTOCOL_MAX 5

/* ---- opcodes ---- */

/* A row of the table: op_FUNCTION(machine, argument). */
typedef int operation(struct pickle_machine *machine, int argument);

static int op_protocol(struct pickle_machine *machine, int argument)
{
	uint64_t protocol;

	(void)argument;
	if (pickle_next_number(machine, 1, &protocol) < 0)
		return -1;
	if (protocol < 2 || protocol > PROTOCOL_MAX)
		return pickle_fault(machine, "protocol %d, expected 2 to %d", (int)protocol, PROTOCOL_MAX);
	return 0;
}

/* A frame says how much to read at once. All is here. */
static int op_frame(struct pickle_machine *machine, int argument)
{
	uint64_t size;

	(void)argument;
	if (pickle_next_number(machine, 8, &size) < 0)
		return -1;
	if (size > machine->size - machine->at)
		return pickle_fault(machine, "the pickle ends within a frame");
	return 0;
}

static int op_mark(struct pickle_machine *machine, int argument)
{
	(void)argument;
	return pickle_push_mark(machine);
}

static int op_stop(struct pickle_machine *machine, int argument)
{
	(void)argument;
	machine->pickle->root = pickle_pop(machine);
	machine->stopped = true;
	if (!machine->pickle->root)
		return -1;
	if (machine->depth > 0 || machine->mark_count > 0)
		return pickle_fault(machine, "more than one value is on the stack at the end");
	if (machine->at != machine->size)
		return pickle_fault(machine, "%zu bytes follow the end", machine->size - machine->at);
	return 0;
}

static int op_none(struct pickle_machine *machine, int argument)
{
	(void)argument;
	return pickle_push(machine, pickle_new(machine, PICKLE_NONE));
}

static int op_bool(struct pickle_machine *machine, int argument)
{
	struct pickle_value *value = pickle_new(machine, PICKLE_BOOL);

	if (value)
		value->boolean = argument;
	return pickle_push(machine, value);
}

static int push_int(struct pickle_machine *machine, int64_t number)
{
	struct pickle_value *value = pickle_new(machine, PICKLE_INT);

	if (value)
		value->integer = number;
	return pickle_push(machine, value);
}

/* Without a sign but in four bytes. */
static int op_int(struct pickle_machine *machine, int bytes)
{
	uint64_t number;

	if (pickle_next_number(machine, (size_t)bytes, &number) < 0)
		return -1;
	return push_int(machine, bytes == 4 ? (int32_t)number : (int64_t)number);
}

/* Two's complement, of as many bytes as the first one says. */
static int op_long(struct pickle_machine *machine, int argument)
{
	uint64_t size, number;

	(void)argument;
	if (pickle_next_number(machine, 1, &size) < 0)
		return -1;
	if (size > sizeof number)
		return pickle_fault(machine, "a whole number of %d bytes, expected at most 8", (int)size);
	if (pickle_next_number(machine, (size_t)size, &number) < 0)
		return -1;
	if (size > 0 && size < 8 && number >> (8 * size - 1))
		number |= UINT64_MAX << 8 * size;
	return push_int(machine, (int64_t)number);
}

/* Eight bytes, the high one first. */
static int op_real(struct pickle_machine *machine, int argument)
{
	const unsigned char *bytes = pickle_next(machine, 8);
	struct pickle_value *value = bytes ? pickle_new(machine, PICKLE_REAL) : NULL;
	uint64_t bits = 0;

	(void)argument;
	if (!value)
		return -1;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | bytes[i];
	memcpy(&value->real, &bits, sizeof bits);
	return pickle_push(machine, value);
}

static int push_text(struct pickle_machine *machine, enum pickle_type type, const void *bytes,
                     size_t size)
{
	struct pickle_value *value = pickle_new(machine, type);

	if (value) {
		value->text.bytes = bytes;
		value->text.size = size;
	}
	return pickle_push(machine, value);
}

/* The size stands before it, in so many bytes. */
static int op_text(struct pickle_machine *machine, int size_bytes)
{
	uint64_t size;

	if (pickle_next_number(machine, (size_t)size_bytes, &size) < 0)
		return -1;
	const unsigned char *bytes = pickle_next(machine, (size_t)size);
	if (!bytes)
		return -1;
	if (utf8_length((const char *)bytes, (size_t)size) < 0)
		return pickle_fault(machine, "a text that is not UTF-8");
	return push_text(machine, PICKLE_TEXT, bytes, (size_t)size);
}

/* Names the caller allows, "module name". Others are an error, whoever asks for them. */
static int push_global(struct pickle_machine *machine, const char *module, size_t module_size,
                       const char *name, size_t name_size)
{
	for (const char *const *global = machine->globals; *global; global++) {
		const size_t size = strlen(*global);
		if (size == module_size + 1 + name_size && (*global)[module_size] == ' ' &&
		    memcmp(*global, module, module_size) == 0 &&
		    memcmp(*global + module_size + 1, name, name_size) == 0)
			return push_text(machine, PICKLE_GLOBAL, *global, size);
	}
	return pickle_fault(machine, "it asks for %.*s.%.*s of Python: refused, not called; save "
	                    "numbers, texts and tensors only",
	                    (int)(module_size < 80 ? module_size : 80), module,
	                    (int)(name_size < 80 ? name_size : 80), name);
}

static int op_global(struct pickle_machine *machine, int argument)
{
	size_t module_size, name_size;
	const unsigned char *module = pickle_next_line(machine, &module_size);
	const unsigned char *name = module ? pickle_next_line(machine, &name_size) : NULL;

	(void)argument;
	if (!name)
		return -1;
	return push_global(machine, (const char *)module, module_size, (const char *)name, name_size);
}

static int op_stack_global(struct pickle_machine *machine, int argument)
{
	const struct pickle_value *name = pickle_pop(machine);
	const struct pickle_value *module = name ? pickle_pop(machine) : NULL;

	(void)argument;
	if (!module)
		return -1;
	if (module->type != PICKLE_TEXT || name->type != PICKLE_TEXT)
		return pickle_fault(machine, "a global whose name is no text");
	return push_global(machine, module->text.bytes, module->text.size, name->text.bytes,
	                   name->text.size);
}

static int op_empty(struct pickle_machine *machine, int type)
{
	return pickle_push(machine, pickle_new(machine, (enum pickle_type)type));
}

static int push_tuple(struct pickle_machine *machine, struct pickle_value **values, size_t count)
{
	struct pickle_value *tuple = pickle_new(machine, PICKLE_TUPLE);

	for (size_t i = 0; tuple && i < count; i++)
		if (pickle_append(machine, tuple, values[i]) < 0)
			return -1;
	return pickle_push(machine, tuple);
}

/* Of the values above the mark. */
static int op_tuple(struct pickle_machine *machine, int argument)
{
	struct pickle_value **values;
	size_t count;

	(void)argument;
	return pickle_pop_mark(machine, &values, &count) < 0 ? -1 : push_tuple(machine, values, count);
}

static int op_short_tuple(struct pickle_machine *machine, int count)
{
	struct pickle_value **values;

	return pickle_pop_many(machine, (size_t)count, &values) < 0
	       ? -1 : push_tuple(machine, values, (size_t)count);
}

/* Values go to the list or dict below them; a dict takes them in pairs. */
static int extend(struct pickle_machine *machine, struct pickle_value **values, size_t count,
                  enum pickle_type type)
{
	struct pickle_value *to = pickle_top(machine);

	if (!to)
		return -1;
	if (to->type != type)
		return pickle_fault(machine, "items for what is no %s",
		                    type == PICKLE_LIST ? "list" : "dict");
	if (type == PICKLE_DICT && count % 2 != 0)
		return pickle_fault(machine, "a key without a value");
	for (size_t i = 0; i < count; i++)
		if (pickle_append(machine, to, values[i]) < 0)
			return -1;
	return 0;
}

static int op_extend(struct pickle_machine *machine, int type)
{
	struct pickle_value **values;
	size_t count;

	return pickle_pop_mark(machine, &values, &count) < 0
	       ? -1 : extend(machine, values, count, (enum pickle_type)type);
}

static int op_add(struct pickle_machine *machine, int type)
{
	struct pickle_value **values;
	const size_t count = type == PICKLE_DICT ? 2 : 1;

	return pickle_pop_many(machine, count, &values) < 0
	       ? -1 : extend(machine, values, count, (enum pickle_type)type);
}

static int op_put(struct pickle_machine *machine, int bytes)
{
	uint64_t index;

	return pickle_next_number(machine, (size_t)bytes, &index) < 0 ? -1
	                                                              : pickle_remember(machine, index);
}

static int op_memoize(struct pickle_machine *machine, int argument)
{
	(void)argument;
	return pickle_remember(machine, machine->memo_count);
}

static int op_get(struct pickle_machine *machine, int bytes)
{
	uint64_t index;

	return pickle_next_number(machine, (size_t)bytes, &index) < 0 ? -1
	                                                              : pickle_recall(machine, index);
}

static int op_reduce(struct pickle_machine *machine, int argument)
{
	const struct pickle_value *arguments = pickle_pop(machine);
	const struct pickle_value *function = arguments ? pickle_pop(machine) : NULL;

	(void)argument;
	if (!function)
		return -1;
	if (function->type != PICKLE_GLOBAL || arguments->type != PICKLE_TUPLE)
		return pickle_fault(machine, "a call without a name, or without a tuple of arguments");
	if (pickle_is_text(function, PICKLE_GLOBAL, "collections OrderedDict") && arguments->count == 0)
		return op_empty(machine, PICKLE_DICT);
	struct pickle_value *call = pickle_new(machine, PICKLE_CALL);
	if (call) {
		call->call.function = function;
		call->call.arguments = arguments;
	}
	return pickle_push(machine, call);
}

/* The attributes of an object: of a state dict, the versions of its modules. */
static int op_build(struct pickle_machine *machine, int argument)
{
	const struct pickle_value *state = pickle_pop(machine);
	const struct pickle_value *object = state ? pickle_top(machine) : NULL;

	(void)argument;
	if (!object)
		return -1;
	return object->type == PICKLE_DICT ? 0 : pickle_fault(machine, "attributes of what is no dict");
}

static int op_reference(struct pickle_machine *machine, int argument)
{
	const struct pickle_value *id = pickle_pop(machine);
	struct pickle_value *value = id ? pickle_new(machine, PICKLE_REFERENCE) : NULL;

	(void)argument;
	if (value)
		value->id = id;
	return pickle_push(machine, value);
}

/* Of all protocols. Those without a function are not known here. */
static const struct {
	const char *name;
	operation *run;
	int argument;
} opcodes[256] = {
	[0x80] = {"PROTO", op_protocol, 0},
	[0x95] = {"FRAME", op_frame, 0},
	['('] = {"MARK", op_mark, 0},
	['.'] = {"STOP", op_stop, 0},
	['N'] = {"NONE", op_none, 0},
	[0x88] = {"NEWTRUE", op_bool, 1},
	[0x89] = {"NEWFALSE", op_bool, 0},
	['K'] = {"BININT1", op_int, 1},
	['M'] = {"BININT2", op_int, 2},
	['J'] = {"BININT", op_int, 4},
	[0x8a] = {"LONG1", op_long, 0},
	['G'] = {"BINFLOAT", op_real, 0},
	[0x8c] = {"SHORT_BINUNICODE", op_text, 1},
	['X'] = {"BINUNICODE", op_text, 4},
	[0x8d] = {"BINUNICODE8", op_text, 8},
	['c'] = {"GLOBAL", op_global, 0},
	[0x93] = {"STACK_GLOBAL", op_stack_global, 0},
	[')'] = {"EMPTY_TUPLE", op_empty, PICKLE_TUPLE},
	[']'] = {"EMPTY_LIST", op_empty, PICKLE_LIST},
	['}'] = {"EMPTY_DICT", op_empty, PICKLE_DICT},
	['t'] = {"TUPLE", op_tuple, 0},
	[0x85] = {"TUPLE1", op_short_tuple, 1},
	[0x86] = {"TUPLE2", op_short_tuple, 2},
	[0x87] = {"TUPLE3", op_short_tuple, 3},
	['a'] = {"APPEND", op_add, PICKLE_LIST},
	['e'] = {"APPENDS", op_extend, PICKLE_LIST},
	['s'] = {"SETITEM", op_add, PICKLE_DICT},
	['u'] = {"SETITEMS", op_extend, PICKLE_DICT},
	['q'] = {"BINPUT", op_put, 1},
	['r'] = {"LONG_BINPUT", op_put, 4},
	[0x94] = {"MEMOIZE", op_memoize, 0},
	['h'] = {"BINGET", op_get, 1},
	['j'] = {"LONG_BINGET", op_get, 4},
	['R'] = {"REDUCE", op_reduce, 0},
	['b'] = {"BUILD", op_build, 0},
	['Q'] = {"BINPERSID", op_reference, 0},

	['0'] = {.name = "POP"},
	['1'] = {.name = "POP_MARK"},
	['2'] = {.name = "DUP"},
	['B'] = {.name = "BINBYTES"},
	['C'] = {.name = "SHORT_BINBYTES"},
	['F'] = {.name = "FLOAT"},
	['I'] = {.name = "INT"},
	['L'] = {.name = "LONG"},
	['P'] = {.name = "PERSID"},
	['S'] = {.name = "STRING"},
	['T'] = {.name = "BINSTRING"},
	['U'] = {.name = "SHORT_BINSTRING"},
	['V'] = {.name = "UNICODE"},
	['d'] = {.name = "DICT"},
	['g'] = {.name = "GET"},
	['i'] = {.name = "INST"},
	['l'] = {.name = "LIST"},
	['o'] = {.name = "OBJ"},
	['p'] = {.name = "PUT"},
	[0x81] = {.name = "NEWOBJ"},
	[0x82] = {.name = "EXT1"},
	[0x83] = {.name = "EXT2"},
	[0x84] = {.name = "EXT4"},
	[0x8b] = {.name = "LONG4"},
	[0x8e] = {.name = "BINBYTES8"},
	[0x8f] = {.name = "EMPTY_SET"},
	[0x90] = {.name = "ADDITEMS"},
	[0x91] = {.name = "FROZENSET"},
	[0x92] = {.name = "NEWOBJ_EX"},
	[0x96] = {.name = "BYTEARRAY8"},
	[0x97] = {.name = "NEXT_BUFFER"},
	[0x98] = {.name = "READONLY_BUFFER"},
};

static int step(struct pickle_machine *machine)
{
	machine->opcode = machine->at;
	const unsigned char *opcode = pickle_next(machine, 1);
	if (!opcode)
		return -1;
	if (machine->opcode == 0 && *opcode != 0x80)
		return pickle_fault(machine, "no pickle of protocol 2 or later begins like this");
	if (opcodes[*opcode].run)
		return opcodes[*opcode].run(machine, opcodes[*opcode].argument);
	if (opcodes[*opcode].name)
		return pickle_fault(machine, "opcode %s, which such files do not need: refused",
		                    opcodes[*opcode].name);
	return pickle_fault(machine, "0x%02x is no opcode", *opcode);
}

struct pickle *pickle_read(const char *name, const void *bytes, size_t size,
                           const char *const *globals, struct err *err)
{
	struct pickle_machine machine = {.name = name, .bytes = bytes, .size = size,
	                                 .globals = globals, .err = err,
	                                 .pickle = calloc(1, sizeof *machine.pickle)};
	int result = 0;

	if (!machine.pickle)
		result = err_set(err, "%s: out of memory", name);
	else if (size > PICKLE_SIZE_MAX)
		result = err_set(err, "%s: a pickle of %zu bytes, expected at most %zu", name, size,
		                 PICKLE_SIZE_MAX);
	while (result == 0 && !machine.stopped)
		result = step(&machine);
	free(machine.stack);
	free(machine.marks);
	free(machine.memo);
	if (result < 0) {
		pickle_free(machine.pickle);
		return NULL;
	}
	return machine.pickle;
}
