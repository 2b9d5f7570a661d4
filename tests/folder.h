/* folder.h - a temporary folder, for tests that save. */
#ifndef MEMOSCOPE_TESTS_FOLDER_H
#define MEMOSCOPE_TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER_SIZE 96

/* Make one; folder becomes its path. */
__attribute__((unused))
static void folder_make(char folder[FOLDER_SIZE])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, FOLDER_SIZE, "%s/train.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL) {
		printf("Bail out! cannot make a folder\n");
		exit(1);
	}
}

static int folder_remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat, (void)type, (void)at;
	return remove(path);
}

/* Remove a folder with all that is in it, through no link. No shell reads its name. Returns -1 if
 * something is left. */
__attribute__((unused))
static int folder_remove(const char *folder)
{
	const int status = nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	if (status != 0)
		printf("# %s is left\n", folder);
	return status != 0 ? -1 : 0;
}

#endif
