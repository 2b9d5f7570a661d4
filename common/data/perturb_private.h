/* perturb_private.h - a record that is being changed: between perturb.c, which reads it, chooses
 * the lines and writes the new one, and perturb_change.c, which makes the changes. */
#ifndef MEMOSCOPE_PERTURB_PRIVATE_H
#define MEMOSCOPE_PERTURB_PRIVATE_H

#include "common/base/rng.h"
#include "common/data/perturb.h"
#include "common/stream/book.h"

/* Code points begin … end-1 of the record that is changed. */
struct stretch {
	uint32_t begin, end;
};

/* A line of the book: which spans are its name and its (first) number, and all of it, from the
 * first span of their entry up to the next span of another one. */
struct line {
	uint32_t name, number;
	struct stretch all;
};

struct perturb {
	struct perturb_options options;
	uint32_t *codes; /* of the record; changes of digits change them */
	size_t code_room;
	struct span *spans; /* of the record; then of the new one, but for begin and end */
	size_t span_room;
	struct stretch *content; /* [span] what the new record has in this span */
	size_t content_room;
	struct book book;
	struct line *lines;
	size_t line_room;
	struct span *out_spans;
	size_t out_room;
	uint32_t span_count, line_count;
	long ask, answer; /* spans; -1: none */
	int asked; /* the line that is asked for: the answer's entry; -1: none */
	char *text; /* of the new record */
	size_t text_room;
};

/* Do two lines have the same name? */
bool perturb_same_name(const struct perturb *perturb, int a, int b);

/* Change the line (-1: all) and, if the change takes two, the other one (with; else -1). What was
 * drawn is noted in change. -1 with err saying what the record lacks. */
int perturb_change(struct perturb *perturb, int line, int with, struct rng *rng,
                   struct perturb_change *change, struct err *err);

#endif
