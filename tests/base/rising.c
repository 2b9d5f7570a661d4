/* rising.c - offsets in four bytes each are those that were added, however they jump. */
#include "common/base/rising.h"
#include "tests/tap.h"

#define G ((uint64_t)1 << 32)

int main(void)
{
	static const uint64_t numbers[] = {
		0, 0, 1, G - 1, G - 1, G, G, G + 7, 2 * G - 1, 5 * G, 5 * G + 1, 6 * G, 1000 * G + 3,
	};
	enum { N = sizeof numbers / sizeof *numbers };
	struct rising rising = {0};
	bool same = true, found = true;

	for (int i = 0; i < N; i++)
		same &= rising_add(&rising, numbers[i]) == 0;
	rising_trim(&rising);
	for (size_t i = 0; i < N; i++)
		same &= rising_at(&rising, i) == numbers[i];
	ok(same && rising.count == N, "numbers that jump over several upper halves");
	for (size_t i = 0; i < N; i++) {
		size_t last = i;
		while (last + 1 < N && numbers[last + 1] == numbers[i])
			last++;
		found &= rising_find(&rising, numbers[i]) == last;
		const uint64_t below = last + 1 < N ? numbers[last + 1] - 1 : UINT64_MAX;
		found &= rising_find(&rising, below) == last;
	}
	ok(found, "the last one at most as large");
	rising_release(&rising);

	for (uint64_t i = 0; i < 100000; i++)
		same &= rising_add(&rising, i * 100000) == 0; /* up to 10^10: two rises */
	rising_trim(&rising);
	for (uint64_t i = 0; i < 100000; i++)
		same &= rising_at(&rising, i) == i * 100000 &&
		        rising_find(&rising, i * 100000 + 99999) == i;
	ok(same, "a hundred thousand of them");
	const size_t memory = rising_memory(&rising);
	ok(memory < 100000 * 4 + 1000, "in four bytes each: %zu", memory);
	rising_release(&rising);
	is_int((long long)rising_memory(&rising), 0, "none after the release");
	return done();
}
