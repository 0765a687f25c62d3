// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: spans, contiguity and present pages of zones and nodes.
 *
 * A span is a superset of the pages a zone has.  It grows to take a range in
 * and shrinks only when a range at one of its ends goes; ZONE_DEVICE never
 * shrinks.  The span of a node is the union of its zones'.
 *
 * zone->contiguous may be true only while every pageblock of the span is online
 * and in the zone.  It is kept without scanning: the pages of the span that
 * are not present, its slack, are the holes in it.  If a zone was contiguous
 * with a certain slack (boot memory has holes inside pageblocks), it is so
 * again whenever its slack is back at that number, since no range with a hole
 * can go offline.  A zone without slack is contiguous in any case.
 *
 * All of it changes under mem_hotplug_lock held for writing; spans in addition
 * under zone->span_seqlock and pgdat->node_size_lock, for their readers.
 */
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/sched.h>
#include "internal.h"

/* The zone last seen contiguous before a change, and its slack then. */
static struct {
	struct zone *zone;
	unsigned long slack;
} contiguous_before;

static unsigned long zone_slack(struct zone *zone)
{
	return zone->spanned_pages - zone->present_pages;
}

/**
 * mhp_zone_suspend_contiguous - before the span or section marks change
 * @zone: the zone
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_zone_suspend_contiguous(struct zone *zone)
{
	mhp_assert_write_locked();
	if (!zone->contiguous)
		return;
	contiguous_before.zone = zone;
	contiguous_before.slack = zone_slack(zone);
	clear_zone_contiguous(zone);
}

/**
 * mhp_zone_resume_contiguous - after span, marks and present pages agree
 * @zone: the zone
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_zone_resume_contiguous(struct zone *zone)
{
	unsigned long slack = zone_slack(zone);

	mhp_assert_write_locked();
	if (!zone->present_pages)
		return;
	if (!slack || (contiguous_before.zone == zone &&
		       contiguous_before.slack == slack))
		zone->contiguous = true;
}

/* The allocator reads the span in interrupts too, when it checks a page. */
static void set_zone_span(struct zone *zone, unsigned long start_pfn,
			  unsigned long end_pfn)
{
	unsigned long flags;

	write_seqlock_irqsave(&zone->span_seqlock, flags);
	zone->zone_start_pfn = start_pfn;
	zone->spanned_pages = end_pfn - start_pfn;
	write_sequnlock_irqrestore(&zone->span_seqlock, flags);
}

static void set_node_span(struct pglist_data *pgdat, unsigned long start_pfn,
			  unsigned long end_pfn)
{
	unsigned long flags;

	pgdat_resize_lock(pgdat, &flags);
	pgdat->node_start_pfn = start_pfn;
	pgdat->node_spanned_pages = end_pfn - start_pfn;
	pgdat_resize_unlock(pgdat, &flags);
}

static void grow_zone_span(struct zone *zone, unsigned long start_pfn,
			   unsigned long end_pfn)
{
	if (!zone_is_empty(zone)) {
		start_pfn = min(start_pfn, zone->zone_start_pfn);
		end_pfn = max(end_pfn, zone_end_pfn(zone));
	}
	set_zone_span(zone, start_pfn, end_pfn);
}

/* The span of a node is what its zones span together. */
static void update_node_span(struct pglist_data *pgdat)
{
	unsigned long start_pfn = 0, end_pfn = 0;
	struct zone *zone;

	for (zone = pgdat->node_zones;
	     zone < pgdat->node_zones + MAX_NR_ZONES; zone++) {
		if (zone_is_empty(zone))
			continue;
		if (!end_pfn || zone->zone_start_pfn < start_pfn)
			start_pfn = zone->zone_start_pfn;
		end_pfn = max(end_pfn, zone_end_pfn(zone));
	}
	set_node_span(pgdat, start_pfn, end_pfn);
}

static bool zone_has_pfn_online(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	return page && page_zone(page) == zone;
}

/* First subsection of @zone that is online in [pfn, end), or @end. */
static unsigned long first_online_pfn(struct zone *zone, unsigned long pfn,
				      unsigned long end)
{
	while (pfn < end && !zone_has_pfn_online(zone, pfn)) {
		if (online_section_nr(pfn_to_section_nr(pfn)))
			pfn = SUBSECTION_ALIGN_DOWN(pfn) + PAGES_PER_SUBSECTION;
		else
			pfn = SECTION_ALIGN_DOWN(pfn) + PAGES_PER_SECTION;
	}
	return min(pfn, end);
}

/* End of the last subsection of @zone online in [start, end), or @start. */
static unsigned long last_online_end(struct zone *zone, unsigned long start,
				     unsigned long end)
{
	while (end > start && !zone_has_pfn_online(zone, end - 1)) {
		if (online_section_nr(pfn_to_section_nr(end - 1)))
			end = SUBSECTION_ALIGN_DOWN(end - 1);
		else
			end = SECTION_ALIGN_DOWN(end - 1);
	}
	return max(start, end);
}

static int note_ram_end(unsigned long pfn, unsigned long nr_pages, void *end)
{
	*(unsigned long *)end = pfn + nr_pages;
	return 0;
}

/*
 * Boot memory can end anywhere in a section.  The struct pages behind it look as if
 * they were of the zone.
 */
static unsigned long trim_to_ram(unsigned long start, unsigned long end)
{
	unsigned long ram_end = end;

	if (start < end && early_section(__pfn_to_section(end - 1)))
		walk_system_ram_range(start, end - start, &ram_end,
				      note_ram_end);
	return ram_end;
}

static void shrink_zone_span(struct zone *zone, unsigned long start_pfn,
			     unsigned long end_pfn)
{
	unsigned long zone_start = zone->zone_start_pfn;
	unsigned long zone_end = zone_end_pfn(zone);

	if (end_pfn <= zone_start || start_pfn >= zone_end)
		return;

	if (start_pfn <= zone_start)
		zone_start = first_online_pfn(zone, end_pfn, zone_end);
	else if (end_pfn >= zone_end)
		zone_end = trim_to_ram(zone_start,
				       last_online_end(zone, zone_start,
						       start_pfn));

	if (zone_start >= zone_end)
		set_zone_span(zone, 0, 0);
	else
		set_zone_span(zone, zone_start, zone_end);
}

/*
 * Only for device pages: walkers that found a page online may still read it
 * when its memory is offline, and poison is a bug to them.
 */
static void poison_memmap(unsigned long pfn, unsigned long nr_pages)
{
	const unsigned long end = pfn + nr_pages;

	while (pfn < end) {
		unsigned long step = mhp_pages_in_section(pfn, end);

		page_init_poison(pfn_to_page(pfn), step * sizeof(struct page));
		pfn += step;
		cond_resched();
	}
}

/**
 * mhp_zone_take_range - take a range into the spans of a zone and its node
 * @zone: the zone
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * Context: mem_hotplug_lock held for writing.
 */
void mhp_zone_take_range(struct zone *zone, unsigned long start_pfn,
			 unsigned long nr_pages)
{
	mhp_assert_write_locked();
	mhp_zone_suspend_contiguous(zone);
	if (zone_is_empty(zone))
		init_currently_empty_zone(zone, start_pfn, nr_pages);
	grow_zone_span(zone, start_pfn, start_pfn + nr_pages);
	update_node_span(zone->zone_pgdat);
}

/**
 * move_pfn_range_to_zone - make a range part of a zone
 * @zone: the zone
 * @start_pfn: first page
 * @nr_pages: how many
 * @altmap: where a ZONE_DEVICE memmap is, or NULL
 * @migratetype: type given to its pageblocks
 *
 * Initialises the struct pages: PageOffline with a refcount of one, except in
 * ZONE_DEVICE, whose pages are initialised after the lock is dropped.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void move_pfn_range_to_zone(struct zone *zone, unsigned long start_pfn,
			    unsigned long nr_pages,
			    struct vmem_altmap *altmap, int migratetype)
{
	mhp_zone_take_range(zone, start_pfn, nr_pages);
	if (zone_is_zone_device(zone))
		mhp_taint_partial_sections(start_pfn, nr_pages);

	memmap_init_range(nr_pages, zone_to_nid(zone), zone_idx(zone),
			  start_pfn, 0, MEMINIT_HOTPLUG, altmap, migratetype);
}

/**
 * remove_pfn_range_from_zone - take a range that is not online out of its zone
 * @zone: the zone
 * @start_pfn: first page
 * @nr_pages: how many
 *
 * The struct pages hold nothing afterwards.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void remove_pfn_range_from_zone(struct zone *zone, unsigned long start_pfn,
				unsigned long nr_pages)
{
	mhp_assert_write_locked();
	mhp_zone_suspend_contiguous(zone);
	if (zone_is_zone_device(zone)) {
		poison_memmap(start_pfn, nr_pages);
		return;
	}

	shrink_zone_span(zone, start_pfn, start_pfn + nr_pages);
	update_node_span(zone->zone_pgdat);
	mhp_zone_resume_contiguous(zone);
}

/**
 * adjust_present_page_count - pages of a zone that went on- or offline
 * @page: the first of them, initialised
 * @group: the group they are in, or NULL
 * @nr_pages: how many; negative when they go
 *
 * Context: mem_hotplug_lock held for writing.
 */
void adjust_present_page_count(struct page *page, struct memory_group *group,
			       long nr_pages)
{
	struct zone *zone = page_zone(page);

	mhp_assert_write_locked();
	if (nr_pages < 0)
		mhp_zone_suspend_contiguous(zone);

	zone->zone_pgdat->node_present_pages += nr_pages;
	zone->present_pages += nr_pages;
	if (early_section(__pfn_to_section(page_to_pfn(page))))
		zone->present_early_pages += nr_pages;

	if (group)
		mhp_count_in_group(group, zone, nr_pages);

	mhp_zone_resume_contiguous(zone);
}
