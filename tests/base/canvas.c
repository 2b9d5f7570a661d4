/* A canvas: dots become Braille patterns or marks, text stands over them, rows end without
 * blanks. */
#include <stdlib.h>
#include <string.h>

#include "common/base/canvas.h"
#include "tests/tap.h"

static const struct pen red = {160, 'r'}, blue = {32, 'b'};

/* All rows, each with a newline; the caller's to free. */
static char *rows(const struct canvas *canvas, bool styles)
{
	struct text_buffer out = {0};

	for (int i = 0; i < canvas->rows; i++) {
		canvas_row(canvas, i, styles, &out);
		text_buffer_append_string(&out, "\n");
	}
	text_buffer_append(&out, "", 1);
	return out.text;
}

static void shows(const struct canvas *canvas, bool styles, const char *want, const char *what)
{
	char *have = rows(canvas, styles);

	is_string(have, want, what);
	free(have);
}

static void dots(void)
{
	/* The patterns of the Unicode Standard, chapter 21: dots 1, 4, 2, 5, 3, 6, 7 and 8. */
	static const char *const pattern[4][2] = {
		{"⠁\n", "⠈\n"}, {"⠂\n", "⠐\n"}, {"⠄\n", "⠠\n"}, {"⡀\n", "⢀\n"},
	};
	struct canvas canvas;

	for (int y = 0; y < 4; y++)
		for (int x = 0; x < 2; x++) {
			canvas_init(&canvas, 1, 1, true);
			canvas_dot(&canvas, x, y, red);
			shows(&canvas, false, pattern[y][x], "one dot of a cell");
			canvas_release(&canvas);
		}
	canvas_init(&canvas, 2, 2, true);
	shows(&canvas, true, "\n\n", "an empty canvas has empty rows, without escape sequences");
	const int outside[] = {-1, -8, 4, 1000};
	for (int i = 0; i < 4; i++) {
		canvas_dot(&canvas, outside[i], 0, red);
		canvas_dot(&canvas, 0, outside[i] == 4 ? 8 : outside[i], red);
		canvas_text(&canvas, outside[i], 0, 0, "x");
		canvas_text(&canvas, 0, outside[i], 0, "x");
	}
	shows(&canvas, false, "\n\n", "nothing is drawn outside");
	canvas_text(&canvas, -1, 1, 0, "abcd");
	shows(&canvas, false, "\nbc\n", "of a text the part that is inside");
	canvas_release(&canvas);
}

/* Each dot of a line touches the next one, and the line is as long as its longer side. */
static void lines(void)
{
	enum { SIZE = 21 };
	int faults = 0, tried = 0;

	for (int y0 = 0; y0 < SIZE; y0 += 4)
		for (int y1 = 0; y1 < SIZE; y1++)
			for (int x1 = 0; x1 < SIZE; x1++) {
				struct canvas canvas;
				const int x0 = 10, wide = abs(x1 - x0), high = abs(y1 - y0);
				const int longer = wide > high ? wide : high;
				canvas_init(&canvas, SIZE, SIZE, false);
				canvas_line(&canvas, x0, y0, x1, y1, red);
				int count = 0, near = 0;
				for (int y = 0; y < SIZE; y++)
					for (int x = 0; x < SIZE; x++) {
						if (!canvas.cells[y * SIZE + x].dots)
							continue;
						count++;
						/* the distance to the true line, times its length; half a dot at most */
						const int off = abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0));
						near += 2 * off <= longer;
					}
				faults += count != longer + 1 || near != count ||
				          !canvas.cells[y0 * SIZE + x0].dots || !canvas.cells[y1 * SIZE + x1].dots;
				tried++;
				canvas_release(&canvas);
			}
	ok(faults == 0 && tried > 2000, "%d of %d lines are not straight", faults, tried);
}

static void pictures(void)
{
	struct canvas canvas;

	canvas_init(&canvas, 4, 2, false);
	canvas_line(&canvas, 0, 0, 3, 0, red);
	canvas_line(&canvas, 0, 1, 3, 0, blue);
	shows(&canvas, false, "rrbb\nbb\n", "ASCII: the mark of the pen that drew last");
	shows(&canvas, true, "\033[38;5;160mrr\033[38;5;32mbb\033[0m\n\033[38;5;32mbb\033[0m\n",
	      "each row ends plain");
	canvas_text(&canvas, 1, 0, 0, "a b");
	shows(&canvas, true, "\033[38;5;160mr\033[0ma b\n\033[38;5;32mbb\033[0m\n",
	      "text stands over dots, its blanks too");
	canvas_release(&canvas);

	canvas_init(&canvas, 3, 2, true);
	canvas_line(&canvas, 0, 7, 5, 0, red);
	shows(&canvas, false, " ⢀⠎\n⡰⠁\n", "a line in Braille");
	canvas_code(&canvas, 0, 0, 32, 0x2524);
	shows(&canvas, true, "\033[38;5;32m┤\033[38;5;160m⢀⠎\033[0m\n\033[38;5;160m⡰⠁\033[0m\n",
	      "and a character beside it");
	canvas_release(&canvas);
}

int main(void)
{
	dots();
	lines();
	pictures();
	return done();
}
