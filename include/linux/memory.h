/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory blocks, the groups they form and the notifier chain about them.
 *
 * A block is the unit of online and offline: one or more sections, shown as
 * /sys/devices/system/memory/memoryN with N = first section / sections a
 * block.  A group is the device a block came with: a DIMM, a dax device, a
 * virtio-mem device.
 *
 * device_hotplug_lock protects which blocks and groups exist, membership, and
 * every decision to go online or offline.  The device lock of a block protects
 * its state; mem_hotplug_lock, for writing, its zone and all page counts.
 */
#ifndef _LINUX_MEMORY_H_
#define _LINUX_MEMORY_H_

#include <linux/node.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/memory_hotplug.h>

/* The smallest block there can be: one section, in bytes. */
#define MIN_MEMORY_BLOCK_SIZE	BIT(SECTION_SIZE_BITS)

/**
 * enum memory_block_state - states of a block, and events of the notifier
 *
 * Only the first three are ever the state of a block.
 *
 * @MEM_ONLINE: state: in use.  Event: the range can be allocated from.
 * @MEM_GOING_OFFLINE: state: being emptied.  Event: isolated; nothing new is
 *	allocated from it.  May be vetoed.
 * @MEM_OFFLINE: state: not in use; its struct pages hold nothing.  Event: out
 *	of all counters, struct pages still readable.
 * @MEM_GOING_ONLINE: event: struct pages ready, not yet free.  May be vetoed.
 * @MEM_CANCEL_ONLINE: event: ends a GOING_ONLINE that failed.
 * @MEM_CANCEL_OFFLINE: event: ends a GOING_OFFLINE that failed; the range is
 *	allocatable again.
 * @MEM_PREPARE_ONLINE: event: make the memory accessible; nothing has touched
 *	it yet.  May be vetoed.
 * @MEM_FINISH_OFFLINE: event: nothing touches the memory any more.
 */
enum memory_block_state {
	MEM_ONLINE = 0,
	MEM_GOING_OFFLINE,
	MEM_OFFLINE,
	MEM_GOING_ONLINE,
	MEM_CANCEL_ONLINE,
	MEM_CANCEL_OFFLINE,
	MEM_PREPARE_ONLINE,
	MEM_FINISH_OFFLINE,
};

/**
 * struct memory_group - the device that a set of blocks came with
 * @dev: the device in sysfs, groupN with its id as N
 * @rcu: for readers that find it by its blocks
 * @memory_blocks: its blocks in ascending order, linked by group_next
 * @blocks_lock: protects @memory_blocks; the blocks in it stay registered while
 *	device_hotplug_lock is held
 * @offline_timeout_ms: how long taking it offline may take; 0 for the default
 * @source: the device that brought it, as far as its driver says, or NULL
 * @is_orphan: that device is gone, the memory stayed
 * @nid: the node of the device; boot memory of it may be on others too
 * @is_dynamic: which member of the union counts
 * @present_movable_pages: pages online in ZONE_MOVABLE
 * @present_kernel_pages: pages online in any other zone
 * @s: a static group is added once and removed once
 * @s.max_pages: what it will have at most
 * @d: a dynamic group grows and shrinks
 * @d.unit_pages: by so many pages at a time: a power of two, a block or more
 */
struct memory_group {
	struct device dev;
	struct rcu_head rcu;
	struct list_head memory_blocks;
	struct mutex blocks_lock;	/* protects memory_blocks */
	unsigned int offline_timeout_ms;
	struct device *source;
	int nid;
	bool is_dynamic;
	bool is_orphan;
	unsigned long present_movable_pages;
	unsigned long present_kernel_pages;
	union {
		struct {
			unsigned long max_pages;
		} s;
		struct {
			unsigned long unit_pages;
		} d;
	};
};

/**
 * struct memory_block - one memoryN
 * @start_section_nr: its first section
 * @state: MEM_ONLINE, MEM_GOING_OFFLINE or MEM_OFFLINE
 * @online_type: what the next device_online() should do; reset by it
 * @nid: its node, the last one if boot memory of several shares the block
 * @zone: the only zone it has pages in; NULL if not in use or if there are more
 * @dev: the device, with the block id as id
 * @altmap: where its own memmap lies inside it, or NULL
 * @group: the group it is in, or NULL; freed by RCU
 * @removable_pos: where the next prediction of "removable" begins
 * @group_next: link in memory_group.memory_blocks
 * @nr_hwpoison: poisoned pages in it
 */
struct memory_block {
	struct device dev;
	unsigned long start_section_nr;
	enum memory_block_state state;
	enum mmop online_type;
	int nid;
	struct zone *zone;
	struct vmem_altmap *altmap;
	struct memory_group *group;
	unsigned int removable_pos;
	struct list_head group_next;
#if defined(CONFIG_MEMORY_FAILURE) && defined(CONFIG_MEMORY_HOTPLUG)
	atomic_long_t nr_hwpoison;
#endif
};

#define to_memory_block(device)	container_of(device, struct memory_block, dev)

/**
 * struct memory_notify - what a memory notifier event is about
 * @start_pfn: first page that goes, a memmap in the block not included
 * @nr_pages: how many go
 * @altmap_start_pfn: first page of the memmap in the block; only in
 *	MEM_PREPARE_ONLINE and MEM_FINISH_OFFLINE
 * @altmap_nr_pages: how many pages that memmap has; only there, otherwise 0
 * @status_change_nid_normal: node whose N_NORMAL_MEMORY bit changes, or
 *	NUMA_NO_NODE
 * @status_change_nid_high: the same for N_HIGH_MEMORY; without HIGHMEM equal
 *	to @status_change_nid_normal
 * @status_change_nid: node whose N_MEMORY bit changes, or NUMA_NO_NODE
 */
struct memory_notify {
	unsigned long start_pfn;
	unsigned long nr_pages;
	unsigned long altmap_start_pfn;
	unsigned long altmap_nr_pages;
	int status_change_nid_normal;
	int status_change_nid_high;
	int status_change_nid;
};

/* Who is called when: higher first. */
#define DEFAULT_CALLBACK_PRI	0
#define SLAB_CALLBACK_PRI	1
#define HMAT_CALLBACK_PRI	2
#define CXL_CALLBACK_PRI	5
#define CPUSET_CALLBACK_PRI	10
#define MM_COMPUTE_BATCH_PRI	10
#define KSM_CALLBACK_PRI	100
#define MEMTIER_HOTPLUG_PRI	100

/* Code patching takes it; many callers expect it from this header. */
extern struct mutex text_mutex;

unsigned long memory_block_size_bytes(void);
int set_memory_block_size_order(unsigned int order);
int arch_get_memory_phys_device(unsigned long start_pfn);

#ifdef CONFIG_MEMORY_HOTPLUG

typedef int (*walk_memory_blocks_func_t)(struct memory_block *mem, void *arg);
typedef int (*walk_memory_groups_func_t)(struct memory_group *group, void *arg);

void memory_dev_init(void);

int create_memory_block_devices(unsigned long start, unsigned long size,
				struct vmem_altmap *altmap,
				struct memory_group *group);
void memory_blocks_announce(unsigned long start, unsigned long size);
void remove_memory_block_devices(unsigned long start, unsigned long size);
struct memory_block *find_memory_block(unsigned long section_nr);
int walk_memory_blocks(unsigned long start, unsigned long size, void *arg,
		       walk_memory_blocks_func_t func);
int for_each_memory_block(void *arg, walk_memory_blocks_func_t func);
#ifdef CONFIG_NUMA
void memory_block_add_nid(struct memory_block *mem, int nid,
			  enum meminit_context context);
#endif

int memory_group_register_static(int nid, unsigned long max_pages);
int memory_group_register_dynamic(int nid, unsigned long unit_pages);
int memory_group_unregister(int mgid);
int memory_group_device_add(struct memory_group *group, u32 id);
void memory_group_adopt(int mgid, u64 start, u64 size);
int memory_group_offline(int mgid);
int memory_range_bring_online(u64 start, u64 size, enum mmop type);
int memory_range_remove(u64 start, u64 size,
			int (*remove)(u64 start, u64 size));
void memory_group_set_source(int mgid, struct device *source);
void memory_group_announce(struct memory_group *group);
struct memory_group *memory_group_find_by_id(int mgid);
int walk_dynamic_memory_groups(int nid, walk_memory_groups_func_t func,
			       struct memory_group *excluded, void *arg);

int register_memory_notifier(struct notifier_block *nb);
void unregister_memory_notifier(struct notifier_block *nb);
int memory_notify(unsigned long val, void *v);

/**
 * hotplug_memory_notifier - register a callback for the life of the system
 * @fn: the callback, a notifier_fn_t
 * @pri: its priority
 *
 * Context: May sleep. Not from a callback of this chain.
 * Return: what register_memory_notifier() returns.
 */
#define hotplug_memory_notifier(fn, pri) ({				\
	static struct notifier_block fn##_mem_nb __meminitdata = {	\
		.notifier_call = (fn),					\
		.priority = (pri),					\
	};								\
	register_memory_notifier(&fn##_mem_nb);				\
})

#else /* !CONFIG_MEMORY_HOTPLUG */

static inline void memory_dev_init(void) { }
static inline void unregister_memory_notifier(struct notifier_block *nb) { }
static inline int register_memory_notifier(struct notifier_block *nb)
{
	return 0;
}

static inline int memory_notify(unsigned long val, void *v)
{
	return 0;
}

/* A function, so that callbacks keep their type and are not "unused". */
static inline int hotplug_memory_notifier(notifier_fn_t fn, int pri)
{
	return 0;
}

#endif /* CONFIG_MEMORY_HOTPLUG */

#endif /* _LINUX_MEMORY_H_ */
