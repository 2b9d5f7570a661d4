/* witness.c - a witness speaks if its process is killed, and only then; of several, one does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/comm/witness.h"
#include "tests/tap.h"

enum end { KILLED, ABORTS, UNTOLD, ENDS, ENDS_WITH_ALL };

/* A process with a witness, whose stderr is the pipe; it meets this end. */
static pid_t live(int run, const char *line, enum end how, int out)
{
	const pid_t child = fork();

	if (child == 0) {
		const struct rlimit none = {0};
		setrlimit(RLIMIT_CORE, &none);
		dup2(out, STDERR_FILENO);
		close(out);
		const int witness = witness_start(-1);
		if (how != UNTOLD)
			witness_tell(witness, run, line);
		if (how == ENDS || how == ENDS_WITH_ALL)
			witness_end(witness, how == ENDS_WITH_ALL);
		kill(getpid(), how == ABORTS ? SIGABRT : SIGKILL);
	}
	return child;
}

/* What the witnesses of two processes say. The second process ends when the first one has ended
 * or, meanwhile, when it begins to. */
static void check(enum end first, enum end second, bool meanwhile, const char *want,
                  const char *name)
{
	static int runs;
	const int run = (int)getpid() * 16 + runs++;
	char said[400];
	size_t used = 0;
	ssize_t size;
	int pipes[2];

	if (pipe(pipes) < 0)
		return;
	const pid_t one = live(run, "one", first, pipes[1]);
	if (!meanwhile)
		waitpid(one, NULL, 0);
	usleep(200000); /* the first witness has this long to wake up */
	const pid_t two = live(run, "two", second, pipes[1]);
	close(pipes[1]);
	if (meanwhile)
		waitpid(one, NULL, 0);
	waitpid(two, NULL, 0);
	while ((size = read(pipes[0], said + used, sizeof said - 1 - used)) > 0)
		used += (size_t)size;
	said[used] = '\0';
	close(pipes[0]);
	is_string(said, want, name);
}

int main(void)
{
	check(KILLED, ENDS, false, "witness.t: one\n", "a process is killed: its witness says so");
	check(ENDS, ENDS, false, "", "processes that end by themselves: silence");
	check(ENDS, KILLED, false, "witness.t: two\n", "one ends, and one is killed");
	check(KILLED, KILLED, false, "witness.t: one\n", "both are killed: the first one is told");
	check(ABORTS, KILLED, true, "witness.t: two\n", "one aborts while the other is being killed");
	check(ABORTS, ENDS, false, "witness.t: one\n", "one aborts: it is told");
	check(ENDS_WITH_ALL, KILLED, true, "witness.t: two\n",
	      "one ends them all while the other is being killed");
	check(ENDS_WITH_ALL, KILLED, false, "", "one has ended them all, and said why: silence");
	check(UNTOLD, UNTOLD, false, "", "nothing to say");
	witness_tell(-1, 1, "none");
	witness_end(-1, 1);
	ok(true, "no witness is allowed");
	return done();
}
