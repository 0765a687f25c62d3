// SPDX-License-Identifier: GPL-2.0
/*
 * fragment: a process that leaves no free memory in pieces of 2 MiB
 *
 * usage: fragment
 *
 * Takes nearly all free memory.  Of each 2 MiB it then holds one page, by a
 * reference that keeps it from moving, and frees the others.  Where files of the
 * root file system are, it holds a page of theirs.  What is left of free pieces
 * of 2 MiB it takes as huge pages.  So there is much free memory and no such
 * piece, whatever the kernel compacts.  Says "ready HELD", in pages, and gives it
 * all back when it ends.
 *
 * Owns no decision about memory blocks.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "pages.h"

#define HUGE_PAGE	(2 * MIB)
#define HUGE_PFNS	(HUGE_PAGE / PAGE)
#define PIECE		(4 * MIB)	/* taken at once */
#define MAX_PIECES	4096
#define LEAVE		(24 * MIB)	/* free memory that is not taken first */
#define PER_PIPE	256UL
#define MAX_PFN		0x4000000UL

static char *pieces[MAX_PIECES];
static unsigned long nr_pieces;
static bool seen[MAX_PFN / HUGE_PFNS];	/* of which 2 MiB a page is held */
static unsigned long nr_held;

static unsigned long free_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long total, free;

	if (!file)
		err(EXIT_BROKEN, "meminfo");
	if (fscanf(file, "MemTotal: %lu kB MemFree: %lu", &total, &free) != 2)
		errx(EXIT_BROKEN, "meminfo has no MemFree");
	fclose(file);
	return free * 1024;
}

static char *map(size_t size, int advice)
{
	char *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
	madvise(base, size, advice);
	return base;
}

static void touch(char *base, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += PAGE)
		*(volatile char *)(base + at) = 1;
}

static void take_singles(void)
{
	while (free_bytes() > LEAVE + PIECE) {
		if (nr_pieces == MAX_PIECES)
			errx(EXIT_BROKEN, "too much memory");
		pieces[nr_pieces] = map(PIECE, MADV_NOHUGEPAGE);
		touch(pieces[nr_pieces++], PIECE);
	}
}

static bool is_huge(const char *addr)
{
	int fd = open_file("/proc/kpageflags", O_RDONLY);
	uint64_t flags;

	read_entries(fd, pfn_of(addr), &flags, 1);
	close(fd);
	return flags & PG_THP;
}

/* Huge pages until the kernel has none. */
static void take_huge(void)
{
	char *base;

	do {
		base = map(2 * HUGE_PAGE, MADV_HUGEPAGE);
		base += -(uintptr_t)base % HUGE_PAGE;
		*(volatile char *)base = 1;
	} while (is_huge(base));
}

/* A pipe that is not read has a reference to what was spliced into it. */
static void hold(char *addr)
{
	struct iovec vec = { .iov_base = addr, .iov_len = PAGE };
	static int ends[2];

	if (nr_held++ % PER_PIPE == 0 &&
	    (pipe2(ends, O_CLOEXEC) ||
	     fcntl(ends[1], F_SETPIPE_SZ, PER_PIPE * PAGE) < 0))
		err(EXIT_BROKEN, "pipe");
	if (vmsplice(ends[1], &vec, 1, 0) != PAGE)
		err(EXIT_BROKEN, "vmsplice");
}

/* Hold a page if it is the first of its 2 MiB; false if it is not. */
static bool hold_first(char *addr)
{
	unsigned long pfn = pfn_of(addr);

	if (pfn >= MAX_PFN)
		errx(EXIT_BROKEN, "a page at %lx", pfn);
	/* A page that is being moved has no number: it may be held once more. */
	if (pfn && seen[pfn / HUGE_PFNS])
		return false;
	seen[pfn / HUGE_PFNS] = true;
	hold(addr);
	return true;
}

static void hold_piece(char *base)
{
	size_t at;

	for (at = 0; at < PIECE; at += PAGE)
		if (!hold_first(base + at))
			madvise(base + at, PAGE, MADV_DONTNEED);
}

static int hold_file(const char *path, const struct stat *stat, int type,
		     struct FTW *ftw)
{
	volatile char *base;
	off_t at;
	int fd;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(stat->st_mode) || !stat->st_size)
		return 0;
	fd = open_file(path, O_RDONLY);
	base = mmap(NULL, stat->st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		err(EXIT_BROKEN, "%s", path);
	for (at = 0; at < stat->st_size; at += PAGE) {
		(void)base[at];
		hold_first((char *)base + at);
	}
	munmap((char *)base, stat->st_size);
	close(fd);
	return 0;
}

int main(void)
{
	unsigned long i;

	take_singles();
	for (i = 0; i < nr_pieces; i++)
		hold_piece(pieces[i]);
	if (nftw("/", hold_file, 16, FTW_MOUNT | FTW_PHYS))
		err(EXIT_BROKEN, "the root file system");
	take_huge();
	printf("ready %lu\n", nr_held);
	fflush(stdout);
	return pause();
}
