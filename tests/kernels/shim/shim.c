#include "kernels/sanitizer.h"
#include "tests/kernels/harness/ref.h"
#include "tests/kernels/shim/shim.h"
#include "tests/kernels/shim/watch.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

#define THREADS_MAX 1024
#define STACK (128 << 10) /* bytes of a fiber's */
#define WARP 32
#define GUARD 0x7fc0deadu /* a NaN as a float */
#define GUARDS 16 /* words behind the shared memory */
#define COPIES 64 /* of a thread, at a time */

struct shim_index threadIdx, blockIdx, blockDim, gridDim;
void (*shim_instead)(const struct shim_call *call);
enum shim_fault shim_fault;
const char *shim_victim;
int shim_line;
#ifdef ADDRESS_SANITIZER
const bool shim_watched = true;
#else
const bool shim_watched;
#endif

/* A place where threads wait for each other: a block's barrier, or a warp's. */
struct meeting {
	unsigned wanted, come, round;
};

struct fiber {
	jmp_buf state;
	ucontext_t context; /* to begin with */
	char *stack;
	bool begun;
	unsigned thread;
	const struct meeting *at; /* what it waits for, until that is past this round */
	unsigned round;
};

static struct {
	const char *name;
	void (*thread)(const void *args);
	const void *args;
	size_t args_bytes;
	uint32_t *shared; /* [words + GUARDS] */
	size_t words;
	unsigned threads, next, finished; /* of the block: all, not begun yet, done */
	bool backwards, faulty;
	struct meeting block, warp[THREADS_MAX / WARP];
	/* what the lanes of a warp hand over, by turns */
	struct handed {
		double number;
		uint32_t words[6];
		const uint16_t *row;
	} lane[2][THREADS_MAX];
	unsigned turn[THREADS_MAX];
	/* copies of each thread that it has not waited for: not done yet */
	struct copy {
		void *to;
		const void *from; /* NULL: zeros */
		size_t bytes;
	} copy[THREADS_MAX][COPIES];
	unsigned copies[THREADS_MAX];
	struct place place[THREADS_MAX];
	struct fiber fiber[THREADS_MAX];
	unsigned fibers; /* in use in this block */
	struct fiber *running;
	jmp_buf main;
	struct shim_name launched[SHIM_KERNELS], *launched_as;
	int launched_count;
	bool touched;
} shim;

static void fail(const char *what)
{
	printf("Bail out! kernel %s: block %u, %u of %u, %u: %s\n", shim.name, blockIdx.x,
	       blockIdx.y, gridDim.x, gridDim.y, what);
	exit(1);
}

/* ---- fibers ---- */

#ifdef ADDRESS_SANITIZER
static const void *main_stack;
static size_t main_stack_size;

static void leaving(void **save, const void *stack, size_t size)
{
	__sanitizer_start_switch_fiber(save, stack, size);
}

static void arrived(void *save, const void **stack, size_t *size)
{
	__sanitizer_finish_switch_fiber(save, stack, size);
}
#else
#define leaving(save, stack, size) ((void)(save))
#define arrived(save, stack, size) ((void)(save))
#endif

/* Threads that nobody has begun, one after another; the fiber of one that waits is
 * not at hand for others, so the rest gets another. */
static void fiber_main(void)
{
	arrived(NULL, &main_stack, &main_stack_size);
	for (;;) {
		struct fiber *fiber = shim.running;
		while (shim.next < shim.threads) {
			const unsigned i = shim.next++;
			fiber->thread = shim.backwards ? shim.threads - 1 - i : i;
			threadIdx.x = fiber->thread;
			shim.place[fiber->thread] = (struct place){
				.kernel = shim.name,
				.block = blockIdx.y * gridDim.x + blockIdx.x,
				.thread = fiber->thread,
				.stack = fiber->stack,
				.stack_bytes = STACK,
				.args = shim.args,
				.args_bytes = shim.args_bytes,
				.shared = (const char *)shim.shared,
				.shared_bytes = shim.words * sizeof *shim.shared,
			};
			shim.thread(shim.args);
			if (shim.copies[fiber->thread] > 0)
				fail("a copy that nobody waits for");
			shim.finished++;
		}
		fiber->at = NULL;
		void *save = NULL;
		if (_setjmp(fiber->state) == 0) {
			leaving(&save, main_stack, main_stack_size);
			_longjmp(shim.main, 1);
		}
		arrived(save, NULL, NULL);
	}
}

static void begin(struct fiber *fiber)
{
	if (fiber->stack == NULL) {
		fiber->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (fiber->stack == MAP_FAILED || getcontext(&fiber->context) < 0)
			abort();
		fiber->context.uc_stack.ss_sp = fiber->stack;
		fiber->context.uc_stack.ss_size = STACK;
		makecontext(&fiber->context, fiber_main, 0);
	}
}

/* Let a fiber run until it waits, or has nothing left to do. */
static void resume(struct fiber *fiber)
{
	void *save = NULL;

	begin(fiber);
	shim.running = fiber;
	threadIdx.x = fiber->thread;
	if (_setjmp(shim.main) == 0) {
		leaving(&save, fiber->stack, STACK);
		if (fiber->begun)
			_longjmp(fiber->state, 1);
		fiber->begun = true;
		setcontext(&fiber->context);
	}
	arrived(save, NULL, NULL);
	shim.running = NULL;
}

static void meet(struct meeting *meeting)
{
	struct fiber *fiber = shim.running;
	void *save = NULL;

	if (++meeting->come == meeting->wanted) {
		meeting->come = 0;
		meeting->round++;
		return;
	}
	fiber->at = meeting;
	fiber->round = meeting->round;
	if (_setjmp(fiber->state) == 0) {
		leaving(&save, main_stack, main_stack_size);
		_longjmp(shim.main, 1);
	}
	arrived(save, NULL, NULL);
}

const struct place *shim_place(void)
{
	return shim.running ? &shim.place[shim.running->thread] : NULL;
}

/* ---- what a kernel calls ---- */

/* Is the machine faulty in this way, just now? Then it makes a difference. */
static bool fault(enum shim_fault which)
{
	const bool is = shim.faulty && shim_fault == which;

	shim.touched |= is;
	return is;
}

float *shim_shared(void)
{
	return (float *)shim.shared;
}

/* Does nobody wait at the barrier on this line? If so, it makes a difference. */
static bool is_missing(int line, enum shim_fault all)
{
	struct shim_name *name = shim.launched_as;
	int i = 0;

	while (i < name->barriers && name->line[i] != line)
		i++;
	if (i == name->barriers) {
		if (i == SHIM_BARRIERS)
			abort();
		name->line[name->barriers++] = line;
	}
	return fault(all) || (line == shim_line && fault(SHIM_NO_BARRIER_THERE));
}

void shim_barrier(int line)
{
	if (is_missing(line, SHIM_NO_BARRIER))
		return;
	meet(&shim.block);
	shim.place[shim.running->thread].barriers++;
}

/* A GPU's memory needs it where this machine's does not: so numbers do not show a fault. */
void shim_warp_barrier(int line)
{
	if (is_missing(line, SHIM_SOUND))
		return;
	meet(&shim.warp[shim.running->thread / WARP]);
	shim.place[shim.running->thread].warp_barriers++;
}

/* Hand this over to the other lanes of the warp, and get what they do: [WARP]. None can
 * come back to this turn before all have been at the next. */
static const struct handed *hand_over(struct handed mine)
{
	const unsigned thread = shim.running->thread, turn = shim.turn[thread]++ & 1;

	shim.lane[turn][thread] = mine;
	meet(&shim.warp[thread / WARP]);
	return shim.lane[turn] + thread / WARP * WARP;
}

double shim_shuffle_double(unsigned mask, double x, int other)
{
	const unsigned lane = shim.running->thread % WARP;

	if (mask != 0xffffffffu)
		fail("a shuffle that is not among all lanes");
	if (fault(SHIM_NO_SHUFFLE))
		return x;
	return hand_over((struct handed){.number = x})[lane ^ (unsigned)other].number;
}

uint32_t shim_shuffle_word(unsigned mask, uint32_t x, int other)
{
	return (uint32_t)shim_shuffle_double(mask, x, other);
}

float shim_shuffle_float(unsigned mask, float x, int other)
{
	return (float)shim_shuffle_double(mask, x, other);
}

uint32_t shim_ballot(unsigned mask, bool yes)
{
	const unsigned lane = shim.running->thread % WARP;
	uint32_t all = 0;

	if (mask != 0xffffffffu)
		fail("a ballot that is not among all lanes");
	if (fault(SHIM_NO_SHUFFLE))
		return (uint32_t)yes << lane;
	const struct handed *lanes = hand_over((struct handed){.number = yes});
	for (unsigned i = 0; i < WARP; i++)
		all |= (uint32_t)(lanes[i].number != 0) << i;
	return all;
}

/* ---- loads and stores of several numbers at once ---- */

static void move(void *to, const void *from, size_t bytes, const void *at, bool writes,
                 const void *where)
{
	if ((uintptr_t)at % bytes || bytes > 16)
		fail("a load or store that is not aligned, or of too many bytes");
	watch_access(at, bytes, writes, where);
	memcpy(to, from, bytes);
}

void shim_load(void *to, const void *from, size_t bytes)
{
	move(to, from, bytes, from, false, __builtin_return_address(0));
}

void shim_store(void *to, const void *from, size_t bytes)
{
	move(to, from, bytes, to, true, __builtin_return_address(0));
}

/* ---- copies that a thread does not wait for at once ---- */

static bool is_shared(const void *at, size_t bytes)
{
	const char *first = at, *shared = (const char *)shim.shared;

	return first >= shared && first + bytes <= shared + shim.words * sizeof *shim.shared;
}

/* It may be done at any time from where it is asked for to where it is waited for. */
static void copies(const struct copy *copy, const void *where)
{
	if (copy->from)
		watch_access(copy->from, copy->bytes, false, where);
	watch_access(copy->to, copy->bytes, true, where);
}

void shim_copy(void *to, const void *from, size_t bytes, bool there)
{
	const unsigned thread = shim.running->thread;

	if (!is_shared(to, bytes) || (uintptr_t)to % bytes || (there && (uintptr_t)from % bytes))
		fail("a copy that is not into shared memory, or not aligned");
	if (shim.copies[thread] == COPIES)
		fail("too many copies that nobody waits for");
	shim.copy[thread][shim.copies[thread]++] = (struct copy){to, there ? from : NULL, bytes};
	copies(&shim.copy[thread][shim.copies[thread] - 1], __builtin_return_address(0));
}

void shim_copies_end(void)
{
	const unsigned thread = shim.running->thread;
	const bool lost = shim.copies[thread] > 0 && fault(SHIM_NO_COPY);

	for (unsigned i = 0; i < shim.copies[thread] && !lost; i++) {
		const struct copy *copy = &shim.copy[thread][i];
		copies(copy, NULL);
		if (copy->from)
			memcpy(copy->to, copy->from, copy->bytes);
		else
			memset(copy->to, 0, copy->bytes);
	}
	shim.copies[thread] = 0;
}

/* ---- tensor cores ---- */

/* Number i (0: the lower half) of a word; looked up, since there are so many. */
static double number(uint32_t word, unsigned i, bool half)
{
	static float values[2][0x10000];
	static bool filled;

	for (unsigned bits = 0; !filled && bits < 0x10000; bits++) {
		values[false][bits] = (float)ref_value(DTYPE_BF16, (uint16_t)bits);
		values[true][bits] = (float)ref_value(DTYPE_F16, (uint16_t)bits);
	}
	filled = true;
	return (double)values[half][word >> 16 * i & 0xffff];
}

/* d += a b by kernels/cuda/mma.cuh's layouts, each sum in double and rounded once. */
void shim_mma(float d[4], const uint32_t a[4], const uint32_t b[2], bool half)
{
	const unsigned lane = shim.running->thread % WARP;
	struct handed mine = {.words = {a[0], a[1], a[2], a[3], b[0], b[1]}}, alone[WARP];
	const struct handed *all = alone;

	if (fault(SHIM_NO_SHUFFLE))
		for (int i = 0; i < WARP; i++)
			alone[i] = mine;
	else
		all = hand_over(mine);
	for (unsigned e = 0; e < 4; e++) {
		const unsigned row = lane / 4 + e / 2 * 8, col = lane % 4 * 2 + e % 2;
		double sum = (double)d[e];
		for (unsigned k = 0; k < 16; k++) {
			const struct handed *left = &all[row % 8 * 4 + k % 8 / 2];
			const struct handed *right = &all[col * 4 + k % 8 / 2];
			sum += number(left->words[row / 8 + k / 8 * 2], k % 2, half) *
			       number(right->words[4 + k / 8], k % 2, half);
		}
		d[e] = (float)sum;
	}
}

void shim_load_matrices(uint32_t to[4], const uint16_t *row, bool transposed)
{
	const unsigned lane = shim.running->thread % WARP, g = lane / 4, t = lane % 4;
	struct handed mine = {.row = row}, alone[WARP];
	const struct handed *all = alone;

	if ((uintptr_t)row % 16 || !is_shared(row, 16))
		fail("matrices that are not in shared memory, or not aligned");
	watch_access(row, 16, false, __builtin_return_address(0));
	if (fault(SHIM_NO_SHUFFLE))
		for (int i = 0; i < WARP; i++)
			alone[i] = mine;
	else
		all = hand_over(mine);
	for (unsigned i = 0; i < 4; i++) {
		const struct handed *matrix = all + 8 * i;
		const uint16_t low = transposed ? matrix[2 * t].row[g] : matrix[g].row[2 * t];
		const uint16_t high = transposed ? matrix[2 * t + 1].row[g] : matrix[g].row[2 * t + 1];
		to[i] = low | (uint32_t)high << 16;
	}
}

/* ---- launches ---- */

static void run_block(void)
{
	shim.next = shim.finished = shim.fibers = 0;
	if (watcher)
		watcher->block();
	shim.block = (struct meeting){.wanted = shim.threads};
	for (unsigned i = 0; i < shim.threads / WARP; i++)
		shim.warp[i] = (struct meeting){.wanted = WARP};
	if (fault(SHIM_LAST_THREAD))
		shim.threads--; /* who waits for it waits in vain, which ends the program */
	for (size_t i = 0; i < shim.words + GUARDS; i++)
		shim.shared[i] = GUARD;
	while (shim.finished < shim.threads) {
		bool moved = false;
		if (shim.next < shim.threads) {
			resume(&shim.fiber[shim.fibers++]);
			continue;
		}
		for (unsigned i = 0; i < shim.fibers; i++) {
			struct fiber *fiber = &shim.fiber[shim.backwards ? shim.fibers - 1 - i : i];
			if (fiber->at == NULL || fiber->at->round == fiber->round)
				continue;
			moved = true;
			resume(fiber);
		}
		if (!moved)
			fail("threads wait for others that do not come");
	}
	for (int i = 0; i < GUARDS; i++)
		if (shim.shared[shim.words + (size_t)i] != GUARD)
			fail("writes past the end of its shared memory");
}

/* Is name that of a kernel, or of one of its widths? */
static bool is_of(const char *name, const char *kernel)
{
	const size_t length = strlen(kernel);

	return strncmp(name, kernel, length) == 0 &&
	       (name[length] == '\0' || (name[length] == '_' && isdigit(name[length + 1])));
}

static void remember(const char *name)
{
	for (int i = 0; i < shim.launched_count; i++)
		if (is_of(name, shim.launched[i].text)) {
			shim.launched_as = &shim.launched[i];
			shim.launched_as->launches++;
			return;
		}
	if (shim.launched_count == SHIM_KERNELS)
		abort();
	shim.launched_as = &shim.launched[shim.launched_count++];
	*shim.launched_as = (struct shim_name){.launches = 1};
	char *kept = shim.launched_as->text;
	const size_t length = strcspn(name, "0123456789");
	snprintf(kept, sizeof shim.launched_as->text, "%s", name);
	if (name[length] && length > 0 && name[length - 1] == '_') /* norm2 is no width */
		kept[length - 1] = '\0';
}

int shim_launched(struct shim_name names[SHIM_KERNELS])
{
	const int count = shim.launched_count;

	for (int i = 0; i < count; i++)
		names[i] = shim.launched[i];
	shim.launched_count = 0;
	return count;
}

int shim_launched_first(struct shim_name names[SHIM_KERNELS])
{
	static struct shim_name told[SHIM_KERNELS];
	static int told_count;
	const int count = shim_launched(names);
	int first = 0;

	for (int i = 0; i < count; i++) {
		int j = 0;
		while (j < told_count && strcmp(told[j].text, names[i].text) != 0)
			j++;
		if (j < told_count)
			continue;
		if (told_count == SHIM_KERNELS)
			abort();
		told[told_count++] = names[i];
		names[first++] = names[i];
	}
	return first;
}

bool shim_touched(void)
{
	return shim.touched;
}

void shim_launch(struct shim_call call)
{
	if (shim_instead)
		shim_instead(&call);
	else
		shim_run(&call);
}

void shim_run(const struct shim_call *call)
{
	const unsigned blocks_x = call->blocks_x, blocks_y = call->blocks_y;
	const unsigned blocks = blocks_x * blocks_y, threads = call->threads;
	const size_t bytes = call->bytes;

	remember(call->name);
	shim.name = call->name;
	shim.thread = call->thread;
	shim.args = call->args;
	shim.args_bytes = call->args_bytes;
	shim.words = bytes / sizeof *shim.shared;
	if (watcher)
		watcher->launch();
	shim.backwards = !shim.backwards;
	shim.faulty = shim_fault != SHIM_SOUND && is_of(call->name, shim_victim);
	gridDim = (struct shim_index){blocks_x, blocks_y};
	blockDim = (struct shim_index){threads, 1};
	if (blocks == 0 || blocks_y > 65535 || threads % WARP || threads > THREADS_MAX ||
	    threads > call->threads_most || bytes % sizeof *shim.shared || bytes > 64 << 10)
		fail("a launch that a GPU would not take");
	shim.shared = malloc((shim.words + GUARDS) * sizeof *shim.shared);
	if (shim.shared == NULL)
		abort();
	for (unsigned i = 0; i < blocks; i++) {
		const unsigned block = shim.backwards ? blocks - 1 - i : i;
		blockIdx = (struct shim_index){block % blocks_x, block / blocks_x};
		shim.threads = threads;
		if (block == blocks - 1 && fault(SHIM_LAST_BLOCK))
			continue;
		run_block();
	}
	free(shim.shared);
}
