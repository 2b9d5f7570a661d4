/* unpack.h says yes where msgpack_check.h does, and then gives msgpack-c's own objects. */
#include <msgpack.h>
#include <stdlib.h>

#include "common/base/rng.h"
#include "common/stream/header.h"
#include "common/stream/stream_limits.h"
#include "common/stream/unpack.h"
#include "tests/tap.h"

#define OBJECTS 4000 /* made at random */
#define ROOM 4096 /* bytes of one, at most */

/* An object as bytes. */
struct packed {
	unsigned char bytes[ROOM];
	size_t size;
};

static void put(struct packed *packed, uint64_t value, int bytes)
{
	while (bytes-- > 0 && packed->size < ROOM)
		packed->bytes[packed->size++] = (unsigned char)(value >> 8 * bytes);
}

/* The head of what has a length, in one of its forms, not always the shortest. base: of the form
 * of one byte (0: none), then of the longer ones. */
static void put_head(struct packed *packed, struct rng *rng, unsigned base, unsigned below,
                     const unsigned char form[3], unsigned length)
{
	const unsigned which = (unsigned)rng_below(rng, 4);

	if (which == 3 && length < below) {
		put(packed, base | length, 1);
		return;
	}
	for (unsigned i = which % 3; i < 3; i++)
		if (form[i]) {
			put(packed, form[i], 1);
			put(packed, length, 1 << i);
			return;
		}
}

static void put_text(struct packed *packed, struct rng *rng, bool key)
{
	static const unsigned char string[3] = {0xd9, 0xda, 0xdb}, binary[3] = {0xc4, 0xc5, 0xc6};
	const unsigned length = (unsigned)rng_below(rng, key ? 5 : 40);
	const bool text = key || rng_below(rng, 2);

	put_head(packed, rng, 0xa0, text ? 32 : 0, text ? string : binary, length);
	for (unsigned i = 0; i < length; i++)
		put(packed, rng_u64(rng), 1);
}

static void put_number(struct packed *packed, struct rng *rng)
{
	static const unsigned char heads[] = {0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2,
	                                      0xd3};
	static const int sizes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
	const uint64_t which = rng_below(rng, sizeof heads + 1);

	if (which == sizeof heads) {
		put(packed, rng_below(rng, 0x80), 1);
		return;
	}
	put(packed, heads[which], 1);
	put(packed, rng_u64(rng), sizes[which]);
}

/* Any object; what nests is no deeper than depth. */
static void put_object(struct packed *packed, struct rng *rng, int depth)
{
	static const unsigned char array[3] = {0, 0xdc, 0xdd}, map[3] = {0, 0xde, 0xdf};
	static const unsigned char simple[] = {0xc0, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff};
	const unsigned what = (unsigned)rng_below(rng, depth > 0 ? 8 : 4);
	const unsigned count = (unsigned)rng_below(rng, 6);

	if (what == 0)
		put(packed, simple[rng_below(rng, sizeof simple)], 1);
	else if (what == 1)
		put_text(packed, rng, false);
	else if (what < 4)
		put_number(packed, rng);
	else
		put_head(packed, rng, what < 6 ? 0x90 : 0x80, 16, what < 6 ? array : map, count);
	for (unsigned i = 0; what >= 4 && i < count; i++) {
		if (what >= 6)
			put_text(packed, rng, true);
		put_object(packed, rng, depth - 1);
	}
}

/* Maps in an object; false where something in it points nowhere. */
static bool look(const msgpack_object *object, unsigned *maps)
{
	bool good = true;

	if (object->type == MSGPACK_OBJECT_STR || object->type == MSGPACK_OBJECT_BIN)
		return object->via.str.ptr != NULL;
	if (object->type == MSGPACK_OBJECT_ARRAY)
		for (uint32_t i = 0; i < object->via.array.size; i++)
			good &= look(&object->via.array.ptr[i], maps);
	*maps += object->type == MSGPACK_OBJECT_MAP;
	if (object->type == MSGPACK_OBJECT_MAP)
		for (uint32_t i = 0; i < object->via.map.size; i++)
			good &= look(&object->via.map.ptr[i].key, maps) &&
			        look(&object->via.map.ptr[i].val, maps);
	return good;
}

/* Do both objects pack to the same bytes? (Numbers that are none are unequal, their bytes not.) */
static bool same_objects(const msgpack_object *a, const msgpack_object *b)
{
	msgpack_sbuffer bytes[2];
	bool same;

	for (int i = 0; i < 2; i++) {
		msgpack_packer packer;
		msgpack_sbuffer_init(&bytes[i]);
		msgpack_packer_init(&packer, &bytes[i], msgpack_sbuffer_write);
		msgpack_pack_object(&packer, i ? *b : *a);
	}
	same = bytes[0].size == bytes[1].size &&
	       memcmp(bytes[0].data, bytes[1].data, bytes[0].size) == 0;
	msgpack_sbuffer_destroy(&bytes[0]);
	msgpack_sbuffer_destroy(&bytes[1]);
	return same;
}

/* How the first size bytes are judged: 1 whole and right, 0 not, -1 the two differ. */
static int judge(const unsigned char *from, size_t size)
{
	const struct msgpack_limits *limits = stream_record_limits(STREAM_TEXT);
	char *bytes = malloc(size + (size == 0)); /* so that a sanitizer sees what lies outside */
	msgpack_zone *zone = msgpack_zone_new(4096);
	struct msgpack_check check = {0};
	struct err err = {0};
	msgpack_object object, theirs;
	unsigned maps = 0, counted = 0;
	size_t taken = 0;

	if (!bytes || !zone)
		exit(1);
	memcpy(bytes, from, size);
	int good = msgpack_check(&check, limits, bytes, size, &err) == 1;
	size_t unpacked = unpack_object(zone, limits, bytes, size, &object, &maps);
	if (unpacked != (good ? check.at : 0)) {
		good = -1;
	} else if (good) {
		bool pointing = look(&object, &counted);
		msgpack_unpack(bytes, unpacked, &taken, zone, &theirs);
		if (!pointing || maps != counted || taken != unpacked || !same_objects(&object, &theirs))
			good = -1;
	}
	msgpack_zone_free(zone);
	free(bytes);
	return good;
}

static void at_random(void)
{
	int differ = 0, right = 0, cut = 0, spoilt = 0;
	struct packed packed;
	struct rng rng;

	for (uint64_t i = 0; i < OBJECTS; i++) {
		rng_init(&rng, 1, RNG_TEST, i);
		packed.size = 0;
		put_object(&packed, &rng, 4);
		if (packed.size == ROOM)
			continue;
		int whole = judge(packed.bytes, packed.size);
		right += whole == 1;
		differ += whole < 0;
		for (int j = 0; j < 8; j++) {
			int part = judge(packed.bytes, rng_below(&rng, packed.size));
			cut += part == 0;
			differ += part != 0;
		}
		for (int j = 0; j < 8; j++) {
			unsigned char *byte = &packed.bytes[rng_below(&rng, packed.size)], was = *byte;
			*byte = (unsigned char)rng_u64(&rng);
			int other = judge(packed.bytes, packed.size);
			spoilt += other == 0;
			differ += other < 0;
			*byte = was;
		}
	}
	ok(differ == 0, "objects are judged as by msgpack_check(), and unpacked as by msgpack-c");
	if (!ok(right > OBJECTS / 2 && cut > OBJECTS && spoilt > OBJECTS / 2,
	        "many of them were right, cut off and spoilt"))
		printf("# %d right, %d cut, %d spoilt\n", right, cut, spoilt);
}

/* All numbers of one head, of the first byte that follows. */
static void heads(void)
{
	bool good = true;

	for (unsigned first = 0; first < 256; first++)
		for (unsigned next = 0; next < 256; next++) {
			unsigned char bytes[300] = {(unsigned char)first, (unsigned char)next};
			for (size_t i = 2; i < sizeof bytes; i++)
				bytes[i] = (unsigned char)(0xa0 * (i % 2)); /* keys and numbers */
			good &= judge(bytes, sizeof bytes) >= 0;
		}
	ok(good, "every head is");
}

static void limits(void)
{
	unsigned char deep[MSGPACK_DEPTH_MAX + 2];
	const unsigned char many[] = {0xdd, 0x00, 0x7f, 0xff, 0xff, 0x01};
	const unsigned char nested[] = {0x93, 0x93, 0x93, 1, 2, 3, 4, 5}; /* seven are owed */
	struct packed entries = {.size = 0};

	memset(deep, 0x91, sizeof deep);
	deep[MSGPACK_DEPTH_MAX + 1] = 0;
	is_int(judge(deep + 1, MSGPACK_DEPTH_MAX + 1), 1, "the deepest nesting");
	is_int(judge(deep, MSGPACK_DEPTH_MAX + 2), 0, "a deeper one");
	is_int(judge(many, sizeof many), 0, "more elements announced than bytes have come");
	is_int(judge(nested, sizeof nested - 1), 0, "the same, by several arrays together");
	is_int(judge(nested, sizeof nested), 0, "and by one byte");
	for (int count = MSGPACK_ENTRIES_MAX; count <= MSGPACK_ENTRIES_MAX + 1; count++) {
		entries.size = 0;
		put(&entries, 0xde, 1);
		put(&entries, (uint64_t)count, 2);
		for (int i = 0; i < count; i++)
			put(&entries, 0xa000, 2);
		is_int(judge(entries.bytes, entries.size), count == MSGPACK_ENTRIES_MAX,
		       count == MSGPACK_ENTRIES_MAX ? "the largest map" : "a larger one");
	}
}

int main(void)
{
	at_random();
	heads();
	limits();
	return done();
}
