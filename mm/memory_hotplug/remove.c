// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: taking memory away that is offline.
 *
 * Everything that can refuse is looked at first; after that nothing fails.
 * device_hotplug_lock is held throughout, so no block can go online between
 * the look and the removal.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/device.h>
#include <linux/firmware-map.h>
#include <linux/ioport.h>
#include <linux/memblock.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <trace/events/memory_hotplug.h>
#include "internal.h"

/**
 * struct survey - what a range that is to go consists of
 * @blocks: blocks found
 * @nid: node of the last one
 */
struct survey {
	unsigned long blocks;
	int nid;
};

static int survey_block(struct memory_block *mem, void *arg)
{
	struct survey *survey = arg;

	if (mem->state != MEM_OFFLINE)
		return -EBUSY;

	survey->blocks++;
	survey->nid = mem->nid;
	return 0;
}

static int survey_range(u64 start, u64 size, struct survey *survey)
{
	int ret;

	if (!mhp_is_block_range(start, size))
		return -EINVAL;

	ret = walk_memory_blocks(start, size, survey, survey_block);
	if (ret) {
		pr_warn("range %#llx+%#llx is not offline, it stays\n",
			start, size);
		return ret;
	}
	if (survey->blocks != size / memory_block_size_bytes())
		return -EINVAL;
	return 0;
}

/**
 * __try_remove_memory - take memory away, or say why not
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 *
 * Context: device_hotplug_lock held. May sleep.
 * Return: 0; -EBUSY if a block is not offline, -EINVAL if the range is not made
 *	of blocks that are all there. Nothing changed then.
 */
int __try_remove_memory(u64 start, u64 size)
{
	struct survey survey = { .nid = NUMA_NO_NODE };
	int ret;

	assert_device_hotplug_locked();
	ret = survey_range(start, size, &survey);

	if (ret) {
		trace_mhp_remove(start, size, survey.nid, ret);
		return ret;
	}

	/* Memory a driver manages has no entry there; that is no error. */
	firmware_map_remove(start, start + size, "System RAM");

	mem_hotplug_begin();
	mhp_depopulate(start, size);
	if (IS_ENABLED(CONFIG_ARCH_KEEP_MEMBLOCK))
		memblock_remove(start, size);
	release_mem_region_adjustable(start, size);
	if (survey.nid != NUMA_NO_NODE)
		try_offline_node(survey.nid);
	mem_hotplug_done();
	trace_mhp_remove(start, size, survey.nid, 0);
	return 0;
}
EXPORT_SYMBOL_GPL(__try_remove_memory);

/**
 * __remove_memory - take memory away that is known to be offline
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 *
 * Memory that cannot go after all stays, with a complaint.
 *
 * Context: device_hotplug_lock held. May sleep.
 */
void __remove_memory(u64 start, u64 size)
{
	int ret = __try_remove_memory(start, size);

	WARN_ONCE(ret, "memory_hotplug: range %#llx+%#llx cannot be removed: %d\n",
		  start, size, ret);
}

/**
 * remove_memory - __try_remove_memory() without device_hotplug_lock
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 *
 * Context: May sleep. Takes device_hotplug_lock.
 * Return: as __try_remove_memory().
 */
int remove_memory(u64 start, u64 size)
{
	int ret;

	lock_device_hotplug();
	ret = __try_remove_memory(start, size);
	unlock_device_hotplug();
	return ret;
}
EXPORT_SYMBOL_GPL(remove_memory);

/**
 * offline_and_remove_memory - offline a range and take it away, or neither
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 *
 * Blocks that were offline before count as done. If one cannot go, those that
 * this call took offline are onlined again, to the kind of zone they were in.
 *
 * Context: May sleep. Takes device_hotplug_lock.
 * Return: 0; -EINVAL for a range not made of blocks that are all there, or if
 *	one of them has a hole or is in several zones; -EBUSY if something in it
 *	does not move or time was up, -ENOMEM if there is no room elsewhere,
 *	-EINTR on a signal, or the errno of a notifier that refused.
 */
int offline_and_remove_memory(u64 start, u64 size)
{
	int ret;

	if (!mhp_is_block_range(start, size))
		return -EINVAL;

	lock_device_hotplug();
	ret = memory_range_remove(start, size, __try_remove_memory);
	unlock_device_hotplug();
	return ret;
}
EXPORT_SYMBOL_GPL(offline_and_remove_memory);
