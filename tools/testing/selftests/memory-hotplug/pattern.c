// SPDX-License-Identifier: GPL-2.0
/*
 * pattern: a process whose memory is under test
 *
 * usage: pattern MIB SECONDS [SEED [NODE]]
 *
 * Fills MIB of anonymous memory with words that depend on the seed, on the
 * page and on how often the page was rewritten; says "ready"; then checks every
 * page again and again and rewrites some, until SIGTERM or until SECONDS have
 * passed (0: no limit), and checks it all once more.  A page that was lost,
 * swapped with another, torn or left behind as an older copy by migration shows
 * as a wrong word.  Exits 0 only if every check passed.  With NODE the memory
 * comes from there if possible.
 *
 * Owns no decision about memory blocks: others offline them meanwhile.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define STEP		0x9e3779b97f4a7c15ULL	/* odd: no two words of a page are equal */
#define REWRITE_ONE_IN	8

static volatile sig_atomic_t stop;

struct area {
	uint64_t *words;
	uint32_t *generation;	/* how often each page was rewritten */
	unsigned long pages;
	uint64_t seed;
	unsigned long checked, rewritten;
};

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x += STEP;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t first_word(const struct area *area, unsigned long page)
{
	return mix(area->seed ^ mix(page) ^ ((uint64_t)area->generation[page] << 40));
}

static void fill_page(struct area *area, unsigned long page)
{
	uint64_t *word = area->words + page * WORDS;
	uint64_t value = first_word(area, page);

	for (unsigned long i = 0; i < WORDS; i++, value += STEP)
		word[i] = value;
}

static bool page_is_right(struct area *area, unsigned long page)
{
	const uint64_t *word = area->words + page * WORDS;
	uint64_t value = first_word(area, page);

	area->checked++;
	for (unsigned long i = 0; i < WORDS; i++, value += STEP) {
		if (word[i] == value)
			continue;
		fprintf(stderr,
			"pattern: page %lu generation %u word %lu: %016llx, not %016llx\n",
			page, area->generation[page], i,
			(unsigned long long)word[i], (unsigned long long)value);
		return false;
	}
	return true;
}

static void rewrite_page(struct area *area, unsigned long page)
{
	area->generation[page]++;
	area->rewritten++;
	fill_page(area, page);
}

/* Check every page, rewriting some; @last: no rewriting, and not cut short. */
static bool pass(struct area *area, uint64_t *random, bool last)
{
	for (unsigned long page = 0; page < area->pages && (last || !stop); page++) {
		if (!page_is_right(area, page))
			return false;
		*random = mix(*random);
		if (!last && *random % REWRITE_ONE_IN == 0)
			rewrite_page(area, page);
	}
	return true;
}

static void *map(size_t len)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED) {
		fprintf(stderr, "pattern: no memory: %s\n", strerror(errno));
		exit(2);
	}
	return addr;
}

static void prefer_node(int node)
{
	unsigned long mask = 1UL << node;

	if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, &mask, 8 * sizeof(mask))) {
		fprintf(stderr, "pattern: node %d: %s\n", node, strerror(errno));
		exit(2);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool keep_checking(struct area *area, double limit)
{
	double end = seconds() + limit;
	uint64_t random = area->seed;
	unsigned long passes = 0;
	bool right = true;

	while (right && !stop && (!limit || seconds() < end)) {
		right = pass(area, &random, false);
		passes++;
	}
	right = right && pass(area, &random, true);
	printf("%s: %lu passes, %lu pages checked, %lu rewritten, seed %llu\n",
	       right ? "intact" : "DAMAGED", passes, area->checked, area->rewritten,
	       (unsigned long long)area->seed);
	return right;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_term };
	struct area area = { .seed = 1 };
	unsigned long mib = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;

	if (argc < 3 || argc > 5 || !mib) {
		fprintf(stderr, "usage: pattern MIB SECONDS [SEED [NODE]]\n");
		return 2;
	}
	if (argc > 3)
		area.seed = strtoull(argv[3], NULL, 0);
	if (argc > 4)
		prefer_node(atoi(argv[4]));
	sigaction(SIGTERM, &act, NULL);
	area.pages = (mib << 20) / PAGE;
	area.words = map(mib << 20);
	area.generation = map(area.pages * sizeof(*area.generation));
	for (unsigned long page = 0; page < area.pages && !stop; page++)
		fill_page(&area, page);
	if (stop) {
		fprintf(stderr, "pattern: stopped before it was ready\n");
		return 2;
	}
	printf("ready\n");
	fflush(stdout);
	return keep_checking(&area, strtod(argv[2], NULL)) ? 0 : 1;
}
