// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: migration targets.
 *
 * Single pages are cut from larger free chunks while there are such, and
 * allocated in bulk after that, as many as the batch has; larger folios and huge
 * pages one by one.  The node a page is on is preferred.  A page goes to
 * ZONE_MOVABLE only if it is there already, is anonymous, or its mapping allows
 * it: a file system holds its metadata for long.
 *
 * The memory that leaves is isolated and cannot be allocated.  When one block
 * of a device leaves, the other blocks are not isolated, but are likely to be
 * the next: pages of the same device are put aside, and the batch goes to the
 * kernel zones instead.  That is a preference, and nothing else in the system
 * pays for it: a kernel zone serves while it stays above its high watermark, the
 * reserve that it keeps from allocations of movable pages, and an eighth of its
 * size; nothing is reclaimed, and kswapd sleeps.  Otherwise the pages that were
 * put aside serve.
 *
 * No allocation here wakes the OOM killer.  The worker that allocates has no
 * cpuset and no memory policy.
 */
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include "evacuate.h"

/*
 * Movable, from any zone.  An evacuation itself reports a lack of memory, and
 * tries again: what it cannot reclaim at once is left to kswapd.
 */
#define GFP_TARGET	((GFP_HIGHUSER_MOVABLE & ~__GFP_HARDWALL) | \
			 __GFP_NORETRY | __GFP_NOWARN)
/* What lies ready: kswapd is woken when there is little, but nobody waits. */
#define GFP_READY	((GFP_TARGET & ~(__GFP_DIRECT_RECLAIM | \
					 __GFP_NORETRY)) | \
			 __GFP_NOMEMALLOC)
/* A preference: only one zone of one node, and nobody is woken. */
#define GFP_SPARE	((GFP_READY & ~(__GFP_KSWAPD_RECLAIM | \
					__GFP_HIGHMEM)) | __GFP_THISNODE)
/*
 * As for new ones of this size, but without patience: compaction would wait for
 * the folios that this batch has isolated.  A folio without a target is split.
 */
#define GFP_LARGE	((GFP_TRANSHUGE & ~__GFP_HARDWALL) | __GFP_NORETRY)

/* Pages taken from the allocator at once at most. */
#define TARGETS_BULK	512UL
/* Single pages are cut from free chunks of this order: 256 KiB on x86. */
#define CHUNK_ORDER	6
#define CHUNK_PAGES	BIT(CHUNK_ORDER)
/* The part of a kernel zone that a preference leaves free. */
#define SPARE_SHARE	8

static bool is_to_be_avoided(const struct mhp_targets *targets,
			     const struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return pfn >= targets->ev->avoid_start && pfn < targets->ev->avoid_end;
}

/* Which memory a mapping allows, as the zone bits of a GFP mask. */
static gfp_t zone_bits_of_mapping(struct folio *folio)
{
	struct address_space *mapping;
	gfp_t bits = 0;

	/* A truncated folio has none; inodes are freed by RCU. */
	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	if (mapping && !((unsigned long)mapping & PAGE_MAPPING_FLAGS))
		bits = mapping_gfp_mask(mapping) & GFP_ZONEMASK;
	rcu_read_unlock();
	return bits;
}

/* Where the content of a folio may be; ZONE_MOVABLE is __GFP_HIGHMEM. */
static gfp_t zone_bits_of(struct folio *folio)
{
	gfp_t bits;

	if (folio_zonenum(folio) == ZONE_MOVABLE || folio_test_anon(folio))
		return __GFP_HIGHMEM;
	bits = zone_bits_of_mapping(folio);
	if (bits & (__GFP_DMA | __GFP_DMA32))
		return bits & (__GFP_DMA | __GFP_DMA32);
	return bits & __GFP_MOVABLE ? __GFP_HIGHMEM : 0;
}

static gfp_t with_zone(gfp_t gfp, gfp_t zone_bits)
{
	return (gfp & ~__GFP_HIGHMEM) | zone_bits;
}

static struct page *take_from_chunk(struct mhp_target_pool *pool)
{
	if (!pool->chunk_left)
		return NULL;
	pool->chunk_left--;
	return pool->chunk++;
}

static struct page *take_first(struct list_head *pages)
{
	struct page *page = list_first_entry_or_null(pages, struct page, lru);

	if (page)
		list_del(&page->lru);
	return page;
}

static struct page *take_from_pool(struct mhp_target_pool *pool)
{
	return take_from_chunk(pool) ?: take_first(&pool->pages);
}

/* Pages of the device that is to be avoided are put aside while that is on. */
static bool is_put_aside(const struct mhp_targets *targets,
			 const struct page *page)
{
	return targets->try_outside && is_to_be_avoided(targets, page);
}

static void put_chunk(struct mhp_targets *targets,
		      struct mhp_target_pool *pool, struct page *chunk)
{
	unsigned long i;

	split_page(chunk, CHUNK_ORDER);
	if (!is_put_aside(targets, chunk)) {
		pool->chunk = chunk;
		pool->chunk_left = CHUNK_PAGES;
		return;
	}
	for (i = 0; i < CHUNK_PAGES; i++)
		list_add_tail(&chunk[i].lru, &pool->rejected);
}

static void put_bulk(struct mhp_targets *targets, struct mhp_target_pool *pool,
		     struct list_head *fetched)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, fetched, lru)
		list_move_tail(&page->lru, is_put_aside(targets, page) ?
			       &pool->rejected : &pool->pages);
}

/* The zone that an allocation comes from that takes what lies ready. */
static struct zone *ready_zone(int nid, gfp_t gfp)
{
	const enum zone_type highest = gfp_zone(gfp);
	struct zoneref *z;
	struct zone *zone;

	for_each_zone_zonelist(zone, z, node_zonelist(nid, gfp), highest)
		if (zone_watermark_ok(zone, 0, low_wmark_pages(zone), highest,
				      0))
			return zone;
	return NULL;
}

/* Many pages at once only where their zone stays above its high watermark. */
static bool is_plenty(const struct mhp_targets *targets, gfp_t gfp)
{
	struct zone *zone = ready_zone(targets->nid, gfp);

	return zone && zone_watermark_ok(zone, CHUNK_ORDER,
					 high_wmark_pages(zone) + CHUNK_PAGES,
					 gfp_zone(gfp), 0);
}

static bool fetch_chunk(struct mhp_targets *targets,
			struct mhp_target_pool *pool)
{
	const gfp_t gfp = with_zone(GFP_READY, pool->zone_bits);
	struct page *chunk;

	if (targets->wanted < CHUNK_PAGES || !is_plenty(targets, gfp))
		return false;
	chunk = alloc_pages_node(targets->nid, gfp, CHUNK_ORDER);
	if (chunk)
		put_chunk(targets, pool, chunk);
	return chunk;
}

static void fetch_bulk(struct mhp_targets *targets, gfp_t gfp,
		       unsigned long nr_pages, struct mhp_target_pool *pool)
{
	LIST_HEAD(fetched);

	__alloc_pages_bulk(gfp, targets->nid, NULL, nr_pages, &fetched, NULL);
	put_bulk(targets, pool, &fetched);
}

/* While there may be spare memory outside, nobody is made to reclaim. */
static void fetch_anywhere(struct mhp_targets *targets,
			   struct mhp_target_pool *pool)
{
	gfp_t gfp = targets->try_outside ? GFP_READY : GFP_TARGET;

	if (!fetch_chunk(targets, pool))
		fetch_bulk(targets, with_zone(gfp, pool->zone_bits),
			   clamp(targets->wanted, 1UL, TARGETS_BULK), pool);
}

/* Free pages of a zone that no preference of ours has to leave alone. */
static unsigned long spare_pages(struct zone *zone)
{
	unsigned long free = zone_page_state(zone, NR_FREE_PAGES);
	unsigned long keep = high_wmark_pages(zone) +
			     zone->lowmem_reserve[ZONE_MOVABLE] +
			     zone_managed_pages(zone) / SPARE_SHARE;

	return free > keep ? free - keep : 0;
}

/* GFP masks by zone that are asked for spare memory; ZONE_DMA is not. */
static const struct spare_zone {
	enum zone_type type;
	gfp_t bits;
} spare_zones[] = {
	{ ZONE_NORMAL, 0 },
#ifdef CONFIG_ZONE_DMA32
	{ ZONE_DMA32, __GFP_DMA32 },
#endif
};

/* Take a chunk, or single pages, from one zone, as long as it has to spare. */
static void fetch_spare(struct mhp_targets *targets,
			const struct spare_zone *from,
			struct mhp_target_pool *pool)
{
	struct zone *zone = &NODE_DATA(targets->nid)->node_zones[from->type];
	unsigned long nr = min3(targets->wanted, TARGETS_BULK,
				populated_zone(zone) ? spare_pages(zone) : 0);
	const gfp_t gfp = with_zone(GFP_SPARE, from->bits);
	struct page *chunk = NULL;

	if (nr >= CHUNK_PAGES)
		chunk = alloc_pages_node(targets->nid, gfp, CHUNK_ORDER);
	if (chunk)
		put_chunk(targets, pool, chunk);
	else if (nr)
		fetch_bulk(targets, gfp, nr, pool);
}

static struct page *take_outside(struct mhp_targets *targets,
				 struct mhp_target_pool *pool)
{
	struct page *page = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spare_zones) && !page; i++) {
		if (pool->zone_bits & ~__GFP_HIGHMEM)
			continue;
		fetch_spare(targets, &spare_zones[i], pool);
		page = take_from_pool(pool);
	}
	return page;
}

/* Pages outside what is to be avoided, until there are none. */
static struct page *take_preferred(struct mhp_targets *targets,
				   struct mhp_target_pool *pool)
{
	struct page *page = NULL;

	if (list_empty(&pool->rejected)) {
		fetch_anywhere(targets, pool);
		page = take_from_pool(pool);
	}
	if (!page)
		page = take_outside(targets, pool);
	if (!page)
		targets->try_outside = false;
	return page;
}

static struct page *take_any(struct mhp_targets *targets,
			     struct mhp_target_pool *pool)
{
	struct page *page = take_first(&pool->rejected);

	/* Reclaim may take long: a batch does not go on when time is up. */
	if (page || mhp_evacuation_is_over(targets->ev))
		return page;
	fetch_anywhere(targets, pool);
	return take_from_pool(pool);
}

static struct mhp_target_pool *pool_of(struct mhp_targets *targets,
				       gfp_t zone_bits)
{
	return &targets->pools[zone_bits == __GFP_HIGHMEM];
}

static struct folio *get_single(struct mhp_targets *targets, gfp_t zone_bits)
{
	struct mhp_target_pool *pool = pool_of(targets, zone_bits);
	struct page *page = NULL;

	/* A mapping that wants the lowest zones is rare. */
	if (zone_bits == pool->zone_bits)
		page = take_from_pool(pool) ?:
		       (targets->try_outside ? take_preferred(targets, pool) :
					       NULL) ?:
		       take_any(targets, pool);
	if (!page && !mhp_evacuation_is_over(targets->ev))
		page = alloc_pages_node(targets->nid,
					with_zone(GFP_TARGET, zone_bits), 0);
	if (!page)
		return NULL;
	if (targets->wanted)
		targets->wanted--;
	return page_folio(page);
}

/* A large folio from memory that a kernel zone has to spare, or NULL. */
static struct folio *get_large_outside(struct mhp_targets *targets,
				       unsigned int order)
{
	struct folio *folio = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spare_zones) && !folio; i++) {
		struct zone *zone = &NODE_DATA(targets->nid)->
			node_zones[spare_zones[i].type];

		if (!populated_zone(zone) || spare_pages(zone) < 1UL << order)
			continue;
		folio = __folio_alloc_node(with_zone(GFP_SPARE,
						     spare_zones[i].bits) |
					   __GFP_COMP, order, targets->nid);
		if (folio && is_to_be_avoided(targets, &folio->page)) {
			folio_put(folio);
			folio = NULL;
		}
	}
	return folio;
}

/* A large folio is split by the caller if there is none. */
static struct folio *get_large(struct mhp_targets *targets, unsigned int order,
			       gfp_t zone_bits)
{
	const gfp_t gfp = with_zone(GFP_LARGE, zone_bits);
	struct folio *folio = __folio_alloc_node(gfp, order, targets->nid);
	struct folio *other;

	if (!folio || !is_to_be_avoided(targets, &folio->page))
		return folio;
	other = get_large_outside(targets, order);
	if (!other)
		return folio;
	folio_put(folio);
	return other;
}

/* One of the pool, or a new one in place of the old. */
static struct folio *alloc_huge(const struct mhp_targets *targets,
				struct hstate *h, gfp_t gfp)
{
	return alloc_hugetlb_folio_nodemask(h, targets->nid, NULL, gfp, true);
}

static bool has_spare_huge(const struct mhp_targets *targets, struct hstate *h)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spare_zones); i++) {
		struct zone *zone = &NODE_DATA(targets->nid)->
			node_zones[spare_zones[i].type];

		if (populated_zone(zone) &&
		    spare_pages(zone) >= pages_per_huge_page(h))
			return true;
	}
	return false;
}

static struct folio *get_huge(struct mhp_targets *targets, struct hstate *h)
{
	gfp_t gfp = htlb_modify_alloc_mask(h, GFP_TARGET);
	struct folio *folio = alloc_huge(targets, h, gfp), *other;

	if (!folio || !is_to_be_avoided(targets, &folio->page) ||
	    !has_spare_huge(targets, h))
		return folio;

	gfp &= ~(__GFP_MOVABLE | __GFP_HIGHMEM | __GFP_RECLAIM);
	other = alloc_huge(targets, h, gfp | __GFP_NOWARN);
	if (!other)
		return folio;
	if (is_to_be_avoided(targets, &other->page))
		swap(folio, other);
	folio_put(folio);
	return other;
}

/**
 * mhp_targets_get - allocate a folio for the content of another
 * @src: the folio to be moved
 * @private: the struct mhp_targets
 *
 * Context: May sleep.
 * Return: a folio of the same size, or NULL if there is no memory; @src is
 *	noted then.
 */
struct folio *mhp_targets_get(struct folio *src, unsigned long private)
{
	struct mhp_targets *targets = (struct mhp_targets *)private;
	struct folio *dst;

	if (!folio_test_large(src))
		dst = get_single(targets, zone_bits_of(src));
	else if (mhp_evacuation_is_over(targets->ev))
		dst = NULL;
	else if (folio_test_hugetlb(src))
		dst = get_huge(targets, folio_hstate(src));
	else
		dst = get_large(targets, folio_order(src), zone_bits_of(src));
	if (!dst)
		targets->failed = src;
	return dst;
}

static void init_pool(struct mhp_target_pool *pool, gfp_t zone_bits)
{
	pool->zone_bits = zone_bits;
	pool->chunk_left = 0;
	INIT_LIST_HEAD(&pool->pages);
	INIT_LIST_HEAD(&pool->rejected);
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
	targets->wanted = wanted;
	targets->try_outside = ev->avoid_start < ev->avoid_end;
	targets->failed = NULL;
	init_pool(&targets->pools[0], 0);
	init_pool(&targets->pools[1], __GFP_HIGHMEM);
}

static void drain_pool(struct mhp_target_pool *pool)
{
	struct page *page;

	list_splice_init(&pool->rejected, &pool->pages);
	while ((page = take_from_pool(pool)))
		__free_page(page);
}

/**
 * mhp_targets_end - give back what the batch did not need
 * @targets: begun
 *
 * Context: Any.
 */
void mhp_targets_end(struct mhp_targets *targets)
{
	drain_pool(&targets->pools[0]);
	drain_pool(&targets->pools[1]);
}
