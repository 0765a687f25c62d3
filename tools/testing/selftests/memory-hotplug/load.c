// SPDX-License-Identifier: GPL-2.0
/*
 * load: processes that use memory in every ordinary way, and check it
 *
 * usage: load SEED FILE [PATH]...
 *
 * Four processes work until SIGTERM: one maps, touches, moves and unmaps memory of
 * random sizes; one forks children that write to what they share; one writes,
 * reads and drops pages of FILE, through calls and through a mapping; one maps
 * huge pages and gives up parts of them.  For each PATH (the state file of a memory
 * block) there is in addition one that writes "offline" and "online_movable" there
 * by turns.  All content is checked.  Exits 0 only if all of it was right; says
 * how much was done.
 *
 * Owns no judgement about blocks: a state that is refused is no error here.
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
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define MOST_PAGES	2048UL
#define SHARED_PAGES	1024UL
#define FILE_PAGES	4096UL
#define HUGE		(2UL << 20)
#define MOST_WORKERS	16

struct worker {
	const char *name;
	void (*work)(struct worker *self);
	const char *path;
	uint64_t random;
	pid_t pid;
	unsigned long done;	/* pieces of work */
	unsigned long refused;	/* of them: what the kernel declined */
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t next(struct worker *self)
{
	self->random ^= self->random << 13;
	self->random ^= self->random >> 7;
	self->random ^= self->random << 17;
	return self->random;
}

static void fail(const struct worker *self, const char *what, unsigned long page)
{
	fprintf(stderr, "load: %s: %s, page %lu\n", self->name, what, page);
	_exit(1);
}

/* Words at both ends and in the middle: a page that is torn or mixed up shows. */
static void fill(uint64_t *page, uint64_t value)
{
	page[0] = value;
	page[WORDS / 2] = ~value;
	page[WORDS - 1] = value * 3;
}

static bool is_filled(const uint64_t *page, uint64_t value)
{
	return page[0] == value && page[WORDS / 2] == ~value &&
	       page[WORDS - 1] == value * 3;
}

static uint64_t *map_pages(unsigned long pages)
{
	void *addr = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

static void fill_pages(uint64_t *area, unsigned long pages, uint64_t value)
{
	for (unsigned long i = 0; i < pages; i++)
		fill(area + i * WORDS, value + i);
}

static void check_pages(const struct worker *self, const uint64_t *area,
			unsigned long pages, uint64_t value, const char *what)
{
	for (unsigned long i = 0; i < pages; i++)
		if (!is_filled(area + i * WORDS, value + i))
			fail(self, what, i);
}

static void map_and_unmap(struct worker *self)
{
	unsigned long pages = 1 + next(self) % MOST_PAGES;
	uint64_t value = next(self), *area = map_pages(pages), *moved;

	if (!area) {
		self->refused++;
		return;
	}
	fill_pages(area, pages, value);
	check_pages(self, area, pages, value, "wrong after filling");
	moved = mremap(area, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED) {
		self->refused++;
		munmap(area, pages * PAGE);
		return;
	}
	check_pages(self, moved, pages, value, "wrong after mremap");
	munmap(moved, 2 * pages * PAGE);
}

/* The child writes to every other page and must not see the parent's writes. */
static void be_child(struct worker *self, uint64_t *area, uint64_t value)
{
	for (unsigned long i = 0; i < SHARED_PAGES; i += 2)
		fill(area + i * WORDS, ~value + i);
	for (unsigned long i = 0; i < SHARED_PAGES; i++)
		if (!is_filled(area + i * WORDS, (i % 2 ? value : ~value) + i))
			fail(self, "wrong in the child", i);
	_exit(0);
}

static void fork_and_write(struct worker *self)
{
	static uint64_t *area;
	uint64_t value = next(self);
	int status;
	pid_t pid;

	if (!area)
		area = map_pages(SHARED_PAGES);
	if (!area)
		fail(self, "no memory", 0);
	fill_pages(area, SHARED_PAGES, value);
	pid = fork();
	if (!pid)
		be_child(self, area, value);
	check_pages(self, area, SHARED_PAGES, value, "wrong in the parent");
	if (pid < 0) {
		self->refused++;
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		fail(self, "the child failed", 0);
}

static int open_file(struct worker *self)
{
	uint64_t page[WORDS] = {};
	int fd = open(self->path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (unsigned long i = 0; fd >= 0 && i < FILE_PAGES; i++) {
		fill(page, i);
		if (pwrite(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE)
			fail(self, "cannot write the file", i);
	}
	if (fd < 0)
		fail(self, "cannot open the file", 0);
	return fd;
}

static void use_file(struct worker *self)
{
	static int fd = -1;
	static uint64_t *map;
	unsigned long i = next(self) % FILE_PAGES;
	uint64_t page[WORDS];

	if (fd < 0) {
		fd = open_file(self);
		map = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
	}
	if (map == MAP_FAILED)
		fail(self, "cannot map the file", 0);
	if (pread(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE)
		fail(self, "cannot read the file", i);
	if (!is_filled(page, i) || !is_filled(map + i * WORDS, i))
		fail(self, "the file is wrong", i);
	fill(map + i * WORDS, i);
	if (self->done % 512 == 0) {
		fdatasync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
}

static void use_huge(struct worker *self)
{
	const unsigned long pages = 4 * HUGE / PAGE;
	uint64_t value = next(self), *area = map_pages(pages);
	unsigned long hole = next(self) % (pages - 64);

	if (!area) {
		self->refused++;
		return;
	}
	madvise(area, pages * PAGE, MADV_HUGEPAGE);
	fill_pages(area, pages, value);
	madvise(area + hole * WORDS, 64 * PAGE, MADV_DONTNEED);
	for (unsigned long i = hole; i < hole + 64; i++)
		if (area[i * WORDS])
			fail(self, "given up and still there", i);
	check_pages(self, area, hole, value, "wrong before the hole");
	check_pages(self, area + (hole + 64) * WORDS, pages - hole - 64,
		    value + hole + 64, "wrong behind the hole");
	munmap(area, pages * PAGE);
}

static void toggle(struct worker *self)
{
	const char *word = self->done % 2 ? "online_movable" : "offline";
	int fd = open(self->path, O_WRONLY);

	if (fd < 0 || write(fd, word, strlen(word)) < 0)
		self->refused++;
	if (fd >= 0)
		close(fd);
	usleep(next(self) % 20000);
}

static void run_worker(struct worker *self)
{
	pid_t pid = fork();

	/* The worker's memory is shared: only its parent writes this. */
	if (pid) {
		self->pid = pid;
		return;
	}
	while (!stop) {
		self->work(self);
		self->done++;
	}
	_exit(0);
}

/* Whether a worker has ended; its status stays to be asked for. */
static bool one_has_ended(void)
{
	siginfo_t info = {};

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid;
}

/* Whether it ended well; tells what it did. */
static bool end_worker(struct worker *self)
{
	int status = 1;

	if (self->pid <= 0)
		return false;
	kill(self->pid, SIGTERM);
	while (waitpid(self->pid, &status, 0) < 0 && errno == EINTR)
		;
	printf("%s: %lu done, %lu refused%s\n", self->name, self->done,
	       self->refused, status ? ", FAILED" : "");
	return !status && self->done;
}

static void add_worker(struct worker *worker, const char *name,
		       void (*work)(struct worker *self), const char *path)
{
	worker->name = name;
	worker->work = work;
	worker->path = path;
}

static int prepare(struct worker *workers, int argc, char **argv)
{
	int nr = 0;

	add_worker(&workers[nr++], "map", map_and_unmap, NULL);
	add_worker(&workers[nr++], "fork", fork_and_write, NULL);
	add_worker(&workers[nr++], "file", use_file, argv[2]);
	add_worker(&workers[nr++], "huge", use_huge, NULL);
	for (int i = 3; i < argc && nr < MOST_WORKERS; i++)
		add_worker(&workers[nr++], argv[i], toggle, argv[i]);
	for (int i = 0; i < nr; i++)
		workers[i].random = strtoull(argv[1], NULL, 0) * 77 + i + 1;
	return nr;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_term };
	struct worker *workers;
	bool right = true;
	int nr;

	if (argc < 3) {
		fprintf(stderr, "usage: load SEED FILE [PATH]...\n");
		return 2;
	}
	workers = mmap(NULL, MOST_WORKERS * sizeof(*workers),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED)
		return 2;
	sigaction(SIGTERM, &act, NULL);
	nr = prepare(workers, argc, argv);
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; i < nr; i++)
		run_worker(&workers[i]);
	while (!stop && !one_has_ended())
		usleep(50000);
	for (int i = 0; i < nr; i++)
		right &= end_worker(&workers[i]);
	return right ? 0 : 1;
}
