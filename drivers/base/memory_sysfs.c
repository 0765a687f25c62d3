// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: the files of one block, /sys/devices/system/memory/memoryN/.
 *
 * This file owns their text, and decides nothing.  They are described in
 * Documentation/ABI/testing/sysfs-devices-memory.
 *
 * Locks: the removal of a block waits for its files to be left, and holds
 * device_hotplug_lock and mem_hotplug_lock meanwhile.  So nothing here may
 * block on either of them: writers try and let the system call restart, and
 * readers take no lock and can show what has just changed.
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/sysfs.h>

#include "memory_blocks.h"

/* The ABI of the file "state" when read. */
static const char *const state_words[] = {
	[MEM_ONLINE] = "online",
	[MEM_GOING_OFFLINE] = "going-offline",
	[MEM_OFFLINE] = "offline",
};

/**
 * arch_get_memory_phys_device - the physical device that memory is part of
 * @start_pfn: first page of a block
 *
 * For architectures that know of such devices and number them.
 *
 * Context: Process context.
 * Return: the number of the device.
 */
int __weak arch_get_memory_phys_device(unsigned long start_pfn)
{
	return 0;
}

/* The block id: times block_size_bytes it is the physical address. */
static ssize_t phys_index_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	const struct memory_block *mem = to_memory_block(dev);

	return sysfs_emit(buf, "%08lx\n",
			  mem->start_section_nr / memory_block_nr_sections());
}
static DEVICE_ATTR_RO(phys_index);

/* The number of the first section, */
static ssize_t start_phys_index_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%08lx\n", to_memory_block(dev)->start_section_nr);
}
static DEVICE_ATTR_RO(start_phys_index);

/* and that of the last. */
static ssize_t end_phys_index_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	const struct memory_block *mem = to_memory_block(dev);
	unsigned long end = mem->start_section_nr + memory_block_nr_sections();

	return sysfs_emit(buf, "%08lx\n", end - 1);
}
static DEVICE_ATTR_RO(end_phys_index);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	unsigned int state = READ_ONCE(to_memory_block(dev)->state);

	if (WARN_ON_ONCE(state >= ARRAY_SIZE(state_words)))
		return sysfs_emit(buf, "ERROR-UNKNOWN-%u\n", state);
	return sysfs_emit(buf, "%s\n", state_words[state]);
}

/* A zone that was asked for by name must be the one that the block is in. */
static bool is_in_zone(const struct memory_block *mem, enum mmop type)
{
	bool movable = mem->zone && zone_idx(mem->zone) == ZONE_MOVABLE;

	if (type == MMOP_ONLINE_MOVABLE)
		return movable;
	return type != MMOP_ONLINE_KERNEL || !movable;
}

/* Do what was asked; @may_be_so tells if it is no error that all is so already. */
static int request(struct memory_block *mem, int type, bool may_be_so)
{
	int ret;

	if (type < 0)
		return type;

	ret = lock_device_hotplug_sysfs();
	if (ret)
		return ret;
	ret = memory_block_request(mem, type);
	if (ret > 0)
		ret = may_be_so && is_in_zone(mem, type) ? 0 : -EINVAL;
	unlock_device_hotplug();
	return ret;
}

static ssize_t state_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	return request(to_memory_block(dev), mhp_online_type_from_str(buf),
		       false) ?: count;
}
static DEVICE_ATTR_RW(state);

static ssize_t online_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	/* The driver core changes its own mark only after the event. */
	return sysfs_emit(buf, "%d\n", READ_ONCE(to_memory_block(dev)->state) !=
			  MEM_OFFLINE);
}

/*
 * A word for a state, or one of the boolean words that this file has in common
 * with other devices, whole: kstrtobool() looks at the first letters only.
 */
static int parse_online(const char *buf)
{
	int type = mhp_online_type_from_str(buf);
	bool on;

	if (type >= 0)
		return type;
	if (buf[0] == 'o' && !sysfs_streq(buf, "on") && !sysfs_streq(buf, "off"))
		return -EINVAL;
	if (kstrtobool(buf, &on))
		return -EINVAL;
	return on ? MMOP_ONLINE : MMOP_OFFLINE;
}

/* In place of the file of that name which the driver core has for others. */
static ssize_t online_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	return request(to_memory_block(dev), parse_online(buf), true) ?: count;
}
static DEVICE_ATTR_RW(online);

/*
 * Can this block go offline?  Not boot memory of several zones or with holes;
 * of the rest, what has nothing in it that stands in the way now, as far as a
 * look of bounded length can tell.
 */
static bool is_removable(struct memory_block *mem)
{
	if (!IS_ENABLED(CONFIG_MEMORY_HOTREMOVE))
		return false;
	if (READ_ONCE(mem->state) == MEM_OFFLINE)
		return true;
	return READ_ONCE(mem->zone) &&
	       mhp_range_has_no_holes(memory_block_start_pfn(mem),
				      memory_block_nr_pages()) &&
	       mhp_can_go(memory_block_usable_pfn(mem),
			  memory_block_usable_pages(mem), &mem->removable_pos);
}

static ssize_t removable_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", is_removable(to_memory_block(dev)));
}
static DEVICE_ATTR_RO(removable);

/* N of the device groupN, where the architecture does not name one; 0 is none. */
static ssize_t phys_device_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct memory_block *mem = to_memory_block(dev);
	int device = arch_get_memory_phys_device(memory_block_start_pfn(mem));
	struct memory_group *group = memory_block_get_group(mem);

	if (!device && group)
		device = group->dev.id;
	memory_group_put(group);
	return sysfs_emit(buf, "%d\n", device);
}
static DEVICE_ATTR_RO(phys_device);

/* Whether the block holds its own struct pages, and so has less for others. */
static ssize_t memmap_on_memory_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	const struct memory_block *mem = to_memory_block(dev);

	return sysfs_emit(buf, "%d\n", !!READ_ONCE(mem->altmap));
}
static DEVICE_ATTR_RO(memmap_on_memory);

#ifdef CONFIG_MEMORY_HOTREMOVE
/*
 * The zones for "online", "online_kernel" and "online_movable", without those
 * the first word has said already.
 */
static ssize_t emit_candidates(const struct memory_block *mem, int nid,
			       struct memory_group *group, char *buf)
{
	struct zone *zone, *first = NULL;
	enum mmop type;
	int len = 0;

	for (type = MMOP_ONLINE; type <= MMOP_ONLINE_MOVABLE; type++) {
		zone = zone_for_pfn_range(type, nid, group,
					  memory_block_start_pfn(mem),
					  memory_block_nr_pages());
		if (zone == first)
			continue;
		len += sysfs_emit_at(buf, len, first ? " %s" : "%s", zone->name);
		if (!first)
			first = zone;
	}
	return len + sysfs_emit_at(buf, len, "\n");
}

static ssize_t valid_zones_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct memory_block *mem = to_memory_block(dev);
	int nid = READ_ONCE(mem->nid);
	struct memory_group *group;
	const struct zone *zone;
	ssize_t len;

	if (READ_ONCE(mem->state) == MEM_ONLINE) {
		zone = READ_ONCE(mem->zone);
		return sysfs_emit(buf, "%s\n", zone ? zone->name : "none");
	}

	/* Its "add" event can be here before it has a node. */
	if (IS_ENABLED(CONFIG_NUMA) && nid == NUMA_NO_NODE)
		return sysfs_emit(buf, "none\n");

	group = memory_block_get_group(mem);
	len = emit_candidates(mem, nid, group, buf);
	memory_group_put(group);
	return len;
}
static DEVICE_ATTR_RO(valid_zones);
#endif

/* What is in the way, as much of it as there is room for; for root. */
static ssize_t blockers_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	ssize_t len = 0;
	int ret;

	/* Pages on their way to an LRU list are in the way for a moment. */
	lru_add_drain_all();
	ret = memory_emit_blockers(to_memory_block(dev), buf, &len);
	return ret && ret != -ENOSPC ? ret : len;
}
static DEVICE_ATTR_ADMIN_RO(blockers);

static struct attribute *memory_block_attrs[] = {
	&dev_attr_phys_index.attr,
	&dev_attr_start_phys_index.attr,
	&dev_attr_end_phys_index.attr,
	&dev_attr_state.attr,
	&dev_attr_online.attr,
	&dev_attr_removable.attr,
	&dev_attr_phys_device.attr,
	&dev_attr_memmap_on_memory.attr,
	&dev_attr_blockers.attr,
#ifdef CONFIG_MEMORY_HOTREMOVE
	&dev_attr_valid_zones.attr,
#endif
	NULL
};

static const struct attribute_group memory_block_group = {
	.attrs = memory_block_attrs,
};

const struct attribute_group *memory_block_groups[] = {
	&memory_block_group,
	NULL
};
