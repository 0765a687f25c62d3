// SPDX-License-Identifier: GPL-2.0
/*
 * zone_watch: a process that watches the free memory of the kernel's zones
 *
 * usage: zone_watch
 *
 * Says "ready", and reads /proc/zoneinfo again and again until SIGTERM.  Then it
 * says, for each zone but the movable one that had memory at first:
 *
 *	zone NODE NAME FREE HIGH LOWEST READINGS
 *
 * FREE are the free pages and HIGH is the high watermark of the first reading.
 * LOWEST is the smallest difference of the two in any reading.
 *
 * Owns no decision about memory blocks.
 */
#include <signal.h>
#include <time.h>
#include "pages.h"

#define MAX_ZONES	64
#define PAUSE_NS	1000000

struct zone {
	int node;
	char name[16];
	long free, high, managed;
};

static struct first {
	struct zone zone;
	long lowest;
} first[MAX_ZONES];
static int nr_first;
static unsigned long readings;
static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static struct first *find_first(const struct zone *zone)
{
	int i;

	for (i = 0; i < nr_first; i++)
		if (first[i].zone.node == zone->node &&
		    !strcmp(first[i].zone.name, zone->name))
			return &first[i];
	return NULL;
}

static void note(const struct zone *zone)
{
	struct first *known = find_first(zone);
	long spare = zone->free - zone->high;

	if (!known && !readings && nr_first < MAX_ZONES && zone->managed &&
	    strcmp(zone->name, "Movable")) {
		known = &first[nr_first++];
		*known = (struct first) { .zone = *zone, .lowest = spare };
	}
	if (known && spare < known->lowest)
		known->lowest = spare;
}

/* Of what is read of a zone, its number of managed pages comes last. */
static void read_line(const char *line, struct zone *zone)
{
	struct zone head = {};

	if (sscanf(line, "Node %d, zone %15s", &head.node, head.name) == 2)
		*zone = head;
	else if (sscanf(line, " managed %ld", &zone->managed) == 1)
		note(zone);
	else if (sscanf(line, " pages free %ld", &zone->free) != 1)
		sscanf(line, " high %ld", &zone->high);
}

static void take_reading(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	struct zone zone = {};
	char line[256];

	if (!file)
		err(EXIT_BROKEN, "zoneinfo");
	while (fgets(line, sizeof(line), file))
		read_line(line, &zone);
	fclose(file);
	readings++;
}

int main(void)
{
	struct sigaction act = { .sa_handler = on_term };
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	int i;

	sigaction(SIGTERM, &act, NULL);
	take_reading();
	puts("ready");
	fflush(stdout);
	while (!stop) {
		nanosleep(&pause, NULL);
		take_reading();
	}
	for (i = 0; i < nr_first; i++)
		printf("zone %d %s %ld %ld %ld %lu\n", first[i].zone.node,
		       first[i].zone.name, first[i].zone.free, first[i].zone.high,
		       first[i].lowest, readings);
	return 0;
}
