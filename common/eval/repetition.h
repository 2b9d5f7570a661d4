/* repetition.h - how much of a text repeats what stood in it before.
 *
 * The measure is seq-rep-4 of S. Welleck et al., "Neural Text Generation with Unlikelihood
 * Training", ICLR 2020: the share of a text's 4-grams that stood in it before. They count
 * tokens; here it is characters or words (words.h). People repeat themselves too, and more so
 * in longer texts, so a text is compared with texts by people of the same length, as
 * A. Holtzman et al. compare, "The Curious Case of Neural Text Degeneration", ICLR 2020.
 */
#ifndef MEMOSCOPE_REPETITION_H
#define MEMOSCOPE_REPETITION_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define REPETITION_GRAM 4

enum repetition_unit {
	REPETITION_CHARACTERS,
	REPETITION_WORDS,
	REPETITION_UNITS
};

struct repetition_counts {
	uint32_t units; /* characters or words of the text */
	uint32_t grams; /* units - 3, or 0 */
	/* again[i]: of the first i + 1 grams, how many stood before. The last one is the count
	 * of the whole text. Valid until the next text. */
	const uint32_t *again;
};

/* The share of repeated grams among the first `grams` of a text, which has as many. */
double repetition_share(const struct repetition_counts *counts, uint32_t grams);

struct repetition; /* memory for one text at a time; own */

struct repetition *repetition_new(struct err *err); /* NULL with err set */
void repetition_free(struct repetition *repetition); /* NULL is allowed */

/* Count a text of code points, which words_lower() has seen. -1 with err set if memory runs
 * out. */
int repetition_count(struct repetition *repetition, enum repetition_unit unit,
                     const uint32_t *codes, uint32_t length, struct repetition_counts *counts,
                     struct err *err);

/* What people repeat: the mean share among the first n grams, for each n that enough of
 * their texts have. {0} to begin with; the caller's. */
#define REPETITION_PEOPLE 20 /* texts are enough */
struct repetition_people {
	double *sum; /* [n - 1]: of shares */
	uint32_t *texts; /* [n - 1]: that have n grams */
	uint32_t longest; /* n of the longest text */
	size_t sum_room, texts_room;
};
void repetition_people_release(struct repetition_people *people);

/* Add a text by people. -1 with err set if memory runs out. */
int repetition_people_add(struct repetition_people *people,
                          const struct repetition_counts *counts, struct err *err);

/* What people repeat in texts of so many grams (at least 1), or in their longest texts if
 * too few are as long. NAN if there is none. */
double repetition_people_share(const struct repetition_people *people, uint32_t grams);

#endif
