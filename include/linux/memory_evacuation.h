/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Evacuations: emptying ranges of memory that are to go offline.
 *
 * What mm/memory_hotplug/ offers to the code of memory block devices.  How an
 * evacuation works is told in mm/memory_hotplug/evacuate.c.
 */
#ifndef _LINUX_MEMORY_EVACUATION_H
#define _LINUX_MEMORY_EVACUATION_H

#include <linux/types.h>

struct mhp_evacuation;
struct zone;

/**
 * enum mhp_failure - why memory did not go offline
 * @MHP_FAILURE_NONE: it did, or nobody tried
 * @MHP_FAILURE_UNFIT: it never can: holes, several zones, no alignment
 * @MHP_FAILURE_BLOCKED: something in it does not move, see the blockers
 * @MHP_FAILURE_CONTENDED: somebody else has isolated a part of it
 * @MHP_FAILURE_NO_ROOM: what is in it does not fit elsewhere, or others needed
 *	memory meanwhile
 * @MHP_FAILURE_VETOED: a notifier refused
 * @MHP_FAILURE_SIGNAL: the writer got a signal
 * @MHP_FAILURE_CANCELLED: somebody wrote "cancel"
 * @MHP_FAILURE_DEADLINE: its time was up
 */
enum mhp_failure {
	MHP_FAILURE_NONE,
	MHP_FAILURE_UNFIT,
	MHP_FAILURE_BLOCKED,
	MHP_FAILURE_CONTENDED,
	MHP_FAILURE_NO_ROOM,
	MHP_FAILURE_VETOED,
	MHP_FAILURE_SIGNAL,
	MHP_FAILURE_CANCELLED,
	MHP_FAILURE_DEADLINE,
};

/**
 * enum mhp_blocker_kind - what a page that does not go is
 * @MHP_BLOCKER_NONE: it goes
 * @MHP_BLOCKER_PASSING: in use for the moment
 * @MHP_BLOCKER_PINNED: user memory that somebody holds for I/O
 * @MHP_BLOCKER_HUGETLB: a huge page that cannot move or is needed
 * @MHP_BLOCKER_CMA: set aside for large allocations of drivers
 * @MHP_BLOCKER_SECRET: user memory that the kernel must not read
 * @MHP_BLOCKER_DRIVER: given to a driver, which keeps it (a balloon)
 * @MHP_BLOCKER_RESERVED: from boot, or of a device
 * @MHP_BLOCKER_MEMMAP: struct pages
 * @MHP_BLOCKER_SLAB: of a slab cache
 * @MHP_BLOCKER_PAGE_TABLE: a page table
 * @MHP_BLOCKER_STACK: the kernel stack of a task
 * @MHP_BLOCKER_VMALLOC: of vmalloc()
 * @MHP_BLOCKER_DMA: a driver's, which its device reads or writes
 * @MHP_BLOCKER_POISONED: broken, and still in use
 * @MHP_BLOCKER_KERNEL: the kernel's, of no kind known
 */
enum mhp_blocker_kind {
	MHP_BLOCKER_NONE,
	MHP_BLOCKER_PASSING,
	MHP_BLOCKER_PINNED,
	MHP_BLOCKER_HUGETLB,
	MHP_BLOCKER_CMA,
	MHP_BLOCKER_SECRET,
	MHP_BLOCKER_DRIVER,
	MHP_BLOCKER_RESERVED,
	MHP_BLOCKER_MEMMAP,
	MHP_BLOCKER_SLAB,
	MHP_BLOCKER_PAGE_TABLE,
	MHP_BLOCKER_STACK,
	MHP_BLOCKER_VMALLOC,
	MHP_BLOCKER_DMA,
	MHP_BLOCKER_POISONED,
	MHP_BLOCKER_KERNEL,
};

/**
 * struct mhp_blocker - neighbouring pages of one kind that do not go
 * @pfn: the first
 * @nr_pages: how many
 * @kind: what they are
 */
struct mhp_blocker {
	unsigned long pfn;
	unsigned long nr_pages;
	enum mhp_blocker_kind kind;
};

/**
 * struct mhp_blocker_list - blockers in the order of their pages
 * @entries: where they are kept
 * @nr: how many there are
 * @max: how many there is room for; more are not remembered
 */
struct mhp_blocker_list {
	struct mhp_blocker *entries;
	unsigned int nr;
	unsigned int max;
};

#if defined(CONFIG_MEMORY_HOTREMOVE) && defined(CONFIG_DEBUG_FS)
void mhp_record_failure(const char *name, enum mhp_failure failure, int error,
			const struct mhp_blocker *blocker);
#else
static inline void mhp_record_failure(const char *name,
				      enum mhp_failure failure, int error,
				      const struct mhp_blocker *blocker)
{
}
#endif

#ifdef CONFIG_MEMORY_HOTREMOVE

struct mhp_evacuation *mhp_evacuation_create(unsigned int max_ranges,
					     unsigned int timeout_ms,
					     const void *owner);
int mhp_evacuation_add(struct mhp_evacuation *ev, unsigned long start_pfn,
		       unsigned long nr_pages, struct zone *zone);
void mhp_evacuation_avoid(struct mhp_evacuation *ev, unsigned long start_pfn,
			  unsigned long end_pfn);
void mhp_evacuation_drain(struct mhp_evacuation *ev);
int mhp_evacuation_begin(struct mhp_evacuation *ev);
int mhp_evacuation_run(struct mhp_evacuation *ev);
int mhp_evacuation_again(unsigned long start_pfn);
bool mhp_evacuation_has(unsigned long start_pfn);
void mhp_evacuation_end(struct mhp_evacuation *ev);
void mhp_evacuation_free(struct mhp_evacuation *ev);

bool mhp_evacuation_cancel(const void *owner);
bool mhp_evacuation_progress(const void *owner, unsigned long *moved,
			     unsigned long *to_move);

enum mhp_failure mhp_evacuation_failure(const struct mhp_evacuation *ev);
struct mhp_blocker *mhp_evacuation_blocker(struct mhp_evacuation *ev);
const char *mhp_failure_word(enum mhp_failure failure);

bool mhp_range_has_no_holes(unsigned long start_pfn, unsigned long nr_pages);
bool mhp_can_go(unsigned long start_pfn, unsigned long nr_pages,
		unsigned int *pos);
int mhp_find_blockers(unsigned long start_pfn, unsigned long nr_pages,
		      struct mhp_blocker_list *list);
const char *mhp_blocker_word(enum mhp_blocker_kind kind);
void mhp_blocker_owner(struct mhp_blocker *blocker, char *buf,
		       size_t size);

#else /* !CONFIG_MEMORY_HOTREMOVE */

static inline bool mhp_evacuation_cancel(const void *owner)
{
	return false;
}

static inline bool mhp_evacuation_progress(const void *owner,
					   unsigned long *moved,
					   unsigned long *to_move)
{
	return false;
}

static inline const char *mhp_failure_word(enum mhp_failure failure)
{
	return "none";
}

static inline bool mhp_range_has_no_holes(unsigned long start_pfn,
					  unsigned long nr_pages)
{
	return true;
}

static inline bool mhp_can_go(unsigned long start_pfn, unsigned long nr_pages,
			      unsigned int *pos)
{
	return false;
}

static inline int mhp_find_blockers(unsigned long start_pfn,
				    unsigned long nr_pages,
				    struct mhp_blocker_list *list)
{
	return 0;
}

static inline const char *mhp_blocker_word(enum mhp_blocker_kind kind)
{
	return "none";
}

static inline void mhp_blocker_owner(struct mhp_blocker *blocker, char *buf,
				     size_t size)
{
}

#endif /* CONFIG_MEMORY_HOTREMOVE */

#endif /* _LINUX_MEMORY_EVACUATION_H */
