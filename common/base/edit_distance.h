/* edit_distance.h - how many characters of a text must be changed to get another one. */
#ifndef MEMOSCOPE_EDIT_DISTANCE_H
#define MEMOSCOPE_EDIT_DISTANCE_H

#include <stdint.h>

/* Levenshtein's distance (1966) of two texts of code points: the least number of insertions,
 * deletions and substitutions. It takes time a_length times b_length / 64. row is memory for
 * a_length numbers. */
uint32_t edit_distance(const uint32_t *a, uint32_t a_length, const uint32_t *b, uint32_t b_length,
                       uint32_t *row);

#endif
