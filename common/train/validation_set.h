/* validation_set.h - which records a run validates on.
 *
 * Losses on two sets cannot be compared, so the state of a run says on which set its best loss was
 * measured: under "val" a digest of the records, or "none", and under "val-records" their number.
 */
#ifndef MEMOSCOPE_VALIDATION_SET_H
#define MEMOSCOPE_VALIDATION_SET_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/train/dataset.h"

struct validation_set {
	int64_t records; /* those used, from the first; 0: there is no set; -1: it is not known */
	char digest[17]; /* dataset_digest() of them, as 16 hexadecimal digits; "none": no set */
};

/* The first count records of a dataset. */
struct validation_set validation_set_of(const struct dataset *dataset, size_t count);

/* Add "val" and "val-records" to settings; neither, if the set is not known. */
void validation_set_save(const struct validation_set *set, json_t *settings);

/* Read what was saved. Without "val" the set is not known, as in older states. -1 with err set if
 * "val-records" is no number. */
int validation_set_read(struct validation_set *set, const json_t *saved, struct err *err);

/* How the set that a run was saved with differs from the one that it goes on with. */
enum validation_change {
	VALIDATION_SAME, /* also if it is not known, and there is a set now */
	VALIDATION_MISSING, /* there is none now */
	VALIDATION_ADDED, /* there was none */
	VALIDATION_COUNT, /* the same records, but more or fewer of them are used */
	VALIDATION_OTHER,
};

/* dataset holds the records of `now`, and maybe more. */
enum validation_change validation_set_compare(const struct validation_set *saved,
                                              const struct validation_set *now,
                                              const struct dataset *dataset);

#endif
