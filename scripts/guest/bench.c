// SPDX-License-Identifier: GPL-2.0
/*
 * bench: the guest's part of the measurements, see scripts/harness/works.py
 *
 * usage: bench state WORD WARM NAME...	write WORD to the state of each block (or group)
 *        bench probe START STEP COUNT		probe COUNT blocks from START on
 *        bench fill KIND MIB [FILE]		use MIB of memory, hold and check it
 *        bench bystander			time small pieces of work
 *        bench mark start|stop			tell the instruction profiler
 *
 * "state" and "probe" print "ns N": the time by the monotonic clock from before
 * the first write to after the last.  WARM is a block that is toggled first, so
 * that no write waits for what only the first of a series waits for; "-" for none.  A NAME
 * is that of a folder, such as memory8 or group1, or several, such as memory8-15.
 * "fill" prints "ready" when the memory is in use and, after SIGTERM, exits 0 if
 * all of it has the content it was given.  "bystander" starts a new phase at each
 * SIGUSR1 and prints the percentiles of all phases of a kind at SIGTERM; phases
 * are "idle" and "busy" by turns.
 *
 * Owns no decision about what is measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY		"/sys/devices/system/memory"
#define MIB		(1UL << 20)
#define PAGE		4096UL
#define HUGE_PAGE	(2 * MIB)
#define MAX_SAMPLES	(1U << 20)

static volatile sig_atomic_t stop, phases;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		phases++;
	else
		stop = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Long no-operations that the profiler knows by their displacement. */
static void mark_start(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x62, 0x6d, 0x68");
}

static void mark_stop(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x62, 0x6d, 0x68");
}

static void put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, word, strlen(word)) < 0)
		die(path);
	close(fd);
}

static void put_state(const char *name, const char *word)
{
	char path[128];

	snprintf(path, sizeof(path), MEMORY "/%s/state", name);
	put(path, word);
}

static void put_states(const char *name, const char *word)
{
	unsigned int first, last;
	char block[32];

	if (sscanf(name, "memory%u-%u", &first, &last) != 2) {
		put_state(name, word);
		return;
	}
	for (; first <= last; first++) {
		snprintf(block, sizeof(block), "memory%u", first);
		put_state(block, word);
	}
}

static int write_states(int argc, char **argv)
{
	const char *word = argv[0], *warm = argv[1];
	uint64_t start;
	int i;

	if (strcmp(warm, "-")) {
		put_state(warm, "online_movable");
		put_state(warm, "offline");
	}

	start = now();
	mark_start();
	for (i = 2; i < argc; i++)
		put_states(argv[i], word);
	mark_stop();
	printf("ns %llu\n", (unsigned long long)(now() - start));
	return 0;
}

static int probe(char **argv)
{
	uint64_t addr = strtoull(argv[0], NULL, 0);
	uint64_t step = strtoull(argv[1], NULL, 0);
	int count = atoi(argv[2]);
	uint64_t start = now();
	char word[32];

	mark_start();
	for (; count; count--, addr += step) {
		snprintf(word, sizeof(word), "%#llx", (unsigned long long)addr);
		put(MEMORY "/probe", word);
	}
	mark_stop();
	printf("ns %llu\n", (unsigned long long)(now() - start));
	return 0;
}

static int open_backing(const char *kind, size_t size, const char *file)
{
	int fd = -1;

	if (!strcmp(kind, "shmem")) {
		fd = memfd_create("bench", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, size))
			die("memfd");
	} else if (!strcmp(kind, "cache")) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(file);
	}
	return fd;
}

static char *map_memory(const char *kind, size_t size, const char *file)
{
	int fd = open_backing(kind, size, file);
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	int prot = strcmp(kind, "cache") ? PROT_READ | PROT_WRITE : PROT_READ;
	bool thp = !strcmp(kind, "thp");
	char *area;

	if (!strcmp(kind, "hugetlb"))
		flags |= MAP_HUGETLB;
	area = mmap(NULL, size + (thp ? HUGE_PAGE : 0), prot, flags, fd, 0);
	if (area == MAP_FAILED)
		die("mmap");
	if (thp)
		area = (char *)(((uintptr_t)area + HUGE_PAGE - 1) & -HUGE_PAGE);
	madvise(area, size, thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return area;
}

static uint64_t word_of(size_t page)
{
	return (page + 1) * 0x9e3779b97f4a7c15ULL;
}

static void wait_for_term(void)
{
	sigset_t none;

	sigemptyset(&none);
	while (!stop)
		sigsuspend(&none);
}

/* Page cache comes with its content from the file: only its sum is kept. */
static uint64_t sum_pages(const char *area, size_t size)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < size / PAGE; i++)
		sum = sum * 31 + *(const volatile uint64_t *)(area + i * PAGE);
	return sum;
}

static int fill(int argc, char **argv)
{
	size_t size = strtoul(argv[1], NULL, 0) * MIB, i;
	bool written = strcmp(argv[0], "cache");
	char *area = map_memory(argv[0], size, argc > 2 ? argv[2] : NULL);
	uint64_t sum;

	for (i = 0; written && i < size / PAGE; i++)
		*(uint64_t *)(area + i * PAGE) = word_of(i);
	sum = sum_pages(area, size);
	puts("ready");
	fflush(stdout);
	wait_for_term();

	for (i = 0; written && i < size / PAGE; i++)
		if (*(uint64_t *)(area + i * PAGE) != word_of(i))
			return 1;
	return sum_pages(area, size) != sum;
}

/* The two pieces of work, each some tens of microseconds under emulation. */
static void allocate_touch_free(void)
{
	const size_t size = 16 * PAGE;
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (area == MAP_FAILED)
		die("mmap");
	for (i = 0; i < size; i += PAGE)
		area[i] = 1;
	munmap(area, size);
}

static void compute(void)
{
	volatile uint32_t x = 1;
	int i;

	for (i = 0; i < 10000; i++)
		x = x * 1664525 + 1013904223;
}

enum { ALLOC, CPU, KINDS };
enum { IDLE, BUSY, PHASES };

static uint32_t *samples[PHASES][KINDS];
static size_t nr_samples[PHASES][KINDS];

static void sample(int kind, void (*work)(void))
{
	int phase = phases % PHASES;
	uint64_t start = now(), spent;
	size_t *nr = &nr_samples[phase][kind];

	work();
	spent = now() - start;
	if (*nr < MAX_SAMPLES && phase == phases % PHASES)
		samples[phase][kind][(*nr)++] = spent > UINT32_MAX ? UINT32_MAX : spent;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_percentiles(int phase, int kind)
{
	static const char *const phase_names[] = { "idle", "busy" };
	static const char *const kind_names[] = { "alloc", "cpu" };
	uint32_t *s = samples[phase][kind];
	size_t n = nr_samples[phase][kind];

	if (!n)
		return;
	qsort(s, n, sizeof(*s), compare);
	printf("%s %s n %zu p50 %u p99 %u p99.9 %u max %u\n", phase_names[phase],
	       kind_names[kind], n, s[n / 2], s[n * 99 / 100], s[n * 999 / 1000],
	       s[n - 1]);
}

static int bystander(void)
{
	const size_t size = MAX_SAMPLES * sizeof(uint32_t);
	int phase, kind;

	for (phase = 0; phase < PHASES; phase++)
		for (kind = 0; kind < KINDS; kind++) {
			samples[phase][kind] = malloc(size);
			memset(samples[phase][kind], 1, size);
		}
	if (mlockall(MCL_CURRENT))
		die("mlockall");
	puts("ready");
	fflush(stdout);

	while (!stop) {
		sample(ALLOC, allocate_touch_free);
		sample(CPU, compute);
	}
	for (phase = 0; phase < PHASES; phase++)
		for (kind = 0; kind < KINDS; kind++)
			print_percentiles(phase, kind);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const char *verb = argc > 1 ? argv[1] : "";

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	if (!strcmp(verb, "state") && argc > 4)
		return write_states(argc - 2, argv + 2);
	if (!strcmp(verb, "probe") && argc == 5)
		return probe(argv + 2);
	if (!strcmp(verb, "fill") && argc > 3)
		return fill(argc - 2, argv + 2);
	if (!strcmp(verb, "bystander"))
		return bystander();
	if (!strcmp(verb, "mark") && argc == 3) {
		if (strcmp(argv[2], "stop"))
			mark_start();
		else
			mark_stop();
		return 0;
	}
	fputs("usage: bench state|probe|fill|bystander|mark ...\n", stderr);
	return 2;
}
