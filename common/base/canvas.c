#include "common/base/canvas.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/utf8.h"

#define BRAILLE 0x2800u /* the pattern without dots */

int canvas_init(struct canvas *canvas, int columns, int rows, bool unicode)
{
	*canvas = (struct canvas){
		.columns = columns,
		.rows = rows,
		.across = unicode ? 2 : 1,
		.down = unicode ? 4 : 1,
		.cells = calloc((size_t)columns * (size_t)rows, sizeof *canvas->cells),
	};
	return canvas->cells ? 0 : -1;
}

void canvas_release(struct canvas *canvas)
{
	free(canvas->cells);
	canvas->cells = NULL;
}

/* NULL outside the canvas. */
static struct canvas_cell *cell_at(const struct canvas *canvas, int column, int row)
{
	if (column < 0 || row < 0 || column >= canvas->columns || row >= canvas->rows)
		return NULL;
	return &canvas->cells[row * canvas->columns + column];
}

void canvas_dot(struct canvas *canvas, int x, int y, struct pen pen)
{
	/* The bit of each dot of a pattern: dots are numbered column by column, but for the lowest
	 * row, which came later (The Unicode Standard, section 21.1). */
	static const uint8_t bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	struct canvas_cell *cell;

	if (x < 0 || y < 0 || !(cell = cell_at(canvas, x / canvas->across, y / canvas->down)))
		return;
	cell->dots |= bit[y % canvas->down][x % canvas->across];
	cell->mark = pen.mark;
	cell->colour = pen.colour;
}

/* Bresenham's algorithm (1965), for all directions. */
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, struct pen pen)
{
	const int width = abs(x1 - x0), height = abs(y1 - y0);
	const int right = x0 < x1 ? 1 : -1, below = y0 < y1 ? 1 : -1;
	int error = width - height;

	for (;;) {
		canvas_dot(canvas, x0, y0, pen);
		if (x0 == x1 && y0 == y1)
			return;
		const int twice = 2 * error;
		if (twice >= -height) {
			error -= height;
			x0 += right;
		}
		if (twice <= width) {
			error += width;
			y0 += below;
		}
	}
}

void canvas_code(struct canvas *canvas, int column, int row, uint8_t colour, uint32_t code)
{
	struct canvas_cell *cell = cell_at(canvas, column, row);

	if (!cell)
		return;
	cell->code = code;
	cell->colour = colour;
}

void canvas_text(struct canvas *canvas, int column, int row, uint8_t colour, const char *text)
{
	for (; *text; text++)
		canvas_code(canvas, column++, row, colour, (unsigned char)*text);
}

/* What a cell shows; a blank if it is empty. */
static uint32_t shown(const struct canvas *canvas, const struct canvas_cell *cell)
{
	if (cell->code)
		return cell->code;
	if (!cell->dots)
		return ' ';
	return canvas->down == 1 ? (unsigned char)cell->mark : BRAILLE + cell->dots;
}

static void turn(struct text_buffer *out, uint8_t *now, uint8_t colour)
{
	char sequence[16];

	if (*now == colour)
		return;
	if (colour == 0)
		text_buffer_append_string(out, "\033[0m");
	else
		text_buffer_append(out, sequence, (size_t)snprintf(sequence, sizeof sequence,
		                                                   "\033[38;5;%um", colour));
	*now = colour;
}

void canvas_row(const struct canvas *canvas, int row, bool styles, struct text_buffer *out)
{
	const struct canvas_cell *cells = &canvas->cells[row * canvas->columns];
	int end = canvas->columns;
	uint8_t now = 0;

	while (end > 0 && shown(canvas, &cells[end - 1]) == ' ')
		end--;
	for (int i = 0; i < end; i++) {
		char bytes[UTF8_MAX];
		const uint32_t code = shown(canvas, &cells[i]);
		if (styles && code != ' ')
			turn(out, &now, cells[i].colour);
		text_buffer_append(out, bytes, utf8_encode(code, bytes));
	}
	turn(out, &now, 0);
}
