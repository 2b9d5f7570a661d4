/* Numbers of 16 bits become float32 exactly: all 65536 of each type, by the formula of the type. */
#include "common/model/stored_tensor.h"

#include "tests/tap.h"

/* sign, exponent of `bits` bits, mantissa of `mantissa` bits: IEEE 754, section 3.4 */
static double value(unsigned half, int bits, int mantissa)
{
	const int exponent = (int)(half >> mantissa & ((1u << bits) - 1)), bias = (1 << (bits - 1)) - 1;
	const double fraction = (double)(half & ((1u << mantissa) - 1)) / (1 << mantissa);
	const double sign = half >> 15 ? -1 : 1;

	if (exponent == (1 << bits) - 1)
		return fraction > 0 ? NAN : sign * INFINITY;
	if (exponent == 0)
		return sign * ldexp(fraction, 1 - bias);
	return sign * ldexp(1 + fraction, exponent - bias);
}

static void test_all(enum stored_dtype dtype, int bits, int mantissa)
{
	int wrong = 0;

	for (unsigned half = 0; half < 65536; half++) {
		unsigned char bytes[3] = {0, (unsigned char)half, (unsigned char)(half >> 8)};
		float have;
		stored_widen(dtype, bytes + 1, 1, &have); /* at an odd address */
		const double want = value(half, bits, mantissa);
		wrong += isnan(want) ? !isnan(have)
		                     : (double)have != want || !signbit(have) != !signbit(want);
	}
	is_int(wrong, 0, stored_dtype_name(dtype));
}

static void test_many(void)
{
	const unsigned char bytes[] = {0, 0x3c, 0, 0xc0, 0, 0x7c, 1, 0};
	float have[5] = {0, 0, 0, 0, 7};

	stored_widen(STORED_F16, bytes, 4, have);
	ok(have[0] == 1 && have[1] == -2 && isinf(have[2]) && have[3] == 0x1p-24f && have[4] == 7,
	   "numbers one after the other");
	stored_widen(STORED_F32, "\0\0\0\0\200\77", 1, have); /* its bytes 0 to 3 */
	ok(have[0] == 0, "float32");
	ok(stored_dtype_widens(STORED_BF16) && !stored_dtype_widens(STORED_F64) &&
	   !stored_dtype_widens(STORED_BOOL), "types that would be rounded");
	ok(stored_dtype_named("BF16") == STORED_BF16 && stored_dtype_named("F64") == STORED_F64 &&
	   stored_dtype_named("bf16") == STORED_DTYPES, "types by name");
}

static void test_count(void)
{
	const struct {
		struct stored_tensor tensor;
		long long want;
		const char *what;
	} rows[] = {
		{{.dims = 0}, 1, "a scalar"},
		{{.dims = 2, .shape = {3, 4}}, 12, "a matrix"},
		{{.dims = 3, .shape = {1u << 31, 1u << 31, 1}}, 1ll << 62, "2^62"},
		{{.dims = 3, .shape = {1u << 31, 1u << 31, 2}}, -1, "2^63"},
		{{.dims = 3, .shape = {SIZE_MAX, SIZE_MAX, 0}}, 0, "none"},
		{{.dims = 1, .shape = {SIZE_MAX}}, -1, "2^64 - 1"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		is_int(stored_tensor_count(&rows[i].tensor), rows[i].want, rows[i].what);
}

int main(void)
{
	test_all(STORED_F16, 5, 10);
	test_all(STORED_BF16, 8, 7);
	test_many();
	test_count();
	return done();
}
