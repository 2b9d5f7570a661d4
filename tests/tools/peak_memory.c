/* peak_memory COMMAND [ARGUMENT...] - run a command and print on stderr, in a line of
 * its own behind what the command says, how many KiB it held at most. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/err.h"

int main(int argc, char **argv)
{
	struct rusage usage;
	pid_t child;
	int status;

	if (argc < 2)
		die_usage("usage: peak COMMAND [ARGUMENT...]");
	child = fork();
	if (child == 0) {
		execvp(argv[1], argv + 1);
		die("cannot run %s", argv[1]);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0)
		die("cannot run %s", argv[1]);
	fprintf(stderr, "%ld\n", usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
