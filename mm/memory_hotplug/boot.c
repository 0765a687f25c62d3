// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: where the usage maps of boot memory go.
 *
 * The usage map of a section cannot be moved, so the section that holds it can
 * only be removed after the section it describes.  If a node's maps lie in the
 * section of the node's own pglist_data, which is never removed, no circle of
 * sections waiting for each other can arise.  Runs at boot only, single
 * threaded.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/memblock.h>
#include "internal.h"

static unsigned long __init pgdat_phys(struct pglist_data *pgdat)
{
#ifndef CONFIG_NUMA
	return __pa_symbol(pgdat);
#else
	return __pa(pgdat);
#endif
}

/**
 * mhp_alloc_boot_usage - allocate the usage maps of a node's boot sections
 * @pgdat: the node
 * @size: bytes
 *
 * Context: Boot, before the slab allocator.
 * Return: zeroed memory, in the section of @pgdat if that has room; or NULL.
 */
struct mem_section_usage * __init
mhp_alloc_boot_usage(struct pglist_data *pgdat, unsigned long size)
{
	unsigned long pfn = SECTION_ALIGN_DOWN(PHYS_PFN(pgdat_phys(pgdat)));
	phys_addr_t section = PFN_PHYS(pfn);
	int nid = early_pfn_to_nid(pfn);
	void *usage;

	/* The node itself does not know its number yet. */
	usage = memblock_alloc_try_nid(size, SMP_CACHE_BYTES, section,
				       section + MIN_MEMORY_BLOCK_SIZE, nid);
	if (usage)
		return usage;
	return memblock_alloc_try_nid(size, SMP_CACHE_BYTES, section,
				      MEMBLOCK_ALLOC_ACCESSIBLE, nid);
}

/**
 * mhp_check_boot_usage - say when a usage map had to go elsewhere
 * @nid: the node
 * @usage: where the map of the section being set up is
 *
 * Told once per pair of sections, since all maps of a node lie together.
 *
 * Context: Boot.
 */
void __init mhp_check_boot_usage(int nid, struct mem_section_usage *usage)
{
	static unsigned long told_map, told_pgdat;
	unsigned long map = pfn_to_section_nr(PHYS_PFN(__pa(usage)));
	unsigned long pgdat = pfn_to_section_nr(PHYS_PFN(pgdat_phys(NODE_DATA(nid))));

	if (map == pgdat || (map == told_map && pgdat == told_pgdat))
		return;

	told_map = map;
	told_pgdat = pgdat;
	pr_info("node %d: section %lu holds usage maps, section %lu the node itself: removable only in that order\n",
		nid, map, pgdat);
}
