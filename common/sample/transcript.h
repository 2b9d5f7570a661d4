/* transcript.h - texts that a model writes, for people: the prompt, then each character
 * as it comes, one text after the other with an empty line between them.
 *
 * Control characters other than newlines and tabs are shown, as \x1b, and never do what
 * they would. What has a style - a prompt is dim, a character may have the colour of its
 * probability - ends it before the line or the hand-over ends: whenever the program is
 * stopped, a terminal is as it was.
 */
#ifndef MEMOSCOPE_TRANSCRIPT_H
#define MEMOSCOPE_TRANSCRIPT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/text_buffer.h"
#include "common/stream/generation.h"
#include "common/stream/vocab.h"

enum transcript_style {
	TRANSCRIPT_PLAIN, /* no escape sequences */
	TRANSCRIPT_DIM, /* the prompt is dim */
	TRANSCRIPT_P, /* and what the model wrote has the colours of its probabilities */
};

/* Append to out what the colours mean: a line of text in these colours. */
void transcript_legend(struct text_buffer *out);

struct transcript; /* own: transcript_new … transcript_end */

/* To fd, which stays the caller's; name, for messages, and vocab must live as long. NULL
 * with err set. */
struct transcript *transcript_new(int fd, const char *name, enum transcript_style style,
                                  const struct vocab *vocab, struct err *err);

/* All that is given to these is handed to the descriptor before they return; -1 with err
 * set where it takes no more. A text: its prompt, */
int transcript_prompt(struct transcript *transcript, const uint16_t *tokens, uint32_t count,
                      struct err *err);
/* what the model wrote after that, as often as something came, */
int transcript_steps(struct transcript *transcript, const struct generation_step *steps,
                     uint32_t count, struct err *err);
/* and its end: a newline, where the text has none there. */
int transcript_close(struct transcript *transcript, struct err *err);

/* No text comes any more. The transcript is freed, whatever comes back. NULL is allowed. */
int transcript_end(struct transcript *transcript, struct err *err);

#endif
