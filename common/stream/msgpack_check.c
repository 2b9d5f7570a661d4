#include "common/stream/msgpack_check.h"

enum shape { SCALAR, STRING, BINARY, ARRAY, MAP, EXTENSION, UNUSED };

/* What the first byte of an object announces: its shape; how many bytes of length (of a scalar,
 * of value) follow; and the length, if the first byte holds it. */
struct head {
	uint8_t shape, extra, fixed;
};

static struct head head_of(uint8_t byte)
{
	static const struct head heads[32] = { /* 0xc0 … 0xdf */
		{SCALAR, 0, 0},    {UNUSED, 0, 0},    {SCALAR, 0, 0},    {SCALAR, 0, 0},
		{BINARY, 1, 0},    {BINARY, 2, 0},    {BINARY, 4, 0},    {EXTENSION, 0, 0},
		{EXTENSION, 0, 0}, {EXTENSION, 0, 0}, {SCALAR, 4, 0},    {SCALAR, 8, 0},
		{SCALAR, 1, 0},    {SCALAR, 2, 0},    {SCALAR, 4, 0},    {SCALAR, 8, 0},
		{SCALAR, 1, 0},    {SCALAR, 2, 0},    {SCALAR, 4, 0},    {SCALAR, 8, 0},
		{EXTENSION, 0, 0}, {EXTENSION, 0, 0}, {EXTENSION, 0, 0}, {EXTENSION, 0, 0},
		{EXTENSION, 0, 0}, {STRING, 1, 0},    {STRING, 2, 0},    {STRING, 4, 0},
		{ARRAY, 2, 0},     {ARRAY, 4, 0},     {MAP, 2, 0},       {MAP, 4, 0},
	};

	if (byte < 0x80 || byte >= 0xe0)
		return (struct head){SCALAR, 0, 0};
	if (byte >= 0xc0)
		return heads[byte - 0xc0];
	if (byte >= 0xa0)
		return (struct head){STRING, 0, byte & 0x1f};
	return (struct head){byte < 0x90 ? MAP : ARRAY, 0, byte & 0x0f};
}

/* Enter an array or a map of count elements. */
static int enter(struct msgpack_check *check, const struct msgpack_limits *limits, int map,
                 uint64_t count, struct err *err)
{
	if (map && count > MSGPACK_ENTRIES_MAX)
		return err_set(err, "a map of %ju entries: at most %d are allowed",
		               (uintmax_t)count, MSGPACK_ENTRIES_MAX);
	count <<= map;
	check->objects += count;
	if (check->objects > limits->objects)
		return err_set(err, "an array or map of %ju: %s has at most %ju objects",
		               (uintmax_t)count, limits->of, (uintmax_t)limits->objects);
	if (check->depth == MSGPACK_DEPTH_MAX)
		return err_set(err, "maps and arrays nest more than %d deep", MSGPACK_DEPTH_MAX);
	if (count == 0)
		return 0;
	check->open[check->depth].left = count;
	check->open[check->depth].map = map;
	check->depth++;
	return 0;
}

/* Pass the object at check->at; of an array or a map, its first byte and its length. 1; 0 if
 * these have not come whole; -1 with err set. */
static int pass(struct msgpack_check *check, const struct msgpack_limits *limits,
                const unsigned char *bytes, size_t size, struct err *err)
{
	struct head head = head_of(bytes[check->at]);
	uint64_t length = head.fixed;

	if (check->depth > 0) {
		if (check->open[check->depth - 1].map && head.shape != STRING &&
		    check->open[check->depth - 1].left % 2 == 0)
			return err_set(err, "a map key that is no string");
	}
	if (size - check->at < 1 + (size_t)head.extra)
		return 0;
	if (check->depth > 0)
		check->open[check->depth - 1].left--;

	if (head.shape == SCALAR) {
		check->at += 1 + (size_t)head.extra;
		return 1;
	}
	if (head.shape >= EXTENSION)
		return err_set(err, "byte 0x%02x is %s", bytes[check->at],
		               head.shape == UNUSED ? "not msgpack"
		                                    : "an extension type, which no stream has");
	for (size_t i = 1; i <= head.extra; i++)
		length = length << 8 | bytes[check->at + i];
	if (head.shape == ARRAY || head.shape == MAP) {
		if (enter(check, limits, head.shape == MAP, length, err) < 0)
			return -1;
		check->at += 1 + (size_t)head.extra;
		return 1;
	}
	if (length > limits->bytes - check->at)
		return err_set(err, "%s of %ju bytes: %s has at most %zu",
		               head.shape == STRING ? "a string" : "binary data",
		               (uintmax_t)length, limits->of, limits->bytes);
	check->at += 1 + (size_t)head.extra + length;
	return 1;
}

int msgpack_check(struct msgpack_check *check, const struct msgpack_limits *limits,
                  const char *bytes, size_t size, struct err *err)
{
	while (!check->closed) {
		if (check->at >= size)
			return 0;
		if (check->at >= limits->bytes)
			return err_set(err, "%s of more than %zu bytes", limits->of, limits->bytes);
		int passed = pass(check, limits, (const unsigned char *)bytes, size, err);
		if (passed <= 0)
			return passed;
		while (check->depth > 0 && check->open[check->depth - 1].left == 0)
			check->depth--;
		check->closed = check->depth == 0;
	}
	return check->at <= size;
}
