#include "common/comm/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT 10 /* descriptors below this one are the witness's to give */
#define HOLD 10 /* seconds in which the others of a host die, after the first one */
#define LATE 500000 /* microseconds in which a witness wakes up on a busy machine */

/* What a process tells its witness. */
struct message {
	enum { TELL, END, END_ALL } what;
	int run;
	char line[400];
};

/* ---- the witness ---- */

/* The first of the run on this host, for as long as this process lives? Nothing else is done with
 * the socket: only one can have the name. */
static int is_first(int run)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* an abstract name, which begins with '\0' and is in no file system */
	const int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "memoscope-witness-%d",
	                            run);

	return fd >= 0 && bind(fd, (struct sockaddr *)&name, (socklen_t)(
	               offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0;
}

/* Did the process call abort()? So do MPI's transports if another process has died: UCX, when it
 * cannot read that one's memory. */
static bool has_aborted(pid_t process)
{
	char path[40], text[1024] = "";

	snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const ssize_t size = read(fd, text, sizeof text - 1);
	close(fd);
	/* the last field is the status of waitpid(): the signal, and 128 more with a core dump */
	const char *last = size > 0 ? strrchr(text, ' ') : NULL;
	return last && (strcmp(last, " 6\n") == 0 || strcmp(last, " 134\n") == 0);
}

_Noreturn static void watch(int fd, int launcher, pid_t process, const char *program)
{
	struct message told = {0}, message;
	ssize_t size;

	while ((size = TEMP_FAILURE_RETRY(recv(fd, &message, sizeof message, 0))) ==
	       (ssize_t)sizeof message) {
		if (message.what == TELL) {
			told = message;
			continue;
		}
		if (message.what == END_ALL)
			usleep(LATE); /* its error may be that another one was killed, which has a witness */
		const int held = message.what == END_ALL && told.run && is_first(told.run);
		close(launcher);
		close(STDERR_FILENO);
		if (send(fd, "", 1, MSG_NOSIGNAL) == 1 && held)
			sleep(HOLD);
		_exit(0);
	}
	if (has_aborted(process))
		usleep(LATE);
	if (told.run && is_first(told.run)) {
		dprintf(STDERR_FILENO, "%s: %.*s\n", program, (int)sizeof told.line, told.line);
		close(launcher);
		close(STDERR_FILENO); /* whose end the launcher waits for */
		sleep(HOLD);
	}
	_exit(0);
}

/* Nothing of the process but its stderr and the way to it. Signals are not for the witness: a
 * terminal or a launcher sends them to all. */
_Noreturn static void become_witness(int fd, int launcher, pid_t process)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	const char *program = program_invocation_short_name;
	const int null = open("/dev/null", O_RDWR);

	setsid();
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	fd = fcntl(fd, F_DUPFD, KEPT); /* out of the way */
	launcher = fcntl(launcher, F_DUPFD, KEPT);
	dup2(fd, 3);
	dup2(launcher, 4);
	close_range(launcher < 0 ? 4 : 5, ~0U, 0);
	prctl(PR_SET_NAME, "witness");
	watch(3, launcher < 0 ? -1 : 4, process, program);
}

/* ---- its process ---- */

int witness_start(int launcher)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	const pid_t process = getpid(), child = fork();
	if (child == 0)
		become_witness(pair[1], launcher, process);
	close(pair[1]);
	if (child > 0)
		return pair[0];
	close(pair[0]);
	return -1;
}

static void tell(int witness, const struct message *message)
{
	if (witness >= 0 && send(witness, message, sizeof *message, MSG_NOSIGNAL) < 0)
		return; /* somebody has killed it */
}

void witness_tell(int witness, int run, const char *line)
{
	struct message message = {.what = TELL, .run = run};

	snprintf(message.line, sizeof message.line, "%s", line);
	tell(witness, &message);
}

void witness_end(int witness, int all)
{
	const struct message message = {.what = all ? END_ALL : END};
	char heard;

	if (witness < 0)
		return;
	tell(witness, &message);
	TEMP_FAILURE_RETRY(recv(witness, &heard, 1, 0)); /* before anybody dies */
	close(witness);
}
