/* The book in a record: its entries, the name asked for and the answer, in odd records too. */
#include <stdlib.h>

#include "common/stream/book.h"
#include "tests/tap.h"

enum { SPANS = 12 };

static struct span_kinds kinds;
static struct span spans[SPANS];
static struct book book;

/* Read the book of a text like "name:0 number:0 ask:0 answer:0": spans one after another, each a
 * kind, its entry and its text: "key:0=a", a character. Spans without a text are not compared. */
static void read_book(const char *text)
{
	static char codes[SPANS];
	struct err err = {0};
	char word[SPAN_KIND_BYTES];
	uint32_t count = 0;
	bool has_text = false;
	int entry, size;

	while (count < SPANS && sscanf(text, " %31[a-z]:%d%n", word, &entry, &size) == 2) {
		spans[count] = (struct span){count, count + 1, span_kind(&kinds, word, strlen(word)),
		                             entry, 0};
		text += size;
		codes[count] = *text == '=' ? text[1] : '\0';
		has_text |= *text == '=';
		text += *text == '=' ? 2 : 0;
		count++;
	}
	if (book_read(&book, (struct book_text){has_text ? codes : NULL, 1, NULL}, spans, count, &kinds,
	              &err) < 0)
		printf("Bail out! %s\n", err.text);
}

/* Where a span stands among the record's, or '-' for none. */
static char place(const struct span *span)
{
	return span ? (char)('0' + (span - spans)) : '-';
}

/* "12,34 ask 5 answer 6": of each entry the places of its name and its number. */
static void is_book(const char *text, const char *want, const char *what)
{
	char have[128];
	size_t at = 0;

	read_book(text);
	for (uint32_t i = 0; i < book.entries; i++)
		at += (size_t)sprintf(have + at, "%s%c%c", i ? "," : "", place(book.entry[i].name),
		                      place(book.entry[i].number));
	sprintf(have + at, "%sask %c answer %c", at ? " " : "", place(book.ask), place(book.answer));
	is_string(have, want, what);
}

static void is_source(int of, char want, const char *what)
{
	const char have[] = {place(book_source(&book, &spans[of])), '\0'};

	is_string(have, (const char[]){want, '\0'}, what);
}

static void plain(void)
{
	is_book("", "ask - answer -", "no spans");
	is_book("name:0 number:0 name:1 number:1 rule:-1 ask:1 answer:1", "01,23 ask 5 answer 6",
	        "a phone book");
	is_source(6, '3', "its answer repeats the number of its entry");
	is_source(5, '2', "what is asked for repeats the name");
	is_source(3, '-', "a number repeats nothing");
	ok(book_find(&book, 1) == &book.entry[1] && !book_find(&book, 2) && !book_find(&book, -1),
	   "entries are found by their number; -1 is none");
	is_book("question:-1 fact:-1 contextual:-1 answer:-1", "ask - answer 3", "a quiz");
	is_source(3, '-', "its answer has no entry to repeat");
	is_book("name:0 number:0 ask:-1 answer:-1", "01 ask 2 answer 3", "a name that is not there");
	is_source(3, '-', "its answer repeats nothing");
	is_source(2, '-', "nor does its question");
}

static void entries(void)
{
	is_book("name:0 rule:-1 number:0 answer:0", "02 ask - answer 3",
	        "a name and its number with a span between them");
	is_book("name:0 contextual:-1 place:0 number:-1 number:0 answer:0", "04 ask - answer 5",
	        "spans of no entry or of this one stand between them");
	is_book("name:0 number:1 number:0 answer:0", "ask - answer 3",
	        "a span of another entry separates them");
	is_book("name:0 ask:-1 number:0 answer:0", "ask 1 answer 3", "and so does an ask");
	is_book("name:-1 number:-1 answer:-1", "ask - answer 2", "entry -1 makes no pair");
	is_source(2, '-', "and is repeated by none");
	is_book("number:0 name:1 number:1 answer:0", "12 ask - answer 3", "a number without a name");
	is_source(3, '0', "is no entry, but an answer may repeat it");
	is_book("name:0 name:1 number:1 ask:0", "12 ask 3 answer -", "a name without a number");
	is_source(3, '0', "is no entry, but an ask may repeat it");
	is_book("name:0 name:1 number:0 answer:0", "ask - answer 3",
	        "a number behind another entry's name");
	is_book("number:0 name:0 answer:0", "10 ask - answer 2", "a number before its name");
	is_book("number:0 name:0 number:1 name:1 answer:1", "10,32 ask - answer 4",
	        "numbers before their names");
	is_book("number:0 name:0 number:0 answer:0", "10,12 ask - answer 3", "and on both sides");
	is_book("number:0 name:-1 name:0 answer:0", "ask - answer 3",
	        "a name of no entry separates them");
	is_book("name:0 number:0 number:0 answer:0", "01,02 ask - answer 3",
	        "a name with two numbers makes two entries");
	is_source(3, '1', "the first number is the one that is repeated");
	is_book("name:0 number:0 name:0 number:0 answer:0", "01,23 ask - answer 4",
	        "an entry that stands twice");
	ok(book_find(&book, 0) == &book.entry[0], "the first of them is found");
	is_book("name:3 number:3 name:1 number:1 answer:1", "01,23 ask - answer 4",
	        "entries in any order");
}

static void questions(void)
{
	is_book("name:0 number:0 ask:0 answer:0 ask:1 answer:1", "01 ask 2 answer 3",
	        "two questions: the first is the book's");
	is_source(5, '-', "the second one asks for what is not in the book");
	is_book("name:0 number:0 name:1 number:1 ask:0 answer:0 ask:1 answer:1",
	        "01,23 ask 4 answer 5", "two questions about one book");
	is_source(7, '3', "the second answer repeats its own number");
	is_source(6, '2', "the second ask its own name");
	is_book("name:0 number:0 ask:0 ask:0 answer:0", "01 ask 3 answer 4",
	        "two asks: the last before the answer");
	is_book("name:0 number:0 answer:0 ask:0", "01 ask - answer 2", "an ask behind the answer");
	is_book("ask:0 name:0 number:0 answer:0", "12 ask 0 answer 3", "a question before the book");
	is_source(3, '2', "whose answer has a source");
	is_source(0, '-', "and whose ask has none: nothing stands before it");
	is_book("name:0 number:0 ask:0 answer:0 name:1 number:1", "01 ask 2 answer 3",
	        "what stands behind the answer is no part of the book");
	is_book("answer:0 name:0 number:0", "ask - answer 0", "an answer before everything");
	is_book("name:0 number:0 ask:0", "01 ask 2 answer -", "no answer");
	is_book("name:0 number:0 ask:0 name:1 number:1", "01,34 ask 2 answer -",
	        "no answer: all entries");
}

/* Names and numbers of other kinds: by their place, and by what ask and answer repeat. */
static void other_kinds(void)
{
	is_book("key:0 value:0 key:1 value:1 ask:1 answer:1", "01,23 ask 4 answer 5",
	        "kinds of other words: the first is the name");
	is_source(5, '3', "an answer repeats the other");
	is_source(4, '2', "an ask the name");
	is_book("key:0=a value:0=1 key:1=b value:1=2 ask:1=b answer:1=2", "01,23 ask 4 answer 5",
	        "the same with their text");
	is_book("value:0=1 key:0=a value:1=2 key:1=b ask:1=b answer:1=2", "10,32 ask 4 answer 5",
	        "the name is what the ask repeats, though it comes second");
	is_source(5, '2', "the answer repeats the value before it");
	is_book("name:0=a number:0=1 name:1=b number:1=2 ask:1=2 answer:1=b", "10,32 ask 4 answer 5",
	        "whose number is it? The ask repeats a number");
	is_source(5, '2', "and the answer a name");
	is_book("key:0=a town:0=x tel:0=1 key:1=b town:1=y tel:1=2 ask:1=b answer:1=2",
	        "02,35 ask 6 answer 7", "two fields: the one that the answer repeats");
	is_source(7, '5', "of the right entry");
	is_book("name:0=a number:0=1 town:0=x name:1=b number:1=2 town:1=y ask:1=b answer:1=y",
	        "02,35 ask 6 answer 7", "also beside a number");
	is_book("key:0=a town:0=x tel:0=1 ask:0=a answer:0=9", "01,02 ask 3 answer 4",
	        "an answer that stands nowhere: all fields");
	is_book("key:0=a town:0=2 tel:0=1 key:1=b town:1=y tel:1=2 ask:1=b answer:1=2",
	        "02,35 ask 6 answer 7", "a text that stands in another entry says nothing");
	is_book("name:0=a tel:0=1 ask:0=a answer:0=1", "01 ask 2 answer 3", "a name without a number");
	is_book("ask:1=b key:0=a value:0=1 key:1=b value:1=2 answer:1=2", "12,34 ask 0 answer 5",
	        "a question before the book");
	is_book("question:-1 fact:0 fact:1 answer:1", "ask - answer 3", "one span each: no entries");
	is_book("name:0=a number:0=1 name:1=b number:1=2 ask:-1=c answer:-1=3", "01,23 ask 4 answer 5",
	        "a name that is not there: by the words");
	is_book("key:0=a value:0=1 value:0=2 ask:0=a answer:0=2", "01,02 ask 3 answer 4",
	        "two numbers of one name");
	is_source(4, '2', "the answer repeats the one of its text");
}

int main(void)
{
	span_kinds_init(&kinds);
	is_book("other:-1", "ask - answer -", "no kind is known");
	plain();
	entries();
	questions();
	other_kinds();
	book_release(&book);
	ok(!book.entry && book.entries == 0, "released");
	return done();
}
