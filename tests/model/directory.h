/* directory.h - a model directory in a folder of its own, for tests that save and load models.
 * main() begins with directory_begin() and ends with directory_end(). */
#ifndef MEMOSCOPE_TESTS_DIRECTORY_H
#define MEMOSCOPE_TESTS_DIRECTORY_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/rng.h"
#include "common/model/model.h"
#include "tests/folder.h"
#include "tests/model/shape.h"
#include "tests/tap.h"

#define UNUSED __attribute__((unused))

static char folder[64]; /* of this test */
static char directory[96]; /* the model in it */

UNUSED static const char *in_model(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

UNUSED static void put_bytes(const char *name, const char *data, size_t size)
{
	unlink(in_model(name)); /* some file systems sync what is written over */
	FILE *file = fopen(in_model(name), "w");
	fwrite(data, 1, size, file);
	fclose(file);
}

/* A file of testdata/bpe. */
UNUSED static void copy_bpe(const char *name)
{
	char path[64];
	struct err err = {0};
	size_t size;

	snprintf(path, sizeof path, "testdata/bpe/%s", name);
	char *data = file_read(path, 1 << 20, &size, &err);
	put_bytes(name, data, size);
	free(data);
}

UNUSED static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* ---- models ---- */

UNUSED static struct model make_inner(bool bias, float deviation, int inner)
{
	const char characters[] = "b\naé😀";
	struct model model = {.config = SHAPE(2, 2, 4, 5, 5, bias, inner)};
	size_t count = gpt_parameter_count(&model.config);
	struct err err = {0};
	struct rng rng;

	model.vocab = vocab_new(characters, sizeof characters - 1, &err);
	model.params = calloc(count, sizeof *model.params);
	model.about = json_pack("{s:[{s:s}], s:{s:i}}", "chain", "program", "phonegen", "training",
	                        "step", 7);
	rng_init(&rng, 3, RNG_TEST, bias);
	for (size_t i = 0; i < count; i++)
		model.params[i] = (float)(deviation * rng_normal(&rng));
	return model;
}

UNUSED static struct model make(bool bias, float deviation)
{
	return make_inner(bias, deviation, 0);
}

UNUSED static bool same_params(const struct model *a, const struct model *b)
{
	size_t count = gpt_parameter_count(&a->config);

	return count == gpt_parameter_count(&b->config) &&
	       memcmp(a->params, b->params, count * sizeof *a->params) == 0;
}

UNUSED static bool saved(const struct model *model)
{
	struct err err = {0};
	bool good = model_save(directory, model, &err) == 0;

	if (!good)
		printf("# %s\n", err.text);
	return good;
}

UNUSED static bool loaded(struct model *model)
{
	struct err err = {0};
	bool good = model_load(directory, model, &err) == 0;

	if (!good)
		printf("# %s\n", err.text);
	return good;
}

UNUSED static void refused(const char *text, const char *what)
{
	struct model model;
	struct err err = {0};
	int rc = model_load(directory, &model, &err);

	if (!ok(rc < 0 && err.status == ERR_DATA && strstr(err.text, text) &&
	        strstr(err.text, directory), "refused: %s", what))
		printf("# have \"%s\"\n# want \"… %s …\"\n", err.text, text);
	ok(model.vocab == NULL && model.params == NULL && model.about == NULL,
	   "nothing is left of it: %s", what);
}

/* Files in the directory, temporary ones among them. */
UNUSED static int files(void)
{
	DIR *dir = opendir(directory);
	int count = -2; /* . and .. */

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* ---- the folder ---- */

static void directory_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%.32s/memoscope.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		exit(1);
	snprintf(directory, sizeof directory, "%s/model", folder);
}

/* Remove it. Returns what main() returns. */
static int directory_end(void)
{
	return folder_remove(folder) != 0 || done();
}

#endif
