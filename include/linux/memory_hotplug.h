/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory hotplug: what the rest of the kernel may call.
 *
 * The implementation is in mm/memory_hotplug/; mm/memory_hotplug/internal.h
 * says how its parts work together and which locks protect what.  The block
 * devices in sysfs, their notifier chain and memory groups are declared in
 * linux/memory.h.
 *
 * Locks, outermost first: device_hotplug_lock, the device lock of a memory
 * block, the CPU hotplug lock (read), mem_hotplug_lock.  The last is private;
 * mem_hotplug_begin() and get_online_mems() take it for writing and reading.
 */
#ifndef __LINUX_MEMORY_HOTPLUG_H
#define __LINUX_MEMORY_HOTPLUG_H

#include <linux/mmzone.h>
#include <linux/spinlock.h>
#include <linux/notifier.h>
#include <linux/bug.h>

struct page;
struct zone;
struct pglist_data;
struct resource;
struct vmem_altmap;
struct dev_pagemap;
struct memory_group;

/**
 * enum mmop - what is asked of a memory block
 * @MMOP_OFFLINE: take it offline; also "nothing asked"
 * @MMOP_ONLINE: online it, to the zone the online policy picks
 * @MMOP_ONLINE_KERNEL: online it to a zone for any kernel allocation
 * @MMOP_ONLINE_MOVABLE: online it to ZONE_MOVABLE
 */
enum mmop {
	MMOP_OFFLINE = 0,
	MMOP_ONLINE,
	MMOP_ONLINE_KERNEL,
	MMOP_ONLINE_MOVABLE,
};

/* The physical addresses an architecture can map; an inclusive end. */
struct range arch_get_mappable_range(void);

#ifdef CONFIG_MEMORY_HOTPLUG

/* Flags of the add_memory() family; none of them by default. */
typedef int __bitwise mhp_t;
#define MHP_NONE			((__force mhp_t)0)

/* Join the new resource with a like neighbour; it may be freed by that. */
#define MHP_MERGE_RESOURCE		((__force mhp_t)BIT(0))

/* A hint: let each block carry its own memmap where that is supported. */
#define MHP_MEMMAP_ON_MEMORY		((__force mhp_t)BIT(1))

/* The node id given is the id of a memory group, whose node is meant. */
#define MHP_NID_IS_MGID			((__force mhp_t)BIT(2))

/* The memory can be touched only between PREPARE_ONLINE and FINISH_OFFLINE. */
#define MHP_OFFLINE_INACCESSIBLE	((__force mhp_t)BIT(3))

/**
 * struct mhp_params - how arch_add_memory() maps a range
 * @altmap: where its memmap comes from, or NULL for ordinary memory
 * @pgprot: protection of the direct map
 * @pgmap: the ZONE_DEVICE page map the range belongs to, or NULL
 */
struct mhp_params {
	pgprot_t pgprot;
	struct vmem_altmap *altmap;
	struct dev_pagemap *pgmap;
};

typedef void (*online_page_callback_t)(struct page *page, unsigned int order);

/* Boot options */
extern u64 max_mem_size;
extern bool movable_node_enabled;

static inline bool movable_node_is_enabled(void)
{
	return movable_node_enabled;
}

/* Who may look at a page */
struct page *pfn_to_online_page(unsigned long pfn);
void get_online_mems(void);
void put_online_mems(void);
void mem_hotplug_begin(void);
void mem_hotplug_done(void);

/* Ranges that can be added */
struct range mhp_get_pluggable_range(bool need_mapping);
bool mhp_range_allowed(u64 start, u64 size, bool need_mapping);
bool mhp_supports_memmap_on_memory(void);

/* Physical add */
int add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags);
int __add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags);
int add_memory_driver_managed(int nid, u64 start, u64 size,
			      const char *resource_name, mhp_t mhp_flags);
int add_memory_resource(int nid, struct resource *res, mhp_t mhp_flags);

/* The architecture's part of it, and what that part calls back */
int arch_add_memory(int nid, u64 start, u64 size, struct mhp_params *params);
void arch_remove_memory(u64 start, u64 size, struct vmem_altmap *altmap,
			struct dev_pagemap *pgmap);
int arch_create_linear_mapping(int nid, u64 start, u64 size,
			       struct mhp_params *params);
void arch_remove_linear_mapping(u64 start, u64 size);
int __add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
		struct mhp_params *params);
void __remove_pages(unsigned long start_pfn, unsigned long nr_pages,
		    struct vmem_altmap *altmap, struct dev_pagemap *pgmap);
#ifdef CONFIG_ARCH_HAS_ADD_PAGES
int add_pages(int nid, unsigned long start_pfn, unsigned long nr_pages,
	      struct mhp_params *params);
#else
static inline int add_pages(int nid, unsigned long start_pfn,
			    unsigned long nr_pages, struct mhp_params *params)
{
	return __add_pages(nid, start_pfn, nr_pages, params);
}
#endif

/* Sections and boot: mm/sparse.c and mm/bootmem_info.c call these */
struct page *sparse_decode_mem_map(unsigned long coded_mem_map,
				   unsigned long pnum);

/* Zones */
struct zone *zone_for_pfn_range(enum mmop online_type, int nid,
				struct memory_group *group,
				unsigned long start_pfn,
				unsigned long nr_pages);
bool mhp_zone_choice_is_lasting(enum mmop online_type,
				const struct memory_group *group);
void move_pfn_range_to_zone(struct zone *zone, unsigned long start_pfn,
			    unsigned long nr_pages,
			    struct vmem_altmap *altmap, int migratetype);
void remove_pfn_range_from_zone(struct zone *zone, unsigned long start_pfn,
				unsigned long nr_pages);

/* Online, and what a block device does around it */
void mhp_ready_pages(unsigned long pfn, unsigned long nr_pages,
		     struct zone *zone);
int online_pages(unsigned long pfn, unsigned long nr_pages, struct zone *zone,
		 struct memory_group *group);
void mhp_zone_grew(struct zone *zone);
void adjust_present_page_count(struct page *page, struct memory_group *group,
			       long nr_pages);
void mhp_count_in_group(struct memory_group *group, const struct zone *zone,
			long nr_pages);
int mhp_init_memmap_on_memory(unsigned long pfn, unsigned long nr_pages);
void mhp_deinit_memmap_on_memory(unsigned long pfn, unsigned long nr_pages);
enum mmop mhp_get_default_online_type(void);
void mhp_set_default_online_type(enum mmop online_type);
int mhp_online_type_from_str(const char *str);

/* Drivers that want to see each chunk of memory before it becomes free */
void generic_online_page(struct page *page, unsigned int order);
int set_online_page_callback(online_page_callback_t callback);
int restore_online_page_callback(online_page_callback_t callback);

/* Nodes */
int try_online_node(int nid);
int free_area_init_core_hotplug(struct pglist_data *pgdat);

/* zone->span_seqlock: the start and size of a zone's span, as one value. */
static inline void zone_seqlock_init(struct zone *zone)
{
	seqlock_init(&zone->span_seqlock);
}

static inline unsigned int zone_span_seqbegin(struct zone *zone)
{
	return read_seqbegin(&zone->span_seqlock);
}

static inline int zone_span_seqretry(struct zone *zone, unsigned int seq)
{
	return read_seqretry(&zone->span_seqlock, seq);
}

static inline void zone_span_writelock(struct zone *zone)
{
	write_seqlock(&zone->span_seqlock);
}

static inline void zone_span_writeunlock(struct zone *zone)
{
	write_sequnlock(&zone->span_seqlock);
}

/* pgdat->kswapd_lock: kswapd and kcompactd of a node come and go under it. */
static inline void pgdat_kswapd_lock_init(pg_data_t *pgdat)
{
	mutex_init(&pgdat->kswapd_lock);
}

static inline void pgdat_kswapd_lock(pg_data_t *pgdat)
{
	mutex_lock(&pgdat->kswapd_lock);
}

static inline void pgdat_kswapd_unlock(pg_data_t *pgdat)
{
	mutex_unlock(&pgdat->kswapd_lock);
}

#else /* !CONFIG_MEMORY_HOTPLUG */

#define pfn_to_online_page(pfn)						\
({									\
	unsigned long ___pfn = (pfn);					\
									\
	pfn_valid(___pfn) ? pfn_to_page(___pfn) : NULL;			\
})

static inline bool movable_node_is_enabled(void) { return false; }
static inline bool mhp_supports_memmap_on_memory(void) { return false; }
static inline int try_online_node(int nid) { return 0; }

static inline void mem_hotplug_begin(void) { }
static inline void mem_hotplug_done(void) { }
static inline void get_online_mems(void) { }
static inline void put_online_mems(void) { }

static inline void pgdat_kswapd_lock_init(pg_data_t *pgdat) { }
static inline void pgdat_kswapd_lock(pg_data_t *pgdat) { }
static inline void pgdat_kswapd_unlock(pg_data_t *pgdat) { }

static inline void zone_seqlock_init(struct zone *zone) { }
static inline void zone_span_writelock(struct zone *zone) { }
static inline void zone_span_writeunlock(struct zone *zone) { }
static inline unsigned int zone_span_seqbegin(struct zone *zone) { return 0; }
static inline int zone_span_seqretry(struct zone *zone, unsigned int seq)
{
	return 0;
}

#endif /* CONFIG_MEMORY_HOTPLUG */

/* pgdat->node_size_lock: the span of a node, also used by deferred init. */
#if defined(CONFIG_DEFERRED_STRUCT_PAGE_INIT) || defined(CONFIG_MEMORY_HOTPLUG)
static inline void pgdat_resize_init(struct pglist_data *pgdat)
{
	spin_lock_init(&pgdat->node_size_lock);
}

static inline void pgdat_resize_lock(struct pglist_data *pgdat,
				     unsigned long *flags)
{
	spin_lock_irqsave(&pgdat->node_size_lock, *flags);
}

static inline void pgdat_resize_unlock(struct pglist_data *pgdat,
				       unsigned long *flags)
{
	spin_unlock_irqrestore(&pgdat->node_size_lock, *flags);
}
#else
static inline void pgdat_resize_init(struct pglist_data *pgdat) { }
static inline void pgdat_resize_lock(struct pglist_data *pgdat, unsigned long *flags) { }
static inline void pgdat_resize_unlock(struct pglist_data *pgdat, unsigned long *flags) { }
#endif

#ifdef CONFIG_MEMORY_HOTREMOVE

int offline_pages(unsigned long start_pfn, unsigned long nr_pages,
		  struct zone *zone, struct memory_group *group);
int offline_and_remove_memory(u64 start, u64 size);
int remove_memory(u64 start, u64 size);
int __try_remove_memory(u64 start, u64 size);
void __remove_memory(u64 start, u64 size);
void try_offline_node(int nid);

/* mm/sparse.c places the usage maps of boot memory with its help. */
struct mem_section_usage *mhp_alloc_boot_usage(struct pglist_data *pgdat,
					       unsigned long size);
void mhp_check_boot_usage(int nid, struct mem_section_usage *usage);

#else /* !CONFIG_MEMORY_HOTREMOVE */

static inline int remove_memory(u64 start, u64 size) { return -EBUSY; }
static inline int __try_remove_memory(u64 start, u64 size) { return -EBUSY; }
static inline void __remove_memory(u64 start, u64 size) { }
static inline void try_offline_node(int nid) { }
static inline int offline_pages(unsigned long start_pfn,
				unsigned long nr_pages, struct zone *zone,
				struct memory_group *group)
{
	return -EINVAL;
}

static inline struct mem_section_usage *
mhp_alloc_boot_usage(struct pglist_data *pgdat, unsigned long size)
{
	return NULL;
}

static inline void mhp_check_boot_usage(int nid,
					struct mem_section_usage *usage)
{
}

#endif /* CONFIG_MEMORY_HOTREMOVE */

#endif /* __LINUX_MEMORY_HOTPLUG_H */
