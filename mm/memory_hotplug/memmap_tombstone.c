// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: what stands in for the struct pages of memory that is gone.
 *
 * A walker of page frames asks pfn_to_online_page() and then reads the struct
 * page, with nothing that keeps the answer true: the memory may go offline and
 * be removed in between.  So the virtual memmap of a removed section stays
 * mapped.  All of it maps one shared page of struct pages, the tombstone, which
 * read as reserved and with a refcount of zero: no walker takes a reference,
 * and so none goes on to change the page.
 *
 *	memmap of a section	present		removed
 *
 *	PMD -> huge page		->	PMD -> tombstone_ptes
 *	PMD -> PTEs -> pages		->		all -> tombstone_pages
 *
 * The order is: map the tombstone, flush the TLBs, free the old backing.  When
 * the section comes back, its new backing is cleared before it is mapped, so
 * that a walker which is still there finds free pages and not old content.
 *
 * The tombstone costs two pages for the whole system, and the page tables of
 * the memmap down to the PMDs stay: one page for 64 GiB of removed memory.  The
 * mapping is writable: memory_failure() marks a page before it has a reference,
 * and must not fault.  Nothing else writes; the audit looks for traces.
 *
 * It needs a virtual memmap of whole PMDs and an architecture that may exchange
 * a huge mapping and a page table in one step.  Without (another memory model,
 * arm64, a struct page of odd size), the removal waits for an RCU grace period
 * instead, which covers walkers that do not sleep.
 *
 * Locks: mem_hotplug_lock for writing.
 */
#include <linux/bootmem_info.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <asm/tlbflush.h>
#include "internal.h"

#define TOMBSTONE_PAGES	(PAGE_SIZE / sizeof(struct page))
#define MEMMAP_BYTES	(PAGES_PER_SECTION * sizeof(struct page))

static struct page tombstone_pages[TOMBSTONE_PAGES] __page_aligned_bss;
static pte_t tombstone_ptes[PTRS_PER_PTE] __page_aligned_bss;

static void make_tombstone_page(struct page *page)
{
	__init_single_page(page, 0, 0, first_online_node);
	set_page_count(page, 0);
	__SetPageReserved(page);
	page->lru.next = NULL;
	page->lru.prev = NULL;
}

static int __init mhp_tombstone_init(void)
{
	phys_addr_t phys = __pa_symbol(tombstone_pages);
	unsigned int i;

	for (i = 0; i < TOMBSTONE_PAGES; i++)
		make_tombstone_page(&tombstone_pages[i]);
	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte(&tombstone_ptes[i],
			pfn_pte(PHYS_PFN(phys), PAGE_KERNEL));
	return 0;
}
core_initcall(mhp_tombstone_init);

/* The PMD that maps a part of the memmap, or NULL if there is none yet. */
static pmd_t *memmap_pmd(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d = pgd_none(*pgd) ? NULL : p4d_offset(pgd, addr);
	pud_t *pud = p4d && p4d_present(*p4d) ? pud_offset(p4d, addr) : NULL;

	if (!pud || !pud_present(*pud) || WARN_ON_ONCE(pud_leaf(*pud)))
		return NULL;
	return pmd_offset(pud, addr);
}

static bool is_tombstone(pmd_t pmd)
{
	return pmd_present(pmd) && !pmd_leaf(pmd) &&
	       pmd_pfn(pmd) == PHYS_PFN(__pa_symbol(tombstone_ptes));
}

/**
 * mhp_memmap_is_buried - whether the tombstone is mapped for a section
 * @pfn: first page of the section
 *
 * Context: mem_hotplug_lock held for writing.
 * Return: true if the section was there before and is gone.
 */
bool mhp_memmap_is_buried(unsigned long pfn)
{
	pmd_t *pmd = memmap_pmd((unsigned long)pfn_to_page(pfn));

	return MHP_HAS_TOMBSTONE && pmd && is_tombstone(*pmd);
}

/* Memory of the altmap is only counted; nothing may look at its struct pages. */
static void drop_backing(struct mhp_memmap_change *change, struct page *page,
			 unsigned int order, struct vmem_altmap *altmap)
{
	if (altmap)
		vmem_altmap_free(altmap, 1UL << order);
	else
		list_add(&page->lru, order ? &change->huge : &change->small);
}

static void drop_table(struct mhp_memmap_change *change, pmd_t pmd,
		       struct vmem_altmap *altmap)
{
	pte_t *pte = (pte_t *)pmd_page_vaddr(pmd);
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		if (pte_present(pte[i]))
			drop_backing(change, pte_page(pte[i]), 0, altmap);
	/* Page tables are never taken from an altmap. */
	drop_backing(change, pmd_page(pmd), 0, NULL);
}

static void note_change(struct mhp_memmap_change *change, unsigned long addr)
{
	change->start = min(change->start, addr);
	change->end = max(change->end, addr + PMD_SIZE);
}

static void exchange_pmd(pmd_t *pmd, pte_t *table)
{
	spin_lock(&init_mm.page_table_lock);
	pmd_populate_kernel(&init_mm, pmd, table);
	spin_unlock(&init_mm.page_table_lock);
}

static void bury_pmd(struct mhp_memmap_change *change, unsigned long addr,
		     struct vmem_altmap *altmap)
{
	pmd_t *pmd = memmap_pmd(addr), old;

	if (WARN_ON_ONCE(!pmd || !pmd_present(*pmd)))
		return;
	old = *pmd;
	exchange_pmd(pmd, tombstone_ptes);
	note_change(change, addr);
	if (pmd_leaf(old))
		drop_backing(change, pmd_page(old), PMD_ORDER, altmap);
	else
		drop_table(change, old, altmap);
}

/**
 * mhp_memmap_bury - map the tombstone instead of the memmap of a section
 * @change: begun; the backing is freed when it ends
 * @pfn: first page of the section, all of which goes
 * @altmap: where the memmap is, or NULL
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_memmap_bury(struct mhp_memmap_change *change, unsigned long pfn,
		     struct vmem_altmap *altmap)
{
	unsigned long addr = (unsigned long)pfn_to_page(pfn);
	unsigned long end = addr + MEMMAP_BYTES;

	mhp_assert_write_locked();
	for (; addr < end; addr += PMD_SIZE)
		bury_pmd(change, addr, altmap);
}

/* Take the tombstone away, for a memmap that is mapped by other means. */
static void clear_tombstone(unsigned long pfn)
{
	unsigned long start = (unsigned long)pfn_to_page(pfn), addr;
	pmd_t *pmd;

	/* Walkers that do not sleep are gone then. */
	synchronize_rcu();
	spin_lock(&init_mm.page_table_lock);
	for (addr = start; addr < start + MEMMAP_BYTES; addr += PMD_SIZE) {
		pmd = memmap_pmd(addr);
		if (pmd && is_tombstone(*pmd))
			pmd_clear(pmd);
	}
	spin_unlock(&init_mm.page_table_lock);
	flush_tlb_kernel_range(start, start + MEMMAP_BYTES);
}

static bool revive_pmd(struct mhp_memmap_change *change, unsigned long addr,
		       int nid, struct vmem_altmap *altmap)
{
	void *backing = vmemmap_alloc_block_buf(PMD_SIZE, nid, altmap);
	pmd_t *pmd = memmap_pmd(addr);

	if (!backing)
		return false;
	memset(backing, 0, PMD_SIZE);
	spin_lock(&init_mm.page_table_lock);
	vmemmap_set_pmd(pmd, backing, nid, addr, addr + PMD_SIZE);
	spin_unlock(&init_mm.page_table_lock);
	note_change(change, addr);
	return true;
}

/**
 * mhp_memmap_revive - map a new memmap instead of the tombstone
 * @change: begun; the memmap may be written to when it has ended
 * @pfn: first page of a section that is buried
 * @nid: node to take memory from
 * @altmap: where the memmap is to be, or NULL
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: true if it is mapped, all of it cleared. If there is no memory for
 *	huge mappings, false, and the tombstone is gone too: the caller populates
 *	the memmap as for a new section.
 */
bool mhp_memmap_revive(struct mhp_memmap_change *change, unsigned long pfn,
		       int nid, struct vmem_altmap *altmap)
{
	unsigned long start = (unsigned long)pfn_to_page(pfn), addr;

	mhp_assert_write_locked();
	for (addr = start; addr < start + MEMMAP_BYTES; addr += PMD_SIZE) {
		if (revive_pmd(change, addr, nid, altmap))
			continue;
		/* What was mapped by then stays: populating passes it over. */
		clear_tombstone(pfn);
		return false;
	}
	return true;
}

/**
 * mhp_memmap_unbury - leave the memmap of a section unmapped
 * @pfn: first page of the section
 *
 * For device pages, whose memmap comes in parts and in forms of its own.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_memmap_unbury(unsigned long pfn)
{
	mhp_assert_write_locked();
	clear_tombstone(pfn);
}

/* Boot memory is counted by users; the last one frees it. */
static void free_boot_page(struct page *page)
{
	if (IS_ENABLED(CONFIG_HAVE_BOOTMEM_INFO_NODE) &&
	    (page->index == SECTION_INFO || page->index == MIX_SECTION_INFO))
		put_page_bootmem(page);
	else
		free_reserved_page(page);
}

static void free_backing(struct page *page, unsigned int order)
{
	unsigned long i;

	if (!PageReserved(page)) {
		__free_pages(page, order);
		return;
	}
	for (i = 0; i < 1UL << order; i++)
		free_boot_page(page + i);
}

static void free_list_of(struct list_head *list, unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		free_backing(page, order);
	}
}

/**
 * mhp_memmap_change_end - make all processors see a change, and free what went
 * @change: begun
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_memmap_change_end(struct mhp_memmap_change *change)
{
	if (change->start < change->end)
		flush_tlb_kernel_range(change->start, change->end);
	free_list_of(&change->huge, PMD_ORDER);
	free_list_of(&change->small, 0);
}

static bool reads_as_absent(const struct page *page)
{
	return page->flags == tombstone_pages[0].flags &&
	       page->flags & BIT(PG_reserved) &&
	       !page_ref_count(page) && !page->mapping &&
	       atomic_read(&page->_mapcount) == -1;
}

/**
 * mhp_tombstone_is_intact - whether nothing was written to the tombstone
 *
 * Context: Any.
 * Return: false if one of its struct pages does not read as absent.
 */
bool mhp_tombstone_is_intact(void)
{
	unsigned int i;

	for (i = 0; i < TOMBSTONE_PAGES; i++)
		if (!reads_as_absent(&tombstone_pages[i]))
			return false;
	return true;
}
