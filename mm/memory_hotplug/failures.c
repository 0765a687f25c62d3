// SPDX-License-Identifier: GPL-2.0
/*
 * Memory hotplug: the last offlines that failed, for root.
 *
 * Owns <debugfs>/memory_hotplug/failures.  Page numbers and owners of pages are
 * not for all users, and so stand here and not in uevents or the kernel log.
 *
 * Locks: records_lock protects the records.
 */
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include "evacuate.h"

#define MAX_RECORDS	64
#define NAME_SIZE	24
#define OWNER_SIZE	256

/**
 * struct failure_record - an offline that failed
 * @time: when, since boot
 * @failure: why
 * @error: the errno, positive
 * @blocker: the page that is the cause, if its kind is not MHP_BLOCKER_NONE
 * @name: the block or group
 * @owner: of that page
 */
struct failure_record {
	ktime_t time;
	enum mhp_failure failure;
	int error;
	struct mhp_blocker blocker;
	char name[NAME_SIZE];
	char owner[OWNER_SIZE];
};

static DEFINE_MUTEX(records_lock);
static struct failure_record records[MAX_RECORDS];
static unsigned int nr_records;

/**
 * mhp_record_failure - keep what is known of an offline that failed
 * @name: the block or group
 * @failure: why it failed
 * @error: the errno, negative
 * @blocker: the page that is the cause, or NULL
 *
 * Context: May sleep.
 */
void mhp_record_failure(const char *name, enum mhp_failure failure, int error,
			const struct mhp_blocker *blocker)
{
	struct failure_record *record;

	mutex_lock(&records_lock);
	record = &records[nr_records++ % MAX_RECORDS];
	*record = (struct failure_record) {
		.time = ktime_get_boottime(),
		.failure = failure,
		.error = -error,
		.owner = "-",
	};
	strscpy(record->name, name);
	if (blocker) {
		record->blocker = *blocker;
		mhp_blocker_owner(&record->blocker, record->owner, OWNER_SIZE);
	}
	mutex_unlock(&records_lock);
}

static void show_record(struct seq_file *m, const struct failure_record *record)
{
	struct timespec64 time = ktime_to_timespec64(record->time);

	seq_printf(m, "%llu.%03lu %s %s %d", time.tv_sec,
		   time.tv_nsec / NSEC_PER_MSEC, record->name,
		   mhp_failure_word(record->failure), record->error);
	if (record->blocker.kind == MHP_BLOCKER_NONE)
		seq_puts(m, " - - -\n");
	else
		seq_printf(m, " %s %#lx %s\n",
			   mhp_blocker_word(record->blocker.kind),
			   record->blocker.pfn, record->owner);
}

static int failures_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_puts(m, "TIME NAME REASON ERRNO KIND PFN OWNER\n");
	mutex_lock(&records_lock);
	i = nr_records > MAX_RECORDS ? nr_records - MAX_RECORDS : 0;
	for (; i < nr_records; i++)
		show_record(m, &records[i % MAX_RECORDS]);
	mutex_unlock(&records_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(failures);

/**
 * mhp_failures_init - create the file
 * @folder: <debugfs>/memory_hotplug
 *
 * Context: Boot.
 */
void __init mhp_failures_init(struct dentry *folder)
{
	debugfs_create_file("failures", 0400, folder, NULL, &failures_fops);
}
