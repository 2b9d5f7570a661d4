#include "common/base/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/file.h"

/* The sequences are those of ECMA-48 and of DEC's terminals, which all others follow. */
#define HIDE "\033[?25l" /* the cursor, while the frame is drawn */
#define SHOW "\033[?25h"
#define SAVE "\0337" /* where the cursor is */
#define BACK "\0338"
#define CLEAR_LINE "\033[K" /* from the cursor on */

static int count_lines(const struct text_buffer *text)
{
	int lines = 0;

	for (size_t i = 0; i < text->size; i++)
		lines += text->text[i] == '\n';
	return lines;
}

/* Append a sequence with numbers. */
__attribute__((format(printf, 2, 3)))
static void order(struct text_buffer *out, const char *format, ...)
{
	char sequence[40];
	va_list args;

	va_start(args, format);
	text_buffer_append(out, sequence, (size_t)vsnprintf(sequence, sizeof sequence, format, args));
	va_end(args);
}

static void newlines(struct text_buffer *out, int count)
{
	for (int i = 0; i < count; i++)
		text_buffer_append_string(out, "\n");
}

/* Make room at the bottom: what is there scrolls up. The cursor stays behind it. */
static void begin(struct screen *screen, int rows, int picture, bool anew)
{
	struct text_buffer *out = &screen->out;
	const int above = rows - picture;

	if (anew) {
		/* What the old picture has become nobody knows, so all of the screen scrolls away. */
		order(out, "\033[r\033[%d;1H", rows);
		newlines(out, rows);
		order(out, "\033[1;%dr\033[1;1H", above);
	} else {
		newlines(out, picture);
		order(out, "\033[%dA" SAVE "\033[1;%dr" BACK, picture, above);
	}
	screen->picture = picture;
	screen->rows = rows;
}

static void draw_lines(struct text_buffer *out, const struct text_buffer *picture, int row)
{
	size_t end;

	for (size_t at = 0; at < picture->size; at = end + 1) {
		const char *newline = memchr(picture->text + at, '\n', picture->size - at);
		end = newline ? (size_t)(newline - picture->text) : picture->size;
		order(out, "\033[%d;1H" CLEAR_LINE, row++);
		text_buffer_append(out, picture->text + at, end - at);
	}
}

int screen_draw(struct screen *screen, const struct text_buffer *picture, int rows, bool anew,
                struct err *err)
{
	const int lines = count_lines(picture);

	text_buffer_clear(&screen->out);
	text_buffer_append_string(&screen->out, HIDE);
	if (anew || lines != screen->picture || rows != screen->rows)
		begin(screen, rows, lines, screen->picture > 0);
	text_buffer_append_string(&screen->out, SAVE);
	draw_lines(&screen->out, picture, rows - lines + 1);
	text_buffer_append_string(&screen->out, BACK SHOW);
	if (screen->out.failed)
		return err_set(err, "out of memory");
	if (file_write(screen->fd, screen->out.text, screen->out.size) < 0)
		return err_set(err, "standard output: cannot write: %s", strerror(errno));
	return 0;
}

void screen_leave(struct screen *screen)
{
	if (screen->picture > 0)
		(void)!file_write(screen->fd, SCREEN_LEAVE, strlen(SCREEN_LEAVE));
	text_buffer_release(&screen->out);
	screen->picture = 0;
}
