// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: moving what is in a range.
 *
 * One pass over an isolated range: what can move is collected into batches (see
 * collect.c) and migrated, what cannot is counted.  Folios move whole.  A folio
 * that does not move now goes back to where it was and is looked at again in the
 * next pass.
 *
 * Migration is asynchronous: a folio that is locked or under writeback is left
 * for the next pass, since its disk may never answer.  What a file system can
 * only migrate when it is clean is written by the flusher threads meanwhile.
 *
 * One folio without a target does not stop the others: a large one, or a huge
 * page, is taken out of the batch, and the rest of it is tried again.
 *
 * mem_hotplug_lock is not held: that the range is isolated, and that its owner
 * holds device_hotplug_lock, keeps it as it is.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/writeback.h>
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
	mhp_note_blocker(&ev->found, pfn, place);
}

static enum mhp_blocker_kind why_unmoved(struct folio *folio)
{
	if (folio_maybe_dma_pinned(folio))
		return MHP_BLOCKER_PINNED;
	return folio_test_hugetlb(folio) ? MHP_BLOCKER_HUGETLB :
					   MHP_BLOCKER_PASSING;
}

/* Whether a folio moves only when it is clean. */
static bool needs_writeback(struct folio *folio)
{
	struct address_space *mapping;
	bool ret = false;

	if (!folio_test_dirty(folio) || folio_test_swapbacked(folio))
		return false;
	/* A truncated folio has no mapping; inodes are freed by RCU. */
	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	if (mapping && !((unsigned long)mapping & PAGE_MAPPING_FLAGS))
		ret = !READ_ONCE(mapping->a_ops)->migrate_folio;
	rcu_read_unlock();
	return ret;
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

		mhp_note_blocker(&ev->found, folio_pfn(folio), &place);
		pass->left->dirty += needs_writeback(folio);
	}
}

/* A huge page without a replacement now may get one later. */
static void visit_free_huge(struct pass *pass, unsigned long pfn,
			    struct mhp_place *place)
{
	if (mhp_give_up_free_huge(&pass->collection, pfn_to_page(pfn), place))
		return;
	if (place->class == MHP_PLACE_FREE_HUGE)
		pass->left->starved += place->nr_pages;
	leave(pass, pfn, place);
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
		visit_free_huge(pass, pfn, &place);
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

/* Whether a folio has to wait if there is no memory of the size of @failed. */
static bool shares_fate(struct folio *folio, struct folio *failed)
{
	if (folio == failed)
		return true;
	if (!folio_test_large(folio) ||
	    folio_order(folio) < folio_order(failed))
		return false;
	if (folio_test_hugetlb(failed))
		return folio_test_hugetlb(folio);
	/* Others are split when they get no target, if nobody holds them. */
	return !folio_test_hugetlb(folio) && !can_split_folio(folio, 1, NULL);
}

/* Take out of a batch what cannot have a target; false if nothing was. */
static bool set_aside(struct list_head *folios, struct folio *failed,
		      struct list_head *aside)
{
	struct folio *folio, *next;

	if (!failed || !folio_test_large(failed))
		return false;
	list_for_each_entry_safe(folio, next, folios, lru)
		if (shares_fate(folio, failed))
			list_move_tail(&folio->lru, aside);
	return !list_empty(aside);
}

static int try_batch(struct pass *pass, struct mhp_targets *targets,
		     unsigned int *moved)
{
	unsigned int nr = 0;
	int ret;

	targets->failed = NULL;
	ret = migrate_pages(&pass->collection.folios, mhp_targets_get, NULL,
			    (unsigned long)targets, MIGRATE_ASYNC,
			    MR_MEMORY_HOTPLUG, &nr);
	*moved += nr;
	return ret;
}

static unsigned long count_huge(const struct list_head *folios)
{
	unsigned long nr_pages = 0;
	struct folio *folio;

	list_for_each_entry(folio, folios, lru)
		if (folio_test_hugetlb(folio))
			nr_pages += folio_nr_pages(folio);
	return nr_pages;
}

/* Migrate a batch; return how many pages moved. */
static unsigned int migrate_batch(struct pass *pass)
{
	struct list_head *folios = &pass->collection.folios;
	int nid = zone_to_nid(pass->range->zone);
	struct mhp_targets targets;
	unsigned int moved = 0;
	LIST_HEAD(aside);
	bool again;

	mhp_targets_begin(&targets, pass->ev, nid, pass->collection.singles);
	do {
		LIST_HEAD(stuck);

		again = try_batch(pass, &targets, &moved) == -ENOMEM &&
			set_aside(folios, targets.failed, &stuck);
		list_splice(&stuck, &aside);
	} while (again && !list_empty(folios));

	if (targets.failed && !folio_test_large(targets.failed))
		pass->left->starved_single++;
	pass->left->starved += count_huge(&aside);
	list_splice(&aside, folios);
	mhp_targets_end(&targets);
	return moved;
}

/* Move a batch; what does not move now goes back to its list. */
static void move_batch(struct pass *pass)
{
	struct mhp_collection *collection = &pass->collection;
	unsigned int moved;

	pass->left->busy += mhp_collect_finish(collection);
	if (list_empty(&collection->folios))
		return;

	moved = migrate_batch(pass);
	WRITE_ONCE(pass->ev->moved, pass->ev->moved + moved);
	pass->left->movable += collection->nr_pages -
			       min(collection->nr_pages, moved);
	note_unmoved(pass);
	putback_movable_pages(&collection->folios);
	mhp_collect_begin(collection, &pass->ev->found);
}

static int move_if_full(struct pass *pass)
{
	if (pass->collection.nr_pages < BATCH_PAGES)
		return 0;
	move_batch(pass);
	return mhp_evacuation_bounds(pass->ev);
}

/* The flusher threads do not wait for this one, nor this one for them. */
static void start_writeback(const struct mhp_tally *left)
{
	if (left->dirty)
		wakeup_flusher_threads(WB_REASON_VMSCAN);
}

/* When time is up, a page that the pass did not get to is in the way. */
static void note_first_left(struct pass *pass, unsigned long pfn)
{
	while (pfn < pass->range->end_pfn) {
		struct mhp_place place = mhp_look_in(pfn, pass->range->end_pfn);

		if (place.class == MHP_PLACE_MOVABLE) {
			place.kind = MHP_BLOCKER_PASSING;
			mhp_note_blocker(&pass->ev->found, pfn, &place);
			return;
		}
		pfn += place.nr_pages;
	}
}

/**
 * mhp_move_all - move all that moves out of a range, in one pass
 * @ev: the evacuation
 * @range: one of its ranges, isolated
 * @left: what is in it still is added here
 *
 * Context: May sleep, but not for a single folio.
 * Return: 0; or why the evacuation has to end now, see
 *	mhp_evacuation_bounds().
 */
int mhp_move_all(struct mhp_evacuation *ev, struct mhp_range *range,
		 struct mhp_tally *left)
{
	struct pass pass = { .ev = ev, .range = range, .left = left };
	unsigned long pfn = range->start_pfn;
	int ret = 0;

	mhp_collect_begin(&pass.collection, &ev->found);
	while (!ret && pfn < range->end_pfn) {
		pfn += visit(&pass, pfn);
		if (pageblock_aligned(pfn))
			cond_resched();
		ret = move_if_full(&pass);
	}
	/* Also when it ends early: what was collected has to go somewhere. */
	move_batch(&pass);
	if (ret && !ev->found.nr)
		note_first_left(&pass, pfn);
	start_writeback(left);
	return ret;
}

/* The next huge page of a pool in a range, which nobody uses. */
static bool is_free_huge(unsigned long pfn, struct mhp_place *place)
{
	struct page *page = pfn_to_page(pfn);

	*place = (struct mhp_place) { .nr_pages = 1 };
	if (mhp_is_ordinary(page))
		return false;
	*place = mhp_look_at(page);
	return place->class == MHP_PLACE_FREE_HUGE;
}

/**
 * mhp_give_up_pools - dissolve or replace all free huge pages of a range
 * @ev: the evacuation
 * @range: one of its ranges, isolated
 * @left: those that stay are added here
 *
 * Before the first page moves: a free huge page that leaves would be a target.
 *
 * Context: May sleep.
 * Return: 0; or why the evacuation has to end now, see
 *	mhp_evacuation_bounds().
 */
int mhp_give_up_pools(struct mhp_evacuation *ev, struct mhp_range *range,
		      struct mhp_tally *left)
{
	struct pass pass = { .ev = ev, .range = range, .left = left };
	unsigned long pfn = range->start_pfn;
	int ret = 0;

	mhp_collect_begin(&pass.collection, &ev->found);
	while (!ret && pfn < range->end_pfn) {
		struct mhp_place place;

		if (is_free_huge(pfn, &place)) {
			visit_free_huge(&pass, pfn, &place);
			ret = mhp_evacuation_bounds(ev);
		}
		pfn += place.nr_pages;
		if (pageblock_aligned(pfn))
			cond_resched();
	}
	/* A page that came into use meanwhile is moved with the others. */
	putback_movable_pages(&pass.collection.folios);
	return ret;
}
