#include "common/eval/book_line.h"

void book_lines(const struct book *book, const uint32_t *codes, struct slice asked,
                struct book_line *lines)
{
	for (uint32_t i = 0; i < book->entries; i++) {
		const struct book_entry *entry = &book->entry[i];
		struct slice name = slice_of_span(codes, entry->name);
		lines[i] = (struct book_line){
			.name = name,
			.number = slice_of_span(codes, entry->number),
			.line = entry->name->entry,
			.asked = asked.codes && slice_equal(name, asked),
		};
	}
}
