// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI memory devices and containers while they have no driver.
 *
 * The drivers of both can be modules, or not there at all.  Their devices must not
 * become platform devices meanwhile, and a memory device must not be powered off
 * by an eject request while its memory is in use: one whose handler has hotplug
 * disabled is not, and firmware is told that eject is not supported.  So this
 * file claims them, and a driver takes them over (acpi_scan_replace_handler()).
 *
 * It owns the boot word acpi_no_memhotplug, with which the claim stays.
 *
 * Locks: acpi_scan_lock protects the handlers, see drivers/acpi/scan.c.
 */
#define pr_fmt(fmt) "ACPI: memory: " fmt

#include <linux/acpi.h>
#include <linux/container.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "hotplug_claim.h"
#include "internal.h"

static const struct acpi_device_id memory_ids[] = {
	{ "PNP0C80" },
	{ }
};

static const struct acpi_device_id container_ids[] = {
	{ "ACPI0004" },
	{ "PNP0A05" },
	{ "PNP0A06" },
	{ }
};

/* Dock stations have a way of their own. */
static int claim(struct acpi_device *adev, const struct acpi_device_id *id)
{
	return !adev->flags.is_dock_station;
}

/* Memory devices without a driver. */
struct acpi_scan_handler acpi_memory_claim = {
	.ids = memory_ids,
	.attach = claim,
};
EXPORT_SYMBOL_GPL(acpi_memory_claim);

/* Containers without a driver; where there will never be one nobody takes them over. */
struct acpi_scan_handler acpi_container_claim = {
	.ids = container_ids,
	.attach = IS_ENABLED(CONFIG_ACPI_CONTAINER) ? claim : NULL,
};
EXPORT_SYMBOL_GPL(acpi_container_claim);

static bool memory_hotplug_off __ro_after_init;

static int __init parse_boot_word(char *unused)
{
	memory_hotplug_off = true;
	return 1;
}
__setup("acpi_no_memhotplug", parse_boot_word);

/**
 * acpi_memory_hotplug_is_off - whether acpi_no_memhotplug was given at boot
 *
 * Context: Any.
 * Return: true if no driver may take memory devices.
 */
bool acpi_memory_hotplug_is_off(void)
{
	return memory_hotplug_off;
}
EXPORT_SYMBOL_GPL(acpi_memory_hotplug_is_off);

/**
 * acpi_container_release - free the device of a container
 * @dev: its device, whose last reference can outlive the driver
 *
 * Context: Any in which kfree() may be called.
 */
void acpi_container_release(struct device *dev)
{
	kfree(to_container_dev(dev));
}
EXPORT_SYMBOL_GPL(acpi_container_release);

/**
 * acpi_memory_hotplug_init - register the handler for memory devices
 *
 * Context: Once, from acpi_scan_init(), before any device is enumerated.
 */
void __init acpi_memory_hotplug_init(void)
{
	acpi_scan_add_handler(&acpi_memory_claim);
	if (memory_hotplug_off)
		pr_info("hotplug is off (acpi_no_memhotplug)\n");
	else if (IS_BUILTIN(CONFIG_ACPI_HOTPLUG_MEMORY))
		acpi_dimm_init();
}

/**
 * acpi_container_init - register the handler for containers
 *
 * Context: Once, from acpi_scan_init(), before any device is enumerated.
 */
void __init acpi_container_init(void)
{
	acpi_scan_add_handler(&acpi_container_claim);
	if (IS_BUILTIN(CONFIG_ACPI_CONTAINER))
		acpi_container_driver_init();
}
