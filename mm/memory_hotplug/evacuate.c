// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: evacuations.
 *
 * An evacuation empties a set of ranges, all of which are isolated before the
 * first page moves, so that no page moves into memory that leaves, and no page
 * moves twice:
 *
 *	begin	look: blockers, room elsewhere; then isolate all ranges
 *	run	move, pass after pass, until nothing is left that moves
 *	take	per range: a last look under zone->lock, off the free lists
 *	end	give back what was not taken
 *
 * A pass that left something is followed by a pause that doubles each time.
 * Signals, a deadline, a cancel and the need of others for memory end it.
 *
 * Locks.  The owner holds device_hotplug_lock from begin to end: no other
 * evacuation runs and no block changes its state but the owner's.  begin and
 * take need mem_hotplug_lock for writing, run does not: the pageblocks stay
 * isolated by themselves.  mhp_current_lock protects which evacuation is under
 * way and the state of its ranges, against cancel, progress and giving back.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <trace/events/memory_hotplug.h>
#include "evacuate.h"

#define PAUSE_FIRST_MS		1
#define PAUSE_MAX_MS		128

static unsigned int offline_timeout_ms __read_mostly = 120 * MSEC_PER_SEC;
module_param(offline_timeout_ms, uint, 0644);
MODULE_PARM_DESC(offline_timeout_ms,
		 "How long taking memory offline may take, in ms (default: 120000)");

static DEFINE_MUTEX(mhp_current_lock);
static struct mhp_evacuation *mhp_current;

static const char *const failure_words[] = {
	[MHP_FAILURE_NONE] = "none",
	[MHP_FAILURE_UNFIT] = "unfit",
	[MHP_FAILURE_BLOCKED] = "blocked",
	[MHP_FAILURE_CONTENDED] = "contended",
	[MHP_FAILURE_NO_ROOM] = "no-room",
	[MHP_FAILURE_VETOED] = "vetoed",
	[MHP_FAILURE_SIGNAL] = "signal",
	[MHP_FAILURE_CANCELLED] = "cancelled",
	[MHP_FAILURE_DEADLINE] = "deadline",
};

/**
 * mhp_failure_word - the name user space has for a failure
 * @failure: the failure
 *
 * Context: Any.
 * Return: a constant string.
 */
const char *mhp_failure_word(enum mhp_failure failure)
{
	return failure_words[failure];
}

static int fail(struct mhp_evacuation *ev, enum mhp_failure failure, int ret)
{
	ev->failure = failure;
	return ret;
}

/**
 * mhp_evacuation_create - make an evacuation of no ranges yet
 * @max_ranges: how many it is going to have at most
 * @timeout_ms: how long it may take; 0 for the default
 * @owner: what goes offline, for mhp_evacuation_cancel() and progress
 *
 * Context: May sleep.
 * Return: the evacuation, to be ended by mhp_evacuation_end(); NULL if there
 *	is no memory for it.
 */
struct mhp_evacuation *mhp_evacuation_create(unsigned int max_ranges,
					     unsigned int timeout_ms,
					     const void *owner)
{
	struct mhp_evacuation *ev;

	ev = kvzalloc(struct_size(ev, ranges, max_ranges), GFP_KERNEL);
	if (!ev)
		return NULL;
	ev->max_ranges = max_ranges;
	ev->blockers.entries = ev->noted;
	ev->blockers.max = ARRAY_SIZE(ev->noted);
	ev->owner = owner;
	ev->deadline = jiffies + msecs_to_jiffies(timeout_ms ?:
						  READ_ONCE(offline_timeout_ms));
	return ev;
}

/**
 * mhp_evacuation_add - add a range that is to be emptied
 * @ev: created, not begun
 * @start_pfn: first page, aligned to a pageblock
 * @nr_pages: how many; the end is aligned to a section
 * @zone: the zone all of it is in
 *
 * Context: device_hotplug_lock held. May sleep.
 * Return: 0; -EINVAL for a range that is misaligned, has holes or is in several
 *	zones, -ENOMEM.
 */
int mhp_evacuation_add(struct mhp_evacuation *ev, unsigned long start_pfn,
		       unsigned long nr_pages, struct zone *zone)
{
	struct mhp_range *range;

	if (WARN_ON_ONCE(ev->nr_ranges == ev->max_ranges))
		return -EINVAL;
	range = &ev->ranges[ev->nr_ranges];
	range->start_pfn = start_pfn;
	range->end_pfn = start_pfn + nr_pages;
	range->zone = zone;
	if (!mhp_range_is_fit(range))
		return fail(ev, MHP_FAILURE_UNFIT, -EINVAL);
	range->types = kvmalloc(mhp_range_nr_pageblocks(range), GFP_KERNEL);
	if (!range->types)
		return -ENOMEM;
	ev->nr_ranges++;
	return 0;
}

/**
 * mhp_evacuation_avoid - name memory that is likely to go next
 * @ev: created
 * @start_pfn: first page
 * @end_pfn: first page after it
 *
 * Context: Any.
 */
void mhp_evacuation_avoid(struct mhp_evacuation *ev, unsigned long start_pfn,
			  unsigned long end_pfn)
{
	ev->avoid_start = start_pfn;
	ev->avoid_end = end_pfn;
}

/* Look before moving: does anything block it, and is there room? */
static int look_at_all(struct mhp_evacuation *ev)
{
	struct mhp_tally tally = {};
	unsigned int i;

	for (i = 0; i < ev->nr_ranges; i++)
		mhp_survey_range(ev->ranges[i].start_pfn, ev->ranges[i].end_pfn,
				 &tally, &ev->blockers);
	WRITE_ONCE(ev->to_move, tally.movable);
	trace_mhp_survey(ev->nr_ranges, tally.free, tally.movable, tally.busy,
			 tally.blocked);
	if (tally.blocked)
		return fail(ev, MHP_FAILURE_BLOCKED, -EBUSY);
	if (!mhp_has_room(&tally))
		return fail(ev, MHP_FAILURE_NO_ROOM, -ENOMEM);
	return 0;
}

/* The only place that changes the state of a range. */
static void set_range_state(struct mhp_range *range, enum mhp_range_state state)
{
	lockdep_assert_held(&mhp_current_lock);
	WARN_ON_ONCE((range->state == MHP_RANGE_ISOLATED) ==
		     (state == MHP_RANGE_ISOLATED));
	range->state = state;
}

/* Whoever needs memory can have a range back as soon as all of it is isolated. */
static int isolate_all(struct mhp_evacuation *ev)
{
	unsigned int i;

	for (i = 0; i < ev->nr_ranges; i++) {
		struct mhp_range *range = &ev->ranges[i];
		int ret = mhp_isolate(range);

		trace_mhp_isolate(range->start_pfn,
				  range->end_pfn - range->start_pfn,
				  range->zone, ret);
		if (ret)
			return fail(ev, MHP_FAILURE_CONTENDED, -EBUSY);
		mutex_lock(&mhp_current_lock);
		set_range_state(range, MHP_RANGE_ISOLATED);
		mutex_unlock(&mhp_current_lock);
	}
	return 0;
}

static void unisolate_if_isolated(struct mhp_range *range)
{
	lockdep_assert_held(&mhp_current_lock);
	if (range->state != MHP_RANGE_ISOLATED)
		return;
	mhp_unisolate(range);
	set_range_state(range, MHP_RANGE_IN_USE);
}

static void make_current(struct mhp_evacuation *ev)
{
	mutex_lock(&mhp_current_lock);
	WARN_ON_ONCE(mhp_current);
	mhp_current = ev;
	mutex_unlock(&mhp_current_lock);
}

/**
 * mhp_evacuation_begin - see whether it can work, and isolate all ranges
 * @ev: with all its ranges
 *
 * Context: device_hotplug_lock held, mem_hotplug_lock held for writing. May
 *	sleep.
 * Return: 0; -EBUSY if something in a range does not move or cannot be
 *	isolated, -ENOMEM if there is no room elsewhere. Ranges that are
 *	isolated by then are given back by mhp_evacuation_end().
 */
int mhp_evacuation_begin(struct mhp_evacuation *ev)
{
	int ret;

	mhp_assert_write_locked();
	ret = look_at_all(ev);
	if (ret)
		return ret;
	make_current(ev);
	return isolate_all(ev);
}

/**
 * mhp_evacuation_bounds - whether it has to end
 * @ev: the evacuation
 *
 * Context: May sleep.
 * Return: 0 if it may go on; -EINTR on a signal, -ENOMEM if others needed the
 *	memory, -EBUSY if it was cancelled or its time is up.
 */
int mhp_evacuation_bounds(struct mhp_evacuation *ev)
{
	cond_resched();
	if (signal_pending(current))
		return fail(ev, MHP_FAILURE_SIGNAL, -EINTR);
	if (READ_ONCE(ev->given_back))
		return fail(ev, MHP_FAILURE_NO_ROOM, -ENOMEM);
	if (READ_ONCE(ev->cancelled))
		return fail(ev, MHP_FAILURE_CANCELLED, -EBUSY);
	if (time_after(jiffies, ev->deadline))
		return fail(ev, MHP_FAILURE_DEADLINE, -EBUSY);
	return 0;
}

/**
 * mhp_evacuation_find - find a range of the evacuation that is under way
 * @start_pfn: its first page
 * @evp: the evacuation is returned here
 *
 * Ranges are mostly asked for in their order, which costs nothing.
 *
 * Context: device_hotplug_lock held, by the owner of the evacuation.
 * Return: the range, or NULL.
 */
struct mhp_range *mhp_evacuation_find(unsigned long start_pfn,
				      struct mhp_evacuation **evp)
{
	struct mhp_evacuation *ev = READ_ONCE(mhp_current);
	unsigned int i;

	*evp = ev;
	for (i = 0; ev && i < ev->nr_ranges; i++) {
		unsigned int index = (ev->next + i) % ev->nr_ranges;

		if (ev->ranges[index].start_pfn != start_pfn)
			continue;
		ev->next = index + 1;
		return &ev->ranges[index];
	}
	return NULL;
}

/**
 * mhp_evacuation_has - whether a range is being emptied together with others
 * @start_pfn: its first page
 *
 * Context: device_hotplug_lock held.
 * Return: true if offline_pages() can take it as it is.
 */
bool mhp_evacuation_has(unsigned long start_pfn)
{
	struct mhp_evacuation *ev;
	struct mhp_range *range = mhp_evacuation_find(start_pfn, &ev);

	if (!range)
		return false;
	ev->next = range - ev->ranges;
	return true;
}

/* Pages waiting in per-CPU lists are neither free nor in anybody's use. */
static void drain_caches(void)
{
	lru_add_drain_all();
	drain_all_pages(NULL);
}

/* A pass over ranges from @first to before @end. */
static int run_pass(struct mhp_evacuation *ev, unsigned int first,
		    unsigned int end, struct mhp_tally *left)
{
	unsigned int i;
	int ret = 0;

	ev->blockers.nr = 0;
	for (i = first; i < end && !ret; i++)
		ret = mhp_move_all(ev, &ev->ranges[i], left);
	trace_mhp_pass(ev->moved, left->movable, left->busy, left->blocked, ret);
	if (ret == -ENOMEM)
		ev->failure = MHP_FAILURE_NO_ROOM;
	return ret;
}

static int run_ranges(struct mhp_evacuation *ev, unsigned int first,
		      unsigned int end)
{
	unsigned int pause = PAUSE_FIRST_MS;

	drain_caches();
	for (;;) {
		struct mhp_tally left = {};
		int ret = run_pass(ev, first, end, &left);

		if (ret)
			return ret;
		if (left.blocked)
			return fail(ev, MHP_FAILURE_BLOCKED, -EBUSY);
		if (!left.busy && !left.movable)
			return 0;
		ret = mhp_evacuation_bounds(ev);
		if (ret)
			return ret;

		schedule_timeout_interruptible(msecs_to_jiffies(pause));
		pause = min(pause * 2, PAUSE_MAX_MS);
		drain_caches();
	}
}

/**
 * mhp_evacuation_run - move what is in the ranges until nothing is left
 * @ev: begun
 *
 * What drivers hold stays: they let go of it when they are told.
 *
 * Context: device_hotplug_lock held; mem_hotplug_lock not held. May sleep, for
 *	as long as the timeout.
 * Return: 0; -EBUSY if something in it does not move, it was cancelled or its
 *	time is up, -ENOMEM if there is no room elsewhere, -EINTR on a signal.
 */
int mhp_evacuation_run(struct mhp_evacuation *ev)
{
	return ev->nr_ranges ? run_ranges(ev, 0, ev->nr_ranges) : 0;
}

static bool is_gone(struct page *page)
{
	if (PageOffline(page))
		return !page_count(page);
	return PageHWPoison(page);
}

/* Under zone->lock nothing leaves or enters the lists of an isolated range. */
static bool is_empty(struct mhp_range *range)
{
	unsigned long pfn = range->start_pfn;

	lockdep_assert_held(&range->zone->lock);
	while (pfn < range->end_pfn) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page))
			pfn += 1UL << buddy_order(page);
		else if (is_gone(page))
			pfn++;
		else
			return false;
	}
	return true;
}

/* Take what is free off the lists; return how many pages were managed. */
static unsigned long take_free_pages(struct mhp_range *range)
{
	unsigned long pfn = range->start_pfn, offline = 0;

	while (pfn < range->end_pfn) {
		struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page)) {
			pfn += 1UL << take_isolated_buddy(range->zone, page);
			continue;
		}
		/* For these the driver has answered already. */
		offline += PageOffline(page);
		pfn++;
	}
	range->zone->nr_isolate_pageblock -= mhp_range_nr_pageblocks(range);
	return range->end_pfn - range->start_pfn - offline;
}

/* Take an empty range; false if it is not empty. */
static bool take_if_empty(struct mhp_range *range, unsigned long *managed)
{
	struct zone *zone = range->zone;
	unsigned long flags;
	bool empty;

	spin_lock_irqsave(&zone->lock, flags);
	empty = is_empty(range);
	if (empty) {
		/* Walkers are told first that its struct pages are to go. */
		offline_mem_sections(range->start_pfn, range->end_pfn);
		*managed = take_free_pages(range);
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return empty;
}

/* The same against somebody who gives the range back at this moment. */
static int try_take(struct mhp_evacuation *ev, struct mhp_range *range,
		    unsigned long *managed)
{
	int ret = -EAGAIN;

	mutex_lock(&mhp_current_lock);
	if (range->state != MHP_RANGE_ISOLATED) {
		ret = fail(ev, MHP_FAILURE_NO_ROOM, -ENOMEM);
	} else if (take_if_empty(range, managed)) {
		set_range_state(range, MHP_RANGE_TAKEN);
		ret = 0;
	}
	mutex_unlock(&mhp_current_lock);
	return ret;
}

/* What a driver still holds, after it was told, does not go. */
static int find_held(struct mhp_evacuation *ev, const struct mhp_range *range)
{
	unsigned long pfn = range->start_pfn;

	while (pfn < range->end_pfn) {
		struct mhp_place place = mhp_look_in(pfn, range->end_pfn);

		if (place.class == MHP_PLACE_HELD)
			mhp_note_blocker(&ev->blockers, pfn, &place);
		pfn += place.nr_pages;
	}
	return ev->blockers.nr ? fail(ev, MHP_FAILURE_BLOCKED, -EBUSY) : 0;
}

/**
 * mhp_evacuation_take - take an empty range away from the allocator
 * @ev: run with success
 * @range: one of its ranges
 * @managed: pages the zone managed in it are returned here
 *
 * What came to light since the run, or was let go by a notifier, is moved now.
 *
 * Context: device_hotplug_lock held, mem_hotplug_lock held for writing. May
 *	sleep.
 * Return: 0, or as mhp_evacuation_run().
 */
int mhp_evacuation_take(struct mhp_evacuation *ev, struct mhp_range *range,
			unsigned long *managed)
{
	const unsigned int index = range - ev->ranges;
	int ret;

	mhp_assert_write_locked();
	mhp_zone_suspend_contiguous(range->zone);
	for (;;) {
		ret = try_take(ev, range, managed);
		if (ret != -EAGAIN)
			break;
		ret = run_ranges(ev, index, index + 1) ?: find_held(ev, range) ?:
		      mhp_evacuation_bounds(ev);
		if (ret)
			break;
	}
	if (ret)
		mhp_zone_resume_contiguous(range->zone);
	return ret;
}

/**
 * mhp_evacuation_end - end it, and give back what was not taken
 * @ev: the evacuation, or NULL; freed
 *
 * Context: device_hotplug_lock held. May sleep.
 */
void mhp_evacuation_end(struct mhp_evacuation *ev)
{
	unsigned int i;

	if (!ev)
		return;
	mutex_lock(&mhp_current_lock);
	for (i = 0; i < ev->nr_ranges; i++)
		unisolate_if_isolated(&ev->ranges[i]);
	if (mhp_current == ev)
		mhp_current = NULL;
	mutex_unlock(&mhp_current_lock);

	trace_mhp_evacuated(ev->moved, ev->failure,
			    mhp_evacuation_blocker(ev));
	for (i = 0; i < ev->nr_ranges; i++)
		kvfree(ev->ranges[i].types);
	kvfree(ev);
}

/**
 * mhp_evacuation_return - give one range back
 * @range: the range; nothing happens if it was given back before
 *
 * Context: device_hotplug_lock held. May sleep.
 */
void mhp_evacuation_return(struct mhp_range *range)
{
	mutex_lock(&mhp_current_lock);
	unisolate_if_isolated(range);
	mutex_unlock(&mhp_current_lock);
}

/**
 * mhp_evacuation_give_back - give up for the sake of others
 *
 * Context: May sleep, but waits for nobody: called by the OOM killer.
 * Return: pages that were isolated and can be allocated again.
 */
unsigned long mhp_evacuation_give_back(void)
{
	struct mhp_tally tally = {};
	unsigned int i;

	if (!mutex_trylock(&mhp_current_lock))
		return 0;
	for (i = 0; mhp_current && i < mhp_current->nr_ranges; i++) {
		struct mhp_range *range = &mhp_current->ranges[i];

		if (range->state != MHP_RANGE_ISOLATED)
			continue;
		WRITE_ONCE(mhp_current->given_back, true);
		mhp_survey_range(range->start_pfn, range->end_pfn, &tally,
				 NULL);
		unisolate_if_isolated(range);
	}
	mutex_unlock(&mhp_current_lock);
	return tally.free;
}

/**
 * mhp_evacuation_cancel - end the evacuation of an owner
 * @owner: what is going offline
 *
 * Context: May sleep.
 * Return: true if there was one; it ends soon.
 */
bool mhp_evacuation_cancel(const void *owner)
{
	bool found;

	mutex_lock(&mhp_current_lock);
	found = mhp_current && mhp_current->owner == owner;
	if (found)
		WRITE_ONCE(mhp_current->cancelled, true);
	mutex_unlock(&mhp_current_lock);
	return found;
}

/**
 * mhp_evacuation_progress - how far the evacuation of an owner is
 * @owner: what is going offline
 * @moved: pages that have moved
 * @to_move: pages that had to move when it began
 *
 * Context: May sleep.
 * Return: false if none is under way.
 */
bool mhp_evacuation_progress(const void *owner, unsigned long *moved,
			     unsigned long *to_move)
{
	bool found;

	mutex_lock(&mhp_current_lock);
	found = mhp_current && mhp_current->owner == owner;
	if (found) {
		*moved = READ_ONCE(mhp_current->moved);
		*to_move = READ_ONCE(mhp_current->to_move);
	}
	mutex_unlock(&mhp_current_lock);
	return found;
}

/**
 * mhp_evacuation_failure - why it ended without success
 * @ev: the evacuation
 *
 * Context: The owner.
 * Return: the reason.
 */
enum mhp_failure mhp_evacuation_failure(const struct mhp_evacuation *ev)
{
	return ev->failure;
}

/**
 * mhp_evacuation_blocker - what was in its way
 * @ev: the evacuation
 *
 * Context: The owner.
 * Return: the first blocker, or NULL if none is known.
 */
struct mhp_blocker *mhp_evacuation_blocker(struct mhp_evacuation *ev)
{
	return ev->blockers.nr ? ev->blockers.entries : NULL;
}
