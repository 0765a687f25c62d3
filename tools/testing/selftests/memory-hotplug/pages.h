/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space can know of the pages of memory
 *
 * Owns pfn and flags of pages as /proc tells them, the content that a page is
 * given and must still have later, and the ways in which a test program ends.
 */
#ifndef PAGES_H
#define PAGES_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE		4096UL
#define MIB		1048576UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define CHUNK		512UL			/* pages that are asked about at once */
#define STEP		0x9e3779b97f4a7c15ULL	/* odd: no two words of a page are equal */

#define BIT_ULL(nr)	(1ULL << (nr))
#define PAGEMAP_PFN	(BIT_ULL(55) - 1)
#define PAGEMAP_PRESENT	BIT_ULL(63)

/* Bits of /proc/kpageflags; the last is for kernel developers. */
#define PG_DIRTY	BIT_ULL(4)
#define PG_LRU		BIT_ULL(5)
#define PG_SLAB		BIT_ULL(7)
#define PG_WRITEBACK	BIT_ULL(8)
#define PG_MMAP		BIT_ULL(11)
#define PG_ANON		BIT_ULL(12)
#define PG_SWAPCACHE	BIT_ULL(13)
#define PG_SWAPBACKED	BIT_ULL(14)
#define PG_HUGE		BIT_ULL(17)
#define PG_HWPOISON	BIT_ULL(19)
#define PG_KSM		BIT_ULL(21)
#define PG_THP		BIT_ULL(22)
#define PG_PGTABLE	BIT_ULL(26)
#define PG_MLOCKED	BIT_ULL(33)

/*
 * How a program ends: the content of memory is wrong; something failed that has
 * nothing to do with it; the kernel or the machine lacks what is asked for.
 */
enum { EXIT_DAMAGED = 1, EXIT_BROKEN = 2, EXIT_MISSING = 4 };

/*
 * End because the kernel refuses something: it does not know it, or it fails at
 * it, for want of memory for example.
 */
static inline _Noreturn void refused(const char *what)
{
	bool unknown = errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL ||
		       errno == ENOENT;

	err(unknown ? EXIT_MISSING : EXIT_BROKEN, "%s", what);
}

/* splitmix64 */
static inline uint64_t mix(uint64_t x)
{
	x += STEP;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* What a word of a page is: behind the first words there is nothing. */
struct content {
	uint64_t seed;
	unsigned long words;
};

static inline void fill_page(void *addr, const struct content *content,
			     unsigned long number)
{
	uint64_t value = mix(content->seed ^ mix(number)), *word = addr;
	unsigned long i;

	for (i = 0; i < WORDS; i++, value += STEP)
		word[i] = i < content->words ? value : 0;
}

static inline bool page_is_right(const void *addr, const struct content *content,
				 unsigned long number)
{
	uint64_t value = mix(content->seed ^ mix(number));
	const uint64_t *word = addr;
	unsigned long i;

	for (i = 0; i < WORDS; i++, value += STEP) {
		uint64_t wanted = i < content->words ? value : 0;

		if (word[i] == wanted)
			continue;
		fprintf(stderr, "DAMAGED page %lu word %lu: %016llx, not %016llx\n",
			number, i, (unsigned long long)word[i],
			(unsigned long long)wanted);
		return false;
	}
	return true;
}

static inline int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		refused(path);
	return fd;
}

/* Entries of a file that has 64 bits for each page; 0 for those it has not. */
static inline void read_entries(int fd, unsigned long first, uint64_t *entries,
				unsigned long nr)
{
	ssize_t len = pread(fd, entries, nr * sizeof(*entries),
			    first * sizeof(*entries));

	if (len < 0)
		len = 0;
	memset((char *)entries + len, 0, nr * sizeof(*entries) - len);
}

/* The pfn behind an address, 0 if there is no page. */
static inline unsigned long pfn_of(const void *addr)
{
	int fd = open_file("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	read_entries(fd, (uintptr_t)addr / PAGE, &entry, 1);
	close(fd);
	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

/* One number from a file of /sys, /proc or a control group. */
static inline unsigned long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number;

	if (!file)
		refused(path);
	if (fscanf(file, "%lu", &number) != 1)
		errx(EXIT_BROKEN, "%s: no number", path);
	fclose(file);
	return number;
}

static inline void write_text(const char *path, const char *text)
{
	int fd = open_file(path, O_WRONLY);

	if (write(fd, text, strlen(text)) < 0)
		err(EXIT_BROKEN, "%s > %s", text, path);
	close(fd);
}

static inline void write_number(const char *path, unsigned long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", number);
	write_text(path, text);
}

#endif /* PAGES_H */
