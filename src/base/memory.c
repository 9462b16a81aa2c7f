/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions: see memory.h. The system gives pages of zeros at the first touch, so a region that is
 * reserved for its bound costs no more than what is used of it. Neighbours: pool.h (items of one
 * size in a region), flow/table.h, flow/index.h, flow/wheel.h.
 */
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE_BYTES = 2 << 20 };

static size_t round_up(size_t value, size_t to) { return (value + to - 1) / to * to; }

int region_init(struct region *region, size_t size_bytes)
{
	size_t size = round_up(size_bytes ? size_bytes : 1, HUGE_PAGE_BYTES);
	/* One huge page more, so that the start can be aligned to one. */
	uint8_t *p = mmap(NULL, size + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	size_t head = round_up((size_t)p, HUGE_PAGE_BYTES) - (size_t)p;
	if (head)
		munmap(p, head);
	if (head < HUGE_PAGE_BYTES)
		munmap(p + head + size, HUGE_PAGE_BYTES - head);
	region->start = p + head;
	region->size_bytes = size;
#ifdef MADV_HUGEPAGE
	madvise(region->start, HUGE_PAGE_BYTES, MADV_NOHUGEPAGE);
	if (size > HUGE_PAGE_BYTES)
		madvise(region->start + HUGE_PAGE_BYTES, size - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
#endif
	return 0;
}

void region_fini(struct region *region)
{
	if (region->start)
		munmap(region->start, region->size_bytes);
	region->start = NULL;
	region->size_bytes = 0;
}

/* A file of a control group; 0: it has no limit, or there is no such file. */
static uint64_t read_limit(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long value = 0;
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &value) != 1)     /* "max": no limit */
		value = 0;
	fclose(f);
	return value;
}

uint64_t memory_of_machine(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 1ull << 30;
	uint64_t group = read_limit("/sys/fs/cgroup/memory.max");
	return group && group < machine ? group : machine;
}
