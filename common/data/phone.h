/* phone.h - the article's phone numbers. */
#ifndef MEMOSCOPE_PHONE_H
#define MEMOSCOPE_PHONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/rng.h"

#define PHONE_BYTES 12 /* "ddd-ddd-dddd" */

/* Draw a number by the article's rules. Position 0 is in 1-9; 1, 2, 6, 7 and 8 in 0-9; 3 and 4
 * in 0-8; 5 in 1-8 if 3 and 4 are both 0, else in 0-8; 9 in 0-9, but if 6, 7 and 8 agree, not
 * equal to them. */
void phone_draw(struct rng *rng, char text[PHONE_BYTES]);

/* Does a text of code points have the form of a number, "ddd-ddd-dddd"? */
bool phone_form(const uint32_t *codes, size_t length);

/* The information of a number that phone_draw() gave, in nats. */
double phone_nats(const char text[PHONE_BYTES]);

#endif
