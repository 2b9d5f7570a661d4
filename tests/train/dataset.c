/* dataset.c - records in memory are those of the streams; pieces of their running text. */
#include "common/train/dataset.h"
#include "tests/tap.h"
#include "tests/train/token_set.h"

static void test_load(void)
{
	static struct set set;
	struct reading reading;
	struct dataset *dataset = &reading.dataset;
	const int length[] = {5, 1, 0, 9, 2, 12};
	double nats[SPAN_KINDS];
	bool good = true;

	set_make(&set, 1, 6, length, ALPHABET);
	reading_start(&reading);
	for (int twice = 0; twice < 2; twice++)
		if (dataset_load(dataset, set.path, &reading.vocab, &reading.kinds, NULL,
		                 &reading.err) < 0)
			printf("# %s\n", reading.err.text);
	is_int((long long)dataset->count, 12, "two files make one dataset");
	for (int i = 0; i < 12 && dataset->count == 12; i++) {
		struct example example = dataset_example(dataset, (size_t)i);
		good &= example.id == set.id[i % 6];
		good &= shows(&example, &set, set.begin[i % 6], length[i % 6]);
	}
	ok(good, "records, tokens and kinds are those of the stream");

	dataset_nats(dataset, 6, nats);
	is_near(nats[1], 3 * 2, 0, "information by kind, but not on the first token of a record");
	is_near(nats[2], 3 * 3, 0, "and the other kind");
	is_near(nats[0], 0, 0, "none on what no span covers");
	dataset_nats(dataset, 1, nats);
	is_near(nats[1], 2, 0, "of as many records as asked for");

	static const float names[SPAN_KINDS] = {0, 1}, others[SPAN_KINDS] = {1}, none[SPAN_KINDS];
	ok(dataset_weighted(dataset, 6, names), "a token to predict with a weight above 0");
	ok(!dataset_weighted(dataset, 0, names) && !dataset_weighted(dataset, 6, none), "  and none");
	int first = 0; /* record of two tokens, whose first one alone is a name */
	while (first < 6 && length[first] != 2)
		first++;
	struct dataset pair = *dataset;
	pair.begin += first;
	ok(first < 6 && !dataset_weighted(&pair, 1, names) && dataset_weighted(&pair, 1, others),
	   "  the first token of a record does not count");

	good = true;
	for (size_t t = 0; t < dataset->token_count; t++) {
		size_t r = dataset_record_at(dataset, t);
		good &= dataset->begin[r] <= t && t < dataset->begin[r + 1];
	}
	ok(good, "the record that holds a token, with empty records in between");
	reading_end(&reading);
	close(set.fd);
}

/* Even a record without a token points into memory. */
static void test_nothing_first(void)
{
	static struct set set;
	struct reading reading;
	const int length[] = {0, 13, 0};

	set_make(&set, 8, 3, length, ALPHABET);
	reading_start(&reading);
	is_int(dataset_load(&reading.dataset, set.path, &reading.vocab, &reading.kinds, NULL,
	                    &reading.err), 0, "a first record without a token");
	ok(reading.dataset.token && reading.dataset.kind && reading.dataset.nats,
	   "  it lies in memory all the same");
	struct example example = dataset_example(&reading.dataset, 1);
	ok(shows(&example, &set, 0, 13), "  the next one is whole");
	reading_end(&reading);
	close(set.fd);
}

static void test_cut(void)
{
	static struct set set;
	const int length[] = {7, 20, 3, 1, 11}; /* 42 tokens */
	const struct { size_t piece, count; int last; const char *what; } cases[] = {
		{10, 5, 2, "a last piece of two tokens stays"},
		{41, 1, 41, "a single token left over goes"},
		{21, 2, 21, "no rest"},
		{100, 1, 42, "one piece of all"},
	};

	set_make(&set, 2, 5, length, ALPHABET);
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct reading reading;
		bool good = true;
		reading_start(&reading);
		dataset_load(&reading.dataset, set.path, &reading.vocab, &reading.kinds, NULL,
		             &reading.err);
		dataset_cut(&reading.dataset, cases[c].piece, &reading.err);
		is_int((long long)reading.dataset.count, (long long)cases[c].count, cases[c].what);
		for (size_t i = 0; i < reading.dataset.count; i++) {
			struct example piece = dataset_example(&reading.dataset, i);
			int want = i + 1 < cases[c].count ? (int)cases[c].piece : cases[c].last;
			good &= shows(&piece, &set, i * cases[c].piece, want);
			int r = 0;
			while (set.begin[r + 1] <= i * cases[c].piece)
				r++;
			good &= piece.id == set.id[r];
		}
		ok(good, "  its pieces are the running text, under the id of the record they begin in");
		reading_end(&reading);
	}
	close(set.fd);
}

int main(void)
{
	test_load();
	test_nothing_first();
	test_cut();
	return done();
}
