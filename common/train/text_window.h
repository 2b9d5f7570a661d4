/* text_window.h - which tokens of which records a window of running text has. */
#ifndef MEMOSCOPE_TEXT_WINDOW_H
#define MEMOSCOPE_TEXT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/rising.h"

struct text_window {
	size_t index; /* of a record */
	uint32_t length; /* of it */
	uint32_t from, count; /* its tokens that the window has */
	uint32_t at; /* where they are in the window */
	const struct rising *begin; /* private, as all below */
	size_t next;
	uint64_t place;
	uint32_t left;
};

/* A window of length tokens, from token number place of the text on. begin: of each record in the
 * text, then the end, which is not before that of the window. */
struct text_window text_window(const struct rising *begin, uint64_t place, uint32_t length);

/* The next record that has a token in it. False: there is none. */
bool text_window_next(struct text_window *window);

#endif
