/* phonebook.c - the phone books of common/data/phonebook.h: the rules of their
 * numbers, their layout, and whether their nats are what they claim to be. */
#include <stdlib.h>

#include "common/base/file.h"
#include "common/data/phone.h"
#include "common/data/phonebook.h"
#include "common/stream/vocab.h"
#include "tests/data/chi_square.h"
#include "tests/tap.h"

enum { DRAWS = 500000, RECORDS = 200000 };

static const double number_mean = 22.601901150601265; /* FINDINGS: entropy of one number */

static bool uniform(const long *counts, int cells)
{
	double expected[64];
	long total = 0;

	for (int i = 0; i < cells; i++)
		total += counts[i];
	for (int i = 0; i < cells; i++)
		expected[i] = (double)total / cells;
	return total > 0 && fits(counts, expected, cells);
}

/* ---- numbers ---- */

/* Counts of the digits of many numbers, by the case that each rule knows. */
struct tally {
	long position[10][10]; /* positions without a condition */
	long after_zeros[10], after_others[10]; /* position 5 */
	long after_triple[10], after_rest[10]; /* position 9; after a triple: less its digit */
	long pairs[9 * 10]; /* positions 0 and 1 together, 4 and 6, 8 and 9 … */
	long area_line[10 * 10];
	long zeros, triples;
	double nats;
};

static void digits_of(const char *text, int digits[10])
{
	static const int place[10] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 11};

	for (int i = 0; i < 10; i++)
		digits[i] = text[place[i]] - '0';
}

static bool number_well_formed(const char *text)
{
	for (int i = 0; i < PHONE_BYTES; i++)
		if (i == 3 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* The article's rules, for one number; -1 in no case. */
static bool number_allowed(const int d[10])
{
	if (d[0] == 0 || d[3] == 9 || d[4] == 9 || d[5] == 9)
		return false;
	if (d[3] == 0 && d[4] == 0 && d[5] == 0)
		return false;
	return !(d[6] == d[7] && d[7] == d[8] && d[8] == d[9]);
}

static void add_number(struct tally *tally, const char *text)
{
	int d[10];

	digits_of(text, d);
	for (int i = 0; i < 10; i++)
		tally->position[i][d[i]]++;
	if (d[3] == 0 && d[4] == 0) {
		tally->zeros++;
		tally->after_zeros[d[5]]++;
	} else {
		tally->after_others[d[5]]++;
	}
	if (d[6] == d[7] && d[7] == d[8]) {
		tally->triples++;
		tally->after_triple[(d[9] - d[6] + 10) % 10]++;
	} else {
		tally->after_rest[d[9]]++;
	}
	tally->pairs[(d[0] - 1) * 10 + d[1]]++;
	tally->area_line[d[2] * 10 + d[8]]++;
	tally->nats += phone_nats(text);
}

static void check_numbers(void)
{
	struct tally tally = {0};
	bool formed = true, allowed = true;
	struct rng rng;

	rng_init(&rng, 3, RNG_TEST, 0);
	for (int i = 0; i < DRAWS; i++) {
		char text[PHONE_BYTES];
		int d[10];
		phone_draw(&rng, text);
		formed = formed && number_well_formed(text);
		digits_of(text, d);
		allowed = allowed && number_allowed(d);
		add_number(&tally, text);
	}
	ok(formed, "numbers have the form ddd-ddd-dddd");
	ok(allowed, "numbers keep the article's rules");
	ok(uniform(tally.position[0] + 1, 9), "position 0 is uniform in 1-9");
	for (int i = 1; i < 9; i++) {
		int radix = i == 3 || i == 4 ? 9 : 10;
		if (i != 5)
			ok(uniform(tally.position[i], radix), "position %d is uniform in 0-%d", i,
			   radix - 1);
	}
	ok(uniform(tally.after_zeros + 1, 8), "position 5 is uniform in 1-8 after 00");
	ok(uniform(tally.after_others, 9), "position 5 is uniform in 0-8 otherwise");
	ok(uniform(tally.after_triple + 1, 9), "position 9 is uniform off the digit of a triple");
	ok(uniform(tally.after_rest, 10), "position 9 is uniform in 0-9 otherwise");
	ok(fabs(tally.zeros - DRAWS / 81.0) < 5 * sqrt(DRAWS / 81.0), "00 comes once in 81");
	ok(fabs(tally.triples - DRAWS / 100.0) < 5 * sqrt(DRAWS / 100.0),
	   "triples come once in 100");
	double expected[100];
	for (int i = 0; i < 100; i++)
		expected[i] = DRAWS / (i < 90 ? 90.0 : 1e9);
	ok(fits(tally.pairs, expected, 90), "positions 0 and 1 are independent");
	ok(uniform(tally.area_line, 50), "positions 2 and 8 are independent");
	is_near(tally.nats / DRAWS, number_mean, 1e-4, "mean information of a number: 22.602 nats");
}

/* One number of each case stands for all of its case. */
static void check_number_nats(void)
{
	double rest = 9.0 * 100 * 10 * 10; /* positions 0, 1, 2; 6 and 7 are counted below */
	double area = rest / 100;
	double zeros = 1 * 8, others = 80 * 9, triples = 10 * 9, plain = 990 * 10;
	double sum = area * zeros * triples * exp(-phone_nats("200-001-1112")) +
	             area * zeros * plain * exp(-phone_nats("200-001-1212")) +
	             area * others * triples * exp(-phone_nats("200-101-1112")) +
	             area * others * plain * exp(-phone_nats("200-101-1212"));

	is_near(sum, 1, 1e-12, "probabilities of all numbers add up to 1");
	double mean = (phone_nats("200-001-1112") * 0.01 + phone_nats("200-001-1212") * 0.99) / 81 +
	              (phone_nats("200-101-1112") * 0.01 + phone_nats("200-101-1212") * 0.99) * 80 / 81;
	is_near(mean, number_mean, 1e-12, "their entropy is 22.602 nats");
}

/* ---- names ---- */

static const char *const article_names[] = {
	"Aaran", "Aaren", "Aarez", "Connor-David", "Caethan", "Marty", "Caley", "Chester",
	"Mustapha", "Calley", "Chintu", "Rubyn", "Marko", "Makensy", "Cobie", "Reeve", "Mustafa",
	"Malikinter", "Caedyn", "Callin", "Artur-Rahman", "Rico", "Kameron", "Ross", "Malik",
	"Chase", "Corey-James", "Alessandro", "Jon-Paul", "Arthur", "Jonothan", "Jerrick",
	"Allan-Laiton", "Kainin", "Kyrran", "Calum", "Keeton", "Kensey", "Muhsin", "Chevy",
	"Jesse", "Kelso", "Joey-Jack", "Korrin", "Kaileb", "Anthony", "Aleksander", "Marlin",
	"Che", "Crispin", "Arda", "Aristotelis", "Arann", "Aran", "Alex", "Alexx", "Cristobal",
	"Rios",
};

static bool has_name(const struct names *names, const char *text)
{
	for (int i = 0; i < names->count; i++)
		if (names->name[i].size == strlen(text) &&
		    memcmp(names->name[i].text, text, strlen(text)) == 0)
			return true;
	return false;
}

/* Letters and hyphens, each part with a capital first. */
static bool register_form(const struct name *name)
{
	bool first = true;

	for (int i = 0; i < name->size; i++) {
		char c = name->text[i];
		if (c == '-' && !first)
			first = true;
		else if (first ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z')
			first = false;
		else
			return false;
	}
	return !first;
}

static void check_name_list(const struct names *names)
{
	bool form = true, sorted = true, all = true;
	long bytes = 0, hyphens = 0;

	for (int i = 0; i < names->count; i++) {
		const struct name *name = &names->name[i], *last = name - 1;
		form = form && register_form(name);
		bytes += name->size;
		hyphens += memchr(name->text, '-', name->size) != NULL;
		if (i == 0)
			continue;
		int order = memcmp(last->text, name->text,
		                   last->size < name->size ? last->size : name->size);
		sorted = sorted && (order < 0 || (order == 0 && last->size < name->size));
	}
	for (size_t i = 0; i < sizeof article_names / sizeof *article_names; i++)
		if (!has_name(names, article_names[i])) {
			printf("# missing: %s\n", article_names[i]);
			all = false;
		}
	ok(names->count >= 2000, "there are at least 2,000 names: %d", names->count);
	ok(sorted, "names are sorted and distinct");
	ok(form, "names are letters and hyphens");
	ok(hyphens >= 50, "some are hyphenated: %ld", hyphens);
	ok(fabs((double)bytes / names->count - 6) < 0.5, "mean length is about six");
	ok(all, "every name that the article prints is there");
}

static void check_bundled(void)
{
	struct err err = {0};
	struct names *names = names_load("testdata/names.txt", &err);
	struct names *bundled = names_bundled(&err);
	bool same = names && bundled && names->count == bundled->count;

	if (!ok(names && bundled, "names are read%s", err.text))
		exit(1);
	check_name_list(names);
	for (int i = 0; same && i < names->count; i++)
		same = names->name[i].size == bundled->name[i].size &&
		       memcmp(names->name[i].text, bundled->name[i].text, names->name[i].size) == 0;
	ok(same, "testdata/names.txt is compiled in");
	names_free(names);
	names_free(bundled);
}

static void refuses(const char *text, size_t size, const char *want)
{
	struct err err = {0};
	struct names *names = names_parse(text, size, "list", &err);

	if (!ok(!names && strstr(err.text, want), "refused: %s", want))
		printf("# have: %s\n", err.text);
	names_free(names);
}

static void check_bad_names(void)
{
	char longest[NAME_BYTES + 2];

	memset(longest, 'a', sizeof longest);
	refuses("", 0, "list: no names");
	refuses("Ann\n\nBen\n", 9, "list:2: the line is empty");
	refuses("Ann\nMary Ann\n", 13, "list:2: character U+0020");
	refuses("A\rnn\nBen\n", 9, "list:1: character U+000D");
	refuses("Ann\nB3n\n", 8, "list:2: character U+0033");
	refuses("Ann\nA:\n", 7, "list:2: character U+003A");
	refuses("Ann\nBen\nAnn", 11, "list:3: the name \"Ann\" stands in line 1 already");
	refuses("Ann\nB\xff\n", 7, "list:2: byte 0xff is not UTF-8");
	refuses("Ann\0\n", 5, "list:1: character U+0000");
	refuses(longest, NAME_BYTES + 1, "list:1: a name of 256 bytes");

	struct err err = {0};
	struct names *names = names_parse("D'Arcy\nZo\xc3\xab", 11, "list", &err);
	ok(names && names->count == 2 && names->name[1].size == 4 && names->name[1].length == 3,
	   "apostrophes, UTF-8 and a last line without a newline are taken");
	names_free(names);
	err = (struct err){0};
	names = names_load("/nonexistent/names.txt", &err);
	ok(!names && strstr(err.text, "/nonexistent/names.txt"), "a missing file is named");
	names_free(names);
}

/* ---- records ---- */

static struct names *list(const char *text)
{
	struct err err = {0};
	struct names *names = names_parse(text, strlen(text), "list", &err);

	if (!names)
		ok(false, "%s", err.text);
	return names;
}

static struct phonebook *book_of(const struct names *names, int min, int max, bool absent,
                                 bool published, struct span_kinds *kinds)
{
	struct phonebook_options options = {
		.names = names, .entries_min = min, .entries_max = max, .absent = absent,
		.published = published,
	};
	struct err err = {0};

	span_kinds_init(kinds);
	struct phonebook *book = phonebook_new(&options, kinds, &err);
	if (!book)
		ok(false, "%s", err.text);
	return book;
}

/* The text that the article's format strings would give for what the spans say.
 * Good for ASCII names only: code points are bytes. */
static void layout(const struct record *record, char *out)
{
	const struct span *span = record->spans;
	int lines = ((int)record->span_count - 3) / 2;
#define PART(s) (int)((s).end - (s).begin), record->text + (s).begin

	out += sprintf(out, "{B}\n");
	for (int i = 0; i < lines; i++, span += 2)
		out += sprintf(out, "%.*s: %.*s \n", PART(span[0]), PART(span[1]));
	out += sprintf(out, "=========\n");
	out += sprintf(out, "%.*s: %.*s \n", PART(span[1]), PART(span[2]));
	sprintf(out, "{E}\n");
}

static bool same_part(const struct record *record, const struct span *a, const struct span *b)
{
	return a->end - a->begin == b->end - b->begin &&
	       memcmp(record->text + a->begin, record->text + b->begin, a->end - a->begin) == 0;
}

/* Kinds and entries of the spans are in their places. */
static bool spans_named(const struct record *record, const struct span_kinds *kinds)
{
	static const char *const tail[3] = {"rule", "ask", "answer"};
	int lines = ((int)record->span_count - 3) / 2;

	for (int i = 0; i < (int)record->span_count; i++) {
		const struct span *span = &record->spans[i];
		const char *want = i >= 2 * lines ? tail[i - 2 * lines] : i % 2 ? "number" : "name";
		if (strcmp(kinds->word[span->kind], want) != 0)
			return false;
		if (i < 2 * lines && span->entry != i / 2)
			return false;
	}
	return record->spans[2 * lines].entry == -1 &&
	       record->spans[2 * lines + 1].entry == record->spans[2 * lines + 2].entry;
}

static void check_mode(const struct names *names, bool absent, bool published, const char *mode)
{
	struct span_kinds kinds;
	struct phonebook *book = book_of(names, 5, 5, absent, published, &kinds);
	bool named = true, laid = true, asked = true, length = true;
	double sum = 0;
	int copied = 0;

	for (int i = 0; i < RECORDS; i++) {
		struct record record;
		char want[1024];
		phonebook_record(book, 11, (uint64_t)i, &record);
		const struct span *ask = &record.spans[11], *answer = &record.spans[12];
		named = named && spans_named(&record, &kinds);
		length = length && record.length == record.size && record.id == (uint64_t)i;
		layout(&record, want);
		laid = laid && strlen(want) == record.size &&
		       memcmp(want, record.text, record.size) == 0;
		if (absent) {
			asked = asked && ask->entry == -1;
			for (int line = 0; line < 5; line++)
				asked = asked && !same_part(&record, ask, &record.spans[2 * line]);
		} else {
			asked = asked && ask->entry >= 0 && ask->entry < 5 &&
			        same_part(&record, ask, &record.spans[2 * ask->entry]);
			copied += same_part(&record, answer, &record.spans[2 * ask->entry + 1]);
		}
		for (uint32_t s = 0; s < record.span_count; s++)
			sum += record.spans[s].nats;
	}
	ok(laid, "%s: records have the article's layout", mode);
	ok(named && length, "%s: ids, lengths, kinds and entries are right", mode);
	ok(asked, "%s: the name asked for %s", mode, absent ? "is in no line" : "is its line's");
	if (!absent)
		ok(published ? copied < 5 : copied == RECORDS, "%s: the answer is %s", mode,
		   published ? "drawn afresh" : "the line's number");

	double n = names->count;
	double floor_nats = 10 * log(n) + 5 * number_mean + log(5);
	if (absent)
		floor_nats = 10 * log(n) + 6 * number_mean + log(n * n - 5);
	else if (published)
		floor_nats += number_mean;
	/* what varies is the nats of numbers: standard deviation 0.016 each */
	ok(fabs(sum / RECORDS - floor_nats) < 5 * 0.016 * sqrt(6.0 / RECORDS) + 1e-5,
	   "%s: mean information is the closed form: %.4f nats", mode, floor_nats);
	phonebook_free(book);
}

/* Books do not depend on the mode, nor records on what was made before. */
static void check_purity(const struct names *names)
{
	struct span_kinds kinds;
	struct phonebook *present = book_of(names, 2, 7, false, false, &kinds);
	struct phonebook *absent = book_of(names, 2, 7, true, false, &kinds);
	struct phonebook *published = book_of(names, 2, 7, false, true, &kinds);
	bool same_book = true, same_ask = true, again = true, differ = true;

	for (uint64_t i = 0; i < 1000; i++) {
		struct record a, b, c;
		char text[1024];
		phonebook_record(present, 5, i, &a);
		phonebook_record(absent, 5, i, &b);
		phonebook_record(published, 5, i, &c);
		const struct span *rule = &a.spans[a.span_count - 3], *ask = rule + 1;
		same_book = same_book && a.span_count == b.span_count &&
		            memcmp(a.text, b.text, rule->end) == 0 &&
		            memcmp(a.text, c.text, rule->end) == 0;
		same_ask = same_ask && memcmp(a.text, c.text, ask->end) == 0 &&
		           ask->entry == c.spans[c.span_count - 2].entry;
		memcpy(text, a.text, a.size);
		size_t size = a.size;
		phonebook_record(present, 6, i, &b);
		differ = differ && (b.size != size || memcmp(b.text, text, size) != 0);
		phonebook_record(present, 5, i + 1, &b);
		differ = differ && (b.size != size || memcmp(b.text, text, size) != 0);
		phonebook_record(present, 5, i, &b);
		again = again && b.size == size && memcmp(b.text, text, size) == 0;
	}
	ok(same_book, "the book is the same in every mode");
	ok(same_ask, "the published record asks for the same line");
	ok(again, "a record is a function of seed and index");
	ok(differ, "other seeds and indices give other records");
	phonebook_free(present);
	phonebook_free(absent);
	phonebook_free(published);
}

/* ---- nats as probabilities ---- */

/* The outcomes of a small world: how many lines, which names, what is asked, and
 * which line's number answers. A record's cell and its probability, numbers of
 * the lines left out. */
enum { CELLS = 3 * 16 * 4 * 3 };
struct world {
	long count[CELLS];
	double probability[CELLS];
	bool steady; /* all records of a cell claim the same probability */
};

static int name_code(const struct record *record, const struct span *span)
{
	return 2 * (record->text[span->begin] == 'B') + (record->text[span->end - 1] == 'b');
}

static void add_record(struct world *world, const struct record *record, bool with_answer)
{
	int lines = ((int)record->span_count - 3) / 2;
	const struct span *spans = record->spans, *ask = spans + 2 * lines + 1, *answer = ask + 1;
	double nats = spans[2 * lines].nats + ask->nats + (with_answer ? answer->nats : 0);
	int names = 0, from = 0;

	for (int i = 0; i < lines; i++) {
		names = 4 * names + name_code(record, &spans[2 * i]);
		nats += spans[2 * i].nats;
		if (with_answer && same_part(record, answer, &spans[2 * i + 1]))
			from = i;
	}
	int cell = ((lines * 16 + names) * 4 + name_code(record, ask)) * 3 + from;
	double probability = exp(-nats);
	if (world->count[cell]++ == 0)
		world->probability[cell] = probability;
	else if (fabs(world->probability[cell] - probability) > 1e-12)
		world->steady = false;
}

static void check_world(const char *letters, bool absent)
{
	struct world *world = calloc(1, sizeof *world);
	struct names *names = list(letters);
	struct span_kinds kinds;
	struct phonebook *book = book_of(names, 1, 2, absent, false, &kinds);
	double sum = 0, expected[CELLS];
	long counts[CELLS];
	int cells = 0;

	world->steady = true;
	for (uint64_t i = 0; i < RECORDS; i++) {
		struct record record;
		phonebook_record(book, 2, i, &record);
		add_record(world, &record, !absent);
	}
	for (int i = 0; i < CELLS; i++) {
		if (world->count[i] == 0)
			continue;
		sum += world->probability[i];
		counts[cells] = world->count[i];
		expected[cells++] = RECORDS * world->probability[i];
	}
	ok(world->steady, "%s: a history's probability is one", absent ? "absent" : "present");
	is_near(sum, 1, 1e-9, "probabilities of all outcomes add up to 1");
	ok(fits(counts, expected, cells), "%d outcomes come as often as their nats say", cells);
	phonebook_free(book);
	names_free(names);
	free(world);
}

/* Lines with the same name: the ask tells less, the answer more. */
static void check_duplicates(void)
{
	struct names *names = list("Ann\n");
	struct span_kinds kinds;
	struct phonebook *book = book_of(names, 5, 5, false, false, &kinds);
	struct record record;

	phonebook_record(book, 1, 1, &record);
	is_near(record.spans[0].nats, 0, 0, "one name only: no information in a name");
	is_near(record.spans[11].nats, 0, 1e-15, "nor in the ask");
	is_near(record.spans[12].nats, log(5), 1e-15, "but ln 5 in which number it is");
	phonebook_free(book);

	book = book_of(names, 3, 10, false, false, &kinds);
	bool good = true;
	for (uint64_t i = 0; i < 1000; i++) {
		double length = 0;
		phonebook_record(book, 1, i, &record);
		for (uint32_t s = 0; s < record.span_count - 2; s++)
			if (record.spans[s].kind != span_kind_find(&kinds, "number"))
				length += record.spans[s].nats;
		good = good && fabs(length - log(8)) < 1e-12;
	}
	ok(good, "names and rule hold ln 8 for 3 to 10 lines");
	phonebook_free(book);
	names_free(names);
}

static void check_code_points(void)
{
	struct names *names = list("Zo\xc3\xab\nBj\xc3\xb6rn\n\xf0\x90\x90\x80n\n");
	struct span_kinds kinds;
	struct phonebook *book = book_of(names, 3, 3, false, false, &kinds);
	bool good = true;

	for (uint64_t i = 0; i < 100; i++) {
		struct record record;
		phonebook_record(book, 1, i, &record);
		uint32_t lines_end = record.spans[6].begin, seen = 0, at = 0;
		good = good && record.length < record.size;
		for (size_t b = 0; b < record.size; b++) { /* code points before "=" */
			if (record.text[b] == '=' && !seen++)
				good = good && at == lines_end;
			at += (record.text[b] & 0xC0) != 0x80;
		}
		good = good && at == record.length;
	}
	ok(good, "spans count code points");
	phonebook_free(book);
	names_free(names);
}

static void check_alphabet(const struct names *names)
{
	char *alphabet = phonebook_alphabet(names);

	is_string(alphabet, "\n -0123456789:=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz{}",
	          "the alphabet of the bundled names");
	free(alphabet);
}

static void bad_options(const struct names *names, int min, int max, bool absent,
                        const char *want)
{
	struct phonebook_options options = {
		.names = names, .entries_min = min, .entries_max = max, .absent = absent,
	};
	struct span_kinds kinds;
	struct err err = {0};

	span_kinds_init(&kinds);
	struct phonebook *book = phonebook_new(&options, &kinds, &err);
	if (!ok(!book && err.status == ERR_USAGE && strstr(err.text, want),
	        "%d to %d entries%s are refused", min, max, absent ? ", absent," : ""))
		printf("# have: %s\n", err.text);
	phonebook_free(book);
}

int main(void)
{
	struct err err = {0};
	struct names *names = names_bundled(&err), *two = list("A\nB\n");

	check_numbers();
	check_number_nats();
	check_bundled();
	check_bad_names();
	check_mode(names, false, false, "present");
	check_mode(names, false, true, "published");
	check_mode(names, true, false, "absent");
	check_purity(names);
	check_world("Aa\nBb\n", false);
	check_world("Aa\nBb\n", true);
	check_duplicates();
	check_code_points();
	check_alphabet(names);
	bad_options(names, 0, 5, false, "1 to 1000");
	bad_options(names, 6, 5, false, "1 to 1000");
	bad_options(names, 1, 1001, false, "1 to 1000");
	bad_options(two, 1, 4, true, "none is absent");
	names_free(names);
	names_free(two);
	return done();
}
