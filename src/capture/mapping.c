/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files mapped under a lease: see mapping.h, which says why. Where the system lacks any of what
 * this needs, the two functions at the end refuse, and files are read. Neighbours: stream.c,
 * block.h.
 */
#include "capture/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"

#if defined(F_SETLEASE) && defined(F_SETSIG) && defined(MADV_POPULATE_READ)

#include <sys/statfs.h>

enum { BEHIND_BYTES = 1 << 20 };        /* that batches under way may still look at */
enum { DROP_BYTES = 4 << 20 };          /* at a time: all processors are told of each */

/* A block that is a file; found again from the block (container_of). */
struct mapping {
	struct block block;
	int fd;                         /* that has the lease */
	uint64_t dropped;               /* octets before this were let go of */
};

/* Filesystems whose files change through this kernel only. */
static bool is_local(int fd)
{
	static const unsigned long kinds[] = {
		0xef53, 0x58465342, 0x9123683e, 0x01021994      /* ext, XFS, Btrfs, tmpfs */
	};
	struct statfs status;
	if (fstatfs(fd, &status))
		return false;
	for (unsigned i = 0; i < array_count(kinds); i++)
		if ((unsigned long)status.f_type == kinds[i])
			return true;
	return false;
}

/* A writer who comes is announced by a signal; SIGURG is one that does nothing. */
static bool take_lease(int fd)
{
	return fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
}

/* The mapping goes before the lease: until then the file may not change. */
static void mapping_drop(struct block *block)
{
	struct mapping *m = container_of(block, struct mapping, block);
	munmap(block->data, block->size);
	fcntl(m->fd, F_SETLEASE, F_UNLCK);
	close(m->fd);
	free(m);
}

/* The lease is asked for on a descriptor of its own, so that it lives as long as the mapping and
 * not as long as the stream. */
int mapping_new(int fd, struct block **ret)
{
	struct stat status;
	struct mapping *m = calloc(1, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (m->fd < 0 || !is_local(fd) || !take_lease(m->fd))
		goto failed;
	/* The size is asked for under the lease: it cannot change any more. */
	void *data = fstat(fd, &status) || status.st_size < MAPPING_LEAST_BYTES ? MAP_FAILED
		: mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		goto unlease;
	m->block = (struct block){ .drop = mapping_drop, .size = (size_t)status.st_size,
	                           .data = data };
	atomic_init(&m->block.references, 1);
	*ret = &m->block;
	return 0;
unlease:
	fcntl(m->fd, F_SETLEASE, F_UNLCK);
failed:
	if (m->fd >= 0)
		close(m->fd);
	free(m);
	return -ENOTSUP;
}

/* What lies behind is given back to the system: a capture of many gigabytes takes a few megabytes
 * of memory at a time. */
int mapping_extend(struct block *block, uint64_t from, uint64_t to)
{
	struct mapping *m = container_of(block, struct mapping, block);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = from & ~(page - 1);
	uint64_t behind = start < BEHIND_BYTES ? 0 : start - BEHIND_BYTES;
	if (fcntl(m->fd, F_GETLEASE) != F_RDLCK)
		return -EAGAIN;
	/* An error of the disk is found here, not by a fault. */
	if (madvise(block->data + start, (size_t)(to - start), MADV_POPULATE_READ))
		return -errno;
	if (behind >= m->dropped + DROP_BYTES) {
		madvise(block->data + m->dropped, (size_t)(behind - m->dropped), MADV_DONTNEED);
		m->dropped = behind;
	}
	return 0;
}

#else

int mapping_new(int fd, struct block **ret)
{
	(void)fd;
	(void)ret;
	return -ENOTSUP;
}

int mapping_extend(struct block *block, uint64_t from, uint64_t to)
{
	(void)block;
	(void)from;
	(void)to;
	return -ENOTSUP;
}

#endif
