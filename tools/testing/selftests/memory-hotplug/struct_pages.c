// SPDX-License-Identifier: GPL-2.0
/*
 * struct_pages: what is in the struct pages of a range, for a look from outside
 *
 * usage: struct_pages START_PFN END_PFN
 *
 * Reads them through /proc/kcore, so that any kernel can be asked whose struct
 * page has eight words and whose memmap is at the usual place of x86-64 without
 * address randomisation.  Equal neighbours make one line: offset from START_PFN,
 * pages, and the words in hex, where those of the list head (words 1 and 2), which mean
 * nothing for a page that is on no list and differ for one that is, are a "-".
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VMEMMAP		0xffffea0000000000UL
#define WORDS		8
#define AT_ONCE		4096UL
#define MAX_HEADERS	512

struct page {
	uint64_t word[WORDS];
};

static Elf64_Phdr headers[MAX_HEADERS];
static int nr_headers;

static bool read_headers(int fd)
{
	Elf64_Ehdr head;
	ssize_t size;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_phnum > MAX_HEADERS)
		return false;
	nr_headers = head.e_phnum;
	size = nr_headers * sizeof(headers[0]);
	return pread(fd, headers, size, head.e_phoff) == size;
}

/* Read memory at a kernel address that one segment holds all of. */
static bool read_memory(int fd, uint64_t addr, void *to, size_t size)
{
	for (int i = 0; i < nr_headers; i++) {
		uint64_t start = headers[i].p_vaddr;

		if (headers[i].p_type != PT_LOAD || addr < start ||
		    addr + size > start + headers[i].p_memsz)
			continue;
		return pread(fd, to, size, headers[i].p_offset + addr - start) ==
		       (ssize_t)size;
	}
	return false;
}

static bool are_alike(const struct page *a, const struct page *b)
{
	for (int i = 0; i < WORDS; i++)
		if (i != 1 && i != 2 && a->word[i] != b->word[i])
			return false;
	return true;
}

static void print_run(const struct page *page, unsigned long first,
		      unsigned long count)
{
	if (!count)
		return;
	printf("%lu %lu %lx - -", first, count, page->word[0]);
	for (int i = 3; i < WORDS; i++)
		printf(" %lx", page->word[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct page pages[AT_ONCE], run;
	unsigned long start, end, first = 0, count = 0;
	int fd = open("/proc/kcore", O_RDONLY);

	if (argc != 3 || fd < 0 || !read_headers(fd)) {
		fprintf(stderr, "usage: struct_pages START_PFN END_PFN\n");
		return 2;
	}
	start = strtoul(argv[1], NULL, 0);
	end = strtoul(argv[2], NULL, 0);
	for (unsigned long pfn = start; pfn < end; pfn += AT_ONCE) {
		if (!read_memory(fd, VMEMMAP + pfn * sizeof(run), pages, sizeof(pages))) {
			fprintf(stderr, "struct_pages: nothing at pfn %#lx\n", pfn);
			return 1;
		}
		for (unsigned long i = 0; i < AT_ONCE && pfn + i < end; i++) {
			if (count && are_alike(&run, &pages[i])) {
				count++;
				continue;
			}
			print_run(&run, first, count);
			run = pages[i];
			first = pfn + i - start;
			count = 1;
		}
	}
	print_run(&run, first, count);
	return 0;
}
