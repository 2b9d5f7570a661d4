#include "common/train/training_directory.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/model/model.h"

/* A path in the directory, to free(). NULL with err set. */
static char *path_of(const struct training_directory *directory, const char *name,
                     struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory->path, name) >= 0)
		return path;
	err_set(err, "out of memory");
	return NULL;
}

static void checkpoint_name(int64_t step, char name[32])
{
	snprintf(name, 32, "step-%06" PRId64, step);
}

char *training_directory_last(const struct training_directory *directory, struct err *err)
{
	return path_of(directory, "last", err);
}

char *training_directory_checkpoint(const struct training_directory *directory, int64_t step,
                                    struct err *err)
{
	char name[32];

	checkpoint_name(step, name);
	return path_of(directory, name, err);
}

static bool is_checkpoint(const char *name)
{
	const size_t size = strlen(name);

	return strncmp(name, "step-", 5) == 0 && size >= 11 &&
	       strspn(name + 5, "0123456789") == size - 5;
}

static bool is_run_file(const char *name)
{
	return model_has_file(name) || strcmp(name, MODEL_STATE) == 0;
}

/* Remove the temporary files of killed runs in a folder of DIR. Links are left alone: what they
 * lead to is not locked. */
static int sweep(const struct training_directory *directory, const char *name, struct err *err)
{
	char *path = path_of(directory, name, err);
	struct stat status;
	int result = path ? 0 : -1;

	if (path && lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
		result = directory_sweep(path, is_run_file, err);
	free(path);
	return result;
}

static int sweep_all(const struct training_directory *directory, struct err *err)
{
	const struct dirent *entry;
	int result = directory_sweep(directory->path, is_run_file, err);
	DIR *entries = result == 0 ? directory_open(directory->path, err) : NULL;

	if (!entries)
		return -1;
	while (result == 0 && (entry = readdir(entries)))
		if (strcmp(entry->d_name, "last") == 0 || is_checkpoint(entry->d_name))
			result = sweep(directory, entry->d_name, err);
	closedir(entries);
	return result;
}

/* Two runs that save into one directory would leave a mixture. */
static int lock(struct training_directory *directory, struct err *err)
{
	directory->lock = directory_lock(directory->path, "another gpt-train is training into it",
	                                 err);
	return directory->lock < 0 ? -1 : sweep_all(directory, err);
}

int training_directory_open(struct training_directory *directory, const char *path, bool resume,
                            struct err *err)
{
	*directory = (struct training_directory){
		.path = path,
		.lock = -1,
		.own_checkpoints = resume,
	};
	char *last = training_directory_last(directory, err);
	int result = last ? 0 : -1;

	if (result == 0 && resume && access(last, F_OK) < 0)
		result = err_set(err, "%s: cannot go on from it: %s", last, strerror(errno));
	else if (result == 0)
		result = directory_make(last, err);
	if (result == 0 && (access(path, W_OK | X_OK) < 0 || access(last, W_OK | X_OK) < 0))
		result = err_set(err, "%s: cannot write: %s", path, strerror(errno));
	free(last);
	return result == 0 ? lock(directory, err) : -1;
}

void training_directory_release(struct training_directory *directory)
{
	if (directory->lock >= 0)
		file_close(directory->lock);
	*directory = (struct training_directory){.lock = -1};
}

int training_directory_clean(struct training_directory *directory, int64_t keep,
                             struct err *err)
{
	const struct dirent *entry;
	char kept[32] = "";
	int result = 0;

	if (directory->own_checkpoints)
		return 0;
	DIR *entries = directory_open(directory->path, err);
	if (!entries)
		return -1;
	if (keep >= 0)
		checkpoint_name(keep, kept);
	while (result == 0 && (entry = readdir(entries))) {
		if (!is_checkpoint(entry->d_name) || strcmp(entry->d_name, kept) == 0)
			continue;
		char *path = path_of(directory, entry->d_name, err);
		result = path ? model_remove(path, err) : -1;
		free(path);
	}
	closedir(entries);
	directory->own_checkpoints = result == 0;
	return result;
}
