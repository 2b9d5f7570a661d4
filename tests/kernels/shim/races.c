#include "tests/kernels/shim/races.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One access, as far as order goes, in a word; 0: none. */
typedef uint64_t event;
#define BITS(first, count) ((((event)1 << (count)) - 1) << (first))
#define MADE BITS(0, 1)
#define LANE BITS(1, 5)
#define WARP BITS(6, 5)
#define THREAD (LANE | WARP)
#define WARP_BARRIERS BITS(11, 13)
#define BARRIERS BITS(24, 16)
#define BLOCK BITS(40, 24)
#define PUT(number, field) ((event)(number) * ((field) & -(field)))
#define TAKE(what, field) ((unsigned)(((what) & (field)) / ((field) & -(field))))

/* What is known of one granule of memory. Of reads between two barriers it is enough to
 * keep those by two threads of one warp, and one by a thread of another: whoever writes
 * is unordered with one of them if with any. */
struct cell {
	event write, read, other_lane, other_warp;
	uint32_t stamp; /* of the launch or the block that it holds for */
	bool other_block; /* has read it too */
};

#define GRANULE 2 /* bytes: the least that neighbours write */
#define PAGE 4096 /* bytes of memory whose cells stand together */
#define CELLS (PAGE / GRANULE)
#define SLOTS (1u << 16) /* a power of two */
#define PAGES (SLOTS / 4)

/* The pages that this launch has come to, by address; their cells, kept for the next one. */
static struct slot {
	uint32_t launch;
	uintptr_t page;
	struct cell *cell; /* [CELLS] */
} slots[SLOTS];
static struct cell *page_cells[PAGES];
static size_t pages;

static uint32_t stamp, launch_stamp, block_stamp;
bool races_first_ends;
static long found;
static char first_text[240];

static struct cell *cells_of(uintptr_t page)
{
	size_t i = page * 0x9e3779b97f4a7c15u >> 48;

	while (slots[i].launch == launch_stamp && slots[i].page != page)
		i = (i + 1) % SLOTS;
	if (slots[i].launch != launch_stamp) {
		if (pages == PAGES)
			abort();
		struct cell **cell = &page_cells[pages++];
		if (*cell == NULL && (*cell = calloc(CELLS, sizeof **cell)) == NULL)
			abort();
		slots[i] = (struct slot){launch_stamp, page, *cell};
	}
	return slots[i].cell;
}

static void begin_launch(void)
{
	launch_stamp = ++stamp;
	pages = 0;
}

static void begin_block(void)
{
	block_stamp = ++stamp;
}

static event made_by(const struct place *here)
{
	const event now = MADE | PUT(here->thread, THREAD) | PUT(here->warp_barriers, WARP_BARRIERS) |
	                  PUT(here->barriers, BARRIERS) | PUT(here->block, BLOCK);

	if (TAKE(now, WARP_BARRIERS) != here->warp_barriers || TAKE(now, BARRIERS) != here->barriers ||
	    TAKE(now, BLOCK) != here->block)
		abort(); /* too many for their bits */
	return now;
}

/* Is there nothing between that event and this one? */
static bool unordered(event past, event now)
{
	const event differ = past ^ now;

	if (past == 0 || !(differ & (THREAD | BLOCK)))
		return false;
	if (differ & BLOCK)
		return true;
	return !(differ & BARRIERS) && (differ & WARP || !(differ & WARP_BARRIERS));
}

static void report(const struct place *here, const struct access *access, event past, bool written)
{
	if (races_first_ends)
		_exit(RACES_FOUND);
	if (found++)
		return;
	const char *at = access->at;
	snprintf(first_text, sizeof first_text,
	         "%s: thread %u of block %u %s what thread %u of block %u %s, %s0x%zx", here->kernel,
	         here->thread, here->block, access->writes ? "writes" : "reads", TAKE(past, THREAD),
	         TAKE(past, BLOCK), written ? "writes" : "reads", access->shared ? "shared " : "",
	         access->shared ? (size_t)(at - here->shared) : (size_t)at);
}

static void remember_read(struct cell *cell, event now)
{
	const event differ = cell->read ^ now;

	if (cell->read && differ & BLOCK)
		cell->other_block = true;
	if (!cell->read || differ & (BARRIERS | BLOCK)) {
		cell->read = now;
		cell->other_lane = cell->other_warp = 0;
	} else if (differ & WARP) {
		cell->other_warp = now;
	} else {
		if (differ & LANE)
			cell->other_lane = cell->read;
		cell->read = now;
	}
}

static void access_cell(struct cell *cell, const struct place *here, const struct access *access,
                        event now)
{
	if (unordered(cell->write, now))
		report(here, access, cell->write, true);
	if (!access->writes) {
		if (cell->read != now)
			remember_read(cell, now);
		return;
	}
	const event reads[] = {cell->read, cell->other_lane, cell->other_warp};
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
		if (unordered(reads[i], now) || (cell->other_block && reads[i])) {
			report(here, access, reads[i], false);
			break;
		}
	cell->write = now;
}

static void come_to(const struct place *here, const struct access *access)
{
	const uintptr_t at = (uintptr_t)access->at;
	const event now = made_by(here);
	const uint32_t valid = access->shared ? block_stamp : launch_stamp;
	uintptr_t page = at / PAGE;
	struct cell *cells = cells_of(page);
	for (uintptr_t i = at / GRANULE; i <= (at + access->bytes - 1) / GRANULE; i++) {
		if (i / CELLS != page)
			cells = cells_of(page = i / CELLS);
		struct cell *cell = &cells[i % CELLS];
		if (cell->stamp < valid)
			*cell = (struct cell){0};
		cell->stamp = stamp;
		access_cell(cell, here, access, now);
	}
}

const struct watcher races_watcher = {begin_launch, begin_block, come_to};

long races_found(char *first, size_t size)
{
	const long count = found;

	snprintf(first, size, "%s", found ? first_text : "");
	found = 0;
	return count;
}
