#include "common/stream/unpack.h"

#include <stdbool.h>
#include <string.h>

#include "common/stream/msgpack_check.h"

struct unpacking {
	const unsigned char *end;
	msgpack_zone *zone;
	uint64_t objects, objects_max; /* that arrays and maps have announced */
	unsigned maps, depth;
};

/* The take_… functions unpack the object that begins at `at` and return the byte behind it;
 * NULL if the object is not whole or not allowed. */

static const unsigned char *take_elements(struct unpacking *unpacking, const unsigned char *at,
                                          msgpack_object *object, bool map, uint64_t count,
                                          uint64_t owed);

/* Numbers, high byte first. A compiler makes one instruction of this, but not of a loop. */
static inline uint32_t two(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 8 | bytes[1];
}

static inline uint64_t eight(const unsigned char *bytes)
{
	const uint32_t high = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	                      (uint32_t)bytes[2] << 8 | bytes[3];
	const uint32_t low = (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 |
	                     (uint32_t)bytes[6] << 8 | bytes[7];

	return (uint64_t)high << 32 | low;
}

static inline void set_unsigned(msgpack_object *object, uint64_t value)
{
	object->type = MSGPACK_OBJECT_POSITIVE_INTEGER;
	object->via.u64 = value;
}

static inline void set_signed(msgpack_object *object, int64_t value)
{
	object->type = value < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER : MSGPACK_OBJECT_POSITIVE_INTEGER;
	object->via.i64 = value;
}

static void set_float(msgpack_object *object, uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof value);
	object->type = MSGPACK_OBJECT_FLOAT32;
	object->via.f64 = (double)value;
}

static inline void set_double(msgpack_object *object, uint64_t bits)
{
	object->type = MSGPACK_OBJECT_FLOAT64;
	memcpy(&object->via.f64, &bits, sizeof object->via.f64);
}

static void set_simple(msgpack_object *object, msgpack_object_type type, bool value)
{
	object->type = type;
	object->via.boolean = value;
}

static inline const unsigned char *take_bytes(const struct unpacking *unpacking,
                                              const unsigned char *at, msgpack_object *object,
                                              msgpack_object_type type, uint64_t length)
{
	if ((uint64_t)(unpacking->end - at) < length)
		return NULL;
	object->type = type;
	object->via.str.size = (uint32_t)length; /* bin has the same two fields */
	object->via.str.ptr = (const char *)at;
	return at + length;
}

/* An object with a first byte that is rare: take() handles the common ones itself. */
static const unsigned char *take_rare(struct unpacking *unpacking, const unsigned char *at,
                                      msgpack_object *object, unsigned first, uint64_t owed)
{
	static const unsigned char sizes[32] = { /* of the number or length behind 0xc0 to 0xdf */
		[0x04] = 1, [0x05] = 2, [0x06] = 4, [0x0a] = 4, [0x0e] = 4, [0x0f] = 8, [0x10] = 1,
		[0x11] = 2, [0x12] = 4, [0x13] = 8, [0x19] = 1, [0x1a] = 2, [0x1b] = 4, [0x1c] = 2,
		[0x1d] = 4, [0x1e] = 2, [0x1f] = 4,
	};
	uint64_t number = 0;

	if (first < 0xa0)
		return take_elements(unpacking, at, object, first < 0x90, first & 0x0f, owed);
	if (unpacking->end - at < sizes[first - 0xc0])
		return NULL;
	for (unsigned char i = 0; i < sizes[first - 0xc0]; i++)
		number = number << 8 | *at++;
	switch (first) {
	case 0xc0: set_simple(object, MSGPACK_OBJECT_NIL, false); return at;
	case 0xc2: set_simple(object, MSGPACK_OBJECT_BOOLEAN, false); return at;
	case 0xc3: set_simple(object, MSGPACK_OBJECT_BOOLEAN, true); return at;
	case 0xc4: case 0xc5: case 0xc6:
		return take_bytes(unpacking, at, object, MSGPACK_OBJECT_BIN, number);
	case 0xca: set_float(object, (uint32_t)number); return at;
	case 0xce: case 0xcf: set_unsigned(object, number); return at;
	case 0xd0: set_signed(object, (int8_t)number); return at;
	case 0xd1: set_signed(object, (int16_t)number); return at;
	case 0xd2: set_signed(object, (int32_t)number); return at;
	case 0xd3: set_signed(object, (int64_t)number); return at;
	case 0xd9: case 0xda: case 0xdb:
		return take_bytes(unpacking, at, object, MSGPACK_OBJECT_STR, number);
	case 0xdc: case 0xdd: case 0xde: case 0xdf:
		return take_elements(unpacking, at, object, first >= 0xde, number, owed);
	default: return NULL; /* extension types, and 0xc1 */
	}
}

/* One object. owed: how many more objects must follow it, at least. */
static inline __attribute__((always_inline)) const unsigned char *
take(struct unpacking *unpacking, const unsigned char *at, msgpack_object *object, uint64_t owed)
{
	const unsigned char *const end = unpacking->end;

	if (at == end)
		return NULL;
	const unsigned first = *at++;
	if (first < 0x80) {
		set_unsigned(object, first);
		return at;
	}
	if (first >= 0xa0 && first < 0xc0)
		return take_bytes(unpacking, at, object, MSGPACK_OBJECT_STR, first & 0x1f);
	if (first == 0xcb && end - at >= 8) {
		set_double(object, eight(at));
		return at + 8;
	}
	if (first == 0xcc && at < end) {
		set_unsigned(object, *at);
		return at + 1;
	}
	if (first == 0xcd && end - at >= 2) {
		set_unsigned(object, two(at));
		return at + 2;
	}
	if (first >= 0xe0) {
		set_signed(object, (int8_t)first);
		return at;
	}
	return take_rare(unpacking, at, object, first, owed);
}

/* Memory for the parts of an array or a map. NULL if they cannot have come whole, if they exceed
 * a limit, or if memory is out. */
static msgpack_object *room(struct unpacking *unpacking, const unsigned char *at, uint64_t parts,
                            uint64_t owed)
{
	unpacking->objects += parts;
	if (unpacking->objects > unpacking->objects_max || unpacking->depth > MSGPACK_DEPTH_MAX ||
	    owed + parts > (uint64_t)(unpacking->end - at)) /* a byte each, at least */
		return NULL;
	return msgpack_zone_malloc(unpacking->zone, (parts + (parts == 0)) * sizeof(msgpack_object));
}

static const unsigned char *take_array(struct unpacking *unpacking, const unsigned char *at,
                                       msgpack_object *object, uint64_t count, uint64_t owed)
{
	msgpack_object *inside = room(unpacking, at, count, owed);

	if (!inside)
		return NULL;
	object->type = MSGPACK_OBJECT_ARRAY;
	object->via.array.size = (uint32_t)count;
	object->via.array.ptr = inside;
	for (owed += count; at && count > 0; count--)
		at = take(unpacking, at, inside++, --owed);
	return at;
}

static const unsigned char *take_map(struct unpacking *unpacking, const unsigned char *at,
                                     msgpack_object *object, uint64_t count, uint64_t owed)
{
	msgpack_object *inside = count > MSGPACK_ENTRIES_MAX ? NULL :
	                         room(unpacking, at, 2 * count, owed);

	if (!inside)
		return NULL;
	unpacking->maps++;
	object->type = MSGPACK_OBJECT_MAP;
	object->via.map.size = (uint32_t)count;
	object->via.map.ptr = (msgpack_object_kv *)inside; /* a key, then its value */
	for (owed += 2 * count; at && count > 0; count--, inside += 2) {
		at = take(unpacking, at, &inside[0], --owed);
		if (!at || inside[0].type != MSGPACK_OBJECT_STR)
			return NULL;
		at = take(unpacking, at, &inside[1], --owed);
	}
	return at;
}

static const unsigned char *take_elements(struct unpacking *unpacking, const unsigned char *at,
                                          msgpack_object *object, bool map, uint64_t count,
                                          uint64_t owed)
{
	unpacking->depth++;
	at = (map ? take_map : take_array)(unpacking, at, object, count, owed);
	unpacking->depth--;
	return at;
}

size_t unpack_object(msgpack_zone *zone, const struct msgpack_limits *limits,
                     const char *bytes, size_t size, msgpack_object *object, unsigned *maps)
{
	const unsigned char *begin = (const unsigned char *)bytes;
	struct unpacking unpacking = {
		.end = begin + (size < limits->bytes ? size : limits->bytes),
		.objects_max = limits->objects,
		.zone = zone,
	};
	const unsigned char *end = take(&unpacking, begin, object, 0);

	*maps = unpacking.maps;
	return end ? (size_t)(end - begin) : 0;
}
