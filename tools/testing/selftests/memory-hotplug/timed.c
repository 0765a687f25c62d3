// SPDX-License-Identifier: GPL-2.0
/*
 * timed: what the kernel is asked, and how long it takes to answer
 *
 * usage: timed write PATH WORD [MS]
 *        timed cancel PATH WORD
 *        timed read PATH
 *
 * write: writes WORD to PATH and says "ERRNO MS": how the write ended, and
 * after how many milliseconds.  With MS a signal interrupts it after so many.
 *
 * cancel: the same, while a second process writes "cancel" to PATH until one
 * write is accepted or the first ends.  Says "ERRNO MS REFUSED ACCEPTED MISSED"
 * in addition: how many cancels were refused, when one was accepted (-1 if none
 * was), and before and after how many of the refused ones PATH read
 * "going-offline".
 *
 * read: reads all of PATH again and again until SIGTERM.  Says "ready" after
 * the first time, and "READS MS" at the end: how often, and how long the
 * longest took.
 *
 * Times are those of CLOCK_MONOTONIC.  The program is never swapped out, so that
 * it does not wait for a disk itself.  Owns no judgement about the times.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include "pages.h"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* Without SA_RESTART: the system call ends with EINTR. */
static void catch(int sig)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(sig, &act, NULL);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* One write by an open file; return its errno. */
static int ask(int fd, const char *word)
{
	return pwrite(fd, word, strlen(word), 0) < 0 ? errno : 0;
}

static int timed_write(const char *path, const char *word, const char *ms)
{
	int fd = open_file(path, O_WRONLY), error;
	double start = now_ms();

	if (ms) {
		struct itimerval timer = {
			.it_value.tv_sec = atoi(ms) / 1000,
			.it_value.tv_usec = atoi(ms) % 1000 * 1000,
		};

		catch(SIGALRM);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	error = ask(fd, word);
	printf("%d %.1f\n", error, now_ms() - start);
	return 0;
}

/* What the two processes know of each other. */
struct race {
	double start, accepted;
	unsigned long refused, missed;
	atomic_bool started, ended;
};

static bool is_going(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 &&
	       !strncmp(text, "going-offline", 13);
}

static void cancel_until_accepted(const char *path, struct race *race)
{
	int fd = open_file(path, O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	race->started = true;
	while (!race->ended) {
		bool going = is_going(fd);

		if (!ask(fd, "cancel")) {
			race->accepted = now_ms();
			return;
		}
		race->refused++;
		race->missed += going && is_going(fd);
	}
}

static int cancelled_write(const char *path, const char *word)
{
	struct race *race = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open_file(path, O_WRONLY), error;
	double ms;
	pid_t pid;

	if (race == MAP_FAILED)
		err(EXIT_BROKEN, "mmap");
	pid = fork();
	if (pid < 0)
		err(EXIT_BROKEN, "fork");
	if (!pid) {
		cancel_until_accepted(path, race);
		_exit(0);
	}
	while (!race->started)
		;
	race->start = now_ms();
	error = ask(fd, word);
	ms = now_ms() - race->start;
	race->ended = true;
	waitpid(pid, NULL, 0);
	printf("%d %.1f %lu %.1f %lu\n", error, ms, race->refused,
	       race->accepted ? race->accepted - race->start : -1,
	       race->missed);
	return 0;
}

static void read_all(const char *path)
{
	int fd = open_file(path, O_RDONLY);
	char buf[4096];
	ssize_t len;

	do {
		len = read(fd, buf, sizeof(buf));
	} while (len > 0);
	if (len < 0)
		err(EXIT_BROKEN, "%s", path);
	close(fd);
}

static int timed_reads(const char *path)
{
	double start, longest = 0;
	unsigned long reads;

	catch(SIGTERM);
	for (reads = 0; !stop; reads++) {
		start = now_ms();
		read_all(path);
		if (now_ms() - start > longest)
			longest = now_ms() - start;
		if (!reads) {
			puts("ready");
			fflush(stdout);
		}
	}
	printf("%lu %.1f\n", reads, longest);
	return 0;
}

int main(int argc, char **argv)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(EXIT_BROKEN, "mlockall");
	if (argc >= 4 && argc <= 5 && !strcmp(argv[1], "write"))
		return timed_write(argv[2], argv[3], argv[4]);
	if (argc == 4 && !strcmp(argv[1], "cancel"))
		return cancelled_write(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "read"))
		return timed_reads(argv[2]);
	errx(EXIT_BROKEN, "usage: timed write|cancel|read PATH [WORD [MS]]");
}
