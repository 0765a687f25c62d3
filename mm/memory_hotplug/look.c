// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: what a page is to an evacuation.
 *
 * Pages are looked at without a lock and without a reference.  So an answer may
 * be outdated at once, and a size may be wrong: then the caller passes over
 * pages or sees some twice, never leaves the range, and looks again before it
 * believes that a range is empty (which is decided under zone->lock).  The memmap
 * stays while the block is online or its files are read.
 *
 * A page in the way that only passes through (in a per-CPU list, isolated by
 * reclaim, just allocated) is told from one that stays by what it has (a mapping,
 * no reference) and by where it is.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/pagemap.h>
#include <linux/secretmem.h>
#include "evacuate.h"

static struct mhp_place place(enum mhp_place_class class,
			      enum mhp_blocker_kind kind, unsigned long nr_pages)
{
	return (struct mhp_place) {
		.class = class,
		.kind = kind,
		.nr_pages = max(nr_pages, 1UL),
	};
}

/**
 * struct view - a folio as it was at one moment
 * @copy: its first two struct pages; the second is there only if it has one
 * @real: where it is
 * @idx: the page that is looked at is so many after its first
 *
 * A folio can be split, freed, or become a part of another one while it is looked
 * at, and what is asked of it must not change between two questions.
 */
struct view {
	struct folio copy;
	struct folio *real;
	unsigned long idx;
};

/* Whoever changes the struct page meanwhile does not know that it is read. */
static void copy_page_struct(struct page *to, const struct page *from)
{
	/* data race: what is torn is passed over, and the page looked at again */
	data_race(memcpy(to, from, sizeof(*to)));
}

/* Return false if it changed meanwhile: there is nothing to be said of it then. */
static bool view_folio(struct view *view, struct page *page)
{
	struct folio *folio = page_folio(page);

	view->real = folio;
	view->idx = folio_page_idx(folio, page);
	copy_page_struct(&view->copy.page, &folio->page);
	if (view->copy.page.compound_head & 1)
		return false;
	if (folio_test_large(&view->copy))
		copy_page_struct(&view->copy.__page_1, &folio->__page_1);
	return true;
}

/* Pages from the one looked at to the end of its folio; a bad size counts as one. */
static unsigned long rest_of_folio(const struct view *view)
{
	unsigned long nr_pages = folio_nr_pages(&view->copy);

	return view->idx < nr_pages ? nr_pages - view->idx : 1;
}

static struct mhp_place look_at_free(struct page *page)
{
	unsigned int order = buddy_order_unsafe(page);

	return place(MHP_PLACE_FREE, MHP_BLOCKER_NONE,
		     order <= MAX_PAGE_ORDER ? 1UL << order : 1);
}

static struct mhp_place look_at_huge(const struct view *view)
{
	struct hstate *h = size_to_hstate(folio_size(&view->copy));
	enum mhp_place_class class = MHP_PLACE_MOVABLE;

	/*
	 * It may be dissolved at this moment, or the type is all that is left of
	 * a huge page whose struct pages were folded.
	 */
	if (!h || !IS_ALIGNED(folio_pfn(view->real), pages_per_huge_page(h)))
		return place(MHP_PLACE_BUSY, MHP_BLOCKER_PASSING, 1);

	if (!folio_ref_count(&view->copy))
		class = MHP_PLACE_FREE_HUGE;
	else if (!hugepage_migration_supported(h))
		class = MHP_PLACE_BLOCKED;
	return place(class, MHP_BLOCKER_HUGETLB, rest_of_folio(view));
}

/* Ballooned pages move; others are a driver's, which gives up its reference. */
static struct mhp_place look_at_offline(struct page *page)
{
	if (__PageMovable(page))
		return place(MHP_PLACE_MOVABLE, MHP_BLOCKER_NONE, 1);
	if (page_ref_count(page))
		return place(MHP_PLACE_HELD, MHP_BLOCKER_DRIVER, 1);
	return place(MHP_PLACE_GONE, MHP_BLOCKER_NONE, 1);
}

static bool mapping_is_secret(struct folio *folio)
{
	struct address_space *mapping = folio_mapping(folio);

	return mapping && (mapping_inaccessible(mapping) ||
			   secretmem_mapping(mapping));
}

/*
 * Memory that is hidden from the kernel cannot be copied.  Such folios are never
 * evicted, so that few others are asked; their mapping stays while they are locked.
 */
static bool is_secret(const struct view *view)
{
	struct folio *folio = view->real;
	bool ret = false;

	if (!folio_test_unevictable(&view->copy) ||
	    folio_test_anon(&view->copy) || !folio_try_get(folio))
		return false;
	if (folio_trylock(folio)) {
		ret = mapping_is_secret(folio);
		folio_unlock(folio);
	}
	folio_put(folio);
	return ret;
}

static struct mhp_place look_at_folio(const struct view *view)
{
	const struct folio *folio = &view->copy;
	unsigned long nr_pages = rest_of_folio(view);

	if (folio_test_hugetlb(folio))
		return look_at_huge(view);
	if (is_secret(view))
		return place(MHP_PLACE_BLOCKED, MHP_BLOCKER_SECRET, nr_pages);
	if (folio_test_lru(folio) || __folio_test_movable(folio))
		return place(MHP_PLACE_MOVABLE, MHP_BLOCKER_NONE, nr_pages);
	if (!folio_ref_count(folio))
		return place(MHP_PLACE_BUSY, MHP_BLOCKER_PASSING, 1);
	if (folio_test_slab(folio))
		return place(MHP_PLACE_BLOCKED, MHP_BLOCKER_SLAB, nr_pages);
	if (folio_test_pgtable(folio))
		return place(MHP_PLACE_BLOCKED, MHP_BLOCKER_PAGE_TABLE, nr_pages);
	if (folio->mapping)
		return place(MHP_PLACE_BUSY, MHP_BLOCKER_PASSING, nr_pages);
	/* In ZONE_MOVABLE it was allocated as movable: on its way in or out. */
	return place(is_zone_movable_page(&folio->page) ? MHP_PLACE_BUSY :
							  MHP_PLACE_BLOCKED,
		     MHP_BLOCKER_KERNEL, nr_pages);
}

/* Only a whole folio can be unmapped; a part of one waits for its user's end. */
static struct mhp_place look_at_poisoned(const struct view *view,
					 struct page *page)
{
	const struct folio *folio = &view->copy;

	if (PageHWPoison(page) &&
	    (!folio_ref_count(folio) || !folio_mapped(folio)))
		return place(MHP_PLACE_GONE, MHP_BLOCKER_POISONED, 1);
	if (!folio_test_large(folio) || folio_test_hugetlb(folio))
		return place(MHP_PLACE_POISONED, MHP_BLOCKER_POISONED,
			     rest_of_folio(view));
	return place(MHP_PLACE_BUSY, MHP_BLOCKER_POISONED, rest_of_folio(view));
}

/**
 * mhp_look_at - what a page is, and how many after it are the same
 * @page: a page of online memory; for what mhp_is_ordinary() knows, that is quicker
 *
 * Context: Any. See the head of the file for how wrong the answer may be.
 * Return: the place.
 */
struct mhp_place mhp_look_at(struct page *page)
{
	struct view view;

	if (PageBuddy(page))
		return look_at_free(page);
	if (PageReserved(page))
		return place(MHP_PLACE_BLOCKED, MHP_BLOCKER_RESERVED, 1);
	if (PageOffline(page))
		return look_at_offline(page);

	if (!view_folio(&view, page))
		return place(MHP_PLACE_BUSY, MHP_BLOCKER_PASSING, 1);
	if (folio_contain_hwpoisoned_page(&view.copy))
		return look_at_poisoned(&view, page);
	return look_at_folio(&view);
}

/**
 * mhp_look_in - the same for a walk over a range
 * @pfn: where the walk is; it began at the start of a pageblock
 * @end_pfn: first page after the range
 *
 * Context: as mhp_look_at().
 * Return: the place, which ends in the range. Memory of the contiguous memory
 *	allocator, whole pageblocks, cannot be isolated, whatever is in it.
 */
struct mhp_place mhp_look_in(unsigned long pfn, unsigned long end_pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct mhp_place at;

	if (pageblock_aligned(pfn) && is_migrate_cma_page(page))
		at = place(MHP_PLACE_BLOCKED, MHP_BLOCKER_CMA,
			   pageblock_nr_pages);
	else
		at = mhp_look_at(page);
	at.nr_pages = min(at.nr_pages, end_pfn - pfn);
	return at;
}
