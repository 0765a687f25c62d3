// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI memory devices (PNP0C80): a DIMM as firmware sees it.
 *
 * This file turns the _CRS of such a device into ranges, hands the ranges to
 * the memory hotplug core, binds the resulting memory blocks to the ACPI device
 * (that is how an eject request finds what to offline), and takes all of it
 * back.  For an eject it takes the group offline as one, which is all that is
 * bound to a device that can be ejected.  It decides nothing about zones or pages.
 *
 * A DIMM is known here from a successful dimm_attach() to dimm_detach(), with
 * its struct acpi_dimm in driver_data.  What happened to each of its ranges is
 * in enum dimm_range_state.  Blocks and ranges need not line up: boot memory may
 * have one block across the border of two DIMMs.  Such a block belongs to the
 * DIMM that bound it first, and a DIMM which does not consist of whole blocks of
 * its own works normally but cannot be ejected (see dimm_fixed_handler).
 *
 * Locks: the ACPI core calls attach and detach under acpi_scan_lock, which
 * protects everything declared here.  Block devices want device_hotplug_lock as
 * well.  It is held for every detach, but for an attach only in the hotplug work:
 * the boot scan, table loads and late dependencies come without it, and it must
 * not be taken inside acpi_scan_lock.  Hence no assertion, and only core
 * functions that leave the lock to their caller.
 */

#define pr_fmt(fmt) "ACPI: memory: " fmt

#include <linux/acpi.h>
#include <linux/error-injection.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "hotplug_claim.h"
#include "internal.h"

static const struct acpi_device_id dimm_ids[] = {
	{ "PNP0C80" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, dimm_ids);

/**
 * enum dimm_range_state - what attaching a DIMM did about one of its ranges
 * @DIMM_RANGE_UNUSED: No memory was added and no block bound; nothing to undo.
 * @DIMM_RANGE_FOUND: There was memory before, from boot or kept by an earlier
 *	detach.  The blocks that were free are bound.  If that is all of them,
 *	they have joined the group of the DIMM.  A failed attach leaves the
 *	memory alone, an eject may remove it.
 * @DIMM_RANGE_ADDED: This attach added the memory, as whole blocks in the group
 *	of the DIMM.  They are bound.
 */
enum dimm_range_state {
	DIMM_RANGE_UNUSED,
	DIMM_RANGE_FOUND,
	DIMM_RANGE_ADDED,
};

/**
 * struct acpi_dimm - one ACPI memory device
 * @adev: The device.  Not valid on dimm_leftovers.
 * @ranges: Its memory by ascending address; no two ranges overlap, and none
 *	could be merged with the next.
 * @mgid: Id of its memory group, negative if it has none.
 * @leftover: Link in dimm_leftovers.
 */
struct acpi_dimm {
	struct acpi_device *adev;
	struct list_head ranges;
	int mgid;
	struct list_head leftover;
};

/**
 * struct dimm_range - contiguous memory of a DIMM
 * @node: Link in acpi_dimm.ranges.
 * @dimm: The DIMM.
 * @start: First physical address.
 * @length: Bytes, never 0; @start + @length does not wrap.
 * @caching: Caching attribute of the descriptor.
 * @write_protect: Write protection of the descriptor.
 * @state: See enum dimm_range_state.
 * @nr_blocks: Number of memory blocks in the range that this DIMM has bound.
 */
struct dimm_range {
	struct list_head node;
	struct acpi_dimm *dimm;
	u64 start;
	u64 length;
	u8 caching;
	u8 write_protect;
	enum dimm_range_state state;
	unsigned long nr_blocks;
};

/*
 * DIMMs that are gone but whose group still has blocks, because their memory
 * could not be removed.  Only the group id counts; the entry goes when the
 * blocks do.  Protected by acpi_scan_lock.
 */
static LIST_HEAD(dimm_leftovers);

static void dimm_range_warn(const struct dimm_range *range, const char *what, int error)
{
	dev_warn(&range->dimm->adev->dev, "[mem %#llx-%#llx] %s, error %d\n",
		 range->start, range->start + range->length - 1, what, error);
}

/* Ranges: from _CRS to a sorted list. */

static const char *dimm_crs_defect(const struct acpi_dimm *dimm, u64 start, u64 length)
{
	const struct dimm_range *range;
	u64 end;

	if (check_add_overflow(start, length, &end))
		return "wraps around";

	list_for_each_entry(range, &dimm->ranges, node)
		if (start < range->start + range->length && range->start < end)
			return "overlaps another range";

	return NULL;
}

/* The entry to insert a new range before. */
static struct list_head *dimm_range_successor(struct acpi_dimm *dimm, u64 start)
{
	struct list_head *pos;

	list_for_each(pos, &dimm->ranges)
		if (list_entry(pos, struct dimm_range, node)->start > start)
			break;

	return pos;
}

static acpi_status dimm_insert_range(struct acpi_dimm *dimm,
				     const struct acpi_resource_address64 *desc)
{
	struct dimm_range *range = kzalloc(sizeof(*range), GFP_KERNEL);

	if (!range)
		return AE_NO_MEMORY;

	range->dimm = dimm;
	range->start = desc->address.minimum;
	range->length = desc->address.address_length;
	range->caching = desc->info.mem.caching;
	range->write_protect = desc->info.mem.write_protect;
	list_add_tail(&range->node, dimm_range_successor(dimm, range->start));
	return AE_OK;
}

/* One resource of _CRS.  A malformed range is left out, the others count. */
static acpi_status dimm_read_resource(struct acpi_resource *res, void *arg)
{
	struct acpi_resource_address64 desc;
	struct acpi_dimm *dimm = arg;
	const char *defect;

	if (ACPI_FAILURE(acpi_resource_to_address64(res, &desc)))
		return AE_OK;
	if (desc.resource_type != ACPI_MEMORY_RANGE || !desc.address.address_length)
		return AE_OK;

	defect = dimm_crs_defect(dimm, desc.address.minimum, desc.address.address_length);
	if (!defect)
		return dimm_insert_range(dimm, &desc);

	dev_warn(&dimm->adev->dev, "_CRS range at %#llx, length %#llx, %s: ignored\n",
		 desc.address.minimum, desc.address.address_length, defect);
	return AE_OK;
}

static bool dimm_range_continues(const struct dimm_range *range, const struct dimm_range *before)
{
	return before->start + before->length == range->start &&
	       before->caching == range->caching &&
	       before->write_protect == range->write_protect;
}

static void dimm_merge_ranges(struct acpi_dimm *dimm)
{
	struct dimm_range *range, *next, *before = NULL;

	list_for_each_entry_safe(range, next, &dimm->ranges, node) {
		if (before && dimm_range_continues(range, before)) {
			before->length += range->length;
			list_del(&range->node);
			kfree(range);
		} else {
			before = range;
		}
	}
}

static int dimm_read_ranges(struct acpi_dimm *dimm)
{
	acpi_status status;

	status = acpi_walk_resources(dimm->adev->handle, METHOD_NAME__CRS,
				     dimm_read_resource, dimm);
	if (ACPI_FAILURE(status)) {
		dev_warn(&dimm->adev->dev, "cannot read _CRS: %s\n",
			 acpi_format_exception(status));
		return -EINVAL;
	}

	dimm_merge_ranges(dimm);
	if (list_empty(&dimm->ranges)) {
		dev_warn(&dimm->adev->dev, "no usable memory range in _CRS\n");
		return -EINVAL;
	}

	return 0;
}

/* Blocks: bound to the DIMM that comes first, unbound only by that one. */

static int dimm_bind_block(struct memory_block *block, void *arg)
{
	struct acpi_device *owner = ACPI_COMPANION(&block->dev);
	struct dimm_range *range = arg;
	struct acpi_device *adev = range->dimm->adev;
	int ret;

	if (owner && owner != adev) {
		dev_info(&adev->dev, "%s belongs to %s\n",
			 dev_name(&block->dev), dev_name(&owner->dev));
		return 0;
	}

	ret = owner ? 0 : acpi_bind_one(&block->dev, adev);
	if (!ret)
		range->nr_blocks++;

	return ret;
}
ALLOW_ERROR_INJECTION(dimm_bind_block, ERRNO);

static int dimm_unbind_block(struct memory_block *block, void *arg)
{
	struct dimm_range *range = arg;

	if (ACPI_COMPANION(&block->dev) == range->dimm->adev)
		acpi_unbind_one(&block->dev);

	return 0;
}

static void dimm_range_unbind(struct dimm_range *range)
{
	if (range->state != DIMM_RANGE_UNUSED)
		walk_memory_blocks(range->start, range->length, range, dimm_unbind_block);
}

/*
 * Can the range be removed without touching memory of others?  If it was found,
 * it must start and end with a block, and every block in it must be there and
 * be bound to this DIMM.
 */
static bool dimm_range_is_whole(const struct dimm_range *range)
{
	u64 block_size = memory_block_size_bytes();

	if (range->state == DIMM_RANGE_ADDED)
		return true;

	return IS_ALIGNED(range->start | range->length, block_size) &&
	       range->nr_blocks == range->length / block_size;
}

static void dimm_range_add(struct dimm_range *range)
{
	int ret;

	ret = __add_memory(range->dimm->mgid, range->start, range->length,
			   MHP_NID_IS_MGID | MHP_MEMMAP_ON_MEMORY);
	if (!ret)
		range->state = DIMM_RANGE_ADDED;
	else if (ret == -EEXIST)
		range->state = DIMM_RANGE_FOUND;
	else
		dimm_range_warn(range, "cannot be added, left out", ret);
}

/* On refusal the memory stays, usable, and keeps its group (dimm_leftovers). */
static void dimm_range_remove(struct dimm_range *range)
{
	int ret = -EINVAL;

	if (range->state == DIMM_RANGE_UNUSED)
		return;

	if (dimm_range_is_whole(range))
		ret = __try_remove_memory(range->start, range->length);
	if (ret)
		dimm_range_warn(range, "cannot be removed, memory stays", ret);
}

/* DIMMs. */

static int dimm_node(const struct acpi_dimm *dimm)
{
	int nid = acpi_get_node(dimm->adev->handle);

	if (nid >= 0)
		return nid;

	return memory_add_physaddr_to_nid(list_first_entry(&dimm->ranges, struct dimm_range,
							   node)->start);
}

static int dimm_register_group(struct acpi_dimm *dimm)
{
	int mgid, nid = dimm_node(dimm);
	struct dimm_range *range;
	u64 total = 0;

	list_for_each_entry(range, &dimm->ranges, node)
		total += range->length;

	mgid = memory_group_register_static(nid, PFN_UP(total));
	if (mgid < 0) {
		dev_err(&dimm->adev->dev, "no memory group on node %d, error %d\n", nid, mgid);
		return mgid;
	}

	dimm->mgid = mgid;
	memory_group_set_source(mgid, &dimm->adev->dev);
	return 0;
}

/* Take back what dimm_enable() did: found memory is unbound, added memory goes. */
static void dimm_undo_enable(struct acpi_dimm *dimm)
{
	struct dimm_range *range;

	/* An auto-online policy may have been quicker; removal sees the result. */
	memory_group_offline(dimm->mgid);
	list_for_each_entry_reverse(range, &dimm->ranges, node) {
		dimm_range_unbind(range);
		if (range->state == DIMM_RANGE_ADDED)
			dimm_range_remove(range);
	}
}

/* What was found is taken offline with what was added, as one. */
static void dimm_adopt_found(struct acpi_dimm *dimm)
{
	const struct dimm_range *range;

	list_for_each_entry(range, &dimm->ranges, node)
		if (range->state == DIMM_RANGE_FOUND && dimm_range_is_whole(range))
			memory_group_adopt(dimm->mgid, range->start, range->length);
}

static int dimm_enable(struct acpi_dimm *dimm)
{
	struct dimm_range *range;
	unsigned int present = 0;
	int ret;

	ret = dimm_register_group(dimm);
	if (ret)
		return ret;

	list_for_each_entry(range, &dimm->ranges, node) {
		dimm_range_add(range);
		if (range->state == DIMM_RANGE_UNUSED)
			continue;
		ret = walk_memory_blocks(range->start, range->length, range, dimm_bind_block);
		if (ret) {
			dimm_range_warn(range, "has a block that cannot be bound", ret);
			dimm_undo_enable(dimm);
			return -ENODEV;
		}
		present++;
	}

	dimm_adopt_found(dimm);
	return present ? 0 : -EINVAL;
}

static bool dimm_is_ejectable(const struct acpi_dimm *dimm)
{
	const struct dimm_range *range;

	list_for_each_entry(range, &dimm->ranges, node) {
		if (range->state == DIMM_RANGE_UNUSED || dimm_range_is_whole(range))
			continue;
		dev_info(&dimm->adev->dev,
			 "[mem %#llx-%#llx] is not made of memory blocks of its own: eject disabled\n",
			 range->start, range->start + range->length - 1);
		return false;
	}

	return IS_ENABLED(CONFIG_MEMORY_HOTREMOVE);
}

static struct acpi_dimm *dimm_alloc(struct acpi_device *adev)
{
	struct acpi_dimm *dimm;

	/* Given back with the structure, in dimm_free_leftovers(). */
	if (!try_module_get(THIS_MODULE))
		return NULL;

	dimm = kzalloc(sizeof(*dimm), GFP_KERNEL);
	if (!dimm) {
		module_put(THIS_MODULE);
		return NULL;
	}

	dimm->adev = adev;
	INIT_LIST_HEAD(&dimm->ranges);
	dimm->mgid = -1;
	return dimm;
}

/*
 * Free every leftover whose group has emptied.  Nobody else removes the blocks
 * of such a group, so looking whenever a DIMM goes is often enough.
 */
static void dimm_free_leftovers(void)
{
	struct acpi_dimm *dimm, *next;

	list_for_each_entry_safe(dimm, next, &dimm_leftovers, leftover) {
		if (dimm->mgid >= 0 && memory_group_unregister(dimm->mgid) == -EBUSY)
			continue;
		list_del(&dimm->leftover);
		kfree(dimm);
		module_put(THIS_MODULE);
	}
}

static void dimm_free(struct acpi_dimm *dimm)
{
	struct dimm_range *range, *next;

	list_for_each_entry_safe(range, next, &dimm->ranges, node) {
		list_del(&range->node);
		kfree(range);
	}

	dimm->adev = NULL;
	memory_group_set_source(dimm->mgid, NULL);
	list_add(&dimm->leftover, &dimm_leftovers);
	dimm_free_leftovers();
}

/*
 * Offline the group, all or nothing, before the passes of scan.c, to which
 * -EPERM means that there is no ejecting this device; from here it is the veto of a
 * notifier.
 */
static int dimm_offline(struct acpi_device *adev)
{
	struct acpi_dimm *dimm = adev->driver_data;
	int ret = dimm ? memory_group_offline(dimm->mgid) : 0;

	return ret == -EPERM ? -EBUSY : ret;
}

/*
 * Called when the blocks were offlined for an eject, when the device vanished
 * while they were in use, and once more after an eject that firmware failed to
 * complete.  driver_data is NULL in the last case.
 */
static void dimm_detach(struct acpi_device *adev)
{
	struct acpi_dimm *dimm = adev->driver_data;
	struct dimm_range *range;

	if (!dimm)
		return;

	adev->driver_data = NULL;
	list_for_each_entry(range, &dimm->ranges, node) {
		dimm_range_unbind(range);
		dimm_range_remove(range);
	}
	dimm_free(dimm);
}

/*
 * Stands in for dimm_handler at a device that cannot be ejected: hotplug.enabled
 * is clear, so an eject request is refused (-EPERM) before anything is disturbed.
 * dimm_attach() puts it into adev->handler, which scan.c leaves as it finds it
 * after a successful attach.  It is never registered.
 */
static struct acpi_scan_handler dimm_fixed_handler = {
	.ids = dimm_ids,
	.detach = dimm_detach,
};

static bool dimm_is_ready(struct acpi_device *adev)
{
	const unsigned long long ready = ACPI_STA_DEVICE_PRESENT | ACPI_STA_DEVICE_ENABLED |
					 ACPI_STA_DEVICE_FUNCTIONING;
	unsigned long long sta;

	if (ACPI_FAILURE(acpi_evaluate_integer(adev->handle, "_STA", NULL, &sta)))
		return false;

	return (sta & ready) == ready;
}

/* A device that is not ready must not be enumerated: it is asked again later. */
static int dimm_setup(struct acpi_dimm *dimm)
{
	int ret = dimm_read_ranges(dimm);

	if (ret)
		return ret;
	if (!dimm_is_ready(dimm->adev))
		return -ENODEV;

	return dimm_enable(dimm);
}

static int dimm_attach(struct acpi_device *adev, const struct acpi_device_id *id)
{
	struct acpi_dimm *dimm = dimm_alloc(adev);
	int ret;

	if (!dimm)
		return -ENOMEM;

	strscpy(acpi_device_name(adev), "Hotplug Mem Device");
	strscpy(acpi_device_class(adev), "memory");

	ret = dimm_setup(dimm);
	if (ret) {
		dimm_free(dimm);
		return ret;
	}

	adev->driver_data = dimm;
	if (!dimm_is_ejectable(dimm))
		adev->handler = &dimm_fixed_handler;

	return 1;
}

static struct acpi_scan_handler dimm_handler = {
	.ids = dimm_ids,
	.attach = dimm_attach,
	.detach = dimm_detach,
	.hotplug = {
		.enabled = true,
		.offline = dimm_offline,
	},
};

/**
 * acpi_dimm_init - take the memory devices over
 *
 * Those that are there already are found; the settings of the driver appear in
 * sysfs as the hotplug profile "memory".
 *
 * Context: Process context, no locks; at boot from acpi_scan_init().
 * Return: 0; -ENODEV without ACPI, -EPERM with the boot word acpi_no_memhotplug.
 */
int __init acpi_dimm_init(void)
{
	if (acpi_disabled)
		return -ENODEV;
	if (acpi_memory_hotplug_is_off())
		return -EPERM;

	acpi_scan_replace_handler(&acpi_memory_claim, &dimm_handler, "memory");
	return 0;
}

#ifdef MODULE
/* Nothing is attached: each DIMM with memory holds a reference to the module. */
static void __exit dimm_exit(void)
{
	acpi_scan_replace_handler(&dimm_handler, &acpi_memory_claim, NULL);
}

module_init(acpi_dimm_init);
module_exit(dimm_exit);
#endif

MODULE_DESCRIPTION("ACPI memory devices");
MODULE_LICENSE("GPL");
