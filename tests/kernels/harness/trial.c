#include "tests/kernels/harness/trial.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/kernels/harness/ref.h"

#define GUARD 0x7fc0deadu /* a NaN as a float, far out of range as an index */
#define GUARD_HALF 0x7fad /* a NaN in either type of 16 bits */
#define ALIGNMENT 64 /* of alloc() */
#define TAIL 40

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void trial_case(struct trial *trial, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trial->what, sizeof trial->what, format, args);
	va_end(args);
	trial->bad = false;
	trial->cases++;
}

void trial_expect(struct trial *trial, bool good, const char *format, ...)
{
	va_list args;
	char text[240];

	if (good)
		return;
	if (trial->stop)
		_exit(TRIAL_FAILED);
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (trial->failed == 0)
		snprintf(trial->first, sizeof trial->first, "%s: %s", trial->what, text);
	if (!trial->bad)
		trial->failed++;
	trial->bad = true;
}

/* Where a buffer starts, and how much stands behind it: another way from case to case,
 * whatever the cases take turns in. In 16 bits odd starts are odd, or as far as a vector of
 * eight. */
static void place(const struct trial *trial, struct buffer *b)
{
	const int way = (trial->cases + trial->cases / 3) % 3;
	const size_t odd = 1 + trial->used * 5 % 15; /* another one for each buffer */

	b->lead = ALIGNMENT / dtype_size(b->type);
	b->tail = way == 2 ? 0 : TAIL;
	if (way == 1 && b->type != DTYPE_F32 && trial->cases % 2)
		b->lead += 8 * (1 + trial->used % 3);
	else if (way == 1)
		b->lead += odd;
}

static struct buffer *new_buffer(struct trial *trial, const char *name, enum dtype type,
                                 size_t count)
{
	struct buffer *b = &trial->buffer[trial->used];

	if (trial->used == TRIAL_BUFFERS)
		abort();
	memset(b, 0, sizeof *b);
	b->name = name;
	b->type = type;
	b->count = count;
	place(trial, b);
	trial->used++;
	return b;
}

static struct buffer *new_input(struct trial *trial, const char *name, enum dtype type,
                                size_t count, double sigma)
{
	struct buffer *b = new_buffer(trial, name, type, count);

	b->value = must(malloc((count + 1) * sizeof *b->value));
	for (size_t i = 0; i < count; i++)
		b->value[i] = sigma * rng_normal(&trial->rng);
	return b;
}

static struct buffer *new_sum(struct trial *trial, const char *name, enum dtype type,
                              size_t count, struct bound bound)
{
	struct buffer *b = new_input(trial, name, type, count, 1);

	b->want = must(malloc((count + 1) * sizeof *b->want));
	b->bound = bound;
	return b;
}

static struct buffer *new_output(struct trial *trial, const char *name, enum dtype type,
                                 size_t count, struct bound bound)
{
	struct buffer *b = new_sum(trial, name, type, count, bound);

	for (size_t i = 0; i < count; i++)
		b->value[i] = NAN;
	return b;
}

struct buffer *trial_input(struct trial *trial, const char *name, size_t count, double sigma)
{
	return new_input(trial, name, DTYPE_F32, count, sigma);
}

struct buffer *trial_sum(struct trial *trial, const char *name, size_t count, struct bound bound)
{
	return new_sum(trial, name, DTYPE_F32, count, bound);
}

struct buffer *trial_output(struct trial *trial, const char *name, size_t count,
                            struct bound bound)
{
	return new_output(trial, name, DTYPE_F32, count, bound);
}

struct buffer *trial_activation_input(struct trial *trial, const char *name, size_t count,
                                      double sigma)
{
	return new_input(trial, name, trial->activations, count, sigma);
}

struct buffer *trial_activation_sum(struct trial *trial, const char *name, size_t count,
                                    struct bound bound)
{
	return new_sum(trial, name, trial->activations, count, bound);
}

struct buffer *trial_activation_output(struct trial *trial, const char *name, size_t count,
                                       struct bound bound)
{
	return new_output(trial, name, trial->activations, count, bound);
}

struct buffer *trial_indices(struct trial *trial, const char *name, size_t count, int below)
{
	struct buffer *b = new_buffer(trial, name, DTYPE_F32, count);

	b->index = must(malloc((count + 1) * sizeof *b->index));
	for (size_t i = 0; i < count; i++)
		b->index[i] = (int32_t)rng_below(&trial->rng, below);
	return b;
}

static double rounded(enum dtype dtype, double x)
{
	return dtype == DTYPE_F32 ? (double)(float)x : ref_round(dtype, x);
}

void trial_round(struct buffer *b, enum dtype dtype)
{
	for (size_t i = 0; i < b->count; i++)
		b->value[i] = rounded(dtype, b->value[i]);
}

static void fill_guards(struct buffer *b, size_t total)
{
	const uint32_t word = GUARD;
	const uint16_t half = GUARD_HALF;

	for (size_t i = 0; i < total; i++)
		memcpy(element(b->image, b->type, i), b->type == DTYPE_F32 ? (const void *)&word : &half,
		       dtype_size(b->type));
}

static void fill_values(struct buffer *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const float word = (float)b->value[i];
		const uint16_t half = b->type == DTYPE_F32 ? 0 : ref_bits(b->type, b->value[i]);
		memcpy(element(b->image, b->type, b->lead + i),
		       b->type == DTYPE_F32 ? (const void *)&word : &half, dtype_size(b->type));
	}
}

/* Bytes of the buffer with its guards. */
static size_t bytes_of(const struct buffer *b)
{
	return (b->lead + b->count + b->tail) * dtype_size(b->type);
}

static void send(struct trial *trial, struct buffer *b)
{
	b->image = must(malloc(bytes_of(b)));
	fill_guards(b, b->lead + b->count + b->tail);
	if (b->value) {
		trial_round(b, b->type);
		fill_values(b);
	}
	if (b->index)
		memcpy(element(b->image, b->type, b->lead), b->index, b->count * sizeof *b->index);
	if (b->want)
		memcpy(b->want, b->value, b->count * sizeof *b->want);
	b->memory = must(trial->kernels->alloc(trial->dev, bytes_of(b)));
	b->at = element(b->memory, b->type, b->lead);
	trial_resend(trial, b);
}

void trial_resend(struct trial *trial, struct buffer *b)
{
	trial->kernels->upload(trial->dev, b->memory, b->image, bytes_of(b));
}

void trial_send(struct trial *trial)
{
	for (int i = 0; i < trial->used; i++)
		send(trial, &trial->buffer[i]);
}

const double *trial_operand(const struct trial *trial, struct buffer *b)
{
	if (trial->dtype == DTYPE_F32)
		return b->value;
	if (b->operand)
		return b->operand;
	b->operand = must(malloc((b->count + 1) * sizeof *b->operand));
	for (size_t i = 0; i < b->count; i++)
		b->operand[i] = ref_round(trial->dtype, b->value[i]);
	return b->operand;
}

double *trial_other(struct buffer *b)
{
	b->other = must(malloc((b->count + 1) * sizeof *b->other));
	memcpy(b->other, b->value, b->count * sizeof *b->other);
	return b->other;
}

double *trial_slack(struct buffer *b)
{
	b->slack = must(calloc(b->count + 1, sizeof *b->slack));
	return b->slack;
}

static double have_of(const struct buffer *b, const unsigned char *after, size_t i)
{
	float word;
	uint16_t half;

	after += (b->lead + i) * dtype_size(b->type);
	if (b->type == DTYPE_F32) {
		memcpy(&word, after, sizeof word);
		return word;
	}
	memcpy(&half, after, sizeof half);
	return ref_value(b->type, half);
}

/* Rounding keeps the order of numbers: what lies between two rounds to between these. */
static bool within(const struct buffer *b, double have, double want, double limit)
{
	if (!isfinite(have) || fabs(have - want) <= limit || b->type == DTYPE_F32)
		return isfinite(have) && fabs(have - want) <= limit;
	return have >= ref_round(b->type, want - limit) && have <= ref_round(b->type, want + limit);
}

/* How many elements of b are as want has them, up to the first that is not. */
static size_t agreeing(const struct buffer *b, const unsigned char *after, const double *want,
                       double *limit)
{
	double floor = b->bound.floor;

	if (floor == 0) {
		for (size_t i = 0; i < b->count; i++)
			floor += want[i] * want[i] / b->count;
		floor = sqrt(floor);
	}
	for (size_t i = 0; i < b->count; i++) {
		*limit = b->bound.relative * fmax(fabs(want[i]), floor) + (b->slack ? b->slack[i] : 0);
		if (!within(b, have_of(b, after, i), want[i], *limit))
			return i;
	}
	return b->count;
}

static void compare(struct trial *trial, const struct buffer *b, const unsigned char *after)
{
	double limit = 0, unused;
	const size_t i = agreeing(b, after, b->want, &limit);

	if (i == b->count || (b->other && agreeing(b, after, b->other, &unused) == b->count))
		return;
	trial_expect(trial, false, "%s[%zu] of %zu: have %.9g, want %.9g within %.2g", b->name, i,
	             b->count, have_of(b, after, i), b->want[i], limit);
}

static void judge(struct trial *trial, struct buffer *b)
{
	const size_t total = b->lead + b->count + b->tail, size = dtype_size(b->type);
	unsigned char *after = must(malloc(total * size));

	trial->kernels->download(trial->dev, after, b->memory, total * size);
	for (size_t i = 0; i < total; i++) {
		bool inside = i >= b->lead && i < b->lead + b->count;
		if (memcmp(after + i * size, b->image + i * size, size) == 0 || (inside && b->want))
			continue;
		trial_expect(trial, false, "%s[%lld] of %zu: written, though %s", b->name,
		             (long long)i - (long long)b->lead, b->count,
		             inside ? "only read" : "outside the buffer");
		break;
	}
	if (b->want)
		compare(trial, b, after);
	free(after);
	trial->kernels->free(trial->dev, b->memory);
	free(b->image);
	free(b->value);
	free(b->want);
	free(b->other);
	free(b->slack);
	free(b->operand);
	free(b->index);
}

void trial_judge(struct trial *trial)
{
	for (int i = 0; i < trial->used; i++)
		judge(trial, &trial->buffer[i]);
	trial->used = 0;
}

float *trial_read(struct trial *trial, const void *at, size_t count)
{
	float *host = must(malloc((count + 1) * sizeof *host));

	trial->kernels->download(trial->dev, host, at, count * sizeof *host);
	return host;
}

float *trial_read_activations(struct trial *trial, const void *at, size_t count)
{
	float *host = must(malloc((count + 1) * sizeof *host));

	trial->kernels->read_activations(trial->dev, host, at, count);
	return host;
}
