// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: the physical phase.
 *
 * An add claims its resource, readies the node, populates the range, commits
 * the node and links its blocks, and undoes the steps done if one fails.  Then,
 * with mem_hotplug_lock dropped, the blocks are onlined if that is the default;
 * what fails there does not fail the add, for the memory is there.
 * device_hotplug_lock is held throughout.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/device.h>
#include <linux/firmware-map.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/memory.h>
#include <linux/node.h>
#include <linux/string.h>
#include <trace/events/memory_hotplug.h>
#include "internal.h"

/* Resources are merged by the address of their name: one string for all. */
static const char system_ram[] = "System RAM";

/* The end of RAM as limited by mem=; in force while booting. */
u64 max_mem_size = U64_MAX;

static bool is_plain_ram(const struct resource *res)
{
	return !strcmp(res->name, system_ram);
}

static struct resource *claim_resource(u64 start, u64 size, const char *name)
{
	unsigned long flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
	struct resource *res;

	if (!mhp_range_allowed(start, size, true))
		return ERR_PTR(-E2BIG);
	if (system_state < SYSTEM_RUNNING && start + size > max_mem_size)
		return ERR_PTR(-E2BIG);

	if (strcmp(name, system_ram))
		flags |= IORESOURCE_SYSRAM_DRIVER_MANAGED;
	res = __request_region(&iomem_resource, start, size, name, flags);
	return res ?: ERR_PTR(-EEXIST);
}

static void release_claim(struct resource *res)
{
	release_resource(res);
	kfree(res);
}

static int add_to_memblock(int nid, const struct resource *res)
{
	enum memblock_flags flags = MEMBLOCK_NONE;

	if (!IS_ENABLED(CONFIG_ARCH_KEEP_MEMBLOCK))
		return 0;
	if (res->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED)
		flags = MEMBLOCK_DRIVER_MANAGED;
	return memblock_add_node(res->start, resource_size(res), nid, flags);
}

static void remove_from_memblock(const struct resource *res)
{
	if (IS_ENABLED(CONFIG_ARCH_KEEP_MEMBLOCK))
		memblock_remove(res->start, resource_size(res));
}

/* The steps of an add that mem_hotplug_lock covers. */
static int add_locked(int nid, struct resource *res,
		      struct memory_group *group, mhp_t mhp_flags)
{
	const u64 start = res->start, size = resource_size(res);
	int ret;

	ret = add_to_memblock(nid, res);
	if (ret)
		return ret;

	ret = mhp_node_prepare(nid);
	if (ret)
		goto undo_memblock;

	ret = mhp_populate(nid, start, size, group, mhp_flags);
	if (ret)
		goto undo_memblock;

	ret = mhp_node_commit(nid);
	if (ret)
		goto undo_populate;

	register_memory_blocks_under_node(nid, PFN_DOWN(start),
					  PFN_UP(start + size),
					  MEMINIT_HOTPLUG);
	if (is_plain_ram(res))
		firmware_map_add_hotplug(start, start + size, system_ram);
	return 0;

undo_populate:
	mhp_depopulate(start, size);
undo_memblock:
	remove_from_memblock(res);
	return ret;
}

static void auto_online(u64 start, u64 size)
{
	enum mmop type = mhp_get_default_online_type();

	if (type != MMOP_OFFLINE)
		memory_range_bring_online(start, size, type);
}

/**
 * add_memory_resource - add memory whose resource the caller has claimed
 * @nid: its node, or with MHP_NID_IS_MGID the id of its group
 * @res: its resource, busy System RAM; may be merged away by success
 * @mhp_flags: MHP_* flags
 *
 * Context: device_hotplug_lock held, or boot. May sleep.
 * Return: 0; -EINVAL if the range is not made of blocks or there is no such
 *	group or node, -EEXIST if some of it is there, -ENOMEM, or what the
 *	architecture says.
 */
int add_memory_resource(int nid, struct resource *res, mhp_t mhp_flags)
{
	const u64 start = res->start, size = resource_size(res);
	struct memory_group *group = NULL;
	int ret;

	if (!mhp_is_block_range(start, size)) {
		pr_warn("range %#llx+%#llx is not made of blocks of %#lx\n",
			start, size, memory_block_size_bytes());
		return -EINVAL;
	}
	if (mhp_flags & MHP_NID_IS_MGID) {
		group = memory_group_find_by_id(nid);
		if (!group)
			return -EINVAL;
		nid = group->nid;
	}
	if (WARN_ONCE(nid < 0 || nid >= MAX_NUMNODES || !node_possible(nid),
		      "memory_hotplug: node %d is not possible\n", nid))
		return -EINVAL;

	assert_device_hotplug_locked();
	mem_hotplug_begin();
	ret = add_locked(nid, res, group, mhp_flags);
	mem_hotplug_done();
	trace_mhp_add(start, size, nid, ret);
	if (ret)
		return ret;
	memory_blocks_announce(start, size);

	if (mhp_flags & MHP_MERGE_RESOURCE)
		merge_system_ram_resource(res);
	auto_online(start, size);
	if (group)
		memory_group_announce(group);
	return 0;
}

static int add_named_memory(int nid, u64 start, u64 size, const char *name,
			    mhp_t mhp_flags)
{
	struct resource *res = claim_resource(start, size, name);
	int ret;

	if (IS_ERR(res))
		return PTR_ERR(res);

	ret = add_memory_resource(nid, res, mhp_flags);
	if (ret)
		release_claim(res);
	return ret;
}

/**
 * __add_memory - add memory that is there now
 * @nid: its node, or with MHP_NID_IS_MGID the id of its group
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 * @mhp_flags: MHP_* flags
 *
 * Context: device_hotplug_lock held, or boot. May sleep.
 * Return: as add_memory_resource(); also -E2BIG if the range cannot be
 *	addressed, -EEXIST if something else claims it.
 */
int __add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags)
{
	return add_named_memory(nid, start, size, system_ram, mhp_flags);
}
EXPORT_SYMBOL_GPL(__add_memory);

/**
 * add_memory - __add_memory() for callers without device_hotplug_lock
 * @nid: its node, or with MHP_NID_IS_MGID the id of its group
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 * @mhp_flags: MHP_* flags
 *
 * Context: May sleep. Takes device_hotplug_lock.
 * Return: as __add_memory().
 */
int add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags)
{
	int ret;

	lock_device_hotplug();
	ret = __add_memory(nid, start, size, mhp_flags);
	unlock_device_hotplug();
	return ret;
}
EXPORT_SYMBOL_GPL(add_memory);

/* "System RAM (driver)": kexec tools tell by it not to use the memory. */
static bool is_driver_managed_name(const char *name)
{
	return name && str_has_prefix(name, "System RAM (") &&
	       name[strlen(name) - 1] == ')';
}

/**
 * add_memory_driver_managed - add memory that only its driver knows of
 * @nid: its node, or with MHP_NID_IS_MGID the id of its group
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 * @resource_name: "System RAM (driver)"; must outlive the memory
 * @mhp_flags: MHP_* flags
 *
 * It is not in the firmware memory map and a kexec kernel does not use it.
 *
 * Context: May sleep. Takes device_hotplug_lock.
 * Return: as __add_memory(); -EINVAL for a name of another form.
 */
int add_memory_driver_managed(int nid, u64 start, u64 size,
			      const char *resource_name, mhp_t mhp_flags)
{
	int ret;

	if (!is_driver_managed_name(resource_name))
		return -EINVAL;

	lock_device_hotplug();
	ret = add_named_memory(nid, start, size, resource_name, mhp_flags);
	unlock_device_hotplug();
	return ret;
}
EXPORT_SYMBOL_GPL(add_memory_driver_managed);
