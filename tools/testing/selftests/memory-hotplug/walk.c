// SPDX-License-Identifier: GPL-2.0
/*
 * walk: use files again and again
 *
 * usage: walk [-m] [-u UID] [-n PASSES] WORD...
 *
 * WORD is PATTERN[@FROM-TO][=TEXT[|TEXT...]].  A process for each word opens,
 * reads and closes every file that matches the pattern, in one pass after the
 * other; each pass matches the pattern anew, for files come and go.  @FROM-TO
 * limits a pass to these positions in the file; in /proc/kcore, to these
 * physical addresses of RAM.  With =TEXT a pass writes the text, the next one
 * of several in each pass.  A % in the text stands for a number from FROM to
 * TO, in steps of 512 with a write for each.  An empty text sets all bits of
 * the part.
 *
 * Goes on until SIGTERM, or with -n for so many passes; with -u as that user;
 * with -m (modest) others come first when they want a processor.
 * Says "ready" once it runs, and at the end for each word
 *
 *	PASSES BYTES ERRORS LONGEST TOTAL ERRNO WORD
 *
 * where LONGEST and TOTAL are nanoseconds of passes, and ERRNO the last error.
 *
 * Owns no decision about what must be in the files.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "pages.h"

#define AT_ONCE		65536UL
#define NUMBER_STEP	512
#define MAX_HEADERS	512
#define MAX_TEXTS	8
#define READY_WAITS	100
#define NICENESS	10

struct stats {
	uint64_t passes, bytes, errors, longest, total;
	int error;
};

struct word {
	const char *name;		/* as it was given */
	char *pattern;
	uint64_t from, to;		/* no part if they are equal */
	char *texts[MAX_TEXTS];
	unsigned int nr_texts;
	struct stats *stats;		/* shared with the process */
};

static volatile sig_atomic_t stop;
static char buffer[AT_ONCE];

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Count what a system call returned; false if there is no more to come. */
static bool count(struct stats *stats, ssize_t result)
{
	if (result < 0) {
		stats->errors++;
		stats->error = errno;
	} else {
		stats->bytes += result;
	}
	return result > 0;
}

/* Where /proc/kcore has a physical address; 0 if it does not have it. */
static uint64_t find_in_kcore(int fd, uint64_t addr)
{
	static Elf64_Phdr headers[MAX_HEADERS];
	Elf64_Ehdr head;
	ssize_t size;
	int i;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.e_phnum > MAX_HEADERS)
		return 0;
	size = head.e_phnum * sizeof(headers[0]);
	if (pread(fd, headers, size, head.e_phoff) != size)
		return 0;
	for (i = 0; i < head.e_phnum; i++)
		if (headers[i].p_type == PT_LOAD &&
		    addr >= headers[i].p_paddr &&
		    addr - headers[i].p_paddr < headers[i].p_memsz)
			return headers[i].p_offset + addr - headers[i].p_paddr;
	return 0;
}

/*
 * Read the part of a file, or write the buffer to it.  Where the next piece
 * begins is for the file to say: not all of them count bytes.
 */
static void use_part(const struct word *word, int fd, uint64_t at)
{
	uint64_t end = at + word->to - word->from;
	bool more = lseek(fd, at, SEEK_SET) == (off_t)at;

	while (more && at < end && !stop) {
		size_t size = end - at < AT_ONCE ? end - at : AT_ONCE;

		more = count(word->stats,
			     word->nr_texts ? write(fd, buffer, size) :
					      read(fd, buffer, size));
		at = lseek(fd, 0, SEEK_CUR);
	}
}

static void read_file(const struct word *word, int fd)
{
	uint64_t at = word->from;

	if (word->from == word->to) {
		while (!stop && count(word->stats, read(fd, buffer, AT_ONCE)))
			;
		return;
	}
	if (!strcmp(word->pattern, "/proc/kcore")) {
		at = find_in_kcore(fd, word->from);
		if (!at)
			return;
	}
	use_part(word, fd, at);
}

/* Write a text as it is, or once for each number that it has room for. */
static void write_text_of_pass(const struct word *word, int fd)
{
	const char *text = word->texts[word->stats->passes % word->nr_texts];
	const char *place = strchr(text, '%');
	uint64_t at;
	int len;

	if (!place) {
		count(word->stats, write(fd, text, strlen(text)));
		return;
	}
	for (at = word->from; at < word->to && !stop; at += NUMBER_STEP) {
		len = snprintf(buffer, sizeof(buffer), "%.*s%#llx%s",
			       (int)(place - text), text,
			       (unsigned long long)at, place + 1);
		count(word->stats, write(fd, buffer, len));
	}
}

static void use_file(const struct word *word, const char *path)
{
	int fd = open(path, word->nr_texts ? O_WRONLY : O_RDONLY);

	if (fd < 0) {
		count(word->stats, -1);
		return;
	}
	if (!word->nr_texts) {
		read_file(word, fd);
	} else if (*word->texts[0]) {
		write_text_of_pass(word, fd);
	} else {
		memset(buffer, 0xff, AT_ONCE);
		use_part(word, fd, word->from);
	}
	close(fd);
}

static void pass(const struct word *word)
{
	struct stats *stats = word->stats;
	uint64_t start = now(), spent;
	glob_t found;
	size_t i;

	if (!glob(word->pattern, GLOB_NOSORT, NULL, &found))
		for (i = 0; i < found.gl_pathc && !stop; i++)
			use_file(word, found.gl_pathv[i]);
	globfree(&found);
	spent = now() - start;
	if (spent > stats->longest)
		stats->longest = spent;
	stats->total += spent;
	stats->passes++;
}

static int walk(const struct word *word, unsigned long passes)
{
	const struct sigaction act = { .sa_handler = on_term };
	sigset_t term;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGTERM, &act, NULL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	while (!stop && (!passes || word->stats->passes < passes))
		pass(word);
	return 0;
}

static void parse(struct word *word, const char *name)
{
	char *copy = strdup(name), *part, *text;

	if (!copy)
		err(EXIT_BROKEN, "no memory");
	text = strchr(copy, '=');
	if (text)
		*text++ = 0;
	while (text && word->nr_texts < MAX_TEXTS)
		word->texts[word->nr_texts++] = strsep(&text, "|");
	part = strchr(copy, '@');
	if (part) {
		*part++ = 0;
		word->from = strtoull(part, &part, 0);
		word->to = *part ? strtoull(part + 1, NULL, 0) : 0;
		if (word->from >= word->to)
			errx(EXIT_BROKEN, "no part of a file: %s", name);
	}
	word->name = name;
	word->pattern = copy;
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		err(EXIT_BROKEN, "cannot be user %u", uid);
}

static pid_t start(const struct word *word, unsigned long passes)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_BROKEN, "fork");
	if (!pid)
		_exit(walk(word, passes));
	return pid;
}

/* Say that all have made a pass, or have been at it for a while. */
static void say_ready(const struct word *words, int nr)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int i, waits = 0;

	for (i = 0; i < nr; i++)
		while (!words[i].stats->passes && waits++ < READY_WAITS)
			nanosleep(&pause, NULL);
	puts("ready");
	fflush(stdout);
}

static void tell(const struct word *word)
{
	const struct stats *stats = word->stats;

	printf("%llu %llu %llu %llu %llu %d %s\n",
	       (unsigned long long)stats->passes,
	       (unsigned long long)stats->bytes,
	       (unsigned long long)stats->errors,
	       (unsigned long long)stats->longest,
	       (unsigned long long)stats->total, stats->error, word->name);
}

static void run(struct word *words, int nr, unsigned long passes)
{
	pid_t *pids = calloc(nr, sizeof(*pids));
	sigset_t term;
	int i, sig;

	if (!pids)
		err(EXIT_BROKEN, "no memory");
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (i = 0; i < nr; i++)
		pids[i] = start(&words[i], passes);
	if (!passes) {
		say_ready(words, nr);
		sigwait(&term, &sig);
		for (i = 0; i < nr; i++)
			kill(pids[i], SIGTERM);
	}
	while (wait(NULL) > 0)
		;
	for (i = 0; i < nr; i++)
		tell(&words[i]);
}

int main(int argc, char **argv)
{
	unsigned long passes = 0;
	struct stats *stats;
	struct word *words;
	long uid = -1;
	int nr, i, opt;

	while ((opt = getopt(argc, argv, "mu:n:")) > 0) {
		if (opt == 'm' && nice(NICENESS) < 0)
			err(EXIT_BROKEN, "nice");
		else if (opt == 'u')
			uid = atol(optarg);
		else if (opt == 'n')
			passes = strtoul(optarg, NULL, 0);
	}
	nr = argc - optind;
	if (nr < 1)
		errx(EXIT_BROKEN, "usage: walk [-m] [-u UID] [-n PASSES] WORD");
	words = calloc(nr, sizeof(*words));
	stats = mmap(NULL, nr * sizeof(*stats), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!words || stats == MAP_FAILED)
		err(EXIT_BROKEN, "no memory");
	for (i = 0; i < nr; i++) {
		words[i].stats = &stats[i];
		parse(&words[i], argv[optind + i]);
	}
	if (uid >= 0)
		become(uid);
	run(words, nr, passes);
	return 0;
}
