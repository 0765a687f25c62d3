// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: their memory put into use and taken out of it.
 *
 * This file owns the order in which the core in mm is asked to do the work, and
 * memory_block.zone, which is set while the memory of a block that can go offline
 * is in use.  It does not know how pages get used or emptied, and nothing of states
 * and events in user space: those follow, see memory_state.c.
 *
 * Blocks that go into use together do so in runs, whose struct pages are readied in one
 * go.  A run ends where the range has a gap, where the zone changes, and between
 * blocks that carry their struct pages and those that do not.  Then each block is
 * announced by itself, for it can leave by itself: what a notifier does for a range
 * when it comes, it undoes for the same range when it goes (the shadow of KASAN is
 * one allocation).
 *
 * Locks: device_hotplug_lock throughout.  mem_hotplug_lock is taken for writing around
 * each run.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "memory_blocks.h"

/*
 * The most of a run, in bytes of struct pages: writing them takes one processor
 * some 20 ms, and others may wait for mem_hotplug_lock as long.
 */
#define RUN_MEMMAP_MAX	SZ_128M

/* The two parts of a block: its own memmap, which may be empty, and the rest. */
static struct memory_notify describe_block(const struct memory_block *mem)
{
	unsigned long memmap = memory_block_own_memmap(mem);
	unsigned long pfn = memory_block_start_pfn(mem);

	return (struct memory_notify) {
		.start_pfn = pfn + memmap,
		.nr_pages = memory_block_nr_pages() - memmap,
		.altmap_start_pfn = pfn,
		.altmap_nr_pages = memmap,
		.status_change_nid_normal = NUMA_NO_NODE,
		.status_change_nid_high = NUMA_NO_NODE,
		.status_change_nid = NUMA_NO_NODE,
	};
}

static int init_own_memmap(const struct memory_notify *parts)
{
	if (!parts->altmap_nr_pages)
		return 0;
	return mhp_init_memmap_on_memory(parts->altmap_start_pfn,
					 parts->altmap_nr_pages);
}

static void deinit_own_memmap(const struct memory_notify *parts)
{
	if (parts->altmap_nr_pages)
		mhp_deinit_memmap_on_memory(parts->altmap_start_pfn,
					    parts->altmap_nr_pages);
}

/* Its memmap is present with the block; it was never free, nor will it be. */
static void account_own_memmap(struct memory_block *mem, bool present,
			       const struct memory_notify *parts)
{
	long nr_pages = parts->altmap_nr_pages;

	if (nr_pages)
		adjust_present_page_count(pfn_to_page(parts->altmap_start_pfn),
					  mem->group,
					  present ? nr_pages : -nr_pages);
}

/**
 * struct run - blocks that go into use together
 * @blocks: the blocks
 * @nr: how many; becomes less when not all can go
 * @zone: where they go
 */
struct run {
	struct memory_block **blocks;
	unsigned int nr;
	struct zone *zone;
};

static void finish_offline(struct memory_block *mem)
{
	struct memory_notify parts = describe_block(mem);

	memory_notify(MEM_FINISH_OFFLINE, &parts);
}

/* Make the memory accessible: nothing may touch it before. */
static int prepare_run(struct run *run)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < run->nr && !ret; i++) {
		struct memory_notify parts = describe_block(run->blocks[i]);

		ret = notifier_to_errno(memory_notify(MEM_PREPARE_ONLINE,
						      &parts));
	}
	if (ret)
		run->nr = i - 1;
	return ret;
}

static void ready_run(const struct run *run)
{
	mhp_ready_pages(memory_block_start_pfn(run->blocks[0]),
			run->nr * memory_block_nr_pages(), run->zone);
}

/* Take what is ready but will not be used out of the zone again. */
static void unready_run(const struct run *run, unsigned int first)
{
	if (first == run->nr)
		return;
	remove_pfn_range_from_zone(run->zone,
				   memory_block_start_pfn(run->blocks[first]),
				   (run->nr - first) * memory_block_nr_pages());
}

static int use_ready_block(struct memory_block *mem, struct zone *zone)
{
	struct memory_notify parts = describe_block(mem);
	int ret;

	ret = init_own_memmap(&parts);
	if (ret)
		return ret;

	ret = online_pages(parts.start_pfn, parts.nr_pages, zone, mem->group);
	if (ret) {
		deinit_own_memmap(&parts);
		return ret;
	}

	account_own_memmap(mem, true, &parts);
	mem->zone = zone;
	return 0;
}

/* Return how many blocks, the first ones, are in use, and why not all are. */
static unsigned int online_run(struct run *run, int *error)
{
	unsigned int used, i;
	int ret = 0;

	*error = prepare_run(run);
	if (!run->nr)
		return 0;

	ready_run(run);
	for (used = 0; used < run->nr; used++) {
		ret = use_ready_block(run->blocks[used], run->zone);
		if (ret)
			break;
	}
	unready_run(run, used);
	for (i = used; i < run->nr; i++)
		finish_offline(run->blocks[i]);

	if (ret)
		*error = ret;
	return used;
}

static struct zone *choose_zone(const struct memory_block *mem, enum mmop type)
{
	return zone_for_pfn_range(type, mem->nid, mem->group,
				  memory_block_start_pfn(mem),
				  memory_block_nr_pages());
}

static bool continues_run(const struct memory_block *last,
			  const struct memory_block *mem)
{
	return memory_block_start_pfn(mem) ==
	       memory_block_start_pfn(last) + memory_block_nr_pages() &&
	       mem->group == last->group && mem->nid == last->nid &&
	       !mem->altmap == !last->altmap && !memory_block_poisoned(mem);
}

/* How many blocks there can be in the run that starts with @mem. */
static unsigned long longest_run(const struct memory_block *mem, enum mmop type)
{
	const unsigned long nr_pages = RUN_MEMMAP_MAX / sizeof(struct page);

	if (!mhp_zone_choice_is_lasting(type, mem->group))
		return 1;
	return max(nr_pages / memory_block_nr_pages(), 1UL);
}

static unsigned int length_of_run(struct memory_block **blocks,
				  unsigned int nr, enum mmop type,
				  const struct zone *zone)
{
	unsigned long max_nr = min_t(unsigned long, nr,
				     longest_run(blocks[0], type));
	unsigned int len = 1;

	while (len < max_nr && continues_run(blocks[len - 1], blocks[len]) &&
	       choose_zone(blocks[len], type) == zone)
		len++;
	return len;
}

/* Put the first blocks of those given into use; return how many, and an error. */
static unsigned int use_first_run(struct memory_block **blocks, unsigned int nr,
				  enum mmop type, int *error)
{
	struct run run = { .blocks = blocks };
	unsigned int used;

	*error = -EHWPOISON;
	if (memory_block_poisoned(blocks[0]))
		return 0;

	mem_hotplug_begin();
	if (WARN_ON_ONCE(blocks[0]->zone)) {
		mem_hotplug_done();
		*error = -EEXIST;
		return 0;
	}
	run.zone = choose_zone(blocks[0], type);
	run.nr = length_of_run(blocks, nr, type, run.zone);
	used = online_run(&run, error);
	mem_hotplug_done();
	return used;
}

static void let_zone_follow(struct zone *zone)
{
	mem_hotplug_begin();
	mhp_zone_grew(zone);
	mem_hotplug_done();
}

/**
 * memory_blocks_use - put the memory of offline blocks into use
 * @blocks: the blocks, in the order in which they go
 * @nr: how many, one at least
 * @type: how
 * @error: why not all of them are in use is returned here, or 0: -EHWPOISON for
 *	a block with a poisoned page, -ENOMEM, or the errno of a notifier that
 *	refused
 *
 * The state of the blocks does not change: device_online() of each has to follow.
 *
 * Context: Process context, device_hotplug_lock held. Takes mem_hotplug_lock for
 *	writing. May sleep.
 * Return: how many are in use now; the next one could not go, and those after
 *	it were not tried.
 */
unsigned int memory_blocks_use(struct memory_block **blocks, unsigned int nr,
			       enum mmop type, int *error)
{
	struct zone *grown = NULL;
	unsigned int i = 0, used;

	assert_device_hotplug_locked();
	do {
		used = use_first_run(blocks + i, nr - i, type, error);
		if (!used)
			break;
		if (grown && grown != blocks[i]->zone)
			let_zone_follow(grown);
		grown = blocks[i]->zone;
		i += used;
	} while (i < nr && !*error);

	if (grown)
		let_zone_follow(grown);
	return i;
}

#ifdef CONFIG_MEMORY_HOTREMOVE
/*
 * The memmap part leaves the present count first, so that the core can see a
 * zone or node become empty.
 */
static int offline_parts(struct memory_block *mem,
			 const struct memory_notify *parts)
{
	int ret;

	account_own_memmap(mem, false, parts);
	ret = offline_pages(parts->start_pfn, parts->nr_pages, mem->zone,
			    mem->group);
	if (ret) {
		account_own_memmap(mem, true, parts);
		return ret;
	}

	deinit_own_memmap(parts);
	mem->zone = NULL;
	return 0;
}

static int disuse_locked(struct memory_block *mem)
{
	struct memory_notify parts = describe_block(mem);
	int ret;

	mem_hotplug_begin();
	ret = offline_parts(mem, &parts);
	if (!ret)
		finish_offline(mem);
	mem_hotplug_done();

	return ret;
}

/**
 * memory_block_disuse - take the memory of a block out of use
 * @mem: the block, emptied by an evacuation
 *
 * If something is left in it, it is emptied again without mem_hotplug_lock.
 *
 * Context: Process context, device_hotplug_lock held. Takes mem_hotplug_lock for
 *	writing. May sleep, for as long as the evacuation has time.
 * Return: 0, or as offline_pages(), and the block is in use as before.
 */
int memory_block_disuse(struct memory_block *mem)
{
	int ret = disuse_locked(mem);

	while (ret == -EAGAIN) {
		ret = mhp_evacuation_again(memory_block_usable_pfn(mem));
		if (!ret)
			ret = disuse_locked(mem);
	}
	return ret;
}
#endif
