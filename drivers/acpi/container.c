// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI containers and modules (ACPI0004, PNP0A05, PNP0A06): boxes around nodes.
 *
 * A container that is enumerated gets a device on container_subsys, named like
 * the ACPI device and bound to it; a container is ejected only after user space
 * has offlined that device (demand_offline), and the device can be offlined only
 * when all devices directly in the container are offline.  A container inside
 * another one takes part through its own device.  What the devices in the box
 * are, and how they are offlined, is no business of this file.
 *
 * States: attached with the device in driver_data, or detached with driver_data
 * NULL.  After an eject that firmware failed to complete the ACPI core keeps the
 * handler and goes on to call it, so each callback must cope with the latter.
 *
 * Locks: attach, detach and notify_online run under acpi_scan_lock, which
 * protects driver_data.  The offline callback runs under device_hotplug_lock; in
 * an eject of a device around the container also under acpi_scan_lock and the
 * container's own physical_node_lock, so it may take neither of these.  It takes
 * the physical_node_lock of one child at a time (a nested lock class).
 */

#define pr_fmt(fmt) "ACPI: container: " fmt

#include <linux/acpi.h>
#include <linux/container.h>
#include <linux/slab.h>

#include "internal.h"

static const struct acpi_device_id container_ids[] = {
	{ "ACPI0004" },
	{ "PNP0A05" },
	{ "PNP0A06" },
	{ }
};

#ifdef CONFIG_ACPI_CONTAINER

static int container_check_child(struct acpi_device *child, void *unused)
{
	return acpi_scan_is_offline(child, false) ? 0 : -EBUSY;
}

static int container_check_offline(struct container_dev *cdev)
{
	return acpi_dev_for_each_child(ACPI_COMPANION(&cdev->dev), container_check_child, NULL);
}

static void container_release(struct device *dev)
{
	kfree(to_container_dev(dev));
}

static struct container_dev *container_alloc(struct acpi_device *adev)
{
	struct container_dev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);

	if (cdev) {
		device_initialize(&cdev->dev);
		cdev->dev.bus = &container_subsys;
		cdev->dev.release = container_release;
		/* Known before registration, which then binds the two. */
		ACPI_COMPANION_SET(&cdev->dev, adev);
		cdev->offline = container_check_offline;
	}

	return cdev;
}

static int container_attach(struct acpi_device *adev, const struct acpi_device_id *id)
{
	struct container_dev *cdev;
	int ret;

	if (adev->flags.is_dock_station)
		return 0;

	cdev = container_alloc(adev);
	if (!cdev)
		return -ENOMEM;

	ret = dev_set_name(&cdev->dev, "%s", dev_name(&adev->dev));
	if (!ret)
		ret = device_add(&cdev->dev);
	if (ret) {
		pr_err("%s: no container device, error %d\n", dev_name(&adev->dev), ret);
		put_device(&cdev->dev);
		return ret;
	}

	adev->driver_data = &cdev->dev;
	return 1;
}

static void container_detach(struct acpi_device *adev)
{
	struct device *dev = adev->driver_data;

	adev->driver_data = NULL;
	if (dev)
		device_unregister(dev);
}

static void container_notify_online(struct acpi_device *adev)
{
	struct device *dev = adev->driver_data;

	if (dev)
		kobject_uevent(&dev->kobj, KOBJ_ONLINE);
}

static struct acpi_scan_handler container_handler = {
	.ids = container_ids,
	.attach = container_attach,
	.detach = container_detach,
	.hotplug = {
		.enabled = true,
		.demand_offline = true,
		.notify_online = container_notify_online,
	},
};

/**
 * acpi_container_init - register the handler for ACPI containers
 *
 * Its settings appear in sysfs as the hotplug profile "container".
 *
 * Context: Once, from acpi_scan_init(), before any device is enumerated.
 */
void __init acpi_container_init(void)
{
	acpi_scan_add_handler_with_hotplug(&container_handler, "container");
}

#else /* !CONFIG_ACPI_CONTAINER */

static struct acpi_scan_handler container_handler = {
	.ids = container_ids,
};

/**
 * acpi_container_init - keep ACPI containers from becoming platform devices
 *
 * Context: Once, from acpi_scan_init(), before any device is enumerated.
 */
void __init acpi_container_init(void)
{
	acpi_scan_add_handler(&container_handler);
}

#endif /* CONFIG_ACPI_CONTAINER */
