// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: moving what is in a range.
 *
 * One pass over an isolated range: what can move is collected into batches and
 * migrated, what cannot is counted.  Folios move whole.  A folio that does not
 * move now goes back to where it was and is looked at again in the next pass.
 * mem_hotplug_lock is not held: that the range is isolated, and that its owner
 * holds device_hotplug_lock, keeps it as it is.
 */
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/swap.h>
#include "evacuate.h"

/* Pages collected before they are moved. */
#define BATCH_PAGES	2048UL

/**
 * struct pass - one pass over a range
 * @ev: the evacuation
 * @range: the range
 * @left: what does not move is counted here
 * @folios: collected
 * @collected: pages in @folios
 * @singles: folios of one page in it
 */
struct pass {
	struct mhp_evacuation *ev;
	struct mhp_range *range;
	struct mhp_tally *left;
	struct list_head folios;
	unsigned long collected;
	unsigned long singles;
};

/* Poisoned memory cannot be copied, only unmapped from whoever uses it. */
static void give_up_poisoned(struct folio *folio, unsigned long pfn)
{
	if (folio_test_large(folio) && !folio_test_hugetlb(folio))
		return;
	if (folio_test_lru(folio) && !folio_isolate_lru(folio))
		return;
	folio_lock(folio);
	unmap_poisoned_folio(folio, pfn, false);
	folio_unlock(folio);
}

/* Put the folio on the list if it is still what it was when looked at. */
static bool collect_folio(struct pass *pass, struct page *page,
			  unsigned long pfn, struct mhp_place *place)
{
	struct folio *folio = page_folio(page);
	bool taken = false;

	if (!folio_try_get(folio))
		return false;
	if (page_folio(page) != folio)
		goto put;

	place->nr_pages = folio_nr_pages(folio) - folio_page_idx(folio, page);
	if (folio_contain_hwpoisoned_page(folio))
		give_up_poisoned(folio, pfn);
	else
		taken = isolate_folio_to_list(folio, &pass->folios);
	if (taken) {
		pass->collected += folio_nr_pages(folio);
		pass->singles += !folio_test_large(folio);
	}
put:
	folio_put(folio);
	return taken;
}

/* Count a place that is to be seen again, or that never goes. */
static void leave(struct pass *pass, unsigned long pfn,
		  const struct mhp_place *place)
{
	struct mhp_evacuation *ev = pass->ev;

	if (place->class == MHP_PLACE_BLOCKED)
		pass->left->blocked += place->nr_pages;
	else
		pass->left->busy += place->nr_pages;
	mhp_note_blocker(ev->blockers, &ev->nr_blockers, pfn, place);
}

/* What did not move in this pass, in case there is none after it. */
static void note_unmoved(struct pass *pass)
{
	struct mhp_evacuation *ev = pass->ev;
	struct folio *folio;

	list_for_each_entry(folio, &pass->folios, lru) {
		struct mhp_place place = {
			.kind = folio_maybe_dma_pinned(folio) ?
				MHP_BLOCKER_PINNED : MHP_BLOCKER_PASSING,
			.nr_pages = folio_nr_pages(folio),
		};

		mhp_note_blocker(ev->blockers, &ev->nr_blockers,
				 folio_pfn(folio), &place);
	}
}

/* Do what is to be done about one place. */
static unsigned long visit(struct pass *pass, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct mhp_place place = mhp_look_at(page);

	switch (place.class) {
	case MHP_PLACE_FREE:
	case MHP_PLACE_GONE:
		break;
	case MHP_PLACE_FREE_HUGE:
		/* One that is in use by now is seen in the next pass. */
		if (dissolve_free_hugetlb_folio(page_folio(page)))
			leave(pass, pfn, &place);
		break;
	case MHP_PLACE_MOVABLE:
	case MHP_PLACE_POISONED:
		if (!collect_folio(pass, page, pfn, &place))
			pass->left->busy++;
		break;
	case MHP_PLACE_HELD:
		break;
	default:
		leave(pass, pfn, &place);
	}
	return place.nr_pages;
}

/* Move a batch; what does not move now goes back to its list. */
static int move_batch(struct pass *pass)
{
	struct mhp_targets targets;
	unsigned int moved = 0;
	int ret;

	if (list_empty(&pass->folios))
		return 0;

	mhp_targets_begin(&targets, pass->ev, zone_to_nid(pass->range->zone),
			  pass->singles);
	ret = migrate_pages(&pass->folios, mhp_targets_get, NULL,
			    (unsigned long)&targets, MIGRATE_SYNC,
			    MR_MEMORY_HOTPLUG, &moved);
	mhp_targets_end(&targets);

	WRITE_ONCE(pass->ev->moved, pass->ev->moved + moved);
	pass->left->movable += pass->collected - min(pass->collected, moved);
	pass->collected = 0;
	pass->singles = 0;
	note_unmoved(pass);
	putback_movable_pages(&pass->folios);
	return ret == -ENOMEM ? ret : 0;
}

static int move_if_full(struct pass *pass, unsigned long room)
{
	if (pass->collected < room)
		return 0;
	return move_batch(pass) ?: mhp_evacuation_bounds(pass->ev);
}

/**
 * mhp_move_all - move all that moves out of a range, in one pass
 * @ev: the evacuation
 * @range: one of its ranges, isolated
 * @left: what is in it still is added here
 *
 * Context: May sleep.
 * Return: 0; -ENOMEM if there is no memory to move to, or why the evacuation
 *	has to end now, see mhp_evacuation_bounds().
 */
int mhp_move_all(struct mhp_evacuation *ev, struct mhp_range *range,
		 struct mhp_tally *left)
{
	struct pass pass = {
		.ev = ev,
		.range = range,
		.left = left,
		.folios = LIST_HEAD_INIT(pass.folios),
	};
	unsigned long pfn = range->start_pfn;
	int ret = 0;

	while (!ret && pfn < range->end_pfn) {
		pfn += visit(&pass, pfn);
		if (pageblock_aligned(pfn))
			cond_resched();
		ret = move_if_full(&pass, BATCH_PAGES);
	}
	if (ret) {
		putback_movable_pages(&pass.folios);
		return ret;
	}
	return move_batch(&pass);
}
