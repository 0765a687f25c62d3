// SPDX-License-Identifier: GPL-2.0
/*
 * hog_cpu: keeps one CPU to itself
 *
 * usage: hog_cpu CPU
 *
 * A thread of class SCHED_FIFO runs on CPU without end.  Since 6.12 the kernel
 * leaves 5 % of a CPU to the fair class all the same.  Threads of the highest
 * weight take these, so that a thread of ordinary weight on CPU waits for
 * minutes.  Pages of the first thread stay in the per-CPU lists of CPU.  Says
 * "ready" when all of them run, and ends by a signal.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "pages.h"

#define WEIGHTS		64
#define PRIORITY	10
#define PAGES		4

static atomic_int running;
static int cpu;

static void pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(EXIT_BROKEN, "cannot run on CPU %d", cpu);
}

static void *spin_with_weight(void *unused)
{
	(void)unused;
	if (setpriority(PRIO_PROCESS, syscall(SYS_gettid), -20))
		err(EXIT_BROKEN, "setpriority");
	pin();
	running++;
	for (;;)
		;
}

/* The kernel has not put these on an LRU list by the time the thread spins. */
static void touch_pages(void)
{
	const size_t size = PAGES * PAGE;
	char *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (base == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
	madvise(base, size, MADV_NOHUGEPAGE);
	for (i = 0; i < size; i += PAGE)
		base[i] = 1;
}

static void *spin_first(void *unused)
{
	struct sched_param param = { .sched_priority = PRIORITY };

	(void)unused;
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(EXIT_BROKEN, "SCHED_FIFO");
	pin();
	touch_pages();
	running++;
	for (;;)
		;
}

static void start(void *(*thread_fn)(void *unused))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_fn, NULL))
		err(EXIT_BROKEN, "pthread_create");
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 2)
		errx(EXIT_BROKEN, "usage: hog_cpu CPU");
	cpu = atoi(argv[1]);
	for (i = 0; i < WEIGHTS; i++)
		start(spin_with_weight);
	while (running < WEIGHTS)
		usleep(1000);
	start(spin_first);
	while (running <= WEIGHTS)
		usleep(1000);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
