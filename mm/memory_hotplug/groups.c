// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: groups, the devices that memory blocks came with.
 *
 * Ids start at 1: as phys_device of a block, 0 stands for none.  groups_lock protects the
 * table of ids against lookup, walking and freeing at the same time: drivers
 * register and unregister without device_hotplug_lock, and valid_zones walks
 * the dynamic groups without any other lock.  A group that has blocks cannot
 * be freed; its list of blocks is protected as struct memory_group says, its page
 * counts by mem_hotplug_lock.
 */
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "internal.h"

#define GROUP_IS_DYNAMIC	XA_MARK_1

static DEFINE_XARRAY_FLAGS(groups, XA_FLAGS_ALLOC1);
static DEFINE_MUTEX(groups_lock);

/* Reserve an id; nobody finds the group yet. */
static int reserve_id(u32 *id)
{
	int ret;

	mutex_lock(&groups_lock);
	ret = xa_alloc(&groups, id, NULL, xa_limit_31b, GFP_KERNEL);
	mutex_unlock(&groups_lock);
	return ret;
}

static void enter_group(struct memory_group *group, u32 id)
{
	mutex_lock(&groups_lock);
	xa_store(&groups, id, group, GFP_KERNEL);
	if (group->is_dynamic)
		xa_set_mark(&groups, id, GROUP_IS_DYNAMIC);
	mutex_unlock(&groups_lock);
}

/*
 * Nobody finds the group any more, but its id is not given away while its
 * folder is there.
 */
static void hide_group(u32 id)
{
	lockdep_assert_held(&groups_lock);
	xa_store(&groups, id, XA_ZERO_ENTRY, GFP_KERNEL);
	xa_clear_mark(&groups, id, GROUP_IS_DYNAMIC);
}

static void forget_id(u32 id)
{
	mutex_lock(&groups_lock);
	xa_erase(&groups, id);
	mutex_unlock(&groups_lock);
}

/* Take a copy of a filled-in template into the table; its id, or an errno. */
static int register_group(const struct memory_group *template)
{
	struct memory_group *group;
	u32 id;
	int ret;

	if (!node_possible(template->nid))
		return -EINVAL;

	group = kmemdup(template, sizeof(*template), GFP_KERNEL);
	if (!group)
		return -ENOMEM;
	INIT_LIST_HEAD(&group->memory_blocks);
	mutex_init(&group->blocks_lock);

	ret = reserve_id(&id);
	if (ret) {
		kfree(group);
		return ret;
	}
	ret = memory_group_device_add(group, id);
	if (ret) {
		forget_id(id);
		put_device(&group->dev);
		return ret;
	}
	enter_group(group, id);
	return id;
}

/**
 * memory_group_register_static - a device whose memory comes and goes at once
 * @nid: its node
 * @max_pages: pages it has at most; not 0
 *
 * Context: May sleep.
 * Return: the id of the group; -EINVAL for an impossible node or size,
 *	-ENOMEM or -EBUSY if there is no room for another group.
 */
int memory_group_register_static(int nid, unsigned long max_pages)
{
	struct memory_group template = {
		.nid = nid,
		.s.max_pages = max_pages,
	};

	return max_pages ? register_group(&template) : -EINVAL;
}
EXPORT_SYMBOL_GPL(memory_group_register_static);

/**
 * memory_group_register_dynamic - a device that grows and shrinks
 * @nid: its node
 * @unit_pages: by how much, in pages: a power of two, a block or more
 *
 * Context: May sleep.
 * Return: the id of the group; -EINVAL for an impossible node or unit,
 *	-ENOMEM or -EBUSY if there is no room for another group.
 */
int memory_group_register_dynamic(int nid, unsigned long unit_pages)
{
	struct memory_group template = {
		.nid = nid,
		.is_dynamic = true,
		.d.unit_pages = unit_pages,
	};

	if (!is_power_of_2(unit_pages) ||
	    unit_pages < PHYS_PFN(memory_block_size_bytes()))
		return -EINVAL;
	return register_group(&template);
}
EXPORT_SYMBOL_GPL(memory_group_register_dynamic);

static bool has_blocks(struct memory_group *group)
{
	bool ret;

	mutex_lock(&group->blocks_lock);
	ret = !list_empty(&group->memory_blocks);
	mutex_unlock(&group->blocks_lock);
	return ret;
}

/**
 * memory_group_unregister - forget a group that has no blocks any more
 * @mgid: its id
 *
 * Context: May sleep.
 * Return: 0; -EINVAL if there is no such group, -EBUSY if it has blocks.
 */
int memory_group_unregister(int mgid)
{
	struct memory_group *group;
	int ret = 0;

	if (mgid < 0)
		return -EINVAL;

	mutex_lock(&groups_lock);
	group = xa_load(&groups, mgid);
	if (!group)
		ret = -EINVAL;
	else if (has_blocks(group))
		ret = -EBUSY;
	else
		hide_group(mgid);
	mutex_unlock(&groups_lock);

	if (!ret) {
		put_device(group->source);
		device_unregister(&group->dev);
		forget_id(mgid);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(memory_group_unregister);

/**
 * memory_group_find_by_id - look a group up
 * @mgid: its id
 *
 * Context: Any. The caller keeps the group registered.
 * Return: the group, or NULL.
 */
struct memory_group *memory_group_find_by_id(int mgid)
{
	return mgid < 0 ? NULL : xa_load(&groups, mgid);
}

/**
 * walk_dynamic_memory_groups - call a function for each dynamic group
 * @nid: only those on this node; NUMA_NO_NODE for all
 * @func: the function
 * @excluded: a group to leave out, or NULL
 * @arg: given to @func
 *
 * Context: May sleep. @func must not register or unregister groups.
 * Return: 0, or the first value other than 0 that @func returned.
 */
int walk_dynamic_memory_groups(int nid, walk_memory_groups_func_t func,
			       struct memory_group *excluded, void *arg)
{
	struct memory_group *group;
	unsigned long id;
	int ret = 0;

	mutex_lock(&groups_lock);
	xa_for_each_marked(&groups, id, group, GROUP_IS_DYNAMIC) {
		if (group == excluded)
			continue;
		if (IS_ENABLED(CONFIG_NUMA) && nid != NUMA_NO_NODE &&
		    nid != group->nid)
			continue;
		ret = func(group, arg);
		if (ret)
			break;
	}
	mutex_unlock(&groups_lock);
	return ret;
}

/**
 * mhp_count_in_group - account pages that are in use to their group
 * @group: the group
 * @zone: their zone; NULL if they are in several, which are the kernel's
 * @nr_pages: how many came, or went if negative
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_count_in_group(struct memory_group *group, const struct zone *zone,
			long nr_pages)
{
	mhp_assert_write_locked();
	if (zone && zone_idx(zone) == ZONE_MOVABLE)
		group->present_movable_pages += nr_pages;
	else
		group->present_kernel_pages += nr_pages;
}
