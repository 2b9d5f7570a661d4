/* trial.h - one call of an operation on trial: its buffers, what they must
 * hold afterwards, and the comparer.
 *
 * A case makes buffers, fills their values, sends them to the device, calls
 * the operation on their addresses (at) and the reference on their doubles
 * (value to read, want to write), and is judged: outputs within their bound,
 * inputs untouched to the bit, guard zones around every buffer untouched.
 * Buffers stand aligned to 64 bytes, or off by some elements, or with nothing
 * behind them (an address sanitizer sees reads past the end), case by case.
 * Guards and outputs before the call are NaN: what leaks, shows.
 *
 * A buffer's elements are float32, or what the device's activations are: values are
 * rounded to that when they are sent, so that device and reference work on the same.
 */
#ifndef MEMOSCOPE_TESTS_TRIAL_H
#define MEMOSCOPE_TESTS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "kernels/kernels.h"

#define TRIAL_BUFFERS 12
#define TRIAL_FAILED 3 /* an exit status: not what a crash gives, nor a sanitizer */

/* |result - want| <= relative * max(|want|, floor) (+ slack, see below); floor 0: the root
 * mean square of the whole of want. In float32 the result is what stands in the buffer; in
 * 16 bits that is the nearest number to such a result, which is rounded but once. What
 * stands there must be finite. */
struct bound {
	double relative, floor;
};

struct buffer {
	const char *name;
	size_t count;
	enum dtype type; /* of its elements */
	void *at; /* on the device; NULL until sent */
	double *value; /* [count] before the call; rounded to type when sent */
	double *want; /* [count] after it, starts as value; NULL: stays as it is */
	int32_t *index; /* [count] of an integer buffer, whose value is NULL */
	struct bound bound;
	/* private: see trial_other, trial_slack, trial_operand */
	double *other, *slack, *operand; /* [count] or NULL */
	unsigned char *image; /* [lead + count + tail] elements, the bits that were sent */
	unsigned char *memory;
	size_t lead, tail;
};

struct trial {
	const struct kernels *kernels;
	struct device *dev;
	enum dtype dtype, activations; /* the device's */
	struct rng rng;
	bool stop; /* at the first failure the process is over, with status TRIAL_FAILED */
	int cases, failed;
	char first[480]; /* the first failure: case, buffer, index, have, want */
	/* the case in hand */
	char what[200];
	bool bad;
	struct buffer buffer[TRIAL_BUFFERS];
	int used;
};

/* Begin a case, named by its sizes. */
void trial_case(struct trial *trial, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Buffers of the case, float32: normal values of deviation sigma that the call only
 * reads; NaN that it overwrites; normal values that it adds to or works on in
 * place; integers that it only reads. They live until trial_judge(). */
struct buffer *trial_input(struct trial *trial, const char *name, size_t count, double sigma);
struct buffer *trial_output(struct trial *trial, const char *name, size_t count,
                            struct bound bound);
struct buffer *trial_sum(struct trial *trial, const char *name, size_t count,
                         struct bound bound);
struct buffer *trial_indices(struct trial *trial, const char *name, size_t count, int below);

/* The same of activations. */
struct buffer *trial_activation_input(struct trial *trial, const char *name, size_t count,
                                      double sigma);
struct buffer *trial_activation_output(struct trial *trial, const char *name, size_t count,
                                       struct bound bound);
struct buffer *trial_activation_sum(struct trial *trial, const char *name, size_t count,
                                    struct bound bound);

/* b's values as numbers of dtype, now: for a reference that is needed before they are sent. */
void trial_round(struct buffer *b, enum dtype dtype);

/* Upload everything. Between this and trial_judge() the operation is called. */
void trial_send(struct trial *trial);

/* After that: the values of an input as a product reads them, rounded to the device's
 * dtype. */
const double *trial_operand(const struct trial *trial, struct buffer *b);

/* A second result that is as good as want, starting as value too: the whole buffer must be
 * the one or the other. */
double *trial_other(struct buffer *b);

/* By how much each element may be off beside its bound, zeros at first. */
double *trial_slack(struct buffer *b);

/* Sends what was sent once more. */
void trial_resend(struct trial *trial, struct buffer *b);

/* Download everything, compare, free. */
void trial_judge(struct trial *trial);

/* The case fails unless good; the first failure is kept. */
void trial_expect(struct trial *trial, bool good, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* count floats of the device, or activations as floats, to free(). */
float *trial_read(struct trial *trial, const void *at, size_t count);
float *trial_read_activations(struct trial *trial, const void *at, size_t count);

/* Element i of elements of type from at on. */
static inline void *element(void *at, enum dtype type, size_t i)
{
	return (char *)at + i * dtype_size(type);
}

/* NULL stays NULL: an optional buffer's address, values and wanted values. */
static inline void *at_of(const struct buffer *b)
{
	return b ? b->at : NULL;
}

static inline double *value_of(const struct buffer *b)
{
	return b ? b->value : NULL;
}

static inline double *want_of(const struct buffer *b)
{
	return b ? b->want : NULL;
}

#endif
