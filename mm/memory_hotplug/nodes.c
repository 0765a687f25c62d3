// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: nodes that come and go with their memory.
 *
 * A node is prepared (its pglist_data made usable) before memory is added to
 * it, and committed (N_ONLINE, a device in sysfs) as the last step that can
 * fail: other code indexes node_devices[] for every online node.  N_MEMORY and
 * N_NORMAL_MEMORY follow what is online in it, always before the zonelists are
 * rebuilt.  All under mem_hotplug_lock held for writing, but for
 * try_offline_node(), whose callers hold device_hotplug_lock.
 */
#include <linux/mm.h>
#include <linux/compaction.h>
#include <linux/cpu.h>
#include <linux/memory.h>
#include <linux/node.h>
#include <linux/swap.h>
#include "internal.h"

/**
 * mhp_node_prepare - make sure memory can be added to a node
 * @nid: a possible node
 *
 * The node may stay prepared if the add fails; the next one prepares it anew.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -ENOMEM.
 */
int mhp_node_prepare(int nid)
{
	struct pglist_data *pgdat = NODE_DATA(nid);
	int ret;

	mhp_assert_write_locked();
	if (node_online(nid))
		return 0;
	if (WARN_ON_ONCE(pgdat->node_spanned_pages))
		return -EBUSY;

	ret = free_area_init_core_hotplug(pgdat);
	if (ret)
		return ret;

	build_all_zonelists(pgdat);
	return 0;
}

/**
 * mhp_node_commit - bring a prepared node online and into sysfs
 * @nid: the node; nothing happens if it is online
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -ENOMEM or what the driver core says. The node is offline then.
 */
int mhp_node_commit(int nid)
{
	int ret;

	mhp_assert_write_locked();
	if (node_online(nid))
		return 0;

	node_set_online(nid);
	ret = __register_one_node(nid);
	if (ret)
		node_set_offline(nid);
	return ret;
}

/**
 * try_online_node - bring a node online without memory
 * @nid: a possible node
 *
 * Context: May sleep. Takes mem_hotplug_lock.
 * Return: 0 if it is online now; -ENOMEM, or what the driver core says about
 *	its device.
 */
int try_online_node(int nid)
{
	int ret;

	if (node_online(nid))
		return 0;

	mem_hotplug_begin();
	ret = mhp_node_prepare(nid);
	if (!ret)
		ret = mhp_node_commit(nid);
	mem_hotplug_done();
	return ret;
}

#ifdef CONFIG_MEMORY_HOTREMOVE
static int block_is_on_node(struct memory_block *mem, void *arg)
{
	const int *nid = arg;

	return mem->nid == *nid;
}

static bool node_has_cpu(int nid)
{
	unsigned int cpu;

	for_each_present_cpu(cpu)
		if (cpu_to_node(cpu) == nid)
			return true;
	return false;
}

/**
 * try_offline_node - take a node offline that has nothing left
 * @nid: the node
 *
 * It stays if it spans memory, if a memory block names it or if a present CPU
 * belongs to it.
 *
 * Context: device_hotplug_lock held. May sleep.
 */
void try_offline_node(int nid)
{
	if (!node_online(nid) || NODE_DATA(nid)->node_spanned_pages)
		return;
	if (for_each_memory_block(&nid, block_is_on_node))
		return;
	if (node_has_cpu(nid))
		return;

	node_set_offline(nid);
	unregister_one_node(nid);
}
EXPORT_SYMBOL(try_offline_node);
#endif

/**
 * mhp_node_will_online - say which node states onlining to a zone will set
 * @notify: where to say it
 * @zone: the zone
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_node_will_online(struct memory_notify *notify, struct zone *zone)
{
	const int nid = zone_to_nid(zone);
	bool normal = zone_idx(zone) <= ZONE_NORMAL;

	notify->status_change_nid_normal =
		normal && !node_state(nid, N_NORMAL_MEMORY) ? nid : NUMA_NO_NODE;
	notify->status_change_nid_high = notify->status_change_nid_normal;
	notify->status_change_nid =
		node_state(nid, N_MEMORY) ? NUMA_NO_NODE : nid;
}

/**
 * mhp_node_will_offline - say which node states offlining will clear
 * @notify: where to say it; nr_pages is set
 * @zone: the zone that loses them
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_node_will_offline(struct memory_notify *notify, struct zone *zone)
{
	struct pglist_data *pgdat = zone->zone_pgdat;
	unsigned long normal = 0, all;
	int zid;

	for (zid = 0; zid <= ZONE_NORMAL; zid++)
		normal += pgdat->node_zones[zid].present_pages;
	all = normal + pgdat->node_zones[ZONE_MOVABLE].present_pages;

	notify->status_change_nid_normal = NUMA_NO_NODE;
	if (zone_idx(zone) <= ZONE_NORMAL && notify->nr_pages >= normal)
		notify->status_change_nid_normal = pgdat->node_id;
	notify->status_change_nid_high = notify->status_change_nid_normal;
	notify->status_change_nid =
		notify->nr_pages >= all ? pgdat->node_id : NUMA_NO_NODE;
}

/**
 * mhp_node_gained - set the node states a notification announced
 * @notify: the notification
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_node_gained(const struct memory_notify *notify)
{
	mhp_assert_write_locked();
	if (notify->status_change_nid_normal != NUMA_NO_NODE)
		node_set_state(notify->status_change_nid_normal,
			       N_NORMAL_MEMORY);
	if (notify->status_change_nid != NUMA_NO_NODE)
		node_set_state(notify->status_change_nid, N_MEMORY);
}

/**
 * mhp_node_lost - clear the node states a notification announced
 * @notify: the notification
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_node_lost(const struct memory_notify *notify)
{
	mhp_assert_write_locked();
	if (notify->status_change_nid_normal != NUMA_NO_NODE)
		node_clear_state(notify->status_change_nid_normal,
				 N_NORMAL_MEMORY);
	if (notify->status_change_nid != NUMA_NO_NODE)
		node_clear_state(notify->status_change_nid, N_MEMORY);
}
