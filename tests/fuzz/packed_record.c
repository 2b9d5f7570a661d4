/* Any bytes where records of tokens were: walked through as a block of a training file is, and each
 * record copied, whole and from its middle. */
#include "common/stream/packed_record.h"

#include <string.h>

#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 4096 };

/* 300 characters from U+4E00 on, of three bytes each. */
static const char *characters(void)
{
	static char text[901];

	for (int i = 0; i < 300 && text[899] == '\0'; i++) {
		text[3 * i] = (char)0xe4;
		text[3 * i + 1] = (char)(0xb8 + (i >> 6));
		text[3 * i + 2] = (char)(0x80 + (i & 63));
	}
	return text;
}

static void check_record(struct packed_reader *reader, const struct packed_record *record,
                         uint32_t from)
{
	static uint16_t token[LONGEST + 1];
	static uint8_t kind[LONGEST + 1];
	struct err err = {0};
	const uint32_t count = record->length - from < LONGEST ? record->length - from : LONGEST;

	token[count] = 0xffff;
	kind[count] = 0xff;
	if (packed_record_copy(reader, record, from, count, token, kind, &err) < 0) {
		check_error(&err);
		return;
	}
	EXPECT(token[count] == 0xffff && kind[count] == 0xff);
	for (uint32_t i = 0; i < count; i++)
		EXPECT(token[i] < vocab_size(reader->vocab) && kind[i] < reader->kinds->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct span_kinds kinds;
	struct packed_reader reader;
	struct packed_record record;

	if (size == 0)
		return 0;
	/* a token takes one byte, or two */
	struct vocab *vocab = vocab_new(characters(), data[0] & 1 ? 900 : 30, &err);
	span_kinds_init(&kinds);
	EXPECT(packed_reader_init(&reader, vocab, &kinds, &err) == 0);
	char *bytes = malloc(size - 1);
	memcpy(bytes, data + 1, size - 1);
	for (size_t at = 0; at < size - 1; at += record.size) {
		if (packed_record_open(&reader, bytes + at, size - 1 - at, &record, &err) < 0) {
			check_error(&err);
			break;
		}
		EXPECT(record.size > 0 && record.size <= size - 1 - at);
		if (record.between)
			continue;
		check_record(&reader, &record, 0);
		check_record(&reader, &record, data[0] % (record.length + 1));
	}
	free(bytes);
	packed_reader_release(&reader);
	vocab_free(vocab);
	return 0;
}
