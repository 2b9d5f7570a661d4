/* recall.h - is what a model answered right?
 *
 * Truth comes from the reference's spans alone: `answer` is what is to be
 * retrieved, `ask` the name it is asked for under, `name` and `number` of one
 * entry stand beside each other in the book. What the model wrote is cut where
 * the text between `ask` and `answer` stands in it, and where the text after
 * `answer` in its line does; the number's form is not looked at.
 *
 * Spans of kind `contextual` are the places of the prompt that state an answer, the
 * true one or another. Where they state another, an answer is contextual if it is
 * theirs, and parametric, from the weights, if it is the true one all the same: the
 * terms of E. Neeman et al., "DisentQA: Disentangling Parametric and Contextual
 * Knowledge with Counterfactual Question Answering", ACL 2023. Of the two, the share
 * that is parametric is the memorization ratio of S. Longpre et al., "Entity-Based
 * Knowledge Conflicts in Question Answering", EMNLP 2021.
 *
 * Which of the book's numbers an answer was made of: origin.h; what chance would give:
 * chance.h; by slot, entries and digit: breakdown.h; of scored texts: excess.h.
 */
#ifndef MEMOSCOPE_RECALL_H
#define MEMOSCOPE_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/stats.h"
#include "common/eval/book_line.h"
#include "common/stream/generation.h"
#include "common/stream/span.h"

enum recall_truth {
	RECALL_WRONG,
	RECALL_RIGHT,
	RECALL_UNDEFINED, /* there is nothing to compare with */
};

/* What an answer follows, of what the prompt states and what is true. */
enum recall_follows {
	RECALL_FOLLOWS_NEITHER, /* it is another one */
	RECALL_FOLLOWS_CONTEXT, /* the prompt states it, and it is not true */
	RECALL_FOLLOWS_WEIGHTS, /* it is true, and the prompt does not state it */
	RECALL_FOLLOWS_BOTH,
	RECALL_FOLLOWS_UNDEFINED, /* the prompt states none */
};

/* How often each digit stands in some numbers. */
struct recall_frequency {
	uint64_t digit[10], digits;
	uint64_t repeated, pairs; /* digits that are as the one before; that have one before */
};

/* The texts are valid until the next judgement. */
struct recall_verdict {
	bool chose; /* the model wrote the name, or part of it (--from ask) */
	/* exact: the name was given: the answer is the reference's;
	 *        the model chose it: it is in the book, the number beside it follows.
	 * name: the name that the model wrote is in the book; undefined where it was given.
	 * number: the number is right, given a name that is: undefined after a wrong one.
	 * book: the number stands beside the name asked for or written; undefined
	 *       where that name is not in the book. */
	enum recall_truth exact, name, number, book;
	/* Of a name that the model wrote, cut at its first space: is the first name that
	 * of an entry; is the last name; and the two of one entry, after a right first
	 * name? Undefined where the name was given or there is no book. */
	enum recall_truth first_name, last_name, last_after_first;
	struct slice asked; /* the name asked for, or written */
	struct slice want; /* the right answer; NULL after a wrong name */
	struct slice given; /* the model's answer */
	uint32_t distance; /* Levenshtein's, given to want; 0 where want is NULL */
	int digits; /* in want, SLICE_DIGITS at most */
	bool digit[SLICE_DIGITS]; /* does the nth one stand in its place? */
	struct slice truth; /* the reference's own answer */
	/* Of an answer to a name that was given, or to none, after a prompt with contextual
	 * spans; undefined after any other. */
	enum recall_follows follows;
	bool conflict; /* none of these spans is the truth */
	struct slice contextual; /* the one that was given, else the first; NULL: none */
	const struct book_line *entry; /* the book */
	uint32_t entries;
	int line; /* of the book, that was asked for; -1: none */
};

struct recall; /* memory for one judgement at a time; own */

struct recall *recall_new(struct err *err);
void recall_free(struct recall *recall); /* NULL is allowed */

/* Judge a generation. -1 with err saying why it cannot be judged. */
int recall_judge(struct recall *recall, const struct generation *generation,
                 const struct span_kinds *kinds, struct recall_verdict *verdict,
                 struct err *err);

const char *recall_follows_word(enum recall_follows follows); /* "-": undefined */

/* The truths about a name that was written, against a book. */
void recall_names(struct slice written, const struct book_line *entry,
                  uint32_t entries, enum recall_truth *first, enum recall_truth *last,
                  enum recall_truth *last_after_first);

/* Count a truth, unless it is undefined. */
void recall_add(struct share *share, enum recall_truth how);

struct recall_tally {
	uint64_t records;
	struct share exact, name, number, book, digit[SLICE_DIGITS];
	struct share first_name, last_name, last_after_first;
	/* both: where the prompt states the truth; the next three: in conflicts, where it
	 * states something else; memorization: parametric of parametric and contextual. */
	struct share both, contextual, parametric, neither, memorization;
	/* Of wrong answers, each as far as the right one has digits, and of the
	 * reference's answers in their place. */
	struct recall_frequency wrong, reference;
};

void recall_count(struct recall_tally *tally, const struct recall_verdict *verdict);

#endif
