// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: whether what has to move finds room.
 *
 * Before anything is disturbed, the pages to be moved are compared with what
 * the rest of the system could take: free memory above the reserves, page cache
 * and kernel memory that can be reclaimed, swap, and free huge pages.  The
 * comparison is generous, since what it lets pass can still be refused by the
 * allocator, while what it refuses is refused for good.
 *
 * Afterwards, memory that is isolated is lost to other users.  If the kernel
 * would have to kill a process for want of memory that a range has, the OOM
 * notifier gives the range back first.
 */
#include <linux/hugetlb.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include "evacuate.h"

/* Free pages of all zones that allocations may use, reserves left alone. */
static unsigned long free_above_reserves(void)
{
	unsigned long sum = 0;
	struct zone *zone;

	for_each_populated_zone(zone) {
		unsigned long free = zone_page_state(zone, NR_FREE_PAGES);
		unsigned long reserve = min_wmark_pages(zone);

		sum += free > reserve ? free - reserve : 0;
	}
	return sum;
}

/* Page cache, slab caches and other kernel memory, in pages. */
static unsigned long reclaimable_pages(void)
{
	return global_node_page_state(NR_ACTIVE_FILE) +
	       global_node_page_state(NR_INACTIVE_FILE) +
	       global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
	       global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
}

/* Pages of all free huge pages, wherever they are. */
static unsigned long free_huge_pages(void)
{
	unsigned long sum = 0;
#ifdef CONFIG_HUGETLB_PAGE
	struct hstate *h;

	for_each_hstate(h)
		sum += READ_ONCE(h->free_huge_pages) * pages_per_huge_page(h);
#endif
	return sum;
}

/* Pages to be moved that free huge pages outside cannot take. */
static unsigned long pages_without_pool(const struct mhp_tally *tally)
{
	unsigned long pool = free_huge_pages();

	pool -= min(pool, tally->free_huge);
	return tally->movable - min(tally->huge, pool);
}

/**
 * mhp_has_room - whether memory outside can take what is in use inside
 * @tally: what was found in the ranges, which are not isolated yet
 *
 * Context: Any. mhp_evacuation_drain() has come before.
 * Return: false if it certainly cannot.
 */
bool mhp_has_room(const struct mhp_tally *tally)
{
	unsigned long room = free_above_reserves();

	room -= min(room, tally->free);
	room += reclaimable_pages();
	room += max(get_nr_swap_pages(), 0L);
	return pages_without_pool(tally) <= room;
}

static int mhp_oom_notify(struct notifier_block *nb, unsigned long oc,
			  void *freed)
{
	*(unsigned long *)freed +=
		mhp_evacuation_give_back((const struct oom_control *)oc);
	return NOTIFY_OK;
}

static struct notifier_block mhp_oom_nb = {
	.notifier_call = mhp_oom_notify,
};

static int __init mhp_room_init(void)
{
	return register_oom_notifier(&mhp_oom_nb);
}
subsys_initcall(mhp_room_init);
