// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: which zone memory goes to, and what happens on arrival.
 *
 * Choosing a zone changes nothing and takes no lock that user space could wait
 * for: valid_zones asks it at any time.
 */
#include <linux/init.h>
#include <linux/memory.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include "internal.h"

enum online_policy {
	ONLINE_POLICY_CONTIG_ZONES,
	ONLINE_POLICY_AUTO_MOVABLE,
};

static const char *const online_policy_names[] = {
	[ONLINE_POLICY_CONTIG_ZONES] = "contig-zones",
	[ONLINE_POLICY_AUTO_MOVABLE] = "auto-movable",
};

static int online_policy __read_mostly = ONLINE_POLICY_CONTIG_ZONES;

static int online_policy_set(const char *val, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(online_policy_names, val);

	if (policy < 0)
		return policy;
	WRITE_ONCE(online_policy, policy);
	return 0;
}

static int online_policy_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  online_policy_names[READ_ONCE(online_policy)]);
}

static const struct kernel_param_ops online_policy_ops = {
	.get = online_policy_get,
	.set = online_policy_set,
};
module_param_cb(online_policy, &online_policy_ops, NULL, 0644);
MODULE_PARM_DESC(online_policy,
		 "Zone for memory onlined without naming one: contig-zones (default) or auto-movable");

bool movable_node_enabled __ro_after_init;

#ifdef CONFIG_MEMORY_HOTREMOVE
static int __init movable_node_setup(char *arg)
{
	movable_node_enabled = true;
	return 0;
}
early_param("movable_node", movable_node_setup);
#endif

/* What happens to new memory; negative until somebody asks or says. */
static int default_online_type __read_mostly = -1;

/**
 * mhp_get_default_online_type - what is done with memory when it is added
 *
 * Context: Any.
 * Return: MMOP_OFFLINE if nothing, else how it is onlined.
 */
enum mmop mhp_get_default_online_type(void)
{
	int type = READ_ONCE(default_online_type);

	if (type >= 0)
		return type;
	if (IS_ENABLED(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_AUTO))
		return MMOP_ONLINE;
	if (IS_ENABLED(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_KERNEL))
		return MMOP_ONLINE_KERNEL;
	if (IS_ENABLED(CONFIG_MHP_DEFAULT_ONLINE_TYPE_ONLINE_MOVABLE))
		return MMOP_ONLINE_MOVABLE;
	return MMOP_OFFLINE;
}

/**
 * mhp_set_default_online_type - say what is to be done with memory when added
 * @online_type: MMOP_OFFLINE for nothing, else how to online it
 *
 * Context: Any.
 */
void mhp_set_default_online_type(enum mmop online_type)
{
	WRITE_ONCE(default_online_type, online_type);
}

static int __init memhp_default_state_setup(char *word)
{
	int type = mhp_online_type_from_str(word);

	if (type >= 0)
		mhp_set_default_online_type(type);
	return 1;
}
__setup("memhp_default_state=", memhp_default_state_setup);

/**
 * mhp_movable_zone - ZONE_MOVABLE of a node
 * @nid: the node
 *
 * Context: Any.
 * Return: the zone.
 */
struct zone *mhp_movable_zone(int nid)
{
	return NODE_DATA(nid)->node_zones + ZONE_MOVABLE;
}

/**
 * mhp_kernel_zone - the zone a range would serve the kernel from
 * @nid: its node
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * Context: Any.
 * Return: a zone below ZONE_NORMAL that spans some of the range, otherwise
 *	ZONE_NORMAL.
 */
struct zone *mhp_kernel_zone(int nid, unsigned long start_pfn,
			     unsigned long nr_pages)
{
	struct zone *zone = NODE_DATA(nid)->node_zones;
	struct zone *normal = zone + ZONE_NORMAL;

	while (zone < normal && !zone_intersects(zone, start_pfn, nr_pages))
		zone++;
	return zone;
}

/* Extend the zone the range lies in; without one, or with two, the default. */
static struct zone *contig_zone(int nid, unsigned long start_pfn,
				unsigned long nr_pages)
{
	struct zone *kernel = mhp_kernel_zone(nid, start_pfn, nr_pages);
	struct zone *movable = mhp_movable_zone(nid);
	bool in_kernel = zone_intersects(kernel, start_pfn, nr_pages);
	bool in_movable = zone_intersects(movable, start_pfn, nr_pages);

	if (in_kernel != in_movable)
		return in_kernel ? kernel : movable;
	return movable_node_is_enabled() ? movable : kernel;
}

/**
 * zone_for_pfn_range - the zone that memory would be onlined to
 * @online_type: how it is to be onlined
 * @nid: its node
 * @group: the group of its block, or NULL
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * Context: May sleep. Without a lock the answer may be outdated at once.
 * Return: the zone.
 */
struct zone *zone_for_pfn_range(enum mmop online_type, int nid,
				struct memory_group *group,
				unsigned long start_pfn,
				unsigned long nr_pages)
{
	switch (online_type) {
	case MMOP_ONLINE_KERNEL:
		return mhp_kernel_zone(nid, start_pfn, nr_pages);
	case MMOP_ONLINE_MOVABLE:
		return mhp_movable_zone(nid);
	default:
		break;
	}

	if (READ_ONCE(online_policy) == ONLINE_POLICY_CONTIG_ZONES)
		return contig_zone(nid, start_pfn, nr_pages);
	return mhp_auto_movable_zone(nid, group, start_pfn, nr_pages);
}

/**
 * mhp_zone_choice_is_lasting - whether memory that goes online leaves it as it is
 * @online_type: how memory is to be onlined
 * @group: the group of its blocks, or NULL
 *
 * Context: Any.
 * Return: true if zone_for_pfn_range() says of adjacent blocks, before the first
 *	of them is online, what it would say of each when its turn has come.
 */
bool mhp_zone_choice_is_lasting(enum mmop online_type,
				const struct memory_group *group)
{
	if (online_type != MMOP_ONLINE ||
	    READ_ONCE(online_policy) == ONLINE_POLICY_CONTIG_ZONES)
		return true;
	return group && !group->is_dynamic;
}
