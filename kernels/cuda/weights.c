/* Weights as products read them: rounded copies in scratch. */
#include "kernels/cuda/cuda.h"

void cuda_weights(struct device *dev, const float *weights, size_t count)
{
	if (dev->dtype == DTYPE_F32 || dev->row_invariant)
		return;
	const size_t room = cuda_pitch(count);
	uint16_t *to = cuda_scratch(dev, SCRATCH_WEIGHTS, room * sizeof *to);
	cuda_round(dev, dev->dtype, to, weights, 1, (int)count, (int)room);
	dev->weights = weights;
	dev->weight_count = count;
}

const uint16_t *cuda_rounded_weights(const struct device *dev, enum dtype dtype, const float *x)
{
	if (dtype != dev->dtype || !dev->weights || x < dev->weights ||
	    x >= dev->weights + dev->weight_count)
		return NULL;
	return (const uint16_t *)dev->scratch[SCRATCH_WEIGHTS] + (x - dev->weights);
}

void cuda_written(struct device *dev, const void *x, size_t bytes)
{
	const char *at = x, *weights = (const char *)dev->weights;

	if (weights && at < weights + dev->weight_count * sizeof *dev->weights &&
	    at + bytes > weights)
		dev->weights = NULL;
}
