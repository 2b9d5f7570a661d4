#include "kernels/kernels.h"

#include <string.h>

#include "kernels/cpu/cpu.h"

const struct kernels *kernels_find(const char *name, struct err *err)
{
	if (strcmp(name, "cpu") == 0)
		return kernels_cpu();
	err_usage(err, "device '%s' is not known, expected cpu", name);
	return NULL;
}
