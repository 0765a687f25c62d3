/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the drivers of ACPI memory devices and containers, which can be modules,
 * have in common with the part that is always there: see hotplug_claim.c.
 */
#ifndef _ACPI_HOTPLUG_CLAIM_H
#define _ACPI_HOTPLUG_CLAIM_H

struct acpi_scan_handler;
struct device;

extern struct acpi_scan_handler acpi_memory_claim;
extern struct acpi_scan_handler acpi_container_claim;

bool acpi_memory_hotplug_is_off(void);
void acpi_container_release(struct device *dev);

/* Called at boot where the drivers are built in. */
int acpi_dimm_init(void);
int acpi_container_driver_init(void);

#endif /* _ACPI_HOTPLUG_CLAIM_H */
