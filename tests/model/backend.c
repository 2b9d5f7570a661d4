/* backend.c - how many threads share the work. */
#include <sched.h>

#include "common/base/threads.h"
#include "common/model/backend.h"
#include "tests/tap.h"

int main(void)
{
	const struct kernels many = {.single = false}, single = {.single = true};
	cpu_set_t before, one;
	int first = 0;

	is_int(backend_threads(&many, 0, 1024, true), threads_processors(), "one for each processor");
	is_int(backend_threads(&many, 0, 1, true), 1, "but no more than the caller takes");
	is_int(backend_threads(&many, 3, 1024, true), 3, "unless the user asks for others");
	struct err err = {0};
	char identity[BACKEND_IDENTITY] = "?";
	is_int(backend_share(&many, 1, 2, identity, &err), 0, "processors are shared by all");
	ok(*identity == '\0', "  and have no name");
	is_int(backend_threads(&single, 3, 1024, true), 1, "a single device has work for one");
	sched_getaffinity(0, sizeof before, &before);
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	sched_setaffinity(0, sizeof one, &one);
	is_int(backend_threads(&many, 0, 1024, true), 1, "one, if the process is bound to it");
	sched_setaffinity(0, sizeof before, &before);
	return done();
}
