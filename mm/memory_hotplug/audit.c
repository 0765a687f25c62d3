// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: the books, and whether they balance.
 *
 * Owns <debugfs>/memory_hotplug/audit.  One read tells which sections are there
 * and online, the size of each zone and the type of each pageblock, neighbours
 * that are equal in one line; nothing in it changes by allocating and freeing
 * alone, but for the types of pageblocks outside ZONE_MOVABLE.  So two reads can
 * be compared, and an operation that failed has to leave the text as it was.
 * Lines that start with "problem" say what is wrong at the time of reading:
 * lists, counters, types and marks that do not agree.
 *
 * Locks: mem_hotplug_lock for reading keeps sections and zones; zone->lock is held
 * while the lists of a zone are counted.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/page-isolation.h>
#include <linux/seq_file.h>
#include <linux/vmstat.h>
#include "internal.h"

/**
 * struct free_books - what the lists of a zone hold
 * @pages: free pages that can be allocated
 * @bad_pfn: a page that does not belong where it is, or ULONG_MAX
 * @bad_order: an order whose list is not as long as its count says, or -1
 * @counter: free pages as the zone's counter has them
 */
struct free_books {
	unsigned long pages;
	unsigned long bad_pfn;
	int bad_order;
	unsigned long counter;
};

static bool page_belongs(struct zone *zone, struct page *page,
			 unsigned int order, int type)
{
	return PageBuddy(page) && buddy_order(page) == order &&
	       page_zone(page) == zone && !page_ref_count(page) &&
	       get_pageblock_migratetype(page) == type &&
	       pfn_to_online_page(page_to_pfn(page)) == page;
}

/* Count one order; what is isolated cannot be allocated and does not count. */
static void count_order(struct zone *zone, unsigned int order,
			struct free_books *books)
{
	struct free_area *area = &zone->free_area[order];
	unsigned long nr = 0;
	struct page *page;
	int type;

	for (type = 0; type < MIGRATE_TYPES; type++) {
		list_for_each_entry(page, &area->free_list[type], buddy_list) {
			nr++;
			if (!is_migrate_isolate(type))
				books->pages += 1UL << order;
			if (!page_belongs(zone, page, order, type))
				books->bad_pfn = page_to_pfn(page);
		}
	}
	if (nr != area->nr_free)
		books->bad_order = order;
}

/* Memory that the firmware has not been asked for is free, and on no such list. */
static unsigned long unaccepted(struct zone *zone)
{
#ifdef CONFIG_UNACCEPTED_MEMORY
	return zone_page_state_snapshot(zone, NR_UNACCEPTED);
#else
	return 0;
#endif
}

static struct free_books count_free(struct zone *zone)
{
	struct free_books books = { .bad_pfn = ULONG_MAX, .bad_order = -1 };
	unsigned long flags;
	unsigned int order;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		count_order(zone, order, &books);
	books.counter = zone_page_state_snapshot(zone, NR_FREE_PAGES) -
			unaccepted(zone);
	spin_unlock_irqrestore(&zone->lock, flags);
	return books;
}

static void audit_free(struct seq_file *m, struct zone *zone)
{
	struct free_books books = count_free(zone);

	if (books.pages != books.counter)
		seq_printf(m, "problem: node %d zone %s: %lu pages free, the counter says %lu\n",
			   zone_to_nid(zone), zone->name, books.pages,
			   books.counter);
	if (books.bad_pfn != ULONG_MAX)
		seq_printf(m, "problem: node %d zone %s: free page %#lx is on the wrong list\n",
			   zone_to_nid(zone), zone->name, books.bad_pfn);
	if (books.bad_order >= 0)
		seq_printf(m, "problem: node %d zone %s: order %d: list and count differ\n",
			   zone_to_nid(zone), zone->name, books.bad_order);
}

/* The type of a pageblock, or -1 if none of it is online and in the zone. */
static int type_of(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || page_zone(page) != zone)
		return -1;
	return get_pageblock_migratetype(page);
}

/* Print the runs of pageblocks of one type; return how many are isolated. */
static unsigned long audit_types(struct seq_file *m, struct zone *zone)
{
	unsigned long pfn = pageblock_start_pfn(zone->zone_start_pfn);
	unsigned long end = zone_end_pfn(zone), start = pfn, isolated = 0;
	int type = -1;

	for (; pfn < end; pfn += pageblock_nr_pages) {
		int here = type_of(zone, pfn);

		isolated += here >= 0 && is_migrate_isolate(here);
		if (here == type)
			continue;
		if (type >= 0)
			seq_printf(m, "pageblocks %s %#lx-%#lx %s\n", zone->name,
				   start, pfn - 1, migratetype_names[type]);
		start = pfn;
		type = here;
	}
	if (type >= 0)
		seq_printf(m, "pageblocks %s %#lx-%#lx %s\n", zone->name, start,
			   pfn - 1, migratetype_names[type]);
	return isolated;
}

static void audit_zone(struct seq_file *m, struct zone *zone)
{
	unsigned long isolated;

	seq_printf(m, "zone %d %s: start %#lx spanned %lu present %lu managed %lu contiguous %d\n",
		   zone_to_nid(zone), zone->name, zone->zone_start_pfn,
		   zone->spanned_pages, zone->present_pages,
		   zone_managed_pages(zone), zone->contiguous);
	audit_free(m, zone);
	isolated = audit_types(m, zone);
	if (isolated != zone->nr_isolate_pageblock)
		seq_printf(m, "problem: node %d zone %s: %lu pageblocks isolated, the counter says %lu\n",
			   zone_to_nid(zone), zone->name, isolated,
			   zone->nr_isolate_pageblock);
}

/* The marks of a section in one word: present, online, early. */
static unsigned int marks_of(unsigned long nr)
{
	struct mem_section *ms = __nr_to_section(nr);

	if (!present_section(ms))
		return 0;
	return 1 | online_section(ms) << 1 | early_section(ms) << 2;
}

static void print_sections(struct seq_file *m, unsigned long first,
			   unsigned long last, unsigned int marks)
{
	if (marks)
		seq_printf(m, "sections %lu-%lu:%s%s\n", first, last,
			   marks & 2 ? " online" : " offline",
			   marks & 4 ? " early" : "");
}

static void audit_sections(struct seq_file *m)
{
	unsigned long nr, start = 0;
	unsigned int marks = 0;

	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		unsigned int here = marks_of(nr);

		if (here == marks)
			continue;
		print_sections(m, start, nr - 1, marks);
		start = nr;
		marks = here;
	}
	print_sections(m, start, nr - 1, marks);
}

static int audit_show(struct seq_file *m, void *unused)
{
	struct zone *zone;

	get_online_mems();
	if (!mhp_tombstone_is_intact())
		seq_puts(m, "problem: struct pages of removed memory were written to\n");
	audit_sections(m);
	for_each_populated_zone(zone)
		audit_zone(m, zone);
	put_online_mems();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(audit);

static int __init mhp_audit_init(void)
{
	struct dentry *folder = debugfs_create_dir("memory_hotplug", NULL);

	debugfs_create_file("audit", 0400, folder, NULL, &audit_fops);
	mhp_failures_init(folder);
	return 0;
}
late_initcall(mhp_audit_init);
