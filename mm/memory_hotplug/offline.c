// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: from "in use" to "added".
 *
 * Evacuate (look, isolate, migrate: see evacuate.c), announce by
 * MEM_GOING_OFFLINE, take the pages, and then counters, node states, zonelists,
 * kernel threads, MEM_OFFLINE, out of the zone.  Pages move before the
 * announcement, without mem_hotplug_lock; from the announcement to the event
 * that ends it the lock is held for writing.  If something is left in the range
 * then, MEM_CANCEL_OFFLINE ends the announcement, the range is emptied again
 * without the lock, and announced anew.  Consumers that were told of
 * MEM_GOING_OFFLINE are told how it ended, once, before they hear of another
 * range.  A failure leaves the range online as it was.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/mm.h>
#include <linux/compaction.h>
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/swap.h>
#include <linux/writeback.h>
#include <trace/events/memory_hotplug.h>
#include "evacuate.h"

static int add_ram_pages(unsigned long start_pfn, unsigned long nr_pages,
			 void *arg)
{
	unsigned long *sum = arg;

	*sum += nr_pages;
	return 0;
}

/**
 * mhp_range_has_no_holes - whether all of a range is memory
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * Context: May sleep.
 * Return: false if some of it is not System RAM. Not all of it need have struct
 *	pages then.
 */
bool mhp_range_has_no_holes(unsigned long start_pfn, unsigned long nr_pages)
{
	unsigned long ram_pages = 0;

	walk_system_ram_range(start_pfn, nr_pages, &ram_pages, add_ram_pages);
	return ram_pages == nr_pages;
}

/**
 * mhp_range_is_fit - whether a range can go offline at all
 * @range: online memory
 *
 * Context: May sleep.
 * Return: false if it is misaligned, has holes or is in several zones.
 */
bool mhp_range_is_fit(const struct mhp_range *range)
{
	const unsigned long nr_pages = range->end_pfn - range->start_pfn;

	/* Boot memory of several zones or nodes. */
	if (!range->zone)
		return false;
	if (WARN_ON_ONCE(!nr_pages || !pageblock_aligned(range->start_pfn) ||
			 !IS_ALIGNED(range->end_pfn, PAGES_PER_SECTION)))
		return false;
	if (!mhp_range_has_no_holes(range->start_pfn, nr_pages))
		return false;
	return !WARN_ON_ONCE(page_zone(pfn_to_page(range->start_pfn)) != range->zone ||
			     page_zone(pfn_to_page(range->end_pfn - 1)) != range->zone);
}

/* Counters and node states of a range that the allocator has given up. */
static void leave_counters(const struct memory_notify *notify,
			   struct zone *zone, struct memory_group *group,
			   unsigned long managed)
{
	struct page *page = pfn_to_page(notify->start_pfn);

	adjust_managed_page_count(page, -(long)managed);
	adjust_present_page_count(page, group, -(long)notify->nr_pages);
	init_per_zone_wmark_min();

	mhp_node_lost(notify);
	if (!populated_zone(zone)) {
		build_all_zonelists(NULL);
		zone_pcp_reset(zone);
	}
}

/* Everything that is sized or kept running by how much memory there is. */
static void follow_shrinking(const struct memory_notify *notify)
{
	if (notify->status_change_nid != NUMA_NO_NODE) {
		kcompactd_stop(notify->status_change_nid);
		kswapd_stop(notify->status_change_nid);
	}
	writeback_set_ratelimit();
}

/* Announce the range, and take what is empty by then. */
static int announce_and_take(struct mhp_evacuation *ev, struct mhp_range *range,
			     struct memory_notify *notify,
			     unsigned long *managed)
{
	int ret;

	ret = notifier_to_errno(memory_notify(MEM_GOING_OFFLINE, notify));
	if (ret == -EAGAIN)
		ret = -EBUSY;
	if (ret)
		mhp_evacuation_fail(ev, MHP_FAILURE_VETOED);
	else
		ret = mhp_evacuation_take(ev, range, managed);

	/* To be tried again, the range stays isolated. */
	if (ret && ret != -EAGAIN)
		mhp_evacuation_return(range);
	if (ret)
		memory_notify(MEM_CANCEL_OFFLINE, notify);
	return ret;
}

/**
 * offline_pages - take a range out of use that has been evacuated
 * @start_pfn: first page
 * @nr_pages: how many
 * @zone: the zone all of them are in
 * @group: the group of their block, or NULL
 *
 * The range is one of those of the evacuation that is under way, and its run
 * has succeeded.
 *
 * Context: device_hotplug_lock held, mem_hotplug_lock held for writing. May
 *	sleep.
 * Return: 0; -EAGAIN if something is left in it, and mhp_evacuation_again() has
 *	to come first; -EINVAL if no such range was evacuated, the errno of a
 *	notifier that refused, or as mhp_evacuation_take(). The range is in use
 *	as before then.
 */
int offline_pages(unsigned long start_pfn, unsigned long nr_pages,
		  struct zone *zone, struct memory_group *group)
{
	struct memory_notify notify = {
		.start_pfn = start_pfn,
		.nr_pages = nr_pages,
	};
	struct mhp_evacuation *ev;
	struct mhp_range *range = mhp_evacuation_find(start_pfn, &ev);
	unsigned long managed;
	int ret;

	mhp_assert_write_locked();
	if (WARN_ON_ONCE(!range || range->zone != zone ||
			 range->end_pfn - start_pfn != nr_pages))
		return -EINVAL;

	mhp_node_will_offline(&notify, zone);
	ret = announce_and_take(ev, range, &notify, &managed);
	trace_mhp_offline(start_pfn, nr_pages, zone, ret);
	if (ret)
		return ret;

	leave_counters(&notify, zone, group, managed);
	follow_shrinking(&notify);
	memory_notify(MEM_OFFLINE, &notify);
	remove_pfn_range_from_zone(zone, start_pfn, nr_pages);
	return 0;
}
