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
#include "evacuate.h"

static const char *const kind_words[] = {
	[MHP_BLOCKER_NONE] = "none",
	[MHP_BLOCKER_PASSING] = "passing",
	[MHP_BLOCKER_PINNED] = "pinned",
	[MHP_BLOCKER_HUGETLB] = "hugetlb",
	[MHP_BLOCKER_DRIVER] = "driver",
	[MHP_BLOCKER_RESERVED] = "reserved",
	[MHP_BLOCKER_MEMMAP] = "memmap",
	[MHP_BLOCKER_SLAB] = "slab",
	[MHP_BLOCKER_PAGE_TABLE] = "page-table",
	[MHP_BLOCKER_STACK] = "stack",
	[MHP_BLOCKER_VMALLOC] = "vmalloc",
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
 * @blockers: a table of MHP_MAX_BLOCKERS
 * @nr: how many of it are valid; neighbours of one kind are one entry
 * @pfn: first page
 * @place: what it is
 *
 * Context: Any.
 */
void mhp_note_blocker(struct mhp_blocker *blockers, unsigned int *nr,
		      unsigned long pfn, const struct mhp_place *place)
{
	struct mhp_blocker *last = blockers + *nr - 1;

	if (*nr && extends_last(last, pfn, place)) {
		last->nr_pages += place->nr_pages;
		return;
	}
	if (*nr == MHP_MAX_BLOCKERS)
		return;
	blockers[(*nr)++] = (struct mhp_blocker) {
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

/**
 * mhp_survey_range - count what is in a range, and list what blocks it
 * @start_pfn: first page
 * @end_pfn: first page after the range, which is online
 * @tally: the counts are added here
 * @blockers: a table of MHP_MAX_BLOCKERS, or NULL
 * @nr_blockers: how many of it are valid
 *
 * Context: May sleep. Whoever calls it keeps the struct pages there.
 */
void mhp_survey_range(unsigned long start_pfn, unsigned long end_pfn,
		      struct mhp_tally *tally, struct mhp_blocker *blockers,
		      unsigned int *nr_blockers)
{
	unsigned long pfn = start_pfn;

	while (pfn < end_pfn) {
		struct mhp_place place = mhp_look_at(pfn_to_page(pfn));

		place.nr_pages = min(place.nr_pages, end_pfn - pfn);
		*count_of(tally, place.class) += place.nr_pages;
		if (blockers && place.class == MHP_PLACE_BLOCKED)
			mhp_note_blocker(blockers, nr_blockers, pfn, &place);
		pfn += place.nr_pages;
		if (pageblock_aligned(pfn))
			cond_resched();
	}
}

/**
 * mhp_find_blockers - what would keep a range from going offline now
 * @start_pfn: first page
 * @nr_pages: how many, all of them online
 * @blockers: room for MHP_MAX_BLOCKERS
 *
 * Context: May sleep. The caller keeps the block device, and so the struct
 *	pages. If the range goes offline meanwhile the answer is of no use.
 * Return: how many were found.
 */
unsigned int mhp_find_blockers(unsigned long start_pfn, unsigned long nr_pages,
			       struct mhp_blocker *blockers)
{
	struct mhp_tally tally = {};
	unsigned int nr = 0;

	mhp_survey_range(start_pfn, start_pfn + nr_pages, &tally, blockers,
			 &nr);
	return nr;
}
