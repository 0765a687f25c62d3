// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: collecting what is to be moved.
 *
 * A folio in use is on a list of its own kind: an LRU list, its huge page pool,
 * or its driver's.  To be moved it is taken off that list, so that nobody else
 * moves, reclaims or frees it meanwhile.  Single pages on LRU lists are most of
 * what there is: they wait, with a reference each, until there are enough of them to
 * be taken off together under one lock.
 *
 * A page was looked at without a reference.  Whatever it has become meanwhile is
 * found out here, once there is one.
 *
 * Locks: takes the lock of an LRU list for as many folios as a batch holds.
 */
#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm_inline.h>
#include <linux/swap.h>
#include "evacuate.h"

/*
 * Poisoned memory cannot be copied, only unmapped from its users.  A folio that
 * is locked now is tried again in the next pass.
 */
static void give_up_poisoned(struct folio *folio, unsigned long pfn)
{
	if (folio_test_large(folio) && !folio_test_hugetlb(folio))
		return;
	if (!folio_trylock(folio))
		return;
	if (!folio_test_lru(folio) || folio_isolate_lru(folio))
		unmap_poisoned_folio(folio, pfn, false);
	folio_unlock(folio);
}

/* A page that changed between scan and isolation is seen again. */
static void miss(struct mhp_collection *collection, unsigned long pfn)
{
	static const struct mhp_place place = {
		.class = MHP_PLACE_BUSY,
		.kind = MHP_BLOCKER_PASSING,
		.nr_pages = 1,
	};

	collection->missed++;
	mhp_note_blocker(collection->blockers, pfn, &place);
}

static void add_folio(struct mhp_collection *collection, struct folio *folio)
{
	collection->nr_pages += folio_nr_pages(folio);
	collection->singles += !folio_test_large(folio);
}

/**
 * struct lru_run - folios just taken off a list that still counts them
 * @lruvec: the lists, locked
 * @lru: which of them
 * @zid: the zone the folios are in
 * @nr: how many, of one page each
 */
struct lru_run {
	struct lruvec *lruvec;
	enum lru_list lru;
	enum zone_type zid;
	unsigned int nr;
};

static void settle(struct lru_run *run)
{
	if (run->nr)
		update_lru_size(run->lruvec, run->lru, run->zid,
				-(long)run->nr);
	run->nr = 0;
}

/* Under the lock of its lists.  The reference goes with it. */
static void take_off_lru(struct lru_run *run, struct folio *folio)
{
	enum lru_list lru;

	if (lru_gen_del_folio(run->lruvec, folio, false))
		return;
	lru = folio_lru_list(folio);
	if (lru != LRU_UNEVICTABLE)
		list_del(&folio->lru);
	if (lru != run->lru)
		settle(run);
	run->lru = lru;
	run->zid = folio_zonenum(folio);
	run->nr++;
}

static void count_isolated(struct lru_run *run, const long *isolated)
{
	struct pglist_data *pgdat = lruvec_pgdat(run->lruvec);

	settle(run);
	__mod_node_page_state(pgdat, NR_ISOLATED_ANON, isolated[0]);
	__mod_node_page_state(pgdat, NR_ISOLATED_FILE, isolated[1]);
}

/* Take the first and those after it that share its lists; return how many. */
static unsigned int take_run(struct folio **folios, unsigned int nr,
			     struct list_head *taken)
{
	struct lru_run run = { .lruvec = folio_lruvec_lock_irq(folios[0]) };
	long isolated[2] = {};
	unsigned int i = 0;

	__acquire(&run.lruvec->lru_lock);
	do {
		struct folio *folio = folios[i++];

		take_off_lru(&run, folio);
		list_add_tail(&folio->lru, taken);
		isolated[folio_is_file_lru(folio)]++;
	} while (i < nr && folio_matches_lruvec(folios[i], run.lruvec));
	count_isolated(&run, isolated);
	unlock_page_lruvec_irq(run.lruvec);
	return i;
}

/*
 * Whoever clears the LRU flag of a folio is the one who takes it off its list.
 * Those that others have taken meanwhile are let go and counted.
 */
static void claim_waiting(struct mhp_collection *collection)
{
	struct folio_batch *waiting = &collection->waiting;
	unsigned int i, nr = folio_batch_count(waiting), claimed = 0;

	for (i = 0; i < nr; i++) {
		struct folio *folio = waiting->folios[i];

		if (folio_test_clear_lru(folio)) {
			waiting->folios[claimed++] = folio;
		} else {
			miss(collection, folio_pfn(folio));
			folio_put(folio);
		}
	}
	waiting->nr = claimed;
}

static void take_waiting(struct mhp_collection *collection)
{
	struct folio_batch *waiting = &collection->waiting;
	unsigned int taken = 0, nr;

	claim_waiting(collection);
	nr = folio_batch_count(waiting);
	while (taken < nr)
		taken += take_run(waiting->folios + taken, nr - taken,
				  &collection->folios);
	collection->nr_pages += nr;
	collection->singles += nr;
	folio_batch_reinit(waiting);
}

/* The reference goes with it. */
static void let_wait(struct mhp_collection *collection, struct folio *folio)
{
	if (!folio_batch_add(&collection->waiting, folio))
		take_waiting(collection);
}

/**
 * mhp_collect_begin - begin with nothing
 * @collection: to be filled in
 * @blockers: where pages are noted that changed between scan and isolation
 *
 * Context: Any.
 */
void mhp_collect_begin(struct mhp_collection *collection,
		       struct mhp_blocker_list *blockers)
{
	collection->blockers = blockers;
	INIT_LIST_HEAD(&collection->folios);
	folio_batch_init(&collection->waiting);
	collection->nr_pages = 0;
	collection->singles = 0;
	collection->missed = 0;
}

/**
 * mhp_collect_single - take an ordinary page if it is still one
 * @collection: where it goes
 * @page: a page that was seen to be ordinary
 *
 * Context: May sleep.
 */
void mhp_collect_single(struct mhp_collection *collection, struct page *page)
{
	if (!get_page_unless_zero(page)) {
		miss(collection, page_to_pfn(page));
	} else if (!mhp_is_ordinary(page)) {
		put_page(page);
		miss(collection, page_to_pfn(page));
	} else {
		let_wait(collection, page_folio(page));
	}
}

/**
 * mhp_collect - take the folio of a page if it is still what it was
 * @collection: where it goes
 * @page: a page that was seen to be movable, or poisoned and in use
 * @pfn: its number
 * @place: what was seen; the number of pages may become more precise
 *
 * Context: May sleep.
 */
void mhp_collect(struct mhp_collection *collection, struct page *page,
		 unsigned long pfn, struct mhp_place *place)
{
	struct folio *folio = page_folio(page);
	bool taken = false;

	if (!folio_try_get(folio)) {
		miss(collection, pfn);
		return;
	}
	if (page_folio(page) != folio)
		goto put;

	place->nr_pages = folio_nr_pages(folio) - folio_page_idx(folio, page);
	if (folio_contain_hwpoisoned_page(folio)) {
		give_up_poisoned(folio, pfn);
		goto put;
	}
	taken = isolate_folio_to_list(folio, &collection->folios);
	if (taken)
		add_folio(collection, folio);
put:
	if (!taken)
		miss(collection, pfn);
	folio_put(folio);
}

/**
 * mhp_give_up_free_huge - make ordinary free memory of a free huge page
 * @collection: where it goes if it is in use by now
 * @page: the first page
 * @place: what was seen; becomes MHP_PLACE_BUSY if it is no free huge page any
 *	more, and MHP_PLACE_BLOCKED if it never goes
 *
 * If its pool has promised it to somebody, another one takes its place; without
 * memory for that it stays.
 *
 * Context: May sleep.
 * Return: true if that is done, false if it stays.
 */
bool mhp_give_up_free_huge(struct mhp_collection *collection, struct page *page,
			   struct mhp_place *place)
{
	struct folio *folio = page_folio(page);
	LIST_HEAD(taken);

	if (!dissolve_free_hugetlb_folio(folio))
		return true;
	if (!isolate_or_dissolve_huge_page(page, &taken)) {
		if (!list_empty(&taken))
			add_folio(collection, folio);
		list_splice_tail(&taken, &collection->folios);
		return true;
	}
	if (!folio_test_hugetlb(folio) || folio_ref_count(folio))
		place->class = MHP_PLACE_BUSY;
	/* Such pages are not replaced: the pool has no free ones to spare. */
	else if (folio_order(folio) > MAX_PAGE_ORDER)
		place->class = MHP_PLACE_BLOCKED;
	return false;
}

/**
 * mhp_collect_finish - take what still waits
 * @collection: filled
 *
 * Context: May sleep.
 * Return: how many places were not what they had seemed to be.
 */
unsigned long mhp_collect_finish(struct mhp_collection *collection)
{
	take_waiting(collection);
	return collection->missed;
}
