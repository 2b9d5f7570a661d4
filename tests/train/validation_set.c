/* validation_set.c - which records a run validates on: told apart, saved and read back. */
#include "common/train/validation_set.h"
#include "tests/tap.h"

/* Five records of two tokens each. */
static uint16_t token[10];
static uint64_t begin[6];

static struct dataset dataset_of(int first)
{
	for (int i = 0; i < 10; i++)
		token[i] = (uint16_t)(first + i);
	for (int i = 0; i <= 5; i++)
		begin[i] = (uint64_t)(2 * i);
	return (struct dataset){.count = 5, .token_count = 10, .begin = begin, .token = token};
}

static void test_compare(void)
{
	const struct validation_set unknown = {.records = -1};
	struct dataset dataset = dataset_of(7);
	const struct validation_set other = validation_set_of(&dataset, 3);
	dataset = dataset_of(1);
	const struct validation_set none = validation_set_of(&dataset, 0);
	const struct validation_set three = validation_set_of(&dataset, 3);
	const struct validation_set all = validation_set_of(&dataset, 5);
	struct validation_set many = three;
	many.records = 6;
	const struct {
		const struct validation_set *saved, *now;
		enum validation_change want;
		const char *what;
	} cases[] = {
		{&three, &three, VALIDATION_SAME, "the same records"},
		{&none, &none, VALIDATION_SAME, "none, as before"},
		{&three, &none, VALIDATION_MISSING, "none any more"},
		{&unknown, &none, VALIDATION_MISSING, "none, and it is not known whether there was a set"},
		{&unknown, &three, VALIDATION_SAME, "it is not known which, taken to be the same"},
		{&none, &three, VALIDATION_ADDED, "a set where there was none"},
		{&three, &all, VALIDATION_COUNT, "more of the same records"},
		{&all, &three, VALIDATION_COUNT, "fewer of the same records"},
		{&other, &three, VALIDATION_OTHER, "as many other records"},
		{&many, &three, VALIDATION_OTHER, "of more records than the set has"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_int(validation_set_compare(cases[i].saved, cases[i].now, &dataset), cases[i].want,
		       cases[i].what);
	const struct validation_set before = validation_set_of(&dataset, 2);
	begin[1] = 3; /* the same text, divided in another way */
	const struct validation_set after = validation_set_of(&dataset, 2);
	ok(strcmp(before.digest, after.digest) != 0, "lengths of records count");
}

static void test_save(void)
{
	const struct dataset dataset = dataset_of(1);
	const struct validation_set unknown = {.records = -1};
	json_t *saved = json_object();
	struct validation_set back;
	struct err err = {0};

	validation_set_save(&unknown, saved);
	is_int((long long)json_object_size(saved), 0, "what is not known is not saved");
	ok(validation_set_read(&back, saved, &err) == 0 && back.records == -1, "  nor is it read back");
	for (size_t count = 0; count <= 5; count += 5) {
		const struct validation_set set = validation_set_of(&dataset, count);
		validation_set_save(&set, saved);
		ok(validation_set_read(&back, saved, &err) == 0 && back.records == (int64_t)count &&
		   strcmp(back.digest, set.digest) == 0, "%zu records: saved and read back", count);
	}
	json_object_set_new(saved, "val-records", json_string("x"));
	is_int(validation_set_read(&back, saved, &err), -1, "a number that is none");
	ok(strstr(err.text, "val-records: 'x'") != NULL, "  %s", err.text);
	json_decref(saved);
}

int main(void)
{
	test_compare();
	test_save();
	return done();
}
