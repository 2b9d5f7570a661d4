/* witness.c - a witness speaks if its process is killed, and only then; of several, one does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/comm/witness.h"
#include "tests/tap.h"

enum end { KILLED, UNTOLD, ENDS, ENDS_WITH_ALL };

/* A process with a witness, whose stderr is the pipe; it meets this end. */
static void live(int run, const char *line, enum end how, int out)
{
	const pid_t child = fork();

	if (child == 0) {
		dup2(out, STDERR_FILENO);
		close(out);
		const int witness = witness_start(-1);
		if (how != UNTOLD)
			witness_tell(witness, run, line);
		if (how == ENDS || how == ENDS_WITH_ALL)
			witness_end(witness, how == ENDS_WITH_ALL);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
}

/* What the witnesses of two processes say, one of which ends after the other. */
static void check(enum end first, enum end second, const char *want, const char *name)
{
	static int runs;
	const int run = (int)getpid() * 16 + runs++;
	char said[400];
	size_t used = 0;
	ssize_t size;
	int pipes[2];

	if (pipe(pipes) < 0)
		return;
	live(run, "one", first, pipes[1]);
	usleep(200000); /* the first witness has this long to wake up */
	live(run, "two", second, pipes[1]);
	close(pipes[1]);
	while ((size = read(pipes[0], said + used, sizeof said - 1 - used)) > 0)
		used += (size_t)size;
	said[used] = '\0';
	close(pipes[0]);
	is_string(said, want, name);
}

int main(void)
{
	check(KILLED, ENDS, "witness.t: one\n", "a process is killed: its witness says so");
	check(ENDS, ENDS, "", "processes that end by themselves: silence");
	check(ENDS, KILLED, "witness.t: two\n", "one ends, and one is killed");
	check(KILLED, KILLED, "witness.t: one\n", "both are killed: the first one is told");
	check(ENDS_WITH_ALL, KILLED, "", "one ends them all, and has said why: silence");
	check(UNTOLD, UNTOLD, "", "nothing to say");
	witness_tell(-1, 1, "none");
	witness_end(-1, 1);
	ok(true, "no witness is allowed");
	return done();
}
