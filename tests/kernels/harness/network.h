/* network.h - a small network over one table of kernels beside the same over another:
 * what rows of operations by themselves cannot show. */
#ifndef MEMOSCOPE_TESTS_NETWORK_H
#define MEMOSCOPE_TESTS_NETWORK_H

#include <stdbool.h>

#include "kernels/kernels.h"

/* Losses, logits, gradients, attention matrices, decoding, a training run of so many
 * steps, and a state that goes on from one table to the other; ok (of tap.h) is told. */
void network_check(const struct kernels *have, const struct kernels *want, enum dtype dtype,
                   int steps, const char *label, bool (*ok)(bool good, const char *format, ...));

#endif
