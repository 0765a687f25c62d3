// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: where its trace events are defined.
 */
#include <linux/memory_evacuation.h>
#include <linux/mmzone.h>

#define CREATE_TRACE_POINTS
#include <trace/events/memory_hotplug.h>
