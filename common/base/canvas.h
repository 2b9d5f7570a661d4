/* canvas.h - a picture of characters: dots and lines, with text over them.
 *
 * The picture has rows and columns of cells, counted from the top left corner. With Unicode, each
 * cell holds 2 by 4 dots, as a Braille pattern (U+2800 to U+28FF). Without, a cell is one dot,
 * shown as the ASCII character of the pen that drew it last. A colour is one of the 256 that
 * terminals agree on; 0 is that of plain text.
 */
#ifndef MEMOSCOPE_CANVAS_H
#define MEMOSCOPE_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text_buffer.h"

struct canvas {
	int columns, rows; /* of cells */
	int across, down; /* dots in a cell: 2 and 4 with Unicode, else 1 and 1 */
	struct canvas_cell *cells; /* owned; [rows][columns] */
};

struct canvas_cell {
	uint32_t code; /* of text; 0: none */
	uint8_t dots; /* which dots are set, as in a Braille pattern */
	char mark; /* without Unicode: the character of the pen */
	uint8_t colour;
};

/* What dots are drawn with. */
struct pen {
	uint8_t colour;
	char mark; /* without Unicode: the character */
};

/* An empty canvas. columns and rows are at least 1. -1 if memory is out. */
int canvas_init(struct canvas *canvas, int columns, int rows, bool unicode);
void canvas_release(struct canvas *canvas); /* a zeroed one is allowed */

/* Set a dot; x and y count dots from the top left corner. Outside the canvas nothing is set. */
void canvas_dot(struct canvas *canvas, int x, int y, struct pen pen);

/* A line from one dot to another, both included. */
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, struct pen pen);

/* Write ASCII text into a row, over the dots; what is outside the canvas is left out. */
void canvas_text(struct canvas *canvas, int column, int row, uint8_t colour, const char *text);

/* The same of one code point. */
void canvas_code(struct canvas *canvas, int column, int row, uint8_t colour, uint32_t code);

/* Append a row as UTF-8, without blanks at its end and without a newline. styles: with the escape
 * sequences of colours, the last of which goes back to plain text. */
void canvas_row(const struct canvas *canvas, int row, bool styles, struct text_buffer *out);

#endif
