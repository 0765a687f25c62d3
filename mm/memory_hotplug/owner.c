// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: whose a page in the way is, as well as can be known.
 *
 * Slow, and only for the reports that people read.  The page may change hands
 * while it is looked at, so it is held for that time where it can be.
 */
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "../slab.h"
#include "evacuate.h"

static bool is_on_stack(struct task_struct *t, const struct page *page)
{
	struct vm_struct *area;
	bool found = false;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_VMAP_STACK) || !try_get_task_stack(t))
		return false;
	area = task_stack_vm_area(t);
	for (i = 0; area && i < area->nr_pages; i++)
		found |= area->pages[i] == page;
	put_task_stack(t);
	return found;
}

/* The task whose stack the page is part of: its pid, or 0. */
static pid_t find_stack(const struct page *page, char *comm)
{
	struct task_struct *p, *t;
	pid_t pid = 0;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (!is_on_stack(t, page))
			continue;
		pid = task_pid_nr(t);
		get_task_comm(comm, t);
		break;
	}
	rcu_read_unlock();
	return pid;
}

static void tell_slab(struct folio *folio, char *buf, size_t size)
{
	struct kmem_cache *cache = folio_slab(folio)->slab_cache;

	if (folio_test_slab(folio) && cache)
		strscpy(buf, cache->name, size);
}

/* File memory is its inode's, other user memory is somebody's. */
static void tell_mapping(struct folio *folio, char *buf, size_t size)
{
	struct address_space *mapping;

	if (folio_test_anon(folio)) {
		snprintf(buf, size, "anonymous,mapped:%d", folio_mapcount(folio));
		return;
	}
	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	if (mapping && mapping->host)
		snprintf(buf, size, "inode:%lu,dev:%s", mapping->host->i_ino,
			 mapping->host->i_sb ? mapping->host->i_sb->s_id : "?");
	rcu_read_unlock();
}

/**
 * mhp_blocker_owner - say whose the first page of a blocker is
 * @blocker: the blocker; the kind may become more precise
 * @buf: the text goes there, "-" if nothing is known
 * @size: bytes in @buf
 *
 * Context: May sleep. As mhp_find_blockers().
 */
void mhp_blocker_owner(struct mhp_blocker *blocker, char *buf, size_t size)
{
	struct page *page = pfn_to_online_page(blocker->pfn);
	char comm[TASK_COMM_LEN];
	struct folio *folio;
	pid_t pid;

	strscpy(buf, "-", size);
	if (!page || PageReserved(page))
		return;
	if (blocker->kind == MHP_BLOCKER_KERNEL) {
		pid = find_stack(page, comm);
		if (pid) {
			blocker->kind = MHP_BLOCKER_STACK;
			snprintf(buf, size, "pid:%d,%s", pid, comm);
		}
		return;
	}

	folio = page_folio(page);
	if (!folio_try_get(folio))
		return;
	if (page_folio(page) == folio && folio_test_slab(folio))
		tell_slab(folio, buf, size);
	else if (page_folio(page) == folio && !__folio_test_movable(folio) &&
		 !folio_test_hugetlb(folio))
		tell_mapping(folio, buf, size);
	folio_put(folio);
}
