#include "common/base/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void object_path(const char *variable, const char *name, char path[PATH_MAX])
{
	/* the last one is also what is said where neither has it */
	static const char *const places[] = {"../lib/memoscope/", ""};
	const char *given = getenv(variable);
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 64);

	if (given && *given) {
		snprintf(path, PATH_MAX, "%s", given);
		return;
	}
	while (length > 0 && program[length - 1] != '/')
		length--;
	for (int i = 0; i < 2; i++) {
		snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, program, places[i], name);
		if (access(path, R_OK) == 0)
			return;
	}
}
