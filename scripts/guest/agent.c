// SPDX-License-Identifier: GPL-2.0
/*
 * Guest agent: does what the host asks over the virtio-serial port mhp.ctl
 *
 * Owns the guest's end of the request protocol and the life of the processes
 * started by it.  It decides nothing: the host owns the sequence.
 *
 * A request is a line "VERB ID ARG LENGTH\n" followed by LENGTH bytes:
 *
 *   run ID 0    payload: shell command      start "sh -c" in a session of its own
 *   read ID 0   payload: path               the content of one file
 *   write ID 0  payload: path NUL bytes     one open, one write, one close
 *   kill ID SIG                             signal the whole session of job ID
 *   quit ID N                               write N plus the number of jobs left
 *                                           to mhp.status, and end
 *
 * The answer is any number of frames "out ID LENGTH\n" + bytes, as the output
 * comes, and one "end ID STATUS\n".  STATUS is the exit status, minus the
 * signal for a process that was killed, and an errno for "read" and "write".
 * A job is in the background by nature: the host waits for its end or does not.
 * SIGUSR1 to a "write" interrupts the system call; the answer is then EINTR.
 *
 * Memory hotplug tests starve the guest: the agent locks its memory, is no
 * victim of the OOM killer and allocates nothing after its start.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORTS		"/dev/virtio-ports"
#define MAX_JOBS	64
#define MAX_PAYLOAD	(256 * 1024)
#define CHUNK		4000	/* with its header below a page: one small allocation */

struct job {
	unsigned int id;	/* 0: this slot is free */
	pid_t pid;		/* leader of the job's session */
	int out;		/* our end of its output; -1 once it was closed */
	bool ended;
	int status;
};

static struct job jobs[MAX_JOBS];
static char payload[MAX_PAYLOAD + 1];
static int ctl;

static void nap(void)
{
	struct timespec ms20 = { .tv_nsec = 20000000 };

	nanosleep(&ms20, NULL);
}

static void note(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "agent: %s\n", text);
	close(fd);
}

static void set_oom_score_adj(const char *value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		note("cannot set oom_score_adj");
	close(fd);
}

/* Write it all, whatever it takes: the host always reads. */
static void send_all(const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(ctl, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= n;
		} else {
			nap();
		}
	}
}

static void send_out(unsigned int id, const char *bytes, size_t len)
{
	char frame[CHUNK + 64];
	int head = snprintf(frame, sizeof(frame), "out %u %zu\n", id, len);

	memcpy(frame + head, bytes, len);
	send_all(frame, head + len);
}

static void send_end(unsigned int id, int status)
{
	char line[64];

	send_all(line, snprintf(line, sizeof(line), "end %u %d\n", id, status));
}

static void recv_all(char *bytes, size_t len)
{
	while (len) {
		ssize_t n = read(ctl, bytes, len);

		if (n > 0) {
			bytes += n;
			len -= n;
		} else {
			nap();	/* the host hung up; it may come back */
		}
	}
}

static void recv_line(char *line, size_t size)
{
	size_t n = 0;

	do {
		recv_all(line + n, 1);
	} while (line[n] != '\n' && ++n < size - 1);
	line[n] = '\0';
}

static struct job *job_by_id(unsigned int id)
{
	for (struct job *job = jobs; job < jobs + MAX_JOBS; job++)
		if (job->id == id)
			return job;
	return NULL;
}

/* Children: each of these ends in exec or exit. */

static volatile sig_atomic_t was_interrupted;

static void interrupted(int sig)
{
	(void)sig;
	was_interrupted = 1;
}

/* A signal that comes before the system call must end the job as one in it does. */
static void catch_interrupts(void)
{
	struct sigaction act = { .sa_handler = interrupted };	/* no SA_RESTART */

	sigaction(SIGUSR1, &act, NULL);
}

static void child_run(const char *command)
{
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static void child_read(const char *path)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		_exit(errno);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, n) != n)
			_exit(EIO);
	_exit(n < 0 ? errno : 0);
}

static void child_write(const char *path, size_t len)
{
	size_t skip = strlen(path) + 1;
	ssize_t n;
	int fd;

	if (skip > len)
		_exit(EINVAL);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		_exit(errno);
	if (was_interrupted)
		_exit(EINTR);
	n = write(fd, path + skip, len - skip);
	if (n < 0)
		_exit(errno);
	if ((size_t)n != len - skip)
		_exit(EIO);
	_exit(close(fd) ? errno : 0);
}

static void child(const char *verb, size_t len, int out)
{
	sigset_t none;

	setsid();
	set_oom_score_adj("0");
	if (!strcmp(verb, "write"))
		catch_interrupts();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(out, 1);
	dup2(out, 2);
	if (!strcmp(verb, "read"))
		child_read(payload);
	if (!strcmp(verb, "write"))
		child_write(payload, len);
	child_run(payload);
}

/* The agent itself */

static void start(const char *verb, unsigned int id, size_t len)
{
	struct job *job = job_by_id(0);
	int fds[2];
	pid_t pid;

	if (!job || pipe2(fds, O_CLOEXEC)) {
		send_end(id, EAGAIN);
		return;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (!pid)
		child(verb, len, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		send_end(id, errno);
		return;
	}
	*job = (struct job){ .id = id, .pid = pid, .out = fds[0] };
}

static void hang_up(struct job *job)
{
	if (job->out >= 0)
		close(job->out);
	job->out = -1;
}

/* Pass on what there is, and hang up once there will be no more. */
static void drain(struct job *job)
{
	char buf[CHUNK];
	ssize_t n;

	while ((n = read(job->out, buf, sizeof(buf))) > 0)
		send_out(job->id, buf, n);
	if (!n)
		hang_up(job);
}

static void finish(struct job *job)
{
	drain(job);	/* a grandchild may hold the pipe open: no wait for its end */
	hang_up(job);
	send_end(job->id, job->status);
	job->id = 0;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct job *job = jobs; job < jobs + MAX_JOBS; job++)
			if (job->id && job->pid == pid) {
				job->status = WIFSIGNALED(status) ? -WTERMSIG(status) :
								    WEXITSTATUS(status);
				job->ended = true;
			}
}

static int kill_all(void)
{
	int left = 0;

	for (struct job *job = jobs; job < jobs + MAX_JOBS; job++)
		if (job->id) {
			kill(-job->pid, SIGKILL);
			left++;
		}
	return left;
}

static void quit(unsigned int id, int verdict)
{
	int fd = open(PORTS "/mhp.status", O_WRONLY | O_CLOEXEC);

	verdict += kill_all();
	if (fd < 0 || dprintf(fd, "%d\n", verdict) < 0)
		note("cannot tell the verdict");
	close(fd);
	send_end(id, verdict);
	exit(0);
}

static void request(void)
{
	char line[80], verb[8];
	unsigned int id;
	struct job *job;
	size_t len;
	int arg;

	recv_line(line, sizeof(line));
	if (sscanf(line, "%7s %u %d %zu", verb, &id, &arg, &len) != 4 || len > MAX_PAYLOAD) {
		note("not in the protocol");
		exit(1);
	}
	recv_all(payload, len);
	payload[len] = '\0';
	if (!strcmp(verb, "quit"))
		quit(id, arg);
	if (strcmp(verb, "kill")) {
		start(verb, id, len);
		return;
	}
	job = job_by_id(id);
	if (job && kill(-job->pid, arg) && errno == ESRCH)
		kill(job->pid, arg);	/* its session is about to be made */
}

static void on_child(int sig)
{
	(void)sig;
}

static void serve(void)
{
	struct pollfd fds[MAX_JOBS + 1];
	struct sigaction act = { .sa_handler = on_child };
	sigset_t block, none;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigaddset(&block, SIGUSR1);	/* until a child says what it is to do */
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigaction(SIGCHLD, &act, NULL);
	for (;;) {
		fds[MAX_JOBS] = (struct pollfd){ .fd = ctl, .events = POLLIN };
		for (int i = 0; i < MAX_JOBS; i++)
			fds[i] = (struct pollfd){ .fd = jobs[i].id ? jobs[i].out : -1,
						  .events = POLLIN };
		if (ppoll(fds, MAX_JOBS + 1, NULL, &none) < 0 && errno != EINTR)
			nap();
		reap();
		for (int i = 0; i < MAX_JOBS; i++) {
			if (jobs[i].id && jobs[i].ended)
				finish(&jobs[i]);
			else if (jobs[i].id && fds[i].revents)
				drain(&jobs[i]);
		}
		if (fds[MAX_JOBS].revents & POLLIN)
			request();
		else if (fds[MAX_JOBS].revents)
			nap();
	}
}

/* Make /dev/virtio-ports/NAME as udev would. */
static void link_ports(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;

	mkdir(PORTS, 0755);
	while (dir && (entry = readdir(dir))) {
		char path[300], name[64], link[100];
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%63s", name) == 1) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			snprintf(link, sizeof(link), PORTS "/%s", name);
			if (symlink(path, link) && errno != EEXIST)
				note("cannot link a port");
		}
		fclose(file);
	}
	if (dir)
		closedir(dir);
}

/* The name of the last port, mhp.ctl, comes last: with it all are there. */
static int open_ctl(void)
{
	for (int tries = 0; tries < 1500; tries++) {
		int fd;

		link_ports();
		fd = open(PORTS "/mhp.ctl", O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		nap();
	}
	note("no port mhp.ctl");
	exit(1);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	set_oom_score_adj("-1000");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	ctl = open_ctl();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		note("cannot lock my memory");
	send_end(0, 0);	/* hello */
	serve();
}
