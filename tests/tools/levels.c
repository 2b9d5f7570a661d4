/* levels: the levels of the instruction set that this processor has, the best one first: what
 * MEMOSCOPE_ISA can be. */
#include <stdio.h>

#include "kernels/cpu/cpu.h"

int main(void)
{
	static const char *const levels[] = {"v4", "v3", "v2", "native"};

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (kernels_cpu_level(levels[i]))
			puts(levels[i]);
	return fflush(stdout) != 0;
}
