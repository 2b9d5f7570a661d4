/* Pickles: values are read, and whatever asks for more than values is refused and not done. */
#include "common/model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "tests/tap.h"

static const char *const globals[] = {"collections OrderedDict", "torch FloatStorage",
                                      "torch._utils _rebuild_tensor_v2", NULL};

static struct pickle *read_bytes(const void *bytes, size_t size, struct err *err)
{
	return pickle_read("x.pkl", bytes, size, globals, err);
}

/* ---- values ---- */

#define BYTES(text) (text), sizeof(text) - 1

/* One value each: what it is as text. */
static const struct {
	const char *bytes;
	size_t size;
	const char *want;
} values[] = {
	{BYTES("\x80\2N."), "None"},
	{BYTES("\x80\2\x88."), "True"},
	{BYTES("\x80\2\x89."), "False"},
	{BYTES("\x80\2K\xff."), "255"},
	{BYTES("\x80\2M\xff\xfe."), "65279"},
	{BYTES("\x80\2J\xff\xff\xff\xff."), "-1"},
	{BYTES("\x80\2J\0\0\0\x80."), "-2147483648"},
	{BYTES("\x80\2\x8a\0."), "0"},
	{BYTES("\x80\2\x8a\1\xff."), "-1"},
	{BYTES("\x80\2\x8a\2\xff\0."), "255"},
	{BYTES("\x80\2\x8a\5\0\0\0\0\1."), "4294967296"},
	{BYTES("\x80\2\x8a\10\0\0\0\0\0\0\0\x80."), "-9223372036854775808"},
	{BYTES("\x80\2G\277\360\0\0\0\0\0\0."), "-1.000000"},
	{BYTES("\x80\2G\100\2\0\0\0\0\0\0."), "2.250000"},
	{BYTES("\x80\2X\3\0\0\0\303\251b."), "'\303\251b'"},
	{BYTES("\x80\4\x95\4\0\0\0\0\0\0\0\x8c\1a\x94."), "'a'"},
	{BYTES("\x80\4\x8d\1\0\0\0\0\0\0\0a."), "'a'"},
	{BYTES("\x80\2)."), "()"},
	{BYTES("\x80\2]."), "[]"},
	{BYTES("\x80\2}."), "{}"},
	{BYTES("\x80\2K\1\x85."), "(1)"},
	{BYTES("\x80\2K\1K\2\x86."), "(1 2)"},
	{BYTES("\x80\2K\1K\2K\3\x87."), "(1 2 3)"},
	{BYTES("\x80\2(K\1K\2K\3K\4t."), "(1 2 3 4)"},
	{BYTES("\x80\2(t."), "()"},
	{BYTES("\x80\2]K\1a."), "[1]"},
	{BYTES("\x80\2](K\1K\2e(K\3e."), "[1 2 3]"},
	{BYTES("\x80\2}K\1Ns."), "{1 None}"},
	{BYTES("\x80\2}(K\1NK\2\x88u."), "{1 None 2 True}"},
	{BYTES("\x80\2](K\1(K\2K\3te."), "[1 (2 3)]"},
	{BYTES("\x80\2K\7q\0h\0h\0\x87."), "(7 7 7)"},
	{BYTES("\x80\2K\7r\0\0\0\0j\0\0\0\0\x86."), "(7 7)"},
	{BYTES("\x80\2K\7q\0K\10q\0h\0\x87."), "(7 8 8)"}, /* an index that comes again */
	{BYTES("\x80\4K\7\x94K\10\x94h\1\x87."), "(7 8 8)"},
	{BYTES("\x80\2ctorch\nFloatStorage\n."), "<torch FloatStorage>"},
	{BYTES("\x80\4\x8c\5torch\x8c\14" "FloatStorage\x93."), "<torch FloatStorage>"},
	{BYTES("\x80\2ctorch._utils\n_rebuild_tensor_v2\nK\1\x85R."),
	 "<torch._utils _rebuild_tensor_v2>(1)"},
	{BYTES("\x80\2ccollections\nOrderedDict\n)R(K\1K\2u}K\3K\4sb."), "{1 2}"},
	{BYTES("\x80\2K\5\x85Q."), "@(5)"},
};

/* The value as text, to free. */
static void print(FILE *file, const struct pickle_value *value)
{
	static const char *const brackets[] = {[PICKLE_TUPLE] = "()", [PICKLE_LIST] = "[]",
	                                       [PICKLE_DICT] = "{}"};

	switch (value->type) {
	case PICKLE_NONE:
		fputs("None", file);
		break;
	case PICKLE_BOOL:
		fputs(value->boolean ? "True" : "False", file);
		break;
	case PICKLE_INT:
		fprintf(file, "%lld", (long long)value->integer);
		break;
	case PICKLE_REAL:
		fprintf(file, "%f", value->real);
		break;
	case PICKLE_TEXT:
		fprintf(file, "'%.*s'", (int)value->text.size, value->text.bytes);
		break;
	case PICKLE_GLOBAL:
		fprintf(file, "<%.*s>", (int)value->text.size, value->text.bytes);
		break;
	case PICKLE_CALL:
		print(file, value->call.function);
		print(file, value->call.arguments);
		break;
	case PICKLE_REFERENCE:
		fputc('@', file);
		print(file, value->id);
		break;
	default:
		fputc(brackets[value->type][0], file);
		for (uint32_t i = 0; i < value->count; i++) {
			fputs(i ? " " : "", file);
			print(file, pickle_item(value, i));
		}
		fputc(brackets[value->type][1], file);
	}
}

static void test_values(void)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct err err = {0};
		struct pickle *pickle = read_bytes(values[i].bytes, values[i].size, &err);
		char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);
		if (pickle)
			print(file, pickle_root(pickle));
		else
			fputs(err.text, file);
		fclose(file);
		is_string(text, values[i].want, values[i].want);
		free(text);
		pickle_free(pickle);
	}
}

static void test_access(void)
{
	static const char bytes[] = "\x80\2}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0aK\3u.";
	struct err err = {0};
	struct pickle *pickle = read_bytes(BYTES(bytes), &err);
	const struct pickle_value *root = pickle ? pickle_root(pickle) : NULL;

	ok(pickle_is(pickle_get(root, "b"), PICKLE_INT) && pickle_get(root, "b")->integer == 2,
	   "a key");
	ok(pickle_get(root, "a") && pickle_get(root, "a")->integer == 3, "of a key twice, the last");
	ok(!pickle_get(root, "c") && !pickle_get(pickle_get(root, "b"), "c") && !pickle_get(NULL, "c"),
	   "no such key, no dict");
	ok(!pickle_item(root, 6) && pickle_item(root, 5) && !pickle_item(pickle_get(root, "b"), 0),
	   "no such item");
	ok(!pickle_call_of(root, "a b") && !pickle_call_of(NULL, "a b"), "no call");
	pickle_free(pickle);

	/* a list that is in itself is no trouble to one that does not recurse */
	pickle = read_bytes(BYTES("\x80\2]q\0h\0a."), &err);
	root = pickle ? pickle_root(pickle) : NULL;
	ok(root && root->count == 1 && pickle_item(root, 0) == root, "a list in itself");
	pickle_free(pickle);
}

/* ---- what is refused ---- */

static void refused(const void *bytes, size_t size, const char *text, const char *what)
{
	struct err err = {0};
	struct pickle *pickle = read_bytes(bytes, size, &err);

	if (!ok(!pickle && err.status == ERR_DATA && strstr(err.text, text) &&
	        strncmp(err.text, "x.pkl: ", 7) == 0 && !strchr(err.text, '\n'), "refused: %s", what))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, text);
	pickle_free(pickle);
}

static const struct {
	const char *bytes;
	size_t size;
	const char *text, *what;
} lies[] = {
	{BYTES(""), "byte 0: the pickle ends within", "nothing"},
	{BYTES("N."), "byte 0: no pickle of protocol 2", "no protocol"},
	{BYTES("(dp0\nS'a'\np1\nI1\ns."), "byte 0: no pickle of protocol 2", "protocol 0"},
	{BYTES("\x80\1N."), "byte 0: protocol 1, expected 2 to 5", "protocol 1"},
	{BYTES("\x80\6N."), "protocol 6", "protocol 6"},
	{BYTES("\x80\2cposix\nsystem\nX\2\0\0\0id\x85R."), "byte 2: it asks for posix.system of Python",
	 "a global"},
	{BYTES("\x80\4\x8c\2os\x8c\6system\x93."), "byte 14: it asks for os.system",
	 "a global of the stack"},
	{BYTES("\x80\2ctorch\nFloatStorage2\n."), "it asks for torch.FloatStorage2", "a longer name"},
	{BYTES("\x80\2ctorch\nFloatStorag\n."), "it asks for torch.FloatStorag ", "a shorter name"},
	{BYTES("\x80\2ctorch FloatStorage\n\n."), "it asks for", "a name in the module"},
	{BYTES("\x80\2c\x1b[2J\nx\n."), "it asks for \\x1b[2J.x", "a global for the terminal"},
	{BYTES("\x80\2ctorch\nFloatSto"), "ends within an opcode", "half a global"},
	{BYTES("\x80\4K\1\x8c\1a\x93."), "whose name is no text", "a number for a module"},
	{BYTES("\x80\2K\1K\2R."), "a call without a name", "a number that is called"},
	{BYTES("\x80\2ctorch\nFloatStorage\nK\1R."), "without a tuple of arguments", "no arguments"},
	{BYTES("\x80\2NK\1."), "more than one value", "two values at the end"},
	{BYTES("\x80\2]}b."), "attributes of what is no dict", "attributes of a list"},
	{BYTES("\x80\2q\0."), "nothing is on the stack", "a memo of nothing"},
	{BYTES("\x80\2Nh\0."), "memo 0 of 0", "no such memo"},
	{BYTES("\x80\2Nq\1."), "memo 1 after 0", "a memo out of order"},
	{BYTES("\x80\2Nr\xff\xff\xff\xff."), "memo 4294967295 after 0", "a memo of gigabytes"},
	{BYTES("\x80\2t."), "no mark", "a tuple without a mark"},
	{BYTES("\x80\2N\x86."), "too few values", "a pair of one"},
	{BYTES("\x80\2N(\x85."), "too few values", "a value below the mark"},
	{BYTES("\x80\2](K\1a."), "nothing is on the stack", "an item for a mark"},
	{BYTES("\x80\2NK\1a."), "items for what is no list", "an item of None"},
	{BYTES("\x80\2](K\1K\2u."), "items for what is no dict", "pairs of a list"},
	{BYTES("\x80\2}(K\1u."), "a key without a value", "a key alone"},
	{BYTES("\x80\2."), "nothing is on the stack", "nothing at the end"},
	{BYTES("\x80\2(N."), "more than one value", "a mark at the end"},
	{BYTES("\x80\2N.N"), "1 bytes follow the end", "bytes after the end"},
	{BYTES("\x80\2X\xff\xff\xff\xff" "a."), "ends within an opcode", "a long text"},
	{BYTES("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "a."), "ends within an opcode",
	 "a text of 2^64 bytes"},
	{BYTES("\x80\4\x95\xff\0\0\0\0\0\0\0N."), "ends within a frame", "a long frame"},
	{BYTES("\x80\2X\1\0\0\0\xff."), "a text that is not UTF-8", "a text that is not UTF-8"},
	{BYTES("\x80\2X\3\0\0\0\xed\xa0\x80."), "a text that is not UTF-8", "half a surrogate pair"},
	{BYTES("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\1."), "a whole number of 9 bytes", "2^64"},
	{BYTES("\x80\2\0."), "byte 2: 0x00 is no opcode", "a NUL"},
	{BYTES("\x80\2\xff."), "byte 2: 0xff is no opcode", "no opcode"},
};

static void test_lies(void)
{
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
		refused(lies[i].bytes, lies[i].size, lies[i].text, lies[i].what);
}

/* Opcodes of the format that are not among ours, from Lib/pickletools.py. */
static void test_opcodes(void)
{
	static const struct {
		unsigned char opcode;
		const char *name;
	} others[] = {
		{'0', "POP"}, {'1', "POP_MARK"}, {'2', "DUP"}, {'B', "BINBYTES"}, {'C', "SHORT_BINBYTES"},
		{'F', "FLOAT"}, {'I', "INT"}, {'L', "LONG"}, {'P', "PERSID"}, {'S', "STRING"},
		{'T', "BINSTRING"}, {'U', "SHORT_BINSTRING"}, {'V', "UNICODE"}, {'d', "DICT"},
		{'g', "GET"}, {'i', "INST"}, {'l', "LIST"}, {'o', "OBJ"}, {'p', "PUT"}, {0x81, "NEWOBJ"},
		{0x82, "EXT1"}, {0x83, "EXT2"}, {0x84, "EXT4"}, {0x8b, "LONG4"}, {0x8e, "BINBYTES8"},
		{0x8f, "EMPTY_SET"}, {0x90, "ADDITEMS"}, {0x91, "FROZENSET"}, {0x92, "NEWOBJ_EX"},
		{0x96, "BYTEARRAY8"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
	};
	int right = 0;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		const unsigned char bytes[] = {0x80, 2, 'N', others[i].opcode, '.'};
		struct err err = {0};
		char want[64];
		snprintf(want, sizeof want, "x.pkl: byte 3: opcode %s, which", others[i].name);
		struct pickle *pickle = read_bytes(bytes, sizeof bytes, &err);
		right += !pickle && strncmp(err.text, want, strlen(want)) == 0;
		pickle_free(pickle);
	}
	is_int(right, sizeof others / sizeof *others, "opcodes that are refused by name");
}

/* A pickle of the same bytes many times. */
static void test_bomb(const char *unit, const char *text)
{
	const size_t size = strlen(unit), count = 3 << 20;
	char *bytes = malloc(2 + size * count + 1);

	memcpy(bytes, "\x80\2", 2);
	for (size_t i = 0; i < count; i++)
		memcpy(bytes + 2 + i * size, unit, size);
	bytes[2 + size * count] = '.';
	refused(bytes, 2 + size * count + 1, text, text);
	free(bytes);
}

static void test_bombs(void)
{
	test_bomb("}", "more than 1048576 values");
	test_bomb("(", "more than 1048576 marks");
	test_bomb("K\1", "more than 1048576 values");
	char *bytes = malloc(7000010);
	size_t at = 6;
	memcpy(bytes, "\x80\2Nq\0]", at);
	for (; at < 7000000; at += 3)
		memcpy(bytes + at, "h\0a", 3);
	bytes[at++] = '.';
	refused(bytes, at, "more than 2097152 items", "a list of many");
	free(bytes);

	/* tuples in tuples, 900,000 deep, are values like others */
	bytes = malloc(1000000);
	memcpy(bytes, "\x80\2)", 3);
	memset(bytes + 3, 0x85, 900000);
	bytes[900003] = '.';
	struct err err = {0};
	struct pickle *pickle = read_bytes(bytes, 900004, &err);
	ok(pickle && pickle_root(pickle)->count == 1, "tuples 900,000 deep");
	pickle_free(pickle);
	free(bytes);

	static const char big[8] = "\x80\2N.";
	refused(big, PICKLE_SIZE_MAX + 1, "expected at most", "a pickle of more than 64 MiB");
}

/* Every prefix of a pickle of prepare.py is refused. */
static void test_prefixes(const char *path)
{
	struct err err = {0};
	size_t size = 0;
	char *bytes = file_read(path, 1 << 20, &size, &err);
	size_t read = 0;

	for (size_t length = 0; length < size; length++) {
		struct err found = {0};
		char *copy = malloc(length + 1); /* so that a sanitizer sees its end */
		memcpy(copy, bytes, length);
		struct pickle *pickle = read_bytes(copy, length, &found);
		read += pickle != NULL || found.status != ERR_DATA;
		pickle_free(pickle);
		free(copy);
	}
	struct pickle *whole = read_bytes(bytes, size, &err);
	ok(whole && size > 100 && read == 0, "every prefix of %s is refused", path);
	pickle_free(whole);
	free(bytes);
}

int main(void)
{
	test_values();
	test_access();
	test_lies();
	test_opcodes();
	test_bombs();
	test_prefixes("testdata/foreign/nanogpt/meta.pkl");
	test_prefixes("testdata/foreign/nanogpt-buffers/meta.pkl");
	return done();
}
