#include "common/train/training_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/model/model.h"

static void checkpoint_name(int64_t step, char name[32])
{
	snprintf(name, 32, "step-%06" PRId64, step);
}

int training_directory_checkpoint(const struct training_directory *directory, int64_t step,
                                  struct directory *checkpoint, struct err *err)
{
	char name[32];

	checkpoint_name(step, name);
	return directory_open_in(checkpoint, &directory->top, name, false, err);
}

static bool is_run_file(const char *name)
{
	return model_has_file(name) || strcmp(name, MODEL_STATE) == 0;
}

/* Is it a directory, and no link to one? What a link leads to is not locked. */
static bool is_folder(const struct directory *directory, const char *name)
{
	struct stat status;

	return fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode);
}

/* ---- opening ---- */

/* Remove the temporary files of killed runs in DIR, in DIR/last and in the checkpoints. */
static int sweep_all(const struct training_directory *directory, struct err *err)
{
	const struct directory *top = &directory->top;
	const struct dirent *entry;
	struct directory checkpoint;
	int result = directory_sweep(top, is_run_file, err);

	if (result == 0)
		result = directory_sweep(&directory->last, is_run_file, err);
	DIR *entries = result == 0 ? directory_list(top, err) : NULL;
	if (!entries)
		return -1;
	while (result == 0 && (entry = readdir(entries))) {
		if (!model_is_checkpoint(entry->d_name) || !is_folder(top, entry->d_name))
			continue;
		result = directory_open_in(&checkpoint, top, entry->d_name, false, err);
		if (result == 0)
			result = directory_sweep(&checkpoint, is_run_file, err);
		directory_close(&checkpoint);
	}
	closedir(entries);
	return result;
}

static bool is_writable(const struct directory *directory)
{
	return faccessat(directory->fd, ".", W_OK | X_OK, 0) == 0;
}

static bool is_same(const struct directory *a, const struct directory *b)
{
	struct stat one, two;

	return fstat(a->fd, &one) == 0 && fstat(b->fd, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

/* Two runs that save into one directory would leave a mixture. */
static int open_all(struct training_directory *directory, const char *path, struct err *err)
{
	struct directory *top = &directory->top, *last = &directory->last;

	if (directory_open(top, path, err) < 0)
		return -1;
	if (model_directory_lock(top, &directory->above, "another gpt-train is training into it",
	                         err) < 0 ||
	    directory_open_in(last, top, "last", true, err) < 0)
		return -1;
	if (is_same(top, last))
		return err_set(err, "%s: it leads to %s, expected a directory of its own", last->path,
		               path);
	if (directory_lock(last, false, "another program is writing into it", err) < 0)
		return -1;
	if (!is_writable(top) || !is_writable(last))
		return err_set(err, "%s: cannot write: %s", path, strerror(errno));
	return sweep_all(directory, err);
}

int training_directory_open(struct training_directory *directory, const char *path, bool resume,
                            struct err *err)
{
	struct stat status;
	char *last;

	*directory = TRAINING_DIRECTORY_CLOSED;
	directory->own_checkpoints = resume;
	if (!resume)
		return directory_make(path, err) < 0 ? -1 : open_all(directory, path, err);
	if (asprintf(&last, "%s/last", path) < 0)
		return err_set(err, "out of memory");
	int result = stat(last, &status);
	if (result < 0)
		err_set(err, "%s: cannot go on from it: %s", last, strerror(errno));
	free(last);
	return result < 0 ? -1 : open_all(directory, path, err);
}

void training_directory_release(struct training_directory *directory)
{
	directory_close(&directory->top);
	directory_close(&directory->last);
	directory_close(&directory->above);
}

/* ---- while it is open ---- */

int training_directory_check(const struct training_directory *directory, struct err *err)
{
	if (directory_check(&directory->top, err) < 0)
		return -1;
	return directory_check(&directory->last, err);
}

bool training_directory_removed(const struct training_directory *directory)
{
	return directory_removed(&directory->top) || directory_removed(&directory->last);
}

/* Remove a checkpoint: the files of its model, and the directory if nothing else is in it. */
static int remove_checkpoint(const struct directory *top, const char *name, struct err *err)
{
	struct directory checkpoint;

	if (!is_folder(top, name))
		return 0;
	int result = directory_open_in(&checkpoint, top, name, false, err);
	if (result == 0)
		result = model_remove_files(&checkpoint, err);
	directory_close(&checkpoint);
	if (result == 0 && TEMP_FAILURE_RETRY(unlinkat(top->fd, name, AT_REMOVEDIR)) < 0 &&
	    errno != ENOTEMPTY && errno != EEXIST)
		result = err_set(err, "%s/%s: cannot remove: %s", top->path, name, strerror(errno));
	return result;
}

int training_directory_clean(struct training_directory *directory, int64_t keep,
                             struct err *err)
{
	const struct dirent *entry;
	char kept[32] = "";
	int result = 0;

	if (directory->own_checkpoints)
		return 0;
	DIR *entries = directory_list(&directory->top, err);
	if (!entries)
		return -1;
	if (keep >= 0)
		checkpoint_name(keep, kept);
	while (result == 0 && (entry = readdir(entries)))
		if (model_is_checkpoint(entry->d_name) && strcmp(entry->d_name, kept) != 0)
			result = remove_checkpoint(&directory->top, entry->d_name, err);
	closedir(entries);
	directory->own_checkpoints = result == 0;
	return result;
}
