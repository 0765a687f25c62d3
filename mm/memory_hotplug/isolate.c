// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: keeping the allocator away from a range.
 *
 * A range is isolated by giving each of its pageblocks the type MIGRATE_ISOLATE
 * and moving its free pages to the lists of that type.  What is in use stays
 * in use; whether it can go is for others to find out, before and after.  The
 * types from before are kept, so that a range that is given back is what it
 * was.  Free memory passes by whole pageblocks.
 *
 * Locks: mem_hotplug_lock for writing keeps the zone; zone->lock protects the
 * types and lists, one pageblock at a time.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "evacuate.h"

/* A pageblock that somebody else isolated is tried again this often. */
#define ISOLATE_ATTEMPTS	5
#define ISOLATE_PAUSE_MS	20

static_assert(MIGRATE_TYPES <= U8_MAX);

/**
 * mhp_range_nr_pageblocks - pageblocks in a range
 * @range: the range
 *
 * Context: Any.
 * Return: how many.
 */
unsigned long mhp_range_nr_pageblocks(const struct mhp_range *range)
{
	return (range->end_pfn - range->start_pfn) / pageblock_nr_pages;
}

/* Isolate one pageblock and return its type until now, or -EBUSY. */
static int isolate_pageblock(struct zone *zone, struct page *page)
{
	unsigned long flags;
	int type;

	if (PageUnaccepted(page))
		accept_page(page);

	spin_lock_irqsave(&zone->lock, flags);
	type = get_pageblock_migratetype(page);
	if (is_migrate_isolate(type) || is_migrate_cma(type) ||
	    !move_freepages_block_isolate(zone, page, MIGRATE_ISOLATE))
		type = -EBUSY;
	else
		zone->nr_isolate_pageblock++;
	spin_unlock_irqrestore(&zone->lock, flags);
	return type;
}

/* The same, with patience for compaction and contiguous allocations. */
static int isolate_patiently(struct zone *zone, struct page *page)
{
	int type = isolate_pageblock(zone, page);
	int attempts = ISOLATE_ATTEMPTS;

	while (type < 0 && --attempts) {
		msleep(ISOLATE_PAUSE_MS);
		type = isolate_pageblock(zone, page);
	}
	return type;
}

static void give_back(struct mhp_range *range, unsigned long nr_pageblocks)
{
	unsigned long pfn = range->start_pfn, i;

	for (i = 0; i < nr_pageblocks; i++, pfn += pageblock_nr_pages)
		undo_isolate_page_range(pfn, pfn + pageblock_nr_pages,
					range->types[i]);
}

/**
 * mhp_isolate - let nothing be allocated in a range from here on
 * @range: the range
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EBUSY if a pageblock is CMA or stays isolated by somebody else.
 *	Nothing is isolated then.
 */
int mhp_isolate(struct mhp_range *range)
{
	unsigned long nr = mhp_range_nr_pageblocks(range), i;

	mhp_assert_write_locked();
	for (i = 0; i < nr; i++) {
		unsigned long pfn = range->start_pfn + i * pageblock_nr_pages;
		int type = isolate_patiently(range->zone, pfn_to_page(pfn));

		if (type < 0) {
			give_back(range, i);
			return type;
		}
		range->types[i] = type;
		cond_resched();
	}
	return 0;
}

/**
 * mhp_unisolate - give a range back to the allocator
 * @range: isolated
 *
 * Context: May sleep.
 */
void mhp_unisolate(struct mhp_range *range)
{
	give_back(range, mhp_range_nr_pageblocks(range));
}
