// SPDX-License-Identifier: GPL-2.0
/*
 * listen: hear the kernel's events of memory, and look at once
 *
 * usage: listen [NAME...]
 *
 * For each event of the subsystems memory and memory_group it prints the
 * properties by the line, AT:NAME=WHAT for each name, and an empty line.  A
 * NAME is that of a file or a link in the folder of the device, or a path; a
 * pattern stands for all names that match.  WHAT is the first line of a file,
 * the last part of where a link leads, or "-" if there is none; several are
 * joined by a comma.  A path is read whole, with ";" for the end of a line.
 *
 * The kernel hands an event to one socket after the other before it goes on.
 * The sockets that listen here are the first, one for each processor.  Others
 * follow that have a filter which takes time.  So this program has time to look
 * before the kernel does anything after the event.  LOOKER=CPU tells who has
 * looked; each event comes from all of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "pages.h"

#define SLOW_SOCKETS	100
#define FILTER_LENGTH	4000		/* at most BPF_MAXINSNS, 4096 */
#define MESSAGE_MAX	8192
#define RECORD_MAX	65536
#define BACKLOG_MAX	(64 * MIB)

/* A record grows here, to be written at once. */
static char record[RECORD_MAX];
static size_t record_len;

static void add(const char *text)
{
	size_t len = strlen(text);

	if (record_len + len >= RECORD_MAX)
		len = RECORD_MAX - 1 - record_len;
	memcpy(record + record_len, text, len);
	record_len += len;
}

static int open_socket(void)
{
	const struct sockaddr_nl all = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	int size = BACKLOG_MAX;

	if (fd < 0)
		err(EXIT_MISSING, "no kernel events");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&all, sizeof(all)))
		err(EXIT_MISSING, "no kernel events");
	return fd;
}

/* Sockets whose filters count for a while, and then refuse the event. */
static void open_slow_sockets(void)
{
	const struct sock_filter step = BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	const struct sock_filter end = BPF_STMT(BPF_RET | BPF_K, 0);
	static struct sock_filter code[FILTER_LENGTH];
	const struct sock_fprog filter = {
		.len = FILTER_LENGTH,
		.filter = code,
	};
	int i, fd;

	for (i = 0; i < FILTER_LENGTH - 1; i++)
		code[i] = step;
	code[i] = end;
	for (i = 0; i < SLOW_SOCKETS; i++) {
		fd = open_socket();
		if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
			       sizeof(filter)))
			err(EXIT_MISSING, "no socket filter");
	}
}

/* What is at a path; a file whole or only its first line. */
static void add_what(const char *path, bool whole)
{
	static char text[RECORD_MAX];
	ssize_t len = readlink(path, text, sizeof(text) - 1), more;
	int fd;

	if (len >= 0) {
		text[len] = 0;
		add(basename(text));
		return;
	}
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		add("-");
		return;
	}
	for (len = 0; len < RECORD_MAX - 1; len += more) {
		more = read(fd, text + len, RECORD_MAX - 1 - len);
		if (more <= 0)
			break;
	}
	close(fd);
	text[len] = 0;
	for (char *c = text; (c = strchr(c, '\n')); )
		*c = whole ? ';' : 0;
	add(text);
}

static void look(const char *devpath, const char *name)
{
	char pattern[512];
	glob_t found;
	size_t i;

	if (*name == '/')
		snprintf(pattern, sizeof(pattern), "%s", name);
	else
		snprintf(pattern, sizeof(pattern), "/sys%s/%s", devpath, name);
	add("AT:");
	add(name);
	add("=");
	if (glob(pattern, 0, NULL, &found))
		add("-");
	else
		for (i = 0; i < found.gl_pathc; i++) {
			if (i)
				add(",");
			add_what(found.gl_pathv[i], *name == '/');
		}
	globfree(&found);
	add("\n");
}

/* The value of a property in a message, words that end with a zero byte. */
static const char *property(const char *message, size_t len, const char *name)
{
	const char *end = message + len, *word;

	for (word = message; word < end; word += strlen(word) + 1)
		if (!strncmp(word, name, strlen(name)))
			return word + strlen(name);
	return "";
}

static void hear(const char *message, size_t len, int cpu, char **names)
{
	const char *devpath = property(message, len, "DEVPATH=");
	const char *word, *end = message + len;
	char looker[32];

	if (strncmp(property(message, len, "SUBSYSTEM="), "memory", 6))
		return;
	record_len = 0;
	for (; *names; names++)
		look(devpath, *names);
	/* The first word is a summary. */
	word = message + strlen(message) + 1;
	for (; word < end; word += strlen(word) + 1) {
		add(word);
		add("\n");
	}
	snprintf(looker, sizeof(looker), "LOOKER=%d\n\n", cpu);
	add(looker);
	if (write(STDOUT_FILENO, record, record_len) < 0)
		err(EXIT_BROKEN, "cannot tell");
}

static int listen_on(int cpu, int fd, char **names)
{
	static char message[MESSAGE_MAX];
	cpu_set_t cpus;
	ssize_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(EXIT_BROKEN, "cannot run on CPU %d", cpu);
	for (;;) {
		len = recv(fd, message, sizeof(message) - 1, 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			err(EXIT_BROKEN, "events were lost");
		message[len] = 0;
		hear(message, len, cpu, names);
	}
}

int main(int argc, char **argv)
{
	int nr = sysconf(_SC_NPROCESSORS_ONLN), cpu;
	int fds[nr];

	(void)argc;
	open_slow_sockets();
	/* The kernel asks the socket that was bound last first. */
	for (cpu = 0; cpu < nr; cpu++)
		fds[cpu] = open_socket();
	for (cpu = 0; cpu < nr; cpu++)
		if (!fork())
			_exit(listen_on(cpu, fds[cpu], argv + 1));
	wait(NULL);
	errx(EXIT_BROKEN, "a listener has ended");
}
