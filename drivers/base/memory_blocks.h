/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory block devices: the contract between the files that make them.
 *
 *	memory.c	the subsystem, the devices, the index of them
 *	memory_state.c	online and offline
 *	memory_sysfs.c	what user space sees of one block
 *	memory_root.c	what it sees of all of them
 *	memory_nodes.c	links between blocks and NUMA nodes
 *	memory_poison.c	poisoned pages a block
 *
 * Who protects what is said in linux/memory.h.  device_hotplug_lock and
 * mem_hotplug_lock are static in other files and so cannot be asserted here;
 * where a function needs one of them, its Context: says so.
 */
#ifndef _BASE_MEMORY_BLOCKS_H
#define _BASE_MEMORY_BLOCKS_H

#include <linux/memory.h>
#include <linux/mmzone.h>

/* memory.c */
unsigned long memory_block_nr_sections(void);
struct memory_block *memory_block_peek(unsigned long section_nr);
struct zone *memory_block_early_zone(const struct memory_block *mem, int nid);

/* memory_state.c */
int memory_block_bus_online(struct device *dev);
int memory_block_bus_offline(struct device *dev);
int memory_block_request(struct memory_block *mem, enum mmop type);
const char *memory_online_type_word(enum mmop type);

/* memory_sysfs.c, memory_root.c */
extern const struct attribute_group *memory_block_groups[];
extern const struct attribute_group *memory_root_groups[];

/* memory_poison.c */
#ifdef CONFIG_MEMORY_FAILURE
void memory_block_forget_poison(struct memory_block *mem);

static inline bool memory_block_poisoned(const struct memory_block *mem)
{
	return atomic_long_read(&mem->nr_hwpoison) != 0;
}
#else
static inline void memory_block_forget_poison(struct memory_block *mem) { }
static inline bool memory_block_poisoned(const struct memory_block *mem)
{
	return false;
}
#endif

static inline unsigned long memory_block_start_pfn(const struct memory_block *mem)
{
	return section_nr_to_pfn(mem->start_section_nr);
}

/* How many pages fit in a block; boot memory may leave some of them out. */
static inline unsigned long memory_block_nr_pages(void)
{
	return memory_block_nr_sections() * PAGES_PER_SECTION;
}

#endif /* _BASE_MEMORY_BLOCKS_H */
