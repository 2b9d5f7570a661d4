/* What kernels/cuda asks of CUDA's libraries, by fakes of those (fake.c) and the machine
 * of tests/shim: that products are asked for as the table has them, and that memory goes
 * where it should. Built where CUDA's headers are. */
#include "tests/tap.h"

#include "common/backend.h"
#include "kernels/cuda/cuda.h"
#include "tests/gpu/fake.h"
#include "tests/ref/check.h"
#include "tests/ref/network.h"

static void check_rows(const struct kernels *kernels, enum dtype dtype, const char *label)
{
	static const char *const rows[] = {
		"memory", "read_activations", "linear", "linear_backward", "linear_residual",
		"linear_residual_backward", "unembed", "unembed_backward", "set_columns", "muon", "norm2",
	};

	for (int row = 0; row < ops_rows(); row++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct ops_result result;
			if (strcmp(ops_row_name(row), rows[i]) != 0)
				continue;
			ops_check_row(kernels, dtype, row, &result);
			if (!ok(result.failed == 0, "%s: %s in %d cases", label, rows[i], result.cases))
				printf("# %d; the first: %s\n", result.failed, result.first);
		}
}

/* All products of a network's operations are asked for in the device's dtype. */
static void check_types(const struct kernels *kernels, enum dtype dtype)
{
	memset(fake_products, 0, sizeof fake_products);
	for (int row = 0; row < ops_rows(); row++) {
		struct ops_result result;
		if (strstr(ops_row_name(row), "linear") || strstr(ops_row_name(row), "unembed"))
			ops_check_row(kernels, dtype, row, &result);
	}
	for (enum dtype type = DTYPE_F32; type < DTYPES; type++)
		ok(type == dtype ? fake_products[type] > 100 : fake_products[type] == 0,
		   "%s: %d products of operands in %s", dtype_name(dtype), fake_products[type],
		   dtype_name(type));
}

/* What is known of a product in one dtype is not taken for another's: Muon's are float32. */
static void check_mixed(const struct kernels *kernels)
{
	struct err err = {0};
	struct device *dev = kernels->open(DTYPE_F16, &err);
	float *x = kernels->alloc(dev, 64 * sizeof *x), *y = kernels->alloc(dev, 64 * sizeof *y);
	bool made = true;

	kernels->zero(dev, x, 64 * sizeof *x);
	memset(fake_products, 0, sizeof fake_products);
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
		const struct product product = {
			.m = 8, .n = 8, .k = 8, .a = {x, DTYPE_F32, 8}, .b = {x, DTYPE_F32, 8}, .c = y,
		};
		made &= cuda_blas(dev, dtype, &product);
	}
	ok(made && fake_products[DTYPE_F32] == 1 && fake_products[DTYPE_F16] == 1 &&
	   fake_products[DTYPE_BF16] == 1, "one shape on one device, in each dtype");
	kernels->free(dev, x);
	kernels->free(dev, y);
	kernels->close(dev);
}

/* A P100, a T4, an A100: what each has. */
static void check_support(const struct kernels *kernels)
{
	static const bool has[3][DTYPES] = {
		{true, false, false}, {true, true, false}, {true, true, true},
	};

	for (fake_major = 6; fake_major <= 8; fake_major++)
		for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++) {
			struct err err = {0};
			struct device *dev = kernels->open(dtype, &err);
			ok(kernels->supports(dtype) == has[fake_major - 6][dtype] &&
			   (dev != NULL) == has[fake_major - 6][dtype],
			   "compute capability %d, %s: %s", fake_major, dtype_name(dtype),
			   dev ? "a device opens" : err.text);
			kernels->close(dev);
		}
	for (fake_major = 6; fake_major <= 8; fake_major++) {
		const enum dtype best = (enum dtype)(fake_major - 6);
		ok(backend_dtype(kernels) == best, "compute capability %d: --dtype auto is %s",
		   fake_major, dtype_name(best));
	}
	fake_major = 8;
}

int main(void)
{
	struct err err = {0};
	const struct kernels *kernels = kernels_cuda(sizeof *kernels, &err);

	ok(kernels != NULL, "there is a GPU, as it seems");
	ok(kernels_cuda(sizeof *kernels - 1, &err) == NULL && strstr(err.text, "another version"),
	   "another version's table is not taken: %s", err.text);
	check_rows(kernels, DTYPE_F32, "cuBLASLt, as asked");
	check_rows(kernels, DTYPE_F16, "cuBLASLt, as asked, f16");
	check_rows(kernels, DTYPE_BF16, "cuBLASLt, as asked, bf16");
	for (enum dtype dtype = DTYPE_F32; dtype < DTYPES; dtype++)
		check_types(kernels, dtype);
	check_mixed(kernels);
	check_support(kernels);
	network_check(kernels, kernels_find("cpu", &err), DTYPE_F16, 4, "network, f16", ok);
	network_check(kernels, kernels_find("cpu", &err), DTYPE_BF16, 4, "network, bf16", ok);
	return done();
}
