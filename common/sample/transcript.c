#include "common/sample/transcript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/escape.h"
#include "common/base/file.h"
#include "common/base/utf8.h"

/* The parameters of "select graphic rendition" (ECMA-48, 8.3.117). */
#define DIM "2"

/* Colours of probabilities, from the 256 that terminals agree on and themes leave alone
 * (the cube from 16 on). From blue to orange every step is lighter, yellower and redder
 * than the one before, by CIE L*a*b* distances of 30 to 50; so who does not tell red from
 * green, or yellow from blue, sees the order, too. Each has a contrast of at least 3
 * (WCAG 2.1) with black and with white: terminals do not say which is behind them. */
static const struct {
	double below; /* the colour of smaller probabilities */
	const char *sgr, *word;
} scale[] = {
	{0.1, "38;5;202", "below 0.1"}, /* L* 61 */
	{0.5, "38;5;167", "from 0.1"}, /* 56 */
	{0.9, "38;5;132", "from 0.5"}, /* 51 */
	{0.99, "38;5;97", "from 0.9"}, /* 48 */
	{2, "38;5;26", "from 0.99"}, /* 43 */
};
static const struct piece newline = {"\n", 1};

#define COLOURS (sizeof scale / sizeof *scale)

struct transcript {
	int fd;
	const char *name;
	enum transcript_style style;
	const struct vocab *vocab;
	struct text_buffer pending; /* what is not handed over yet */
	char held[UTF8_MAX]; /* the beginning of a character that the next piece may complete */
	size_t held_size;
	const char *on; /* the rendition at its end; NULL: plain */
	bool begun; /* there was a text */
	bool open; /* its last line has no newline yet */
};

struct transcript *transcript_new(int fd, const char *name, enum transcript_style style,
                                  const struct vocab *vocab, struct err *err)
{
	struct transcript *transcript = calloc(1, sizeof *transcript);

	if (!transcript) {
		err_set(err, "out of memory");
		return NULL;
	}
	transcript->fd = fd;
	transcript->name = name;
	transcript->style = style;
	transcript->vocab = vocab;
	return transcript;
}

static void turn(struct text_buffer *out, const char **on, const char *sgr)
{
	if (*on == sgr)
		return;
	if (*on)
		text_buffer_append_string(out, "\033[0m");
	if (sgr) {
		text_buffer_append_string(out, "\033[");
		text_buffer_append_string(out, sgr);
		text_buffer_append_string(out, "m");
	}
	*on = sgr;
}

static const char *color_of(double p)
{
	size_t i = 0;

	while (i < COLOURS - 1 && p >= scale[i].below)
		i++;
	return scale[i].sgr;
}

void transcript_legend(struct text_buffer *out)
{
	const char *on = NULL;

	text_buffer_append_string(out, "probability: ");
	for (size_t i = 0; i < COLOURS; i++) {
		if (i > 0)
			text_buffer_append_string(out, ", ");
		turn(out, &on, scale[i].sgr);
		text_buffer_append_string(out, scale[i].word);
		turn(out, &on, NULL);
	}
	text_buffer_append_string(out, "\n");
}

/* The character that bytes begin with, escaped. Returns its bytes. */
static size_t add_character(struct transcript *transcript, const char *bytes, size_t size,
                            const char *sgr)
{
	char text[ESCAPE_MAX];
	size_t taken;
	const size_t length = escape_next(ESCAPE_TEXT, bytes, size, &taken, text);

	transcript->open = *bytes != '\n';
	turn(&transcript->pending, &transcript->on, transcript->open ? sgr : NULL);
	text_buffer_append(&transcript->pending, text, length);
	return taken;
}

/* Add the first character of what is held. */
static void let_one_go(struct transcript *transcript, const char *sgr)
{
	const size_t taken = add_character(transcript, transcript->held, transcript->held_size, sgr);

	transcript->held_size -= taken;
	memmove(transcript->held, transcript->held + taken, transcript->held_size);
}

/* Add all that is held, which nothing completes. */
static void let_go(struct transcript *transcript, const char *sgr)
{
	while (transcript->held_size > 0)
		let_one_go(transcript, sgr);
}

/* Add a piece. A character may be in several: it is shown when it is whole. */
static void add_piece(struct transcript *transcript, struct piece piece, const char *sgr)
{
	for (size_t at = 0; at < piece.size;) {
		if (transcript->held_size == 0 && !utf8_incomplete(piece.bytes + at, piece.size - at)) {
			at += add_character(transcript, piece.bytes + at, piece.size - at, sgr);
			continue;
		}
		transcript->held[transcript->held_size++] = piece.bytes[at++];
		while (transcript->held_size > 0 &&
		       !utf8_incomplete(transcript->held, transcript->held_size))
			let_one_go(transcript, sgr);
	}
}

static int hand_over(struct transcript *transcript, struct err *err)
{
	struct text_buffer *pending = &transcript->pending;

	turn(pending, &transcript->on, NULL);
	if (pending->failed)
		return err_set(err, "%s: out of memory", transcript->name);
	if (file_write(transcript->fd, pending->text, pending->size) < 0)
		return err_set(err, "%s: cannot write: %s", transcript->name, strerror(errno));
	text_buffer_clear(pending);
	return 0;
}

int transcript_prompt(struct transcript *transcript, const uint16_t *tokens, uint32_t count,
                      struct err *err)
{
	const char *sgr = transcript->style == TRANSCRIPT_PLAIN ? NULL : DIM;

	if (transcript->begun)
		add_piece(transcript, newline, NULL);
	transcript->begun = true;
	for (uint32_t i = 0; i < count; i++)
		add_piece(transcript, vocab_piece(transcript->vocab, tokens[i]), sgr);
	let_go(transcript, sgr);
	return hand_over(transcript, err);
}

int transcript_steps(struct transcript *transcript, const struct generation_step *steps,
                     uint32_t count, struct err *err)
{
	bool color = transcript->style == TRANSCRIPT_P;

	for (uint32_t i = 0; i < count; i++)
		add_piece(transcript, steps[i].piece, color ? color_of(steps[i].p) : NULL);
	return hand_over(transcript, err);
}

int transcript_close(struct transcript *transcript, struct err *err)
{
	let_go(transcript, NULL);
	if (transcript->open)
		add_piece(transcript, newline, NULL);
	return hand_over(transcript, err);
}

int transcript_end(struct transcript *transcript, struct err *err)
{
	int result = 0;

	if (!transcript)
		return 0;
	if (file_settle(transcript->fd) < 0)
		result = err_set(err, "%s: cannot write: %s", transcript->name, strerror(errno));
	text_buffer_release(&transcript->pending);
	free(transcript);
	return result;
}
