/* cgroup.c - limits of control groups, read from trees of files as Linux has them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cgroup.h"
#include "tests/tap.h"

static char root[] = "/tmp/memoscope.XXXXXX";

/* A file below root, and the folders above it. */
static void put(const char *path, const char *text)
{
	char whole[256];

	snprintf(whole, sizeof whole, "%s/%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(whole, 0777);
		*at = '/';
	}
	FILE *file = fopen(whole, "w");
	if (!file || fputs(text, file) == EOF || fclose(file) != 0)
		ok(false, "writing %s", whole);
}

/* The limit of a process whose groups are these. */
static double of(const char *groups)
{
	char path[256];

	put("groups", groups);
	snprintf(path, sizeof path, "%s/groups", root);
	return cgroup_processors(path, root);
}

int main(void)
{
	if (!ok(mkdtemp(root) != NULL, "a temporary folder"))
		return done();
	ok(isinf(of("0::/job/step\n")), "no groups: no limit");
	put("job/step/cpu.max", "max 100000\n");
	ok(isinf(of("0::/job/step\n")), "version 2, \"max\": no limit");
	put("job/step/cpu.max", "150000 100000\n");
	ok(of("0::/job/step\n") == 1.5, "one and a half processors");
	ok(isinf(of("0::/other\n")), "of this group only");
	put("job/cpu.max", "50000 100000\n");
	ok(of("0::/job/step\n") == 0.5, "the group around it has less");
	put("cpu.max", "20000 100000\n");
	ok(of("0::/docker/0123\n") == 0.2, "a container sees its own group as the root");
	ok(of("0::/\n") == 0.2, "so with a namespace of its own");
	put("cpu/batch/cpu.cfs_quota_us", "-1\n");
	put("cpu/batch/cpu.cfs_period_us", "100000\n");
	ok(isinf(of("3:cpuset:/batch\n2:cpu,cpuacct:/batch\n")), "version 1, -1: no limit");
	put("cpu/batch/cpu.cfs_quota_us", "300000\n");
	ok(of("3:cpuset:/batch\n2:cpu,cpuacct:/batch\n") == 3, "three processors");
	ok(of("2:cpuacct,cpu:/batch\n") == 3, "in any order of the controllers");
	ok(isinf(of("2:cpuacct,cpuset:/batch\n")), "another controller has no such limit");
	ok(isinf(of("nonsense\n\n:\n")), "lines of another form");
	ok(isinf(cgroup_processors("/nowhere", root)), "no such file");
	char command[300];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command) == 0 ? done() : 1;
}
