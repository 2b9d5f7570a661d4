/* How much scratch a network's operations ask for, known before the first of them. */
#include "kernels/cuda/cuda.h"

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Columns of the widest linear layer: q, k and v, or the feed-forward part. */
static size_t widest(const struct sizes *s)
{
	return larger(3 * (size_t)s->width, (size_t)s->inner);
}

/* Bytes of SCRATCH_ROWS: the most that one of those who use it asks for. */
static size_t for_rows(const struct device *dev, const struct sizes *s)
{
	const size_t n = (size_t)s->rows, c = (size_t)s->width, v = (size_t)s->vocab;
	const size_t halves = dev->dtype == DTYPE_F32 ? 0 : n * cuda_pitch(larger(c, v));
	const size_t rounded = halves * sizeof(uint16_t);
	const size_t delta = n * (size_t)s->heads * sizeof(float);
	const size_t sums = cuda_sums_bytes(s->rows, s->width, (int)widest(s));
	/* two of [c,inner] or [c,c], and two squares */
	const size_t muon = 2 * (c * larger(c, (size_t)s->inner) + c * c) * sizeof(float);

	return larger(larger(rounded, delta), larger(sums, muon));
}

/* Of SCRATCH_OPERANDS: nothing but weights is rounded there, and only where cuda_weights()
 * has no copy of them; and a bias may have to be moved there. */
static size_t for_operands(const struct device *dev, const struct sizes *s)
{
	const size_t c = (size_t)s->width, v = (size_t)s->vocab, wide = widest(s);
	const size_t bias = cuda_pitch(wide) * sizeof(float);

	if (dev->dtype == DTYPE_F32)
		return bias;
	return larger(c * cuda_pitch(wide), v * cuda_pitch(c)) * sizeof(uint16_t) + 256 + bias;
}

static size_t for_weights(const struct device *dev, const struct sizes *s)
{
	return dev->dtype == DTYPE_F32 ? 0 : cuda_pitch(s->parameters) * sizeof(uint16_t);
}

bool cuda_reserve(struct device *dev, const struct sizes *sizes, size_t *bytes)
{
	const size_t wanted[SCRATCHES] = {
		[SCRATCH_OPERANDS] = for_operands(dev, sizes),
		[SCRATCH_ROWS] = for_rows(dev, sizes),
		[SCRATCH_WEIGHTS] = for_weights(dev, sizes),
	};
	bool had = true;

	*bytes = 0;
	for (int i = 0; i < SCRATCHES; i++) {
		*bytes += wanted[i];
		had = had && cuda_take_scratch(dev, (enum scratch)i, wanted[i]);
	}
	return had;
}
