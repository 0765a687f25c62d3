// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: struct pages of memory that goes online, written once.
 *
 * The pages of a section look all alike when they start, so one is made the way
 * the rest of the kernel makes them and copied to all places.  They are made in the
 * form that they keep: free already, unless a driver is to see them first.  Nobody
 * else looks at them before their section is marked online.
 *
 * A large range is written by all processors of its node.  They take it in pieces,
 * none of which is worth less than waking one of them costs; the caller takes pieces
 * too.
 *
 * mem_hotplug_lock is held for writing.
 */
#include <linux/align.h>
#include <linux/mm.h>
#include <linux/padata.h>
#include <linux/page-isolation.h>
#include <linux/sizes.h>
#include <linux/topology.h>
#include "internal.h"

#define WORDS_PER_PAGE	(sizeof(struct page) / sizeof(unsigned long))

static_assert(sizeof(struct page) % sizeof(unsigned long) == 0);

/* Pages written in a turn of the loop below; divides any pageblock. */
#define AT_ONCE		4

/* The least that a processor is woken for, in bytes of struct pages. */
#define MIN_PIECE	SZ_4M

static void make_template(struct page *template, struct zone *zone,
			  unsigned long pfn, enum mhp_page_form form)
{
	__init_single_page(template, pfn, zone_idx(zone), zone_to_nid(zone));
	/* A page is on no list; the template's own head would be a stray pointer. */
	template->lru.next = NULL;
	template->lru.prev = NULL;

	if (form == MHP_PAGES_OFFLINE)
		__SetPageOffline(template);
	else
		set_page_count(template, 0);
}

static __always_inline void write_page(unsigned long *to, unsigned long a,
				       unsigned long b, unsigned long c,
				       unsigned long d, unsigned long e,
				       unsigned long f, unsigned long g,
				       unsigned long h)
{
	to[0] = a;
	to[1] = b;
	to[2] = c;
	to[3] = d;
	to[4] = e;
	to[5] = f;
	to[6] = g;
	to[7] = h;
}

/*
 * Eight words are what struct page has where it matters.  They stay in registers:
 * a store each is what a page costs, and a fourth of a turn of the loop.
 */
static void write_by_four(unsigned long *to, const unsigned long *from,
			  unsigned long nr_pages)
{
	const unsigned long a = from[0], b = from[1], c = from[2], d = from[3];
	const unsigned long e = from[4], f = from[5], g = from[6], h = from[7];
	unsigned long *end = to + 8 * nr_pages;

	for (; to < end; to += 8 * AT_ONCE) {
		write_page(to, a, b, c, d, e, f, g, h);
		write_page(to + 8, a, b, c, d, e, f, g, h);
		write_page(to + 16, a, b, c, d, e, f, g, h);
		write_page(to + 24, a, b, c, d, e, f, g, h);
	}
}

static void write_pages(struct page *page, const struct page *template,
			unsigned long nr_pages)
{
	unsigned long i;

	if (WORDS_PER_PAGE == 8) {
		write_by_four((unsigned long *)page,
			      (const unsigned long *)template, nr_pages);
		return;
	}
	for (i = 0; i < nr_pages; i++)
		page[i] = *template;
}

static void set_addresses(struct page *page, unsigned long nr_pages)
{
#ifdef WANT_PAGE_VIRTUAL
	struct page *end = page + nr_pages;

	for (; page < end; page++)
		set_page_address(page, __va(PFN_PHYS(page_to_pfn(page))));
#endif
}

/* Part of one section: the section can be in the flags of a page. */
static void init_part(struct zone *zone, unsigned long pfn,
		      unsigned long nr_pages, enum mhp_page_form form)
{
	struct page template;
	unsigned long i;

	make_template(&template, zone, pfn, form);
	write_pages(pfn_to_page(pfn), &template, nr_pages);
	set_addresses(pfn_to_page(pfn), nr_pages);
	for (i = 0; i < nr_pages; i += pageblock_nr_pages)
		set_pageblock_migratetype(pfn_to_page(pfn + i),
					  MIGRATE_MOVABLE);
}

/**
 * struct init_how - what the processors that initialise a range have in common
 * @zone: the zone of the pages
 * @form: how the pages start
 */
struct init_how {
	struct zone *zone;
	enum mhp_page_form form;
};

/* One piece, by one processor. */
static void init_piece(unsigned long pfn, unsigned long end, void *arg)
{
	const struct init_how *how = arg;

	while (pfn < end) {
		unsigned long step = mhp_pages_in_section(pfn, end);

		init_part(how->zone, pfn, step, how->form);
		pfn += step;
		cond_resched();
	}
}

/* The processors of a node; those of this one if it has none. */
static const struct cpumask *processors_for(int nid)
{
	const struct cpumask *cpus = cpumask_of_node(nid);

	return cpumask_empty(cpus) ? cpumask_of_node(numa_node_id()) : cpus;
}

/**
 * mhp_init_pages - initialise the struct pages of a range that goes online
 * @zone: the zone, whose span has the range
 * @pfn: first page, aligned to a pageblock
 * @nr_pages: how many, whole pageblocks
 * @form: how the pages start
 *
 * Pageblocks become MIGRATE_MOVABLE.
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_init_pages(struct zone *zone, unsigned long pfn,
		    unsigned long nr_pages, enum mhp_page_form form)
{
	const struct cpumask *cpus = processors_for(zone_to_nid(zone));
	struct init_how how = { .zone = zone, .form = form };
	struct padata_mt_job job = {
		.thread_fn = init_piece,
		.fn_arg = &how,
		.start = pfn,
		.size = nr_pages,
		.align = PAGES_PER_SECTION,
		.min_chunk = MIN_PIECE / sizeof(struct page),
		.max_threads = max(cpumask_weight(cpus), 1U),
		.cpus = cpus,
	};

	mhp_assert_write_locked();
	highest_memmap_pfn = max(highest_memmap_pfn, pfn + nr_pages - 1);
	padata_do_multithreaded(&job);
}
