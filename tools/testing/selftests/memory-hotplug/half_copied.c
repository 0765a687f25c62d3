// SPDX-License-Identifier: GPL-2.0
/*
 * half_copied: huge pages that stay between allocation and use
 *
 * usage: half_copied PAGES
 *
 * Asks userfaultfd to copy to huge pages (2 MiB) from memory that userfaultfd
 * is to provide too, and never does.  The kernel allocates a page for each copy
 * and waits for the source.  Until then the page is in use, on no list and
 * mapped nowhere, and the kernel cannot isolate it.  Says "ready" when all
 * copies wait, and ends by a signal.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "pages.h"

#define HUGE_PAGE	(2 * MIB)

static int handler;
static char *from, *to;

static void *map(size_t size, int flags)
{
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (addr == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
	return addr;
}

static void open_handler(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	handler = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (handler < 0 || ioctl(handler, UFFDIO_API, &api))
		err(EXIT_MISSING, "userfaultfd");
}

static void handle(void *addr, size_t size)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(handler, UFFDIO_REGISTER, &range))
		err(EXIT_MISSING, "UFFDIO_REGISTER");
}

static void *copy(void *number)
{
	size_t offset = (uintptr_t)number * HUGE_PAGE;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)to + offset,
		.src = (uintptr_t)from + offset,
		.len = HUGE_PAGE,
	};

	ioctl(handler, UFFDIO_COPY, &copy);
	err(EXIT_BROKEN, "UFFDIO_COPY has ended");
}

/* A copy that waits has made a fault that is not handled. */
static void wait_for_fault(void)
{
	struct uffd_msg msg;

	if (read(handler, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		err(EXIT_BROKEN, "no fault");
}

int main(int argc, char **argv)
{
	unsigned long pages = argc == 2 ? strtoul(argv[1], NULL, 0) : 0, i;
	pthread_t thread;

	if (!pages)
		errx(EXIT_BROKEN, "usage: half_copied PAGES");
	to = map(pages * HUGE_PAGE, MAP_HUGETLB);
	from = map(pages * HUGE_PAGE, 0);
	open_handler();
	handle(to, pages * HUGE_PAGE);
	handle(from, pages * HUGE_PAGE);
	for (i = 0; i < pages; i++) {
		if (pthread_create(&thread, NULL, copy, (void *)i))
			err(EXIT_BROKEN, "pthread_create");
		wait_for_fault();
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
