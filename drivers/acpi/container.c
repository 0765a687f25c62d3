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
#include <linux/module.h>
#include <linux/slab.h>

#include "hotplug_claim.h"
#include "internal.h"

static const struct acpi_device_id container_ids[] = {
	{ "ACPI0004" },
	{ "PNP0A05" },
	{ "PNP0A06" },
	{ }
};
MODULE_DEVICE_TABLE(acpi, container_ids);

static int container_check_child(struct acpi_device *child, void *unused)
{
	return acpi_scan_is_offline(child, false) ? 0 : -EBUSY;
}

static int container_check_offline(struct container_dev *cdev)
{
	return acpi_dev_for_each_child(ACPI_COMPANION(&cdev->dev), container_check_child, NULL);
}

static struct container_dev *container_alloc(struct acpi_device *adev)
{
	struct container_dev *cdev = kzalloc(sizeof(*cdev), GFP_KERNEL);

	if (cdev) {
		device_initialize(&cdev->dev);
		cdev->dev.bus = &container_subsys;
		cdev->dev.release = acpi_container_release;
		/* Known before registration, which then binds the two. */
		ACPI_COMPANION_SET(&cdev->dev, adev);
		cdev->offline = container_check_offline;
	}

	return cdev;
}

/* Only with a driver can a container be ejected: such a one keeps the module. */
static bool container_keeps_module(const struct acpi_device *adev)
{
	return adev->flags.ejectable;
}

static int container_add_device(struct acpi_device *adev)
{
	struct container_dev *cdev = container_alloc(adev);
	int ret;

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
	return 0;
}

static int container_attach(struct acpi_device *adev, const struct acpi_device_id *id)
{
	int ret;

	if (adev->flags.is_dock_station)
		return 0;
	if (container_keeps_module(adev) && !try_module_get(THIS_MODULE))
		return -ENODEV;

	ret = container_add_device(adev);
	if (ret && container_keeps_module(adev))
		module_put(THIS_MODULE);
	return ret ?: 1;
}

static void container_detach(struct acpi_device *adev)
{
	struct device *dev = adev->driver_data;

	if (!dev)
		return;

	adev->driver_data = NULL;
	device_unregister(dev);
	if (container_keeps_module(adev))
		module_put(THIS_MODULE);
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
 * acpi_container_driver_init - take the containers over
 *
 * Those that are there already get their devices; the settings of the driver
 * appear in sysfs as the hotplug profile "container".
 *
 * Context: Process context, no locks; at boot from acpi_scan_init().
 * Return: 0; -ENODEV without ACPI.
 */
int __init acpi_container_driver_init(void)
{
	if (acpi_disabled)
		return -ENODEV;

	acpi_scan_replace_handler(&acpi_container_claim, &container_handler,
				  "container");
	return 0;
}

#ifdef MODULE
/* The containers that are left cannot be ejected: the others hold the module. */
static void __exit container_exit(void)
{
	acpi_scan_replace_handler(&container_handler, &acpi_container_claim, NULL);
}

module_init(acpi_container_driver_init);
module_exit(container_exit);
#endif

MODULE_DESCRIPTION("ACPI containers");
MODULE_LICENSE("GPL");
