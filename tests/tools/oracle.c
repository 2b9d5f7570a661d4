/* oracle KIND ANSWER… - generations whose score is known, of the phone-book
 * records on stdin: as a model would write them from the span KIND on (ask or
 * answer, which keeps the name asked for), the nth record by the nth ANSWER,
 * round and round:
 *
 *   right    as the reference stands
 *   digitN   the Nth digit of the number changed
 *   other    name and number of another line of the book
 *   mixed    the name asked for, the number of another line
 *   book     the name asked for, the number beside it in the book
 *   stranger a name that is not in the book, the right number
 *   cut      only the first 4 characters of the number, and no end
 *   unsplit  name and number with nothing between them
 *   endless  as the reference stands, another record after it
 *   strayed  the right number, then not the end but another line
 *   stitchN  the first N digits of the number, then those of another line
 *   dropN    the Nth digit left out
 *   elseN    the name asked for, the number of another line with its Nth digit changed
 *   partN    the first N digits of the number, all others changed
 *   known    the directory's number
 *   sewnN    the first N digits of the number, then those of the directory's
 *   random   the name asked for, a number drawn by the record's id
 *   constant the name asked for, 666-666-6666
 *   last     the first name of the one asked for, the last one of another, the right number
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/data/phone.h"
#include "common/stream/generation.h"
#include "common/stream/record.h"
#include "common/stream/stream.h"

/* Phone books are ASCII here: a character is a byte. */
struct part {
	const char *at;
	int size;
};

struct parts {
	struct part prompt, ask, between, answer, tail;
	struct part other_name, other_number, book_number, known;
};

static struct part part(const struct record *record, uint32_t begin, uint32_t end)
{
	return (struct part){record->text + begin, (int)(end - begin)};
}

static const struct span *find(const struct record *record, const struct span_kinds *kinds,
                               const char *kind, int entry, bool other)
{
	for (uint32_t i = 0; i < record->span_count; i++) {
		const struct span *span = &record->spans[i];
		if (span->kind == span_kind_find(kinds, kind) &&
		    (entry < 0 || (span->entry == entry) != other))
			return span;
	}
	die("oracle: no span of kind '%s'", kind);
}

static void take_apart(const struct record *record, const struct span_kinds *kinds,
                       struct parts *parts)
{
	const struct span *ask = find(record, kinds, "ask", -1, false);
	const struct span *answer = find(record, kinds, "answer", -1, false);
	const struct span *name = find(record, kinds, "name", ask->entry, true);
	const struct span *number = find(record, kinds, "number", name->entry, false);
	const struct span *book = find(record, kinds, "number", ask->entry, false);

	parts->prompt = part(record, 0, ask->begin);
	parts->ask = part(record, ask->begin, ask->end);
	parts->between = part(record, ask->end, answer->begin);
	parts->answer = part(record, answer->begin, answer->end);
	parts->tail = part(record, answer->end, record->length);
	parts->other_name = part(record, name->begin, name->end);
	parts->other_number = part(record, number->begin, number->end);
	parts->book_number = part(record, book->begin, book->end);
	parts->known = (struct part){record->directory.bytes, (int)record->directory.size};
}

/* The Nth digit of a number. */
static char *nth(char *number, int which)
{
	for (; *number; number++)
		if (*number >= '0' && *number <= '9' && --which == 0)
			return number;
	die("oracle: there is no such digit");
}

static void change_digit(char *number, int which)
{
	char *digit = nth(number, which);

	*digit = (char)('0' + (*digit - '0' + 1) % 10);
}

/* Is the answer of this kind? *n becomes the number after the word. */
static bool is_kind(const char *answer, const char *word, int *n)
{
	size_t size = strlen(word);

	if (strncmp(answer, word, size) != 0)
		return false;
	*n = (int)strtol(answer + size, NULL, 10);
	return true;
}

/* The number goes on as another one behind its first n digits. */
static void go_on(char *number, int n, struct part other)
{
	char *from = nth(number, n + 1);

	memcpy(from, other.at + (from - number), (size_t)(number + PHONE_BYTES - from));
}

/* Make a number of PHONE_BYTES what the answer wants of it. */
static void alter(char *number, const struct parts *parts, const char *answer, uint64_t id)
{
	struct rng rng;
	int n;

	if (is_kind(answer, "digit", &n) || is_kind(answer, "else", &n))
		change_digit(number, n);
	else if (is_kind(answer, "stitch", &n))
		go_on(number, n, parts->other_number);
	else if (is_kind(answer, "sewn", &n))
		go_on(number, n, parts->known);
	else if (is_kind(answer, "drop", &n))
		memmove(nth(number, n), nth(number, n) + 1, strlen(nth(number, n)));
	else if (is_kind(answer, "part", &n))
		for (n++; n <= 10; n++)
			change_digit(number, n);
	else if (strcmp(answer, "constant") == 0)
		memcpy(number, "666-666-6666", PHONE_BYTES);
	if (strcmp(answer, "random") != 0)
		return;
	rng_init(&rng, 1, RNG_TEST, id);
	phone_draw(&rng, number);
}

/* First name of one, last name of another. To free(). */
static char *join(struct part first, struct part last)
{
	char *text = NULL;
	int first_size = (int)((char *)memchr(first.at, ' ', (size_t)first.size) - first.at);
	const char *rest = memchr(last.at, ' ', (size_t)last.size);

	if (asprintf(&text, "%.*s%.*s", first_size, first.at,
	             (int)(last.at + last.size - rest), rest) < 0)
		die("oracle: out of memory");
	return text;
}

/* The text as the answer wants it; with given, the name is the one asked for.
 * To free(). */
static char *compose(const struct parts *parts, const char *answer, uint64_t id, bool given)
{
	struct part name = parts->ask, number = parts->answer, between = parts->between;
	char *changed, *joined = NULL, *text = NULL;
	const char *end = "{E}";

	if (strcmp(answer, "other") == 0) {
		name = parts->other_name;
		number = parts->other_number;
	} else if (strcmp(answer, "mixed") == 0 || strncmp(answer, "else", 4) == 0) {
		number = parts->other_number;
	} else if (strcmp(answer, "book") == 0) {
		number = parts->book_number;
	} else if (strcmp(answer, "known") == 0) {
		number = parts->known;
	} else if (strcmp(answer, "last") == 0) {
		joined = join(parts->ask, parts->other_name);
		name = (struct part){joined, (int)strlen(joined)};
	} else if (strcmp(answer, "stranger") == 0) {
		name = (struct part){"Zz Zz", 5};
	} else if (strcmp(answer, "unsplit") == 0) {
		between.size = 0;
	} else if (strcmp(answer, "endless") == 0) {
		end = "{E}\n{B}\nZz Zz: 111-111-1111 \n";
	}
	if (strcmp(answer, "strayed") == 0)
		end = "{Ehan Zz: 111-111-1111 \n";
	if (given) {
		name = parts->ask;
		between = parts->between;
	}
	changed = strndup(number.at, (size_t)number.size);
	alter(changed, parts, answer, id);
	number = (struct part){changed, (int)strlen(changed)};
	bool cut = strcmp(answer, "cut") == 0;
	if (asprintf(&text, "%.*s%.*s%.*s%.*s%s%s", parts->prompt.size, parts->prompt.at,
	             name.size, name.at, between.size, between.at, cut ? 4 : number.size,
	             number.at, cut ? "" : " \n", cut ? "" : end) < 0)
		die("oracle: out of memory");
	free(changed);
	free(joined);
	return text;
}

static void write_one(struct stream_writer *writer, const struct record *record,
                      const struct span_kinds *kinds, const char *kind, const char *answer,
                      struct err *err)
{
	struct parts parts;
	take_apart(record, kinds, &parts);
	char *text = compose(&parts, answer, record->id, strcmp(kind, "answer") == 0);
	struct generation generation = {
		.id = record->id,
		.text = text,
		.size = strlen(text),
		.length = (uint32_t)strlen(text),
		.prompt = find(record, kinds, kind, -1, false)->begin,
		.reference = record->text,
		.reference_size = record->size,
		.reference_length = record->length,
		.directory = record->directory,
		.spans = record->spans,
		.span_count = record->span_count,
		.stop = GENERATION_STOP,
	};
	generation_write(writer, &generation, kinds, err);
	free(text);
}

int main(int argc, char **argv)
{
	static const char *const kind[] = {STREAM_TEXT, NULL};
	struct err err = {0};
	struct stream_reader *reader = stream_open("-", kind, &err);
	struct record_buffer buffer = {0};
	struct stream_writer *writer;
	struct stream_record raw;
	struct span_kinds kinds;
	struct record record;
	json_t *header;

	if (argc < 3)
		die_usage("usage: oracle KIND ANSWER...");
	if (!reader)
		err_exit(&err);
	header = header_new(STREAM_GENERATIONS, stream_header(reader), argc, argv);
	json_object_set_new(header, "probs", json_integer(0));
	writer = stream_create(STDOUT_FILENO, "standard output", header, &err);
	span_kinds_init(&kinds);
	while (stream_next(reader, &raw, &err) > 0 &&
	       record_read_text(reader, &raw, &kinds, &buffer, &record, &err) == 0)
		write_one(writer, &record, &kinds, argv[1],
		          argv[2 + raw.number % (unsigned)(argc - 2)], &err);
	if (err.status != ERR_NONE || stream_end(writer, &err) < 0)
		err_exit(&err);
	json_decref(header);
	stream_close(reader);
	record_buffer_release(&buffer);
	return 0;
}
