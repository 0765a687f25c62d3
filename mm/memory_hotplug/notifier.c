// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: the notifier chain.
 *
 * Callbacks run in order of priority, may sleep, and see mem_hotplug_lock held
 * for writing.  The chain's own lock orders after it.
 */
#include <linux/memory.h>
#include <linux/notifier.h>
#include "internal.h"

static BLOCKING_NOTIFIER_HEAD(memory_chain);

/**
 * memory_notify - send an event
 * @val: an enum memory_block_state
 * @v: a struct memory_notify
 *
 * Context: mem_hotplug_lock held for writing. May sleep.
 * Return: the last callback's answer, for notifier_to_errno(); only
 *	MEM_PREPARE_ONLINE, MEM_GOING_ONLINE and MEM_GOING_OFFLINE can be
 *	refused.
 */
int memory_notify(unsigned long val, void *v)
{
	mhp_assert_write_locked();
	return blocking_notifier_call_chain(&memory_chain, val, v);
}

/**
 * unregister_memory_notifier - stop telling a callback
 * @nb: the callback
 *
 * Context: May sleep. Not from a callback of this chain.
 */
void unregister_memory_notifier(struct notifier_block *nb)
{
	blocking_notifier_chain_unregister(&memory_chain, nb);
}
EXPORT_SYMBOL(unregister_memory_notifier);

/**
 * register_memory_notifier - have a callback told of memory events
 * @nb: the callback and its priority
 *
 * Context: May sleep. Not from a callback of this chain.
 * Return: 0; -EEXIST if @nb is registered already.
 */
int register_memory_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&memory_chain, nb);
}
EXPORT_SYMBOL(register_memory_notifier);
