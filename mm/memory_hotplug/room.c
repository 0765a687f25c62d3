// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: whether what has to move finds room.
 *
 * Before anything is disturbed, the pages to be moved are compared with what
 * the rest of the system could take: free memory above the reserves, page
 * cache that can be dropped, and swap.  The comparison is generous, since what
 * it lets pass can still be refused by the allocator, while what it refuses is
 * refused for good.
 *
 * Afterwards, memory that is isolated is lost to everybody else.  If the system
 * would have to kill a process for want of memory, the evacuation is what goes:
 * its ranges are given back first.
 */
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

static unsigned long droppable_cache(void)
{
	return global_node_page_state(NR_ACTIVE_FILE) +
	       global_node_page_state(NR_INACTIVE_FILE);
}

/**
 * mhp_has_room - whether memory outside can take what is in use inside
 * @tally: what was found in the ranges, which are not isolated yet
 *
 * Context: Any.
 * Return: false if it certainly cannot.
 */
bool mhp_has_room(const struct mhp_tally *tally)
{
	unsigned long room = free_above_reserves();

	room -= min(room, tally->free);
	room += droppable_cache();
	room += max(get_nr_swap_pages(), 0L);
	return tally->movable <= room;
}

static int give_way(struct notifier_block *nb, unsigned long unused, void *freed)
{
	*(unsigned long *)freed += mhp_evacuation_give_back();
	return NOTIFY_OK;
}

static struct notifier_block give_way_nb = {
	.notifier_call = give_way,
};

static int __init mhp_room_init(void)
{
	return register_oom_notifier(&give_way_nb);
}
subsys_initcall(mhp_room_init);
