// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: taking several of them on- or offline as one.
 *
 * All that are to go offline are emptied together, so that no page moves from one to
 * the next; then each goes offline by itself, with its own events.  Either all
 * of them are offline afterwards or those that were online are so again, in the
 * zone they were in.  The same holds the other way, where all memory goes into use
 * in large runs before the states of the blocks follow.  A device that changed as a
 * whole has an "online" or "offline" uevent of its own, after those of its blocks.  A
 * failure to go offline is told by a uevent, of the block or the device that did
 * not go.
 *
 * Locks: device_hotplug_lock throughout.
 */
#define pr_fmt(fmt) "memory: " fmt

#include <linux/device.h>
#include <linux/memory_evacuation.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "memory_blocks.h"

#ifdef CONFIG_MEMORY_HOTREMOVE
static void avoid_group(struct mhp_evacuation *ev, struct memory_group *group)
{
	const struct memory_block *first, *last;

	mutex_lock(&group->blocks_lock);
	if (!list_empty(&group->memory_blocks)) {
		first = list_first_entry(&group->memory_blocks,
					 struct memory_block, group_next);
		last = list_last_entry(&group->memory_blocks,
				       struct memory_block, group_next);
		mhp_evacuation_avoid(ev, memory_block_start_pfn(first),
				     memory_block_start_pfn(last) +
				     memory_block_nr_pages());
	}
	mutex_unlock(&group->blocks_lock);
}

/* The memory that a script which takes one block away will want next. */
static void avoid_neighbours(struct mhp_evacuation *ev,
			     const struct memory_block *mem)
{
	if (mem->group)
		avoid_group(ev, mem->group);
	else if (zone_idx(mem->zone) == ZONE_MOVABLE)
		mhp_evacuation_avoid(ev, mem->zone->zone_start_pfn,
				     zone_end_pfn(mem->zone));
}

static int begin_locked(struct mhp_evacuation *ev)
{
	int ret;

	mhp_evacuation_drain(ev);
	mem_hotplug_begin();
	ret = mhp_evacuation_begin(ev);
	mem_hotplug_done();
	return ret;
}

/**
 * memory_blocks_evacuate - empty blocks that are about to go offline
 * @blocks: the blocks, all online
 * @nr: how many
 * @timeout_ms: how long it may take; 0 for the default
 * @owner: who can cancel it and ask for progress
 * @evp: the evacuation is returned here, for mhp_evacuation_end() and
 *	mhp_evacuation_free(); its ranges are the blocks in their order. NULL if
 *	there was no memory for it.
 *
 * Context: Process context, device_hotplug_lock held. May sleep long.
 * Return: 0; -EINVAL if one of them cannot go offline at all, or as
 *	mhp_evacuation_begin() and mhp_evacuation_run().
 */
int memory_blocks_evacuate(struct memory_block **blocks, unsigned int nr,
			   unsigned int timeout_ms, const void *owner,
			   struct mhp_evacuation **evp)
{
	struct mhp_evacuation *ev;
	unsigned int i;
	int ret = 0;

	assert_device_hotplug_locked();
	ev = mhp_evacuation_create(nr, timeout_ms, owner);
	*evp = ev;
	if (!ev)
		return -ENOMEM;

	for (i = 0; i < nr && !ret; i++)
		ret = mhp_evacuation_add(ev, memory_block_usable_pfn(blocks[i]),
					 memory_block_usable_pages(blocks[i]),
					 blocks[i]->zone);
	if (!ret && nr == 1)
		avoid_neighbours(ev, blocks[0]);
	if (!ret)
		ret = begin_locked(ev);
	return ret ?: mhp_evacuation_run(ev);
}

/* Failures that user space and the log are told of, in 5 s. */
#define REPORT_BURST	20

static struct ratelimit_state report_limit =
	RATELIMIT_STATE_INIT_FLAGS(report_limit, 5 * HZ, REPORT_BURST,
				   RATELIMIT_MSG_ON_RELEASE);

static void send_failure(struct device *dev, const char *reason, int error,
			 const char *kind)
{
	struct kobj_uevent_env *env = kzalloc(sizeof(*env), GFP_KERNEL);

	if (!env)
		return;
	add_uevent_var(env, "OPERATION=offline");
	add_uevent_var(env, "ERRNO=%d", -error);
	add_uevent_var(env, "REASON=%s", reason);
	if (kind)
		add_uevent_var(env, "KIND=%s", kind);
	kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, env->envp);
	kfree(env);
}

/**
 * memory_report_failure - report that memory did not go offline
 * @dev: the block or device that was to go
 * @ev: the evacuation, ended, or NULL if there was no memory for one
 * @error: negative errno
 *
 * All users hear a "change" uevent with OPERATION, ERRNO, REASON and, if a page
 * is the cause, KIND; no more than REPORT_BURST of them in 5 s.  The page and
 * its owner are recorded for root.
 *
 * Context: Process context. May sleep.
 */
void memory_report_failure(struct device *dev, struct mhp_evacuation *ev,
			   int error)
{
	struct mhp_blocker *blocker = ev ? mhp_evacuation_blocker(ev) : NULL;
	enum mhp_failure failure = ev ? mhp_evacuation_failure(ev) :
					MHP_FAILURE_NO_ROOM;
	const char *kind = blocker ? mhp_blocker_word(blocker->kind) : NULL;
	const char *reason = mhp_failure_word(failure);

	WARN_ON_ONCE(failure == MHP_FAILURE_NONE);
	mhp_record_failure(dev_name(dev), failure, error, blocker);
	if (!__ratelimit(&report_limit))
		return;
	send_failure(dev, reason, error, kind);
	dev_info(dev, "stays online: %s, %d%s%s\n", reason, error,
		 kind ? ", " : "", kind ?: "");
}
#endif /* CONFIG_MEMORY_HOTREMOVE */

/**
 * struct party - blocks that change their state together
 * @blocks: the blocks, with a reference each
 * @undo: what takes each back to where it was; the state it is asked for itself
 *	while it has not changed
 * @type: what is asked of all of them
 * @nr: how many
 * @max: how many there is room for
 */
struct party {
	struct memory_block **blocks;
	u8 *undo;
	enum mmop type;
	unsigned int nr;
	unsigned int max;
};

static int party_init(struct party *party, enum mmop type, unsigned int max)
{
	*party = (struct party) { .type = type, .max = max };
	party->blocks = kvcalloc(max, sizeof(*party->blocks), GFP_KERNEL);
	party->undo = kvmalloc(max, GFP_KERNEL);
	if (!party->blocks || !party->undo)
		return -ENOMEM;
	memset(party->undo, type, max);
	return 0;
}

static void party_free(struct party *party)
{
	while (party->nr)
		put_device(&party->blocks[--party->nr]->dev);
	kvfree(party->blocks);
	kvfree(party->undo);
}

/* Blocks that are where they should be already stay out of it. */
static int party_add(struct memory_block *mem, void *arg)
{
	struct party *party = arg;
	bool is_offline = mem->state == MEM_OFFLINE;
	bool to_go_offline = party->type == MMOP_OFFLINE;

	if (is_offline == to_go_offline)
		return 0;
	if (WARN_ON_ONCE(party->nr == party->max))
		return -EINVAL;
	get_device(&mem->dev);
	party->blocks[party->nr++] = mem;
	return 0;
}

static int party_of_group(struct party *party, struct memory_group *group,
			  enum mmop type)
{
	struct memory_block *mem;
	int ret;

	mutex_lock(&group->blocks_lock);
	ret = party_init(party, type, list_count_nodes(&group->memory_blocks));
	if (!ret)
		list_for_each_entry(mem, &group->memory_blocks, group_next)
			party_add(mem, party);
	mutex_unlock(&group->blocks_lock);
	return ret;
}

static int party_of_range(struct party *party, u64 start, u64 size,
			  enum mmop type)
{
	return party_init(party, type, size / memory_block_size_bytes()) ?:
	       walk_memory_blocks(start, size, party, party_add);
}

/* Take those that changed back to where they were, the last one first. */
static void party_undo(struct party *party)
{
	unsigned int i = party->nr;

	while (i--) {
		struct memory_block *mem = party->blocks[i];
		int ret;

		if (party->undo[i] == party->type)
			continue;
		ret = memory_block_request(mem, party->undo[i]);
		if (ret < 0)
			dev_warn(&mem->dev, "cannot be %s again: %d\n",
				 memory_online_type_word(party->undo[i]), ret);
	}
}

#ifdef CONFIG_MEMORY_HOTREMOVE
static enum mmop type_of_zone(const struct zone *zone)
{
	return zone_idx(zone) == ZONE_MOVABLE ? MMOP_ONLINE_MOVABLE :
						MMOP_ONLINE_KERNEL;
}

static int offline_one(struct party *party, unsigned int i)
{
	struct memory_block *mem = party->blocks[i];
	enum mmop type = type_of_zone(mem->zone);
	int ret = device_offline(&mem->dev);

	if (ret)
		return min(ret, 0);
	party->undo[i] = type;
	return 0;
}

static int offline_party(struct party *party, unsigned int timeout_ms,
			 struct device *reporter, const void *owner)
{
	struct mhp_evacuation *ev = NULL;
	unsigned int i;
	int ret;

	if (!party->nr)
		return 0;
	ret = memory_blocks_evacuate(party->blocks, party->nr, timeout_ms,
				     owner, &ev);
	for (i = 0; i < party->nr && !ret; i++)
		ret = offline_one(party, i);
	mhp_evacuation_end(ev);
	if (ret) {
		party_undo(party);
		memory_report_failure(reporter ?: &party->blocks[0]->dev, ev,
				      ret);
	}
	mhp_evacuation_free(ev);
	return ret;
}

/**
 * memory_group_take_offline - take all blocks of a device offline, or none
 * @group: the device
 *
 * Context: Process context, device_hotplug_lock held. May sleep for as long as
 *	its timeout.
 * Return: 0 if all are offline; or as memory_blocks_evacuate(), or the errno of
 *	a notifier that refused, and all are as they were.
 */
int memory_group_take_offline(struct memory_group *group)
{
	struct party party;
	int ret;

	assert_device_hotplug_locked();
	ret = party_of_group(&party, group, MMOP_OFFLINE);
	if (ret)
		memory_report_failure(&group->dev, NULL, ret);
	else
		ret = offline_party(&party, READ_ONCE(group->offline_timeout_ms),
				    &group->dev, group);
	if (!ret && party.nr)
		kobject_uevent(&group->dev.kobj, KOBJ_OFFLINE);
	party_free(&party);
	return ret;
}

/**
 * memory_range_remove - take a range offline and away, or neither
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 * @remove: called when all of it is offline
 *
 * Context: Process context, device_hotplug_lock held. May sleep long.
 * Return: 0; as memory_group_take_offline(), or what @remove returned. All is
 *	as it was then.
 */
int memory_range_remove(u64 start, u64 size, int (*remove)(u64 start, u64 size))
{
	struct party party;
	int ret;

	ret = party_of_range(&party, start, size, MMOP_OFFLINE);
	if (!ret)
		ret = offline_party(&party, 0, NULL, NULL);
	if (!ret) {
		ret = remove(start, size);
		if (ret)
			party_undo(&party);
	}
	party_free(&party);
	return ret;
}
#endif /* CONFIG_MEMORY_HOTREMOVE */

/* All of them, or those before one that cannot go. */
static int online_party(struct party *party)
{
	unsigned int i, used;
	int error;

	if (!party->nr)
		return 0;
	used = memory_blocks_use(party->blocks, party->nr, party->type, &error);
	for (i = 0; i < used; i++) {
		/* What can fail has been done: only the state follows. */
		WARN_ON_ONCE(device_online(&party->blocks[i]->dev));
		party->undo[i] = MMOP_OFFLINE;
	}
	return error;
}

/**
 * memory_range_bring_online - online the offline blocks of a range
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 * @type: how
 *
 * In ascending order, up to the first that cannot go; those before it stay online.
 *
 * Context: Process context, device_hotplug_lock held. May sleep.
 * Return: 0 if all are online; or why one could not go.
 */
int memory_range_bring_online(u64 start, u64 size, enum mmop type)
{
	struct party party;
	int ret;

	ret = party_of_range(&party, start, size, type);
	if (!ret)
		ret = online_party(&party);
	party_free(&party);
	return ret;
}

/**
 * memory_group_bring_online - online all blocks of a device, or none
 * @group: the device
 * @type: how
 *
 * Blocks that are online already stay where they are.
 *
 * Context: Process context, device_hotplug_lock held. May sleep.
 * Return: 0 if all are online; or why one of them could not, and all are as
 *	they were.
 */
int memory_group_bring_online(struct memory_group *group, enum mmop type)
{
	struct party party;
	int ret;

	ret = party_of_group(&party, group, type);
	if (!ret)
		ret = online_party(&party);
	if (ret && party.nr)
		party_undo(&party);
	if (!ret && party.nr)
		kobject_uevent(&group->dev.kobj, KOBJ_ONLINE);
	party_free(&party);
	return ret;
}
