/* phonebook_people.c - records about the people of a directory.
 *
 * Their nats are those of a reader who knows the directory, the options, and what stands before. It
 * does not know the sort of the record, so what it thinks of the sort goes with it from line to
 * line: the weights of the sorts in struct belief.
 */
#include <math.h>
#include <string.h>

#include "common/data/phonebook_private.h"

const char *const phonebook_sort_words[PHONEBOOK_SORTS] = {"open", "closed", "conflict"};

/* ---- what is drawn ---- */

struct draw {
	enum phonebook_sort sort;
	bool fresh; /* nobody of the record is in the directory */
	int entries;
	int asked; /* the line; -1: none */
	uint64_t person; /* the one asked for */
	double person_nats; /* who else but those of the lines it is */
	int drawn; /* people so far */
};

/* A person who is not in the record yet. */
static uint64_t draw_person(struct phonebook *book, struct draw *draw, struct rng *rng,
                            double *nats)
{
	const struct people *people = book->options.people;
	uint64_t *taken = book->taken;
	int at = draw->drawn++;
	const uint64_t person = (draw->fresh ? people_draw_stranger : people_draw)
		(people, taken, at, rng, nats);

	for (; at > 0 && taken[at - 1] > person; at--)
		taken[at] = taken[at - 1];
	taken[at] = person;
	return person;
}

static enum phonebook_sort draw_sort(const struct phonebook *book, struct rng *rng)
{
	double u = rng_uniform(rng);
	int sort = PHONEBOOK_SORTS;

	while (--sort > 0 && (book->share[sort] == 0 || u >= book->share[sort]))
		u -= book->share[sort];
	while (book->share[sort] == 0) /* after rounding */
		sort++;
	return (enum phonebook_sort)sort;
}

/* Another number than the directory's. */
static void draw_other(const struct phonebook *book, uint64_t person, struct rng *rng,
                       char number[PHONE_BYTES])
{
	char known[PHONE_BYTES];

	people_number(book->options.people, person, known);
	do
		phone_draw(rng, number);
	while (memcmp(number, known, PHONE_BYTES) == 0);
}

static void draw_number(const struct phonebook *book, const struct draw *draw, uint64_t person,
                        struct rng *rng, char number[PHONE_BYTES])
{
	if (draw->fresh)
		phone_draw(rng, number);
	else
		people_number(book->options.people, person, number);
}

/* Draw the lines, and who is asked for. */
static struct draw draw_record(struct phonebook *book, struct rng *rng)
{
	const struct phonebook_options *options = &book->options;
	struct draw draw = {.sort = draw_sort(book, rng), .asked = -1};
	const bool empty = draw.sort == PHONEBOOK_CLOSED && !options->closed_absent;

	draw.fresh = draw.sort != PHONEBOOK_CONFLICT && rng_uniform(rng) < options->fresh;
	if (!empty)
		draw.entries = options->entries_min + (int)rng_below(
			rng, (uint64_t)(options->entries_max - options->entries_min + 1));
	for (int i = 0; i < draw.entries; i++) {
		struct entry *entry = &book->entries[i];
		entry->person = draw_person(book, &draw, rng, &entry->nats);
		draw_number(book, &draw, entry->person, rng, entry->number);
	}
	if (draw.sort == PHONEBOOK_CLOSED) {
		draw.person = draw_person(book, &draw, rng, &draw.person_nats);
		return draw;
	}
	draw.asked = (int)rng_below(rng, (uint64_t)draw.entries);
	draw.person = book->entries[draw.asked].person;
	if (draw.sort == PHONEBOOK_CONFLICT)
		draw_other(book, draw.person, rng, book->entries[draw.asked].number);
	return draw;
}

/* ---- what is told ---- */

/* What a reader thinks of a record with a book: the weight of each sort. */
struct belief {
	double agree; /* open, and closed */
	double open; /* of these */
	double conflict;
	bool differs; /* a number was not the directory's: it is a conflict */
};

static struct belief believe(const struct phonebook *book, bool fresh)
{
	const double share = fresh ? book->options.fresh : 1 - book->options.fresh;
	const double closed = book->options.closed_absent ? book->share[PHONEBOOK_CLOSED] : 0;

	return (struct belief){
		.agree = share * (book->share[PHONEBOOK_OPEN] + closed),
		.open = share * book->share[PHONEBOOK_OPEN],
		.conflict = fresh ? 0 : book->share[PHONEBOOK_CONFLICT],
	};
}

/* The weight of all books of at least `least` lines, given the `read` lines that are read. In a
 * conflict of n lines each is the one that differs with probability 1/n. So it is still to come
 * with probability 1 - read/n; and if it was a certain one of those read, that has 1/n. */
static double weight(const struct phonebook *book, const struct belief *belief, int read,
                     int least)
{
	const int lengths = book->options.entries_max - least + 1;

	if (lengths <= 0)
		return 0;
	if (belief->differs)
		return book->inverse[least];
	return (belief->agree + belief->conflict) * lengths -
	       belief->conflict * read * book->inverse[least];
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

/* There is another line after those read. */
static double line_nats(const struct phonebook *book, const struct belief *belief, int read)
{
	const int min = book->options.entries_min;

	if (read < min) /* the first line tells that there is a book, the others nothing */
		return read == 0 ? -log1p(-book->empty) : 0;
	return log(weight(book, belief, read, read) / weight(book, belief, read, read + 1));
}

/* There is none. */
static double rule_nats(const struct phonebook *book, const struct belief *belief, int read)
{
	const double one = belief->differs ? 1.0 / read : belief->agree;

	if (read == 0)
		return -log(book->empty);
	return log(weight(book, belief, read, larger(read, book->options.entries_min)) / one);
}

/* The first name tells whether people are fresh. */
static double fresh_nats(const struct phonebook *book, bool fresh)
{
	const struct belief known = believe(book, false), strange = believe(book, true);
	const double both = known.agree + known.conflict + strange.agree;

	return -log((fresh ? strange.agree : known.agree + known.conflict) / both);
}

/* Of the number of line `read`. */
static double number_nats(const struct phonebook *book, struct belief *belief, int read,
                          uint64_t person, const char *number)
{
	const int least = larger(read + 1, book->options.entries_min);
	const double all = weight(book, belief, read, least);
	const double other = belief->conflict * book->inverse[least];
	char known[PHONE_BYTES];

	people_number(book->options.people, person, known);
	if (belief->differs)
		return 0;
	if (memcmp(known, number, PHONE_BYTES) == 0)
		return -log1p(-other / all);
	belief->differs = true;
	return log(all / other) + phone_nats(number) + log1p(-exp(-phone_nats(known)));
}

static double ask_nats(const struct phonebook *book, const struct draw *draw,
                       const struct belief *belief)
{
	if (draw->entries == 0)
		return -log(draw->fresh ? book->options.fresh : 1 - book->options.fresh) +
		       draw->person_nats;
	if (belief->differs)
		return 0;
	if (draw->sort == PHONEBOOK_CLOSED)
		return -log1p(-belief->open / belief->agree) + draw->person_nats;
	return -log(belief->open / belief->agree) + book->ln[draw->entries];
}

/* Rounding may leave a little less than nothing. */
static double at_least_0(double nats)
{
	return nats > 0 ? nats : 0;
}

/* ---- the page ---- */

static void write_lines(struct page *page, const struct phonebook *book, const struct draw *draw,
                        struct belief *belief)
{
	for (int i = 0; i < draw->entries; i++) {
		const struct entry *entry = &book->entries[i];
		double name = line_nats(book, belief, i) + entry->nats;
		if (i == 0)
			name += fresh_nats(book, draw->fresh);
		const double number = draw->fresh ? phone_nats(entry->number) :
		                      number_nats(book, belief, i, entry->person, entry->number);
		page_line(page, book, people_name(book->options.people, entry->person), entry->number,
		          book->kind.name, book->kind.number, i, at_least_0(name), at_least_0(number));
	}
}

void phonebook_people_record(struct phonebook *book, uint64_t seed, uint64_t index,
                             struct record *record)
{
	const struct phonebook_options *options = &book->options;
	const char *number = book->directory;
	double nats = 0;
	struct page page;
	struct rng rng;

	rng_init(&rng, seed, RNG_PHONEGEN, index);
	const struct draw draw = draw_record(book, &rng);
	draw_number(book, &draw, draw.person, &rng, book->directory);
	if (draw.asked >= 0 && !(draw.sort == PHONEBOOK_CONFLICT && options->answer_directory))
		number = book->entries[draw.asked].number;
	if (draw.sort == PHONEBOOK_CLOSED && draw.fresh)
		nats = phone_nats(number);

	struct belief belief = believe(book, draw.fresh);
	page_begin(&page, book);
	page_sort(&page, book, draw.sort);
	write_lines(&page, book, &draw, &belief);
	page_divide(&page, book, at_least_0(rule_nats(book, &belief, draw.entries)));
	page_line(&page, book, people_name(options->people, draw.person), number, book->kind.ask,
	          book->kind.answer, draw.asked, at_least_0(ask_nats(book, &draw, &belief)), nats);
	page_end(&page, book, index, record);
	if (!draw.fresh)
		record->directory = (struct piece){book->directory, PHONE_BYTES};
}

/* ---- options ---- */

int phonebook_people_check(const struct phonebook_options *options, struct err *err)
{
	const double *weight = options->weight;
	const bool books = weight[PHONEBOOK_OPEN] > 0 || weight[PHONEBOOK_CONFLICT] > 0;
	const bool closed = weight[PHONEBOOK_CLOSED] > 0;
	const bool absent = closed && options->closed_absent;
	const uint64_t strangers = people_strangers(options->people);
	const uint64_t need = books || absent ? (uint64_t)options->entries_max + absent : 1;

	if (!books && !closed)
		return err_usage(err, "no sort of record has a weight above 0");
	if (people_count(options->people) < need)
		return err_usage(err, "a directory of %ju people, but a record may have %ju; expected a "
		                 "larger directory or smaller books",
		                 (uintmax_t)people_count(options->people), (uintmax_t)need);
	if (options->fresh > 0 && strangers < need)
		return err_usage(err, "the directory leaves %ju full names for fresh people, but a record "
		                 "may have %ju; expected a smaller directory or more names",
		                 (uintmax_t)strangers, (uintmax_t)need);
	if (options->fresh > 0 && weight[PHONEBOOK_OPEN] == 0 && !closed)
		return err_usage(err, "fresh people have no number in the directory, so a conflict cannot "
		                 "be about them; expected open or closed records, too");
	return 0;
}

void phonebook_people_init(struct phonebook *book, struct span_kinds *kinds)
{
	const struct phonebook_options *options = &book->options;
	double sum = 0;

	for (int i = 0; i < PHONEBOOK_SORTS; i++)
		sum += options->weight[i];
	for (int i = 0; i < PHONEBOOK_SORTS; i++) {
		book->share[i] = options->weight[i] / sum;
		book->kind.sort[i] = span_kind(kinds, phonebook_sort_words[i],
		                               strlen(phonebook_sort_words[i]));
	}
	book->empty = options->closed_absent ? 0 : book->share[PHONEBOOK_CLOSED];
	book->inverse[options->entries_max + 1] = 0;
	for (int n = options->entries_max; n > 0; n--)
		book->inverse[n] = book->inverse[n + 1] + 1.0 / n;
}
