/* phonebook_people.c - records about the people of a directory: their nats against an enumeration
 * of all that can happen in a small world, their shares, and what stands in them. */
#include <stdlib.h>

#include "common/data/phonebook.h"
#include "tests/data/chi_square.h"
#include "tests/tap.h"

enum { RECORDS = 200000, PEOPLE = 4, NAMES = 9, LINES = 3, OUTCOMES = 20000 };

/* ---- a small world ---- */

/* A directory of four people among nine full names. */
struct world {
	struct names *names;
	struct people *people;
	struct phonebook *book;
	struct span_kinds kinds;
	char name[NAMES][8]; /* of each person, then of the strangers */
	struct phonebook_options options;
	double skew;
};

static void world_init(struct world *world, double skew, const struct phonebook_options *options)
{
	struct err err = {0};

	world->names = names_parse("A\nB\nC\n", 6, "list", &err);
	world->skew = skew;
	world->people = people_new(&(struct people_options){
		.names = world->names, .count = PEOPLE, .skew = skew, .seed = 8,
	}, &err);
	for (uint64_t i = 0; i < NAMES; i++) {
		uint64_t full = people_name(world->people, i);
		snprintf(world->name[i], sizeof world->name[i], "%c %c", (int)('A' + full / 3),
		         (int)('A' + full % 3));
	}
	world->options = *options;
	world->options.names = world->names;
	world->options.people = world->people;
	span_kinds_init(&world->kinds);
	world->book = phonebook_new(&world->options, &world->kinds, &err);
	if (!world->book)
		ok(false, "%s", err.text);
}

static void world_release(struct world *world)
{
	phonebook_free(world->book);
	people_free(world->people);
	names_free(world->names);
}

/* ---- all that can happen ---- */

/* What a text tells, but for the digits of numbers that are drawn for it. */
struct outcome {
	int lines, person[LINES];
	int differs; /* the line whose number is not the directory's; -1: none */
	int asked;
	double p;
};

struct outcomes {
	int count;
	struct outcome at[OUTCOMES];
};

/* The probability that a person is drawn after those of the outcome. */
static double chance(const struct world *world, const struct outcome *outcome, int person)
{
	double sum = 0;

	for (int i = person < PEOPLE ? 0 : PEOPLE; i < (person < PEOPLE ? PEOPLE : NAMES); i++) {
		bool taken = false;
		for (int k = 0; k < outcome->lines; k++)
			taken |= outcome->person[k] == i;
		if (taken && i == person)
			return 0;
		if (!taken)
			sum += person < PEOPLE ? pow(i + 1, -world->skew) : 1;
	}
	return (person < PEOPLE ? pow(person + 1, -world->skew) : 1) / sum;
}

static void add(struct outcomes *all, struct outcome outcome, int asked, int differs, double p)
{
	outcome.asked = asked;
	outcome.differs = differs;
	outcome.p *= p;
	if (outcome.p > 0 && all->count < OUTCOMES)
		all->at[all->count++] = outcome;
}

/* Add all ways in which a record of a sort goes on after the lines of the outcome. */
static void go_on(const struct world *world, struct outcomes *all, struct outcome outcome,
                  enum phonebook_sort sort, bool fresh, int lines)
{
	const int from = fresh ? PEOPLE : 0, to = fresh ? NAMES : PEOPLE;

	if (outcome.lines < lines) {
		for (int person = from; person < to; person++) {
			struct outcome next = outcome;
			next.p *= chance(world, &outcome, person);
			next.person[next.lines++] = person;
			if (next.p > 0)
				go_on(world, all, next, sort, fresh, lines);
		}
		return;
	}
	for (int person = from; sort == PHONEBOOK_CLOSED && person < to; person++)
		add(all, outcome, person, -1, chance(world, &outcome, person));
	for (int line = 0; sort != PHONEBOOK_CLOSED && line < lines; line++)
		add(all, outcome, outcome.person[line], sort == PHONEBOOK_CONFLICT ? line : -1,
		    1.0 / lines);
}

static struct outcomes *enumerate(const struct world *world)
{
	const struct phonebook_options *options = &world->options;
	struct outcomes *all = calloc(1, sizeof *all);
	const double *weight = options->weight, sum = weight[0] + weight[1] + weight[2];

	for (int sort = 0; sort < PHONEBOOK_SORTS; sort++)
		for (int fresh = 0; fresh < 2; fresh++) {
			const bool empty = sort == PHONEBOOK_CLOSED && !options->closed_absent;
			const int min = empty ? 0 : options->entries_min;
			const int max = empty ? 0 : options->entries_max;
			double p = weight[sort] / sum / (max - min + 1);
			if (sort == PHONEBOOK_CONFLICT)
				p *= !fresh;
			else
				p *= fresh ? options->fresh : 1 - options->fresh;
			for (int lines = min; lines <= max && p > 0; lines++)
				go_on(world, all, (struct outcome){.p = p}, (enum phonebook_sort)sort, fresh,
				      lines);
		}
	return all;
}

/* ---- what a record tells ---- */

static int find_person(const struct world *world, const struct record *record,
                       const struct span *span)
{
	for (int i = 0; i < NAMES; i++)
		if (span->end - span->begin == strlen(world->name[i]) &&
		    memcmp(record->text + span->begin, world->name[i], span->end - span->begin) == 0)
			return i;
	return -1;
}

/* Take the nats of what was drawn for this record alone off a number. */
static bool is_known(const struct world *world, const struct record *record,
                     const struct span *span, int person, double *nats)
{
	const char *number = record->text + span->begin;
	char known[PHONE_BYTES];

	*nats = span->nats;
	if (person >= PEOPLE) {
		*nats -= phone_nats(number);
		return true;
	}
	people_number(world->people, (uint64_t)person, known);
	if (memcmp(known, number, PHONE_BYTES) == 0)
		return true;
	*nats -= phone_nats(number) + log(1 - exp(-phone_nats(known)));
	return false;
}

/* The outcome of a record, and the nats of its text up to each of its spans. Returns how many spans
 * there are behind the first. */
static int read_outcome(const struct world *world, const struct record *record,
                        struct outcome *outcome, double *upto)
{
	const struct span *span = record->spans + 1;
	double nats;
	int stage = 0;

	*outcome = (struct outcome){.lines = ((int)record->span_count - 4) / 2, .differs = -1};
	for (int i = 0; i < outcome->lines; i++, span += 2) {
		outcome->person[i] = find_person(world, record, &span[0]);
		if (!is_known(world, record, &span[1], outcome->person[i], &nats))
			outcome->differs = i;
		upto[stage++] = span[0].nats;
		upto[stage++] = nats;
	}
	outcome->asked = find_person(world, record, &span[1]);
	upto[stage++] = span[0].nats;
	upto[stage++] = span[1].nats;
	for (int i = 1; i < stage; i++)
		upto[i] += upto[i - 1];
	return stage;
}

/* Is what the record tells up to a span true of the outcome? */
static bool agrees(const struct outcome *record, const struct outcome *outcome, int stage)
{
	for (int i = 0; i < record->lines && 2 * i <= stage; i++) {
		if (i >= outcome->lines || outcome->person[i] != record->person[i])
			return false;
		if (2 * i < stage && (outcome->differs == i) != (record->differs == i))
			return false;
	}
	if (stage >= 2 * record->lines && outcome->lines != record->lines)
		return false;
	return stage <= 2 * record->lines || outcome->asked == record->asked;
}

static void check_nats(double skew, const struct phonebook_options *options, const char *what)
{
	static long counts[OUTCOMES];
	static double expected[OUTCOMES];
	struct world world;
	double worst = 0, least = 0, sum = 0;
	bool found = true, answers = true;
	int cells = 0;

	world_init(&world, skew, options);
	struct outcomes *all = enumerate(&world);
	memset(counts, 0, sizeof counts);
	for (uint64_t i = 0; i < RECORDS; i++) {
		struct record record;
		struct outcome outcome;
		double upto[2 * LINES + 2];
		phonebook_record(world.book, 3, i, &record);
		const int stages = read_outcome(&world, &record, &outcome, upto);
		int at = 0;
		while (at < all->count && !agrees(&outcome, &all->at[at], stages - 1))
			at++;
		found = found && at < all->count;
		if (at < all->count)
			counts[at]++;
		for (uint32_t k = 0; k < record.span_count; k++)
			least = fmin(least, record.spans[k].nats);
		const struct span *answer = &record.spans[record.span_count - 1];
		double free_nats = outcome.asked >= PEOPLE && answer->entry < 0 ?
		                   phone_nats(record.text + answer->begin) : 0;
		answers = answers && fabs(answer->nats - free_nats) < 1e-12;
		for (int stage = 0; stage < stages && i < 3000; stage++) {
			double p = 0;
			for (int k = 0; k < all->count; k++)
				p += agrees(&outcome, &all->at[k], stage) ? all->at[k].p : 0;
			worst = fmax(worst, fabs(upto[stage] + log(p)));
		}
	}
	for (int i = 0; i < all->count; i++) {
		sum += all->at[i].p;
		for (int k = 0; k < i; k++) /* the same text from two sorts would be counted once */
			found = found && !agrees(&all->at[i], &all->at[k], 2 * all->at[i].lines + 1);
		if (all->at[i].p * RECORDS < 5)
			continue;
		counts[cells] = counts[i];
		expected[cells++] = all->at[i].p * RECORDS;
	}
	is_near(sum, 1, 1e-12, "probabilities of all outcomes add up to 1");
	ok(found, "%s: each record is one of the %d outcomes", what, all->count);
	ok(worst < 1e-9, "%s: the nats up to each span are -ln of its probability: off by %g", what,
	   worst);
	ok(answers && least == 0, "%s: answers hold a number only if it is nowhere else", what);
	ok(fits(counts, expected, cells), "%s: %d outcomes come as often as they should", what, cells);
	free(all);
	world_release(&world);
}

/* ---- what stands in a record ---- */

static bool same_number(const struct record *record, const struct span *span, const char *number)
{
	return span->end - span->begin == PHONE_BYTES &&
	       memcmp(record->text + span->begin, number, PHONE_BYTES) == 0;
}

static void check_sorts(const struct names *names, bool absent, bool answer_directory)
{
	struct err err = {0};
	struct people *people = people_new(&(struct people_options){
		.names = names, .count = 1000, .skew = 1, .seed = 5,
	}, &err);
	const struct phonebook_options options = {
		.names = names, .entries_min = 2, .entries_max = 6, .people = people,
		.weight = {5, 3, 2}, .fresh = 0.25, .closed_absent = absent,
		.answer_directory = answer_directory,
	};
	struct span_kinds kinds;
	span_kinds_init(&kinds);
	struct phonebook *book = phonebook_new(&options, &kinds, &err);
	long counts[PHONEBOOK_SORTS + 2] = {0};
	const double expected[] = {RECORDS * 0.375, RECORDS * 0.225, RECORDS * 0.2, RECORDS * 0.125,
	                           RECORDS * 0.075};
	bool good[PHONEBOOK_SORTS] = {true, true, true}, layout = true;

	for (uint64_t i = 0; i < RECORDS; i++) {
		struct record record;
		phonebook_record(book, 1, i, &record);
		const struct span *sort = record.spans, *answer = &record.spans[record.span_count - 1];
		const int lines = ((int)record.span_count - 4) / 2, asked = answer->entry;
		const char *known = record.directory.bytes;
		const struct span *beside = asked >= 0 ? &sort[2 + 2 * asked] : NULL;
		layout = layout && sort->begin == 0 && sort->end == 3 && sort->nats == 0 &&
		         sort->entry == -1 && record.size == record.length && record.id == i &&
		         memcmp(record.text + record.spans[1 + 2 * lines].begin, "=========\n", 10) == 0;
		if (strcmp(kinds.word[sort->kind], "open") == 0) {
			counts[known ? 0 : 3]++;
			good[0] = good[0] && beside && lines >= 2 && lines <= 6 &&
			          same_number(&record, answer, record.text + beside->begin) &&
			          (!known || same_number(&record, answer, known));
		} else if (strcmp(kinds.word[sort->kind], "closed") == 0) {
			counts[known ? 1 : 4]++;
			good[1] = good[1] && !beside && (absent ? lines >= 2 && lines <= 6 : lines == 0) &&
			          (!known || same_number(&record, answer, known));
		} else {
			counts[2]++;
			good[2] = good[2] && known && beside && !same_number(&record, beside, known) &&
			          same_number(&record, answer,
			                      answer_directory ? known : record.text + beside->begin);
		}
	}
	ok(layout, "the sort stands over {B}, the rule behind the lines");
	ok(good[0], "open: book, answer and directory agree");
	ok(good[1], "closed: the answer is the directory's, and the person is %s",
	   absent ? "in no line" : "asked for without a book");
	ok(good[2], "conflict: the book disagrees, and the answer is the %s's",
	   answer_directory ? "directory" : "book");
	ok(fits(counts, expected, 5), "sorts and fresh people have their shares");
	phonebook_free(book);
	people_free(people);
}

/* Records of two seeds are about one directory; a record is a function of its index. */
static void check_purity(const struct names *names)
{
	struct err err = {0};
	struct people *people = people_new(&(struct people_options){
		.names = names, .count = 30, .seed = 5,
	}, &err);
	const struct phonebook_options options = {
		.names = names, .entries_min = 1, .entries_max = 4, .people = people,
		.weight = {1, 1, 1}, .fresh = 0.2,
	};
	struct span_kinds kinds;
	span_kinds_init(&kinds);
	struct phonebook *book = phonebook_new(&options, &kinds, &err);
	struct {
		char name[64], number[PHONE_BYTES];
	} met[100];
	int count = 0;
	bool again = true, once = true;

	for (uint64_t i = 0; i < 2000; i++) {
		struct record record;
		char text[1024];
		phonebook_record(book, 1 + i % 2, i, &record);
		const struct span *ask = &record.spans[record.span_count - 2];
		const size_t size = record.size, length = ask->end - ask->begin;
		memcpy(text, record.text, size);
		if (record.directory.bytes) {
			int k = 0;
			while (k < count && (strlen(met[k].name) != length ||
			                     memcmp(met[k].name, text + ask->begin, length) != 0))
				k++;
			if (k == count && k < 100) {
				snprintf(met[k].name, sizeof met[k].name, "%.*s", (int)length, text + ask->begin);
				memcpy(met[count++].number, record.directory.bytes, PHONE_BYTES);
			}
			once = once && memcmp(met[k].number, record.directory.bytes, PHONE_BYTES) == 0;
		}
		phonebook_record(book, 9, i + 1, &record);
		phonebook_record(book, 1 + i % 2, i, &record);
		again = again && record.size == size && memcmp(record.text, text, size) == 0;
	}
	is_int(count, 30, "records of two seeds are about the same 30 people");
	ok(once, "each with one number");
	ok(again, "a record is a function of seed and index");
	phonebook_free(book);
	people_free(people);
}

static void refuses(const struct names *names, uint64_t count, struct phonebook_options options,
                    const char *want)
{
	struct err err = {0};
	struct people *people = people_new(&(struct people_options){.names = names, .count = count},
	                                   &err);
	struct span_kinds kinds;

	span_kinds_init(&kinds);
	options.names = names;
	options.people = people;
	struct phonebook *book = phonebook_new(&options, &kinds, &err);
	if (!ok(!book && err.status == ERR_USAGE && strstr(err.text, want), "refused: %s", want))
		printf("# have: %s\n", err.text);
	phonebook_free(book);
	people_free(people);
}

#define BOOKS(min, max) .entries_min = (min), .entries_max = (max)

int main(void)
{
	struct err err = {0};
	struct names *names = names_bundled(&err), *two = names_parse("A\nB\n", 4, "list", &err);

	check_nats(0, &(struct phonebook_options){BOOKS(2, 2), .weight = {1, 0, 0}}, "open");
	check_nats(1, &(struct phonebook_options){BOOKS(1, 3), .weight = {1, 1, 1}, .fresh = 0.3},
	           "all sorts, skewed");
	check_nats(0.7, &(struct phonebook_options){
		BOOKS(1, 3), .weight = {2, 1, 3}, .fresh = 0.2, .closed_absent = true,
	}, "closed records with a book");
	check_nats(0, &(struct phonebook_options){BOOKS(2, 3), .weight = {0, 0, 1}}, "conflicts only");
	check_nats(2, &(struct phonebook_options){BOOKS(1, 2), .weight = {0, 1, 0}, .fresh = 0.5},
	           "closed only");
	check_nats(0, &(struct phonebook_options){
		BOOKS(3, 3), .weight = {0, 1, 1}, .fresh = 1, .closed_absent = true,
	}, "fresh unless it is a conflict");
	check_sorts(names, false, false);
	check_sorts(names, true, true);
	check_purity(names);
	refuses(names, 3, (struct phonebook_options){BOOKS(1, 4), .weight = {1, 0, 0}},
	        "a directory of 3 people, but a record may have 4");
	refuses(names, 4, (struct phonebook_options){
		BOOKS(1, 4), .weight = {0, 1, 0}, .closed_absent = true,
	}, "a directory of 4 people, but a record may have 5");
	refuses(two, 3, (struct phonebook_options){BOOKS(2, 2), .weight = {1, 0, 0}, .fresh = 0.1},
	        "leaves 1 full names for fresh people");
	refuses(names, 9, (struct phonebook_options){BOOKS(2, 2), .weight = {0, 0, 1}, .fresh = 0.1},
	        "a conflict cannot be about them");
	refuses(names, 9, (struct phonebook_options){BOOKS(2, 2), .weight = {0, 0, 0}},
	        "no sort of record has a weight");
	names_free(names);
	names_free(two);
	return done();
}
