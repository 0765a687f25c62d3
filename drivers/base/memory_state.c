// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: online and offline.
 *
 * This file owns the state of a block and every change of it, and the words for
 * what can be asked of a block.  The work behind a change is that of memory_use.c;
 * it may have been done before, for several blocks at once, and then the state
 * only follows.
 *
 *	MEM_OFFLINE ---------------> MEM_ONLINE
 *	     ^                        |      ^
 *	     |                        v      |
 *	     +---------------- MEM_GOING_OFFLINE
 *
 * Locks: the callbacks run with device_hotplug_lock (which cannot be asserted:
 * it is static in core.c) and the device lock of the block, which protects its
 * state.  online_type belongs to device_hotplug_lock.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "memory_blocks.h"

/* The ABI of state and auto_online_blocks, and of memhp_default_state=. */
static const char *const online_type_words[] = {
	[MMOP_OFFLINE] = "offline",
	[MMOP_ONLINE] = "online",
	[MMOP_ONLINE_KERNEL] = "online_kernel",
	[MMOP_ONLINE_MOVABLE] = "online_movable",
};

/* For each state that is ever stored, the states that may follow it. */
static const unsigned long next_states[] = {
	[MEM_ONLINE] = BIT(MEM_GOING_OFFLINE),
	[MEM_GOING_OFFLINE] = BIT(MEM_OFFLINE) | BIT(MEM_ONLINE),
	[MEM_OFFLINE] = BIT(MEM_ONLINE),
};

/**
 * mhp_online_type_from_str - translate a word of user space
 * @str: the word; a newline may follow it
 *
 * Context: Any.
 * Return: an enum mmop, or -EINVAL if there is no such word.
 */
int mhp_online_type_from_str(const char *str)
{
	return sysfs_match_string(online_type_words, str);
}

/**
 * memory_online_type_word - the word user space has for a type
 * @type: the type
 *
 * Context: Any.
 * Return: a constant string.
 */
const char *memory_online_type_word(enum mmop type)
{
	return online_type_words[type];
}

static bool state_may_become(const struct memory_block *mem,
			     enum memory_block_state state)
{
	if (mem->state >= ARRAY_SIZE(next_states))
		return false;
	return next_states[mem->state] & BIT(state);
}

/*
 * The only place that changes a state.  The file "state" reads it without a
 * lock.  A change that cannot be is refused: the block stays what it was.
 */
static void set_state(struct memory_block *mem, enum memory_block_state state)
{
	device_lock_assert(&mem->dev);

	if (!WARN_ON_ONCE(!state_may_become(mem, state)))
		WRITE_ONCE(mem->state, state);
}

#ifdef CONFIG_MEMORY_HOTREMOVE
static int offline_block(struct memory_block *mem)
{
	struct mhp_evacuation *ev;
	int ret;

	if (mhp_evacuation_has(memory_block_usable_pfn(mem)))
		return memory_block_disuse(mem);

	ret = memory_blocks_evacuate(&mem, 1, 0, mem, &ev);
	if (!ret)
		ret = memory_block_disuse(mem);
	mhp_evacuation_end(ev);
	if (ret)
		memory_report_failure(&mem->dev, ev, ret);
	mhp_evacuation_free(ev);
	return ret;
}
#else
static int offline_block(struct memory_block *mem)
{
	return -EINVAL;
}
#endif

static int online_block(struct memory_block *mem, enum mmop type)
{
	int error = 0;

	if (!mem->zone)
		memory_blocks_use(&mem, 1, type, &error);
	return error;
}

/* What was asked of the next online is used up by asking. */
static enum mmop take_online_type(struct memory_block *mem)
{
	enum mmop type = mem->online_type;

	mem->online_type = MMOP_OFFLINE;
	return type == MMOP_OFFLINE ? MMOP_ONLINE : type;
}

/**
 * memory_block_bus_online - bring a block online, for the driver core
 * @dev: the device of the block
 *
 * The zone depends on memory_block.online_type, which is reset in any case, unless
 * memory_blocks_use() has put the block into one.
 *
 * Context: Process context; device_hotplug_lock and the lock of @dev. Takes
 *	mem_hotplug_lock for writing.
 * Return: 0 if the block is online now, or an error and it is as it was.
 */
int memory_block_bus_online(struct device *dev)
{
	struct memory_block *mem = to_memory_block(dev);
	enum mmop type = take_online_type(mem);
	int ret;

	device_lock_assert(dev);

	if (mem->state == MEM_ONLINE)
		return 0;
	if (WARN_ON_ONCE(!state_may_become(mem, MEM_ONLINE)))
		return -EINVAL;

	ret = online_block(mem, type);
	if (!ret)
		set_state(mem, MEM_ONLINE);
	return ret;
}

/**
 * memory_block_bus_offline - take a block offline, for the driver core
 * @dev: the device of the block
 *
 * Context: Process context; device_hotplug_lock and the lock of @dev. Takes
 *	mem_hotplug_lock for writing.
 * Return: 0 if the block is offline now, or an error and it is as it was.
 */
int memory_block_bus_offline(struct device *dev)
{
	struct memory_block *mem = to_memory_block(dev);
	int ret;

	device_lock_assert(dev);

	if (mem->state == MEM_OFFLINE)
		return 0;
	if (WARN_ON_ONCE(!state_may_become(mem, MEM_GOING_OFFLINE)))
		return -EINVAL;

	/* A type left by somebody who found the block online is void. */
	mem->online_type = MMOP_OFFLINE;
	set_state(mem, MEM_GOING_OFFLINE);
	ret = offline_block(mem);
	set_state(mem, ret ? MEM_ONLINE : MEM_OFFLINE);
	return ret;
}

/**
 * memory_block_request - do what user space asked of a block
 * @mem: the block
 * @type: what it asked
 *
 * A type asked of a block that is online already must not be remembered for
 * the time after the next offline.
 *
 * Context: Process context, device_hotplug_lock held. Takes the lock of the
 *	device.
 * Return: 0, an error, or 1 if the block was in the wanted state before.
 */
int memory_block_request(struct memory_block *mem, enum mmop type)
{
	int ret;

	if (type == MMOP_OFFLINE)
		return device_offline(&mem->dev);

	mem->online_type = type;
	ret = device_online(&mem->dev);
	mem->online_type = MMOP_OFFLINE;
	return ret;
}
