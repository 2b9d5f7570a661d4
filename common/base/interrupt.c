#include "common/base/interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/base/file.h"

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT ((int)(sizeof caught / sizeof *caught))

/* Set what a signal does; one that was ignored at start-up stays ignored. */
static void become(int number, const struct sigaction *action)
{
	struct sigaction now;

	if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
		sigaction(number, action, NULL);
}

static void handle(int number, siginfo_t *info, void *context)
{
	struct interrupt *interrupt = ((const ucontext_t *)context)->uc_stack.ss_sp;

	(void)info;
	if (interrupt->signal == 0) {
		interrupt->signal = number;
		close(STDIN_FILENO);
	}
	signal(SIGHUP, SIG_IGN);
	if (number != SIGHUP) {
		const struct sigaction kill = {.sa_handler = SIG_DFL};
		become(SIGINT, &kill);
		become(SIGTERM, &kill);
	}
}

int interrupt_catch(struct interrupt *interrupt, struct err *err)
{
	const stack_t stack = {.ss_sp = interrupt->stack, .ss_size = sizeof interrupt->stack};
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	for (int i = 0; i < CAUGHT; i++)
		sigaddset(&action.sa_mask, caught[i]);
	if (sigaltstack(&stack, NULL) < 0)
		return err_set(err, "cannot set up a stack for signals: %s", strerror(errno));
	for (int i = 0; i < CAUGHT; i++)
		become(caught[i], &action);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

bool interrupt_due(struct interrupt *interrupt)
{
	if (ferror(stderr) && file_reader_gone(STDERR_FILENO))
		interrupt->unread = true;
	return interrupt->signal || interrupt->unread;
}

void interrupt_end(const struct interrupt *interrupt)
{
	if (interrupt->signal || !interrupt->unread)
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}
