// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: what keeps a range from going.
 *
 * Surveys ranges without disturbing anything: how much is free, how much would
 * have to move, and which pages stand in the way.  The answer comes from looking
 * at pages without a lock (see look.c), so it is a prediction.
 *
 * An evacuation surveys memory that it keeps online.  Readers of files do not:
 * they look at each pageblock under a lock that they only try.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include "evacuate.h"

/* Single pages of an LRU list that a prediction looks at. */
#define MHP_PREDICT_STEPS	4096
/* What a look at any other place costs, in such pages. */
#define PLACE_STEPS		8UL

/* For how long a list waits while memory is being changed. */
#define LOCK_TRIES	50
#define LOCK_PAUSE_MS	2

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
	if (place.class == MHP_PLACE_FREE_HUGE)
		tally->free_huge += place.nr_pages;
	else if (place.kind == MHP_BLOCKER_HUGETLB &&
		 place.class == MHP_PLACE_MOVABLE)
		tally->huge += place.nr_pages;
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
 * Context: May sleep. The caller keeps the range online.
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
 * struct scan - a walk over memory that may go offline or away meanwhile
 * @pfn: where it is
 * @end_pfn: where it ends
 * @steps: how far it may still go, in single pages of an LRU list
 * @pass_ordinary: single pages of an LRU list are of no interest
 * @visit: called for each other place; false ends the walk there
 * @arg: given to @visit
 */
struct scan {
	unsigned long pfn;
	unsigned long end_pfn;
	unsigned long steps;
	bool pass_ordinary;
	bool (*visit)(unsigned long pfn, struct mhp_place *place, void *arg);
	void *arg;
};

/* At the start of a pageblock, its type has to be looked at as well. */
static bool is_passed_over(const struct scan *scan)
{
	return scan->pass_ordinary && !pageblock_aligned(scan->pfn) &&
	       mhp_is_ordinary(pfn_to_page(scan->pfn));
}

/* Look at the next place; false if the walk is to end there. */
static bool scan_place(struct scan *scan)
{
	struct mhp_place place = { .nr_pages = 1 };

	if (is_passed_over(scan)) {
		scan->steps--;
	} else {
		place = mhp_look_in(scan->pfn, scan->end_pfn);
		if (!scan->visit(scan->pfn, &place, scan->arg))
			return false;
		scan->steps -= min(scan->steps, PLACE_STEPS);
	}
	scan->pfn += place.nr_pages;
	return true;
}

/* Look at the places of a pageblock; false if the walk is to end. */
static bool scan_online_pageblock(struct scan *scan, unsigned long end)
{
	while (scan->pfn < end)
		if (!scan->steps || !scan_place(scan))
			return false;
	return true;
}

/*
 * The lock keeps memory online for as long as a pageblock takes.  It is only
 * tried: the removal of a block holds it for writing, and waits for the readers
 * of its files.
 */
static int scan_pageblock(struct scan *scan)
{
	unsigned long end = min(pageblock_end_pfn(scan->pfn), scan->end_pfn);
	bool go_on = true;

	if (!mhp_try_read_lock())
		return -EAGAIN;
	if (pfn_to_online_page(scan->pfn))
		go_on = scan_online_pageblock(scan, end);
	else
		scan->pfn = end;
	put_online_mems();
	cond_resched();
	return go_on ? 0 : 1;
}

/* Return 1 if the walk was ended, 0 at its end, -EAGAIN if it had to stop. */
static int scan_range(struct scan *scan)
{
	int ret = 0;

	while (!ret && scan->pfn < scan->end_pfn)
		ret = fatal_signal_pending(current) ? -EINTR :
		      scan_pageblock(scan);
	return ret;
}

static bool goes_away(unsigned long pfn, struct mhp_place *place, void *arg)
{
	return place->class != MHP_PLACE_BLOCKED;
}

/* The last prediction, beside the place where the next one begins. */
#define POS_WAS_BLOCKED	BIT(31)

/*
 * From @pfn to @end_pfn: 0 if nothing is in the way as far as it looked, 1, or
 * -EAGAIN if it could not look.
 */
static int predict_part(unsigned long *pfn, unsigned long end_pfn,
			unsigned long *steps)
{
	struct scan scan = {
		.pfn = *pfn,
		.end_pfn = end_pfn,
		.steps = *steps,
		.pass_ordinary = true,
		.visit = goes_away,
	};
	int ret = scan_range(&scan);

	*pfn = scan.pfn;
	*steps = scan.steps;
	return ret == 1 && !scan.steps ? 0 : ret;
}

/* The same from the middle of a range on and around. */
static int predict_around(unsigned long start_pfn, unsigned long *pfn,
			  unsigned long end_pfn)
{
	const unsigned long first = *pfn;
	unsigned long steps = MHP_PREDICT_STEPS;
	int ret = predict_part(pfn, end_pfn, &steps);

	if (ret || *pfn < end_pfn)
		return ret;
	*pfn = start_pfn;
	return predict_part(pfn, first, &steps);
}

/**
 * mhp_can_go - predict whether nothing in a range would keep it
 * @start_pfn: first page
 * @nr_pages: how many, of one zone
 * @pos: where to begin, in pages from @start_pfn; updated
 *
 * Looks at MHP_PREDICT_STEPS single pages of LRU lists at most, or an eighth as
 * many other places, and goes on the next time where it ended, so that it has
 * seen all of a range after some times.  A page in the
 * way is looked at again first.  Pages that could move do not count, held or
 * not.  While memory is being changed, the last answer holds.
 *
 * Context: May sleep, for no lock.
 * Return: false if a page is in the way.
 */
bool mhp_can_go(unsigned long start_pfn, unsigned long nr_pages,
		unsigned int *pos)
{
	const unsigned int last = READ_ONCE(*pos);
	unsigned long pfn = start_pfn + (last & ~POS_WAS_BLOCKED) % nr_pages;
	int ret = predict_around(start_pfn, &pfn, start_pfn + nr_pages);

	if (ret < 0)
		return !(last & POS_WAS_BLOCKED);
	WRITE_ONCE(*pos, (pfn - start_pfn) | (ret ? POS_WAS_BLOCKED : 0));
	return !ret;
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

static bool note_if_in_the_way(unsigned long pfn, struct mhp_place *place,
			       void *list)
{
	if (is_in_the_way(pfn_to_page(pfn), place))
		mhp_note_blocker(list, pfn, place);
	return true;
}

/**
 * mhp_find_blockers - find what would keep a range from going offline now
 * @start_pfn: first page
 * @nr_pages: how many; some of them may be missing
 * @list: where they are noted, as many as there is room for
 *
 * What cannot go, and what could but is held at this moment.
 *
 * Context: May sleep.
 * Return: 0; -EAGAIN if memory is being changed, -EINTR on a fatal signal. The
 *	list ends early then.
 */
int mhp_find_blockers(unsigned long start_pfn, unsigned long nr_pages,
		      struct mhp_blocker_list *list)
{
	struct scan scan = {
		.pfn = start_pfn,
		.end_pfn = start_pfn + nr_pages,
		.steps = nr_pages * PLACE_STEPS,
		.visit = note_if_in_the_way,
		.arg = list,
	};
	unsigned int tries = LOCK_TRIES;
	int ret;

	while ((ret = scan_range(&scan)) == -EAGAIN && --tries)
		msleep(LOCK_PAUSE_MS);
	return min(ret, 0);
}
