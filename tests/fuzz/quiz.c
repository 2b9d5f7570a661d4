/* Any bytes as a line of a quiz: what comes of it is a record that a stream takes. */
#include <stdlib.h>
#include <string.h>

#include "common/quiz.h"
#include "common/utf8.h"

#define EXPECT(condition) ((condition) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);

	memcpy(line, data, size);
	line[size] = '\0';
	for (int with_fact = 0; with_fact <= 1; with_fact++) {
		struct quiz_item item = {0};
		struct span_kinds kinds;
		struct err err = {0};
		span_kinds_init(&kinds);
		if (quiz_item_parse(line, size, with_fact, &kinds, &item, &err) < 0) {
			EXPECT(err.status == ERR_DATA && !strchr(err.text, '\n'));
			continue;
		}
		uint32_t from = 0;
		EXPECT(utf8_length(item.text, item.size) == item.length);
		for (uint32_t i = 0; i < item.span_count; i++) {
			EXPECT(item.spans[i].begin >= from && item.spans[i].end > item.spans[i].begin);
			EXPECT(item.spans[i].kind < kinds.count);
			from = item.spans[i].end;
		}
		EXPECT(from <= item.length);
		free(item.text);
	}
	free(line);
	return 0;
}
