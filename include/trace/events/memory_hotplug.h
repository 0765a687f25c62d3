/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory hotplug: trace events.
 *
 * One event at the end of each operation, with its errno, and of each step of
 * an evacuation, so that a slow or refused unplug can be read from a trace.
 * They are described in Documentation/core-api/memory-hotplug.rst.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memory_hotplug

#if !defined(_TRACE_MEMORY_HOTPLUG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MEMORY_HOTPLUG_H

#include <linux/memory_evacuation.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(mhp_bytes,
	TP_PROTO(u64 start, u64 size, int nid, int error),
	TP_ARGS(start, size, nid, error),
	TP_STRUCT__entry(
		__field(u64, start)
		__field(u64, size)
		__field(int, nid)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->size = size;
		__entry->nid = nid;
		__entry->error = error;
	),
	TP_printk("start=%#llx size=%#llx nid=%d error=%d", __entry->start,
		  __entry->size, __entry->nid, __entry->error)
);

/* Memory was added: it has struct pages and blocks. */
DEFINE_EVENT(mhp_bytes, mhp_add,
	TP_PROTO(u64 start, u64 size, int nid, int error),
	TP_ARGS(start, size, nid, error));

/* Memory was removed. */
DEFINE_EVENT(mhp_bytes, mhp_remove,
	TP_PROTO(u64 start, u64 size, int nid, int error),
	TP_ARGS(start, size, nid, error));

DECLARE_EVENT_CLASS(mhp_pages,
	TP_PROTO(unsigned long start_pfn, unsigned long nr_pages,
		 struct zone *zone, int error),
	TP_ARGS(start_pfn, nr_pages, zone, error),
	TP_STRUCT__entry(
		__field(unsigned long, start_pfn)
		__field(unsigned long, nr_pages)
		__field(int, nid)
		__string(zone, zone->name)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->start_pfn = start_pfn;
		__entry->nr_pages = nr_pages;
		__entry->nid = zone_to_nid(zone);
		__assign_str(zone);
		__entry->error = error;
	),
	TP_printk("start_pfn=%#lx nr_pages=%lu nid=%d zone=%s error=%d",
		  __entry->start_pfn, __entry->nr_pages, __entry->nid,
		  __get_str(zone), __entry->error)
);

/* Pages went into use, or a notifier refused. */
DEFINE_EVENT(mhp_pages, mhp_online,
	TP_PROTO(unsigned long start_pfn, unsigned long nr_pages,
		 struct zone *zone, int error),
	TP_ARGS(start_pfn, nr_pages, zone, error));

/* Pages went out of use, or stay. */
DEFINE_EVENT(mhp_pages, mhp_offline,
	TP_PROTO(unsigned long start_pfn, unsigned long nr_pages,
		 struct zone *zone, int error),
	TP_ARGS(start_pfn, nr_pages, zone, error));

/* A range was isolated: nothing is allocated in it any more. */
DEFINE_EVENT(mhp_pages, mhp_isolate,
	TP_PROTO(unsigned long start_pfn, unsigned long nr_pages,
		 struct zone *zone, int error),
	TP_ARGS(start_pfn, nr_pages, zone, error));

/* What an evacuation found in its ranges, in pages, before it disturbed any. */
TRACE_EVENT(mhp_survey,
	TP_PROTO(unsigned int nr_ranges, unsigned long free,
		 unsigned long movable, unsigned long busy,
		 unsigned long blocked),
	TP_ARGS(nr_ranges, free, movable, busy, blocked),
	TP_STRUCT__entry(
		__field(unsigned int, nr_ranges)
		__field(unsigned long, free)
		__field(unsigned long, movable)
		__field(unsigned long, busy)
		__field(unsigned long, blocked)
	),
	TP_fast_assign(
		__entry->nr_ranges = nr_ranges;
		__entry->free = free;
		__entry->movable = movable;
		__entry->busy = busy;
		__entry->blocked = blocked;
	),
	TP_printk("nr_ranges=%u free=%lu movable=%lu busy=%lu blocked=%lu",
		  __entry->nr_ranges, __entry->free, __entry->movable,
		  __entry->busy, __entry->blocked)
);

/* A pass over the ranges ended: pages moved so far, and left in them. */
TRACE_EVENT(mhp_pass,
	TP_PROTO(unsigned long moved, unsigned long movable, unsigned long busy,
		 unsigned long blocked, int error),
	TP_ARGS(moved, movable, busy, blocked, error),
	TP_STRUCT__entry(
		__field(unsigned long, moved)
		__field(unsigned long, movable)
		__field(unsigned long, busy)
		__field(unsigned long, blocked)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->moved = moved;
		__entry->movable = movable;
		__entry->busy = busy;
		__entry->blocked = blocked;
		__entry->error = error;
	),
	TP_printk("moved=%lu movable=%lu busy=%lu blocked=%lu error=%d",
		  __entry->moved, __entry->movable, __entry->busy,
		  __entry->blocked, __entry->error)
);

/* An evacuation is over; why, if it failed, and what was in the way first. */
TRACE_EVENT(mhp_evacuated,
	TP_PROTO(unsigned long moved, enum mhp_failure failure,
		 const struct mhp_blocker *blocker),
	TP_ARGS(moved, failure, blocker),
	TP_STRUCT__entry(
		__field(unsigned long, moved)
		__string(reason, mhp_failure_word(failure))
		__field(unsigned long, pfn)
		__string(kind, mhp_blocker_word(blocker ? blocker->kind :
						MHP_BLOCKER_NONE))
	),
	TP_fast_assign(
		__entry->moved = moved;
		__assign_str(reason);
		__entry->pfn = blocker ? blocker->pfn : 0;
		__assign_str(kind);
	),
	TP_printk("moved=%lu reason=%s pfn=%#lx kind=%s", __entry->moved,
		  __get_str(reason), __entry->pfn, __get_str(kind))
);

#endif /* _TRACE_MEMORY_HOTPLUG_H */

#include <trace/define_trace.h>
