// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: the auto-movable online policy.
 *
 * Memory goes to ZONE_MOVABLE as long as there is enough boot memory for the
 * kernel beside it: at most auto_movable_ratio percent of it, over all nodes
 * and, if auto_movable_numa_aware, within the node too.  Memory for the kernel
 * that was hot-added counts for nothing, except to the dynamic device it
 * belongs to: that device may leave again and take both along.
 *
 * Works on a snapshot of counters taken without locks.
 */
#include <linux/memory.h>
#include <linux/moduleparam.h>
#include "internal.h"

static unsigned int auto_movable_ratio __read_mostly = 301;
module_param(auto_movable_ratio, uint, 0644);
MODULE_PARM_DESC(auto_movable_ratio,
		 "Most MOVABLE memory for each KERNEL memory, in percent, under online_policy=auto-movable");

#ifdef CONFIG_NUMA
static bool auto_movable_numa_aware __read_mostly = true;
module_param(auto_movable_numa_aware, bool, 0644);
MODULE_PARM_DESC(auto_movable_numa_aware,
		 "Keep to auto_movable_ratio in each node as well as over all of them");
#else
#define auto_movable_numa_aware	false
#endif

/**
 * struct balance - what stands for and against more movable memory
 * @kernel: boot memory any allocation can use, in pages
 * @movable: memory only movable allocations can use, in pages
 * @ratio: auto_movable_ratio, read once
 */
struct balance {
	unsigned long kernel;
	unsigned long movable;
	unsigned int ratio;
};

/* a - b, but never below 0: the counters are not from one moment. */
static unsigned long sub_floor(unsigned long a, unsigned long b)
{
	return a > b ? a - b : 0;
}

/* How many pages of @kernel it takes to allow for @movable ones. */
static unsigned long kernel_needed(unsigned long movable, unsigned int ratio)
{
	return DIV_ROUND_UP(movable * 100, ratio);
}

static void count_zone(struct balance *sum, struct zone *zone)
{
	unsigned long cma = 0;

	if (!populated_zone(zone))
		return;
	if (zone_idx(zone) == ZONE_MOVABLE) {
		sum->movable += zone->present_pages;
		return;
	}

#ifdef CONFIG_CMA
	cma = zone->cma_pages;
#endif
	sum->movable += cma;
	sum->kernel += sub_floor(zone->present_early_pages, cma);
}

static void count_zones(struct balance *sum, int nid)
{
	struct pglist_data *pgdat;
	struct zone *zone;
	int zid;

	if (nid == NUMA_NO_NODE) {
		for_each_populated_zone(zone)
			count_zone(sum, zone);
		return;
	}

	pgdat = NODE_DATA(nid);
	for (zid = 0; zid < MAX_NR_ZONES; zid++)
		count_zone(sum, pgdat->node_zones + zid);
}

/* Take another dynamic device out, with the boot memory that it leans on. */
static int set_group_aside(struct memory_group *group, void *arg)
{
	struct balance *sum = arg;
	unsigned long needed = kernel_needed(group->present_movable_pages,
					     sum->ratio);

	sum->movable = sub_floor(sum->movable, group->present_movable_pages);
	needed = sub_floor(needed, group->present_kernel_pages);
	if (needed >= sum->kernel && needed) {
		sum->kernel = 0;
		return 1;
	}
	sum->kernel -= needed;
	return 0;
}

/* Whether @nr_pages more may be movable; NUMA_NO_NODE: over all nodes. */
static bool ratio_allows(int nid, struct memory_group *group,
			 unsigned long nr_pages, unsigned int ratio)
{
	struct balance sum = { .ratio = ratio };

	count_zones(&sum, nid);
	walk_dynamic_memory_groups(nid, set_group_aside, group, &sum);
	if (!sum.kernel)
		return false;
	if (group && group->is_dynamic)
		sum.kernel += group->present_kernel_pages;

	return sum.movable + nr_pages <= sum.kernel * ratio / 100;
}

/*
 * A unit of a dynamic device stays in one kind of zone, so that it can go
 * again.  Return how many pages of it are still to come, 0 if a part is in a
 * kernel zone.
 */
static unsigned long unit_pages_to_come(unsigned long unit_pages,
					unsigned long start_pfn,
					unsigned long nr_pages)
{
	unsigned long pfn = ALIGN_DOWN(start_pfn, unit_pages);
	const unsigned long end_pfn = pfn + unit_pages;
	unsigned long to_come = 0;

	for (; pfn < end_pfn; pfn += PAGES_PER_SECTION) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page)
			to_come += PAGES_PER_SECTION;
		else if (!is_zone_movable_page(page))
			return 0;
	}
	return max(to_come, nr_pages);
}

/* How much must fit for @nr_pages to go to ZONE_MOVABLE; 0 if they must not. */
static unsigned long pages_to_fit(struct memory_group *group,
				  unsigned long start_pfn,
				  unsigned long nr_pages)
{
	if (!group)
		return nr_pages;
	if (!group->is_dynamic)
		return group->present_kernel_pages ? 0 :
		       max(nr_pages, sub_floor(group->s.max_pages,
					       group->present_movable_pages));
	if (group->d.unit_pages <= nr_pages)
		return nr_pages;
	return unit_pages_to_come(group->d.unit_pages, start_pfn, nr_pages);
}

/**
 * mhp_auto_movable_zone - the zone online_policy=auto-movable picks
 * @nid: node of the range
 * @group: group of its block, or NULL
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * Context: May sleep.
 * Return: the zone.
 */
struct zone *mhp_auto_movable_zone(int nid, struct memory_group *group,
				   unsigned long start_pfn,
				   unsigned long nr_pages)
{
	const unsigned int ratio = READ_ONCE(auto_movable_ratio);
	unsigned long to_fit = 0;

	if (ratio)
		to_fit = pages_to_fit(group, start_pfn, nr_pages);

	if (to_fit && ratio_allows(NUMA_NO_NODE, group, to_fit, ratio) &&
	    (!auto_movable_numa_aware ||
	     ratio_allows(nid, group, to_fit, ratio)))
		return mhp_movable_zone(nid);

	return mhp_kernel_zone(nid, start_pfn, nr_pages);
}
