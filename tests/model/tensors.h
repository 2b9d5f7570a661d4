/* tensors.h - a tensor of a network by its name, for tests that write weights. */
#ifndef MEMOSCOPE_TESTS_TENSORS_H
#define MEMOSCOPE_TESTS_TENSORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/gpt.h"

/* Where in params the tensor named by format and layer begins; there must be one. */
__attribute__((unused)) static float *tensor_at(const struct gpt_config *config, float *params,
                                                const char *format, int layer)
{
	const int count = gpt_tensor_count(config);
	struct gpt_tensor *tensors = calloc((size_t)count, sizeof *tensors);
	char name[GPT_TENSOR_NAME];
	float *found = NULL;

	if (!tensors)
		abort();
	snprintf(name, sizeof name, format, layer);
	gpt_tensors(config, tensors);
	for (int i = 0; i < count; i++)
		if (strcmp(tensors[i].name, name) == 0)
			found = params + tensors[i].offset;
	free(tensors);
	if (!found)
		abort();
	return found;
}

#endif
