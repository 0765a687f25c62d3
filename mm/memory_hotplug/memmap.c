// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: struct pages that live in the memory they describe.
 *
 * A block with its own memmap is laid out as [memmap | usable].  Its altmap, a
 * heap object owned by the block, tells the architecture to take the memmap
 * from there.  The memmap pages are in the zone and present, but not managed:
 * they never reach the page allocator.  With memmap_on_memory=force the memmap
 * part is rounded up to whole pageblocks and the rest of the last one wasted.
 *
 * Each block has its own.  One memmap at the front of a whole device would leave the
 * rest in one piece, with room for gigantic pages; but the blocks that hold it could
 * go offline only when all others had, which who takes blocks away one by one, or
 * as many as are free, does not know.  Machines with room for gigantic pages have
 * room for struct pages too (see auto).
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/kasan.h>
#include <linux/kstrtox.h>
#include <linux/memory.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/page-isolation.h>
#include <linux/slab.h>
#include "internal.h"

#ifdef CONFIG_MHP_MEMMAP_ON_MEMORY

/*
 * How the parameter memmap_on_memory was set; it cannot change later.  By default
 * (auto) memory carries its own struct pages only where they would take more
 * than a share of what is free: they keep memory that others can use in a small
 * machine, and in a roomy one whole blocks, with room for 1 GiB pages, stay.
 */
enum memmap_mode {
	MEMMAP_AUTO,		/* inside if it is much and fills pageblocks */
	MEMMAP_ELSEWHERE,	/* never inside the block */
	MEMMAP_IF_ALIGNED,	/* inside if it fills whole pageblocks */
	MEMMAP_FORCED,		/* inside, rounded up to whole pageblocks */
};

static enum memmap_mode memmap_mode __ro_after_init;

/* With auto: at most one part in so many of the free memory is taken. */
#define AUTO_SHARE	4

static unsigned long block_memmap_bytes(void)
{
	return PHYS_PFN(memory_block_size_bytes()) * sizeof(struct page);
}

/* Pages at the front of a block that its memmap takes. */
static unsigned long block_memmap_pages(void)
{
	unsigned long nr_pages = PHYS_PFN(block_memmap_bytes());

	if (memmap_mode == MEMMAP_FORCED)
		nr_pages = pageblock_align(nr_pages);
	return nr_pages;
}

static int memmap_on_memory_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	int ret;

	if (sysfs_streq(val, "auto")) {
		memmap_mode = MEMMAP_AUTO;
		return 0;
	}
	if (sysfs_streq(val, "force") || sysfs_streq(val, "FORCE")) {
		memmap_mode = MEMMAP_FORCED;
		pr_info_once("memmap_on_memory=force wastes %lu pages a block\n",
			     block_memmap_pages() - PHYS_PFN(block_memmap_bytes()));
		return 0;
	}

	ret = kstrtobool(val, &on);
	if (!ret)
		memmap_mode = on ? MEMMAP_IF_ALIGNED : MEMMAP_ELSEWHERE;
	return ret;
}

static int memmap_on_memory_get(char *buffer, const struct kernel_param *kp)
{
	static const char *const words[] = {
		[MEMMAP_AUTO] = "auto",
		[MEMMAP_ELSEWHERE] = "N",
		[MEMMAP_IF_ALIGNED] = "Y",
		[MEMMAP_FORCED] = "force",
	};

	return sysfs_emit(buffer, "%s\n", words[memmap_mode]);
}

static const struct kernel_param_ops memmap_on_memory_ops = {
	.get = memmap_on_memory_get,
	.set = memmap_on_memory_set,
};
module_param_cb(memmap_on_memory, &memmap_on_memory_ops, NULL, 0444);
MODULE_PARM_DESC(memmap_on_memory,
		 "Let hot-added memory carry its own struct pages: auto (default), N, Y or force");

#ifndef arch_supports_memmap_on_memory
static bool arch_supports_memmap_on_memory(unsigned long memmap_bytes)
{
	/* So that the memmap can be mapped, and unmapped, by whole PMDs. */
	return IS_ALIGNED(memmap_bytes, PMD_SIZE);
}
#endif

/**
 * mhp_supports_memmap_on_memory - whether a block can carry its own memmap
 *
 * Context: Any.
 * Return: true if it is asked for and all of it works out: the memmap is made
 *	of whole pages, the rest of the block of whole pageblocks, something is
 *	left of the block, and the architecture agrees.
 */
bool mhp_supports_memmap_on_memory(void)
{
	unsigned long bytes = block_memmap_bytes();
	unsigned long nr_pages = block_memmap_pages();

	if (memmap_mode == MEMMAP_ELSEWHERE || !PAGE_ALIGNED(bytes))
		return false;
	if (!pageblock_aligned(nr_pages) ||
	    nr_pages >= PHYS_PFN(memory_block_size_bytes()))
		return false;
	return arch_supports_memmap_on_memory(bytes);
}

/* Free pages of zones that the kernel can take struct pages from. */
static unsigned long free_kernel_pages(void)
{
	unsigned long nr_pages = 0;
	struct zone *zone;

	for_each_populated_zone(zone)
		if (zone_idx(zone) <= gfp_zone(GFP_KERNEL))
			nr_pages += zone_page_state(zone, NR_FREE_PAGES);
	return nr_pages;
}

static bool memmap_is_much(u64 size)
{
	return PHYS_PFN(size) * sizeof(struct page) / PAGE_SIZE >
	       free_kernel_pages() / AUTO_SHARE;
}

/**
 * mhp_wants_own_memmap - whether blocks that are added get their memmap inside
 * @size: bytes that are added
 * @mhp_flags: how; MHP_MEMMAP_ON_MEMORY allows it
 *
 * Context: May sleep.
 * Return: true if it is possible and the parameter memmap_on_memory asks for it.
 */
bool mhp_wants_own_memmap(u64 size, mhp_t mhp_flags)
{
	if (!(mhp_flags & MHP_MEMMAP_ON_MEMORY))
		return false;
	if (memmap_mode == MEMMAP_AUTO && !memmap_is_much(size))
		return false;
	if (mhp_supports_memmap_on_memory())
		return true;

	if (memmap_mode != MEMMAP_ELSEWHERE)
		pr_info_once("blocks of %#lx bytes cannot carry their struct pages\n",
			     memory_block_size_bytes());
	return false;
}

#else /* !CONFIG_MHP_MEMMAP_ON_MEMORY */

static unsigned long block_memmap_pages(void)
{
	return 0;
}

bool mhp_supports_memmap_on_memory(void)
{
	return false;
}

bool mhp_wants_own_memmap(u64 size, mhp_t mhp_flags)
{
	return false;
}

#endif /* CONFIG_MHP_MEMMAP_ON_MEMORY */
EXPORT_SYMBOL_GPL(mhp_supports_memmap_on_memory);

/**
 * mhp_altmap_create - describe the memmap part of a block
 * @start: physical address of the block, bytes
 * @mhp_flags: how the block is added
 *
 * Context: May sleep.
 * Return: the altmap, NULL if there is no memory for it.
 */
struct vmem_altmap *mhp_altmap_create(u64 start, mhp_t mhp_flags)
{
	struct vmem_altmap template = {
		.base_pfn = PHYS_PFN(start),
		.end_pfn = PHYS_PFN(start + memory_block_size_bytes() - 1),
		.free = block_memmap_pages(),
		.inaccessible = mhp_flags & MHP_OFFLINE_INACCESSIBLE,
	};

	return kmemdup(&template, sizeof(template), GFP_KERNEL);
}

/**
 * mhp_altmap_destroy - free an altmap whose block is gone
 * @altmap: the altmap, or NULL
 *
 * Context: Any.
 */
void mhp_altmap_destroy(struct vmem_altmap *altmap)
{
	WARN_ONCE(altmap && altmap->alloc,
		  "memory_hotplug: %lu pages of a removed memmap were not freed\n",
		  altmap->alloc);
	kfree(altmap);
}

/* The end of the sections that lie wholly within the memmap part. */
static unsigned long whole_sections_end(unsigned long pfn,
					unsigned long nr_pages)
{
	return SECTION_ALIGN_DOWN(pfn + nr_pages);
}

/* Pages that are as they start become pages that hold struct pages. */
static void mark_self_hosted(unsigned long pfn, unsigned long nr_pages)
{
	struct page *first = pfn_to_page(pfn);
	unsigned long i;

	for (i = 0; i < nr_pages; i++) {
		__ClearPageOffline(first + i);
		set_page_count(first + i, 1);
		SetPageVmemmapSelfHosted(first + i);
	}
	for (i = 0; i < nr_pages; i += pageblock_nr_pages)
		set_pageblock_migratetype(first + i, MIGRATE_UNMOVABLE);
}

/**
 * mhp_init_memmap_on_memory - make the memmap part of a block what it is
 * @pfn: first page of the block, ready as mhp_ready_pages() leaves it
 * @nr_pages: pages of its memmap part
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -ENOMEM from the KASAN shadow.
 */
int mhp_init_memmap_on_memory(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long sections_end = whole_sections_end(pfn, nr_pages);
	int ret;

	ret = kasan_add_zero_shadow(__va(PFN_PHYS(pfn)), PFN_PHYS(nr_pages));
	if (ret)
		return ret;

	mark_self_hosted(pfn, nr_pages);
	if (sections_end > pfn)
		online_mem_sections(pfn, sections_end);
	return 0;
}

/**
 * mhp_deinit_memmap_on_memory - take the memmap part of a block out of its zone
 * @pfn: first page of the block
 * @nr_pages: pages of its memmap part
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_deinit_memmap_on_memory(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long sections_end = whole_sections_end(pfn, nr_pages);
	struct zone *zone = page_zone(pfn_to_page(pfn));

	if (sections_end > pfn)
		offline_mem_sections(pfn, sections_end);
	remove_pfn_range_from_zone(zone, pfn, nr_pages);
	kasan_remove_zero_shadow(__va(PFN_PHYS(pfn)), PFN_PHYS(nr_pages));
}
