/* Any bytes as a file of questions: what comes of its items are records that a stream
 * takes, whatever is asked of their facts. */
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/data/quiz_file.h"
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct record *record, const struct span_kinds *kinds,
                         const struct quiz_choice *choice)
{
	uint32_t from = 0;

	EXPECT(utf8_length(record->text, record->size) == record->length);
	EXPECT(choice->longest == 0 || record->length <= choice->longest);
	for (uint32_t i = 0; i < record->span_count; i++) {
		EXPECT(record->spans[i].begin >= from && record->spans[i].end > record->spans[i].begin);
		EXPECT(record->spans[i].kind < kinds->count);
		from = record->spans[i].end;
	}
	EXPECT(from <= record->length);
}

static void check_file(const char *path, const struct quiz_choice *choice, struct charset *set)
{
	struct err err = {0};
	struct quiz_file *file = quiz_file_open(path, choice, set, &err);
	struct span_kinds kinds;
	struct quiz_origin origin;
	struct record record;

	if (!file) {
		check_error(&err);
		return;
	}
	span_kinds_init(&kinds);
	for (uint64_t i = 0; i < quiz_file_count(file); i++) {
		EXPECT(quiz_file_record(file, i, i, &kinds, &record, &origin, &err) == 0);
		check_record(&record, &kinds, choice);
		EXPECT((origin.other > 0) <= (choice->fact >= QUIZ_FACT_WRONG));
	}
	quiz_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct charset set;
	static int fd = -1;
	const char *path = hold(&fd, (const char *)data, size);

	for (int fact = QUIZ_FACT_KEEP; fact <= QUIZ_FACT_OTHER; fact++) {
		struct quiz_choice choice = {.fact = (enum quiz_fact)fact, .seed = size};
		check_file(path, &choice, &set);
		choice.answer = (enum quiz_answer)(size >> 1 & 1);
		choice.longest = 40;
		choice.held_out = 0.5;
		choice.part = (enum quiz_part)(size & 1);
		check_file(path, &choice, &set);
	}
	return 0;
}
