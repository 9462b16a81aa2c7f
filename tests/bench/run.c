/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and says what the kernel charged to it and to whatever it started.
 *
 *   bench_run RESULT TOUCH_MIB COMMAND [ARGUMENT...]
 *
 * Before it, TOUCH_MIB MiB of small and as much of large pages are written and freed in a process
 * of their own: the command will most likely get these, and not pay for pages that the host of a
 * virtual machine has not backed yet. RESULT then holds one line:
 * user_us=N system_us=N wall_us=N rss_kib=N status=N. It is a program because the most memory of a
 * process counts from that of its parent on, which had better be small.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SMALL_PAGE_BYTES = 4096 };

struct used {
	int64_t user_us, system_us, wall_us;
	long rss_kib;           /* of the largest process */
	int status;             /* of the command; 128 + number of a signal */
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t in_us(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void write_pages(size_t bytes, int advice)
{
	volatile char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	madvise((void *)(uintptr_t)memory, bytes, advice);
	for (size_t i = 0; i < bytes; i += SMALL_PAGE_BYTES)
		memory[i] = 1;
}

static void touch(size_t bytes)
{
	pid_t child = bytes ? fork() : -1;

	if (child == 0) {
		write_pages(bytes, MADV_NOHUGEPAGE);
		write_pages(bytes, MADV_HUGEPAGE);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void run(char **command, struct used *used)
{
	struct rusage usage;
	int status;
	pid_t ended, child;

	prctl(PR_SET_CHILD_SUBREAPER, 1);       /* what goes into the background is ours, too */
	int64_t start = now_us();
	child = fork();
	if (child == 0) {
		execvp(command[0], command);
		fprintf(stderr, "bench_run: cannot run %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	while ((ended = wait4(-1, &status, 0, &usage)) > 0) {
		used->user_us += in_us(usage.ru_utime);
		used->system_us += in_us(usage.ru_stime);
		if (usage.ru_maxrss > used->rss_kib)
			used->rss_kib = usage.ru_maxrss;
		if (ended == child)
			used->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	used->wall_us = now_us() - start;
}

int main(int argc, char **argv)
{
	struct used used = { 0 };

	if (argc < 4) {
		fprintf(stderr, "usage: bench_run RESULT TOUCH_MIB COMMAND [ARGUMENT...]\n");
		return 2;
	}
	touch(strtoul(argv[2], NULL, 10) << 20);
	run(argv + 3, &used);
	FILE *result = fopen(argv[1], "w");
	if (!result) {
		fprintf(stderr, "bench_run: cannot write %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fprintf(result, "user_us=%" PRId64 " system_us=%" PRId64 " wall_us=%" PRId64
	        " rss_kib=%ld status=%d\n", used.user_us, used.system_us, used.wall_us, used.rss_kib,
	        used.status);
	return fclose(result) == 0 ? 0 : 1;
}
