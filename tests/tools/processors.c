/* processors - print how many processors a program takes by default. */
#include <stdio.h>

#include "common/base/threads.h"

int main(void)
{
	return printf("%d\n", threads_processors()) < 0;
}
