/* quantise.h - a row of attention in a byte a number.
 *
 * The numbers of a row become seats of a parliament, by the largest-remainder method (Hamilton's):
 * of S seats each number p gets floor(p S), and the largest remainders get one more, until all S
 * are given. A reader who divides each byte by the sum of the bytes has a row that sums to exactly
 * 1, and each number differs from p by less than 1 / S. Nothing but the bytes is kept.
 *
 *   S = 255 / (the row's largest number), rounded down, from 255 to 4080
 *
 * so that the largest number fits a byte, and a row that is spread over many tokens is finer.
 */
#ifndef MEMOSCOPE_QUANTISE_H
#define MEMOSCOPE_QUANTISE_H

#include <stddef.h>

#define QUANTISE_SEATS_MIN 255
#define QUANTISE_SEATS_MAX 4080

/* Quantise count numbers, which are at least 0 and have a sum above 0; they count as shares of that
 * sum. Returns the largest difference |p - byte / sum of the bytes|; 0 if count is 0. */
double quantise_row(const float *p, size_t count, unsigned char *bytes);

#endif
