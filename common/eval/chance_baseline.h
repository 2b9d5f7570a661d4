/* chance_baseline.h - what chance gives: answers scored against one another's books.
 *
 * Each answer is scored against the book, the entry asked for and the right answer of
 * another generation. So the rates are those of a model that writes just such answers
 * without looking at its context.
 *
 * Generations are kept in blocks of CHANCE_CASES, or fewer if they take more than
 * CHANCE_BYTES. Each block is shuffled into one cycle (S. Sattolo 1986) by its own sequence
 * of the seed, and each answer is scored against the next one's book. Two generations of
 * the same id have the same book, and are not scored against each other.
 */
#ifndef MEMOSCOPE_CHANCE_BASELINE_H
#define MEMOSCOPE_CHANCE_BASELINE_H

#include <stddef.h>

#include "common/base/stats.h"
#include "common/eval/answer_origin.h"
#include "common/eval/recall.h"

#define CHANCE_CASES 4096
#define CHANCE_BYTES ((size_t)64 << 20)

/* Shares of answers; see struct recall_verdict and enum answer_origin_kind. */
struct chance_rates {
	struct share exact, first_name, last_name, last_after_first;
	struct share digit[SLICE_DIGITS], from[ORIGIN_KINDS];
	struct conflict_tally conflict; /* answers to conflicts, scored against other conflicts */
};

struct chance_baseline; /* own: chance_baseline_new … chance_baseline_free */

struct chance_baseline *chance_baseline_new(uint64_t seed, struct err *err);
void chance_baseline_free(struct chance_baseline *chance); /* NULL is allowed */

/* Keep a copy of the verdict on a generation, and score the block when it is full. -1 with
 * err set if memory is out. */
int chance_baseline_add(struct chance_baseline *chance, uint64_t id,
                        const struct recall_verdict *verdict,
                        struct err *err);

/* Score the rest and return the rates, which are valid as long as chance. */
const struct chance_rates *chance_baseline_end(struct chance_baseline *chance);

#endif
