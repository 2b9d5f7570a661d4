#include "common/stream/record_pairs.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/stream/alignment.h"

struct record_pairs {
	struct record_reader *reader, *partner_reader;
	char *partner_path;
	uint64_t id, partner_id; /* of the records read last */
	uint64_t pairs; /* so far */
};

struct record_pairs *record_pairs_open(char **paths, int count, const char *partner_path,
                                       const struct vocab *vocab, struct err *err)
{
	if (file_inputs_standard(paths, count) && strcmp(partner_path, "-") == 0) {
		err_usage(err, "records and partners cannot both come from the standard input: name a file "
		          "for one of them");
		return NULL;
	}
	struct record_pairs *pairs = calloc(1, sizeof *pairs);
	if (!pairs || !(pairs->partner_path = strdup(partner_path))) {
		err_set(err, "out of memory");
		free(pairs);
		return NULL;
	}
	pairs->reader = record_reader_open(paths, count, vocab, err);
	if (pairs->reader)
		pairs->partner_reader = record_reader_open(&pairs->partner_path, 1, vocab, err);
	if (pairs->partner_reader)
		return pairs;
	record_pairs_close(pairs);
	return NULL;
}

struct record_reader *record_pairs_reader(struct record_pairs *pairs)
{
	return pairs->reader;
}

struct record_reader *record_pairs_partner_reader(struct record_pairs *pairs)
{
	return pairs->partner_reader;
}

/* The partner stream has ended without a partner for the record read last. */
static int no_partner(struct record_pairs *pairs, uint64_t before, struct err *err)
{
	const uint32_t sample = record_reader_sample(pairs->reader);
	char behind[64] = "", of_sample[32] = "";

	if (sample > 0)
		snprintf(of_sample, sizeof of_sample, ", sample %u", sample);
	if (pairs->pairs > 0)
		snprintf(behind, sizeof behind, " behind the partner of id %ju", (uintmax_t)before);
	return record_reader_bad(pairs->reader, err,
	                         "id %ju%s: its partner is missing: %s has no record of that id%s; "
	                         "make both of the same records, in the same order",
	                         (uintmax_t)pairs->id, of_sample, err_path(pairs->partner_path),
	                         behind);
}

int record_pairs_next(struct record_pairs *pairs, struct record *a, struct record *b,
                      struct err *err)
{
	const uint64_t before = pairs->id;
	const int more = record_reader_next(pairs->reader, a, err);
	int partner;

	if (more < 0)
		return -1;
	if (more > 0)
		pairs->id = a->id;
	while ((partner = record_reader_next(pairs->partner_reader, b, err)) > 0) {
		pairs->partner_id = b->id;
		if (more > 0 && b->id == a->id && record_reader_sample(pairs->partner_reader) ==
		                                          record_reader_sample(pairs->reader)) {
			pairs->pairs++;
			return 1;
		}
	}
	if (partner < 0)
		return -1;
	return more > 0 ? no_partner(pairs, before, err) : 0;
}

int record_pairs_align(struct record_pairs *pairs, const struct record *a, const struct record *b,
                       const int32_t *row, int count, int32_t *partner, struct err *err)
{
	struct err why = {0};

	if (alignment_find(a, record_reader_kinds(pairs->reader), b,
	                   record_reader_kinds(pairs->partner_reader), row, count, partner, &why) == 0)
		return 0;
	return record_pairs_bad(pairs, err, "%s", why.text);
}

int record_pairs_bad(struct record_pairs *pairs, struct err *err, const char *format, ...)
{
	struct err what = {0}, where = {0};
	va_list args;

	va_start(args, format);
	err_vset(&what, ERR_DATA, format, args);
	va_end(args);
	record_reader_bad(pairs->partner_reader, &where, "id %ju", (uintmax_t)pairs->partner_id);
	return record_reader_bad(pairs->reader, err, "id %ju, with its partner of %s: %s",
	                         (uintmax_t)pairs->id, where.text, what.text);
}

void record_pairs_close(struct record_pairs *pairs)
{
	if (!pairs)
		return;
	record_reader_close(pairs->reader);
	record_reader_close(pairs->partner_reader);
	free(pairs->partner_path);
	free(pairs);
}
