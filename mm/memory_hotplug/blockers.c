// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: what keeps a range from going.
 *
 * Surveys ranges without disturbing anything: how much is free, how much would
 * have to move, and which pages stand in the way.  The answer comes from looking
 * at pages without a lock (see look.c), so it is a prediction.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/swap.h>
#include "evacuate.h"

static const char *const kind_words[] = {
	[MHP_BLOCKER_NONE] = "none",
	[MHP_BLOCKER_PASSING] = "passing",
	[MHP_BLOCKER_PINNED] = "pinned",
	[MHP_BLOCKER_HUGETLB] = "hugetlb",
	[MHP_BLOCKER_CMA] = "cma",
	[MHP_BLOCKER_SECRET] = "secret",
	[MHP_BLOCKER_DRIVER] = "driver",
	[MHP_BLOCKER_RESERVED] = "reserved",
	[MHP_BLOCKER_MEMMAP] = "memmap",
	[MHP_BLOCKER_SLAB] = "slab",
	[MHP_BLOCKER_PAGE_TABLE] = "page-table",
	[MHP_BLOCKER_STACK] = "stack",
	[MHP_BLOCKER_VMALLOC] = "vmalloc",
	[MHP_BLOCKER_DMA] = "dma",
	[MHP_BLOCKER_POISONED] = "poisoned",
	[MHP_BLOCKER_KERNEL] = "kernel",
};

/**
 * mhp_blocker_word - the name user space has for a kind of blocker
 * @kind: the kind
 *
 * Context: Any.
 * Return: a constant string.
 */
const char *mhp_blocker_word(enum mhp_blocker_kind kind)
{
	return kind_words[kind];
}

/* Whether a block of one kind goes on where the last one ended. */
static bool extends_last(const struct mhp_blocker *last, unsigned long pfn,
			 const struct mhp_place *place)
{
	return last->kind == place->kind &&
	       last->pfn + last->nr_pages == pfn;
}

/**
 * mhp_note_blocker - remember what is in the way
 * @list: where; neighbours of one kind are one entry
 * @pfn: first page
 * @place: what it is
 *
 * Context: Any.
 */
void mhp_note_blocker(struct mhp_blocker_list *list, unsigned long pfn,
		      const struct mhp_place *place)
{
	struct mhp_blocker *last = list->entries + list->nr - 1;

	if (list->nr && extends_last(last, pfn, place)) {
		last->nr_pages += place->nr_pages;
		return;
	}
	if (list->nr == list->max)
		return;
	list->entries[list->nr++] = (struct mhp_blocker) {
		.pfn = pfn,
		.nr_pages = place->nr_pages,
		.kind = place->kind,
	};
}

/* Which count of a tally a place belongs to. */
static unsigned long *count_of(struct mhp_tally *tally,
			       enum mhp_place_class class)
{
	switch (class) {
	case MHP_PLACE_FREE:
		return &tally->free;
	case MHP_PLACE_GONE:
	case MHP_PLACE_FREE_HUGE:
		return &tally->unused;
	case MHP_PLACE_MOVABLE:
	case MHP_PLACE_POISONED:
		return &tally->movable;
	case MHP_PLACE_BUSY:
	case MHP_PLACE_HELD:
		return &tally->busy;
	default:
		return &tally->blocked;
	}
}

static unsigned long survey_place(unsigned long pfn, unsigned long end_pfn,
				  struct mhp_tally *tally,
				  struct mhp_blocker_list *list)
{
	struct mhp_place place = mhp_look_in(pfn, end_pfn);

	*count_of(tally, place.class) += place.nr_pages;
	if (list && place.class == MHP_PLACE_BLOCKED)
		mhp_note_blocker(list, pfn, &place);
	return place.nr_pages;
}

/**
 * mhp_survey_range - count what is in a range, and list what blocks it
 * @start_pfn: first page
 * @end_pfn: first page after the range, which is online
 * @tally: the counts are added here
 * @list: where blockers are noted, or NULL
 *
 * Context: May sleep. Whoever calls it keeps the struct pages there.
 */
void mhp_survey_range(unsigned long start_pfn, unsigned long end_pfn,
		      struct mhp_tally *tally, struct mhp_blocker_list *list)
{
	unsigned long pfn = start_pfn;

	while (pfn < end_pfn) {
		if (mhp_is_ordinary(pfn_to_page(pfn)) &&
		    !pageblock_aligned(pfn)) {
			tally->movable++;
			pfn++;
		} else {
			pfn += survey_place(pfn, end_pfn, tally, list);
		}
		if (pageblock_aligned(pfn))
			cond_resched();
	}
}

/**
 * mhp_can_go - whether nothing is in a range that would keep it
 * @start_pfn: first page
 * @nr_pages: how many, all of them online
 *
 * Who holds pages that could move is not asked: that ends, mostly.
 *
 * Context: May sleep. As mhp_find_blockers().
 * Return: true if that is so now.
 */
bool mhp_can_go(unsigned long start_pfn, unsigned long nr_pages)
{
	const unsigned long end_pfn = start_pfn + nr_pages;
	unsigned long pfn = start_pfn;

	while (pfn < end_pfn) {
		struct mhp_place place = mhp_look_in(pfn, end_pfn);

		if (place.class == MHP_PLACE_BLOCKED)
			return false;
		pfn += place.nr_pages;
		if (pageblock_aligned(pfn))
			cond_resched();
	}
	return true;
}

/* References that the users of a folio in the page tables and caches account for. */
static int explained_refs(const struct folio *folio)
{
	int refs = folio_mapcount(folio) + folio_test_private(folio);
	bool is_cached = folio_test_swapcache(folio) ||
			 (!folio_test_anon(folio) && READ_ONCE(folio->mapping));

	return is_cached ? refs + folio_nr_pages(folio) : refs;
}

/*
 * Whether a folio that could move is held by somebody, and how.  The reference
 * taken to ask, without which it could be split meanwhile, does not count.
 */
static enum mhp_blocker_kind who_holds(struct folio *folio)
{
	if (folio_test_hugetlb(folio) || !folio_test_lru(folio))
		return MHP_BLOCKER_NONE;
	if (folio_maybe_dma_pinned(folio))
		return MHP_BLOCKER_PINNED;
	return folio_ref_count(folio) > explained_refs(folio) + 1 ?
	       MHP_BLOCKER_PASSING : MHP_BLOCKER_NONE;
}

static enum mhp_blocker_kind why_held(struct page *page)
{
	enum mhp_blocker_kind kind = MHP_BLOCKER_NONE;
	struct folio *folio = page_folio(page);

	if (!folio_try_get(folio))
		return kind;
	if (page_folio(page) == folio)
		kind = who_holds(folio);
	folio_put(folio);
	return kind;
}

static bool is_in_the_way(struct page *page, struct mhp_place *place)
{
	if (place->class == MHP_PLACE_MOVABLE)
		place->kind = why_held(page);
	else if (place->class != MHP_PLACE_BLOCKED)
		return false;
	return place->kind != MHP_BLOCKER_NONE;
}

/**
 * mhp_find_blockers - what would keep a range from going offline now
 * @start_pfn: first page
 * @nr_pages: how many, all of them online
 * @list: where they are noted, as many as there is room for
 *
 * What cannot go, and what could but is held by somebody at this moment.
 *
 * Context: May sleep. The caller keeps the block device, and so the struct
 *	pages. If the range goes offline meanwhile the answer is of no use.
 */
void mhp_find_blockers(unsigned long start_pfn, unsigned long nr_pages,
		       struct mhp_blocker_list *list)
{
	const unsigned long end_pfn = start_pfn + nr_pages;
	unsigned long pfn = start_pfn;

	/* Pages on their way to an LRU list are held by nobody for long. */
	lru_add_drain_all();
	while (pfn < end_pfn) {
		struct mhp_place place = mhp_look_in(pfn, end_pfn);

		if (is_in_the_way(pfn_to_page(pfn), &place))
			mhp_note_blocker(list, pfn, &place);
		pfn += place.nr_pages;
		if (pageblock_aligned(pfn))
			cond_resched();
	}
}
