// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: mem_hotplug_lock.
 *
 * One lock for the whole system.  Writers change which memory is present or
 * online; readers want that not to change while they look.  Writing is
 * expensive (an RCU grace period and every reader drained): it is taken once
 * for an operation, never for a page.
 */
#include <linux/cpu.h>
#include <linux/percpu-rwsem.h>
#include "internal.h"

DEFINE_STATIC_PERCPU_RWSEM(mem_hotplug_lock);

/**
 * get_online_mems - keep memory from going on- or offline
 *
 * Context: May sleep. Must not be called between mem_hotplug_begin() and
 *	mem_hotplug_done() of the same task.
 */
void get_online_mems(void)
{
	percpu_down_read(&mem_hotplug_lock);
}

/**
 * put_online_mems - end what get_online_mems() began
 *
 * Context: Any. Only after get_online_mems(), or a mhp_try_read_lock() that
 *	worked, of the same task.
 */
void put_online_mems(void)
{
	percpu_up_read(&mem_hotplug_lock);
}

/**
 * mhp_try_read_lock - get_online_mems() without waiting
 *
 * Context: Any that may take a lock.
 * Return: true if it worked: put_online_mems() ends it.
 */
bool mhp_try_read_lock(void)
{
	return percpu_down_read_trylock(&mem_hotplug_lock);
}

/**
 * mem_hotplug_begin - exclude every other change of memory, and all readers
 *
 * CPUs stay as they are too: the per-CPU structures that memory hotplug sets
 * up must match them.
 *
 * Context: May sleep. Not while holding get_online_mems().
 */
void mem_hotplug_begin(void)
{
	cpus_read_lock();
	percpu_down_write(&mem_hotplug_lock);
}

/**
 * mem_hotplug_done - end what mem_hotplug_begin() began
 *
 * Context: May sleep. Only after mem_hotplug_begin() of the same task.
 */
void mem_hotplug_done(void)
{
	percpu_up_write(&mem_hotplug_lock);
	cpus_read_unlock();
}

/**
 * mhp_assert_write_locked - complain unless mem_hotplug_begin() is in force
 *
 * Context: Any.
 */
void mhp_assert_write_locked(void)
{
	lockdep_assert_held_write(&mem_hotplug_lock);
}
