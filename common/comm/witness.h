/* witness.h - a process that says so if this one dies, whatever killed it.
 *
 * If one process of a run is killed, the launcher kills all others at once, and not every launcher
 * can say which one was the first. So each process has a witness, in a session of its own, which
 * the launcher does not know. The first witness of a host that sees its process die prints a line
 * on stderr; the others see that it has, and are silent. The witness of a process that aborts, or
 * ends all with an error of its own, waits for half a second before: that may be the consequence.
 */
#ifndef MEMOSCOPE_WITNESS_H
#define MEMOSCOPE_WITNESS_H

/* Start a witness; it says nothing before witness_tell(). Call it before any thread is started.
 * launcher: a descriptor by whose end the launcher learns that the process is dead, or -1. The
 * witness has it, too, until it has spoken: else the launcher may have killed the other processes
 * before, and their witnesses may be faster. Returns the witness, or -1 if there cannot be one: all
 * calls take that, and do nothing. */
int witness_start(int launcher);

/* What the witness is to say: a line without newline, up to 400 bytes. run: a number that all
 * processes of the run have on this host, and no other run has. */
void witness_tell(int witness, int run, const char *line);

/* The process is going to end by itself, and has said why if that is an error. The witness is gone
 * then. all: so do the others, which a launcher may kill now: their witnesses are to be silent,
 * too. */
void witness_end(int witness, int all);

#endif
