#include "common/model/backend.h"

#include "common/base/err.h"
#include "common/base/progress.h"
#include "common/base/threads.h"
#include "common/model/gpt_parameters.h"

/* A network of fewer parameters runs on the CPU by default: a GPU takes longer to begin its
 * operations than they last. The number is a guess, until it is measured. */
#define GPU_PARAMETERS_MIN 500000

const struct kernels *backend_find(enum backend backend, const struct gpt_config *config,
                                   bool quiet, struct err *err)
{
	struct progress progress = {.quiet = quiet};
	const struct kernels *cuda;
	struct err why = {0};

	if (backend == BACKEND_CUDA) {
		if (!(cuda = kernels_find("cuda", &why)))
			err_set(err, "--device cuda: %s", why.text);
		return cuda;
	}
	if (backend == BACKEND_CPU || !kernels_gpu())
		return kernels_find("cpu", err);
	if (gpt_parameter_count(config) < GPU_PARAMETERS_MIN) {
		progress_say(&progress, "on the CPU: the network is too small for a GPU to be of use; "
		             "--device cuda takes it all the same");
		return kernels_find("cpu", err);
	}
	if ((cuda = kernels_find("cuda", &why))) {
		progress_say(&progress, "on the GPU; --device cpu takes the CPU");
		return cuda;
	}
	progress_say(&progress, "on the CPU: %s", why.text);
	return kernels_find("cpu", err);
}

const struct kernels *backend_choose(enum backend backend, const struct gpt_config *config,
                                     bool quiet)
{
	struct err err = {0};
	const struct kernels *kernels = backend_find(backend, config, quiet, &err);

	if (!kernels)
		err_exit(&err);
	return kernels;
}

int backend_share(const struct kernels *kernels, int number, int processes,
                  char identity[BACKEND_IDENTITY], struct err *err)
{
	*identity = '\0';
	if (processes == 1 || !kernels->choose)
		return 0;
	if (kernels->choose(number, err) < 0)
		return -1;
	kernels->identity(identity, BACKEND_IDENTITY);
	return 0;
}

int backend_threads(const struct kernels *kernels, int asked, int most, bool quiet)
{
	struct progress progress = {.quiet = quiet};

	if (kernels->single)
		return 1;
	const int processors = threads_processors();
	if (asked > processors)
		progress_say(&progress, "--threads %d: more than the %d processor%s that this program may "
		             "use, which is slower than --threads %d", asked, processors,
		             processors == 1 ? "" : "s", processors);
	if (asked > 0)
		return asked;
	return processors < most ? processors : most;
}

int backend_dtype_find(const struct kernels *kernels, int dtype, enum dtype *found,
                       struct err *err)
{
	enum dtype best = DTYPES - 1;

	while (!kernels->supports(best)) /* float32 they all do */
		best--;
	*found = dtype == DTYPE_AUTO ? best : (enum dtype)dtype;
	if (kernels->supports(*found))
		return 0;
	return err_usage(err, "--dtype: this %s has no %s matrix products, expected f32%s%s",
	                 kernels->single ? "GPU" : "processor", dtype_name(*found),
	                 best == DTYPE_F32 ? "" : " or ", best == DTYPE_F32 ? "" : dtype_name(best));
}

enum dtype backend_dtype(const struct kernels *kernels, int dtype)
{
	enum dtype found;
	struct err err = {0};

	if (backend_dtype_find(kernels, dtype, &found, &err) < 0)
		err_exit(&err);
	return found;
}
