/* interrupt.h - a long run is asked to end before its work is done: by a signal, or because
 * nobody reads its output any more.
 *
 * The run asks interrupt_due() between two steps of its work, and then saves and ends. A second
 * SIGINT or SIGTERM kills it as if none were caught. SIGHUP never kills, because it does not come
 * alone: the shell of a terminal that closes sends it again, and systemd with SIGTERM. Only one
 * struct interrupt of a process may catch.
 */
#ifndef MEMOSCOPE_INTERRUPT_H
#define MEMOSCOPE_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#include "common/base/err.h"

struct interrupt {
	/* Private: the stack that the handler runs on. A matrix product for AVX-512 may use the stack
	 * pointer as one more register, so that it points into the heap, and a handler on the stack
	 * of the thread would write its frame there. A frame with all registers takes 11 KiB and
	 * more. First in the struct: the handler finds the struct by it. */
	_Alignas(64) char stack[64 << 10];
	volatile sig_atomic_t signal; /* the signal that came first; 0: none so far */
	bool unread; /* the reader of stdout or stderr is gone; the caller may set it, too */
};

/* Catch SIGINT, SIGTERM and SIGHUP from now on. Signals that were ignored at start-up, by nohup or
 * the shell's &, stay ignored. SIGPIPE is ignored, so that a reader that goes away does not kill.
 *
 * The calling thread takes the signals; threads of threads.h take none. The first signal sets
 * interrupt->signal and closes the standard input: Ctrl-C reaches a whole pipeline, so the
 * program that writes our input may be gone, and a read that waits for more fails now (EBADF).
 *
 * The struct is the caller's, zeroed, and must live as long as the process. -1 with err set. */
int interrupt_catch(struct interrupt *interrupt, struct err *err);

/* Must the run end now? It must if a signal came, if the caller saw that stdout has no reader, or
 * if a write to stderr failed because that has none. */
bool interrupt_due(struct interrupt *interrupt);

/* For filters only, at their end: die by SIGPIPE, as any filter does whose reader is gone, if that
 * is so and no signal came. */
void interrupt_end(const struct interrupt *interrupt);

#endif
