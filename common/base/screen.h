/* screen.h - a picture at the bottom of a terminal that is drawn again and again, while other
 * programs write lines above it.
 *
 * The picture keeps its rows: only the rows above it scroll, and the cursor stays there. So a
 * program that writes to the same terminal, such as the one before us in the pipe, neither shifts
 * the picture nor is overwritten by it, and what it wrote can be scrolled back to.
 *
 * The terminal must be left by screen_leave(), or by writing SCREEN_LEAVE where only that can be
 * done: in a signal handler.
 */
#ifndef MEMOSCOPE_SCREEN_H
#define MEMOSCOPE_SCREEN_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/text_buffer.h"

/* All rows scroll again, the picture stays, and the cursor is visible below it. */
#define SCREEN_LEAVE "\033[r\033[9999;1H\033[?25h\n"

/* {.fd} to begin with. */
struct screen {
	int fd; /* of the terminal */
	int rows; /* that the terminal has */
	int picture; /* rows of the picture; 0: none was drawn yet */
	struct text_buffer out; /* owned: one frame, which is written at once */
};

/* Draw a picture: lines of text, each with a newline and not longer than the terminal is wide.
 * rows: how many the terminal has, at least two more than the picture. anew: the terminal may have
 * another size than before, or another program has used all of it. -1 with err set. */
int screen_draw(struct screen *screen, const struct text_buffer *picture, int rows, bool anew,
                struct err *err);

/* Draw no more. The memory is freed. */
void screen_leave(struct screen *screen);

#endif
