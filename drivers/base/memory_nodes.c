// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: the NUMA nodes they belong to.
 *
 * This file owns memory_block.nid, the zone of boot memory on NUMA machines,
 * and the symlinks between nodeM and memoryN.  It is built with NUMA only.
 *
 * Locks: everything here runs at boot, when nothing can race, or under
 * device_hotplug_lock and, for writing, mem_hotplug_lock, which together keep
 * blocks and node devices where they are.
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/node.h>
#include <linux/sysfs.h>

#include "memory_blocks.h"

/* The node that the blocks of a range are linked with, and when. */
struct node_link {
	int nid;
	enum meminit_context context;
};

/*
 * Boot memory gets its zone from its node, and loses it to a second node: that
 * block cannot go offline.
 */
static struct zone *early_zone_with(const struct memory_block *mem, int nid)
{
	if (mem->nid == nid)
		return mem->zone;
	if (mem->nid != NUMA_NO_NODE)
		return NULL;
	return memory_block_early_zone(mem, nid);
}

/**
 * memory_block_add_nid - note that a block has memory of a node
 * @mem: the block
 * @nid: the node; if there are several, the last one noted is shown
 * @context: MEMINIT_EARLY for boot memory, which is in a zone already
 *
 * Context: Boot, or device_hotplug_lock and mem_hotplug_lock for writing.
 */
void memory_block_add_nid(struct memory_block *mem, int nid,
			  enum meminit_context context)
{
	if (context == MEMINIT_EARLY)
		mem->zone = early_zone_with(mem, nid);

	/* The file "valid_zones" looks at it without a lock. */
	WRITE_ONCE(mem->nid, nid);
}

/*
 * While struct pages of boot memory are still being initialised, only memblock
 * can tell their node.
 */
static int boot_pfn_to_nid(unsigned long pfn)
{
	if (IS_ENABLED(CONFIG_DEFERRED_STRUCT_PAGE_INIT) &&
	    system_state < SYSTEM_RUNNING)
		return early_pfn_to_nid(pfn);
	return pfn_to_nid(pfn);
}

static bool section_touches_node(unsigned long section_nr, int nid)
{
	unsigned long pfn = section_nr_to_pfn(section_nr);
	unsigned long end = pfn + PAGES_PER_SECTION;

	while (pfn < end && boot_pfn_to_nid(pfn) != nid)
		pfn++;
	return pfn < end;
}

/* Not every section of a boot block need exist; an absent one has no memmap. */
static bool block_touches_node(const struct memory_block *mem, int nid)
{
	unsigned long nr = mem->start_section_nr;
	unsigned long end = nr + memory_block_nr_sections();

	for (; nr < end; nr++)
		if (present_section_nr(nr) && section_touches_node(nr, nid))
			return true;
	return false;
}

/* Let @from have a link to @to, called as the device is. */
static void link_devices(struct device *from, struct device *to)
{
	int ret = sysfs_create_link_nowarn(&from->kobj, &to->kobj,
					   kobject_name(&to->kobj));

	if (ret && ret != -EEXIST)
		dev_err_ratelimited(from, "no link to %s: %d\n",
				    dev_name(to), ret);
}

/* Links are for information: memory works without, so no error goes back. */
static int link_block(struct memory_block *mem, void *arg)
{
	const struct node_link *link = arg;
	struct node *node = node_devices[link->nid];

	if (link->context == MEMINIT_EARLY && !block_touches_node(mem, link->nid))
		return 0;

	memory_block_add_nid(mem, link->nid, link->context);
	if (!WARN_ON_ONCE(!node)) {
		link_devices(&node->dev, &mem->dev);
		link_devices(&mem->dev, &node->dev);
	}
	return 0;
}

/**
 * register_memory_blocks_under_node - link the blocks of a range with a node
 * @nid: the node, which has its device
 * @start_pfn: first page
 * @end_pfn: the page after the last; may be equal, before there are any blocks
 * @context: MEMINIT_HOTPLUG to link every block, MEMINIT_EARLY to look which
 *	of them have memory of the node
 *
 * Context: Boot, or device_hotplug_lock and mem_hotplug_lock for writing.
 */
void register_memory_blocks_under_node(int nid, unsigned long start_pfn,
				       unsigned long end_pfn,
				       enum meminit_context context)
{
	struct node_link link = { .nid = nid, .context = context };

	walk_memory_blocks(PFN_PHYS(start_pfn), PFN_PHYS(end_pfn - start_pfn),
			   &link, link_block);
}

/**
 * unregister_memory_block_under_nodes - remove the links of a block
 * @mem_blk: the block; being removable, it is of one node at most
 *
 * Context: device_hotplug_lock, and mem_hotplug_lock for writing.
 */
void unregister_memory_block_under_nodes(struct memory_block *mem_blk)
{
	struct device *dev = &mem_blk->dev;
	struct node *node;

	if (mem_blk->nid == NUMA_NO_NODE)
		return;

	node = node_devices[mem_blk->nid];
	if (!node)
		return;
	sysfs_remove_link(&node->dev.kobj, kobject_name(&dev->kobj));
	sysfs_remove_link(&dev->kobj, kobject_name(&node->dev.kobj));
}
