#include "tests/kernels/shim/watch.h"

#include <stdint.h>
#include <string.h>

const struct watcher *watcher;

static bool is_in(const void *at, const char *memory, size_t bytes)
{
	return (uintptr_t)at - (uintptr_t)memory < bytes;
}

void watch_access(const void *at, size_t bytes, bool writes, const void *where)
{
	const struct place *place = watcher ? shim_place() : NULL;

	if (!place || bytes == 0 || is_in(at, place->stack, place->stack_bytes) ||
	    is_in(at, place->args, place->args_bytes))
		return;
	watcher->access(place, &(struct access){
		.at = at, .bytes = bytes, .writes = writes, .where = where,
		.shared = is_in(at, place->shared, place->shared_bytes),
	});
}

/* ---- what the compiler calls: gcc's and clang's names ---- */

#define CALL(name, bytes, writes)                                              \
	void __tsan_##name##bytes(const void *at);                             \
	void __tsan_##name##bytes(const void *at)                              \
	{                                                                      \
		watch_access(at, bytes, writes, __builtin_return_address(0));  \
	}
#define CALLS(bytes)                         \
	CALL(read, bytes, false)             \
	CALL(write, bytes, true)             \
	CALL(unaligned_read, bytes, false)   \
	CALL(unaligned_write, bytes, true)
CALLS(1)
CALLS(2)
CALLS(4)
CALLS(8)
CALLS(16)

void __tsan_read_range(const void *at, size_t bytes);
void __tsan_read_range(const void *at, size_t bytes)
{
	watch_access(at, bytes, false, __builtin_return_address(0));
}

void __tsan_write_range(const void *at, size_t bytes);
void __tsan_write_range(const void *at, size_t bytes)
{
	watch_access(at, bytes, true, __builtin_return_address(0));
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}
