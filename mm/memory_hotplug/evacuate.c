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
 * Signals, a deadline, a cancel and a shortage of memory end it.
 *
 * Passes run in a worker, since the memory that pages move to must not depend
 * on the cpuset and memory policy of the task that writes to sysfs.  The owner
 * waits for the worker, and passes a signal on.  The worker reclaims only what
 * needs no I/O, so that it does not wait for a disk that never answers; the
 * rest is left to kswapd, and pages that find no room wait for the next pass.
 *
 * Locks.  The owner holds device_hotplug_lock from begin to end: no block
 * changes its state but the owner's.  begin and take need mem_hotplug_lock for
 * writing, run does not: the pageblocks stay isolated by themselves.  live_lock
 * protects the list of live evacuations and the state of their ranges, against
 * cancel, progress and the OOM notifier.  The OOM notifier waits for it, so no
 * memory is allocated under it.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/cpuset.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <trace/events/memory_hotplug.h>
#include "evacuate.h"

#define PAUSE_FIRST_MS		1
#define PAUSE_MAX_MS		128

/* How long to wait for a drain before looking whether to go on waiting. */
#define DRAIN_STEP		(HZ / 10)

/* Passes that it goes on without progress for want of memory, at least. */
#define STARVED_PASSES		3
/* How long it waits for memory that kswapd or compaction may still free. */
#define STARVED_MS		10000

static unsigned int offline_timeout_ms __read_mostly = 120 * MSEC_PER_SEC;
module_param(offline_timeout_ms, uint, 0644);
MODULE_PARM_DESC(offline_timeout_ms,
		 "How long taking memory offline may take, in ms (default: 120000)");

static DEFINE_MUTEX(live_lock);
static LIST_HEAD(live_evacuations);
/* Counts ranges that were given back, for the OOM notifier. */
static unsigned long nr_given_back;

static struct workqueue_struct *evacuation_wq;

/**
 * struct failure - what is to be known of a failure
 * @word: its name for user space
 * @error: its errno; that of a notifier is its own
 * @has_page: a page that is in the way is its cause, or shows why it lasted
 */
struct failure {
	const char *word;
	int error;
	bool has_page;
};

static const struct failure failures[] = {
	[MHP_FAILURE_NONE] = { "none", 0 },
	[MHP_FAILURE_UNFIT] = { "unfit", -EINVAL },
	[MHP_FAILURE_BLOCKED] = { "blocked", -EBUSY, true },
	[MHP_FAILURE_CONTENDED] = { "contended", -EBUSY },
	[MHP_FAILURE_NO_ROOM] = { "no-room", -ENOMEM },
	[MHP_FAILURE_VETOED] = { "vetoed", -EBUSY },
	[MHP_FAILURE_SIGNAL] = { "signal", -EINTR, true },
	[MHP_FAILURE_CANCELLED] = { "cancelled", -EBUSY, true },
	[MHP_FAILURE_DEADLINE] = { "deadline", -EBUSY, true },
};

static_assert(ARRAY_SIZE(failures) == MHP_FAILURE_DEADLINE + 1);

/**
 * mhp_failure_word - the name user space has for a failure
 * @failure: the failure
 *
 * Context: Any.
 * Return: a constant string.
 */
const char *mhp_failure_word(enum mhp_failure failure)
{
	return failures[failure].word;
}

/**
 * mhp_evacuation_fail - note why an evacuation ends without success
 * @ev: the evacuation
 * @failure: the reason
 *
 * Context: The owner or the worker.
 * Return: the errno of the failure.
 */
int mhp_evacuation_fail(struct mhp_evacuation *ev, enum mhp_failure failure)
{
	ev->failure = failure;
	return failures[failure].error;
}

static void enlist(struct mhp_evacuation *ev)
{
	mutex_lock(&live_lock);
	list_add_tail(&ev->live, &live_evacuations);
	mutex_unlock(&live_lock);
}

static void init_blockers(struct mhp_blocker_list *list,
			  struct mhp_blocker *entries)
{
	list->entries = entries;
	list->max = MHP_NOTED_BLOCKERS;
}

/**
 * mhp_evacuation_create - make an evacuation of no ranges yet
 * @max_ranges: how many it is going to have at most
 * @timeout_ms: how long it may take; 0 for the default
 * @owner: what goes offline, for mhp_evacuation_cancel() and progress
 *
 * It can be cancelled from now on.
 *
 * Context: device_hotplug_lock held. May sleep.
 * Return: the evacuation, to be ended by mhp_evacuation_end() and freed by
 *	mhp_evacuation_free(); NULL if there is no memory for it.
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
	init_blockers(&ev->blockers, ev->noted);
	init_blockers(&ev->found, ev->noted_now);
	init_waitqueue_head(&ev->wake);
	init_completion(&ev->done);
	ev->pause_ms = PAUSE_FIRST_MS;
	ev->owner = owner;
	ev->deadline = jiffies + msecs_to_jiffies(timeout_ms ?:
						  READ_ONCE(offline_timeout_ms));
	enlist(ev);
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
		return mhp_evacuation_fail(ev, MHP_FAILURE_UNFIT);
	range = &ev->ranges[ev->nr_ranges];
	range->start_pfn = start_pfn;
	range->end_pfn = start_pfn + nr_pages;
	range->zone = zone;
	if (!mhp_range_is_fit(range))
		return mhp_evacuation_fail(ev, MHP_FAILURE_UNFIT);
	range->types = kvmalloc(mhp_range_nr_pageblocks(range), GFP_KERNEL);
	if (!range->types)
		return mhp_evacuation_fail(ev, MHP_FAILURE_NO_ROOM);
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

/* Why an evacuation has to end now, or MHP_FAILURE_NONE. */
static enum mhp_failure must_end(const struct mhp_evacuation *ev)
{
	if (signal_pending(current) || READ_ONCE(ev->interrupted))
		return MHP_FAILURE_SIGNAL;
	if (READ_ONCE(ev->given_back))
		return MHP_FAILURE_NO_ROOM;
	if (READ_ONCE(ev->cancelled))
		return MHP_FAILURE_CANCELLED;
	if (time_after(jiffies, ev->deadline))
		return MHP_FAILURE_DEADLINE;
	return MHP_FAILURE_NONE;
}

/* Counts the times that the LRU batches of all CPUs have been drained. */
static unsigned long nr_drains;
static DECLARE_WAIT_QUEUE_HEAD(drain_wait);

static void drain_worker(struct work_struct *work)
{
	lru_add_drain_all();
	WRITE_ONCE(nr_drains, nr_drains + 1);
	wake_up_all(&drain_wait);
}

static DECLARE_WORK(drain_work, drain_worker);

/*
 * Drain the per-CPU lists: pages in them are neither free nor on an LRU list.
 * LRU batches are drained by a worker on each CPU.  A CPU that a real-time task
 * keeps busy may never run it, so the wait ends after @timeout jiffies, or when
 * the evacuation has to.
 */
static void drain_caches(struct mhp_evacuation *ev, unsigned long timeout)
{
	const unsigned long before = READ_ONCE(nr_drains);
	const unsigned long end = jiffies + timeout;

	queue_work(system_unbound_wq, &drain_work);
	while (READ_ONCE(nr_drains) == before && !must_end(ev) &&
	       time_before(jiffies, end))
		wait_event_timeout(drain_wait, READ_ONCE(nr_drains) != before,
				   DRAIN_STEP);
	drain_all_pages(NULL);
}

/**
 * mhp_evacuation_drain - make pages in per-CPU lists visible to the first look
 * @ev: with all its ranges
 *
 * Context: device_hotplug_lock held. May sleep, for as long as the timeout.
 */
void mhp_evacuation_drain(struct mhp_evacuation *ev)
{
	drain_caches(ev, MAX_JIFFY_OFFSET);
	ev->is_drained = true;
}

/* What a pass found is in the way; one that was cut short may know less. */
static void keep_found(struct mhp_evacuation *ev, bool is_whole)
{
	if (!is_whole && !ev->found.nr)
		return;
	memcpy(ev->noted, ev->noted_now, sizeof(ev->noted));
	ev->blockers.nr = ev->found.nr;
}

/* The first look is short, and tells what is in the way if time is up at once. */
static int survey_all(struct mhp_evacuation *ev, struct mhp_tally *tally)
{
	enum mhp_failure failure = MHP_FAILURE_NONE;
	unsigned int i;

	ev->found.nr = 0;
	for (i = 0; i < ev->nr_ranges && !failure; i++) {
		mhp_survey_range(ev->ranges[i].start_pfn, ev->ranges[i].end_pfn,
				 tally, &ev->found);
		failure = must_end(ev);
		if (failure == MHP_FAILURE_DEADLINE)
			failure = MHP_FAILURE_NONE;
	}
	keep_found(ev, !failure);
	return mhp_evacuation_fail(ev, failure);
}

/* Look before moving: does anything block it, and is there room? */
static int look_at_all(struct mhp_evacuation *ev)
{
	struct mhp_tally tally = {};
	int ret = survey_all(ev, &tally);

	WRITE_ONCE(ev->to_move, tally.movable);
	ev->has_free_huge = tally.free_huge;
	trace_mhp_survey(ev->nr_ranges, tally.free, tally.movable, tally.busy,
			 tally.blocked);
	if (ret)
		return ret;
	if (tally.blocked)
		return mhp_evacuation_fail(ev, MHP_FAILURE_BLOCKED);
	if (!mhp_has_room(&tally))
		return mhp_evacuation_fail(ev, MHP_FAILURE_NO_ROOM);
	return 0;
}

/* The only place that changes the state of a range. */
static void set_range_state(struct mhp_range *range, enum mhp_range_state state)
{
	lockdep_assert_held(&live_lock);
	WARN_ON_ONCE((range->state == MHP_RANGE_ISOLATED) ==
		     (state == MHP_RANGE_ISOLATED));
	range->state = state;
}

/* From now on the OOM notifier may give the range back. */
static void note_isolated(struct mhp_range *range)
{
	mutex_lock(&live_lock);
	set_range_state(range, MHP_RANGE_ISOLATED);
	mutex_unlock(&live_lock);
}

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
			return mhp_evacuation_fail(ev, MHP_FAILURE_CONTENDED);
		note_isolated(range);
	}
	return 0;
}

static void unisolate_if_isolated(struct mhp_range *range)
{
	lockdep_assert_held(&live_lock);
	if (range->state != MHP_RANGE_ISOLATED)
		return;
	mhp_unisolate(range);
	set_range_state(range, MHP_RANGE_IN_USE);
	nr_given_back++;
}

/**
 * mhp_evacuation_begin - see whether it can work, and isolate all ranges
 * @ev: with all its ranges
 *
 * Context: device_hotplug_lock held, mem_hotplug_lock held for writing. May
 *	sleep.
 * Return: 0; -EBUSY if something in a range does not move or cannot be
 *	isolated, -ENOMEM if there is no room elsewhere, or as
 *	mhp_evacuation_bounds(). Ranges that are isolated by then are given back
 *	by mhp_evacuation_end().
 */
int mhp_evacuation_begin(struct mhp_evacuation *ev)
{
	mhp_assert_write_locked();
	return look_at_all(ev) ?: isolate_all(ev);
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
	enum mhp_failure failure;

	cond_resched();
	failure = must_end(ev);
	return failure ? mhp_evacuation_fail(ev, failure) : 0;
}

/**
 * mhp_evacuation_is_over - the same in the middle of a batch
 * @ev: the evacuation
 *
 * Context: Any.
 * Return: true if mhp_evacuation_bounds() is going to end it.
 */
bool mhp_evacuation_is_over(const struct mhp_evacuation *ev)
{
	return must_end(ev) != MHP_FAILURE_NONE;
}

/* The range of a live evacuation that starts with a page. */
static struct mhp_range *find_range(struct mhp_evacuation *ev,
				    unsigned long start_pfn)
{
	unsigned int i;

	for (i = 0; i < ev->nr_ranges; i++) {
		unsigned int index = (ev->next + i) % ev->nr_ranges;

		if (ev->ranges[index].start_pfn != start_pfn)
			continue;
		ev->next = index + 1;
		return &ev->ranges[index];
	}
	return NULL;
}

/**
 * mhp_evacuation_find - find a range of an evacuation that is under way
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
	struct mhp_range *range = NULL;
	struct mhp_evacuation *ev;

	mutex_lock(&live_lock);
	list_for_each_entry(ev, &live_evacuations, live) {
		range = find_range(ev, start_pfn);
		if (!range)
			continue;
		*evp = ev;
		break;
	}
	mutex_unlock(&live_lock);
	return range;
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

/*
 * The lists have just been drained when the first pass begins.  In a job of one
 * pass, other tasks wait for mem_hotplug_lock.
 */
static void drain_once(struct mhp_evacuation *ev)
{
	if (!ev->is_drained)
		drain_caches(ev, ev->job.max_passes == 1 ? DRAIN_STEP :
							   MAX_JIFFY_OFFSET);
	ev->is_drained = false;
}

/* A pass over the ranges of a job. */
static int run_pass(struct mhp_evacuation *ev, struct mhp_tally *left)
{
	unsigned int i;
	int ret = 0;

	ev->found.nr = 0;
	for (i = ev->job.first; i < ev->job.end && !ret; i++)
		ret = mhp_move_all(ev, &ev->ranges[i], left);
	keep_found(ev, !ret);
	trace_mhp_pass(ev->moved, left->movable, left->busy, left->blocked, ret);
	return ret;
}

/**
 * struct starvation - passes that lack memory to move to
 * @moved: pages that had moved when it began
 * @passes: how many there have been since
 * @since: when it began, in jiffies
 */
struct starvation {
	unsigned long moved;
	unsigned int passes;
	unsigned long since;
};

/* kswapd gives up on a node when it has found nothing to reclaim many times. */
static bool kswapd_gave_up(void)
{
	int nid;

	for_each_node_state(nid, N_MEMORY)
		if (READ_ONCE(NODE_DATA(nid)->kswapd_failures) <
		    MAX_RECLAIM_RETRIES)
			return false;
	return true;
}

/*
 * Whether it is of no use to go on: no page has moved for some passes, for want
 * of memory, and none is going to be freed.
 */
static bool is_starved(struct starvation *starved,
		       const struct mhp_evacuation *ev,
		       const struct mhp_tally *left)
{
	bool is_short = left->starved || left->starved_single;

	if (!is_short || starved->moved != ev->moved) {
		starved->moved = ev->moved;
		starved->passes = 0;
		starved->since = jiffies;
	}
	if (!is_short)
		return false;
	if (++starved->passes < STARVED_PASSES)
		return false;
	return (left->starved_single && kswapd_gave_up()) ||
	       time_after(jiffies, starved->since + msecs_to_jiffies(STARVED_MS));
}

static bool is_done(const struct mhp_tally *left)
{
	return !left->busy && !left->movable && !left->blocked;
}

/* Each pause is twice as long as the last. */
static void pause_passes(struct mhp_evacuation *ev, unsigned int *pause_ms)
{
	wait_event_timeout(ev->wake, must_end(ev), msecs_to_jiffies(*pause_ms));
	*pause_ms = min(*pause_ms * 2, PAUSE_MAX_MS);
}

static int give_up_pools_once(struct mhp_evacuation *ev, struct mhp_tally *left)
{
	unsigned int i;
	int ret = 0;

	ev->found.nr = 0;
	for (i = 0; i < ev->nr_ranges && !ret; i++)
		ret = mhp_give_up_pools(ev, &ev->ranges[i], left);
	keep_found(ev, !ret);
	return ret;
}

/*
 * Free huge pages go first: none of them may become a target.  One that its pool
 * has promised, and that cannot be replaced, is in the way.
 */
static int give_up_pools(struct mhp_evacuation *ev)
{
	unsigned int pause_ms = PAUSE_FIRST_MS, tries = STARVED_PASSES;

	if (!ev->has_free_huge)
		return 0;
	ev->has_free_huge = false;
	for (;;) {
		struct mhp_tally left = {};
		int ret = give_up_pools_once(ev, &left);

		if (ret || !(left.starved || left.blocked))
			return ret;
		if (left.blocked || !--tries)
			return mhp_evacuation_fail(ev, MHP_FAILURE_BLOCKED);
		pause_passes(ev, &pause_ms);
	}
}

/* Pass after pass; -EAGAIN if something is left after the last one. */
static int run_passes(struct mhp_evacuation *ev)
{
	struct starvation starved = { .since = jiffies, .moved = ev->moved };
	unsigned int pause_ms = PAUSE_FIRST_MS, passes = 0;
	int ret;

	for (;;) {
		const unsigned long moved = ev->moved;
		struct mhp_tally left = {};

		drain_once(ev);
		ret = run_pass(ev, &left);
		if (ret || is_done(&left))
			return ret;
		if (left.blocked)
			return mhp_evacuation_fail(ev, MHP_FAILURE_BLOCKED);
		if (is_starved(&starved, ev, &left))
			return mhp_evacuation_fail(ev, MHP_FAILURE_NO_ROOM);
		if (++passes == ev->job.max_passes)
			return -EAGAIN;
		if (ev->moved != moved)
			pause_ms = PAUSE_FIRST_MS;
		pause_passes(ev, &pause_ms);
		ret = mhp_evacuation_bounds(ev);
		if (ret)
			return ret;
	}
}

static void evacuation_worker(struct work_struct *work)
{
	unsigned int flags = memalloc_noio_save();
	struct mhp_evacuation *ev;

	ev = container_of(work, struct mhp_evacuation, work);
	ev->job.ret = give_up_pools(ev) ?: run_passes(ev);
	memalloc_noio_restore(flags);
	complete(&ev->done);
}

/* A task that gets a signal waits on, but for a short time. */
static void wait_for_worker(struct mhp_evacuation *ev)
{
	if (!wait_for_completion_interruptible(&ev->done))
		return;
	WRITE_ONCE(ev->interrupted, true);
	wake_up_all(&ev->wake);
	wait_for_completion(&ev->done);
}

/* Run passes over some ranges in a worker; 0 passes are as many as it takes. */
static int run_in_worker(struct mhp_evacuation *ev, unsigned int first,
			 unsigned int end, unsigned int max_passes)
{
	ev->job.first = first;
	ev->job.end = end;
	ev->job.max_passes = max_passes;
	reinit_completion(&ev->done);
	INIT_WORK(&ev->work, evacuation_worker);
	queue_work(evacuation_wq, &ev->work);
	wait_for_worker(ev);
	return ev->job.ret;
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
	return ev->nr_ranges ? run_in_worker(ev, 0, ev->nr_ranges, 0) : 0;
}

/**
 * mhp_evacuation_again - empty a range that could not be taken
 * @start_pfn: its first page
 *
 * Each time it is asked for this, it waits longer before it begins.
 *
 * Context: device_hotplug_lock held; mem_hotplug_lock not held. May sleep, for
 *	as long as the timeout.
 * Return: as mhp_evacuation_run(); -EINVAL if there is no such range.
 */
int mhp_evacuation_again(unsigned long start_pfn)
{
	struct mhp_evacuation *ev;
	struct mhp_range *range = mhp_evacuation_find(start_pfn, &ev);
	unsigned int index;

	if (WARN_ON_ONCE(!range))
		return -EINVAL;
	index = range - ev->ranges;
	pause_passes(ev, &ev->pause_ms);
	return mhp_evacuation_bounds(ev) ?:
	       run_in_worker(ev, index, index + 1, 0);
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

/* The same against the OOM notifier. */
static int try_take(struct mhp_evacuation *ev, struct mhp_range *range,
		    unsigned long *managed)
{
	int ret = -EAGAIN;

	mutex_lock(&live_lock);
	if (range->state != MHP_RANGE_ISOLATED) {
		ret = mhp_evacuation_fail(ev, MHP_FAILURE_NO_ROOM);
	} else if (take_if_empty(range, managed)) {
		set_range_state(range, MHP_RANGE_TAKEN);
		ret = 0;
	}
	mutex_unlock(&live_lock);
	return ret;
}

/* What a driver still holds, after it was told, does not go. */
static int find_held(struct mhp_evacuation *ev, const struct mhp_range *range)
{
	unsigned long pfn = range->start_pfn;

	ev->found.nr = 0;
	while (pfn < range->end_pfn) {
		struct mhp_place place = mhp_look_in(pfn, range->end_pfn);

		if (place.class == MHP_PLACE_HELD)
			mhp_note_blocker(&ev->found, pfn, &place);
		pfn += place.nr_pages;
	}
	if (!ev->found.nr)
		return 0;
	keep_found(ev, true);
	return mhp_evacuation_fail(ev, MHP_FAILURE_BLOCKED);
}

/* One more pass, for what a notifier let go of; then as above. */
static int retry_take(struct mhp_evacuation *ev, struct mhp_range *range,
		      unsigned long *managed)
{
	const unsigned int index = range - ev->ranges;
	int ret = run_in_worker(ev, index, index + 1, 1);

	if (!ret || ret == -EAGAIN)
		ret = try_take(ev, range, managed);
	if (ret != -EAGAIN)
		return ret;
	return find_held(ev, range) ?: -EAGAIN;
}

/**
 * mhp_evacuation_take - take an empty range away from the allocator
 * @ev: run with success
 * @range: one of its ranges
 * @managed: pages the zone managed in it are returned here
 *
 * What was let go of by a notifier is moved now, in one pass: others wait for
 * mem_hotplug_lock.
 *
 * Context: device_hotplug_lock held, mem_hotplug_lock held for writing. May
 *	sleep.
 * Return: 0; -EAGAIN if there is something in it that takes longer, and
 *	mhp_evacuation_again() has to come first; or as mhp_evacuation_run().
 */
int mhp_evacuation_take(struct mhp_evacuation *ev, struct mhp_range *range,
			unsigned long *managed)
{
	int ret;

	mhp_assert_write_locked();
	mhp_zone_suspend_contiguous(range->zone);
	ret = try_take(ev, range, managed);
	if (ret == -EAGAIN)
		ret = retry_take(ev, range, managed);
	if (ret)
		mhp_zone_resume_contiguous(range->zone);
	return ret;
}

/**
 * mhp_evacuation_end - end it, and give back what was not taken
 * @ev: the evacuation, or NULL; it can still be asked why it failed
 *
 * Context: device_hotplug_lock held. May sleep.
 */
void mhp_evacuation_end(struct mhp_evacuation *ev)
{
	unsigned int i;

	if (!ev)
		return;
	mutex_lock(&live_lock);
	for (i = 0; i < ev->nr_ranges; i++)
		unisolate_if_isolated(&ev->ranges[i]);
	list_del(&ev->live);
	mutex_unlock(&live_lock);

	trace_mhp_evacuated(ev->moved, ev->failure,
			    mhp_evacuation_blocker(ev));
}

/**
 * mhp_evacuation_free - free an evacuation
 * @ev: ended, or NULL
 *
 * Context: May sleep.
 */
void mhp_evacuation_free(struct mhp_evacuation *ev)
{
	unsigned int i;

	if (!ev)
		return;
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
	mutex_lock(&live_lock);
	unisolate_if_isolated(range);
	mutex_unlock(&live_lock);
}

/* Whether an allocation that failed could use the memory of a range. */
static bool is_of_use(const struct mhp_range *range,
		      const struct oom_control *oc)
{
	struct zone *zone = range->zone;

	/* An OOM kill that was asked for lacks no memory. */
	if (oc->order < 0 || zone_idx(zone) > gfp_zone(oc->gfp_mask))
		return false;
	if (oc->nodemask && !node_isset(zone_to_nid(zone), *oc->nodemask))
		return false;
	return cpuset_zone_allowed(zone, oc->gfp_mask);
}

/* Give a range back if it is of use; return how many free pages it has. */
static unsigned long give_range_back(struct mhp_range *range,
				     const struct oom_control *oc)
{
	struct mhp_tally tally = {};

	if (range->state != MHP_RANGE_ISOLATED || !is_of_use(range, oc))
		return 0;
	mhp_survey_range(range->start_pfn, range->end_pfn, &tally, NULL);
	if (tally.free)
		unisolate_if_isolated(range);
	return tally.free;
}

static unsigned long give_back(struct mhp_evacuation *ev,
			       const struct oom_control *oc)
{
	unsigned long freed = 0;
	unsigned int i;

	for (i = 0; i < ev->nr_ranges; i++)
		freed += give_range_back(&ev->ranges[i], oc);
	if (!freed)
		return 0;
	WRITE_ONCE(ev->given_back, true);
	wake_up_all(&ev->wake);
	return freed;
}

/**
 * mhp_evacuation_give_back - give ranges back to an allocation that failed
 * @oc: the allocation
 *
 * Context: May sleep; waits for no task that allocates memory.
 * Return: pages that can be allocated again, because of this or because a range
 *	was given back meanwhile.
 */
unsigned long mhp_evacuation_give_back(const struct oom_control *oc)
{
	unsigned long before = READ_ONCE(nr_given_back), freed = 0;
	struct mhp_evacuation *ev;

	mutex_lock(&live_lock);
	if (nr_given_back != before)
		freed = 1;
	list_for_each_entry(ev, &live_evacuations, live)
		freed += give_back(ev, oc);
	mutex_unlock(&live_lock);
	return freed;
}

static struct mhp_evacuation *find_owned(const void *owner)
{
	struct mhp_evacuation *ev;

	lockdep_assert_held(&live_lock);
	list_for_each_entry(ev, &live_evacuations, live)
		if (ev->owner == owner)
			return ev;
	return NULL;
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
	struct mhp_evacuation *ev;

	mutex_lock(&live_lock);
	ev = find_owned(owner);
	if (ev) {
		WRITE_ONCE(ev->cancelled, true);
		wake_up_all(&ev->wake);
	}
	mutex_unlock(&live_lock);
	return ev;
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
	struct mhp_evacuation *ev;

	mutex_lock(&live_lock);
	ev = find_owned(owner);
	if (ev) {
		*moved = READ_ONCE(ev->moved);
		*to_move = READ_ONCE(ev->to_move);
	}
	mutex_unlock(&live_lock);
	return ev;
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

/* Of a lack of memory, only a huge page without another one is the cause. */
static struct mhp_blocker *find_huge(struct mhp_blocker_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (list->entries[i].kind == MHP_BLOCKER_HUGETLB)
			return &list->entries[i];
	return NULL;
}

/**
 * mhp_evacuation_blocker - what was in its way
 * @ev: the evacuation
 *
 * Context: The owner.
 * Return: the first blocker, or NULL if no page is the cause.
 */
struct mhp_blocker *mhp_evacuation_blocker(struct mhp_evacuation *ev)
{
	if (ev->failure == MHP_FAILURE_NO_ROOM)
		return find_huge(&ev->blockers);
	if (!failures[ev->failure].has_page || !ev->blockers.nr)
		return NULL;
	return ev->blockers.entries;
}

/* Lockdep learns that memory must not be allocated under live_lock. */
static void __init teach_lock_order(void)
{
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&live_lock);
	fs_reclaim_release(GFP_KERNEL);
}

static int __init mhp_evacuate_init(void)
{
	teach_lock_order();
	evacuation_wq = alloc_workqueue("memory_hotplug",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return evacuation_wq ? 0 : -ENOMEM;
}
subsys_initcall(mhp_evacuate_init);
