// SPDX-License-Identifier: GPL-2.0
/*
 * page_kinds: a process whose memory is of one kind
 *
 * usage: page_kinds KIND MIB START_PFN END_PFN [PATH]
 *
 * Makes MIB of memory of a kind and gives each page a content of its own.  Looks
 * up by /proc/self/pagemap and /proc/kpageflags that the pages are what they
 * should be, says "ready INSIDE TOTAL" and waits for SIGTERM.  Then checks the
 * content of every page, says "intact INSIDE TOTAL" and exits 0, or says
 * "DAMAGED" on standard error and exits 1.  INSIDE is how many of the TOTAL pages
 * are from START_PFN to before END_PFN.  SIGUSR1 has it let go of pages that it
 * keeps from moving, where a kind can do that; it says "released" then.
 *
 * Kinds that keep single pages from moving say which after "ready": the pfn of
 * each in hexadecimal.  Kinds that make memory for the kernel's own use count all
 * pages of that use as INSIDE, and what was asked for as TOTAL.
 *
 * PATH is the folder for files without a name (the kinds file-*, tmpfs), for
 * directories (slab) and for names that do not exist (dentries), or a block device
 * that is overwritten (device).  Exits 4, with one line that says what is missing,
 * if the kernel or the machine does not know such memory, and 2 if something else
 * failed, also if there is too little memory for it.
 *
 * Owns the making of memory, and no decision about memory blocks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/mman.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "pages.h"

#define HUGE_PAGE	(2 * MIB)
#define SHARERS		20
#define STACKS		500
#define MAX_HELD	256
#define HOLD_EVERY	4096UL		/* of the pages of an area, one is held */
#define FRESH_PAGES	20UL		/* fewer than a per-CPU list of pages has room for */
#define DIRECTORY_SIZE	1024UL		/* about what the kernel needs for one */
#define LONG_NAME	230		/* characters, which the kernel has to keep */
#define DENTRY_SIZE	448UL		/* what it needs for one, and such a name */
#define WAIT_SECONDS	300
#define KSM		"/sys/kernel/mm/ksm/"
#define CGROUPS		"/sys/fs/cgroup/"
/* Page tables of the area, and what CPUs have charged in advance. */
#define CHARGE_EXTRA	(4 * MIB)
/* How much the charge may change while pages move: what CPUs have in advance. */
#define CHARGE_CHANGE	MIB

struct area {
	char *base;
	unsigned long pages;
	unsigned long stride;		/* in pages, from one to the next */
	unsigned long period;		/* after so many pages the content repeats */
	struct content content;
	unsigned long start_pfn, end_pfn;
	const char *path;
	int fd;
	unsigned long held[MAX_HELD];	/* the pfns of pages that do not move */
	unsigned long nr_held;
};

struct count {
	unsigned long inside, total;
};

struct kind {
	const char *name;
	void (*make)(struct area *area);
	bool (*check)(struct area *area);
	void (*release)(struct area *area);	/* what keeps pages from moving */
	void (*undo)(struct area *area);	/* what would outlive the process */
	struct count (*count)(const struct area *area);
	uint64_t has, lacks;			/* flags of its pages when they are ready */
	unsigned int percent;			/* how many pages must have them */
};

/* Content */

static char *page_at(const struct area *area, unsigned long i)
{
	return area->base + i * area->stride * PAGE;
}

static void fill(struct area *area)
{
	unsigned long i;

	for (i = 0; i < area->pages; i++)
		fill_page(page_at(area, i), &area->content, i % area->period);
}

static bool check_pages(struct area *area)
{
	unsigned long i;

	for (i = 0; i < area->pages; i++)
		if (!page_is_right(page_at(area, i), &area->content, i % area->period))
			return false;
	return true;
}

/* Counting */

static void count_pfn(const struct area *area, unsigned long pfn,
		      struct count *count)
{
	count->total++;
	count->inside += pfn >= area->start_pfn && pfn < area->end_pfn;
}

/* Count the pages behind some pagemap entries that have the right flags. */
static void count_entries(const struct area *area, int flags_fd,
			  const uint64_t *entries, unsigned long nr,
			  const struct kind *kind, struct count *count)
{
	unsigned long i;
	uint64_t flags;

	for (i = 0; i < nr; i++) {
		unsigned long pfn = entries[i] & PAGEMAP_PFN;

		if (!(entries[i] & PAGEMAP_PRESENT))
			continue;
		read_entries(flags_fd, pfn, &flags, 1);
		if ((flags & kind->has) == kind->has && !(flags & kind->lacks))
			count_pfn(area, pfn, count);
	}
}

/* Count the pages of an area that have the flags of a kind. */
static struct count count_kind(const struct area *area, const struct kind *kind)
{
	int map_fd = open_file("/proc/self/pagemap", O_RDONLY);
	int flags_fd = open_file("/proc/kpageflags", O_RDONLY);
	unsigned long first = (uintptr_t)area->base / PAGE, i, nr;
	struct count count = {};
	uint64_t entries[CHUNK];

	for (i = 0; i < area->pages; i += nr) {
		nr = area->pages - i < CHUNK ? area->pages - i : CHUNK;
		read_entries(map_fd, first + i, entries, nr);
		count_entries(area, flags_fd, entries, nr, kind, &count);
	}
	close(map_fd);
	close(flags_fd);
	return count;
}

/* How many pages of the range have a flag, whoever they belong to. */
static unsigned long scan_range(const struct area *area, uint64_t flag)
{
	int fd = open_file("/proc/kpageflags", O_RDONLY);
	unsigned long pfn, nr, i, found = 0;
	uint64_t flags[CHUNK];

	for (pfn = area->start_pfn; pfn < area->end_pfn; pfn += nr) {
		nr = area->end_pfn - pfn < CHUNK ? area->end_pfn - pfn : CHUNK;
		read_entries(fd, pfn, flags, nr);
		for (i = 0; i < nr; i++)
			found += !!(flags[i] & flag);
	}
	close(fd);
	return found;
}

/* The pages of an area that are in memory, of whatever kind. */
static struct count count_present(const struct area *area)
{
	static const struct kind any = {};

	return count_kind(area, &any);
}

/* Wait until most pages have the flags of a kind. */
static void wait_for_kind(const struct area *area, const struct kind *kind)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	time_t end = time(NULL) + WAIT_SECONDS;

	while (count_kind(area, kind).total * 100 < area->pages * kind->percent) {
		if (time(NULL) > end)
			errx(EXIT_BROKEN, "pages did not become %s in %d s", kind->name,
			     WAIT_SECONDS);
		nanosleep(&pause, NULL);
	}
}

/* Memory without a file */

static void map(struct area *area, size_t size, int flags)
{
	area->base = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, area->fd, 0);
	if (area->base == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
}

static void map_anon(struct area *area)
{
	map(area, area->pages * PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	madvise(area->base, area->pages * PAGE, MADV_NOHUGEPAGE);
}

static void make_anon(struct area *area)
{
	map_anon(area);
	fill(area);
}

static void make_mlocked(struct area *area)
{
	map_anon(area);
	if (mlock(area->base, area->pages * PAGE))
		err(EXIT_BROKEN, "mlock");
	fill(area);
}

static void make_shared_anon(struct area *area)
{
	map(area, area->pages * PAGE, MAP_SHARED | MAP_ANONYMOUS);
	fill(area);
}

static void make_thp(struct area *area)
{
	size_t size = area->pages * PAGE;

	map(area, size + HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	area->base += -(uintptr_t)area->base % HUGE_PAGE;
	if (madvise(area->base, size, MADV_HUGEPAGE))
		refused("MADV_HUGEPAGE");
	fill(area);
}

/* Fork; the child ends with this process, and does not return. */
static pid_t fork_child(int (*child)(struct area *area), struct area *area)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_BROKEN, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(child(area));
	}
	return pid;
}

static int wait_for(const sigset_t *signals)
{
	int sig;

	sigwait(signals, &sig);
	return sig;
}

static void wait_for_term(void)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	wait_for(&term);
}

static pid_t children[STACKS];

static int check_at_end(struct area *area)
{
	wait_for_term();
	return check_pages(area) ? 0 : EXIT_DAMAGED;
}

static void require_mapcount(const struct area *area, uint64_t wanted)
{
	int fd = open_file("/proc/kpagecount", O_RDONLY);
	unsigned long i;
	uint64_t count;

	for (i = 0; i < area->pages; i++) {
		read_entries(fd, pfn_of(page_at(area, i)), &count, 1);
		if (count != wanted)
			errx(EXIT_BROKEN, "page %lu is mapped %llu times, not %llu", i,
			     (unsigned long long)count, (unsigned long long)wanted);
	}
	close(fd);
}

static void make_many(struct area *area)
{
	int i;

	make_anon(area);
	for (i = 0; i < SHARERS; i++)
		children[i] = fork_child(check_at_end, area);
	require_mapcount(area, SHARERS + 1);
}

static bool check_many(struct area *area)
{
	bool right = check_pages(area);
	int i, status;

	for (i = 0; i < SHARERS; i++)
		kill(children[i], SIGTERM);
	for (i = 0; i < SHARERS; i++)
		if (waitpid(children[i], &status, 0) != children[i] || status)
			right = false;
	return right;
}

static void run_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(EXIT_BROKEN, "cannot run on CPU %d", cpu);
}

/* The last pages come on all CPUs in turn, and wait there to be put on a list. */
static void make_fresh(struct area *area)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;
	unsigned long first = area->pages - cpus * FRESH_PAGES, i;

	make_anon(area);
	madvise(page_at(area, first), cpus * FRESH_PAGES * PAGE, MADV_DONTNEED);
	for (cpu = 0; cpu < cpus; cpu++) {
		run_on(cpu);
		for (i = 0; i < FRESH_PAGES; i++, first++)
			fill_page(page_at(area, first), &area->content, first);
	}
}

/* Memory of files */

static void map_file(struct area *area)
{
	size_t size = area->pages * PAGE;

	if (ftruncate(area->fd, size))
		err(EXIT_BROKEN, "ftruncate");
	map(area, size, MAP_SHARED);
	fill(area);
}

static void make_file(struct area *area)
{
	if (!area->path)
		errx(EXIT_BROKEN, "this kind needs a PATH");
	area->fd = open(area->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (area->fd < 0)
		err(EXIT_BROKEN, "%s", area->path);
	map_file(area);
}

static void make_file_clean(struct area *area)
{
	make_file(area);
	if (fsync(area->fd))
		err(EXIT_BROKEN, "fsync");
}

static void *start_writeback(void *arg)
{
	struct area *area = arg;

	sync_file_range(area->fd, 0, area->pages * PAGE, SYNC_FILE_RANGE_WRITE);
	return NULL;
}

static const struct kind writeback = {
	.name = "under writeback",
	.has = PG_WRITEBACK,
	.percent = 50,
};

/* Starting to write takes as long as the disk's queue is full: not our time. */
static void make_file_writeback(struct area *area)
{
	pthread_t thread;

	make_file(area);
	if (pthread_create(&thread, NULL, start_writeback, area))
		err(EXIT_BROKEN, "pthread_create");
	pthread_detach(thread);
	wait_for_kind(area, &writeback);
}

/* Pages of a block device are buffers, which file systems keep for themselves. */
static void make_device(struct area *area)
{
	if (!area->path)
		errx(EXIT_MISSING, "this kind needs a PATH");
	area->fd = open_file(area->path, O_RDWR);
	map(area, area->pages * PAGE, MAP_SHARED);
	fill(area);
	if (fsync(area->fd))
		err(EXIT_BROKEN, "fsync");
}

static void make_memfd(struct area *area)
{
	area->fd = memfd_create("page_kinds", MFD_CLOEXEC);
	if (area->fd < 0)
		refused("memfd_create");
	map_file(area);
}

static void make_secret(struct area *area)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	area->fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	if (area->fd < 0)
		refused("memfd_secret");
	if (setrlimit(RLIMIT_MEMLOCK, &all))
		err(EXIT_BROKEN, "setrlimit");
	map_file(area);
}

/* Huge pages */

static struct {
	char path[80];
	unsigned long before, added;
} pool;

/* Enlarge the pool of a size to have a number of free pages more. */
static void grow_pool(unsigned long size, unsigned long nr)
{
	snprintf(pool.path, sizeof(pool.path),
		 "/sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages", size / 1024);
	pool.before = read_number(pool.path);
	pool.added = nr;
	write_number(pool.path, pool.before + nr);
	if (read_number(pool.path) == pool.before + nr)
		return;
	write_number(pool.path, pool.before);
	errx(EXIT_BROKEN, "no memory for %lu huge pages of %lu kB", nr, size / 1024);
}

static void undo_pool(struct area *area)
{
	if (area->base)
		munmap(area->base, area->pages * PAGE);
	write_number(pool.path, pool.before);
}

/* Use pages that the pool has, or may allocate beyond its size. */
static void map_huge(struct area *area, int flag)
{
	area->period = area->pages;
	map(area, area->pages * PAGE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | flag);
	fill(area);
}

static void make_huge(struct area *area, size_t size, int flag)
{
	size_t nr = (area->pages * PAGE + size - 1) / size;

	area->pages = nr * size / PAGE;
	grow_pool(size, nr);
	map_huge(area, flag);
}

static void make_hugetlb(struct area *area)
{
	make_huge(area, HUGE_PAGE, MAP_HUGE_2MB);
}

static void make_hugetlb_pool(struct area *area)
{
	map_huge(area, MAP_HUGE_2MB);
}

static void make_hugetlb_1g(struct area *area)
{
	make_huge(area, 1024 * MIB, MAP_HUGE_1GB);
}

static void make_hugetlb_free(struct area *area)
{
	grow_pool(HUGE_PAGE, area->pages * PAGE / HUGE_PAGE);
}

static struct count count_hugetlb_free(const struct area *area)
{
	return (struct count) {
		.inside = scan_range(area, PG_HUGE),
		.total = pool.added * HUGE_PAGE / PAGE,
	};
}

/* For memory in which nobody has put anything. */
static bool check_nothing(struct area *area)
{
	(void)area;
	return true;
}

/* Merged pages */

static struct {
	unsigned long pages_to_scan, sleep_millisecs;
} ksm_before;

static const struct kind merged = {
	.name = "merged",
	.has = PG_KSM,
	.percent = 95,
};

static void make_ksm(struct area *area)
{
	ksm_before.pages_to_scan = read_number(KSM "pages_to_scan");
	ksm_before.sleep_millisecs = read_number(KSM "sleep_millisecs");
	map_anon(area);
	area->period = area->pages / 2;
	fill(area);
	if (madvise(area->base, area->pages * PAGE, MADV_MERGEABLE))
		refused("MADV_MERGEABLE");
	write_number(KSM "pages_to_scan", 20000);
	write_number(KSM "sleep_millisecs", 10);
	write_number(KSM "run", 1);
	wait_for_kind(area, &merged);
	write_number(KSM "run", 0);
}

/* What the kernel notes of each page it would keep after the process otherwise. */
static void undo_ksm(struct area *area)
{
	munmap(area->base, area->pages * PAGE);
	write_number(KSM "run", 2);
	write_number(KSM "run", 0);
	write_number(KSM "pages_to_scan", ksm_before.pages_to_scan);
	write_number(KSM "sleep_millisecs", ksm_before.sleep_millisecs);
}

/* Swapped pages */

static bool swap_is_on(void)
{
	FILE *file = fopen("/proc/swaps", "re");
	char line[256];
	int lines = 0;

	while (file && fgets(line, sizeof(line), file))
		lines++;
	if (file)
		fclose(file);
	return lines > 1;
}

static void swap_out(struct area *area)
{
	if (!swap_is_on())
		errx(EXIT_BROKEN, "no swap is on");
	if (madvise(area->base, area->pages * PAGE, MADV_PAGEOUT))
		refused("MADV_PAGEOUT");
}

/* A quarter of each page is empty, so that it can be compressed by that much. */
static void make_swapped(struct area *area)
{
	area->content.words = WORDS * 3 / 4;
	make_anon(area);
	swap_out(area);
}

static void make_swapcache(struct area *area)
{
	unsigned long i;

	make_anon(area);
	swap_out(area);
	for (i = 0; i < area->pages; i++)
		*(volatile char *)page_at(area, i);
}

/* A control group of its own */

static struct {
	char folder[64];
	bool enabled;			/* the controller, by us */
	unsigned long charged;
} group;

static const char *group_file(const char *name)
{
	static char path[sizeof(group.folder) + 32];

	snprintf(path, sizeof(path), "%s/%s", group.folder, name);
	return path;
}

static void enable_memory_controller(void)
{
	char text[256] = "";
	int fd = open_file(CGROUPS "cgroup.subtree_control", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		err(EXIT_BROKEN, "subtree_control");
	close(fd);
	group.enabled = !strstr(text, "memory");
	if (group.enabled)
		write_text(CGROUPS "cgroup.subtree_control", "+memory");
}

static void make_memcg(struct area *area)
{
	size_t size = area->pages * PAGE;

	enable_memory_controller();
	snprintf(group.folder, sizeof(group.folder), CGROUPS "page_kinds-%d", getpid());
	if (mkdir(group.folder, 0700))
		err(EXIT_BROKEN, "%s", group.folder);
	write_number(group_file("memory.max"), 2 * size);
	write_text(group_file("cgroup.procs"), "0");
	make_anon(area);
	group.charged = read_number(group_file("memory.current"));
	if (group.charged < size || group.charged > size + CHARGE_EXTRA)
		errx(EXIT_BROKEN, "%lu bytes are charged for %zu", group.charged, size);
}

static bool check_memcg(struct area *area)
{
	unsigned long charged = read_number(group_file("memory.current"));

	if (charged + CHARGE_CHANGE < group.charged ||
	    charged > group.charged + CHARGE_CHANGE) {
		fprintf(stderr, "DAMAGED charge: %lu bytes, was %lu\n", charged,
			group.charged);
		return false;
	}
	return check_pages(area);
}

static void undo_memcg(struct area *area)
{
	munmap(area->base, area->pages * PAGE);
	write_text(CGROUPS "cgroup.procs", "0");
	if (rmdir(group.folder))
		err(EXIT_BROKEN, "%s", group.folder);
	if (group.enabled)
		write_text(CGROUPS "cgroup.subtree_control", "-memory");
}

/* Pages that somebody holds: single ones among many that are free to move */

static unsigned long collect_held(const struct area *area, struct iovec *vec)
{
	unsigned long i, nr = 0;

	for (i = 0; i < area->pages && nr < MAX_HELD; i += HOLD_EVERY, nr++)
		vec[nr] = (struct iovec) {
			.iov_base = page_at(area, i),
			.iov_len = PAGE,
		};
	return nr;
}

static void note_held(struct area *area, const struct iovec *vec, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		area->held[i] = pfn_of(vec[i].iov_base);
	area->nr_held = nr;
}

/* Buffers that are registered for I/O are pinned for long. */
static void make_pinned(struct area *area)
{
	struct io_uring_params params = {};
	struct iovec vec[MAX_HELD];
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	unsigned long nr;

	if (ring < 0)
		refused("io_uring_setup");
	make_anon(area);
	nr = collect_held(area, vec);
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, vec, nr))
		err(EXIT_BROKEN, "IORING_REGISTER_BUFFERS");
	note_held(area, vec, nr);
}

static int pipe_ends[2];

/* A pipe that nobody reads has a reference to what was spliced into it. */
static void hold_in_pipe(const struct iovec *vec, unsigned long nr)
{
	if (pipe2(pipe_ends, O_CLOEXEC) ||
	    fcntl(pipe_ends[1], F_SETPIPE_SZ, MAX_HELD * PAGE) < 0)
		err(EXIT_BROKEN, "pipe");
	if (vmsplice(pipe_ends[1], vec, nr, 0) != (ssize_t)(nr * PAGE))
		err(EXIT_BROKEN, "vmsplice");
}

static void make_pipe(struct area *area)
{
	struct iovec vec[MAX_HELD];
	unsigned long nr;

	make_anon(area);
	nr = collect_held(area, vec);
	hold_in_pipe(vec, nr);
	note_held(area, vec, nr);
}

/* A huge page of which one page is held can neither move nor be split. */
static void make_thp_pipe(struct area *area)
{
	struct iovec vec = { .iov_len = PAGE };

	make_thp(area);
	vec.iov_base = area->base;
	hold_in_pipe(&vec, 1);
	note_held(area, &vec, 1);
}

static void release_pipe(struct area *area)
{
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	area->nr_held = 0;
}

static struct count count_held(const struct area *area)
{
	struct count count = {};
	unsigned long i;

	for (i = 0; i < area->nr_held; i++)
		count_pfn(area, area->held[i], &count);
	return count;
}

/* Who holds a page believes that it stays where it is. */
static bool check_held(struct area *area)
{
	unsigned long i;

	for (i = 0; i < area->nr_held; i++) {
		unsigned long pfn = pfn_of(page_at(area, i * HOLD_EVERY));

		if (pfn == area->held[i])
			continue;
		fprintf(stderr, "DAMAGED: held page %lx is %lx now\n",
			area->held[i], pfn);
		return false;
	}
	return check_pages(area);
}

static void on_sigbus(int sig)
{
	(void)sig;
}

/* Have the kernel believe that a page is bad; it sends SIGBUS to us for it. */
static void poison(void *addr)
{
	struct sigaction act = { .sa_handler = on_sigbus }, old;

	sigaction(SIGBUS, &act, &old);
	if (madvise(addr, PAGE, MADV_HWPOISON))
		refused("MADV_HWPOISON");
	sigaction(SIGBUS, &old, NULL);
}

/* A bad page is no part of the area: nobody can read it. */
static void make_poisoned(struct area *area)
{
	void *bad;

	make_anon(area);
	bad = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bad == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
	fill_page(bad, &area->content, area->pages);
	area->held[area->nr_held++] = pfn_of(bad);
	poison(bad);
}

/* Memory of the kernel */

static void make_page_table(struct area *area)
{
	area->stride = HUGE_PAGE / PAGE;
	map(area, area->pages * HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	madvise(area->base, area->pages * HUGE_PAGE, MADV_NOHUGEPAGE);
	fill(area);
}

static struct count count_page_table(const struct area *area)
{
	return (struct count) {
		.inside = scan_range(area, PG_PGTABLE),
		.total = area->pages,
	};
}

static struct {
	char folder[256];
	unsigned long nr;
} directories;

/* Call something for each directory; false if it fails for one. */
static bool each_directory(int (*call)(const char *path))
{
	char path[sizeof(directories.folder) + 24];
	unsigned long i;

	for (i = 0; i < directories.nr; i++) {
		snprintf(path, sizeof(path), "%s/%lu", directories.folder, i);
		if (!call(path))
			continue;
		warn("DAMAGED %s", path);
		return false;
	}
	return true;
}

static int make_directory(const char *path)
{
	return mkdir(path, 0700);
}

static int find_directory(const char *path)
{
	return access(path, F_OK);
}

static void make_slab(struct area *area)
{
	snprintf(directories.folder, sizeof(directories.folder), "%s/page_kinds-%d",
		 area->path ?: "/tmp", getpid());
	directories.nr = area->pages * PAGE / DIRECTORY_SIZE;
	if (mkdir(directories.folder, 0700) || !each_directory(make_directory))
		err(EXIT_BROKEN, "%s", directories.folder);
}

static struct count count_slab(const struct area *area)
{
	return (struct count) {
		.inside = scan_range(area, PG_SLAB),
		.total = area->pages,
	};
}

static bool check_slab(struct area *area)
{
	(void)area;
	return each_directory(find_directory);
}

static void undo_slab(struct area *area)
{
	(void)area;
	each_directory(rmdir);
	rmdir(directories.folder);
}

/* The kernel remembers names that do not exist, until it needs the memory. */
static void make_dentries(struct area *area)
{
	unsigned long nr = area->pages * PAGE / DENTRY_SIZE, i;
	char path[PATH_MAX];

	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%0*lu", area->path ?: "/tmp",
			 LONG_NAME, i);
		if (!access(path, F_OK) || errno != ENOENT)
			err(EXIT_BROKEN, "%s", path);
	}
}

static int sleep_on(struct area *area)
{
	(void)area;
	return pause();
}

static void make_stack(struct area *area)
{
	int i;

	for (i = 0; i < STACKS; i++)
		children[i] = fork_child(sleep_on, area);
}

/* Nothing tells user space where a stack is. */
static struct count count_stack(const struct area *area)
{
	(void)area;
	return (struct count) { .total = STACKS };
}

static bool check_stack(struct area *area)
{
	bool right = true;
	int i;

	(void)area;
	for (i = 0; i < STACKS; i++) {
		right &= !waitpid(children[i], NULL, WNOHANG);
		kill(children[i], SIGKILL);
	}
	while (wait(NULL) > 0)
		;
	return right;
}

/* The table of kinds */

static const struct kind kinds[] = {
	{
		.name = "anon", .make = make_anon,
		.has = PG_ANON | PG_MMAP, .lacks = PG_MLOCKED, .percent = 100,
	},
	{
		.name = "mlocked", .make = make_mlocked,
		.has = PG_ANON | PG_MLOCKED, .percent = 100,
	},
	{
		.name = "shared-anon", .make = make_shared_anon,
		.has = PG_SWAPBACKED | PG_MMAP, .lacks = PG_ANON, .percent = 100,
	},
	{
		.name = "many", .make = make_many, .check = check_many,
		.has = PG_ANON | PG_MMAP, .percent = 100,
	},
	{
		.name = "file-clean", .make = make_file_clean,
		.has = PG_MMAP, .lacks = PG_ANON | PG_SWAPBACKED | PG_DIRTY | PG_WRITEBACK,
		.percent = 100,
	},
	{
		.name = "file-dirty", .make = make_file,
		.has = PG_MMAP | PG_DIRTY, .lacks = PG_ANON | PG_SWAPBACKED, .percent = 90,
	},
	{
		.name = "file-writeback", .make = make_file_writeback,
		.has = PG_WRITEBACK, .lacks = PG_ANON | PG_SWAPBACKED, .percent = 25,
	},
	{
		.name = "device", .make = make_device,
		.has = PG_MMAP, .lacks = PG_ANON | PG_SWAPBACKED | PG_DIRTY | PG_WRITEBACK,
		.percent = 100,
	},
	{
		.name = "tmpfs", .make = make_file,
		.has = PG_SWAPBACKED | PG_MMAP, .lacks = PG_ANON, .percent = 100,
	},
	{
		.name = "memfd", .make = make_memfd,
		.has = PG_SWAPBACKED | PG_MMAP, .lacks = PG_ANON, .percent = 100,
	},
	{
		.name = "thp", .make = make_thp,
		.has = PG_ANON | PG_THP, .percent = 90,
	},
	{
		.name = "hugetlb", .make = make_hugetlb, .undo = undo_pool,
		.has = PG_HUGE, .percent = 100,
	},
	{
		.name = "hugetlb-pool", .make = make_hugetlb_pool,
		.has = PG_HUGE, .percent = 100,
	},
	{
		.name = "hugetlb-1g", .make = make_hugetlb_1g, .undo = undo_pool,
		.has = PG_HUGE, .percent = 100,
	},
	{
		.name = "hugetlb-free", .make = make_hugetlb_free,
		.check = check_nothing, .undo = undo_pool, .count = count_hugetlb_free,
	},
	{
		.name = "ksm", .make = make_ksm, .undo = undo_ksm,
		.has = PG_KSM, .percent = 95,
	},
	{
		.name = "swapcache", .make = make_swapcache,
		.has = PG_ANON | PG_SWAPCACHE, .percent = 50,
	},
	{
		.name = "swapped", .make = make_swapped,
	},
	{
		.name = "fresh", .make = make_fresh,
		.has = PG_ANON, .lacks = PG_LRU,
	},
	{
		.name = "memcg", .make = make_memcg, .check = check_memcg, .undo = undo_memcg,
		.has = PG_ANON, .percent = 100,
	},
	{
		.name = "pinned", .make = make_pinned, .check = check_held, .count = count_held,
	},
	{
		.name = "pipe", .make = make_pipe, .check = check_held, .count = count_held,
	},
	{
		.name = "thp-pipe", .make = make_thp_pipe, .release = release_pipe,
		.has = PG_ANON | PG_THP, .percent = 90,
	},
	{
		.name = "poisoned", .make = make_poisoned,
		.has = PG_ANON, .lacks = PG_HWPOISON, .percent = 100,
	},
	{
		.name = "secret", .make = make_secret,
		.has = PG_MMAP, .lacks = PG_ANON, .percent = 100,
	},
	{
		.name = "page-table", .make = make_page_table, .count = count_page_table,
	},
	{
		.name = "slab", .make = make_slab, .check = check_slab, .undo = undo_slab,
		.count = count_slab,
	},
	{
		.name = "dentries", .make = make_dentries, .check = check_nothing,
		.count = count_slab,
	},
	{
		.name = "stack", .make = make_stack, .check = check_stack, .count = count_stack,
	},
	{}
};

static const struct kind *find_kind(const char *name)
{
	const struct kind *kind;

	for (kind = kinds; kind->name; kind++)
		if (!strcmp(kind->name, name))
			return kind;
	return NULL;
}

static void explain(void)
{
	const struct kind *kind;

	fprintf(stderr, "usage: page_kinds KIND MIB START_PFN END_PFN [PATH]\nkinds:");
	for (kind = kinds; kind->name; kind++)
		fprintf(stderr, " %s", kind->name);
	fputc('\n', stderr);
	exit(EXIT_BROKEN);
}

static void say(const char *word, struct count count, const struct area *area)
{
	unsigned long i;

	printf("%s %lu %lu", word, count.inside, count.total);
	for (i = 0; i < area->nr_held; i++)
		printf(" %lx", area->held[i]);
	putchar('\n');
	fflush(stdout);
}

static void make_ready(const struct kind *kind, struct area *area)
{
	struct count count;

	kind->make(area);
	count = kind->count ? kind->count(area) : count_kind(area, kind);
	if (count.total * 100 < area->pages * kind->percent)
		errx(EXIT_BROKEN, "only %lu of %lu pages became %s", count.total, area->pages,
		     kind->name);
	say("ready", count, area);
}

static int check(const struct kind *kind, struct area *area)
{
	bool right = kind->check ? kind->check(area) : check_pages(area);

	if (right)
		say("intact", kind->count ? kind->count(area) : count_present(area), area);
	else
		fprintf(stderr, "DAMAGED %s\n", kind->name);
	if (kind->undo)
		kind->undo(area);
	return right ? 0 : EXIT_DAMAGED;
}

int main(int argc, char **argv)
{
	const struct kind *kind = argc > 1 ? find_kind(argv[1]) : NULL;
	struct area area = { .stride = 1, .fd = -1, .content.words = WORDS };
	sigset_t signals;

	if (!kind || argc < 5 || argc > 6)
		explain();
	area.content.seed = getpid();
	area.pages = strtoul(argv[2], NULL, 0) * MIB / PAGE;
	area.period = area.pages;
	area.start_pfn = strtoul(argv[3], NULL, 0);
	area.end_pfn = strtoul(argv[4], NULL, 0);
	area.path = argv[5];
	if (!area.pages)
		explain();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	if (kind->release)
		sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	make_ready(kind, &area);
	while (wait_for(&signals) == SIGUSR1) {
		kind->release(&area);
		say("released", count_present(&area), &area);
	}
	return check(kind, &area);
}
