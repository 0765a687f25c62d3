// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: moving what is in a range.
 *
 * One pass over an isolated range: what can move is collected into batches (see
 * collect.c) and migrated, what cannot is counted.  Folios move whole.  A folio
 * that does not move now goes back to where it was and is looked at again in the
 * next pass.
 * mem_hotplug_lock is not held: that the range is isolated, and that its owner
 * holds device_hotplug_lock, keeps it as it is.
 */
#include <linux/migrate.h>
#include <linux/mm.h>
#include "evacuate.h"

/* Pages collected before they are moved. */
#define BATCH_PAGES	2048UL

/**
 * struct pass - one pass over a range
 * @ev: the evacuation
 * @range: the range
 * @left: what does not move is counted here
 * @collection: what is to be moved
 */
struct pass {
	struct mhp_evacuation *ev;
	struct mhp_range *range;
	struct mhp_tally *left;
	struct mhp_collection collection;
};

/* Count a place that is to be seen again, or that never goes. */
static void leave(struct pass *pass, unsigned long pfn,
		  const struct mhp_place *place)
{
	struct mhp_evacuation *ev = pass->ev;

	if (place->class == MHP_PLACE_BLOCKED)
		pass->left->blocked += place->nr_pages;
	else
		pass->left->busy += place->nr_pages;
	mhp_note_blocker(&ev->blockers, pfn, place);
}

static enum mhp_blocker_kind why_unmoved(struct folio *folio)
{
	if (folio_maybe_dma_pinned(folio))
		return MHP_BLOCKER_PINNED;
	return folio_test_hugetlb(folio) ? MHP_BLOCKER_HUGETLB :
					   MHP_BLOCKER_PASSING;
}

/* What did not move in this pass, in case there is none after it. */
static void note_unmoved(struct pass *pass)
{
	struct mhp_evacuation *ev = pass->ev;
	struct folio *folio;

	list_for_each_entry(folio, &pass->collection.folios, lru) {
		struct mhp_place place = {
			.kind = why_unmoved(folio),
			.nr_pages = folio_nr_pages(folio),
		};

		mhp_note_blocker(&ev->blockers, folio_pfn(folio), &place);
	}
}

/* Do what is to be done about one place. */
static unsigned long visit(struct pass *pass, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);
	struct mhp_place place;

	if (mhp_is_ordinary(page)) {
		mhp_collect_single(&pass->collection, page);
		return 1;
	}

	place = mhp_look_at(page);
	switch (place.class) {
	case MHP_PLACE_FREE:
	case MHP_PLACE_GONE:
	case MHP_PLACE_HELD:
		break;
	case MHP_PLACE_FREE_HUGE:
		if (!mhp_give_up_free_huge(&pass->collection, page, &place))
			leave(pass, pfn, &place);
		break;
	case MHP_PLACE_MOVABLE:
	case MHP_PLACE_POISONED:
		mhp_collect(&pass->collection, page, pfn, &place);
		break;
	default:
		leave(pass, pfn, &place);
	}
	return place.nr_pages;
}

/* Move a batch; what does not move now goes back to its list. */
static int move_batch(struct pass *pass)
{
	struct mhp_collection *collection = &pass->collection;
	struct mhp_targets targets;
	unsigned int moved = 0;
	int ret;

	pass->left->busy += mhp_collect_finish(collection);
	if (list_empty(&collection->folios))
		return 0;

	mhp_targets_begin(&targets, pass->ev, zone_to_nid(pass->range->zone),
			  collection->singles);
	ret = migrate_pages(&collection->folios, mhp_targets_get, NULL,
			    (unsigned long)&targets, MIGRATE_SYNC,
			    MR_MEMORY_HOTPLUG, &moved);
	mhp_targets_end(&targets);

	WRITE_ONCE(pass->ev->moved, pass->ev->moved + moved);
	pass->left->movable += collection->nr_pages -
			       min(collection->nr_pages, moved);
	note_unmoved(pass);
	putback_movable_pages(&collection->folios);
	mhp_collect_begin(collection);
	return ret == -ENOMEM ? ret : 0;
}

static int move_if_full(struct pass *pass)
{
	if (pass->collection.nr_pages < BATCH_PAGES)
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
	struct pass pass = { .ev = ev, .range = range, .left = left };
	unsigned long pfn = range->start_pfn;
	int ret = 0;

	mhp_collect_begin(&pass.collection);
	while (!ret && pfn < range->end_pfn) {
		pfn += visit(&pass, pfn);
		if (pageblock_aligned(pfn))
			cond_resched();
		ret = move_if_full(&pass);
	}
	/* A batch that failed has put back all of its folios. */
	return ret ?: move_batch(&pass);
}
