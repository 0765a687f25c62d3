// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: how onlined pages become free, and drivers that step in.
 *
 * A balloon or paravirtual memory driver may take each chunk before it is free
 * and hand it over later, or never.  There is one such driver at a time.
 * callback_lock serialises those that come and go; mem_hotplug_lock, which they
 * hold for reading and onlining for writing, keeps a callback in place while
 * it is used.
 */
#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include "internal.h"

static DEFINE_MUTEX(callback_lock);
static online_page_callback_t online_page_callback = generic_online_page;

/**
 * generic_online_page - make a chunk of onlined memory free
 * @page: first page; PageOffline with a refcount of one
 * @order: size of the chunk, to which @page is aligned
 *
 * Context: Any, also long after the memory was onlined.
 */
void generic_online_page(struct page *page, unsigned int order)
{
	__free_pages_core(page, order, MEMINIT_HOTPLUG);
}
EXPORT_SYMBOL_GPL(generic_online_page);

/* Install @next if the callback is @current_owner. */
static int swap_callback(online_page_callback_t current_owner,
			 online_page_callback_t next)
{
	int ret = -EINVAL;

	get_online_mems();
	mutex_lock(&callback_lock);
	if (online_page_callback == current_owner) {
		online_page_callback = next;
		ret = 0;
	}
	mutex_unlock(&callback_lock);
	put_online_mems();
	return ret;
}

/**
 * set_online_page_callback - see each chunk of memory before it is free
 * @callback: called for each; generic_online_page() frees the chunk
 *
 * Context: May sleep. Not from a memory notifier.
 * Return: 0; -EINVAL if another driver has its callback installed.
 */
int set_online_page_callback(online_page_callback_t callback)
{
	return swap_callback(generic_online_page, callback);
}
EXPORT_SYMBOL_GPL(set_online_page_callback);

/**
 * restore_online_page_callback - undo set_online_page_callback()
 * @callback: what was installed
 *
 * No onlining uses @callback once this returns.
 *
 * Context: May sleep. Not from a memory notifier.
 * Return: 0; -EINVAL if @callback is not the one installed.
 */
int restore_online_page_callback(online_page_callback_t callback)
{
	return swap_callback(callback, generic_online_page);
}
EXPORT_SYMBOL_GPL(restore_online_page_callback);

/* The largest order that starts at @pfn and ends at or before @end_pfn. */
static unsigned int chunk_order(unsigned long pfn, unsigned long end_pfn)
{
	unsigned int order = min_t(unsigned int, MAX_PAGE_ORDER,
				   ilog2(end_pfn - pfn));

	return pfn ? min_t(unsigned int, order, __ffs(pfn)) : order;
}

/**
 * mhp_page_form - how pages start that mhp_release_pages() is to release
 *
 * Context: mem_hotplug_lock held for writing, until they are released.
 * Return: MHP_PAGES_FREE, unless a driver is to see them before.
 */
enum mhp_page_form mhp_page_form(void)
{
	mhp_assert_write_locked();
	return online_page_callback == generic_online_page ? MHP_PAGES_FREE :
							     MHP_PAGES_OFFLINE;
}

/**
 * mhp_release_pages - hand the pages of a range over, largest chunks first
 * @start_pfn: first page
 * @end_pfn: first page after the range
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 */
void mhp_release_pages(unsigned long start_pfn, unsigned long end_pfn)
{
	bool are_free = mhp_page_form() == MHP_PAGES_FREE;
	unsigned long pfn = start_pfn;

	if (are_free)
		adjust_managed_page_count(pfn_to_page(pfn), end_pfn - pfn);
	while (pfn < end_pfn) {
		unsigned int order = chunk_order(pfn, end_pfn);

		if (are_free)
			free_fresh_pages(pfn_to_page(pfn), order);
		else
			online_page_callback(pfn_to_page(pfn), order);
		pfn += 1UL << order;
		cond_resched();
	}
}
