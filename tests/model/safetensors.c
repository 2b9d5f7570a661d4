/* Files of tensors: what is written is read back, and a file that lies is refused. */
#include "common/model/safetensors.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/model/tensors.h"
#include "tests/tap.h"

static char folder[64];
static char path[96];

/* A file: header size (-1: that of json), header, then bytes of data 0, 1, 2 … */
static void put(long long header_size, const char *json, size_t bytes)
{
	unlink(path); /* some file systems sync what is written over */
	FILE *file = fopen(path, "wb");
	uint64_t size = header_size < 0 ? strlen(json) : (uint64_t)header_size;

	fwrite(&size, sizeof size, 1, file);
	fputs(json, file);
	for (size_t i = 0; i < bytes; i++)
		putc((int)(i & 0x3f), file);
	fclose(file);
}

static void put_file(const char *bytes, size_t size)
{
	unlink(path);
	FILE *file = fopen(path, "wb");

	fwrite(bytes, 1, size, file);
	fclose(file);
}

/* The same, with spaces that let the data stand at a multiple of eight bytes. */
static void put_aligned(const char *json, size_t bytes)
{
	char padded[256];

	snprintf(padded, sizeof padded, "%s%*s", json, (int)(-strlen(json) & 7), "");
	put(-1, padded, bytes);
}

static void cut(off_t size)
{
	if (truncate(path, size) < 0)
		perror(path);
}

static void refused(const char *text, const char *what)
{
	struct err err = {0};
	struct safetensors *file = safetensors_open(path, &err);

	bool good = ok(file == NULL && err.status == ERR_DATA && strstr(err.text, text) &&
	               strstr(err.text, path) && !strchr(err.text, '\n'), "refused: %s", what);
	if (!good)
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, text);
	safetensors_close(file);
}

#define A(shape, begin, end) \
	"\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"
#define B(shape, begin, end) \
	"\"b\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

/* One lie each, in a header over 24 bytes of data. */
static const struct lie {
	const char *what, *json, *text;
} lies[] = {
	{"nothing but data", "{}", "tensors end at byte 0"},
	{"an offset past the end", "{" A("[6]", 0, 28) "}", "do not lie in the file's 24 bytes"},
	{"offsets the wrong way", "{" A("[6]", 24, 0) "}", "tensor \"a\": data_offsets 24 to 0"},
	{"a negative offset", "{" A("[6]", -4, 20) "}", "not two whole numbers"},
	{"an offset beyond 64 bits", "{" A("[6]", 0, 99999999999999999999) "}", "too big integer"},
	{"an offset near 64 bits", "{" A("[6]", 0, 9223372036854775807) "}", "do not lie"},
	{"a fraction", "{" A("[6]", 0, 24.0) "}", "not two whole numbers"},
	{"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[24]}}",
	 "not two whole numbers"},
	{"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[6]}}", "not two whole numbers"},
	{"a shape that is too small", "{" A("[5]", 0, 24) "}", "24 bytes of data, but its shape"},
	{"a shape that is too large", "{" A("[2,4]", 0, 24) "}", "its shape takes 32"},
	{"a shape that overflows", "{" A("[4611686018427387904,4]", 0, 0) "}",
	 "shape is too large"},
	{"a shape that overflows to 24", "{" A("[4611686018427387910]", 0, 24) "}",
	 "shape is too large"},
	{"a negative shape", "{" A("[-6]", 0, 24) "}", "no whole number"},
	{"a shape of nine", "{" A("[6,1,1,1,1,1,1,1,1]", 0, 24) "}", "at most 8"},
	{"a shape that is no array", "{" A("6", 0, 24) "}", "shape is not an array"},
	{"an overlap", "{" A("[4]", 0, 16) "," B("[3]", 12, 24) "}", "inside tensor \"a\""},
	{"the same bytes twice", "{" A("[6]", 0, 24) "," B("[6]", 0, 24) "}", "inside tensor"},
	{"a gap", "{" A("[2]", 0, 8) "," B("[3]", 12, 24) "}", "leaving a gap after byte 8"},
	{"a gap at the start", "{" A("[5]", 4, 24) "}", "leaving a gap after byte 0"},
	{"a gap at the end", "{" A("[5]", 0, 20) "}", "tensors end at byte 20"},
	{"an unknown dtype", "{\"a\":{\"dtype\":\"BF17\",\"shape\":[12],\"data_offsets\":[0,24]}}",
	 "dtype is BF17, which is not known"},
	{"a shape of another dtype",
	 "{\"a\":{\"dtype\":\"BF16\",\"shape\":[6],\"data_offsets\":[0,24]}}",
	 "24 bytes of data, but its shape takes 12"},
	{"a shape that overflows after a zero",
	 "{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807,2],\"data_offsets\":[0,24]}}",
	 "shape is too large"},
	{"no dtype", "{\"a\":{\"shape\":[12],\"data_offsets\":[0,24]}}", "dtype is missing"},
	{"a tensor that is no object", "{\"a\":[0,24]}", "\"a\" is no JSON object"},
	{"a name twice", "{" A("[3]", 0, 12) "," A("[3]", 12, 24) "}", "duplicate"},
	{"a name twice, spelled otherwise",
	 "{" A("[3]", 0, 12) ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":"
	 "[12,24]}}", "duplicate"},
	{"a newline in a name", "{\"a\\nb\":{}}", "\"a\\nb\""},
	{"metadata that is no object", "{\"__metadata__\":1," A("[6]", 0, 24) "}", "__metadata__"},
	{"metadata that is no string", "{\"__metadata__\":{\"x\":1}," A("[6]", 0, 24) "}",
	 "\"x\" is no string"},
	{"an array", "[]", "no JSON object"},
	{"a space first", " {}", "no JSON object"},
	{"broken JSON", "{\"a\":", "header, byte"},
	{"two values", "{} {}", "end of file expected"},
	{"bytes that are not UTF-8", "{\"\xff\":{}}", "header, byte"},
};

static void test_lies(void)
{
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		put(-1, lies[i].json, 24);
		refused(lies[i].text, lies[i].what);
	}
}

static void test_header_size(void)
{
	char deep[20000];

	put(17, "{}      ", 8);
	refused("header of 17 bytes in a file of 24", "a header one byte too long");
	put((long long)(UINT64_MAX >> 1), "{}", 0);
	refused("header of 9223372036854775807 bytes", "a huge header");
	put(-1, "{}", 0);
	cut(9);
	refused("header of 2 bytes in a file of 9", "a file cut in its header");
	cut(7);
	refused("7 bytes: too short", "a file cut in its header's size");
	cut(0);
	refused("0 bytes: too short", "an empty file");
	put(1, "{", 0);
	refused("no JSON object", "a header of one byte");
	put(5 << 20, "{}", 6 << 20);
	refused("expected at most 4194304", "a header of 5 MiB");
	memset(deep, '[', sizeof deep - 1);
	deep[sizeof deep - 1] = 0;
	memcpy(deep, "{\"a\":", 5);
	put(-1, deep, 0);
	refused("maximum parsing depth", "a header nested 20,000 deep");

	unlink(path);
	refused("cannot open: No such file", "a file that is not there");
	mkdir(path, 0777);
	refused("not a regular file", "a directory");
	rmdir(path);
	mkfifo(path, 0666);
	refused("not a regular file", "a FIFO");
	unlink(path);
}

/* Every prefix of a good file is refused. */
static void test_prefixes(void)
{
	struct err err = {0};
	float a[3] = {1, 2, 3};
	struct safetensor tensor = {"a", 1, {3}, a};
	struct stat status;
	int opened = 0;

	write_tensors(path, &tensor, 1, NULL, &err);
	stat(path, &status);
	for (off_t size = status.st_size - 1; size >= 0; size--) {
		struct err found = {0};
		cut(size);
		struct safetensors *file = safetensors_open(path, &found);
		opened += file != NULL || found.text[0] == 0;
		safetensors_close(file);
	}
	ok(status.st_size > 64 && opened == 0, "every prefix is refused");
}

/* A flipped bit is refused, or it leaves tensors whose data can be read. */
static void test_flipped_bits(void)
{
	char json[] = "{\"__metadata__\":{\"format\":\"pt\"}," A("[2,2]", 0, 16) ","
	              B("[2]", 16, 24) "}";
	size_t shapes[][2] = {{2, 2}, {2, 0}}, bits = 8 * (sizeof json - 1);
	int refusals = 0, good = 0;
	float sum = 0; /* of all that was read: sanitizers see where it lay */

	for (size_t bit = 0; bit < bits; bit++) {
		struct err err = {0};
		json[bit / 8] ^= (char)(1 << bit % 8);
		put(sizeof json - 1, json, 24);
		json[bit / 8] ^= (char)(1 << bit % 8);
		struct safetensors *file = safetensors_open(path, &err);
		refusals += file == NULL && err.status == ERR_DATA;
		good += file != NULL && err.status == ERR_NONE;
		for (size_t i = 0; file && i < safetensors_count(file); i++) {
			const char *name = safetensors_tensor(file, i)->name;
			for (int dims = 1; dims <= 2; dims++) {
				const size_t *shape = shapes[2 - dims];
				const float *data = safetensors_find(file, name, dims, shape, &err);
				for (int k = 0; data && k < 2 * dims; k++)
					sum += data[k];
			}
		}
		safetensors_close(file);
	}
	ok(refusals > 300 && good > 0 && refusals + good == (int)bits,
	   "a flipped bit in the header: %d refused, %d harmless (sum %g)", refusals, good,
	   (double)sum);
}

static void test_round_trip(void)
{
	struct err err = {0};
	float a[6] = {1, -2, 3.5f, 4, INFINITY, 6}, b[3] = {7, 8, 9};
	struct safetensor tensors[] = {{"second", 2, {2, 3}, a}, {"first \"é\"", 1, {3}, b}};
	size_t shape_a[] = {2, 3}, shape_b[] = {3}, turned[] = {3, 2};
	json_t *metadata = json_pack("{s:s}", "format", "pt");

	ok(write_tensors(path, tensors, 2, metadata, &err) == 0, "write");
	json_decref(metadata);
	struct safetensors *file = safetensors_open(path, &err);
	if (!ok(file != NULL, "open")) {
		printf("# %s\n", err.text);
		return;
	}
	is_int((long long)safetensors_count(file), 2, "how many");
	is_string(safetensors_tensor(file, 0)->name, "first \"é\"", "names are sorted");
	is_string(safetensors_metadata(file, "format"), "pt", "metadata");
	ok(safetensors_metadata(file, "other") == NULL, "metadata that are not there");
	const float *data = safetensors_find(file, "second", 2, shape_a, &err);
	ok(data && memcmp(data, a, sizeof a) == 0, "a matrix comes back");
	ok((uintptr_t)data % 64 == 0, "the data stand at a multiple of 64 bytes");
	data = safetensors_find(file, "first \"é\"", 1, shape_b, &err);
	ok(data && memcmp(data, b, sizeof b) == 0, "a vector comes back");

	ok(!safetensors_find(file, "second", 2, turned, &err) &&
	   strstr(err.text, "tensor \"second\" has shape [2, 3], expected [3, 2]"),
	   "a matrix of another shape");
	err = (struct err){0};
	ok(!safetensors_find(file, "second", 1, shape_b, &err) &&
	   strstr(err.text, "expected [3]"), "a matrix asked for as a vector");
	err = (struct err){0};
	ok(!safetensors_find(file, "third", 1, shape_b, &err) &&
	   strstr(err.text, "tensor \"third\" is missing"), "a tensor that is not there");
	safetensors_close(file);
}

/* Files that we write carry a checksum; it need not be there. */
static void test_checksum(void)
{
	struct err err = {0};
	float a[2] = {1, 2};
	struct safetensor tensor = {"a", 1, {2}, a};
	json_t *metadata = json_pack("{s:s}", "seed", "1");
	char first[17] = "";
	size_t size;

	for (int i = 0; i < 2; i++) {
		write_tensors(path, &tensor, 1, i ? metadata : NULL, &err);
		struct safetensors *file = safetensors_open(path, &err);
		const char *sum = file ? safetensors_metadata(file, "xxh3") : NULL;
		ok(sum && strlen(sum) == 16 && strcmp(sum, first) != 0, "a checksum, %s metadata",
		   i ? "of" : "without");
		snprintf(first, sizeof first, "%s", sum ? sum : "");
		safetensors_close(file);
	}
	json_decref(metadata);
	char *bytes = file_read(path, 1 << 20, &size, &err), *seed = memmem(bytes, size, "\"1\"", 3);
	seed[1] = '2';
	put_file(bytes, size);
	refused("it was changed or damaged after it was written", "other metadata");
	seed[1] = '1';
	bytes[size - 1] ^= 1;
	put_file(bytes, size);
	refused("it was changed or damaged after it was written", "other data");
	memcpy(memmem(bytes, size, "xxh3", 4), "xxh0", 4);
	put_file(bytes, size);
	struct safetensors *file = safetensors_open(path, &err);
	ok(file != NULL, "without a checksum they are taken");
	safetensors_close(file);
	free(bytes);
}

/* Other writers order, align and shape as they like. */
static void test_foreign(void)
{
	struct err err = {0};
	size_t shape[] = {2};
	float want[2];
	unsigned char bytes[8] = {16, 17, 18, 19, 20, 21, 22, 23};

	put_aligned("{" B("[2]", 16, 24) "," A("[2,2]", 0, 16) ",\"c\":{\"dtype\":\"F32\",\"x\":1,"
	            "\"shape\":[0,3],\"data_offsets\":[24,24]}}", 24);
	memcpy(want, bytes, sizeof want);
	struct safetensors *file = safetensors_open(path, &err);
	const float *data = file ? safetensors_find(file, "b", 1, shape, &err) : NULL;
	ok(data && memcmp(data, want, sizeof want) == 0, "tensors in another order, one empty");
	safetensors_close(file);

	int good = 0;
	for (int pad = 0; pad < 8; pad++) {
		char json[128];
		snprintf(json, sizeof json, "{" A("[2,2]", 0, 16) "," B("[2]", 16, 24) "}%*s", pad,
		         "");
		put(-1, json, 24);
		file = safetensors_open(path, &err);
		const struct stored_tensor *tensor = file ? safetensors_named(file, "b") : NULL;
		float have[2] = {0};
		if (tensor)
			stored_widen(tensor->dtype, safetensors_data(file, tensor), 2, have);
		good += memcmp(have, want, sizeof want) == 0;
		struct err none = {0};
		good += !!safetensors_find(file, "b", 1, shape, &none) == (strlen(json) % 4 == 0);
		safetensors_close(file);
	}
	is_int(good, 16, "data that do not stand aligned in the file");

	put(-1, "{\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]},"
	    "\"m\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[4,7]},"
	    "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[7,11]}}", 11);
	file = safetensors_open(path, &err);
	ok(file && safetensors_named(file, "b")->dtype == STORED_BF16 &&
	   safetensors_named(file, "m")->dtype == STORED_BOOL &&
	   memcmp(safetensors_data(file, safetensors_named(file, "b")), "\7\10\11\12", 4) == 0,
	   "tensors of several types");
	struct err wrong = {0};
	ok(file && !safetensors_find(file, "b", 1, shape, &wrong) &&
	   strstr(wrong.text, "dtype is BF16"), "bfloat16 is not given as float32");
	safetensors_close(file);
	put_aligned("{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4);
	file = safetensors_open(path, &err);
	ok(file && safetensors_find(file, "s", 0, NULL, &err), "a scalar");
	safetensors_close(file);
	put(-1, "{}", 0);
	file = safetensors_open(path, &err);
	ok(file && safetensors_count(file) == 0, "no tensors");
	safetensors_close(file);
}

/* A write that fails leaves what stood there. */
static void test_failing_write(void)
{
	static float big[65536];
	struct err err = {0};
	float a[3] = {1, 2, 3};
	struct safetensor small = {"a", 1, {3}, a}, large = {"a", 1, {65536}, big};
	struct rlimit limit, tight;
	size_t shape[] = {3};
	char gone[128];

	write_tensors(path, &small, 1, NULL, &err);
	getrlimit(RLIMIT_FSIZE, &limit);
	tight = limit;
	tight.rlim_cur = 4096;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &tight);
	int rc = write_tensors(path, &large, 1, NULL, &err);
	setrlimit(RLIMIT_FSIZE, &limit);
	ok(rc < 0 && strstr(err.text, path) && strstr(err.text, "cannot write: File too large"),
	   "a disk that is full");
	err = (struct err){0};
	struct safetensors *file = safetensors_open(path, &err);
	const float *data = file ? safetensors_find(file, "a", 1, shape, &err) : NULL;
	ok(data && memcmp(data, a, sizeof a) == 0, "the old file is whole");
	safetensors_close(file);
	unlink(path);
	ok(rmdir(folder) == 0, "no temporary file is left");
	mkdir(folder, 0777);

	snprintf(gone, sizeof gone, "%s/none/x.safetensors", folder);
	err = (struct err){0};
	ok(write_tensors(gone, &small, 1, NULL, &err) < 0 &&
	   strstr(err.text, "none: cannot open: No such file"), "a folder that is not there");
	err = (struct err){0};
	ok(write_tensors("/dev/null/x", &small, 1, NULL, &err) < 0 &&
	   strstr(err.text, "Not a directory"), "a folder that is none");
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%.32s/memoscope.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/x.safetensors", folder);
	test_lies();
	test_header_size();
	test_prefixes();
	test_flipped_bits();
	test_round_trip();
	test_checksum();
	test_foreign();
	test_failing_write();
	unlink(path);
	rmdir(folder);
	return done();
}
