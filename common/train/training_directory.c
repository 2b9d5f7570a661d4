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

#define BUSY "another gpt-train is training into it"

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

static bool is_link(const struct directory *directory, const char *name)
{
	struct stat status;

	return fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(status.st_mode);
}

/* ---- what is there ---- */

/* If there is a file of a run, found becomes its name, behind prefix. */
static void find_file(const struct directory *directory, const char *prefix,
                      char found[TRAINING_FOUND])
{
	const bool state = faccessat(directory->fd, MODEL_STATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	const char *name = state ? MODEL_STATE : model_find_file(directory);

	if (name)
		snprintf(found, TRAINING_FOUND, "%.31s%.31s", prefix, name);
}

/* The same in a folder of DIR. One that is not there has none. */
static int find_in_folder(const struct directory *top, const char *name,
                          char found[TRAINING_FOUND], struct err *err)
{
	struct directory folder;
	struct stat status;
	char prefix[32];

	if (fstatat(top->fd, name, &status, 0) < 0 || !S_ISDIR(status.st_mode))
		return 0;
	snprintf(prefix, sizeof prefix, "%.30s/", name);
	int result = directory_open_in(&folder, top, name, true, err);
	if (result == 0)
		find_file(&folder, prefix, found);
	directory_close(&folder);
	return result;
}

/* A link is one in any case: what it leads to would be taken for a checkpoint of the run. */
static int find_checkpoint(const struct directory *top, char found[TRAINING_FOUND],
                           struct err *err)
{
	DIR *entries = directory_list(top, err);
	const struct dirent *entry;
	int result = 0;

	if (!entries)
		return -1;
	while (result == 0 && !*found && (entry = readdir(entries))) {
		if (!model_is_checkpoint(entry->d_name))
			continue;
		if (is_link(top, entry->d_name))
			snprintf(found, TRAINING_FOUND, "%.63s", entry->d_name);
		else
			result = find_in_folder(top, entry->d_name, found, err);
	}
	closedir(entries);
	return result;
}

static int find_any(const struct directory *top, char found[TRAINING_FOUND], struct err *err)
{
	*found = '\0';
	if (find_in_folder(top, "last", found, err) < 0)
		return -1;
	if (!*found)
		find_file(top, "", found);
	return *found ? 0 : find_checkpoint(top, found, err);
}

int training_directory_find(const char *path, char found[TRAINING_FOUND], struct err *err)
{
	struct directory top;
	struct stat status;

	*found = '\0';
	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return 0; /* if none can be made, training_directory_open() says so */
	if (directory_open(&top, path, err) < 0)
		return -1;
	int result = find_any(&top, found, err);
	if (result == 0 && *found)
		result = directory_lock(&top, false, BUSY, err);
	directory_close(&top);
	return result;
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
	if (model_directory_lock(top, &directory->above, BUSY, err) < 0 ||
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

/* Is there a run to go on with? */
static int check_last(const char *path, struct err *err)
{
	struct stat status;
	char *last;

	if (asprintf(&last, "%s/last", path) < 0)
		return err_set(err, "out of memory");
	int result = stat(last, &status);
	if (result < 0)
		err_set(err, "%s: cannot go on from it: %s", last, errno != ENOENT ? strerror(errno) :
		        "there is no such directory, so no run has saved anything; begin it again");
	free(last);
	return result;
}

/* Between a look at the directory and its lock, another run may have been there. */
static int check_new(const struct training_directory *directory, struct err *err)
{
	char found[TRAINING_FOUND];

	if (find_any(&directory->top, found, err) < 0)
		return -1;
	if (!*found)
		return 0;
	return err_set(err, "%s: it holds %s of another run", directory->top.path, found);
}

/* On the disk before the new run makes its first step. */
static int remove_state(const struct directory *directory, struct err *err)
{
	if (directory_unlink(directory, MODEL_STATE, err) < 0)
		return -1;
	return directory_sync(directory, err);
}

static int begin_in(struct training_directory *directory, enum training_begin begin,
                    struct err *err)
{
	if (begin == TRAINING_RESUME)
		return 0;
	if (begin == TRAINING_NEW)
		return check_new(directory, err);
	directory->overwrite = true;
	if (remove_state(&directory->last, err) < 0)
		return -1;
	return remove_state(&directory->top, err); /* DIR may be the last of another run */
}

int training_directory_open(struct training_directory *directory, const char *path,
                            enum training_begin begin, struct err *err)
{
	*directory = TRAINING_DIRECTORY_CLOSED;
	if (begin == TRAINING_RESUME ? check_last(path, err) < 0 : directory_make(path, err) < 0)
		return -1;
	return open_all(directory, path, err) < 0 ? -1 : begin_in(directory, begin, err);
}

int training_directory_name(struct training_directory *directory, const char *path,
                            struct err *err)
{
	*directory = TRAINING_DIRECTORY_CLOSED;
	if (asprintf(&directory->last.path, "%s/last", path) >= 0)
		return 0;
	directory->last.path = NULL;
	return err_set(err, "out of memory");
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

/* ---- what an earlier run left ---- */

/* Remove the files of a checkpoint's model, and the directory if nothing else is in it; of a link,
 * the link itself. */
static int remove_checkpoint(const struct directory *top, const char *name, struct err *err)
{
	struct directory checkpoint;

	if (is_link(top, name))
		return directory_unlink(top, name, err);
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

static int remove_checkpoints(const struct directory *top, struct err *err)
{
	DIR *entries = directory_list(top, err);
	const struct dirent *entry;
	int result = 0;

	if (!entries)
		return -1;
	while (result == 0 && (entry = readdir(entries)))
		if (model_is_checkpoint(entry->d_name))
			result = remove_checkpoint(top, entry->d_name, err);
	closedir(entries);
	return result;
}

int training_directory_clear(struct training_directory *directory, struct err *err)
{
	if (!directory->overwrite)
		return 0;
	if (remove_checkpoints(&directory->top, err) < 0 ||
	    model_remove_files(&directory->last, err) < 0 ||
	    model_remove_files(&directory->top, err) < 0)
		return -1;
	directory->overwrite = false;
	return 0;
}
