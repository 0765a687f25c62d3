// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: sparse-section bookkeeping.
 *
 * Owns the life of a section after boot: its root, its usage map, its memmap
 * and its marks.  With SPARSEMEM_VMEMMAP a section is added and removed by
 * subsections and lives as long as one of them does; without, it comes and
 * goes whole.  Boot sections keep their memmap until all of the section goes,
 * and a subsection added to one of them reuses it.
 *
 * Writers hold mem_hotplug_lock.  Readers hold nothing, and may still be there
 * when the section is gone.  So a section that was there once keeps its usage
 * map (64 bytes), which is empty then, and a memmap that reads as absent (see
 * memmap_tombstone.c).
 */
#include <linux/bootmem_info.h>
#include <linux/memremap.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include "internal.h"

#ifdef CONFIG_SPARSEMEM_VMEMMAP

/* Claim the subsections of a range; -EEXIST if one of them is in use. */
static int claim_subsections(struct mem_section *ms, unsigned long pfn,
			     unsigned long nr_pages)
{
	unsigned int first = subsection_map_index(pfn);
	unsigned int count = nr_pages >> PFN_SUBSECTION_SHIFT;
	unsigned long *map = ms->usage->subsection_map;

	if (!count)
		return -EINVAL;
	if (find_next_bit(map, first + count, first) < first + count)
		return -EEXIST;

	bitmap_set(map, first, count);
	return 0;
}

/* Give the subsections of a range up; -EINVAL if one was not in use. */
static int drop_subsections(struct mem_section *ms, unsigned long pfn,
			    unsigned long nr_pages)
{
	unsigned int first = subsection_map_index(pfn);
	unsigned int count = nr_pages >> PFN_SUBSECTION_SHIFT;
	unsigned long *map;

	if (WARN_ON_ONCE(!ms->usage))
		return -EINVAL;

	map = ms->usage->subsection_map;
	if (WARN_ON_ONCE(find_next_zero_bit(map, first + count, first) <
			 first + count))
		return -EINVAL;

	bitmap_clear(map, first, count);
	return 0;
}

static bool no_subsection_left(struct mem_section *ms)
{
	return bitmap_empty(ms->usage->subsection_map, SUBSECTIONS_PER_SECTION);
}

static struct page *alloc_memmap(unsigned long pfn, unsigned long nr_pages,
				 int nid, struct vmem_altmap *altmap,
				 struct dev_pagemap *pgmap)
{
	return __populate_section_memmap(pfn, nr_pages, nid, altmap, pgmap);
}

static void free_memmap(unsigned long pfn, unsigned long nr_pages,
			struct page *memmap, struct vmem_altmap *altmap)
{
	unsigned long start = (unsigned long)pfn_to_page(pfn);

	vmemmap_free(start, start + nr_pages * sizeof(struct page), altmap);
}

static void free_boot_memmap(unsigned long section_nr, struct page *memmap)
{
	free_memmap(section_nr_to_pfn(section_nr), PAGES_PER_SECTION, memmap,
		    NULL);
}

/*
 * Pages of physical memory behind the memmap of a range.  Compound device
 * pages share theirs: the head and one tail page for each compound page, all
 * others mapped to that tail page.
 */
static long memmap_backing_pages(unsigned long pfn, unsigned long nr_pages,
				 struct vmem_altmap *altmap,
				 struct dev_pagemap *pgmap)
{
	unsigned long per_compound;

	if (!vmemmap_can_optimize(altmap, pgmap))
		return DIV_ROUND_UP(nr_pages * sizeof(struct page), PAGE_SIZE);

	per_compound = pgmap_vmemmap_nr(pgmap);
	if (per_compound < nr_pages)
		return VMEMMAP_RESERVE_NR * (nr_pages / per_compound);
	return IS_ALIGNED(pfn, per_compound) ? VMEMMAP_RESERVE_NR : 0;
}

#else /* !CONFIG_SPARSEMEM_VMEMMAP */

/* A section without subsections is claimed when it has a usage map. */
static int claim_subsections(struct mem_section *ms, unsigned long pfn,
			     unsigned long nr_pages)
{
	return valid_section(ms) ? -EEXIST : 0;
}

static int drop_subsections(struct mem_section *ms, unsigned long pfn,
			    unsigned long nr_pages)
{
	return 0;
}

static bool no_subsection_left(struct mem_section *ms)
{
	return true;
}

static struct page *alloc_memmap(unsigned long pfn, unsigned long nr_pages,
				 int nid, struct vmem_altmap *altmap,
				 struct dev_pagemap *pgmap)
{
	return kvmalloc_node(array_size(sizeof(struct page), PAGES_PER_SECTION),
			     GFP_KERNEL, nid);
}

static void free_memmap(unsigned long pfn, unsigned long nr_pages,
			struct page *memmap, struct vmem_altmap *altmap)
{
	kvfree(memmap);
}

/*
 * The memmap of a boot section is made of bootmem pages.  Those that lie in
 * the section being removed go with it and need no freeing.
 */
static void free_boot_memmap(unsigned long section_nr, struct page *memmap)
{
	unsigned long left = PFN_UP(PAGES_PER_SECTION * sizeof(struct page));
	struct page *page = virt_to_page(memmap);

	for (; left; left--, page++) {
		WARN_ON_ONCE(page->index == NODE_INFO);
		if (page_private(page) != section_nr ||
		    pfn_to_section_nr(page_to_pfn(page)) != section_nr)
			put_page_bootmem(page);
	}
}

static long memmap_backing_pages(unsigned long pfn, unsigned long nr_pages,
				 struct vmem_altmap *altmap,
				 struct dev_pagemap *pgmap)
{
	return PFN_UP(nr_pages * sizeof(struct page));
}

#endif /* CONFIG_SPARSEMEM_VMEMMAP */

/* Pageblocks of memory that comes back start as those of new memory do. */
static void forget_pageblocks(struct mem_section_usage *usage)
{
	memset(usage->pageblock_flags, 0,
	       mem_section_usage_size() - sizeof(*usage));
}

/* Make sure the section has a usage map. */
static int ensure_usage(struct mem_section *ms)
{
	if (!ms->usage)
		ms->usage = kzalloc(mem_section_usage_size(), GFP_KERNEL);
	else if (!valid_section(ms))
		forget_pageblocks(ms->usage);
	return ms->usage ? 0 : -ENOMEM;
}

/*
 * Free the usage map of a section that has never been there: no walker knows
 * it.
 */
static void free_new_usage(struct mem_section *ms)
{
	kfree(ms->usage);
	ms->usage = NULL;
}

/* A part of a boot section has its struct pages already. */
static bool has_boot_memmap(struct mem_section *ms, unsigned long nr_pages)
{
	return nr_pages < PAGES_PER_SECTION && early_section(ms);
}

/* Memory that can be online has its memmap for whole sections. */
static bool can_be_online(unsigned long nr_pages,
			  const struct dev_pagemap *pgmap)
{
	return nr_pages == PAGES_PER_SECTION && !pgmap;
}

/* A new memmap, which must not be written to while @change has not ended. */
static struct page *make_memmap(struct mhp_memmap_change *change, int nid,
				unsigned long pfn, unsigned long nr_pages,
				struct vmem_altmap *altmap,
				struct dev_pagemap *pgmap)
{
	struct page *memmap;

	if (mhp_memmap_is_buried(SECTION_ALIGN_DOWN(pfn))) {
		if (!can_be_online(nr_pages, pgmap))
			mhp_memmap_unbury(SECTION_ALIGN_DOWN(pfn));
		else if (mhp_memmap_revive(change, pfn, nid, altmap))
			return pfn_to_page(pfn);
	}
	memmap = alloc_memmap(pfn, nr_pages, nid, altmap, pgmap);
	if (!memmap) {
		/* It may have come about in part. */
		free_memmap(pfn, nr_pages, NULL, altmap);
		return NULL;
	}
	if (!altmap || !altmap->inaccessible)
		page_init_poison(memmap, sizeof(struct page) * nr_pages);
	return memmap;
}

/* The memmap of a claimed range, or NULL. */
static struct page *find_memmap(struct mhp_memmap_change *change, int nid,
				unsigned long pfn, unsigned long nr_pages,
				struct vmem_altmap *altmap,
				struct dev_pagemap *pgmap)
{
	struct mem_section *ms = __pfn_to_section(pfn);
	struct page *memmap;

	if (has_boot_memmap(ms, nr_pages)) {
		page_init_poison(pfn_to_page(pfn),
				 sizeof(struct page) * nr_pages);
		return pfn_to_page(pfn);
	}
	memmap = make_memmap(change, nid, pfn, nr_pages, altmap, pgmap);
	if (memmap)
		memmap_pages_add(memmap_backing_pages(pfn, nr_pages, altmap,
						      pgmap));
	return memmap;
}

/* Claim a range of a section and give it its memmap. */
static int fill_section(struct mhp_memmap_change *change, int nid,
			unsigned long pfn, unsigned long nr_pages,
			struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	struct mem_section *ms = __pfn_to_section(pfn);
	unsigned long nr = pfn_to_section_nr(pfn);
	struct page *memmap;
	int ret;

	ret = claim_subsections(ms, pfn, nr_pages);
	if (ret)
		return ret;
	memmap = find_memmap(change, nid, pfn, nr_pages, altmap, pgmap);
	if (!memmap) {
		drop_subsections(ms, pfn, nr_pages);
		return -ENOMEM;
	}
	set_section_nid(nr, nid);
	__section_mark_present(ms, nr);
	if (pfn != section_nr_to_pfn(nr))
		memmap = pfn_to_page(section_nr_to_pfn(nr));
	sparse_init_one_section(ms, nr, memmap, ms->usage, 0);
	return 0;
}

/**
 * sparse_add_section - give a section, or a part of one, its struct pages
 * @change: begun; the struct pages may be written to when it has ended
 * @nid: node
 * @pfn: first page; all of the range lies in one section
 * @nr_pages: whole subsections with VMEMMAP, a whole section without
 * @altmap: where the memmap is to be, or NULL
 * @pgmap: the ZONE_DEVICE page map it belongs to, or NULL
 *
 * The struct pages are not initialised.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EEXIST if a part is there already, -ENOMEM.
 */
int sparse_add_section(struct mhp_memmap_change *change, int nid,
		       unsigned long pfn, unsigned long nr_pages,
		       struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	struct mem_section *ms;
	bool is_new;
	int ret;

	mhp_assert_write_locked();
	ret = sparse_index_init(pfn_to_section_nr(pfn), nid);
	if (ret)
		return ret;

	ms = __pfn_to_section(pfn);
	is_new = !ms->usage;
	ret = ensure_usage(ms);
	if (ret)
		return ret;
	ret = fill_section(change, nid, pfn, nr_pages, altmap, pgmap);
	if (ret && is_new)
		free_new_usage(ms);
	return ret;
}

/* Take the memmap of a range away, of the whole section if it was from boot. */
static void drop_memmap(struct mhp_memmap_change *change, unsigned long pfn,
			unsigned long nr_pages, struct page *memmap, bool early,
			struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	bool bury = MHP_HAS_TOMBSTONE && can_be_online(nr_pages, pgmap);

	if (early)
		memmap_boot_pages_add(-(long)PFN_UP(PAGES_PER_SECTION *
						    sizeof(struct page)));
	else
		memmap_pages_add(-memmap_backing_pages(pfn, nr_pages, altmap,
						       pgmap));
	if (bury)
		mhp_memmap_bury(change, pfn, altmap);
	else if (early)
		free_boot_memmap(pfn_to_section_nr(pfn), memmap);
	else
		free_memmap(pfn, nr_pages, memmap, altmap);
}

/**
 * sparse_remove_section - take the struct pages of a section, or a part, away
 * @change: begun; memory that becomes free is free when it has ended
 * @pfn: first page; all of the range lies in one section
 * @nr_pages: as it was added
 * @altmap: as it was added
 * @pgmap: as it was added
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void sparse_remove_section(struct mhp_memmap_change *change, unsigned long pfn,
			   unsigned long nr_pages, struct vmem_altmap *altmap,
			   struct dev_pagemap *pgmap)
{
	unsigned long nr = pfn_to_section_nr(pfn);
	struct mem_section *ms = __nr_to_section(nr);
	struct page *memmap;
	bool early, last;

	mhp_assert_write_locked();
	if (WARN_ON_ONCE(!valid_section(ms)))
		return;
	if (drop_subsections(ms, pfn, nr_pages))
		return;

	early = early_section(ms);
	last = no_subsection_left(ms);
	memmap = sparse_decode_mem_map(ms->section_mem_map, nr);
	if (last)
		ms->section_mem_map &= ~SECTION_HAS_MEM_MAP;
	/* The memmap of a boot section stays while one page of it does. */
	if (!early || last)
		drop_memmap(change, pfn, nr_pages, memmap, early, altmap,
			    pgmap);
	if (last)
		ms->section_mem_map = 0;
}

/**
 * sparse_decode_mem_map - the memmap of a section
 * @coded_mem_map: mem_section.section_mem_map
 * @pnum: number of the section
 *
 * Context: Any.
 * Return: its first struct page.
 */
struct page *sparse_decode_mem_map(unsigned long coded_mem_map,
				   unsigned long pnum)
{
	struct page *shifted = (struct page *)(coded_mem_map & SECTION_MAP_MASK);

	return shifted + section_nr_to_pfn(pnum);
}

static void mark_sections(unsigned long start_pfn, unsigned long end_pfn,
			  unsigned long set, unsigned long clear)
{
	unsigned long nr;

	for (nr = pfn_to_section_nr(start_pfn);
	     nr <= pfn_to_section_nr(end_pfn - 1); nr++) {
		struct mem_section *ms = __nr_to_section(nr);

		if (WARN_ON_ONCE(!valid_section(ms)))
			continue;
		ms->section_mem_map = (ms->section_mem_map & ~clear) | set;
	}
}

/**
 * online_mem_sections - mark every section that a range touches online
 * @start_pfn: first page
 * @end_pfn: first page after the range
 *
 * From here on pfn walkers look at its struct pages, which must be initialised.
 *
 * Context: mem_hotplug_lock held for writing.
 */
void online_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	mhp_assert_write_locked();
	mark_sections(start_pfn, end_pfn, SECTION_IS_ONLINE, 0);
}

/**
 * offline_mem_sections - take the online mark from every section of a range
 * @start_pfn: first page
 * @end_pfn: first page after the range
 *
 * Context: mem_hotplug_lock held for writing.
 */
void offline_mem_sections(unsigned long start_pfn, unsigned long end_pfn)
{
	mhp_assert_write_locked();
	mark_sections(start_pfn, end_pfn, 0, SECTION_IS_ONLINE);
}

#ifdef CONFIG_ZONE_DEVICE
static void taint_section(unsigned long pfn)
{
	__pfn_to_section(pfn)->section_mem_map |= SECTION_TAINT_ZONE_DEVICE;
}

static bool in_device_pagemap(unsigned long pfn)
{
	struct dev_pagemap *pgmap = get_dev_pagemap(pfn, NULL);

	put_dev_pagemap(pgmap);
	return pgmap;
}
#else
static void taint_section(unsigned long pfn)
{
}

static bool in_device_pagemap(unsigned long pfn)
{
	return false;
}
#endif

/**
 * mhp_taint_partial_sections - remember where device pages share a section
 * @start_pfn: first page of ZONE_DEVICE
 * @nr_pages: pages of it
 *
 * A section online for its boot memory may hold device pages beside it;
 * pfn_to_online_page() then has to ask for each pfn.
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_taint_partial_sections(unsigned long start_pfn,
				unsigned long nr_pages)
{
	mhp_assert_write_locked();
	if (!IS_ALIGNED(start_pfn, PAGES_PER_SECTION))
		taint_section(start_pfn);
	if (!IS_ALIGNED(start_pfn + nr_pages, PAGES_PER_SECTION))
		taint_section(start_pfn + nr_pages);
}

/* Whether the section of an online pfn has a struct page for it, too. */
static bool section_covers(struct mem_section *ms, unsigned long pfn)
{
	bool covers;

	if (IS_ENABLED(CONFIG_HAVE_ARCH_PFN_VALID) && !pfn_valid(pfn))
		return false;

	rcu_read_lock_sched();
	covers = pfn_section_valid(ms, pfn);
	rcu_read_unlock_sched();
	return covers;
}

/**
 * pfn_to_online_page - the struct page of a pfn, if it may be looked at
 * @pfn: any pfn
 *
 * Context: Any. The answer holds as long as the caller keeps memory from going
 *	offline: by get_online_mems(), or by a reference to the page.
 * Return: the page if its memory is online, and so its struct page is
 *	initialised and not a device page; NULL otherwise.
 */
struct page *pfn_to_online_page(unsigned long pfn)
{
	const unsigned long nr = pfn_to_section_nr(pfn);
	struct mem_section *ms = NULL;

	if (nr < NR_MEM_SECTIONS)
		ms = __nr_to_section(nr);
	if (!online_section(ms) || !section_covers(ms, pfn))
		return NULL;
	if (online_device_section(ms) && in_device_pagemap(pfn))
		return NULL;
	return pfn_to_page(pfn);
}
EXPORT_SYMBOL_GPL(pfn_to_online_page);
