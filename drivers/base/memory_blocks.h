/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory block devices: the contract between the files that make them.
 *
 *	memory.c	the subsystem, the devices, the index of them
 *	memory_state.c	online and offline of one block, as far as it is seen
 *	memory_use.c	their memory, put into use and taken out of it
 *	memory_together.c	several blocks that go on- or offline as one
 *	memory_group.c	devices: groups of blocks in sysfs
 *	memory_sysfs.c	what user space sees of one block
 *	memory_root.c	what it sees of all of them
 *	memory_nodes.c	links between blocks and NUMA nodes
 *	memory_poison.c	poisoned pages a block
 *
 * What each lock protects is said in linux/memory.h.  Work functions assert
 * device_hotplug_lock; mem_hotplug_lock is asserted by the core.
 */
#ifndef _BASE_MEMORY_BLOCKS_H
#define _BASE_MEMORY_BLOCKS_H

#include <linux/memory.h>
#include <linux/memory_evacuation.h>
#include <linux/memremap.h>
#include <linux/mmzone.h>

/* Room for the owner of a page in the way, in bytes. */
#define BLOCKER_OWNER_SIZE	256

/* memory.c */
unsigned long memory_block_nr_sections(void);
struct memory_block *memory_block_peek(unsigned long section_nr);
struct zone *memory_block_early_zone(const struct memory_block *mem, int nid);

/* memory_state.c */
int memory_block_bus_online(struct device *dev);
int memory_block_bus_offline(struct device *dev);
int memory_block_request(struct memory_block *mem, enum mmop type);
const char *memory_online_type_word(enum mmop type);

/* memory_use.c */
unsigned int memory_blocks_use(struct memory_block **blocks, unsigned int nr,
			       enum mmop type, int *error);
int memory_block_disuse(struct memory_block *mem);

/* memory_together.c */
int memory_group_bring_online(struct memory_group *group, enum mmop type);
#ifdef CONFIG_MEMORY_HOTREMOVE
int memory_blocks_evacuate(struct memory_block **blocks, unsigned int nr,
			   unsigned int timeout_ms, const void *owner,
			   struct mhp_evacuation **evp);
void memory_report_failure(struct device *dev, struct mhp_evacuation *ev,
			   int error);
int memory_group_take_offline(struct memory_group *group);
#else
static inline int memory_group_take_offline(struct memory_group *group)
{
	return -EINVAL;
}
#endif

/* memory_group.c */
int memory_group_bus_init(struct device *root);
void memory_group_link(struct memory_group *group, struct memory_block *mem);
void memory_group_unlink(struct memory_group *group, struct memory_block *mem);
struct memory_group *memory_block_get_group(struct memory_block *mem);
void memory_group_put(struct memory_group *group);
int memory_emit_blockers(const struct memory_block *mem, char *buf,
			 ssize_t *len);

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

/* Pages at the front of a block that hold its own struct pages. */
static inline unsigned long
memory_block_own_memmap(const struct memory_block *mem)
{
	return mem->altmap ? mem->altmap->free : 0;
}

static inline unsigned long
memory_block_usable_pfn(const struct memory_block *mem)
{
	return memory_block_start_pfn(mem) + memory_block_own_memmap(mem);
}

static inline unsigned long
memory_block_usable_pages(const struct memory_block *mem)
{
	return memory_block_nr_pages() - memory_block_own_memmap(mem);
}

#endif /* _BASE_MEMORY_BLOCKS_H */
