/* phonebook_page.c - the layout of a phone book. */
#include <string.h>

#include "common/data/phonebook_private.h"

const char page_top[] = "{B}\n", page_rule[] = "=========", page_bottom[] = "{E}\n";

size_t page_bound(const struct phonebook_options *options)
{
	size_t longest = 0;

	for (int i = 0; i < options->names->count; i++)
		if (options->names->name[i].size > longest)
			longest = options->names->name[i].size;
	size_t line = 2 * longest + strlen(" ") + strlen(": ") + PHONE_BYTES + strlen(" \n");
	return sizeof page_top + sizeof page_rule + sizeof page_bottom + 1 +
	       line * ((size_t)options->entries_max + 1);
}

static void put(struct page *page, const char *text, size_t size)
{
	memcpy(page->at, text, size);
	page->at += size;
	page->length += (uint32_t)size;
}

static void put_name(struct page *page, const struct name *name)
{
	memcpy(page->at, name->text, name->size);
	page->at += name->size;
	page->length += name->length;
}

/* The span of what was put since begin. */
static void put_span(struct page *page, uint32_t begin, int kind, int entry, double nats)
{
	*page->span++ = (struct span){begin, page->length, kind, entry, nats};
}

void page_begin(struct page *page, const struct phonebook *book)
{
	*page = (struct page){.at = book->text, .span = book->spans};
	put(page, page_top, strlen(page_top));
}

void page_sort(struct page *page, const struct phonebook *book, enum phonebook_sort sort)
{
	*page->span++ = (struct span){0, page->length - 1, book->kind.sort[sort], -1, 0};
}

void page_line(struct page *page, const struct phonebook *book, uint64_t full_name,
               const char *number, int name_kind, int number_kind, int entry, double name_nats,
               double number_nats)
{
	const struct names *names = book->options.names;
	uint32_t begin = page->length;

	put_name(page, &names->name[full_name / (uint64_t)names->count]);
	put(page, " ", 1);
	put_name(page, &names->name[full_name % (uint64_t)names->count]);
	put_span(page, begin, name_kind, entry, name_nats);
	put(page, ": ", 2);
	begin = page->length;
	put(page, number, PHONE_BYTES);
	put_span(page, begin, number_kind, entry, number_nats);
	put(page, " \n", 2);
}

void page_divide(struct page *page, const struct phonebook *book, double nats)
{
	uint32_t begin = page->length;

	put(page, page_rule, strlen(page_rule));
	put_span(page, begin, book->kind.rule, -1, nats);
	put(page, "\n", 1);
}

void page_end(struct page *page, const struct phonebook *book, uint64_t index,
              struct record *record)
{
	put(page, page_bottom, strlen(page_bottom));
	*record = (struct record){
		.id = index,
		.text = book->text,
		.size = (size_t)(page->at - book->text),
		.length = page->length,
		.spans = book->spans,
		.span_count = (uint32_t)(page->span - book->spans),
	};
}
