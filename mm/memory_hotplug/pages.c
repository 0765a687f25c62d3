// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: what arch_add_memory() and arch_remove_memory() call back.
 *
 * Cuts a range at section borders and gives each piece to the section code.
 * A range that could not be added whole is not there at all.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/memremap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include "internal.h"

/* The grain in which struct pages can come and go, in pages. */
#define MHP_GRAIN_PAGES (IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) ?		\
			 PAGES_PER_SUBSECTION : PAGES_PER_SECTION)

static bool range_is_aligned(unsigned long pfn, unsigned long nr_pages)
{
	return !WARN_ONCE(!IS_ALIGNED(pfn | nr_pages, MHP_GRAIN_PAGES),
			  "memory_hotplug: pages %#lx+%#lx are not aligned to %#lx\n",
			  pfn, nr_pages, MHP_GRAIN_PAGES);
}

static int check_altmap(struct vmem_altmap *altmap, unsigned long pfn,
			unsigned long nr_pages)
{
	if (altmap->base_pfn != pfn || vmem_altmap_offset(altmap) > nr_pages) {
		pr_warn_once("pages %#lx+%#lx: the altmap does not fit\n",
			     pfn, nr_pages);
		return -EINVAL;
	}
	altmap->alloc = 0;
	return 0;
}

/**
 * __add_pages - give a range of pages its sections and struct pages
 * @nid: node
 * @start_pfn: first page
 * @nr_pages: how many; both aligned to a subsection (VMEMMAP) or section
 * @params: where the memmap goes; pgprot must be set
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EINVAL if a range, altmap or pgprot cannot be, -EEXIST if some of
 *	it is there already, -ENOMEM. Nothing has been added then.
 */
int __add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
		struct mhp_params *params)
{
	const unsigned long end_pfn = start_pfn + nr_pages;
	struct vmem_altmap *altmap = params->altmap;
	struct mhp_memmap_change change;
	unsigned long pfn, step;
	int ret = 0;

	mhp_assert_write_locked();
	if (WARN_ON_ONCE(!pgprot_val(params->pgprot)))
		return -EINVAL;
	if (altmap && check_altmap(altmap, start_pfn, nr_pages))
		return -EINVAL;
	if (!range_is_aligned(start_pfn, nr_pages))
		return -EINVAL;

	mhp_memmap_change_begin(&change);
	for (pfn = start_pfn; pfn < end_pfn; pfn += step) {
		step = mhp_pages_in_section(pfn, end_pfn);
		ret = sparse_add_section(&change, nid, pfn, step, altmap,
					 params->pgmap);
		if (ret)
			break;
		cond_resched();
	}
	mhp_memmap_change_end(&change);
	if (ret && pfn > start_pfn)
		__remove_pages(start_pfn, pfn - start_pfn, altmap,
			       params->pgmap);
	vmemmap_populate_print_last();
	return ret;
}

/**
 * __remove_pages - take the sections and struct pages of a range away
 * @start_pfn: first page
 * @nr_pages: how many
 * @altmap: as in __add_pages()
 * @pgmap: as in __add_pages()
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void __remove_pages(unsigned long start_pfn, unsigned long nr_pages,
		    struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	const unsigned long end_pfn = start_pfn + nr_pages;
	struct mhp_memmap_change change;
	unsigned long pfn, step;

	mhp_assert_write_locked();
	if (!range_is_aligned(start_pfn, nr_pages))
		return;

	/* Nothing stands in for these struct pages: readers have to be gone. */
	if (!MHP_HAS_TOMBSTONE && !pgmap)
		synchronize_rcu();
	mhp_memmap_change_begin(&change);
	for (pfn = start_pfn; pfn < end_pfn; pfn += step) {
		step = mhp_pages_in_section(pfn, end_pfn);
		sparse_remove_section(&change, pfn, step, altmap, pgmap);
		cond_resched();
	}
	mhp_memmap_change_end(&change);
}
