#include "kernels/kernels.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/base/object.h"
#include "kernels/cpu/cpu.h"

/* The entry of the object; size is that of the table, so that no other version's is
 * taken for ours. NULL with err set where there is no GPU. */
typedef const struct kernels *entry(size_t size, struct err *err);

bool kernels_gpu(void)
{
	char path[PATH_MAX];

	object_path("MEMOSCOPE_CUDA", "kernels-cuda.so", path);
	/* what the driver leaves in a machine, or in a Windows machine's Linux */
	return access(path, R_OK) == 0 &&
	       (access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0);
}

static const struct kernels *find_cuda(struct err *err)
{
	char path[PATH_MAX];
	const struct kernels *table = NULL;

	object_path("MEMOSCOPE_CUDA", "kernels-cuda.so", path);
	if (access(path, R_OK) < 0) {
		err_set(err, "there is no %s: this memoscope was built without CUDA", path);
		return NULL;
	}
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	entry *find = object ? (entry *)dlsym(object, "kernels_cuda") : NULL;
	if (!find)
		err_set(err, "%s cannot be used: %s", path, dlerror());
	else
		table = find(sizeof *table, err);
	return table; /* whose object stays open */
}

const struct kernels *kernels_find(const char *name, struct err *err)
{
	if (strcmp(name, "cpu") == 0)
		return kernels_cpu(err);
	if (strcmp(name, "cuda") == 0)
		return find_cuda(err);
	err_usage(err, "device '%s' is not known, expected cpu or cuda", name);
	return NULL;
}
