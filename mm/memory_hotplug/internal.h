/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory hotplug: the contract between its parts.
 *
 *	lock.c		mem_hotplug_lock
 *	sections.c	sparse sections: add, remove, online marks, subsections
 *	boot.c		boot memory: where its usage maps go
 *	ranges.c	which physical addresses can be added
 *	pages.c		what arch_add_memory() calls back: a range, by sections
 *	populate.c	direct map, memmap and block devices of a range
 *	add.c		the whole physical phase: resource, node, populate
 *	remove.c	the way back
 *	memmap.c	struct pages that live in the memory they describe
 *	memmap_tombstone.c	what stands in for struct pages that are gone
 *	struct_pages.c	how struct pages start
 *	online.c	from "added" to "in use"
 *	callback.c	drivers that take a chunk before it becomes free
 *	offline.c	from "in use" to "added"
 *	evacuate.c	emptying ranges; its parts are listed in evacuate.h
 *	zones.c		spans, contiguity, present pages
 *	policy.c	zone choice and the default online type
 *	auto_movable.c	the auto-movable online policy
 *	nodes.c		nodes that come and go with their memory
 *	groups.c	devices: which blocks belong together
 *	notifier.c	the chain and its events
 *	trace.c		trace events
 *	audit.c		the books, for tests and for those who look for a fault
 *	failures.c	the last offlines that failed, for root
 *
 * States of a range of pages, and what holds in each:
 *
 *	absent	no section, no struct page, in no zone
 *	added	section PRESENT|HAS_MEM_MAP; struct pages are not initialised;
 *		in no zone; its resource is busy System RAM, its block offline
 *	zoned	in the span of a zone; struct pages initialised, see enum
 *		mhp_page_form; pageblocks MIGRATE_MOVABLE; section not ONLINE
 *	online	section ONLINE; present; free pages in the buddy allocator
 *
 * An operation moves a range from one state to the next, or, when it fails,
 * leaves it where it was with every counter, span and mark as before.
 *
 * Locks.  device_hotplug_lock is held by whoever changes the state of memory,
 * from the first look to the last event: no two such operations overlap.  Under
 * it, mem_hotplug_lock is held for writing around every change of state and
 * protects: section marks, zone and node spans, zone->contiguous (set), present
 * page counts, node states, group page counts, the online-page callback (read
 * side).  It is not held while pages move out of memory that goes offline: there
 * the isolated pageblocks are what nobody else touches, and device_hotplug_lock
 * keeps the blocks as they are.  zone->lock protects nr_isolate_pageblock and
 * the free lists.  Readers of a zone's span use zone->span_seqlock.  Which
 * blocks and groups exist is told in linux/memory.h.
 */
#ifndef _MM_MEMORY_HOTPLUG_INTERNAL_H
#define _MM_MEMORY_HOTPLUG_INTERNAL_H

#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include "../internal.h"

/* How many pages from @pfn on lie in its section and below @end. */
static inline unsigned long mhp_pages_in_section(unsigned long pfn,
						 unsigned long end)
{
	return min(end, SECTION_ALIGN_UP(pfn + 1)) - pfn;
}

/* lock.c */
void mhp_assert_write_locked(void);
bool mhp_try_read_lock(void);

/*
 * memmap_tombstone.c: struct pages have to fill whole PMDs in a section, and
 * the architecture to allow the exchange of a mapping in one step.
 */
#if defined(CONFIG_MEMORY_HOTREMOVE) && defined(CONFIG_SPARSEMEM_VMEMMAP) && \
	defined(CONFIG_X86_64)
#define MHP_HAS_TOMBSTONE \
	(PAGES_PER_SECTION * sizeof(struct page) % PMD_SIZE == 0 && \
	 PAGE_SIZE % sizeof(struct page) == 0)
#else
#define MHP_HAS_TOMBSTONE 0
#endif

/**
 * struct mhp_memmap_change - memmaps that are mapped anew
 * @huge: backing of PMD size to be freed when it ends, linked by lru
 * @small: backing and page tables, single pages
 * @start: lowest address that changed
 * @end: first address after the highest
 */
struct mhp_memmap_change {
	struct list_head huge;
	struct list_head small;
	unsigned long start;
	unsigned long end;
};

static inline void mhp_memmap_change_begin(struct mhp_memmap_change *change)
{
	INIT_LIST_HEAD(&change->huge);
	INIT_LIST_HEAD(&change->small);
	change->start = ULONG_MAX;
	change->end = 0;
}

#if defined(CONFIG_MEMORY_HOTREMOVE) && defined(CONFIG_SPARSEMEM_VMEMMAP) && \
	defined(CONFIG_X86_64)
bool mhp_memmap_is_buried(unsigned long pfn);
void mhp_memmap_bury(struct mhp_memmap_change *change, unsigned long pfn,
		     struct vmem_altmap *altmap);
bool mhp_memmap_revive(struct mhp_memmap_change *change, unsigned long pfn,
		       int nid, struct vmem_altmap *altmap);
void mhp_memmap_unbury(unsigned long pfn);
void mhp_memmap_change_end(struct mhp_memmap_change *change);
bool mhp_tombstone_is_intact(void);
#else
static inline bool mhp_memmap_is_buried(unsigned long pfn)
{
	return false;
}

static inline void mhp_memmap_bury(struct mhp_memmap_change *change,
				   unsigned long pfn,
				   struct vmem_altmap *altmap)
{
}

static inline bool mhp_memmap_revive(struct mhp_memmap_change *change,
				     unsigned long pfn, int nid,
				     struct vmem_altmap *altmap)
{
	return false;
}

static inline void mhp_memmap_unbury(unsigned long pfn)
{
}

static inline void mhp_memmap_change_end(struct mhp_memmap_change *change)
{
}

static inline bool mhp_tombstone_is_intact(void)
{
	return true;
}
#endif

/* sections.c */
int sparse_add_section(struct mhp_memmap_change *change, int nid,
		       unsigned long pfn, unsigned long nr_pages,
		       struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
void sparse_remove_section(struct mhp_memmap_change *change, unsigned long pfn,
			   unsigned long nr_pages, struct vmem_altmap *altmap,
			   struct dev_pagemap *pgmap);
void mhp_taint_partial_sections(unsigned long start_pfn,
				unsigned long nr_pages);

/* ranges.c */
bool mhp_is_block_range(u64 start, u64 size);

/* zones.c */
void mhp_zone_take_range(struct zone *zone, unsigned long start_pfn,
			 unsigned long nr_pages);
void mhp_zone_suspend_contiguous(struct zone *zone);
void mhp_zone_resume_contiguous(struct zone *zone);

/* policy.c */
struct zone *mhp_kernel_zone(int nid, unsigned long start_pfn,
			     unsigned long nr_pages);
struct zone *mhp_movable_zone(int nid);

/* auto_movable.c */
struct zone *mhp_auto_movable_zone(int nid, struct memory_group *group,
				   unsigned long start_pfn,
				   unsigned long nr_pages);

/* nodes.c */
int mhp_node_prepare(int nid);
int mhp_node_commit(int nid);
void mhp_node_will_online(struct memory_notify *notify, struct zone *zone);
void mhp_node_will_offline(struct memory_notify *notify, struct zone *zone);
void mhp_node_gained(const struct memory_notify *notify);
void mhp_node_lost(const struct memory_notify *notify);

/**
 * enum mhp_page_form - how struct pages start
 * @MHP_PAGES_FREE: refcount zero and no flags; only the free lists are missing
 * @MHP_PAGES_OFFLINE: PageOffline with a refcount of one, as a driver that has
 *	an online-page callback expects them
 */
enum mhp_page_form {
	MHP_PAGES_FREE,
	MHP_PAGES_OFFLINE,
};

/* struct_pages.c */
void mhp_init_pages(struct zone *zone, unsigned long pfn,
		    unsigned long nr_pages, enum mhp_page_form form);

/* memmap.c */
bool mhp_wants_own_memmap(u64 size, mhp_t mhp_flags);
struct vmem_altmap *mhp_altmap_create(u64 start, mhp_t mhp_flags);
void mhp_altmap_destroy(struct vmem_altmap *altmap);

/* populate.c */
int mhp_populate(int nid, u64 start, u64 size, struct memory_group *group,
		 mhp_t mhp_flags);
void mhp_depopulate(u64 start, u64 size);

/* failures.c */
void mhp_failures_init(struct dentry *folder);

/* callback.c */
enum mhp_page_form mhp_page_form(void);
void mhp_release_pages(unsigned long start_pfn, unsigned long end_pfn);

#endif /* _MM_MEMORY_HOTPLUG_INTERNAL_H */
