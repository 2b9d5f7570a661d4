/* recall.h - is what a model answered right?
 *
 * The truth comes from the reference's spans (stream/book.h). What the model wrote is cut
 * by the reference's text: the name it wrote ends where the text between `ask` and `answer`
 * begins, and the answer ends where the rest of the answer's line begins. The form of the
 * number does not matter.
 *
 * If tokens are pieces of text, a prompt may end before the text that it was to end at, because
 * that begins within a token (" 354"). What the reference has between belongs to neither name nor
 * answer, whether the model repeats it or not.
 *
 * Spans of kind `contextual` are the places of the prompt that state an answer: the true
 * one or another. If they state another, an answer is contextual if it is theirs, and
 * parametric (from the weights) if it is true nevertheless: the terms of E. Neeman et al.,
 * "DisentQA: Disentangling Parametric and Contextual Knowledge with Counterfactual Question
 * Answering", ACL 2023. The share of parametric answers among these two is the memorization
 * ratio of S. Longpre et al., "Entity-Based Knowledge Conflicts in Question Answering",
 * EMNLP 2021.
 *
 * The reference's "directory" is what the weights should know of the name asked for. If the book
 * has another number, that is a conflict, too: conflict.h.
 *
 * Sums over many generations are in recall_tally.h and, by slot and number of entries, in
 * accuracy_table.h. Which numbers an answer was made of: answer_origin.h. What chance gives:
 * chance_baseline.h. Texts that were scored: excess_loss.h.
 */
#ifndef MEMOSCOPE_RECALL_H
#define MEMOSCOPE_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/eval/book_line.h"
#include "common/eval/conflict.h"
#include "common/stream/generation.h"
#include "common/stream/span.h"

enum recall_truth {
	RECALL_WRONG,
	RECALL_RIGHT,
	RECALL_UNDEFINED, /* there is nothing to compare with */
};

/* Does an answer follow the prompt, or is it true, or both? */
enum recall_follows {
	RECALL_FOLLOWS_NEITHER, /* the prompt does not state it, and it is not true */
	RECALL_FOLLOWS_CONTEXT, /* the prompt states it, and it is not true */
	RECALL_FOLLOWS_WEIGHTS, /* it is true, and the prompt does not state it */
	RECALL_FOLLOWS_BOTH, /* the prompt states it, and it is true */
	RECALL_FOLLOWS_UNDEFINED, /* the prompt states no answer */
};

/* The verdict on one generation. Its texts are valid until the next judgement. */
struct recall_verdict {
	bool chose; /* the model wrote the name, or part of it (--from ask) */
	/* exact   if the name was given: the answer is the reference's; if the model chose the
	 *         name: it is in the book, and the number beside it follows
	 * name    the name that the model wrote is in the book; undefined if it was given
	 * number  the number is right; undefined after a wrong name
	 * book    the number stands beside the name asked for or written; undefined if that
	 *         name is not in the book */
	enum recall_truth exact, name, number, book;
	/* Of a name that the model wrote, divided at its first space:
	 *
	 * first_name, last_name  an entry has the same
	 * last_after_first       one entry has both; undefined if no entry has the first name
	 *
	 * All are undefined if the name was given or there is no book. */
	enum recall_truth first_name, last_name, last_after_first;
	struct slice asked; /* the name asked for, or written */
	struct slice want; /* the right answer; none after a wrong name */
	struct slice given; /* the model's answer */
	uint32_t begin; /* where it begins in the generation's text, in characters */
	uint32_t distance; /* the edit distance from given to want; 0 if there is no want */
	int digits; /* of want, SLICE_DIGITS at most */
	bool digit[SLICE_DIGITS]; /* is digit n in its place? */
	struct slice truth; /* the reference's own answer */
	/* Undefined if the prompt has no contextual spans, or if the model chose the name. */
	enum recall_follows follows;
	bool conflict; /* none of the contextual spans is the truth */
	struct slice contextual; /* the contextual span that was given, else the first of them */
	/* The directory's answer. None if it is not known, or if the model chose the name. */
	struct slice directory;
	struct conflict numbers; /* that and the book's, if they differ; else none */
	const struct book_line *entry; /* [entries] the book */
	uint32_t entries;
	int line; /* the entry of the book that was asked for; -1: none */
};

struct recall; /* memory for one judgement at a time; own */

struct recall *recall_new(struct err *err);
void recall_free(struct recall *recall); /* NULL is allowed */

/* Judge a generation. -1 with err saying why it cannot be judged. */
int recall_judge(struct recall *recall, const struct generation *generation,
                 const struct span_kinds *kinds, struct recall_verdict *verdict,
                 struct err *err);

const char *recall_follows_word(enum recall_follows follows); /* "-": undefined */

/* What a verdict says of first and last names, about any name and any book. */
void recall_names(struct slice written, const struct book_line *entry, uint32_t entries,
                  enum recall_truth *first, enum recall_truth *last,
                  enum recall_truth *last_after_first);

#endif
