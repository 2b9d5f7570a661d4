/* quiz_file_private.h - what the files of quiz_file.h share: the items of a file, and which answers
 * and facts may stand for others (quiz_others.c). */
#ifndef MEMOSCOPE_QUIZ_FILE_PRIVATE_H
#define MEMOSCOPE_QUIZ_FILE_PRIVATE_H

#include "common/base/jsonl.h"
#include "common/data/quiz_file.h"

/* How alike answers are that stand for each other, the most alike first; and that of
 * facts, of which all are. */
enum likeness { TOPIC, FORM, SORT, LIKENESSES };

/* What is kept of an item. */
struct entry {
	uint64_t offset, line;
	uint32_t size; /* bytes of its JSON */
	uint32_t length; /* code points of its record, as it is, without a fact if it is dropped */
	uint32_t fact, answer; /* code points */
	uint32_t stated; /* how often its fact states its answer */
	bool instruction;
	uint64_t question_hash, answer_hash;
	uint64_t like[LIKENESSES]; /* answers that are alike have the same */
};

/* Items that may stand for others, in the order of group, then item. */
struct ranked {
	uint64_t group;
	uint32_t item;
};

struct quiz_file {
	struct jsonl *json;
	struct quiz_choice choice;
	struct entry *entry; /* [count] of what is not lost by itself */
	size_t count, room;
	struct ranked *rank[LIKENESSES]; /* [ranked] each; of facts only the first */
	size_t ranked;
	uint32_t *kept; /* [counts.item[QUIZ_KEPT]] the entries that make records */
	struct quiz_counts counts;
	/* the record under way */
	json_t *value, *other; /* its item, and the one that its fact is from */
	char *fact, *nonce; /* NULL, or the fact and the answer that were made up */
	struct quiz_buffer buffer;
};

/* An item's JSON again; item's strings are its. NULL with err set. */
json_t *quiz_file_read_again(struct quiz_file *file, const struct entry *entry,
                             struct quiz_item *item, struct err *err);

/* ---- quiz_others.c ---- */

/* Set what answers like an entry's have, too. */
void quiz_others_describe(struct entry *entry, const struct quiz_item *item);

/* Does the record of an item take another one's answer or fact? */
bool quiz_others_needed(const struct quiz_file *file, const struct entry *entry);

/* Whatever may be put in place of another's, each list in its order. -1: out of memory. */
int quiz_others_rank(struct quiz_file *file, struct err *err);

/* Is there anything that may stand for an item's? */
bool quiz_others_any(const struct quiz_file *file, const struct entry *entry);

/* What stands for an item's in the record id, drawn: its entry, with file->other and *other, the
 * most alike if possible. NULL with err set. */
const struct entry *quiz_others_draw(struct quiz_file *file, const struct entry *entry,
                                     const struct quiz_item *own, uint64_t id,
                                     struct quiz_item *other, struct err *err);

#endif
