// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: emptying a range.
 *
 * The range is isolated first, so that no free page in it is handed out; per-CPU
 * page lists and LRU caches are off until the end, so that no page hides there.
 * Then used folios are migrated in batches, in rounds over the range, until a
 * check finds all of it free.  A round that got nowhere is followed by a pause
 * that doubles each time.  Signals and a deadline end it; undo gives the range
 * back.  mem_hotplug_lock is held for writing by the owner.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/hugetlb.h>
#include <linux/memory.h>
#include <linux/migrate.h>
#include <linux/page-isolation.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include "internal.h"

#define EVACUATION_GFP	(GFP_USER | __GFP_MOVABLE | __GFP_RETRY_MAYFAIL)

/* Folios given to one call of migrate_pages() at most. */
#define EVACUATION_BATCH	1024

#define PAUSE_FIRST_MS		1
#define PAUSE_MAX_MS		128

static void pause_caches(struct mhp_evacuation *ev)
{
	zone_pcp_disable(ev->zone);
	lru_cache_disable();
}

static void resume_caches(struct mhp_evacuation *ev)
{
	lru_cache_enable();
	zone_pcp_enable(ev->zone);
}

/**
 * mhp_evacuation_begin - isolate the range
 * @ev: zone, range and deadline set
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EBUSY if it holds something that cannot move or is isolated by
 *	somebody else. Nothing needs undoing then.
 */
int mhp_evacuation_begin(struct mhp_evacuation *ev)
{
	int ret;

	mhp_assert_write_locked();
	pause_caches(ev);
	ret = start_isolate_page_range(ev->start_pfn, ev->end_pfn,
				       MIGRATE_MOVABLE,
				       MEMORY_OFFLINE | REPORT_FAILURE,
				       EVACUATION_GFP);
	if (ret) {
		ev->reason = "it could not be isolated";
		resume_caches(ev);
	}
	return ret;
}

/**
 * mhp_evacuation_undo - give the range back to the allocator
 * @ev: begun
 *
 * Pages that were migrated stay where they went.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_evacuation_undo(struct mhp_evacuation *ev)
{
	mhp_assert_write_locked();
	undo_isolate_page_range(ev->start_pfn, ev->end_pfn, MIGRATE_MOVABLE);
	resume_caches(ev);
}

/*
 * How many pages of free memory start here.  The order is read without a lock:
 * a wrong one makes this round pass over pages, and the next one sees them.
 */
static unsigned long free_pages_at(struct page *page)
{
	unsigned long order = buddy_order_unsafe(page);

	return order <= MAX_PAGE_ORDER ? 1UL << order : 1;
}

/* A poisoned folio cannot be copied, only unmapped from whoever uses it. */
static void give_up_poisoned(struct folio *folio, unsigned long pfn)
{
	if (folio_test_large(folio) && !folio_test_hugetlb(folio))
		return;

	if (folio_test_lru(folio) && !folio_isolate_lru(folio))
		return;
	if (folio_mapped(folio)) {
		folio_lock(folio);
		unmap_poisoned_folio(folio, pfn, false);
		folio_unlock(folio);
	}
}

/* Put a used folio on the list; return how many pages to step on by. */
static unsigned long collect_folio(struct page *page, unsigned long pfn,
				   struct list_head *list)
{
	struct folio *folio = page_folio(page);
	unsigned long step = 1;

	if (!folio_try_get(folio))
		return 1;
	if (page_folio(page) != folio)
		goto put;

	step = folio_nr_pages(folio) - folio_page_idx(folio, page);
	if (folio_contain_hwpoisoned_page(folio))
		give_up_poisoned(folio, pfn);
	else if (!folio_test_hugetlb(folio) ||
		 folio_test_hugetlb_migratable(folio))
		isolate_folio_to_list(folio, list);
put:
	folio_put(folio);
	return step;
}

static bool may_be_movable(struct page *page)
{
	return PageLRU(page) || __PageMovable(page) || PageHuge(page) ||
	       PageCompound(page);
}

/* A driver that holds on to an offline page does not let the range go. */
static bool is_held_offline(struct page *page)
{
	return PageOffline(page) && page_count(page) && !__PageMovable(page);
}

/*
 * Look at one place of the range: put a folio that may move on the list.
 * Returns how many pages to step on by, 0 for something that never goes.
 */
static unsigned long collect_at(struct page *page, unsigned long pfn,
				struct list_head *list)
{
	if (PageBuddy(page))
		return free_pages_at(page);
	if (may_be_movable(page))
		return collect_folio(page, pfn, list);
	return is_held_offline(page) ? 0 : 1;
}

/* Fill a list with folios from *pfn on, and move *pfn past them. */
static int collect_batch(struct mhp_evacuation *ev, unsigned long *pfn,
			 struct list_head *list)
{
	unsigned int nr = 0;

	while (*pfn < ev->end_pfn && nr < EVACUATION_BATCH) {
		struct list_head *first = list->next, *last = list->prev;
		unsigned long step;

		step = collect_at(pfn_to_page(*pfn), *pfn, list);
		if (!step) {
			ev->reason = "a driver holds on to a page in it";
			return -EBUSY;
		}
		*pfn += step;
		nr += list->next != first || list->prev != last;
		if (pageblock_aligned(*pfn))
			cond_resched();
	}
	return 0;
}

/* Other nodes if there are any with memory, this one otherwise. */
static void target_nodes(int nid, nodemask_t *mask)
{
	*mask = node_states[N_MEMORY];
	node_clear(nid, *mask);
	if (nodes_empty(*mask))
		node_set(nid, *mask);
}

/* Migrate a batch; what does not move now goes back to its LRU list. */
static void migrate_batch(struct mhp_evacuation *ev, struct list_head *list)
{
	nodemask_t mask;
	struct migration_target_control mtc = {
		.nid = zone_to_nid(ev->zone),
		.nmask = &mask,
		.gfp_mask = EVACUATION_GFP,
		.reason = MR_MEMORY_HOTPLUG,
	};

	target_nodes(mtc.nid, &mask);
	if (migrate_pages(list, alloc_migration_target, NULL,
			  (unsigned long)&mtc, MIGRATE_SYNC, MR_MEMORY_HOTPLUG,
			  NULL))
		putback_movable_pages(list);
}

static int check_bounds(struct mhp_evacuation *ev)
{
	if (signal_pending(current)) {
		ev->reason = "a signal ended it";
		return -EINTR;
	}
	if (time_after(jiffies, ev->deadline)) {
		ev->reason = "its time was up";
		return -EBUSY;
	}
	cond_resched();
	return 0;
}

/* One pass over the range: migrate all that is found. */
static int run_round(struct mhp_evacuation *ev)
{
	unsigned long pfn = ev->start_pfn;
	LIST_HEAD(list);
	int ret;

	while (pfn < ev->end_pfn) {
		ret = check_bounds(ev);
		if (ret)
			return ret;

		ret = collect_batch(ev, &pfn, &list);
		if (!list_empty(&list))
			migrate_batch(ev, &list);
		if (ret)
			return ret;
	}

	ret = dissolve_free_hugetlb_folios(ev->start_pfn, ev->end_pfn);
	if (ret)
		ev->reason = "a free huge page in it is needed";
	return ret;
}

static bool is_empty(struct mhp_evacuation *ev)
{
	return !test_pages_isolated(ev->start_pfn, ev->end_pfn,
				    MEMORY_OFFLINE);
}

/**
 * mhp_evacuation_run - migrate until nothing in the range is used
 * @ev: begun
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EINTR on a signal, -EBUSY if something in it does not go or the
 *	deadline has passed, or why a huge page could not be dissolved.
 */
int mhp_evacuation_run(struct mhp_evacuation *ev)
{
	unsigned int pause = PAUSE_FIRST_MS;
	int ret;

	mhp_assert_write_locked();
	for (;;) {
		ret = run_round(ev);
		if (ret)
			return ret;
		if (is_empty(ev))
			return 0;

		schedule_timeout_interruptible(msecs_to_jiffies(pause));
		pause = min(pause * 2, PAUSE_MAX_MS);
	}
}

/*
 * Take what is free off the lists.  Returns how many pages of the range the
 * allocator had counted as its own: all but those a driver keeps offline, for
 * which the driver has answered already.
 */
static unsigned long take_free_pages(struct mhp_evacuation *ev)
{
	unsigned long pfn = ev->start_pfn, offline = 0, flags;

	spin_lock_irqsave(&ev->zone->lock, flags);
	while (pfn < ev->end_pfn) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			pfn += 1UL << take_isolated_buddy(ev->zone, page);
			continue;
		}
		if (PageOffline(page))
			offline++;
		else
			WARN_ON_ONCE(!PageHWPoison(page));
		pfn++;
	}
	ev->zone->nr_isolate_pageblock -=
		(ev->end_pfn - ev->start_pfn) / pageblock_nr_pages;
	spin_unlock_irqrestore(&ev->zone->lock, flags);

	return ev->end_pfn - ev->start_pfn - offline;
}

/**
 * mhp_evacuation_commit - take the empty range away from the allocator
 * @ev: run with success
 *
 * Walkers are told first that its struct pages are not to be looked at.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: pages the zone managed in it.
 */
unsigned long mhp_evacuation_commit(struct mhp_evacuation *ev)
{
	unsigned long managed;

	mhp_zone_suspend_contiguous(ev->zone);
	offline_mem_sections(ev->start_pfn, ev->end_pfn);
	managed = take_free_pages(ev);
	resume_caches(ev);
	return managed;
}
