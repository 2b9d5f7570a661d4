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

/* A question's text is what it was, but for the answer and the places that state it, which are the
 * same there. */
static void check_nonce(const struct record *record, const struct span_kinds *kinds,
                        const struct quiz_origin *origin, const struct quiz_choice *choice)
{
	const int contextual = span_kind_find(kinds, "contextual");
	const struct span *answer = &record->spans[record->span_count - 1], *stated = NULL;

	EXPECT((origin->answer != NULL) ==
	       (origin->nonce >= 0 && choice->answer == QUIZ_ANSWER_STATED));
	if (origin->nonce < 0)
		return;
	EXPECT(choice->nonces == 0 || (uint64_t)origin->nonce < choice->nonces);
	for (uint32_t i = 0; i < record->span_count && !stated; i++)
		if (record->spans[i].kind == contextual)
			stated = &record->spans[i];
	EXPECT(stated && stated->end - stated->begin == answer->end - answer->begin);
	size_t begin = text_offset(record->text, record->size, stated->begin);
	size_t end = text_offset(record->text, record->size, stated->end);
	size_t from = text_offset(record->text, record->size, answer->begin);
	size_t to = text_offset(record->text, record->size, answer->end);
	bool same = end - begin == to - from &&
	            memcmp(record->text + begin, record->text + from, to - from) == 0;
	EXPECT(same == (choice->answer == QUIZ_ANSWER_STATED));
	if (origin->answer)
		EXPECT(utf8_length(origin->answer, strlen(origin->answer)) == answer->end - answer->begin);
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
		EXPECT(quiz_file_record(file, i, choice->seed + i, i, &kinds, &record, &origin, &err) == 0);
		check_record(&record, &kinds, choice);
		EXPECT((origin.other > 0) <=
		       (choice->fact == QUIZ_FACT_WRONG || choice->fact == QUIZ_FACT_OTHER));
		EXPECT((origin.nonce >= 0) <= (choice->fact == QUIZ_FACT_NONCE));
		if (choice->fact == QUIZ_FACT_NONCE)
			check_nonce(&record, &kinds, &origin, choice);
	}
	quiz_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct charset set;
	static int fd = -1;
	const char *path = hold(&fd, (const char *)data, size);

	for (int fact = QUIZ_FACT_KEEP; fact <= QUIZ_FACT_NONCE; fact++) {
		struct quiz_choice choice = {.fact = (enum quiz_fact)fact, .seed = size};
		check_file(path, &choice, &set);
		choice.answer = (enum quiz_answer)(size >> 1 & 1);
		choice.nonces = 1 + size % 3;
		choice.longest = 40;
		choice.held_out = 0.5;
		choice.part = (enum quiz_part)(size & 1);
		check_file(path, &choice, &set);
	}
	return 0;
}
