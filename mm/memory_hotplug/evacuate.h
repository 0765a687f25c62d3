/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory hotplug: an evacuation, and the parts it is made of.
 *
 *	evacuate.c	the object: begin, run, take, end; deadline and cancel
 *	isolate.c	keeping the allocator away from a range
 *	look.c		what a page is: free, to be moved, in the way
 *	collect.c	taking what is found off its lists
 *	migrate.c	moving it, once, in batches
 *	targets.c	where it moves to
 *	room.c		whether there is room for it; giving back under pressure
 *	blockers.c	what is in the way, in words
 *	owner.c		whose it is
 *	memmap_use.c	whether it holds struct pages, and of which memory
 */
#ifndef _MM_MEMORY_HOTPLUG_EVACUATE_H
#define _MM_MEMORY_HOTPLUG_EVACUATE_H

#include <linux/completion.h>
#include <linux/memory_evacuation.h>
#include <linux/oom.h>
#include <linux/pagevec.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "internal.h"

/**
 * enum mhp_range_state - where a range of an evacuation is
 * @MHP_RANGE_IN_USE: not touched yet, or given back
 * @MHP_RANGE_ISOLATED: nothing is allocated in it any more
 * @MHP_RANGE_TAKEN: empty, and out of the allocator for good
 */
enum mhp_range_state {
	MHP_RANGE_IN_USE,
	MHP_RANGE_ISOLATED,
	MHP_RANGE_TAKEN,
};

/**
 * struct mhp_range - one range that is to become empty
 * @start_pfn: first page, aligned to a pageblock
 * @end_pfn: first page after it, aligned to a section
 * @zone: the zone that all of it is in
 * @types: the type of each pageblock before it was isolated
 * @state: see enum mhp_range_state
 */
struct mhp_range {
	unsigned long start_pfn;
	unsigned long end_pfn;
	struct zone *zone;
	u8 *types;
	enum mhp_range_state state;
};

/**
 * struct mhp_tally - what was found in ranges
 * @free: pages that the allocator has
 * @unused: pages nobody uses that it does not have
 * @movable: pages in use that can move
 * @busy: pages in use of which only time will tell
 * @blocked: pages that never go by themselves
 * @huge: pages of @movable that are in huge pages
 * @free_huge: pages of @unused that are in free huge pages
 * @starved: pages in huge pages that stay for want of memory to move to
 * @starved_single: the same for single pages, by batches
 * @dirty: folios that stay until they are written back
 */
struct mhp_tally {
	unsigned long free;
	unsigned long unused;
	unsigned long movable;
	unsigned long busy;
	unsigned long blocked;
	unsigned long huge;
	unsigned long free_huge;
	unsigned long starved;
	unsigned long starved_single;
	unsigned long dirty;
};

/* Blockers that an evacuation remembers. */
#define MHP_NOTED_BLOCKERS	4

/**
 * struct mhp_evacuation - emptying ranges of memory
 * @live: link in the list of live evacuations
 * @owner: what is being taken offline, as cancel and progress know it
 * @deadline: when it gives up, in jiffies
 * @avoid_start: first page of the device that the ranges are part of
 * @avoid_end: first page after it; targets outside are preferred
 * @to_move: pages that had to move when it began
 * @moved: pages that have moved
 * @cancelled: user space wrote so
 * @interrupted: the writer got a signal while the worker ran
 * @given_back: the ranges were given back because memory was needed
 * @wake: woken when one of these three is set
 * @work: what runs passes, in a worker
 * @done: the worker has ended
 * @job: what the worker is to do, and its result
 * @job.first: the first range
 * @job.end: the range after the last
 * @job.max_passes: how many passes at most
 * @job.ret: the result
 * @pause_ms: how long to wait before the next range is tried again
 * @has_free_huge: there are free huge pages in the ranges
 * @is_drained: the per-CPU caches have just been drained
 * @failure: why it ended without success
 * @blockers: what was in the way
 * @noted: the entries of @blockers
 * @found: what is in the way in the pass under way
 * @noted_now: the entries of @found
 * @nr_ranges: how many ranges
 * @max_ranges: how many there is room for
 * @next: the range that is likely to be asked for next
 * @ranges: the ranges
 *
 * Ranges change their state under live_lock once the evacuation has begun.  The
 * counters are written by the worker alone, or by the owner while there is no
 * worker, and read by any task.
 */
struct mhp_evacuation {
	struct list_head live;
	const void *owner;
	unsigned long deadline;
	unsigned long avoid_start;
	unsigned long avoid_end;
	unsigned long to_move;
	unsigned long moved;
	bool cancelled;
	bool interrupted;
	bool given_back;
	wait_queue_head_t wake;
	struct work_struct work;
	struct completion done;
	struct {
		unsigned int first;
		unsigned int end;
		unsigned int max_passes;
		int ret;
	} job;
	unsigned int pause_ms;
	bool has_free_huge;
	bool is_drained;
	enum mhp_failure failure;
	struct mhp_blocker_list blockers;
	struct mhp_blocker noted[MHP_NOTED_BLOCKERS];
	struct mhp_blocker_list found;
	struct mhp_blocker noted_now[MHP_NOTED_BLOCKERS];
	unsigned int nr_ranges;
	unsigned int max_ranges;
	unsigned int next;
	struct mhp_range ranges[] __counted_by(max_ranges);
};

/* look.c */

/**
 * enum mhp_place_class - what to do about a place in a range
 * @MHP_PLACE_FREE: nothing: it is free
 * @MHP_PLACE_GONE: nothing: nobody can use it (poisoned, or a driver's hole)
 * @MHP_PLACE_FREE_HUGE: a free huge page: dissolve it
 * @MHP_PLACE_MOVABLE: move it
 * @MHP_PLACE_POISONED: in use and poisoned: unmap it
 * @MHP_PLACE_BUSY: in use or on its way to being free: look again later
 * @MHP_PLACE_HELD: a driver has it and may let go when it is told
 * @MHP_PLACE_BLOCKED: it does not go
 */
enum mhp_place_class {
	MHP_PLACE_FREE,
	MHP_PLACE_GONE,
	MHP_PLACE_FREE_HUGE,
	MHP_PLACE_MOVABLE,
	MHP_PLACE_POISONED,
	MHP_PLACE_BUSY,
	MHP_PLACE_HELD,
	MHP_PLACE_BLOCKED,
};

/**
 * struct mhp_place - a page and those that share its fate
 * @class: what to do about it
 * @kind: what is in the way, for BUSY, HELD and BLOCKED
 * @nr_pages: pages from the one looked at on, 1 or more
 */
struct mhp_place {
	enum mhp_place_class class;
	enum mhp_blocker_kind kind;
	unsigned long nr_pages;
};

struct mhp_place mhp_look_at(struct page *page);
struct mhp_place mhp_look_in(unsigned long pfn, unsigned long end_pfn);

/* Most pages in use are single ones on an LRU list: their own flags tell. */
static inline bool mhp_is_ordinary(const struct page *page)
{
	const unsigned long mask = BIT(PG_lru) | BIT(PG_head) |
				   BIT(PG_reserved) | BIT(PG_unevictable) |
				   __PG_HWPOISON;

	return (READ_ONCE(page->flags) & mask) == BIT(PG_lru);
}

/* isolate.c */
unsigned long mhp_range_nr_pageblocks(const struct mhp_range *range);
int mhp_isolate(struct mhp_range *range);
void mhp_unisolate(struct mhp_range *range);

/* memmap_use.c */
unsigned long mhp_memmap_section(unsigned long pfn, unsigned long *nr_pages);

/* blockers.c */
void mhp_note_blocker(struct mhp_blocker_list *list, unsigned long pfn,
		      const struct mhp_place *place);
void mhp_survey_range(unsigned long start_pfn, unsigned long end_pfn,
		      struct mhp_tally *tally, struct mhp_blocker_list *list);

/* collect.c */

/**
 * struct mhp_collection - folios that are to be moved
 * @folios: off their lists, with a reference each
 * @waiting: still on their LRU lists, with a reference each
 * @nr_pages: pages in @folios
 * @singles: folios of one page in it
 * @missed: places that were not what they had seemed to be
 * @blockers: where those are noted
 */
struct mhp_collection {
	struct mhp_blocker_list *blockers;
	struct list_head folios;
	struct folio_batch waiting;
	unsigned long nr_pages;
	unsigned long singles;
	unsigned long missed;
};

void mhp_collect_begin(struct mhp_collection *collection,
		       struct mhp_blocker_list *blockers);
void mhp_collect_single(struct mhp_collection *collection, struct page *page);
void mhp_collect(struct mhp_collection *collection, struct page *page,
		 unsigned long pfn, struct mhp_place *place);
bool mhp_give_up_free_huge(struct mhp_collection *collection, struct page *page,
			   struct mhp_place *place);
unsigned long mhp_collect_finish(struct mhp_collection *collection);

/* migrate.c */
int mhp_move_all(struct mhp_evacuation *ev, struct mhp_range *range,
		 struct mhp_tally *left);
int mhp_give_up_pools(struct mhp_evacuation *ev, struct mhp_range *range,
		      struct mhp_tally *left);

/* targets.c */

/**
 * struct mhp_target_pool - single pages that have been allocated
 * @zone_bits: the zone bits of the GFP mask that they were allocated with
 * @chunk: the next page of a chunk that was cut into single ones
 * @chunk_left: how many are left of it
 * @pages: single pages
 * @rejected: single pages to be avoided, for when there are no others
 */
struct mhp_target_pool {
	gfp_t zone_bits;
	struct page *chunk;
	unsigned long chunk_left;
	struct list_head pages;
	struct list_head rejected;
};

/**
 * struct mhp_targets - memory that a batch moves to
 * @ev: the evacuation, which knows what to avoid
 * @nid: the node that is preferred
 * @try_outside: there may be memory to spare outside of what is to be avoided
 * @wanted: single pages that are still to be asked for
 * @failed: the last folio that there was no memory for, or NULL
 * @pools: pages for content that must stay in kernel zones, and for any
 */
struct mhp_targets {
	const struct mhp_evacuation *ev;
	int nid;
	bool try_outside;
	unsigned long wanted;
	struct folio *failed;
	struct mhp_target_pool pools[2];
};

void mhp_targets_begin(struct mhp_targets *targets,
		       const struct mhp_evacuation *ev, int nid,
		       unsigned long wanted);
struct folio *mhp_targets_get(struct folio *src, unsigned long targets);
void mhp_targets_end(struct mhp_targets *targets);

/* room.c */
bool mhp_has_room(const struct mhp_tally *tally);

/* evacuate.c */
int mhp_evacuation_bounds(struct mhp_evacuation *ev);
bool mhp_evacuation_is_over(const struct mhp_evacuation *ev);
struct mhp_range *mhp_evacuation_find(unsigned long start_pfn,
				      struct mhp_evacuation **evp);
int mhp_evacuation_take(struct mhp_evacuation *ev, struct mhp_range *range,
			unsigned long *managed);
void mhp_evacuation_return(struct mhp_range *range);
int mhp_evacuation_fail(struct mhp_evacuation *ev, enum mhp_failure failure);
unsigned long mhp_evacuation_give_back(const struct oom_control *oc);

/* offline.c */
bool mhp_range_is_fit(const struct mhp_range *range);

#endif /* _MM_MEMORY_HOTPLUG_EVACUATE_H */
