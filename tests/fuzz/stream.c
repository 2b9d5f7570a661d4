/* Any bytes as a stream: read to its end, its records too. */
#include "tests/fuzz/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = -1;

	read_all(hold(&fd, (const char *)data, size));
	close(fd);
	return 0;
}
