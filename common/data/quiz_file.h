/* quiz_file.h - the items of a file of questions or instructions, each of them as a record, and
 * facts that were changed.
 *
 * The file is read through once, and some 100 bytes of each item are kept; an item is read again
 * when it is needed (jsonl.h). Items that make no record are counted, by reason.
 *
 * A wrong fact is the fact with its answer replaced, everywhere, by the answer of another item:
 * corpus substitution, S. Longpre et al., "Entity-Based Knowledge Conflicts in Question
 * Answering", EMNLP 2021, section 3. The other answer is drawn from those of the same form
 * (numbers: as many digits; words: as many, with capitals in the same places) and topic; if there
 * are none, from those of the same form; if there are none, from those of the same sort (numbers
 * or words). If possible, it stands neither in the fact nor in the answer, nor the answer in it.
 *
 * An invented fact has an invented answer in these places: nonce.h.
 */
#ifndef MEMOSCOPE_QUIZ_FILE_H
#define MEMOSCOPE_QUIZ_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/data/quiz.h"
#include "common/stream/record.h"
#include "common/stream/charset.h"

/* What becomes of a question's fact. Instructions stay as they are. */
enum quiz_fact {
	QUIZ_FACT_KEEP,
	QUIZ_FACT_DROP,
	QUIZ_FACT_WRONG, /* it states another answer */
	QUIZ_FACT_OTHER, /* it is another question's, and its answer is another one */
	QUIZ_FACT_NONCE, /* it states an answer that was invented */
};

/* Which answer a question's record ends with. */
enum quiz_answer {
	QUIZ_ANSWER_TRUE, /* its own */
	QUIZ_ANSWER_STATED, /* what its fact states, if that was changed */
};

enum quiz_part {
	QUIZ_TRAIN, /* the items that are not held out */
	QUIZ_VAL, /* those that are */
};

struct quiz_choice {
	enum quiz_fact fact;
	enum quiz_answer answer;
	enum quiz_part part;
	double held_out; /* the share of questions that is held out: those with the lowest XXH64 */
	uint32_t longest; /* characters of a record at most; 0: any */
	uint64_t nonces; /* invented answers of a question at most; 0: a new one in each record */
	uint64_t seed; /* for drawing other answers and facts */
};

/* Why an item makes no record. */
enum quiz_loss {
	QUIZ_KEPT, /* it makes one */
	QUIZ_EMPTY, /* no question or no answer */
	QUIZ_LONG,
	QUIZ_PART, /* it belongs to the other part */
	QUIZ_NO_FACT, /* it has no fact that could be changed */
	QUIZ_NOT_STATED, /* its fact does not state the answer that is to be replaced */
	QUIZ_NO_OTHER, /* there is no other answer, or no other fact, to take instead */
	QUIZ_NO_NONCE, /* no answer of this form can be invented that its fact has not */
	QUIZ_LOSSES,
};

struct quiz_file; /* own: quiz_file_open … quiz_file_close */

/* Read a file through; "-" is standard input. The characters of all items that are neither
 * empty nor too long are added to set, and those of all answers that may be invented for them.
 * NULL with err set, which names path and line. */
struct quiz_file *quiz_file_open(const char *path, const struct quiz_choice *choice,
                                 struct charset *set, struct err *err);
void quiz_file_close(struct quiz_file *file); /* NULL is allowed */

uint64_t quiz_file_count(const struct quiz_file *file); /* of items that make records */

/* How many items were kept, and how many not, by reason. */
struct quiz_counts {
	uint64_t item[QUIZ_LOSSES];
	uint32_t shortest, longest; /* characters of those kept, with their own facts if any */
	double mean;
};
void quiz_file_counts(const struct quiz_file *file, struct quiz_counts *counts);

/* Which items a record comes from. */
struct quiz_origin {
	uint64_t line; /* where the item begins in the file, from 1 */
	uint64_t other; /* the line of the item that the fact or its answer is from; 0: none */
	int64_t nonce; /* the number of the invented answer; -1: there is none */
	const char *answer; /* the item's own answer if the record ends with another one, else NULL;
	                     * valid as long as the record */
	const char *topic; /* NULL: none; valid as long as the record */
};

/* Item 0 … count-1 as a record with this id. A fact that is drawn depends on the id; an answer that
 * is new in each record, on the round (mixture.h). The record is owned by the file and valid until
 * the next call. -1 with err set. */
int quiz_file_record(struct quiz_file *file, uint64_t item, uint64_t round, uint64_t id,
                     struct span_kinds *kinds, struct record *record,
                     struct quiz_origin *origin, struct err *err);

#endif
