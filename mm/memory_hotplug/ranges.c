// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: which physical addresses can be added.
 *
 * Two limits apply: what struct page and the page tables can express
 * (PHYSMEM_END) and, for memory that needs a direct map, what the architecture
 * can map.  Nothing here is locked: both are fixed when memory can be added.
 */
#define pr_fmt(fmt) "memory_hotplug: " fmt

#include <linux/memory.h>
#include <linux/range.h>
#include "internal.h"

/* An architecture whose direct map covers less says so with its own version. */
struct range __weak arch_get_mappable_range(void)
{
	return (struct range) {
		.start = 0,
		.end = U64_MAX,
	};
}

/**
 * mhp_get_pluggable_range - the physical addresses that can be hot-added
 * @need_mapping: whether the memory is to be in the direct map
 *
 * PHYSMEM_END may be a variable, so the answer is worked out each time.
 *
 * Context: Any.
 * Return: the range, both ends inclusive; [0, 0] if there is none.
 */
struct range mhp_get_pluggable_range(bool need_mapping)
{
	struct range all = { .start = 0, .end = PHYSMEM_END };
	struct range mappable;

	if (!need_mapping)
		return all;

	mappable = arch_get_mappable_range();
	if (mappable.start > all.end)
		return (struct range) { .start = 0, .end = 0 };

	mappable.end = min_t(u64, mappable.end, all.end);
	return mappable;
}
EXPORT_SYMBOL_GPL(mhp_get_pluggable_range);

/**
 * mhp_range_allowed - whether all of a range can be hot-added
 * @start: physical address, bytes
 * @size: bytes
 * @need_mapping: whether the memory is to be in the direct map
 *
 * Context: Any.
 * Return: true if it can; false, with a line in the log, if it is empty, wraps
 *	around or lies outside mhp_get_pluggable_range().
 */
bool mhp_range_allowed(u64 start, u64 size, bool need_mapping)
{
	const struct range limit = mhp_get_pluggable_range(need_mapping);
	const u64 last = start + size - 1;

	if (size && last >= start && start >= limit.start && last <= limit.end)
		return true;

	pr_warn("range %#llx-%#llx is outside the addressable %#llx-%#llx\n",
		start, last, limit.start, limit.end);
	return false;
}

/**
 * mhp_is_block_range - whether a range is made of whole memory blocks
 * @start: physical address, bytes
 * @size: bytes
 *
 * Context: Any.
 * Return: false if it is empty or misaligned.
 */
bool mhp_is_block_range(u64 start, u64 size)
{
	return size && IS_ALIGNED(start | size, memory_block_size_bytes());
}
