// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: direct map, memmap and block devices of a range.
 *
 * All blocks that are populated at once have their memmap in themselves, each
 * described by its altmap, or none has; blocks of both kinds can go at once.  A
 * range that could not be populated whole is not populated at all.
 * mem_hotplug_lock and device_hotplug_lock are held.
 */
#include <linux/memory.h>
#include <linux/memremap.h>
#include "internal.h"

/* Populate [start, start + size) with one altmap, or NULL. */
static int populate_range(int nid, u64 start, u64 size,
			  struct memory_group *group,
			  struct vmem_altmap *altmap)
{
	struct mhp_params params = {
		.pgprot = pgprot_mhp(PAGE_KERNEL),
		.altmap = altmap,
	};
	int ret;

	ret = arch_add_memory(nid, start, size, &params);
	if (ret)
		return ret;

	ret = create_memory_block_devices(start, size, altmap, group);
	if (ret)
		arch_remove_memory(start, size, altmap, NULL);
	return ret;
}

static int populate_self_hosted(int nid, u64 start,
				struct memory_group *group, mhp_t mhp_flags)
{
	struct vmem_altmap *altmap = mhp_altmap_create(start, mhp_flags);
	int ret;

	if (!altmap)
		return -ENOMEM;

	ret = populate_range(nid, start, memory_block_size_bytes(), group,
			     altmap);
	if (ret)
		mhp_altmap_destroy(altmap);
	return ret;
}

/**
 * mhp_populate - map a range, give it struct pages and block devices
 * @nid: node
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, aligned to a block
 * @group: the group its blocks join, or NULL
 * @mhp_flags: MHP_MEMMAP_ON_MEMORY is a hint
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: 0; -EEXIST if a section or block is there, -ENOMEM, or what the
 *	architecture says. Nothing is populated then.
 */
int mhp_populate(int nid, u64 start, u64 size, struct memory_group *group,
		 mhp_t mhp_flags)
{
	const u64 step = memory_block_size_bytes();
	u64 addr;
	int ret;

	if (!mhp_wants_own_memmap(size, mhp_flags))
		return populate_range(nid, start, size, group, NULL);

	for (addr = start; addr < start + size; addr += step) {
		ret = populate_self_hosted(nid, addr, group, mhp_flags);
		if (ret) {
			if (addr > start)
				mhp_depopulate(start, addr - start);
			return ret;
		}
	}
	return 0;
}

static int has_altmap(struct memory_block *mem, void *unused)
{
	return mem->altmap ? 1 : 0;
}

static int detach_altmap(struct memory_block *mem, void *arg)
{
	struct vmem_altmap **altmap = arg;

	*altmap = mem->altmap;
	mem->altmap = NULL;
	return 0;
}

/*
 * The block devices go first: a racing attempt to online one of them then finds
 * nothing.
 */
static void depopulate_range(u64 start, u64 size, struct vmem_altmap *altmap)
{
	remove_memory_block_devices(start, size);
	arch_remove_memory(start, size, altmap, NULL);
}

static void depopulate_self_hosted(u64 start)
{
	const u64 size = memory_block_size_bytes();
	struct vmem_altmap *altmap = NULL;

	walk_memory_blocks(start, size, &altmap, detach_altmap);
	depopulate_range(start, size, altmap);
	mhp_altmap_destroy(altmap);
}

/**
 * mhp_depopulate - undo mhp_populate()
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, aligned to a block
 *
 * Context: mem_hotplug_lock held for writing. May sleep. All blocks offline.
 */
void mhp_depopulate(u64 start, u64 size)
{
	const u64 step = memory_block_size_bytes();
	u64 addr = start, plain = start;

	for (; addr < start + size; addr += step) {
		if (!walk_memory_blocks(addr, step, NULL, has_altmap))
			continue;
		if (plain < addr)
			depopulate_range(plain, addr - plain, NULL);
		depopulate_self_hosted(addr);
		plain = addr + step;
	}
	if (plain < addr)
		depopulate_range(plain, addr - plain, NULL);
}
