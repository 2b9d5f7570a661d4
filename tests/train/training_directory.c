/* training_directory.c - the directory of a run: made, locked, and cleared of an earlier run. */
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/directory.h"
#include "common/train/training_directory.h"
#include "tests/tap.h"
#include "tests/folder.h"

static char folder[FOLDER_SIZE], place[FOLDER_SIZE + 16];

static bool exists(const char *name)
{
	char path[FOLDER_SIZE + 64];

	snprintf(path, sizeof path, "%s/%s", place, name);
	return access(path, F_OK) == 0;
}

static void make(const char *name)
{
	char path[FOLDER_SIZE + 64];
	struct err err = {0};

	snprintf(path, sizeof path, "%s/%s", place, name);
	if (directory_make(path, &err) < 0)
		printf("# %s\n", err.text);
}

static void remove_folder(const char *name)
{
	char path[FOLDER_SIZE + 64];

	snprintf(path, sizeof path, "%s/%s", place, name);
	if (rmdir(path) < 0)
		printf("# %s cannot be removed\n", path);
}

/* The path of a checkpoint that is made. */
static const char *checkpoint(const struct training_directory *directory, int64_t step)
{
	static char path[FOLDER_SIZE + 64];
	struct directory made;
	struct err err = {0};

	if (training_directory_checkpoint(directory, step, &made, &err) < 0)
		return "";
	snprintf(path, sizeof path, "%s", made.path);
	directory_close(&made);
	return path;
}

static void test_open(void)
{
	struct training_directory directory, other;
	struct err err = {0};

	is_int(training_directory_open(&directory, place, TRAINING_RESUME, &err), -1,
	       "nothing to resume");
	ok(strstr(err.text, "/last: cannot go on from it: there is no such directory") && !exists(""),
	   "  and nothing is made: %s", err.text);
	training_directory_release(&directory);
	err = (struct err){0};
	is_int(training_directory_open(&directory, place, TRAINING_NEW, &err), 0,
	       "a new run makes its");
	ok(exists("last"), "  with last in it");
	ok(strstr(checkpoint(&directory, 20), "/run/step-000020") &&
	   strstr(checkpoint(&directory, 12345678), "/run/step-12345678"),
	   "  checkpoints: step-000020, step-12345678");
	remove_folder("step-000020");
	remove_folder("step-12345678");
	is_int(training_directory_open(&other, place, TRAINING_RESUME, &err), -1,
	       "a second run meanwhile");
	ok(strstr(err.text, "another gpt-train is training into it"), "  is told so");
	training_directory_release(&other);
	training_directory_release(&directory);
	err = (struct err){0};
	is_int(training_directory_open(&other, place, TRAINING_RESUME, &err), 0,
	       "  and later it goes on");
	training_directory_release(&other);
	is_int(training_directory_open(&other, "/dev/null/run", TRAINING_NEW, &err), -1,
	       "a place where there can be none");
	training_directory_release(&other);
}

static void touch(const char *name)
{
	char path[FOLDER_SIZE + 64];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", place, name);
	file = fopen(path, "w");
	if (!file || fclose(file) != 0)
		printf("# %s cannot be made\n", path);
}

/* What is found of a run where only this file is. */
static const char *find_with(const char *name)
{
	static char found[TRAINING_FOUND];
	char path[FOLDER_SIZE + 64];
	struct err err = {0};

	touch(name);
	if (training_directory_find(place, found, &err) < 0)
		printf("# %s\n", err.text);
	snprintf(path, sizeof path, "%s/%s", place, name);
	unlink(path);
	return found;
}

static void test_find(void)
{
	make("last");
	make("step-000001");
	make("step-1");
	is_string(find_with("notes"), "", "notes are nothing of a run, nor are empty folders");
	is_string(find_with("step-1/config.json"), "", "nor is what a folder of another name holds");
	is_string(find_with("model.safetensors.12.tmp"), "", "nor is a temporary file");
	is_string(find_with("vocab.json"), "vocab.json", "a file of a model is");
	is_string(find_with("last/training.safetensors"), "last/training.safetensors", "a state is");
	is_string(find_with("step-000001/config.json"), "step-000001/config.json",
	          "a checkpoint is");
	remove_folder("step-000001");
	remove_folder("step-1");
}

static void test_overwrite(void)
{
	struct training_directory directory;
	struct err err = {0};

	make("step-000001");
	make("step-0000003");
	make("step-00004"); /* too short, and the next two are no numbers */
	make("step-00000x");
	make("step-");
	touch("step-000001/config.json");
	touch("last/training.safetensors");
	touch("last/config.json");
	touch("config.json");
	is_int(training_directory_open(&directory, place, TRAINING_NEW, &err), -1,
	       "a new run where one was");
	ok(strstr(err.text, "run: it holds last/") != NULL, "  is refused: %s", err.text);
	training_directory_release(&directory);
	err = (struct err){0};
	training_directory_open(&directory, place, TRAINING_RESUME, &err);
	is_int(training_directory_clear(&directory, &err), 0, "a resume clears");
	ok(exists("step-000001") && exists("config.json") && exists("last/training.safetensors"),
	   "  nothing");
	training_directory_release(&directory);
	is_int(training_directory_open(&directory, place, TRAINING_OVERWRITE, &err), 0,
	       "one that overwrites it");
	ok(!exists("last/training.safetensors"), "  removes its state at once");
	ok(exists("last/config.json") && exists("config.json") && exists("step-000001/config.json"),
	   "  but no model");
	is_int(training_directory_clear(&directory, &err), 0, "before it saves");
	ok(!exists("step-000001") && !exists("step-0000003") && !exists("last/config.json") &&
	   !exists("config.json"), "  it removes the models, too");
	ok(exists("step-00004") && exists("step-00000x") && exists("step-") && exists("last"),
	   "  but nothing that has other names");
	touch("config.json");
	is_int(training_directory_clear(&directory, &err), 0, "that is done once");
	ok(exists("config.json"), "  what stands there now is its own");
	training_directory_release(&directory);
}

int main(void)
{
	folder_make(folder);
	snprintf(place, sizeof place, "%s/run", folder);
	test_open();
	test_find();
	test_overwrite();
	folder_remove(folder);
	return done();
}
