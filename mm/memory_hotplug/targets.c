// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: where pages move to.
 *
 * Single pages are cut from larger free chunks while there are such, and allocated
 * in bulk after that, as many as the batch to be moved has; larger folios and huge
 * pages one by one.  The node a page is on is preferred, since the memory that
 * leaves is isolated and cannot be allocated.  Of a device
 * that only one block leaves, the other blocks are not isolated, but whoever
 * takes one block away is likely to come for the next: pages that turn out to
 * be in the same device are put aside until the batch has moved, and the rest
 * of the batch is taken from the kernel's zones.  Only when those are full does
 * the device itself serve.
 *
 * Nothing here wakes the OOM killer: an allocation fails before that.
 */
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include "evacuate.h"

/*
 * Movable, from any zone; cpusets of whoever asked for the offline do not count.
 * An evacuation says itself that it did not find room.
 */
#define GFP_TARGET	((GFP_HIGHUSER_MOVABLE & ~__GFP_HARDWALL) | \
			 __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
/* The same without ZONE_MOVABLE, and rather not than with reclaim. */
#define GFP_KERNEL_ZONE	((GFP_TARGET & ~(__GFP_HIGHMEM | __GFP_RETRY_MAYFAIL)) | \
			 __GFP_NORETRY)

/* Pages taken from the allocator at once at most. */
#define TARGETS_BULK	512UL
/* Single pages are cut from free chunks of this order: 256 KiB on x86. */
#define CHUNK_ORDER	6

static bool is_to_be_avoided(const struct mhp_targets *targets,
			     const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return pfn >= targets->ev->avoid_start && pfn < targets->ev->avoid_end;
}

static gfp_t gfp_of(const struct mhp_targets *targets)
{
	return targets->kernel_zones_only ? GFP_KERNEL_ZONE : GFP_TARGET;
}

/*
 * Cut a chunk into single pages.  One is only taken where it lies ready: nothing
 * is reclaimed or compacted for it.
 */
static bool fetch_chunk(struct mhp_targets *targets)
{
	gfp_t gfp = (gfp_of(targets) & ~(__GFP_RECLAIM | __GFP_RETRY_MAYFAIL |
					 __GFP_NORETRY)) |
		    __GFP_NOMEMALLOC;
	struct page *chunk;
	unsigned int i;

	if (targets->wanted < 1UL << CHUNK_ORDER)
		return false;
	chunk = alloc_pages_node(targets->nid, gfp, CHUNK_ORDER);
	if (!chunk)
		return false;
	split_page(chunk, CHUNK_ORDER);
	if (!is_to_be_avoided(targets, chunk)) {
		targets->chunk = chunk;
		targets->chunk_left = 1U << CHUNK_ORDER;
		return true;
	}
	for (i = 0; i < 1U << CHUNK_ORDER; i++)
		list_add_tail(&chunk[i].lru, &targets->rejected);
	return true;
}

static void fetch_singles(struct mhp_targets *targets)
{
	unsigned long nr = clamp(targets->wanted, 1UL, TARGETS_BULK);
	struct page *page, *next;
	LIST_HEAD(fetched);

	__alloc_pages_bulk(gfp_of(targets), targets->nid, NULL, nr, &fetched,
			   NULL);
	list_for_each_entry_safe(page, next, &fetched, lru) {
		list_move_tail(&page->lru, is_to_be_avoided(targets, page) ?
			       &targets->rejected : &targets->pages);
	}
}

/* Fill the stock of single pages; what is to be avoided is put aside. */
static void fetch_pages(struct mhp_targets *targets)
{
	if (!fetch_chunk(targets))
		fetch_singles(targets);
}

static struct page *take_from_chunk(struct mhp_targets *targets)
{
	if (!targets->chunk_left)
		return NULL;
	targets->chunk_left--;
	return targets->chunk++;
}

static struct page *take_first(struct list_head *pages)
{
	struct page *page = list_first_entry_or_null(pages, struct page, lru);

	if (page)
		list_del(&page->lru);
	return page;
}

static bool is_out_of_stock(const struct mhp_targets *targets)
{
	return !targets->chunk_left && list_empty(&targets->pages);
}

static struct page *take_from_stock(struct mhp_targets *targets)
{
	if (is_out_of_stock(targets))
		fetch_pages(targets);
	if (is_out_of_stock(targets) && !targets->kernel_zones_only) {
		targets->kernel_zones_only = true;
		fetch_pages(targets);
	}
	return take_from_chunk(targets) ?: take_first(&targets->pages) ?:
	       take_first(&targets->rejected);
}

static struct folio *get_single(struct mhp_targets *targets)
{
	struct page *page = take_from_chunk(targets) ?: take_from_stock(targets);

	if (!page)
		page = alloc_pages_node(targets->nid, GFP_TARGET, 0);
	if (!page)
		return NULL;
	if (targets->wanted)
		targets->wanted--;
	return page_folio(page);
}

/* A large folio is split by the caller if there is none. */
static struct folio *get_large(struct mhp_targets *targets, unsigned int order)
{
	const gfp_t extra = __GFP_COMP | __GFP_NOMEMALLOC;
	gfp_t gfp = gfp_of(targets) | extra;
	struct folio *folio = __folio_alloc_node(gfp, order, targets->nid);

	if (folio && is_to_be_avoided(targets, &folio->page)) {
		struct folio *other;

		targets->kernel_zones_only = true;
		other = __folio_alloc_node(gfp_of(targets) | extra, order,
					   targets->nid);
		if (other) {
			folio_put(folio);
			return other;
		}
	}
	if (!folio && targets->kernel_zones_only)
		folio = __folio_alloc_node(GFP_TARGET | extra, order,
					   targets->nid);
	return folio;
}

/* One of the pool, or a new one in place of the old. */
static struct folio *alloc_huge(const struct mhp_targets *targets,
				struct hstate *h, bool movable)
{
	gfp_t gfp = htlb_modify_alloc_mask(h, GFP_TARGET);

	if (!movable)
		gfp &= ~(__GFP_MOVABLE | __GFP_HIGHMEM);
	return alloc_hugetlb_folio_nodemask(h, targets->nid, NULL, gfp, true);
}

static struct folio *get_huge(struct mhp_targets *targets, struct hstate *h)
{
	struct folio *folio = alloc_huge(targets, h, true), *other;

	if (!folio || !is_to_be_avoided(targets, &folio->page))
		return folio;

	other = alloc_huge(targets, h, false);
	if (!other)
		return folio;
	if (is_to_be_avoided(targets, &other->page))
		swap(folio, other);
	folio_put(folio);
	return other;
}

/**
 * mhp_targets_get - a folio for the content of another
 * @src: the folio to be moved
 * @private: the struct mhp_targets
 *
 * Context: May sleep.
 * Return: a folio of the same size, or NULL if there is no memory.
 */
struct folio *mhp_targets_get(struct folio *src, unsigned long private)
{
	struct mhp_targets *targets = (struct mhp_targets *)private;

	if (!folio_test_large(src))
		return get_single(targets);
	if (folio_test_hugetlb(src))
		return get_huge(targets, folio_hstate(src));
	return get_large(targets, folio_order(src));
}

/**
 * mhp_targets_begin - get ready to serve a batch
 * @targets: to be filled in
 * @ev: the evacuation
 * @nid: node the pages are on
 * @wanted: how many single pages the batch has
 *
 * Context: Any.
 */
void mhp_targets_begin(struct mhp_targets *targets,
		       const struct mhp_evacuation *ev, int nid,
		       unsigned long wanted)
{
	targets->ev = ev;
	targets->nid = nid;
	targets->kernel_zones_only = false;
	targets->wanted = wanted;
	targets->chunk_left = 0;
	INIT_LIST_HEAD(&targets->pages);
	INIT_LIST_HEAD(&targets->rejected);
}

/**
 * mhp_targets_end - give back what the batch did not need
 * @targets: begun
 *
 * Context: Any.
 */
void mhp_targets_end(struct mhp_targets *targets)
{
	struct page *page;

	while ((page = take_from_chunk(targets)))
		__free_page(page);
	list_splice_init(&targets->rejected, &targets->pages);
	while ((page = take_first(&targets->pages)))
		__free_page(page);
}
