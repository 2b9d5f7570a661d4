#include "common/train/validation_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/options.h"

#define DIGEST "val"
#define RECORDS "val-records"

struct validation_set validation_set_of(const struct dataset *dataset, size_t count)
{
	struct validation_set set = {.records = (int64_t)count, .digest = "none"};

	if (count > 0)
		snprintf(set.digest, sizeof set.digest, "%016" PRIx64, dataset_digest(dataset, count));
	return set;
}

void validation_set_save(const struct validation_set *set, json_t *settings)
{
	if (set->records < 0)
		return;
	json_object_set_new(settings, DIGEST, json_string(set->digest));
	json_object_set_new(settings, RECORDS, json_sprintf("%" PRId64, set->records));
}

int validation_set_read(struct validation_set *set, const json_t *saved, struct err *err)
{
	const char *digest = json_string_value(json_object_get(saved, DIGEST));
	const char *records = json_string_value(json_object_get(saved, RECORDS));

	*set = (struct validation_set){.records = -1};
	if (!digest)
		return 0;
	snprintf(set->digest, sizeof set->digest, "%s", digest);
	return option_int(RECORDS, records ? records : "", 0, INT64_MAX / 2, &set->records, err);
}

enum validation_change validation_set_compare(const struct validation_set *saved,
                                              const struct validation_set *now,
                                              const struct dataset *dataset)
{
	if (saved->records == now->records && strcmp(saved->digest, now->digest) == 0)
		return VALIDATION_SAME;
	if (now->records == 0)
		return VALIDATION_MISSING;
	if (saved->records <= 0)
		return saved->records < 0 ? VALIDATION_SAME : VALIDATION_ADDED;
	if ((uint64_t)saved->records <= dataset->count) {
		const struct validation_set as_many = validation_set_of(dataset, (size_t)saved->records);
		if (strcmp(saved->digest, as_many.digest) == 0)
			return VALIDATION_COUNT;
	}
	return VALIDATION_OTHER;
}
