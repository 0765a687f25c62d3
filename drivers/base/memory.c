// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks as devices.
 *
 * This file owns the "memory" subsystem, the life of struct memory_block and
 * the index that finds one by its id.  What a block does when it goes online
 * or offline and what its files say is elsewhere: see memory_blocks.h.
 *
 * Locks: devices are created and removed, and the index is changed, under
 * device_hotplug_lock, or at boot when nothing can race.  Readers of the index
 * need only RCU: a block is freed a grace period after it left the index and
 * lost its last reference, and a block whose references are gone is never
 * given a new one.
 */
#define pr_fmt(fmt) "memory: " fmt

#include <linux/device.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "memory_blocks.h"

/* A block as it is allocated; the rest of the kernel knows only @mem. */
struct block_storage {
	struct memory_block mem;
	struct rcu_head rcu;
};

/* What for_each_memory_block() carries through the bus iterator. */
struct block_visitor {
	walk_memory_blocks_func_t func;
	void *arg;
};

/* Present blocks by id.  Written under device_hotplug_lock, read under RCU. */
static DEFINE_XARRAY(block_index);

/*
 * log2 of the sections in a block.  While it is not known yet, zero is as good
 * as any other value: the index is still empty then.
 */
static unsigned int block_section_order __ro_after_init;

static const struct bus_type memory_subsys = {
	.name = "memory",
	.dev_name = "memory",
	.online = memory_block_bus_online,
	.offline = memory_block_bus_offline,
};

/**
 * memory_block_size_bytes - size of a memory block
 *
 * Architectures with larger blocks bring their own function, without exporting
 * it: the export here serves theirs too.
 *
 * Context: Any.
 * Return: the size in bytes, a power of two, the same at each call.
 */
unsigned long __weak memory_block_size_bytes(void)
{
	return MIN_MEMORY_BLOCK_SIZE;
}
EXPORT_SYMBOL_GPL(memory_block_size_bytes);

/**
 * memory_block_nr_sections - number of sections that make a block
 *
 * Context: Any.
 * Return: a power of two; 1 as long as memory_dev_init() has not run.
 */
unsigned long memory_block_nr_sections(void)
{
	return 1UL << block_section_order;
}

static unsigned long section_to_block_id(unsigned long section_nr)
{
	return section_nr >> block_section_order;
}

static unsigned long phys_to_block_id(unsigned long phys)
{
	return section_to_block_id(pfn_to_section_nr(PHYS_PFN(phys)));
}

static bool covers_whole_blocks(unsigned long start, unsigned long size)
{
	return IS_ALIGNED(start | size, memory_block_size_bytes());
}

/*
 * Find the first block in [*id, last], take a reference and set *id to its id.
 *
 * A block on its way out can still be in the index with its references gone;
 * it counts as absent.
 */
static struct memory_block *get_next_block(unsigned long *id, unsigned long last)
{
	struct memory_block *mem;

	rcu_read_lock();
	mem = xa_find(&block_index, id, last, XA_PRESENT);
	while (mem && !kobject_get_unless_zero(&mem->dev.kobj))
		mem = xa_find_after(&block_index, id, last, XA_PRESENT);
	rcu_read_unlock();

	return mem;
}

/**
 * memory_block_peek - find a block without taking a reference
 * @section_nr: any section in it
 *
 * Context: Inside rcu_read_lock(), which alone keeps the block in memory. The
 *	device may be unregistered already: do no more than count in it.
 * Return: the block, or NULL.
 */
struct memory_block *memory_block_peek(unsigned long section_nr)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "block looked up outside RCU");

	return xa_load(&block_index, section_to_block_id(section_nr));
}

/**
 * find_memory_block - find the block that holds a section
 * @section_nr: the section
 *
 * Context: Any. Unless the caller holds device_hotplug_lock, the block may be
 *	removed at any time; the reference keeps only the structure.
 * Return: the block with a reference for the caller to put_device(), or NULL.
 */
struct memory_block *find_memory_block(unsigned long section_nr)
{
	unsigned long id = section_to_block_id(section_nr);

	return get_next_block(&id, id);
}

/**
 * walk_memory_blocks - call a function for each block of a physical range
 * @start: first byte
 * @size: bytes; a block counts even if only a part of it is in the range
 * @arg: passed on to @func
 * @func: called in ascending order with a reference held; nonzero stops
 *
 * Context: Process context, device_hotplug_lock held (or boot).
 * Return: what the last call returned, 0 if there was none.
 */
int walk_memory_blocks(unsigned long start, unsigned long size, void *arg,
		       walk_memory_blocks_func_t func)
{
	struct memory_block *mem;
	unsigned long id, last;
	int ret = 0;

	if (!size)
		return 0;

	id = phys_to_block_id(start);
	last = phys_to_block_id(start + size - 1);
	while (!ret && id <= last) {
		mem = get_next_block(&id, last);
		if (!mem)
			break;
		ret = func(mem, arg);
		put_device(&mem->dev);
		id++;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(walk_memory_blocks);

static int visit_block(struct device *dev, void *data)
{
	const struct block_visitor *visitor = data;

	return visitor->func(to_memory_block(dev), visitor->arg);
}

/**
 * for_each_memory_block - call a function for every block there is
 * @arg: passed on to @func
 * @func: called with a reference held; nonzero stops
 *
 * Context: Process context. Blocks that come or go meanwhile may be seen or
 *	not, unless the caller holds device_hotplug_lock.
 * Return: what the last call returned, 0 if there was none.
 */
int for_each_memory_block(void *arg, walk_memory_blocks_func_t func)
{
	struct block_visitor visitor = { .func = func, .arg = arg };

	return bus_for_each_dev(&memory_subsys, NULL, &visitor, visit_block);
}

/**
 * memory_block_early_zone - the zone that a block of boot memory is in
 * @mem: the block
 * @nid: the node to search; ignored without NUMA
 *
 * Context: Boot, after the zones have their final spans.
 * Return: the only populated zone of the node that reaches into the block;
 *	NULL if there are several or none. The block cannot go offline then.
 */
struct zone *memory_block_early_zone(const struct memory_block *mem, int nid)
{
	unsigned long nr_pages = memory_block_nr_pages();
	unsigned long pfn = memory_block_start_pfn(mem);
	struct zone *only = NULL;
	enum zone_type type;

	for (type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = &NODE_DATA(nid)->node_zones[type];

		if (!populated_zone(zone) || !zone_intersects(zone, pfn, nr_pages))
			continue;
		if (only)
			return NULL;
		only = zone;
	}
	return only;
}

/*
 * Readers that found the block in the index are gone now.  What they counted
 * after the removal has no block to belong to.
 */
static void free_block(struct rcu_head *rcu)
{
	struct block_storage *storage = container_of(rcu, struct block_storage, rcu);

	memory_block_forget_poison(&storage->mem);
	kfree(storage);
}

/*
 * Nothing but the block may be needed here: a reference that somebody kept can
 * be dropped long after the memory and its group are gone.
 */
static void release_block(struct device *dev)
{
	struct memory_block *mem = to_memory_block(dev);

	WARN_ON_ONCE(mem->altmap);
	call_rcu(&container_of(mem, struct block_storage, mem)->rcu, free_block);
}

static struct memory_block *alloc_block(unsigned long id,
					enum memory_block_state state)
{
	struct block_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	struct memory_block *mem;

	if (!storage)
		return NULL;

	mem = &storage->mem;
	mem->start_section_nr = id << block_section_order;
	mem->state = state;
	mem->nid = NUMA_NO_NODE;
	INIT_LIST_HEAD(&mem->group_next);
	mem->dev.id = id;
	mem->dev.bus = &memory_subsys;
	mem->dev.groups = memory_block_groups;
	mem->dev.release = release_block;
	mem->dev.offline = state == MEM_OFFLINE;
	return mem;
}

/*
 * Register the device and enter it in the index.  Consumes @mem on failure.
 *
 * The slot is reserved first, so that a block that was announced to user space
 * stays.  A slot in use stays in use when the reservation is given up.
 */
static int publish_block(struct memory_block *mem)
{
	unsigned long id = mem->dev.id;
	int ret;

	ret = xa_reserve(&block_index, id, GFP_KERNEL);
	if (ret) {
		kfree(container_of(mem, struct block_storage, mem));
		return ret;
	}

	/* The driver core makes no file "online": memory_sysfs.c has one. */
	mem->dev.offline_disabled = true;
	ret = device_register(&mem->dev);
	mem->dev.offline_disabled = false;
	if (ret) {
		xa_release(&block_index, id);
		mem->altmap = NULL;
		put_device(&mem->dev);
		return ret;
	}

	xa_store(&block_index, id, mem, GFP_KERNEL);
	return 0;
}

static int add_early_block(unsigned long id)
{
	struct memory_block *mem = alloc_block(id, MEM_ONLINE);

	if (!mem)
		return -ENOMEM;
	if (!IS_ENABLED(CONFIG_NUMA))
		mem->zone = memory_block_early_zone(mem, 0);

	return publish_block(mem);
}

/* The device is visible at once: all that its files show is set before. */
static int add_hotplugged_block(unsigned long id, struct vmem_altmap *altmap,
				struct memory_group *group)
{
	struct memory_block *mem;
	int ret;

	if (xa_load(&block_index, id))
		return -EEXIST;

	mem = alloc_block(id, MEM_OFFLINE);
	if (!mem)
		return -ENOMEM;
	mem->altmap = altmap;
	mem->group = group;
	/* It is announced when it has its links. */
	dev_set_uevent_suppress(&mem->dev, true);

	ret = publish_block(mem);
	if (!ret && group)
		memory_group_link(group, mem);
	return ret;
}

/*
 * Take a block away, and the reference of the caller's lookup with it.
 *
 * Unregistering waits for readers of the block's files; they may look at the
 * group, which therefore has to keep the block until they have left.
 */
static void remove_block(struct memory_block *mem)
{
	unregister_memory_block_under_nodes(mem);
	xa_erase(&block_index, mem->dev.id);
	memory_block_forget_poison(mem);
	device_unregister(&mem->dev);
	if (mem->group)
		memory_group_unlink(mem->group, mem);
	put_device(&mem->dev);
}

/* Undo create_memory_block_devices(); the altmap goes back to its caller. */
static void remove_new_blocks(unsigned long first, unsigned long end)
{
	unsigned long id;

	for (id = first; id < end; id++) {
		unsigned long found = id;
		struct memory_block *mem = get_next_block(&found, id);

		if (WARN_ON_ONCE(!mem))
			continue;
		mem->altmap = NULL;
		remove_block(mem);
	}
}

/**
 * create_memory_block_devices - make offline blocks for a range that was added
 * @start: first byte, at the start of a block
 * @size: bytes, whole blocks
 * @altmap: where the memmap of each block lies in it, or NULL
 * @group: the group the blocks join, or NULL
 *
 * Context: Process context; device_hotplug_lock, and mem_hotplug_lock for
 *	writing.
 * Return: 0, or an error and nothing done: -EINVAL if the range is not made of
 *	whole blocks, -EEXIST if there is one already, -ENOMEM.
 */
int create_memory_block_devices(unsigned long start, unsigned long size,
				struct vmem_altmap *altmap,
				struct memory_group *group)
{
	const unsigned long first = phys_to_block_id(start);
	const unsigned long end = phys_to_block_id(start + size);
	unsigned long id;
	int ret;

	if (WARN_ON_ONCE(!covers_whole_blocks(start, size)))
		return -EINVAL;

	assert_device_hotplug_locked();
	for (id = first; id < end; id++) {
		ret = add_hotplugged_block(id, altmap, group);
		if (ret) {
			remove_new_blocks(first, id);
			return ret;
		}
	}
	return 0;
}

static int announce_block(struct memory_block *mem, void *unused)
{
	dev_set_uevent_suppress(&mem->dev, false);
	kobject_uevent(&mem->dev.kobj, KOBJ_ADD);
	return 0;
}

/**
 * memory_blocks_announce - tell user space of blocks that were added
 * @start: first byte, at the start of a block
 * @size: bytes, whole blocks
 *
 * Their links to node and group are there; the removal of blocks that were not
 * announced is not told.
 *
 * Context: Process context, device_hotplug_lock held (or boot).
 */
void memory_blocks_announce(unsigned long start, unsigned long size)
{
	walk_memory_blocks(start, size, NULL, announce_block);
}

/**
 * remove_memory_block_devices - remove the blocks of a range
 * @start: first byte, at the start of a block
 * @size: bytes, whole blocks
 *
 * All of them must be offline, with their altmaps taken away.
 *
 * Context: Process context; device_hotplug_lock, and mem_hotplug_lock for
 *	writing. Waits for running accesses to the files of the blocks.
 */
void remove_memory_block_devices(unsigned long start, unsigned long size)
{
	const unsigned long end = phys_to_block_id(start + size);
	unsigned long id;

	if (WARN_ON_ONCE(!covers_whole_blocks(start, size)))
		return;

	assert_device_hotplug_locked();
	for (id = phys_to_block_id(start); id < end; id++) {
		unsigned long found = id;
		struct memory_block *mem = get_next_block(&found, id);

		if (!WARN_ON_ONCE(!mem))
			remove_block(mem);
	}
}

static bool __init block_has_memory(unsigned long id)
{
	unsigned long nr = id << block_section_order;
	unsigned long end = nr + memory_block_nr_sections();

	while (nr < end && !present_section_nr(nr))
		nr++;
	return nr < end;
}

static void __init set_block_size(void)
{
	unsigned long size = memory_block_size_bytes();

	if (!is_power_of_2(size) || size < MIN_MEMORY_BLOCK_SIZE)
		panic(pr_fmt("impossible block size %#lx\n"), size);

	block_section_order = ilog2(size / MIN_MEMORY_BLOCK_SIZE);
}

/**
 * memory_dev_init - register the subsystem and the blocks of boot memory
 *
 * A block counts as soon as one of its sections is present. There is no way to
 * run without these devices, so any failure panics.
 *
 * Context: Boot, before any other user of memory blocks: no locks.
 */
void __init memory_dev_init(void)
{
	unsigned long id, last;
	int ret;

	set_block_size();
	last = section_to_block_id(__highest_present_section_nr);

	ret = subsys_system_register(&memory_subsys, memory_root_groups);
	if (!ret)
		ret = memory_group_bus_init(bus_get_dev_root(&memory_subsys));
	if (ret)
		panic(pr_fmt("cannot register the subsystem: %d\n"), ret);

	for (id = 0; id <= last; id++) {
		if (!block_has_memory(id))
			continue;
		ret = add_early_block(id);
		if (ret)
			panic(pr_fmt("cannot add block %lu: %d\n"), id, ret);
	}
}
