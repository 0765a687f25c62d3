// SPDX-License-Identifier: GPL-2.0
/*
 * hold: a process with a page that nobody can move
 *
 * usage: hold
 *
 * Splices a page of its memory into a pipe that nobody reads: the pipe has a
 * reference to the page until the process ends, and a page with such a
 * reference does not migrate.  Says "ready PFN" and waits for SIGTERM.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE		4096UL
#define PFN_MASK	((1ULL << 55) - 1)

static uint64_t pfn_of(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (uintptr_t)addr / PAGE * sizeof(entry)) != sizeof(entry))
		perror("pagemap");
	close(fd);
	return entry & PFN_MASK;
}

int main(void)
{
	struct iovec iov = { .iov_len = PAGE };
	int ends[2];

	iov.iov_base = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iov.iov_base == MAP_FAILED || pipe(ends)) {
		perror("hold");
		return 1;
	}
	memset(iov.iov_base, 1, PAGE);
	if (vmsplice(ends[1], &iov, 1, 0) != (ssize_t)PAGE) {
		perror("vmsplice");
		return 1;
	}
	printf("ready %llx\n", (unsigned long long)pfn_of(iov.iov_base));
	fflush(stdout);
	pause();
	return 0;
}
