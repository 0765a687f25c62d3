// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: from "in use" to "added".
 *
 * Prepare (check the range), evacuate (isolate, announce by MEM_GOING_OFFLINE,
 * migrate), commit (take the pages, counters, node states, zonelists, kernel
 * threads, MEM_OFFLINE, out of the zone).  A failure before the commit leaves
 * the range online as it was.  Consumers that were told of GOING_OFFLINE are
 * told how it ended, once.  All under mem_hotplug_lock held for writing.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/mm.h>
#include <linux/compaction.h>
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/swap.h>
#include <linux/writeback.h>
#include "internal.h"

/* How long an offline may take before it gives up. */
#define OFFLINE_TIMEOUT_MS	(120 * MSEC_PER_SEC)

static int add_ram_pages(unsigned long start_pfn, unsigned long nr_pages,
			 void *arg)
{
	unsigned long *sum = arg;

	*sum += nr_pages;
	return 0;
}

static bool has_holes(unsigned long start_pfn, unsigned long nr_pages)
{
	unsigned long ram_pages = 0;

	walk_system_ram_range(start_pfn, nr_pages, &ram_pages, add_ram_pages);
	return ram_pages != nr_pages;
}

/* Why a range cannot be offlined at all, or NULL. */
static const char *unfit_reason(unsigned long start_pfn,
				unsigned long nr_pages, struct zone *zone)
{
	const unsigned long end_pfn = start_pfn + nr_pages;

	if (WARN_ON_ONCE(!nr_pages || !pageblock_aligned(start_pfn) ||
			 !IS_ALIGNED(end_pfn, PAGES_PER_SECTION)))
		return "it is not aligned";
	if (has_holes(start_pfn, nr_pages))
		return "it has holes";
	if (WARN_ON_ONCE(page_zone(pfn_to_page(start_pfn)) != zone ||
			 page_zone(pfn_to_page(end_pfn - 1)) != zone))
		return "it is in several zones";
	return NULL;
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
		zone_pcp_reset(zone);
		build_all_zonelists(NULL);
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

/* Announce and empty a range that is isolated; on failure all is undone. */
static int announce_and_empty(struct mhp_evacuation *ev,
			      struct memory_notify *notify)
{
	int ret;

	ret = notifier_to_errno(memory_notify(MEM_GOING_OFFLINE, notify));
	if (ret)
		ev->reason = "a notifier refused";
	else
		ret = mhp_evacuation_run(ev);

	if (ret) {
		mhp_evacuation_undo(ev);
		memory_notify(MEM_CANCEL_OFFLINE, notify);
	}
	return ret;
}

static int refuse(const struct mhp_evacuation *ev, int ret)
{
	pr_info("pages %#lx-%#lx stay online: %s (%d)\n", ev->start_pfn,
		ev->end_pfn - 1, ev->reason, ret);
	return ret;
}

/**
 * offline_pages - take pages out of use
 * @start_pfn: first page, aligned to a pageblock
 * @nr_pages: how many; the end is aligned to a section
 * @zone: the zone all of them are in
 * @group: the group of their block, or NULL
 *
 * Context: mem_hotplug_lock held for writing. May sleep, for up to 120 s.
 * Return: 0; -EINVAL for a range that is misaligned, has holes or is in several
 *	zones, -EBUSY if something in it does not go or time is up, -EINTR on a
 *	signal, or the errno of a notifier that refused. All is as it was then.
 */
int offline_pages(unsigned long start_pfn, unsigned long nr_pages,
		  struct zone *zone, struct memory_group *group)
{
	struct mhp_evacuation ev = {
		.zone = zone,
		.start_pfn = start_pfn,
		.end_pfn = start_pfn + nr_pages,
		.deadline = jiffies + msecs_to_jiffies(OFFLINE_TIMEOUT_MS),
	};
	struct memory_notify notify = {
		.start_pfn = start_pfn,
		.nr_pages = nr_pages,
	};
	int ret;

	mhp_assert_write_locked();
	ev.reason = unfit_reason(start_pfn, nr_pages, zone);
	if (ev.reason)
		return refuse(&ev, -EINVAL);

	ret = mhp_evacuation_begin(&ev);
	if (ret)
		return refuse(&ev, ret);

	mhp_node_will_offline(&notify, zone);
	ret = announce_and_empty(&ev, &notify);
	if (ret)
		return refuse(&ev, ret);

	leave_counters(&notify, zone, group, mhp_evacuation_commit(&ev));
	follow_shrinking(&notify);
	memory_notify(MEM_OFFLINE, &notify);
	remove_pfn_range_from_zone(zone, start_pfn, nr_pages);
	return 0;
}
