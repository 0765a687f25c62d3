// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: from "added" to "in use".
 *
 * Ready (into the zone, struct pages initialised), announce (MEM_GOING_ONLINE,
 * which may be vetoed), act (mark the sections, count), commit (free the pages,
 * from when on they can be allocated; MEM_ONLINE).  Nothing can fail after the
 * announcement.  What is sized by how much memory a zone has follows once, after
 * the last of several ranges.  All under mem_hotplug_lock held for writing.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/mm.h>
#include <linux/compaction.h>
#include <linux/memory.h>
#include <linux/swap.h>
#include <linux/writeback.h>
#include "../shuffle.h"
#include <trace/events/memory_hotplug.h>
#include "internal.h"

static bool can_online(unsigned long pfn, unsigned long nr_pages)
{
	return !WARN_ON_ONCE(!nr_pages || !pageblock_aligned(pfn) ||
			     !IS_ALIGNED(pfn + nr_pages, PAGES_PER_SECTION));
}

/* Mark and count the pages, and free them when all that may be asked is true. */
static void take_into_use(const struct memory_notify *notify,
			  struct zone *zone, struct memory_group *group)
{
	const unsigned long pfn = notify->start_pfn;
	const unsigned long nr_pages = notify->nr_pages;
	bool first_of_zone = !populated_zone(zone);

	if (first_of_zone)
		setup_zone_pageset(zone);

	online_mem_sections(pfn, pfn + nr_pages);
	adjust_present_page_count(pfn_to_page(pfn), group, nr_pages);

	mhp_node_gained(notify);
	mhp_release_pages(pfn, pfn + nr_pages);
	if (first_of_zone)
		build_all_zonelists(NULL);
}

/**
 * mhp_ready_pages - put pages that are added into a zone and initialise them
 * @pfn: first page, aligned to a pageblock
 * @nr_pages: how many; the end is aligned to a section
 * @zone: the zone
 *
 * remove_pfn_range_from_zone() undoes it.
 *
 * Context: mem_hotplug_lock held for writing, until the pages are online or out of
 *	the zone again. May sleep.
 */
void mhp_ready_pages(unsigned long pfn, unsigned long nr_pages,
		     struct zone *zone)
{
	mhp_zone_take_range(zone, pfn, nr_pages);
	mhp_init_pages(zone, pfn, nr_pages, mhp_page_form());
}

/**
 * online_pages - put pages that are ready into use
 * @pfn: first page, aligned to a pageblock
 * @nr_pages: how many; the end is aligned to a section
 * @zone: where they are
 * @group: the group of their block, or NULL
 *
 * mhp_zone_grew() has to follow it, or the last of several calls.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EINVAL for a range that cannot be, or the errno of a notifier
 *	that refused. The pages are as they were then, ready.
 */
int online_pages(unsigned long pfn, unsigned long nr_pages, struct zone *zone,
		 struct memory_group *group)
{
	struct memory_notify notify = {
		.start_pfn = pfn,
		.nr_pages = nr_pages,
	};
	int ret;

	mhp_assert_write_locked();
	if (!can_online(pfn, nr_pages))
		return -EINVAL;

	mhp_node_will_online(&notify, zone);
	ret = notifier_to_errno(memory_notify(MEM_GOING_ONLINE, &notify));
	if (ret) {
		pr_debug("pages %#lx+%#lx: onlining refused by a notifier: %d\n",
			 pfn, nr_pages, ret);
		memory_notify(MEM_CANCEL_ONLINE, &notify);
	} else {
		take_into_use(&notify, zone, group);
		memory_notify(MEM_ONLINE, &notify);
	}
	trace_mhp_online(pfn, nr_pages, zone, ret);
	return ret;
}

/**
 * mhp_zone_grew - let follow what depends on how much memory a zone has
 * @zone: the zone, after online_pages() gave it some
 *
 * Watermarks and reserves, the order of its free lists where that is random, the
 * threads of its node, and the limits of writeback.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_zone_grew(struct zone *zone)
{
	mhp_assert_write_locked();
	shuffle_zone(zone);
	init_per_zone_wmark_min();
	kswapd_run(zone_to_nid(zone));
	kcompactd_run(zone_to_nid(zone));
	writeback_set_ratelimit();
}
