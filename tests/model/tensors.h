/* tensors.h - a tensor of a network by its name, and tensors into a file, for tests that write
 * weights. */
#ifndef MEMOSCOPE_TESTS_TENSORS_H
#define MEMOSCOPE_TESTS_TENSORS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/model/gpt_parameters.h"
#include "common/model/safetensors.h"

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

/* Write a file of these tensors into a directory, or over one that is there; path names both.
 * metadata may be NULL. -1 with err set. */
__attribute__((unused)) static int write_tensors(const char *path,
                                                 const struct safetensor *tensors, int count,
                                                 const json_t *metadata, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct safetensors_image image;
	struct directory place;
	int result = -1;

	if (safetensors_image(&image, tensors, count, metadata, err) < 0)
		return -1;
	char *parent = strndup(path, (size_t)(slash - path));
	struct file_content file = {slash + 1, image.parts, image.count};
	if (directory_open(&place, parent, err) == 0) {
		result = file_replace_all(&place, &file, 1, err);
		directory_close(&place);
	}
	safetensors_image_release(&image);
	free(parent);
	return result;
}

#endif
