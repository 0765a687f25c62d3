// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: how many poisoned pages each of them has.
 *
 * This file owns memory_block.nr_hwpoison.  It is built with MEMORY_FAILURE
 * only.  A block with poisoned pages is not brought online again, and takes
 * its share out of the global count when it is removed.
 *
 * Locks: none but RCU.  Memory failure comes without device_hotplug_lock, may
 * hold spinlocks, and so takes no reference it could be the last to drop.  A
 * count can still arrive while its block is being removed.  The block is freed
 * after all who found it are done, and what arrived late is taken out then.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>

#include "memory_blocks.h"

static void add_poison(unsigned long pfn, long nr_pages)
{
	struct memory_block *mem;

	rcu_read_lock();
	mem = memory_block_peek(pfn_to_section_nr(pfn));
	if (mem)
		atomic_long_add(nr_pages, &mem->nr_hwpoison);
	rcu_read_unlock();
}

/**
 * memblk_nr_poison_inc - count a page of a block as poisoned
 * @pfn: the page; nothing happens if it is in no block
 *
 * Context: Any, also before memory_dev_init().
 */
void memblk_nr_poison_inc(unsigned long pfn)
{
	add_poison(pfn, 1);
}

/**
 * memblk_nr_poison_sub - no longer count pages of a block as poisoned
 * @pfn: one of the pages; nothing happens if it is in no block
 * @i: how many
 *
 * Context: Any, also before memory_dev_init().
 */
void memblk_nr_poison_sub(unsigned long pfn, long i)
{
	add_poison(pfn, -i);
}

/**
 * memory_block_forget_poison - take the count of a block out of the global one
 * @mem: the block, no longer in the index
 *
 * Context: Any. Once when the block is removed and, for what came late, when
 *	it is freed.
 */
void memory_block_forget_poison(struct memory_block *mem)
{
	long nr_pages = atomic_long_xchg(&mem->nr_hwpoison, 0);

	/* No pfn: the block has given up its part. */
	if (nr_pages)
		num_poisoned_pages_sub(-1UL, nr_pages);
}
