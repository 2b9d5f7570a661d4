/* folder.h - a temporary folder, for tests that save. */
#ifndef MEMOSCOPE_TESTS_FOLDER_H
#define MEMOSCOPE_TESTS_FOLDER_H

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

__attribute__((unused))
static void folder_remove(const char *folder)
{
	char command[FOLDER_SIZE + 16];

	snprintf(command, sizeof command, "rm -r '%s'", folder);
	if (system(command) != 0)
		printf("# %s is left\n", folder);
}

#endif
