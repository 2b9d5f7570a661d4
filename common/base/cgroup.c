#include "common/base/cgroup.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/options.h"

/* The first line of a file in a folder; "" if there is none. */
static void read_line(const char *folder, const char *name, char *line, int size)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(line, size, file))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* The limit of one group: quota and period are microseconds of processor time and of time. */
static double limit_of(const char *folder, bool second)
{
	char quota[64], period[64], *rest = quota;
	struct err none = {0}; /* "max" and -1 are no limit */
	double time, of;

	if (second) {
		read_line(folder, "cpu.max", quota, sizeof quota);
		strsep(&rest, " ");
		snprintf(period, sizeof period, "%s", rest ? rest : "");
	} else {
		read_line(folder, "cpu.cfs_quota_us", quota, sizeof quota);
		read_line(folder, "cpu.cfs_period_us", period, sizeof period);
	}
	if (option_real("quota", quota, 0, 1e18, &time, &none) < 0 ||
	    option_real("period", period, 1, 1e18, &of, &none) < 0)
		return INFINITY;
	return time / of;
}

/* The least limit of the group at path, below mount, and of all groups around it. In a container
 * the path may be that of the machine outside, whose folders are not here; then the root of the
 * mount is the container's own group. path is overwritten. */
static double least_limit(const char *mount, char *path, bool second)
{
	char folder[PATH_MAX];
	double least = INFINITY;

	for (;;) {
		if (snprintf(folder, sizeof folder, "%s%s", mount, path) < (int)sizeof folder)
			least = fmin(least, limit_of(folder, second));
		char *slash = strrchr(path, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Does a list of controllers, "cpu,cpuacct", have "cpu"? */
static bool has_cpu(const char *controllers)
{
	for (const char *word = controllers; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (strncmp(word, "cpu", 3) == 0 && (word[3] == ',' || word[3] == '\0'))
			return true;
	}
	return false;
}

double cgroup_processors(const char *groups, const char *root)
{
	double least = INFINITY;
	char line[PATH_MAX + 256], mount[PATH_MAX];
	FILE *file = fopen(groups, "re");

	while (file && fgets(line, sizeof line, file)) { /* ID:CONTROLLERS:PATH */
		char *rest = line;
		strsep(&rest, ":");
		const char *controllers = strsep(&rest, ":");
		if (!rest)
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		const bool second = *controllers == '\0';
		if (!second && !has_cpu(controllers))
			continue;
		snprintf(mount, sizeof mount, "%s%s", root, second ? "" : "/cpu");
		least = fmin(least, least_limit(mount, rest, second));
	}
	if (file)
		fclose(file);
	return least;
}
