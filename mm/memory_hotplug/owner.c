// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: whose a page in the way is, as well as can be known.
 *
 * Goes through tasks and areas of vmalloc(), up to a number of them: slow, and
 * only for reports that root reads.  The page may change hands while it is
 * looked at, so that no pointer in its struct page is followed before it is
 * known to be what it seems.
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

/* Tasks whose stacks are looked at. */
#define MAX_TASKS	16384

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

/* The task whose stack the page is part of, or NULL; RCU keeps it. */
static struct task_struct *find_stack(const struct page *page)
{
	unsigned int left = MAX_TASKS;
	struct task_struct *p, *t;

	for_each_process_thread(p, t) {
		if (is_on_stack(t, page))
			return t;
		if (!--left)
			return NULL;
	}
	return NULL;
}

/* Whether it is part of a stack, and whose. */
static bool tell_stack_owner(const struct page *page, char *buf, size_t size)
{
	char comm[TASK_COMM_LEN];
	struct task_struct *t;

	rcu_read_lock();
	t = find_stack(page);
	if (t) {
		__get_task_comm(comm, sizeof(comm), t);
		snprintf(buf, size, "pid:%d,%s", task_pid_nr(t), comm);
	}
	rcu_read_unlock();
	return t;
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
	const void *caller;

	if (tell_memmap(blocker, buf, size) || PageReserved(page))
		return;

	if (tell_stack_owner(page, buf, size)) {
		blocker->kind = MHP_BLOCKER_STACK;
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

/*
 * A slab that is being freed may name a cache that is gone: only one that is on
 * the list of caches has a name.
 */
static void tell_slab(struct folio *folio, char *buf, size_t size)
{
	struct kmem_cache *cache, *s;

	mutex_lock(&slab_mutex);
	cache = READ_ONCE(folio_slab(folio)->slab_cache);
	list_for_each_entry(s, &slab_caches, list)
		if (s == cache)
			strscpy(buf, s->name, size);
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

static void tell_inode(const struct inode *inode, char *buf, size_t size)
{
	if (inode)
		snprintf(buf, size, "inode:%lu,dev:%s", inode->i_ino,
			 inode->i_sb ? inode->i_sb->s_id : "?");
}

/* The lock keeps a folio in its file, and so the file. */
static void tell_file(struct folio *folio, char *buf, size_t size)
{
	struct address_space *mapping;

	if (!folio_trylock(folio))
		return;
	mapping = READ_ONCE(folio->mapping);
	if (mapping && !((unsigned long)mapping & PAGE_MAPPING_FLAGS))
		tell_inode(mapping->host, buf, size);
	folio_unlock(folio);
}

/*
 * Of other kinds of folio, the mapping may be anything.  A folio that has just
 * been put back is on no LRU list yet.
 */
static bool is_user_folio(const struct folio *folio)
{
	return folio_test_lru(folio) || folio_test_unevictable(folio) ||
	       folio_mapped(folio);
}

/* A folio that is held is what it is, and stays it; a slab may be freed. */
static void tell_folio(struct folio *folio, char *buf, size_t size)
{
	if (folio_test_slab(folio))
		tell_slab(folio, buf, size);
	else if (!is_user_folio(folio))
		return;
	else if (folio_test_anon(folio))
		tell_user(folio, buf, size);
	else
		tell_file(folio, buf, size);
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
