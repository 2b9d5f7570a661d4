/* interrupt.c - one signal asks a run to end, a second one kills; a reader that is gone is noticed.
 *
 * Each case runs in a child of its own, whose exit status says how far it came. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/interrupt.h"
#include "tests/tap.h"

static struct interrupt interrupt;
static volatile uintptr_t handler_stack; /* an address in the frame of a handler */

static void catch(void)
{
	struct err err = {0};

	if (interrupt_catch(&interrupt, &err) < 0)
		_exit(99);
}

static int bit(int number, bool set)
{
	return set ? 1 << number : 0;
}

/* What becomes of a child: its exit status, or 256 and the signal that killed it. */
static int outcome(int (*child)(int number), int number)
{
	int status;
	const pid_t pid = fork();

	if (pid == 0) {
		alarm(20); /* a child that hangs is a failure, not a hang of the test */
		_exit(child(number));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* ---- signals ---- */

static int none_came(int number)
{
	(void)number;
	catch();
	return bit(0, interrupt_due(&interrupt)) | bit(1, interrupt.signal != 0);
}

static int one_came(int number)
{
	catch();
	raise(number);
	return bit(0, interrupt_due(&interrupt)) | bit(1, interrupt.signal == number) |
	       bit(2, fcntl(STDIN_FILENO, F_GETFD) < 0 && errno == EBADF);
}

static int second_came(int number)
{
	catch();
	raise(SIGTERM);
	if (!interrupt_due(&interrupt))
		return 1;
	raise(number);
	return 0;
}

static int was_ignored(int number)
{
	signal(number, SIG_IGN);
	catch();
	raise(number);
	if (interrupt_due(&interrupt))
		return 1;
	raise(number == SIGINT ? SIGTERM : SIGINT); /* this one was not */
	if (!interrupt_due(&interrupt))
		return 2;
	raise(number); /* still so */
	return 0;
}

/* A terminal that closes sends SIGHUP more than once; systemd sends SIGTERM with it, in any
 * order. */
static int hung_up(int number)
{
	catch();
	raise(number);
	raise(SIGHUP);
	raise(SIGHUP);
	if (number == SIGHUP)
		raise(SIGTERM);
	return interrupt.signal == number ? 0 : 1;
}

static int killed_after_all(int number)
{
	hung_up(SIGHUP);
	raise(number);
	return 0;
}

/* A read that waits for more when the signal comes fails, and does not wait again. */
static int reading(int number)
{
	int ends[2];
	char byte;
	const pid_t reader = getpid();

	if (pipe(ends) < 0)
		return 98;
	dup2(ends[0], STDIN_FILENO);
	catch();
	if (fork() == 0) {
		poll(NULL, 0, 50);
		for (int i = 0; i < 400 && kill(reader, i ? 0 : number) == 0; i++)
			poll(NULL, 0, 50); /* holds the pipe open */
		_exit(0);
	}
	const ssize_t size = TEMP_FAILURE_RETRY(read(STDIN_FILENO, &byte, 1));
	return bit(0, size < 0 && errno == EBADF) | bit(1, interrupt_due(&interrupt));
}

static void note_stack(int number)
{
	char here;

	(void)number;
	handler_stack = (uintptr_t)&here;
}

/* Where the stack pointer may point into the heap, a handler must not run on it. */
static int own_stack(int number)
{
	struct sigaction action;

	catch();
	sigaction(number, NULL, &action);
	if (!(action.sa_flags & SA_ONSTACK))
		return 1;
	action.sa_flags &= ~SA_SIGINFO;
	action.sa_handler = note_stack;
	sigaction(number, &action, NULL);
	raise(number);
	return handler_stack - (uintptr_t)interrupt.stack < sizeof interrupt.stack ? 0 : 2;
}

static void test_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	static const char *const names[] = {"SIGINT", "SIGTERM", "SIGHUP"};

	is_int(outcome(none_came, 0), 0, "no signal: nothing is due");
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		const int number = signals[i];
		printf("# %s\n", names[i]);
		is_int(outcome(one_came, number), 7, "it is due, is named, and stdin is closed");
		is_int(outcome(second_came, number), number == SIGHUP ? 0 : 256 + number,
		       number == SIGHUP ? "a second signal: it does nothing" : "a second signal: it kills");
		is_int(outcome(hung_up, number), 0, "SIGHUP behind it does nothing");
		is_int(outcome(was_ignored, number), 0, "ignored at start-up: stays ignored");
		is_int(outcome(reading, number), 3, "it ends a read that waits");
		is_int(outcome(own_stack, number), 0, "its handler has a stack of its own");
	}
	is_int(outcome(killed_after_all, SIGTERM), 256 + SIGTERM, "SIGHUP, then SIGTERM twice: killed");
	is_int(outcome(killed_after_all, SIGINT), 256 + SIGINT, "SIGHUP, SIGTERM, SIGINT: killed");
}

/* ---- readers ---- */

/* Write to a pipe that nobody reads. */
static int unread_stderr(int number)
{
	int ends[2];

	(void)number;
	if (pipe(ends) < 0)
		return 98;
	dup2(ends[1], STDERR_FILENO);
	catch();
	fprintf(stderr, "somebody reads\n");
	if (interrupt_due(&interrupt))
		return 1;
	close(ends[0]);
	fprintf(stderr, "nobody does\n");
	if (!interrupt_due(&interrupt))
		return 2;
	interrupt_end(&interrupt);
	return 3;
}

static int unread_stdout(int number)
{
	(void)number;
	catch();
	interrupt.unread = true; /* what a caller does whose write failed */
	if (!interrupt_due(&interrupt))
		return 2;
	interrupt_end(&interrupt);
	return 3;
}

static int unread_and_signal(int number)
{
	catch();
	interrupt.unread = true;
	raise(number);
	interrupt_end(&interrupt);
	return 0;
}

static int full_stderr(int number)
{
	const int full = open("/dev/full", O_WRONLY);

	(void)number;
	dup2(full, STDERR_FILENO);
	catch();
	fprintf(stderr, "lost\n");
	return interrupt_due(&interrupt);
}

static void test_readers(void)
{
	is_int(outcome(unread_stderr, 0), 256 + SIGPIPE,
	       "stderr without a reader: due, and SIGPIPE at the end");
	is_int(outcome(unread_stdout, 0), 256 + SIGPIPE, "stdout without a reader: the same");
	is_int(outcome(unread_and_signal, SIGTERM), 0, "no SIGPIPE if a signal came, too");
	is_int(outcome(full_stderr, 0), 0, "a full disk behind stderr is no reason to end");
}

int main(void)
{
	fflush(stdout);
	test_signals();
	test_readers();
	return done();
}
