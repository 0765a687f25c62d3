// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: which memory's struct pages a page holds.
 *
 * The page tables of the virtual memmap are the only record of where struct
 * pages are.  They are read section by section until one leads to the page.
 *
 * Locks: mem_hotplug_lock for reading keeps those tables.  It is only tried,
 * since files of a block are read while others wait for the readers, with the
 * lock held, to take the block away.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include "evacuate.h"

/* The page behind a kernel address, and how much is mapped with it, in bytes. */
static unsigned long pfn_behind(unsigned long addr, unsigned long *size)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d = pgd_none(*pgd) ? NULL : p4d_offset(pgd, addr);
	pud_t *pud = p4d && p4d_present(*p4d) ? pud_offset(p4d, addr) : NULL;
	pmd_t *pmd = pud && pud_present(*pud) && !pud_leaf(*pud) ?
		     pmd_offset(pud, addr) : NULL;
	pte_t *pte;

	*size = PMD_SIZE;
	if (!pmd || !pmd_present(*pmd))
		return ULONG_MAX;
	if (pmd_leaf(*pmd))
		return pmd_pfn(*pmd);

	*size = PAGE_SIZE;
	pte = pte_offset_kernel(pmd, addr);
	return pte_present(*pte) ? pte_pfn(*pte) : ULONG_MAX;
}

/* Whether a section has struct pages in a page, and in how many from there on. */
static bool section_uses(unsigned long nr, unsigned long pfn,
			 unsigned long *nr_pages)
{
	unsigned long first = section_nr_to_pfn(nr), size;
	unsigned long addr = (unsigned long)pfn_to_page(first);
	unsigned long end = addr + PAGES_PER_SECTION * sizeof(struct page);

	for (addr = PAGE_ALIGN_DOWN(addr); addr < end;
	     addr = ALIGN_DOWN(addr, size) + size) {
		unsigned long behind = pfn_behind(addr, &size);

		if (behind > pfn || pfn - behind >= size / PAGE_SIZE)
			continue;
		*nr_pages = size / PAGE_SIZE - (pfn - behind);
		return true;
	}
	return false;
}

/**
 * mhp_memmap_section - find the section whose struct pages are in a page
 * @pfn: the page
 * @nr_pages: set to how many pages, from that one on, are mapped as one with it
 *
 * Context: May sleep.
 * Return: the number of the section, the first if there are several; ULONG_MAX
 *	if there is none, or if memory is being added or removed at this moment.
 */
unsigned long mhp_memmap_section(unsigned long pfn, unsigned long *nr_pages)
{
	unsigned long nr, found = ULONG_MAX;

	if (!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP) || !mhp_try_read_lock())
		return ULONG_MAX;
	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		if (!present_section_nr(nr) || !section_uses(nr, pfn, nr_pages))
			continue;
		found = nr;
		break;
	}
	put_online_mems();
	return found;
}
