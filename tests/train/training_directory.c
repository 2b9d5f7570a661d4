/* training_directory.c - the directory of a run: made, locked, and cleaned of checkpoints. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/directory.h"
#include "common/train/training_directory.h"
#include "tests/tap.h"
#include "tests/train/folder.h"

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

	is_int(training_directory_open(&directory, place, true, &err), -1, "nothing to resume");
	ok(strstr(err.text, "/last: cannot go on from it: No such file") && !exists(""),
	   "  and nothing is made: %s", err.text);
	training_directory_release(&directory);
	err = (struct err){0};
	is_int(training_directory_open(&directory, place, false, &err), 0, "a new run makes its");
	ok(exists("last"), "  with last in it");
	ok(strstr(checkpoint(&directory, 20), "/run/step-000020") &&
	   strstr(checkpoint(&directory, 12345678), "/run/step-12345678"),
	   "  checkpoints: step-000020, step-12345678");
	remove_folder("step-000020");
	remove_folder("step-12345678");
	is_int(training_directory_open(&other, place, true, &err), -1, "a second run meanwhile");
	ok(strstr(err.text, "another gpt-train is training into it"), "  is told so");
	training_directory_release(&other);
	training_directory_release(&directory);
	err = (struct err){0};
	is_int(training_directory_open(&other, place, true, &err), 0, "  and later it goes on");
	training_directory_release(&other);
	is_int(training_directory_open(&other, "/dev/null/run", false, &err), -1,
	       "a place where there can be none");
	training_directory_release(&other);
}

static void test_clean(void)
{
	struct training_directory directory;
	struct err err = {0};

	make("step-000001");
	make("step-000002");
	make("step-0000003");
	make("step-00004"); /* too short, and the next two are no numbers */
	make("step-00000x");
	make("step-");
	training_directory_open(&directory, place, true, &err);
	is_int(training_directory_clean(&directory, -1, &err), 0, "a resume cleans");
	ok(exists("step-000001") && exists("step-000002"), "  nothing: the checkpoints are its own");
	training_directory_release(&directory);
	training_directory_open(&directory, place, false, &err);
	is_int(training_directory_clean(&directory, 2, &err), 0, "a new run cleans");
	ok(!exists("step-000001") && !exists("step-0000003"), "  the checkpoints of the run before");
	ok(exists("step-000002"), "  but not that which it has just made");
	ok(exists("step-00004") && exists("step-00000x") && exists("step-") && exists("last"),
	   "  nor what has other names");
	make("step-000005");
	is_int(training_directory_clean(&directory, -1, &err), 0, "it cleans once");
	ok(exists("step-000005") && exists("step-000002"), "  what stands there now is its own");
	training_directory_release(&directory);
}

int main(void)
{
	folder_make(folder);
	snprintf(place, sizeof place, "%s/run", folder);
	test_open();
	test_clean();
	folder_remove(folder);
	return done();
}
