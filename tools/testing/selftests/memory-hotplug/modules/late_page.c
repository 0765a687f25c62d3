// SPDX-License-Identifier: GPL-2.0
/*
 * late_page: a driver that lets go of a page late
 *
 * The driver has one page between start_pfn and end_pfn, marked PageOffline as
 * that of a balloon.  An evacuation passes over such a page: the driver is to
 * let go of it at MEM_GOING_OFFLINE.  This one gives up the mark then, and the
 * page itself hold_ms later, as drivers do that free memory by work or by RCU.
 * So a range that was empty when its notifiers were called is not when it is
 * taken.
 */
#include <linux/gfp.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#define TRIES	4096

static unsigned long start_pfn;
module_param(start_pfn, ulong, 0400);
MODULE_PARM_DESC(start_pfn, "First page of the range");

static unsigned long end_pfn;
module_param(end_pfn, ulong, 0400);
MODULE_PARM_DESC(end_pfn, "First page after the range");

static unsigned int hold_ms;
module_param(hold_ms, uint, 0400);
MODULE_PARM_DESC(hold_ms, "How long the page stays after MEM_GOING_OFFLINE");

/* The pfn of the page, for user space. */
static unsigned long pfn;
module_param(pfn, ulong, 0400);

static struct page *late_page;

static void let_go(struct work_struct *work)
{
	__free_page(late_page);
}

static DECLARE_DELAYED_WORK(let_go_work, let_go);

static int on_memory_event(struct notifier_block *nb, unsigned long action,
			   void *arg)
{
	const struct memory_notify *notify = arg;

	if (action != MEM_GOING_OFFLINE || pfn < notify->start_pfn ||
	    pfn >= notify->start_pfn + notify->nr_pages ||
	    !PageOffline(late_page))
		return NOTIFY_DONE;
	__ClearPageOffline(late_page);
	schedule_delayed_work(&let_go_work, msecs_to_jiffies(hold_ms));
	return NOTIFY_OK;
}

static struct notifier_block memory_nb = {
	.notifier_call = on_memory_event,
};

static bool is_inside(const struct page *page)
{
	return page_to_pfn(page) >= start_pfn && page_to_pfn(page) < end_pfn;
}

/* Take pages until one is in the range; the others go back. */
static struct page *find_page(void)
{
	struct page *page, *next, *found = NULL;
	LIST_HEAD(others);
	int i;

	for (i = 0; i < TRIES && !found; i++) {
		page = alloc_page(GFP_HIGHUSER_MOVABLE);
		if (!page)
			break;
		if (is_inside(page))
			found = page;
		else
			list_add(&page->lru, &others);
	}
	list_for_each_entry_safe(page, next, &others, lru)
		__free_page(page);
	return found;
}

static int __init late_page_init(void)
{
	int ret;

	late_page = find_page();
	if (!late_page)
		return -ENOMEM;
	pfn = page_to_pfn(late_page);
	__SetPageOffline(late_page);
	ret = register_memory_notifier(&memory_nb);
	if (ret) {
		__ClearPageOffline(late_page);
		__free_page(late_page);
	}
	return ret;
}
module_init(late_page_init);

static void __exit late_page_exit(void)
{
	unregister_memory_notifier(&memory_nb);
	if (PageOffline(late_page)) {
		__ClearPageOffline(late_page);
		__free_page(late_page);
	} else {
		flush_delayed_work(&let_go_work);
	}
}
module_exit(late_page_exit);

MODULE_DESCRIPTION("A driver that lets go of a page late");
MODULE_LICENSE("GPL");
