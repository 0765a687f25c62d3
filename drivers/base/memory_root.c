// SPDX-License-Identifier: GPL-2.0
/*
 * Memory blocks: the files about all of them, /sys/devices/system/memory/.
 *
 * This file owns their text and the checks of what is written to them.  They
 * are described in Documentation/ABI/testing/sysfs-devices-memory.
 *
 * Locks: as in memory_sysfs.c, a writer that needs device_hotplug_lock tries
 * it and lets the system call restart.  The rest needs no lock.
 */
#include <linux/capability.h>
#include <linux/crash_core.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/sysfs.h>

#include "memory_blocks.h"

/* What happens to blocks that are added from now on. */
static ssize_t auto_online_blocks_store(struct device *dev,
					struct device_attribute *attr,
					const char *buf, size_t count)
{
	int type = mhp_online_type_from_str(buf);

	if (type >= 0)
		mhp_set_default_online_type(type);
	return type < 0 ? type : count;
}

static ssize_t auto_online_blocks_show(struct device *dev,
				       struct device_attribute *attr, char *buf)
{
	enum mmop type = mhp_get_default_online_type();

	return sysfs_emit(buf, "%s\n", memory_online_type_word(type));
}
static DEVICE_ATTR_RW(auto_online_blocks);

#ifdef CONFIG_CRASH_HOTPLUG
/* Whether the kernel itself tells the crash kernel of memory changes. */
static ssize_t crash_hotplug_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	int supported = crash_check_hotplug_support();

	return sysfs_emit(buf, "%d\n", supported);
}
static DEVICE_ATTR_RO(crash_hotplug);
#endif

#ifdef CONFIG_ARCH_MEMORY_PROBE
/* For machines that cannot tell of new memory by themselves: add a block. */
static ssize_t probe_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	const unsigned long size = memory_block_size_bytes();
	u64 addr;
	int ret;

	ret = kstrtoull(buf, 0, &addr);
	if (ret)
		return ret;
	if (!IS_ALIGNED(addr, size))
		return -EINVAL;

	ret = lock_device_hotplug_sysfs();
	if (ret)
		return ret;
	ret = __add_memory(memory_add_physaddr_to_nid(addr), addr, size,
			   MHP_NONE);
	unlock_device_hotplug();

	return ret ?: count;
}
static DEVICE_ATTR_WO(probe);
#endif

#ifdef CONFIG_MEMORY_FAILURE
/* Losing a page on request is for administrators, whatever the file mode. */
static int parse_page(const char *buf, unsigned long *pfn)
{
	u64 addr;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (kstrtoull(buf, 0, &addr))
		return -EINVAL;

	*pfn = PHYS_PFN(addr);
	return 0;
}

static ssize_t soft_offline_page_store(struct device *dev,
				       struct device_attribute *attr,
				       const char *buf, size_t count)
{
	unsigned long pfn;
	int ret = parse_page(buf, &pfn);

	if (!ret)
		ret = soft_offline_page(pfn, 0);
	return ret ?: count;
}
static DEVICE_ATTR_WO(soft_offline_page);

/* A page that the error filter passed over is no failure of the request. */
static ssize_t hard_offline_page_store(struct device *dev,
				       struct device_attribute *attr,
				       const char *buf, size_t count)
{
	unsigned long pfn;
	int ret = parse_page(buf, &pfn);

	if (ret)
		return ret;

	ret = memory_failure(pfn, MF_SW_SIMULATED);
	if (ret == -EOPNOTSUPP)
		ret = 0;
	return ret ?: count;
}
static DEVICE_ATTR_WO(hard_offline_page);
#endif

/* Tools parse it as hexadecimal: no 0x. */
static ssize_t block_size_bytes_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	unsigned long size = memory_block_size_bytes();

	return sysfs_emit(buf, "%lx\n", size);
}
static DEVICE_ATTR_RO(block_size_bytes);

static struct attribute *memory_root_attrs[] = {
	&dev_attr_block_size_bytes.attr,
	&dev_attr_auto_online_blocks.attr,
#ifdef CONFIG_CRASH_HOTPLUG
	&dev_attr_crash_hotplug.attr,
#endif
#ifdef CONFIG_ARCH_MEMORY_PROBE
	&dev_attr_probe.attr,
#endif
#ifdef CONFIG_MEMORY_FAILURE
	&dev_attr_soft_offline_page.attr,
	&dev_attr_hard_offline_page.attr,
#endif
	NULL
};

static const struct attribute_group memory_root_group = {
	.attrs = memory_root_attrs,
};

const struct attribute_group *memory_root_groups[] = {
	&memory_root_group,
	NULL
};
