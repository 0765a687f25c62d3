// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: whose a page in the way is, as well as can be known.
 *
 * Goes through all tasks and all of vmalloc(): slow, and only for the reports that
 * people read.  The page may change hands while it is looked at, so it is held
 * for that time where it can be.
 */
#include <linux/ctype.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/stackdepot.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "../slab.h"
#include "evacuate.h"

/* Callers that are told of an allocation, the nearest ones. */
#define STACK_WORDS	8

static bool stack_has(struct task_struct *t, const struct page *page)
{
	struct vm_struct *area = task_stack_vm_area(t);
	unsigned int i;

	if (!IS_ENABLED(CONFIG_VMAP_STACK))
		return page - virt_to_page(task_stack_page(t)) <
		       THREAD_SIZE / PAGE_SIZE;
	for (i = 0; area && i < area->nr_pages; i++)
		if (area->pages[i] == page)
			return true;
	return false;
}

static bool is_on_stack(struct task_struct *t, const struct page *page)
{
	bool found;

	if (!try_get_task_stack(t))
		return false;
	found = stack_has(t, page);
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
		__get_task_comm(comm, TASK_COMM_LEN, t);
		break;
	}
	rcu_read_unlock();
	return pid;
}

/* The callers of the allocation of a page, if page_owner is on; how many. */
static unsigned int callers_of(const struct page *page, unsigned long **entries)
{
	depot_stack_handle_t handle = page_owner_stack(page);

	return handle ? stack_depot_fetch(handle, entries) : 0;
}

static bool is_in(unsigned long address, const void *function)
{
	unsigned long size, offset;

	return kallsyms_lookup_size_offset(address, &size, &offset) &&
	       address - offset == (unsigned long)function;
}

static bool is_in_dma_api(unsigned long address)
{
	return is_in(address, dma_alloc_attrs) ||
	       is_in(address, dma_alloc_pages) ||
	       is_in(address, dma_alloc_noncontiguous);
}

/* Who asked the DMA API for a page: nothing but its callers tells that page. */
static const void *dma_caller_of(const struct page *page)
{
	unsigned long *entries;
	unsigned int nr, i;

	if (!IS_ENABLED(CONFIG_HAS_DMA))
		return NULL;
	nr = callers_of(page, &entries);
	for (i = 1; i < nr; i++)
		if (is_in_dma_api(entries[i - 1]))
			return (void *)entries[i];
	return NULL;
}

/* Struct pages, which are one allocation where they are mapped as one. */
static bool tell_memmap(struct mhp_blocker *blocker, char *buf, size_t size)
{
	unsigned long nr_pages, section;

	section = mhp_memmap_section(blocker->pfn, &nr_pages);
	if (section == ULONG_MAX)
		return false;
	blocker->kind = MHP_BLOCKER_MEMMAP;
	blocker->nr_pages = max(blocker->nr_pages, nr_pages);
	snprintf(buf, size, "memory%lu", section_nr_to_pfn(section) /
		 (memory_block_size_bytes() >> PAGE_SHIFT));
	return true;
}

/* Memory of the kernel: a stack, of vmalloc(), a driver's, or struct pages. */
static void tell_kernel(struct mhp_blocker *blocker, struct page *page,
			char *buf, size_t size)
{
	char comm[TASK_COMM_LEN];
	const void *caller;
	pid_t pid;

	if (tell_memmap(blocker, buf, size) || PageReserved(page))
		return;

	pid = find_stack(page, comm);
	if (pid) {
		blocker->kind = MHP_BLOCKER_STACK;
		snprintf(buf, size, "pid:%d,%s", pid, comm);
		return;
	}
	caller = vmalloc_caller_of(page);
	if (caller) {
		blocker->kind = MHP_BLOCKER_VMALLOC;
		snprintf(buf, size, "%ps", caller);
		return;
	}
	caller = dma_caller_of(page);
	if (caller) {
		blocker->kind = MHP_BLOCKER_DMA;
		snprintf(buf, size, "%ps", caller);
	}
}

/* A cache is not destroyed before its slabs are freed, nor without the mutex. */
static void tell_slab(struct folio *folio, char *buf, size_t size)
{
	mutex_lock(&slab_mutex);
	if (folio_test_slab(folio))
		strscpy(buf, folio_slab(folio)->slab_cache->name, size);
	mutex_unlock(&slab_mutex);
}

/**
 * struct page_user - a process that has a page mapped
 * @pid: its process id, 0 if none was found
 * @comm: what it is called
 */
struct page_user {
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/* Take the first process, and stop. */
static bool note_user(struct folio *folio, struct vm_area_struct *vma,
		      unsigned long addr, void *arg)
{
#ifdef CONFIG_MEMCG
	struct page_user *user = arg;
	struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(vma->vm_mm->owner);
	if (task) {
		user->pid = task_tgid_nr(task);
		get_task_comm(user->comm, task);
	}
	rcu_read_unlock();
	return !user->pid;
#else
	return false;
#endif
}

static void tell_user(struct folio *folio, char *buf, size_t size)
{
	struct page_user user = {};
	struct rmap_walk_control rwc = {
		.arg = &user,
		.rmap_one = note_user,
		.try_lock = true,
	};

	if (!folio_mapped(folio) || !folio_trylock(folio))
		return;
	if (folio_mapped(folio))
		rmap_walk(folio, &rwc);
	folio_unlock(folio);
	if (user.pid)
		snprintf(buf, size, "pid:%d,%s", user.pid, user.comm);
}

/* File memory is its inode's, other user memory is somebody's. */
static void tell_mapping(struct folio *folio, char *buf, size_t size)
{
	struct address_space *mapping;

	if (folio_test_anon(folio)) {
		tell_user(folio, buf, size);
		return;
	}
	rcu_read_lock();
	mapping = READ_ONCE(folio->mapping);
	if (mapping && mapping->host)
		snprintf(buf, size, "inode:%lu,dev:%s", mapping->host->i_ino,
			 mapping->host->i_sb ? mapping->host->i_sb->s_id : "?");
	rcu_read_unlock();
}

/* A folio that is held is what it is, and stays it. */
static void tell_folio(struct folio *folio, char *buf, size_t size)
{
	if (folio_test_slab(folio))
		tell_slab(folio, buf, size);
	else if (!__folio_test_movable(folio) && !folio_test_hugetlb(folio) &&
		 !folio_test_pgtable(folio))
		tell_mapping(folio, buf, size);
}

/* Processes and caches may have any name; here it is one word. */
static void make_one_word(char *buf)
{
	for (; *buf; buf++)
		if (!isgraph(*buf))
			*buf = '_';
}

/* Where it was allocated, the nearest caller first, if page_owner is on. */
static void tell_stack(struct page *page, char *buf, size_t size)
{
	unsigned int nr, i, skip;
	unsigned long *entries;
	size_t len = strlen(buf);

	nr = callers_of(page, &entries);
	/* The allocator's own functions come first and are the same for all. */
	skip = nr > STACK_WORDS ? 3 : 0;
	for (i = skip; i < nr && i < skip + STACK_WORDS && len < size; i++)
		len += scnprintf(buf + len, size - len, "%s%ps",
				 i == skip ? " stack:" : "<",
				 (void *)entries[i]);
}

/**
 * mhp_blocker_owner - say whose the first page of a blocker is
 * @blocker: the blocker; the kind may become more precise, the size too
 * @buf: the text goes there, "-" if nothing is known; with page_owner, the
 *	callers of the allocation follow
 * @size: bytes in @buf
 *
 * Context: May sleep. As mhp_find_blockers().
 */
void mhp_blocker_owner(struct mhp_blocker *blocker, char *buf, size_t size)
{
	struct page *page = pfn_to_online_page(blocker->pfn);
	struct folio *folio;

	strscpy(buf, "-", size);
	if (!page)
		return;

	folio = page_folio(page);
	if (blocker->kind == MHP_BLOCKER_KERNEL ||
	    blocker->kind == MHP_BLOCKER_RESERVED) {
		tell_kernel(blocker, page, buf, size);
	} else if (folio_try_get(folio)) {
		if (page_folio(page) == folio)
			tell_folio(folio, buf, size);
		folio_put(folio);
	}
	make_one_word(buf);
	tell_stack(page, buf, size);
}
