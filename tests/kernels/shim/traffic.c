#include "tests/kernels/shim/traffic.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARP 32
#define THREADS_MAX 1024
#define SITES 1024 /* instructions of a kernel */
#define KERNELS 64
#define ENOUGH (1 << 18) /* loads and stores of a launch's lanes: then no further block */
#define SECTOR 32 /* bytes */
#define BANKS 32
#define WORD 4 /* bytes of a bank at a time */
#define BYTES_MAX 16 /* of a lane at a time */

/* What a lane does; those of one site and turn of one warp are one instruction. */
struct lane {
	uint16_t site, warp;
	uint32_t turn;
	uint8_t lane, bytes;
	bool shared;
	uintptr_t at;
};

static struct lane *lanes; /* of this block */
static size_t count, room;
static size_t before; /* of the launch's earlier ones */

/* Of this launch's kernel: its instructions, how often each thread came to them in this
 * block, and what they cost in all. */
static struct site {
	const void *where;
	bool shared; /* a copy goes from device memory to shared */
} site[SITES];
static int sites;
static uint32_t turns[THREADS_MAX][SITES];
static struct traffic_cost site_device[SITES], site_shared[SITES];
static char running[40];

static struct traffic_kernel kernels[KERNELS];
static int kernel_count, told;

/* ---- one instruction of a warp ---- */

static int compare_numbers(const void *a, const void *b)
{
	const uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return (x > y) - (x < y);
}

/* How many different ones there are among numbers, which are sorted then. */
static int different(uintptr_t *numbers, int n)
{
	int found = 0;

	qsort(numbers, (size_t)n, sizeof *numbers, compare_numbers);
	for (int i = 0; i < n; i++)
		found += i == 0 || numbers[i] != numbers[i - 1];
	return found;
}

static void cost_device(struct traffic_cost *cost, const struct lane *of, int n)
{
	uintptr_t sector[2 * WARP], byte[WARP * BYTES_MAX];
	int sectors = 0, bytes = 0;

	for (int i = 0; i < n; i++) {
		const uintptr_t end = of[i].at + of[i].bytes;
		for (uintptr_t s = of[i].at / SECTOR; s <= (end - 1) / SECTOR; s++)
			sector[sectors++] = s;
		for (uintptr_t b = of[i].at; b < end; b++)
			byte[bytes++] = b;
	}
	const int needed = (different(byte, bytes) + SECTOR - 1) / SECTOR;
	cost->needed += needed;
	cost->more += different(sector, sectors) - needed;
}

/* How many words the busiest bank has to give to these lanes. */
static int busiest(const struct lane *of, int n)
{
	uintptr_t word[WARP * BYTES_MAX / WORD];
	int words = 0, most = 0, served[BANKS] = {0};

	for (int i = 0; i < n; i++)
		for (uintptr_t w = of[i].at / WORD; w <= (of[i].at + of[i].bytes - 1) / WORD; w++)
			word[words++] = w;
	qsort(word, (size_t)words, sizeof *word, compare_numbers);
	for (int i = 0; i < words; i++)
		if (i == 0 || word[i] != word[i - 1]) {
			int *turns_of_bank = &served[word[i] % BANKS];
			*turns_of_bank += 1;
			most = *turns_of_bank > most ? *turns_of_bank : most;
		}
	return most;
}

static void cost_shared(struct traffic_cost *cost, const struct lane *of, int n)
{
	const int together = of->bytes > 8 ? WARP / 4 : of->bytes > WORD ? WARP / 2 : WARP;

	for (int i = 0; i < n;) {
		const int part = of[i].lane / together;
		int end = i;
		while (end < n && of[end].lane / together == part)
			end++;
		cost->needed++;
		cost->more += busiest(of + i, end - i) - 1;
		i = end;
	}
}

/* ---- a block, a launch ---- */

static int compare_lanes(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	if (x->warp != y->warp)
		return x->warp < y->warp ? -1 : 1;
	if (x->turn != y->turn)
		return x->turn < y->turn ? -1 : 1;
	return x->lane - y->lane;
}

static void end_block(void)
{
	qsort(lanes, count, sizeof *lanes, compare_lanes);
	for (size_t i = 0; i < count;) {
		const struct lane *of = &lanes[i];
		int n = 0;
		while (i < count && lanes[i].site == of->site && lanes[i].warp == of->warp &&
		       lanes[i].turn == of->turn) {
			n++;
			i++;
		}
		if (of->shared)
			cost_shared(&site_shared[of->site], of, n);
		else
			cost_device(&site_device[of->site], of, n);
	}
	before += count;
	count = 0;
	for (int i = 0; i < THREADS_MAX && sites > 0; i++)
		memset(turns[i], 0, (size_t)sites * sizeof *turns[i]);
}

static void add_up(struct traffic_cost *all, const struct traffic_cost *of)
{
	long most = 0;

	for (int i = 0; i < sites; i++) {
		all->needed += of[i].needed;
		all->more += of[i].more;
		if (of[i].more > most) {
			most = of[i].more;
			all->worst = site[i].where;
		}
	}
}

static void end_launch(void)
{
	int i = 0;

	end_block();
	if (sites == 0)
		return;
	while (i < kernel_count && strcmp(kernels[i].name, running) != 0)
		i++;
	if (i == kernel_count) {
		if (kernel_count == KERNELS)
			abort();
		snprintf(kernels[kernel_count++].name, sizeof running, "%s", running);
	}
	add_up(&kernels[i].device, site_device);
	add_up(&kernels[i].shared, site_shared);
	memset(site_device, 0, sizeof site_device);
	memset(site_shared, 0, sizeof site_shared);
	sites = 0;
}

static void begin_launch(void)
{
	end_launch();
	before = 0;
}

static int site_of(const struct access *access)
{
	static int i;

	if (i >= sites || site[i].where != access->where || site[i].shared != access->shared)
		for (i = 0; i < sites; i++)
			if (site[i].where == access->where && site[i].shared == access->shared)
				break;
	if (i == SITES)
		abort();
	if (i == sites)
		site[sites++] = (struct site){access->where, access->shared};
	return i;
}

/* Of a large struct, copied, each part is one instruction. */
static void come_to(const struct place *place, const struct access *access)
{
	if (before > ENOUGH || access->where == NULL)
		return;
	if (sites == 0)
		snprintf(running, sizeof running, "%s", place->kernel);
	const int s = site_of(access);
	for (size_t done = 0; done < access->bytes; done += BYTES_MAX) {
		const size_t left = access->bytes - done;
		if (count == room) {
			room = room ? 2 * room : 1 << 16;
			if ((lanes = realloc(lanes, room * sizeof *lanes)) == NULL)
				abort();
		}
		lanes[count++] = (struct lane){
			.site = (uint16_t)s, .warp = (uint16_t)(place->thread / WARP),
			.turn = turns[place->thread][s]++, .lane = (uint8_t)(place->thread % WARP),
			.bytes = (uint8_t)(left < BYTES_MAX ? left : BYTES_MAX), .shared = access->shared,
			.at = (uintptr_t)access->at + done,
		};
	}
}

const struct watcher traffic_watcher = {begin_launch, end_block, come_to};

const struct traffic_kernel *traffic_next(void)
{
	if (told == 0)
		end_launch();
	if (told < kernel_count)
		return &kernels[told++];
	memset(kernels, 0, sizeof kernels);
	kernel_count = told = 0;
	return NULL;
}
