// SPDX-License-Identifier: GPL-2.0
/*
 * Memory devices: groups of blocks that came together, in sysfs.
 *
 * This file owns /sys/devices/system/memory/groupN: its files and links, and
 * which blocks are in it.  Who registers groups is told in
 * mm/memory_hotplug/groups.c.  The files are described in
 * Documentation/ABI/testing/sysfs-devices-memory.
 *
 * Locks: see struct memory_group for the list of blocks.  Files can be read
 * while an operation on the device runs, so they do not take
 * device_hotplug_lock; what they show of a block may change meanwhile.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "memory_blocks.h"

/* Room for the line of a blocker, in bytes. */
#define LINE_SIZE	(BLOCKER_OWNER_SIZE + 64)

/* Blockers of a block that are looked for: most pages of text have no more lines. */
#define MAX_LISTED	256

#define to_memory_group(device)	container_of(device, struct memory_group, dev)

static const struct bus_type memory_group_bus = {
	.name = "memory_group",
	.dev_name = "group",
};

/* The device of the memory subsystem, in whose folder groups and blocks are. */
static struct device *memory_root;

/**
 * struct text_window - a part of a text that is written from its beginning
 * @buf: where the part goes
 * @start: offset of its first character in the text
 * @size: characters that there is room for
 * @pos: length of the text so far
 */
struct text_window {
	char *buf;
	loff_t start;
	size_t size;
	loff_t pos;
};

static void add_text(struct text_window *window, const char *text)
{
	for (; *text; text++, window->pos++)
		if (window->pos >= window->start &&
		    window->pos < window->start + window->size)
			window->buf[window->pos - window->start] = *text;
}

/* Blocks by number, as a list of ranges. */
static void add_run(struct text_window *window, u32 first, u32 end)
{
	char text[32];

	if (first == end)
		return;
	scnprintf(text, sizeof(text), end - first == 1 ? "%s%u" : "%s%u-%u",
		  window->pos ? "," : "", first, end - 1);
	add_text(window, text);
}

static void list_blocks(struct memory_group *group, struct text_window *window)
{
	struct memory_block *mem;
	u32 first = 0, end = 0;

	mutex_lock(&group->blocks_lock);
	list_for_each_entry(mem, &group->memory_blocks, group_next) {
		if (mem->dev.id != end) {
			add_run(window, first, end);
			first = mem->dev.id;
		}
		end = mem->dev.id + 1;
	}
	add_run(window, first, end);
	mutex_unlock(&group->blocks_lock);
	add_text(window, "\n");
}

/* The list can be longer than a page, which is what other attributes have. */
static ssize_t blocks_read(struct file *file, struct kobject *kobj,
			   struct bin_attribute *attr, char *buf, loff_t pos,
			   size_t count)
{
	struct text_window window = { .buf = buf, .start = pos, .size = count };

	list_blocks(to_memory_group(kobj_to_dev(kobj)), &window);
	return clamp_t(loff_t, window.pos - pos, 0, count);
}
static BIN_ATTR_RO(blocks, 0);

static ssize_t nid_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%d\n", to_memory_group(dev)->nid);
}
static DEVICE_ATTR_RO(nid);

static ssize_t kind_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", to_memory_group(dev)->is_dynamic ?
			  "dynamic" : "static");
}
static DEVICE_ATTR_RO(kind);

/* Blocks of the group that are online, and all of them. */
static void count_blocks(struct memory_group *group, unsigned int *online,
			 unsigned int *all)
{
	struct memory_block *mem;

	*online = 0;
	*all = 0;
	mutex_lock(&group->blocks_lock);
	list_for_each_entry(mem, &group->memory_blocks, group_next) {
		*online += READ_ONCE(mem->state) != MEM_OFFLINE;
		(*all)++;
	}
	mutex_unlock(&group->blocks_lock);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct memory_group *group = to_memory_group(dev);
	unsigned long moved, to_move;
	unsigned int online, all;

	if (mhp_evacuation_progress(group, &moved, &to_move))
		return sysfs_emit(buf, "going-offline\n");
	count_blocks(group, &online, &all);
	if (!online)
		return sysfs_emit(buf, "offline\n");
	return sysfs_emit(buf, online == all ? "online\n" : "mixed\n");
}

static int request(struct memory_group *group, enum mmop type)
{
	int ret = lock_device_hotplug_sysfs();

	if (ret)
		return ret;
	if (list_empty(&group->memory_blocks))
		ret = -ENODEV;
	else if (type == MMOP_OFFLINE)
		ret = memory_group_take_offline(group);
	else
		ret = memory_group_bring_online(group, type);
	unlock_device_hotplug();
	return ret;
}

static ssize_t state_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct memory_group *group = to_memory_group(dev);
	int type, ret;

	if (sysfs_streq(buf, "cancel"))
		return mhp_evacuation_cancel(group) ? count : -ESRCH;
	type = mhp_online_type_from_str(buf);
	if (type < 0)
		return type;

	ret = request(group, type);
	return ret ?: count;
}
static DEVICE_ATTR_RW(state);

/* In ms; 0 stands for memory_hotplug.offline_timeout_ms. */
static ssize_t offline_timeout_ms_show(struct device *dev,
				       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  READ_ONCE(to_memory_group(dev)->offline_timeout_ms));
}

static ssize_t offline_timeout_ms_store(struct device *dev,
					struct device_attribute *attr,
					const char *buf, size_t count)
{
	unsigned int ms;
	int ret = kstrtouint(buf, 0, &ms);

	if (ret)
		return ret;
	WRITE_ONCE(to_memory_group(dev)->offline_timeout_ms, ms);
	return count;
}
static DEVICE_ATTR_RW(offline_timeout_ms);

/* Pages moved and pages to be moved; empty when nothing is under way. */
static ssize_t progress_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	unsigned long moved, to_move;

	if (!mhp_evacuation_progress(to_memory_group(dev), &moved, &to_move))
		return 0;
	return sysfs_emit(buf, "%lu %lu\n", moved, to_move);
}
static DEVICE_ATTR_RO(progress);

/* One line: pfn, pages, kind, owner. */
static int emit_blocker(struct mhp_blocker *blocker, char *buf, ssize_t *len)
{
	char owner[BLOCKER_OWNER_SIZE], line[LINE_SIZE];

	/* To find the owner takes long. */
	if (fatal_signal_pending(current))
		return -EINTR;
	mhp_blocker_owner(blocker, owner, sizeof(owner));
	scnprintf(line, sizeof(line), "%#lx %lu %s %s\n", blocker->pfn,
		  blocker->nr_pages, mhp_blocker_word(blocker->kind), owner);
	if (*len + strlen(line) >= PAGE_SIZE)
		return -ENOSPC;
	*len += sysfs_emit_at(buf, *len, "%s", line);
	return 0;
}

/**
 * memory_emit_blockers - list what would keep a block from going offline
 * @mem: the block, which the caller keeps
 * @buf: the page of a sysfs file
 * @len: bytes of it that are in use, updated
 *
 * Context: Process context. May sleep.
 * Return: 0; -ENOSPC if there was no room for a line, -ENOMEM, or as
 *	mhp_find_blockers().
 */
int memory_emit_blockers(const struct memory_block *mem, char *buf,
			 ssize_t *len)
{
	struct mhp_blocker_list list = { .max = MAX_LISTED };
	unsigned int i;
	int ret = 0;

	/* Boot memory of several zones never goes; part of it may be missing. */
	if (READ_ONCE(mem->state) == MEM_OFFLINE)
		return 0;
	list.entries = kcalloc(list.max, sizeof(*list.entries), GFP_KERNEL);
	if (!list.entries)
		return -ENOMEM;

	ret = mhp_find_blockers(memory_block_usable_pfn(mem),
				memory_block_usable_pages(mem), &list);
	for (i = 0; i < list.nr && !ret; i++)
		ret = emit_blocker(&list.entries[i], buf, len);
	kfree(list.entries);
	return ret;
}

/* The first block of a group from an id on, with a reference, or NULL. */
static struct memory_block *next_block(struct memory_group *group, u32 id)
{
	struct memory_block *mem;

	mutex_lock(&group->blocks_lock);
	list_for_each_entry(mem, &group->memory_blocks, group_next) {
		if (mem->dev.id < id)
			continue;
		get_device(&mem->dev);
		mutex_unlock(&group->blocks_lock);
		return mem;
	}
	mutex_unlock(&group->blocks_lock);
	return NULL;
}

/* For root.  No lock is held while a block is looked at. */
static ssize_t blockers_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct memory_group *group = to_memory_group(dev);
	struct memory_block *mem;
	ssize_t len = 0;
	int ret = 0;
	u32 id = 0;

	/* Pages on their way to an LRU list are in the way for a moment. */
	lru_add_drain_all();
	while (!ret && (mem = next_block(group, id))) {
		ret = memory_emit_blockers(mem, buf, &len);
		id = mem->dev.id + 1;
		put_device(&mem->dev);
	}
	return ret && ret != -ENOSPC ? ret : len;
}
static DEVICE_ATTR_ADMIN_RO(blockers);

static struct attribute *memory_group_attrs[] = {
	&dev_attr_nid.attr,
	&dev_attr_kind.attr,
	&dev_attr_state.attr,
	&dev_attr_offline_timeout_ms.attr,
	&dev_attr_progress.attr,
	&dev_attr_blockers.attr,
	NULL
};

static struct bin_attribute *memory_group_bin_attrs[] = {
	&bin_attr_blocks,
	NULL
};

static const struct attribute_group memory_group_group = {
	.attrs = memory_group_attrs,
	.bin_attrs = memory_group_bin_attrs,
};
__ATTRIBUTE_GROUPS(memory_group);

/* Links in both directions; their absence harms nobody. */
static void add_links(struct memory_group *group, struct memory_block *mem)
{
	if (sysfs_create_link_nowarn(&group->dev.kobj, &mem->dev.kobj,
				     kobject_name(&mem->dev.kobj)) ||
	    sysfs_create_link_nowarn(&mem->dev.kobj, &group->dev.kobj, "group"))
		dev_warn(&mem->dev, "no link to %s\n", dev_name(&group->dev));
}

/* The block with the next lower number, or the head; most come in ascending order. */
static struct list_head *place_of(struct memory_group *group, u32 id)
{
	struct memory_block *mem;

	list_for_each_entry_reverse(mem, &group->memory_blocks, group_next)
		if (mem->dev.id < id)
			return &mem->group_next;
	return &group->memory_blocks;
}

/**
 * memory_group_link - enter a block in a group
 * @group: the group
 * @mem: the block, registered
 *
 * Context: Process context. mem_hotplug_lock held for writing.
 */
void memory_group_link(struct memory_group *group, struct memory_block *mem)
{
	mutex_lock(&group->blocks_lock);
	list_add(&mem->group_next, place_of(group, mem->dev.id));
	mutex_unlock(&group->blocks_lock);
	add_links(group, mem);
}

/**
 * memory_block_get_group - take a reference to the group of a block
 * @mem: the block
 *
 * For readers without device_hotplug_lock: another group can adopt the block.
 *
 * Context: Any.
 * Return: the group, for memory_group_put(), or NULL.
 */
struct memory_group *memory_block_get_group(struct memory_block *mem)
{
	struct memory_group *group;

	rcu_read_lock();
	group = READ_ONCE(mem->group);
	if (group && !kobject_get_unless_zero(&group->dev.kobj))
		group = NULL;
	rcu_read_unlock();
	return group;
}

/**
 * memory_group_put - drop a reference to a group
 * @group: the group, or NULL
 *
 * Context: Process context.
 */
void memory_group_put(struct memory_group *group)
{
	if (group)
		put_device(&group->dev);
}

/*
 * Count what is in use of a block that joins a group, or leaves it if @nr_pages is
 * negative.  The zone says under mem_hotplug_lock whether it is in use, the state
 * does later; boot memory of several zones has none and stays.
 */
static void count_member(struct memory_group *group,
			 const struct memory_block *mem, long nr_pages)
{
	if (mem->zone || mem->state == MEM_ONLINE)
		mhp_count_in_group(group, mem->zone, nr_pages);
}

/* Only memory whose device is gone can have another one. */
static bool leave_old_group(struct memory_block *mem)
{
	struct memory_group *old = mem->group;

	if (!old)
		return true;
	if (!old->is_orphan)
		return false;
	count_member(old, mem, -(long)memory_block_nr_pages());
	sysfs_remove_link(&mem->dev.kobj, "group");
	memory_group_unlink(old, mem);
	return true;
}

static int adopt_block(struct memory_block *mem, void *arg)
{
	struct memory_group *group = arg;

	if (!leave_old_group(mem))
		return 0;
	WRITE_ONCE(mem->group, group);
	memory_group_link(group, mem);
	count_member(group, mem, memory_block_nr_pages());
	return 0;
}

/**
 * memory_group_adopt - enter blocks in a group that were there before it
 * @mgid: id of the group
 * @start: physical address, bytes, aligned to a block
 * @size: bytes, whole blocks
 *
 * Those that are in no group, such as those from boot, and those that were left
 * behind by a device which is gone.  User space hears of the group as if they
 * had been added.
 *
 * Context: Process context, device_hotplug_lock held. Takes mem_hotplug_lock for
 *	writing.
 */
void memory_group_adopt(int mgid, u64 start, u64 size)
{
	struct memory_group *group = memory_group_find_by_id(mgid);

	if (WARN_ON_ONCE(!group))
		return;
	assert_device_hotplug_locked();
	mem_hotplug_begin();
	walk_memory_blocks(start, size, group, adopt_block);
	mem_hotplug_done();
	memory_group_announce(group);
}
EXPORT_SYMBOL_GPL(memory_group_adopt);

/**
 * memory_group_unlink - take a block out of its group
 * @group: the group
 * @mem: the block, whose own link is gone already
 *
 * Context: Process context, device_hotplug_lock or mem_hotplug_lock held.
 */
void memory_group_unlink(struct memory_group *group, struct memory_block *mem)
{
	sysfs_remove_link(&group->dev.kobj, kobject_name(&mem->dev.kobj));
	mutex_lock(&group->blocks_lock);
	list_del_init(&mem->group_next);
	mutex_unlock(&group->blocks_lock);
}

/**
 * memory_group_announce - tell user space that a device has got memory
 * @group: the device
 *
 * One "change" uevent with OPERATION=add for all blocks that came at once; what
 * the default online type asks for has been done to them.
 *
 * Context: Process context. May sleep.
 */
void memory_group_announce(struct memory_group *group)
{
	struct kobj_uevent_env *env = kzalloc(sizeof(*env), GFP_KERNEL);

	if (!env)
		return;
	add_uevent_var(env, "OPERATION=add");
	kobject_uevent_env(&group->dev.kobj, KOBJ_CHANGE, env->envp);
	kfree(env);
}

/**
 * memory_group_set_source - link a group with the device that brought it
 * @mgid: id of the group
 * @source: the device, or NULL to take the links away
 *
 * Context: Process context.
 */
void memory_group_set_source(int mgid, struct device *source)
{
	struct memory_group *group = memory_group_find_by_id(mgid);

	if (!group)
		return;
	if (group->source) {
		sysfs_remove_link(&group->dev.kobj, "source");
		sysfs_remove_link(&group->source->kobj, "memory_group");
		put_device(group->source);
		group->is_orphan = !source;
	}
	group->source = get_device(source);
	if (source && (sysfs_create_link(&group->dev.kobj, &source->kobj,
					 "source") ||
		       sysfs_create_link(&source->kobj, &group->dev.kobj,
					 "memory_group")))
		dev_warn(source, "no link to %s\n", dev_name(&group->dev));
}
EXPORT_SYMBOL_GPL(memory_group_set_source);

/**
 * memory_group_offline - take all memory of a device offline, or none
 * @mgid: id of its group
 *
 * Context: Process context, device_hotplug_lock held. May sleep for as long as
 *	the timeout of the device.
 * Return: 0; -EINVAL if there is no such group, or as
 *	memory_group_take_offline().
 */
int memory_group_offline(int mgid)
{
	struct memory_group *group = memory_group_find_by_id(mgid);

	return group ? memory_group_take_offline(group) : -EINVAL;
}
EXPORT_SYMBOL_GPL(memory_group_offline);

/* A reader may just have found it: see memory_block_get_group(). */
static void release_group(struct device *dev)
{
	struct memory_group *group = to_memory_group(dev);

	kfree_rcu(group, rcu);
}

/**
 * memory_group_device_add - make a group visible
 * @group: filled in; freed by its last reference from here on, even on failure
 * @id: its number
 *
 * Context: Process context.
 * Return: 0 or what the driver core says; the caller puts the device then.
 */
int memory_group_device_add(struct memory_group *group, u32 id)
{
	group->dev.id = id;
	group->dev.bus = &memory_group_bus;
	group->dev.parent = memory_root;
	group->dev.groups = memory_group_groups;
	group->dev.release = release_group;
	return device_register(&group->dev);
}

/**
 * memory_group_bus_init - make groups possible
 * @root: the device of the memory subsystem
 *
 * Context: Boot.
 * Return: 0 or what the driver core says.
 */
int __init memory_group_bus_init(struct device *root)
{
	memory_root = root;
	return bus_register(&memory_group_bus);
}
